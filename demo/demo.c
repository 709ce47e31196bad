/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demo: runs an agent's tools in a workspace through templates and through
 * posix_spawn, in turn and with the order changed each time, and compares what
 * the tools print and how they end, byte for byte. A difference ends the demo.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/measure/number.h"
#include "shared/measure/progress.h"
#include "demo.h"
#include "spawn_template.h"

#define FAILED 1
#define USAGE 2
#define DIFFERENT 3

static const char usage[] =
	"usage: demo [options] WORKSPACE\n"
	"\n"
	"Runs the tools of an agent in WORKSPACE, which demo/workspace.sh "
	"makes,\n"
	"through templates and through posix_spawn, and compares both.\n"
	"\n"
	"  --rounds N     at most so many rounds (500)\n"
	"  --seconds N    at most so long (45)\n"
	"  --out DIR      write demo.json and demo.dat there\n"
	"  --json         print JSON in place of a table\n"
	"  --help         print this\n"
	"\n"
	"Exit status: 0; 1 something went wrong; 2 wrong usage; 3 the two ways\n"
	"gave different output.\n";

static int parse_options(struct demo *d, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			err = number_parse("demo", optarg, 1000000,
					   &d->rounds_wanted);
			break;
		case 't':
			err = number_parse("demo", optarg, 1000000,
					   &d->seconds_wanted);
			break;
		case 'o':
			d->out = optarg;
			break;
		case 'j':
			d->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			err = -EINVAL;
		}
	}
	if (err || optind + 1 != argc) {
		fprintf(stderr, "Try 'demo --help'.\n");
		return -EINVAL;
	}
	d->workspace = realpath(argv[optind], NULL);
	if (!d->workspace) {
		fprintf(stderr, "demo: %s: %m; demo/workspace.sh makes it\n",
			argv[optind]);
		return -errno;
	}
	return 0;
}

/*
 * The tools' environment: the caller's PATH, and nothing else of the caller's.
 */
static char **make_environment(const char *workspace)
{
	const char *path = getenv("PATH");
	size_t n = 0, given = 0;
	char **envp;

	while (tool_environment[given])
		given++;
	envp = calloc(given + 3, sizeof(*envp));
	if (!envp || asprintf(&envp[n++], "HOME=%s", workspace) < 0 ||
	    asprintf(&envp[n++], "PATH=%s", path ? path : "/usr/bin:/bin") < 0)
		return NULL;
	for (size_t i = 0; i < given; i++)
		envp[n++] = (char *)tool_environment[i];
	return envp;
}

static void leave_out(struct job *j, const char *why)
{
	j->left_out = strdup(why);
}

/*
 * Makes a template of the tool, which may be a script, such as the shim of a
 * version manager.
 */
static int find_tool(const char *program)
{
	const uint64_t flags = SPAWN_TEMPLATE_CREATE_CLOEXEC;
	int tfd = spawn_template_search(program, NULL, flags);

	if (tfd == -ENOEXEC)
		tfd = spawn_template_search(
			program, NULL, flags | SPAWN_TEMPLATE_CREATE_SCRIPT);
	if (tfd == -ENOENT && strrchr(program, '/'))
		return find_tool(strrchr(program, '/') + 1);
	return tfd;
}

static int open_job(struct demo *d, struct job *j)
{
	const char *below = j->tool->directory ? j->tool->directory : ".";
	struct spawn_template_stat st;
	int err;

	j->tfd = find_tool(j->tool->program);
	if (j->tfd < 0) {
		leave_out(j, j->tfd == -ENOENT ? "not installed"
					       : strerror(-j->tfd));
		return 0;
	}
	err = spawn_template_stat(j->tfd, &st, sizeof(st));
	if (err)
		return err;
	j->path = strdup(st.path);
	if (!j->path ||
	    asprintf(&j->directory, "%s/%s", d->workspace, below) < 0)
		return -ENOMEM;
	return 0;
}

static int run_once(struct demo *d, struct job *j, enum way way)
{
	struct launch_spec spec = {
		.path = j->path,
		.tfd = j->tfd,
		.argv = (char *const *)j->tool->argv,
		.envp = d->envp,
		.cwd = j->directory,
		.stdio = { d->null_fd },
	};
	int err = capture_run(&spec, way, &j->last[way]);

	if (err)
		fprintf(stderr, "demo: %s: %s\n", j->tool->name,
			strerror(-err));
	return err;
}

/* Returns DIFFERENT if the two ways are not the same. */
static int compare(const struct job *j)
{
	const struct capture *t = &j->last[WAY_TEMPLATE];
	const struct capture *p = &j->last[WAY_POSIX_SPAWN];

	if (capture_same(t, p))
		return 0;
	fprintf(stderr, "demo: %s: the two ways differ\n", j->tool->name);
	capture_print_difference(t, p, stderr);
	return DIFFERENT;
}

/* Runs the tool both ways; the order changes from one run to the next. */
static int run_pair(struct demo *d, struct job *j)
{
	enum way first = j->runs % WAYS, second = (j->runs + 1) % WAYS;
	int err = run_once(d, j, first);

	if (!err)
		err = run_once(d, j, second);
	if (err)
		return FAILED;
	for (int w = 0; w < WAYS && !err; w++) {
		const struct capture *c = &j->last[w];

		err = samples_add(&j->blocked[w], (double)c->blocked_ns / 1e3);
		if (!err)
			err = samples_add(&j->to_exit[w],
					  (double)c->to_exit_ns / 1e3);
	}
	j->runs++;
	return err ? FAILED : compare(j);
}

/*
 * Runs the first pair, which fills caches and is not measured. It tells whether
 * the tool does here what the demo expects. Its outputs are compared, too.
 */
static int try_job(struct demo *d, struct job *j)
{
	const struct capture *p = &j->last[WAY_POSIX_SPAWN];
	char why[80];

	if (run_once(d, j, WAY_POSIX_SPAWN) || run_once(d, j, WAY_TEMPLATE))
		return FAILED;
	if (p->code != CLD_EXITED || p->status || !p->out.length) {
		snprintf(why, sizeof(why), "%s %d, with %zu bytes of output",
			 p->code == CLD_EXITED ? "exit status" : "signal",
			 p->status, p->out.length);
		leave_out(j, why);
	}
	return compare(j);
}

static int start(struct demo *d)
{
	size_t left = 0;

	d->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	d->envp = make_environment(d->workspace);
	d->jobs = calloc(n_tools, sizeof(*d->jobs));
	if (d->null_fd < 0 || !d->envp || !d->jobs)
		return FAILED;
	for (size_t i = 0; i < n_tools; i++) {
		struct job *j = &d->jobs[i];
		int err;

		j->tool = &tools[i];
		err = open_job(d, j);
		if (err) {
			fprintf(stderr, "demo: %s: %s\n", j->tool->name,
				strerror(-err));
			return FAILED;
		}
		if (!j->left_out)
			err = try_job(d, j);
		if (err)
			return err;
		left += !j->left_out;
	}
	if (left)
		return 0;
	fprintf(stderr, "demo: none of the tools is here; see PATH\n");
	return FAILED;
}

static int run_rounds(struct demo *d)
{
	struct progress p = progress_start();
	uint64_t began = now_ns();
	int err = 0;

	while (!err && d->rounds < d->rounds_wanted &&
	       d->seconds < d->seconds_wanted) {
		double by_rounds = (double)d->rounds / d->rounds_wanted;

		for (size_t i = 0; i < n_tools && !err; i++) {
			struct job *j = &d->jobs[i];
			double by_time = d->seconds / d->seconds_wanted;

			progress_show(&p,
				      by_time > by_rounds ? by_time : by_rounds,
				      j->tool->name);
			if (!j->left_out && d->rounds % j->tool->every == 0)
				err = run_pair(d, j);
			d->seconds = (double)(now_ns() - began) / 1e9;
		}
		d->rounds++;
	}
	progress_end(&p);
	return err;
}

static int write_file(const struct demo *d, const char *name,
		      int (*write_it)(const struct demo *, FILE *))
{
	char path[4096];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "%s/%s", d->out, name);
	f = fopen(path, "we");
	if (!f) {
		fprintf(stderr, "demo: %s: %m\n", path);
		return FAILED;
	}
	err = write_it(d, f);
	if (fclose(f))
		err = -EIO;
	return err ? FAILED : 0;
}

static int report(struct demo *d)
{
	int err = report_compute(d);

	if (err)
		return FAILED;
	if (d->json)
		err = report_json(d, stdout);
	else
		report_table(d, stdout);
	if (!err && d->out)
		err = write_file(d, "demo.json", report_json);
	if (!err && d->out)
		err = write_file(d, "demo.dat", report_columns);
	return err ? FAILED : 0;
}

static void finish(struct demo *d)
{
	for (size_t i = 0; d->jobs && i < n_tools; i++) {
		struct job *j = &d->jobs[i];

		for (int w = 0; w < WAYS; w++) {
			samples_free(&j->blocked[w]);
			samples_free(&j->to_exit[w]);
			capture_free(&j->last[w]);
		}
		if (j->tfd > 0)
			spawn_template_close(j->tfd);
		free(j->left_out);
		free(j->path);
		free(j->directory);
	}
	free(d->jobs);
	if (d->envp) {
		free(d->envp[0]);
		free(d->envp[1]);
		free(d->envp);
	}
	free((char *)d->workspace);
}

int main(int argc, char **argv)
{
	struct demo d = {
		.rounds_wanted = 500,
		.seconds_wanted = 45,
		.null_fd = -1,
	};
	int status;

	if (parse_options(&d, argc, argv))
		return USAGE;
	status = start(&d);
	if (!status)
		status = run_rounds(&d);
	if (!status)
		status = report(&d);
	finish(&d);
	return status;
}
