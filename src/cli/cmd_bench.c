/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template bench: launches one program in four ways in turn, with the
 * same work in each (shared/measure/launchers.h describes it). It measures how
 * long the call blocks its caller, and the time from the call until the caller
 * has seen the exit. With --warm, a template with prepared processes is a fifth
 * way.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/clock.h"
#include "cli/cli.h"
#include "cli/warm/warm.h"
#include "shared/measure/launchers.h"
#include "shared/measure/stats.h"

extern char **environ;

#define WARM_UP 5 /* rounds before the counted ones */
#define PREPARED LAUNCH_METHODS /* the fifth way */
#define WAYS (LAUNCH_METHODS + 1)
#define READY_MOST (3000 * ST_MS)

struct bench_options {
	long rounds;
	int64_t time_ns;
	bool json;
	uint64_t warm; /* CREATE_WARM_*; 0: without the fifth way */
	char **argv;
};

struct bench {
	const struct bench_options *options;
	struct spawn_template_stat st;
	char cwd[PATH_MAX];
	int null, tfd, warm_tfd;
	int ways; /* that are measured */
	struct launch_plan plan, warm_plan;
	struct samples blocked[WAYS], to_exit[WAYS];
	long rounds; /* counted */
	int code, signal; /* the program's last end */
};

/* ---- measuring */

static const char *way_name(const struct bench *b, int way)
{
	if (way != PREPARED)
		return launch_name((enum launch_method)way);
	if (b->options->warm == SPAWN_TEMPLATE_CREATE_WARM_ONCE)
		return "warm once";
	return b->options->warm & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME &&
			       names_python(b->st.path)
		       ? "warm python"
		       : "warm fork";
}

static uint64_t warm_count(const struct bench *b)
{
	static struct spawn_template_stat st;

	if (b->warm_tfd < 0 ||
	    spawn_template_stat(b->warm_tfd, &st, sizeof(st)))
		return 0;
	return st.warm;
}

static int launch_way(struct bench *b, int way, struct launched *l)
{
	/* no launch shares the processor with a preparation */
	if (b->warm_tfd >= 0)
		warm_await(b->warm_tfd, READY_MOST);
	return way == PREPARED ? launch(&b->warm_plan, LAUNCH_TEMPLATE, l)
			       : launch(&b->plan, (enum launch_method)way, l);
}

/* Return: 0 or -errno. */
static int measure(struct bench *b, int way, bool counted)
{
	uint64_t warm = way == PREPARED ? warm_count(b) : 0;
	struct launched l;
	struct rusage usage;
	siginfo_t info;
	double blocked, to_exit;
	int err = launch_way(b, way, &l);

	if (err)
		return err;
	err = launch_wait(&l, &info, &usage);
	to_exit = (double)(st_now() - (int64_t)l.start_ns);
	blocked = (double)(l.return_ns - l.start_ns);
	if (l.pidfd >= 0)
		close(l.pidfd);
	if (err)
		return err;
	b->code = info.si_code == CLD_EXITED ? info.si_status : -1;
	b->signal = info.si_code == CLD_EXITED ? -1 : info.si_status;
	if (!counted || (way == PREPARED && warm_count(b) == warm))
		return 0;
	err = samples_add(&b->blocked[way], blocked);
	return err ? err : samples_add(&b->to_exit[way], to_exit);
}

/* Begin each round with another method, so that none has the best place. */
static int measure_round(struct bench *b, long round, bool counted)
{
	for (int i = 0; i < b->ways; i++) {
		int err = measure(b, (int)((round + i) % b->ways), counted);

		if (err)
			return err;
	}
	return 0;
}

static int measure_rounds(struct bench *b)
{
	int64_t end = st_now() + b->options->time_ns;
	int err = 0;

	for (long i = 0; i < WARM_UP && !err; i++)
		err = measure_round(b, i, false);
	while (!err && b->rounds < b->options->rounds &&
	       (b->rounds == 0 || st_now() < end))
		err = measure_round(b, b->rounds++, true);
	for (int i = 0; i < b->ways && !err; i++) {
		err = samples_sort(&b->blocked[i]);
		if (!err)
			err = samples_sort(&b->to_exit[i]);
	}
	return err;
}

/* ---- printing */

static double us(double ns)
{
	return ns / 1000;
}

static struct ratio ratio_of(const struct samples *all, int method)
{
	struct ratio r = { 0 };

	samples_ratio(&all[method], &all[LAUNCH_POSIX_SPAWN], &r);
	return r;
}

static void print_times(const struct samples *all, int method)
{
	struct ratio r = ratio_of(all, method);

	out_lines(" %7.1f %6.0f  ", us(samples_percentile(&all[method], 50)),
		  us(samples_percentile(&all[method], 99)));
	out_lines("%4.2f (%4.2f-%4.2f)", r.value, r.low, r.high);
}

static void print_methods(const struct bench *b)
{
	out_styled(OUT_BOLD, "%s", b->st.path);
	out_lines(", %ld rounds; us, and ratios of medians to posix_spawn "
		  "(95 %%)\n\n",
		  b->rounds);
	out_lines("%-11s %-32s %s\n", "", "the call blocks", "call to exit");
	out_lines("%-11s %7s %6s  %-16s", "", "p50", "p99", "ratio");
	out_lines(" %7s %6s  %s\n", "p50", "p99", "ratio");
	for (int i = b->ways - 1; i >= 0; i--) {
		out_lines("%-11s", way_name(b, i));
		print_times(b->blocked, i);
		print_times(b->to_exit, i);
		out_lines("\n");
	}
	if (b->rounds < b->options->rounds)
		out_lines("\nStopped after %ld of %ld rounds: the time was up "
			  "(--seconds).\n",
			  b->rounds, b->options->rounds);
	if (b->signal >= 0)
		out_lines("\nThe program was ended by %s.\n",
			  name_signal(b->signal));
	else if (b->code)
		out_lines("\nThe program ended with status %d.\n", b->code);
}

static json_t *times_json(const struct samples *all, int method)
{
	struct ratio r = ratio_of(all, method);

	return json_pack("{s:f, s:f, s:f, s:[f,f]}", "p50_ns",
			 samples_percentile(&all[method], 50), "p99_ns",
			 samples_percentile(&all[method], 99),
			 "ratio_to_posix_spawn", r.value, "ratio_interval",
			 r.low, r.high);
}

static json_t *bench_json(const struct bench *b)
{
	json_t *methods = json_object(), *command = json_array();

	for (char **arg = b->options->argv; *arg; arg++)
		json_array_append_new(command, out_text(*arg));
	for (int i = 0; i < b->ways; i++)
		json_object_set_new(methods, way_name(b, i),
				    json_pack("{s:o, s:o}", "blocked",
					      times_json(b->blocked, i),
					      "to_exit",
					      times_json(b->to_exit, i)));
	return json_pack(
		"{s:o, s:o, s:I, s:I, s:o, s:s?, s:o}", "command", command,
		"path", out_text(b->st.path), "rounds", (json_int_t)b->rounds,
		"rounds_asked", (json_int_t)b->options->rounds, "exit_code",
		b->code >= 0 ? json_integer(b->code) : json_null(), "signal",
		b->signal >= 0 ? name_signal(b->signal) : NULL, "methods",
		methods);
}

/* ---- set-up */

/*
 * Make a template with prepared processes: the second launch has one prepared.
 * Return: 0, or an exit code after a message.
 */
static int prepare_warm(struct bench *b, struct launch_spec *spec)
{
	struct launched l;
	struct rusage usage;
	siginfo_t info;
	int err;

	spec->tfd = launch_template_warm(
		b->st.path, b->options->warm | SPAWN_TEMPLATE_CREATE_NO_GUARD,
		NULL);
	err = spec->tfd < 0 ? spec->tfd : launch_prepare(&b->warm_plan, spec);
	if (err)
		goto out;
	b->warm_tfd = spec->tfd;
	for (int i = 0; i < 2 && !err; i++) {
		err = launch(&b->warm_plan, LAUNCH_TEMPLATE, &l);
		if (!err)
			err = launch_wait(&l, &info, &usage);
		if (!err && l.pidfd >= 0)
			close(l.pidfd);
	}
	if (!err && !warm_await(b->warm_tfd, READY_MOST)) {
		out_error("launches of %s cannot be prepared", b->st.path);
		out_remedy("'spawn-template warm' tells why");
		return CLI_FAILED;
	}
out:
	if (!err)
		return 0;
	out_error("cannot prepare: %s", strerror(-err));
	return CLI_FAILED;
}

/* Return: 0, or an exit code after a message. */
static int bench_prepare(struct bench *b)
{
	struct launch_spec spec = {
		.argv = b->options->argv,
		.envp = environ,
		.cwd = b->cwd,
	};
	int err;

	b->tfd = launch_template(b->options->argv[0], 0);
	if (b->tfd < 0)
		return launch_explain_create(b->options->argv[0], -b->tfd);
	b->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	err = spawn_template_stat(b->tfd, &b->st, sizeof(b->st));
	if (b->null < 0 || err || !getcwd(b->cwd, sizeof(b->cwd))) {
		out_error("cannot prepare: %s", strerror(err ? -err : errno));
		return CLI_FAILED;
	}
	spec.path = b->st.path;
	spec.tfd = b->tfd;
	spec.stdio[0] = spec.stdio[1] = spec.stdio[2] = b->null;
	err = launch_prepare(&b->plan, &spec);
	if (err) {
		out_error("cannot prepare: %s", strerror(-err));
		return CLI_FAILED;
	}
	return b->options->warm ? prepare_warm(b, &spec) : 0;
}

static int bench_and_tell(struct bench *b)
{
	int err = measure_rounds(b);

	if (err) {
		out_error("a launch of %s failed: %s", b->st.path,
			  strerror(-err));
		out_remedy("'spawn-template run' tells more of it");
		return CLI_NOT_LAUNCHABLE;
	}
	if (b->options->json)
		return out_json(STDOUT_FILENO, bench_json(b),
				JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	print_methods(b);
	return 0;
}

static int bench_run(const struct bench_options *options)
{
	struct bench *b = calloc(1, sizeof(*b));
	int status;

	if (!b) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	b->options = options;
	b->null = b->tfd = b->warm_tfd = -1;
	b->ways = options->warm ? WAYS : LAUNCH_METHODS;
	status = bench_prepare(b);
	if (!status) {
		status = bench_and_tell(b);
		launch_unprepare(&b->plan);
	}
	if (b->warm_tfd >= 0) {
		launch_unprepare(&b->warm_plan);
		spawn_template_close(b->warm_tfd);
	}
	for (int i = 0; i < WAYS; i++) {
		samples_free(&b->blocked[i]);
		samples_free(&b->to_exit[i]);
	}
	if (b->null >= 0)
		close(b->null);
	if (b->tfd >= 0)
		spawn_template_close(b->tfd);
	free(b);
	return status;
}

/* Return: 0; an exit code after a message; or -1 if help was asked for. */
static int read_options(struct bench_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "warm", optional_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (parse_number(optarg, 10, 1, 1000000, &o->rounds))
				return out_bad_usage("--rounds %s: not from 1 "
						     "to 1000000",
						     optarg);
			break;
		case 's':
			if (parse_duration(optarg, &o->time_ns))
				return out_bad_usage("--seconds %s: not a "
						     "duration",
						     optarg);
			break;
		case 'w':
			if (read_warm(optarg, &o->warm))
				return CLI_FAILED;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			return -1;
		default:
			return out_bad_option(c, argv);
		}
	}
	if (optind < argc)
		o->argv = argv + optind;
	return 0;
}

static int bench_main(int argc, char **argv)
{
	static char *by_default[] = { "/bin/true", NULL };
	struct bench_options o = {
		.rounds = 500,
		.time_ns = INT64_C(10000000000),
		.argv = by_default,
	};
	int status = read_options(&o, argc, argv);

	if (status > 0)
		return status;
	if (status == 0)
		return bench_run(&o);
	out_lines("%s", cmd_bench.help);
	return 0;
}

const struct command cmd_bench = {
	.name = "bench",
	.summary = "time one program, launched by four methods",
	.help = "Usage: spawn-template bench [OPTIONS] [--] [PROGRAM "
		"[ARGUMENTS]]\n"
		"\n"
		"Launch PROGRAM (default /bin/true) by fork, vfork, "
		"posix_spawn and a template in\n"
		"turn, with its input and output on /dev/null and the same "
		"work done by each:\n"
		"three dup2, one chdir, closing the other descriptors, "
		"SIGPIPE and signal mask.\n"
		"\n"
		"  --rounds N      launches by each method; default 500\n"
		"  --seconds TIME  stop after TIME; default 10\n"
		"  --warm[=WAY]    launch from a template with prepared "
		"processes, too: once,\n"
		"                  fork, python; default python, which is "
		"fork for others\n"
		"  --json          print a JSON object\n"
		"  -h, --help      print this help\n"
		"\n"
		"Exit status: 0; 125 for errors; 126 if PROGRAM cannot be "
		"launched; 127 if it was\n"
		"not found.\n",
	.main = bench_main,
};
