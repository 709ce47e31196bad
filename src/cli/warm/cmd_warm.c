/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template warm: tells for each program whether its launches can be prepared,
 * by which way, what that gains here and what it costs in memory. This file reads the
 * options, and prints what measure.c has found.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/stat_names.h"
#include "cli/text_table.h"
#include "cli/warm/warm.h"
#include "shared/measure/progress.h"
#include "shared/measure/values.h"

#define NOT_PREPARED 1 /* exit status */

struct warm_options {
	long rounds;
	int64_t time_ns;
	bool json;
	char **arguments; /* behind argv[0], if they are given */
	size_t n_arguments;
	bool given;
	const char *modules; /* that Pythons import ahead; NULL: none */
	const char *profile; /* that session shells source; NULL: none */
};

struct report {
	const struct warm_options *options;
	struct text_table table;
	json_t *list;
	struct progress progress;
	size_t done, total; /* programs */
	const char *name; /* of the program under way */
	int status;
};

/* ---- for people */

static const struct text_column columns[] = {
	{ "PROGRAM", .keep_end = true, .min = 8 },
	{ "WAY", .right = false },
	{ "BLOCKED us", .right = true },
	{ "RATIO", .right = true },
	{ "TO EXIT us", .right = true },
	{ "RATIO (95 %)", .right = true },
	{ "WAITING", .right = true, .drop = 1 },
	{ "PRIVATE", .right = true },
	{ "PSS", .right = true, .drop = 2 },
};

static void add_times(struct text_table *table, const struct warm_times *times,
		      const struct warm_times *cold)
{
	struct ratio blocked, to_exit;

	if (samples_ratio(&times->blocked, &cold->blocked, &blocked) ||
	    samples_ratio(&times->to_exit, &cold->to_exit, &to_exit)) {
		for (int i = 0; i < 4; i++)
			text_cell(table, "-");
		return;
	}
	text_cell(table, "%.0f", samples_median(&times->blocked) / 1000);
	text_cell(table, "%.2f", blocked.value);
	text_cell(table, "%.0f", samples_median(&times->to_exit) / 1000);
	if (times == cold)
		text_cell(table, "1");
	else
		text_cell(table, "%.2f (%.2f-%.2f)", to_exit.value, to_exit.low,
			  to_exit.high);
}

/* The name of a way: what a runtime is prepared for tells. */
static const char *way_name(const struct warm_options *o, enum warm_way way)
{
	return way == WAY_PYTHON && o->profile ? "session" : warm_way_name(way);
}

static void add_rows(struct text_table *table, const struct warm_options *o,
		     const char *name, const struct warm_program *p)
{
	text_row(table, OUT_PLAIN);
	text_cell(table, "%s", name);
	text_cell(table, "cold");
	add_times(table, &p->cold, &p->cold);
	for (int i = 0; i < WARM_WAYS; i++) {
		const struct warm_fact *fact = &p->way[i];

		if (!fact->tried)
			continue;
		text_row(table, OUT_PLAIN);
		text_cell(table, "%s", "");
		text_cell(table, "%s", way_name(o, (enum warm_way)i));
		if (!fact->prepared) {
			text_cell(table, "cannot be prepared");
			continue;
		}
		add_times(table, &fact->times, &p->cold);
		text_cell(table, "%u", fact->processes);
		text_cell(table, "%llu KiB",
			  (unsigned long long)fact->private_bytes >> 10);
		text_cell(table, "%llu KiB",
			  (unsigned long long)fact->pss >> 10);
	}
}

static void add_refusal(struct text_table *table, const char *name,
			const char *text)
{
	text_row(table, OUT_WARN);
	text_cell(table, "%s", name);
	text_cell(table, "%s", text);
}

static size_t table_width(void)
{
	return isatty(STDOUT_FILENO) ? 80 : 0;
}

static int print_table(const struct report *r)
{
	int status = text_table_print(out_stream(STDOUT_FILENO), &r->table,
				      table_width(), SIZE_MAX);

	if (status)
		return status;
	out_lines("\nMedians of launches one at a time; ratios to a cold "
		  "launch. PRIVATE and PSS\n"
		  "are the memory of all processes that wait for a launch.\n");
	return 0;
}

/* ---- for programs */

static json_t *times_json(const struct samples *all, const struct samples *cold)
{
	struct ratio r;
	json_t *o;

	if (!all->count)
		return json_null();
	o = json_pack("{s:o, s:o}", "p50_ns", value_json(samples_median(all)),
		      "p99_ns", value_json(samples_percentile(all, 99)));
	if (cold && samples_ratio(all, cold, &r) == 0) {
		json_object_set_new(o, "ratio_to_cold", value_json(r.value));
		json_object_set_new(o, "ratio_interval",
				    json_pack("[o,o]", value_json(r.low),
					      value_json(r.high)));
	}
	return o;
}

static json_t *reasons_json(const uint64_t *counts)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < SPAWN_TEMPLATE_COLD_REASONS_MAX; i++)
		if (counts[i])
			json_object_set_new(
				o, st_name_cold(i) ? st_name_cold(i) : "other",
				json_integer((json_int_t)counts[i]));
	return o;
}

static json_t *way_json(const struct warm_program *p, enum warm_way way)
{
	const struct warm_fact *f = &p->way[way];

	if (!f->tried)
		return json_null();
	return json_pack(
		"{s:b, s:o, s:I, s:I, s:o, s:o, s:o, s:i, s:o, s:o}",
		"prepared", f->prepared, "prepare_ns",
		f->prepared ? json_integer(f->prepare_ns) : json_null(), "warm",
		(json_int_t)f->warm, "cold", (json_int_t)f->cold,
		"cold_reasons", reasons_json(f->cold_reasons), "blocked",
		times_json(&f->times.blocked, &p->cold.blocked), "to_exit",
		times_json(&f->times.to_exit, &p->cold.to_exit), "processes",
		(int)f->processes, "pss_bytes",
		f->processes ? json_integer((json_int_t)f->pss) : json_null(),
		"private_bytes",
		f->processes ? json_integer((json_int_t)f->private_bytes)
			     : json_null());
}

static json_t *program_json(const struct report *r, char **argv,
			    const struct warm_program *p,
			    const struct warm_why *why)
{
	json_t *command = json_array();

	for (char **arg = argv; *arg; arg++)
		json_array_append_new(command, out_text(*arg));
	return json_pack(
		"{s:o, s:o, s:o, s:b, s:s?, s:s?, s:s?, s:b, s:I, s:o, s:s?, "
		"s:{s:o, s:o}, s:o, s:o, s:o, s:o}",
		"name", out_text(argv[0]), "path", out_text(p->st.path),
		"command", command, "prepared", warm_can(p), "reason", why->id,
		"message", why->id ? why->text : NULL, "remedy", why->remedy,
		"ended_by_itself", !p->slow, "rounds", (json_int_t)p->rounds,
		"exit_code", out_number(p->code), "signal",
		p->signal >= 0 ? name_signal(p->signal) : NULL, "cold",
		"blocked", times_json(&p->cold.blocked, NULL), "to_exit",
		times_json(&p->cold.to_exit, NULL), "once",
		way_json(p, WAY_ONCE), "fork", way_json(p, WAY_FORK), "python",
		r->options->profile ? json_null() : way_json(p, WAY_PYTHON),
		"session",
		r->options->profile ? way_json(p, WAY_PYTHON) : json_null());
}

static json_t *error_json(const char *name, int error)
{
	return json_pack("{s:o, s:{s:s, s:i, s:s}}", "name", out_text(name),
			 "error", "name", name_errno(error), "errno", error,
			 "message", strerror(error));
}

/* ---- one program after the other */

static void show_progress(void *data, double done)
{
	struct report *r = data;

	progress_show(&r->progress, ((double)r->done + done) / (double)r->total,
		      r->name);
}

static void clear_progress(struct report *r)
{
	progress_end(&r->progress);
	r->progress.drawn_ns = 0;
}

static int explain_error(const char *name, int error, bool launching)
{
	if (!launching)
		return launch_explain_create(name, error);
	out_error("a launch of %s failed: %s", name, strerror(error));
	out_remedy("'spawn-template run' tells more of it");
	return CLI_NOT_LAUNCHABLE;
}

static void add_program(struct report *r, char **argv,
			const struct warm_program *p)
{
	struct warm_why why = { 0 };
	bool modules = warm_why_modules(p, r->options->modules, &why);

	if (!warm_can(p) && !modules)
		warm_why(p, &why);
	if ((!warm_can(p) || modules) && !r->status)
		r->status = NOT_PREPARED;
	if (r->list)
		json_array_append_new(r->list, program_json(r, argv, p, &why));
	else if (warm_can(p))
		add_rows(&r->table, r->options, argv[0], p);
	else
		add_refusal(&r->table, argv[0], "cold only");
	if (r->list || !why.id)
		return;
	clear_progress(r);
	out_error("%s cannot %s: %s", argv[0],
		  warm_can(p) ? "import these modules ahead" : "be prepared",
		  why.text);
	if (why.remedy)
		out_remedy("%s", why.remedy);
}

static void measure_one(struct report *r, char **argv)
{
	struct warm_program program;
	const struct warm_spec spec = {
		.name = argv[0],
		.argv = argv,
		.rounds = r->options->rounds,
		.time_ns = r->options->time_ns,
		.profile = r->options->profile,
		.modules = r->options->modules,
		.progress = show_progress,
		.data = r,
	};
	bool launching;
	int err;

	r->name = argv[0];
	show_progress(r, 0);
	err = warm_measure(&spec, &program, &launching);
	if (!err) {
		add_program(r, argv, &program);
	} else {
		clear_progress(r);
		r->status = explain_error(argv[0], -err, launching);
		if (r->list)
			json_array_append_new(r->list,
					      error_json(argv[0], -err));
	}
	warm_program_free(&program);
	r->done++;
}

/* Fill in what is behind argv[0]: a Python that only tells its version has no start. */
static void set_arguments(const struct warm_options *o, char **argv)
{
	static char version[] = "--version", c[] = "-c", pass[] = "pass",
		    nothing[] = ":";
	char *python[] = { c, pass, NULL }, *other[] = { version, NULL };
	char *session[] = { c, nothing, NULL };
	char **from = o->profile	      ? session
		      : names_python(argv[0]) ? python
					      : other;
	size_t n = 0;

	if (o->given)
		from = o->arguments;
	while (from[n]) {
		argv[n + 1] = from[n];
		n++;
	}
	argv[n + 1] = NULL;
}

static int measure_all(const struct warm_options *o, char **names, size_t n)
{
	char **argv = calloc(o->n_arguments + 4, sizeof(*argv));
	struct report r = {
		.options = o,
		.table = { .columns = columns, .n_columns = COUNT(columns) },
		.progress = progress_start(),
		.total = n,
	};
	int status = 0;

	if (!argv) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	if (o->json)
		r.list = json_array();
	for (; *names; names++) {
		argv[0] = *names;
		set_arguments(o, argv);
		measure_one(&r, argv);
	}
	clear_progress(&r);
	if (o->json)
		status = out_json(STDOUT_FILENO, r.list,
				  JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	else if (r.table.n_rows)
		status = print_table(&r);
	text_table_free(&r.table);
	free(argv);
	return status ? status : r.status;
}

/* ---- options */

enum { OPT_ARG = 256, OPT_NO_ARGS, OPT_MODULES, OPT_PROFILE };

/* Return: 0; an exit code after a message; or -1 if help was asked for. */
static int read_options(struct warm_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "arg", required_argument, NULL, OPT_ARG },
		{ "no-args", no_argument, NULL, OPT_NO_ARGS },
		{ "modules", required_argument, NULL, OPT_MODULES },
		{ "profile", required_argument, NULL, OPT_PROFILE },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (parse_number(optarg, 10, 1, 1000000, &o->rounds))
				return out_bad_usage("--rounds %s: not from 1 "
						     "to 1000000",
						     optarg);
			break;
		case 's':
			if (read_duration("--seconds", optarg, &o->time_ns))
				return CLI_FAILED;
			break;
		case OPT_ARG:
		case OPT_NO_ARGS:
			o->given = true;
			if (c == OPT_ARG)
				o->arguments[o->n_arguments++] = optarg;
			break;
		case OPT_MODULES:
			if (read_modules(optarg, &o->modules))
				return CLI_FAILED;
			break;
		case OPT_PROFILE:
			if (read_profile_path(optarg, &o->profile))
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
	if (optind == argc)
		return out_bad_usage("name at least one program");
	if (o->profile && o->given &&
	    (o->n_arguments < 2 || strcmp(o->arguments[0], "-c") != 0))
		return out_bad_usage("--profile: the arguments are -c and a "
				     "command: --arg -c --arg COMMAND");
	return 0;
}

static int warm_main(int argc, char **argv)
{
	struct warm_options o = {
		.rounds = 50,
		.time_ns = INT64_C(3000000000),
		.arguments = calloc((size_t)argc + 1, sizeof(char *)),
	};
	int status;

	if (!o.arguments) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	status = read_options(&o, argc, argv);
	if (status < 0)
		out_lines("%s", cmd_warm.help);
	/* if SIGCHLD were ignored, the ends of programs would be lost */
	signal(SIGCHLD, SIG_DFL);
	if (!status)
		status =
			measure_all(&o, argv + optind, (size_t)(argc - optind));
	free(o.arguments);
	return status < 0 ? 0 : status;
}

const struct command cmd_warm = {
	.name = "warm",
	.summary = "measure what prepared launches of programs gain",
	.help = "Usage: spawn-template warm [OPTIONS] PROGRAM...\n"
		"\n"
		"Tell for each program whether its launches can be prepared "
		"(CREATE_WARM_ONCE,\n"
		"CREATE_WARM_FORK, and CREATE_WARM_RUNTIME for a Python), "
		"what that gains on this\n"
		"machine, and the memory of the processes that wait for a "
		"launch. If a program\n"
		"cannot be prepared, tell the reason and the remedy. Each "
		"program is launched some\n"
		"hundred times as 'PROGRAM --version', or 'python3 -c pass', "
		"with its input and\n"
		"output on /dev/null.\n"
		"\n"
		"  --arg ARGUMENT  launch with this in place of --version; "
		"may be repeated\n"
		"  --no-args       launch without arguments\n"
		"  --profile FILE  measure session shells, which have sourced "
		"FILE, with\n"
		"                  'PROGRAM -c :'\n"
		"  --rounds N      launches each way; default 50\n"
		"  --seconds TIME  stop with a program after TIME; default "
		"3\n"
		"  --modules LIST  have Pythons import these ahead: "
		"json,re,subprocess\n"
		"  --json          print a JSON array, one object per "
		"program\n"
		"  -h, --help      print this help\n"
		"\n"
		"Exit status: 0; 1 if a program cannot be prepared; or for the "
		"last program that\n"
		"failed: 126 if it cannot be launched, 127 if it was not "
		"found, 125 for other\n"
		"errors.\n",
	.main = warm_main,
};
