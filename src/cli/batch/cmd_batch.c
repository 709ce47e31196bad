/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template batch: runs programs for a client in any language, over a
 * pipe. This file reads the options; batch.c does the work.
 */
#define _GNU_SOURCE
#include <getopt.h>

#include "cli/batch/batch.h"

enum {
	OPT_MAX_OUTPUT = 256,
	OPT_TIMEOUT,
	OPT_IDLE_TIMEOUT,
	OPT_KILL_AFTER,
	OPT_HELD_QUIET,
	OPT_HELD_MOST,
	OPT_CGROUP_TREE,
	OPT_SUPERVISE,
	OPT_KEEP_LEFTOVERS,
	OPT_WARM,
	OPT_MODULES,
	OPT_SESSION,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "jobs", required_argument, NULL, 'j' },
	{ "max-output", required_argument, NULL, OPT_MAX_OUTPUT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT },
	{ "kill-after", required_argument, NULL, OPT_KILL_AFTER },
	{ "held-quiet", required_argument, NULL, OPT_HELD_QUIET },
	{ "held-most", required_argument, NULL, OPT_HELD_MOST },
	{ "cgroup-tree", optional_argument, NULL, OPT_CGROUP_TREE },
	{ "supervise", no_argument, NULL, OPT_SUPERVISE },
	{ "keep-leftovers", no_argument, NULL, OPT_KEEP_LEFTOVERS },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "warm", optional_argument, NULL, OPT_WARM },
	{ "modules", required_argument, NULL, OPT_MODULES },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* Return: 0, or an exit code after a message. */
static int read_option(struct engine_options *o, int c, const char *text,
		       char **argv)
{
	switch (c) {
	case 'j':
		return engine_read_jobs(o, text);
	case OPT_MAX_OUTPUT:
		return read_size("--max-output", text, &o->max_output);
	case OPT_TIMEOUT:
		return read_duration("--timeout", text, &o->timeout_ns);
	case OPT_IDLE_TIMEOUT:
		return read_duration("--idle-timeout", text,
				     &o->idle_timeout_ns);
	case OPT_KILL_AFTER:
		return read_duration("--kill-after", text, &o->grace_ns);
	case OPT_HELD_QUIET:
		return read_held("--held-quiet", text, &o->held_quiet_ns);
	case OPT_HELD_MOST:
		return read_held("--held-most", text, &o->held_most_ns);
	case OPT_CGROUP_TREE:
		o->run_flags |= SPAWN_TEMPLATE_RUN_CGROUP;
		o->tree_parent = text;
		return 0;
	case OPT_SUPERVISE:
		o->run_flags |= SPAWN_TEMPLATE_RUN_SUPERVISE;
		return 0;
	case OPT_KEEP_LEFTOVERS:
		o->keep_leftovers = true;
		return 0;
	case OPT_SESSION:
		o->session = session_of(text);
		if (o->session != SESSION_UNSET)
			return 0;
		return out_bad_usage("--session %s: neither " SESSION_WANTED,
				     text);
	case OPT_WARM:
		return engine_read_way(o, text);
	case OPT_MODULES:
		return read_modules(text, &o->modules);
	case OPT_JSON: /* batch knows no other form */
		return 0;
	default:
		return out_bad_option(c, argv);
	}
}

static int batch_main(int argc, char **argv)
{
	struct engine_options o = {
		.grace_ns = INT64_C(2000000000),
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":j:h", long_options, NULL)) !=
	       -1) {
		if (c == 'h') {
			out_lines("%s", cmd_batch.help);
			return 0;
		}
		err = read_option(&o, c, optarg, argv);
		if (err)
			return err;
	}
	if (optind < argc)
		return out_bad_usage("programs are named on standard input, "
				     "not by '%s'",
				     argv[optind]);
	return batch_run(&o);
}

const struct command cmd_batch = {
	.name = "batch",
	.summary = "run the programs named on stdin, many at a time",
	.help = "Usage: spawn-template batch [OPTIONS]\n"
		"\n"
		"Read a JSON object from each line of standard input and run "
		"the program that it\n"
		"names. Write a JSON object with the program's output and end "
		"to a line of\n"
		"standard output, in the order in which programs end. The "
		"answer to a line that\n"
		"cannot be parsed is an error; the other lines go on.\n"
		"\n"
		"  {\"id\": 7, \"argv\": [\"git\", \"status\"], \"cwd\": "
		"\"/src\", \"timeout\": 2.5}\n"
		"\n"
		"  \"argv\"          the program, looked for on PATH, and its "
		"arguments\n"
		"  \"id\"            any value, which the answer repeats; "
		"default: line number\n"
		"  \"cwd\"           the directory to start in\n"
		"  \"env\"           an object in place of this environment\n"
		"  \"setenv\"        variables to set, or to remove by null\n"
		"  \"input\"         a string for its standard input; else it "
		"is /dev/null\n"
		"  \"input_base64\"  the same for any bytes\n"
		"  \"open_input\"    true: more input comes by later lines\n"
		"  \"stream\"        true: output comes in lines of its own, as "
		"it is written\n"
		"  \"max_output\", \"tail\", \"spill\"\n"
		"                  as --max-output here, --tail and --spill of "
		"run\n"
		"  \"timeout\"       seconds, or a string such as \"500ms\"; "
		"0: none\n"
		"  \"idle_timeout\"  the same for the time without output\n"
		"  \"detach\"        true: go on when \"timeout\" has passed, for "
		"\"detached_timeout\"\n"
		"                  more; a line tells\n"
		"  \"pty\"           true: in a terminal, of \"rows\" and "
		"\"columns\"; \"echo\": false\n"
		"  \"sandbox\"       {\"ro\": [PATH...], \"rw\": [PATH...], "
		"\"net\": false,\n"
		"                  \"connect\": [PORT...], \"bind\": [PORT...], "
		"\"signals\": false...}\n"
		"  \"limits\"        {\"memory_max\": \"512M\", \"pids_max\": 100, "
		"\"cpu_max\": \"150%\"}\n"
		"  \"session\"       \"group\", \"caller\": as --session here\n"
		"  \"merge_stderr\"  true: standard error goes to \"out\" "
		"too\n"
		"  \"keep_leftovers\"  true: the processes that it leaves "
		"behind live on\n"
		"  \"warm\"          true: from a process that was prepared "
		"before, if one waits;\n"
		"                  \"once\", \"fork\", \"python\": the same, "
		"prepared this way;\n"
		"                  false: not\n"
		"  \"modules\"       a list of names: modules that a Python "
		"imports ahead\n"
		"  \"profile\"       a file that a shell sources before "
		"SHELL -c COMMAND; bash does\n"
		"                  so once, and forks for each line\n"
		"  \"argv_base64\", \"cwd_base64\", \"setenv_base64\"\n"
		"                  the same for names and values of any "
		"bytes\n"
		"\n"
		"Lines for a program that runs or waits for its turn:\n"
		"\n"
		"  {\"write\": ID, \"data\": \"text\"}  or \"data_base64\"; with "
		"\"open_input\"\n"
		"  {\"close_input\": ID}\n"
		"  {\"winsize\": ID, \"rows\": 40, \"columns\": 100}\n"
		"  {\"cancel\": ID}\n"
		"\n"
		"  -j, --jobs N       run N programs at a time, up to 1024; "
		"default 64, or fewer\n"
		"                     where memory or files are short\n"
		"  --max-output SIZE  keep SIZE bytes of each stream: 64K, "
		"1M; default 16M\n"
		"  --timeout TIME     the timeout of lines that have none of "
		"their own\n"
		"  --idle-timeout TIME\n"
		"                     the same for \"idle_timeout\"\n"
		"  --kill-after TIME  send KILL so long after TERM; default "
		"2s\n"
		"  --held-quiet TIME, --held-most TIME\n"
		"                     if another process holds the "
		"output after the\n"
		"                     end: read on until TIME without "
		"output, and for TIME at\n"
		"                     most; default 100ms and 1s\n"
		"  --keep-leftovers   processes that programs leave behind live "
		"on; default: they\n"
		"                     end\n"
		"  --cgroup-tree[=DIR]\n"
		"                     run each program in a cgroup of its "
		"own, so that no\n"
		"                     process escapes; below DIR or the "
		"cgroup of this tool\n"
		"  --supervise        as --cgroup-tree; the trees also end if "
		"this tool is KILLed\n"
		"  --session WHICH    of lines without \"session\": own, by "
		"default; group: a process\n"
		"                     group in this session; caller: this "
		"tool's own group\n"
		"  --warm[=WAY]       prepare the programs of lines without "
		"\"warm\": once, fork,\n"
		"                     python; default python, which is fork for "
		"other programs\n"
		"  --modules LIST     have Pythons of such lines import these "
		"ahead: json,re\n"
		"  --json             accepted; the output is always JSON\n"
		"  -h, --help         print this help\n"
		"\n"
		"Exit status: 0 if every line has an answer, errors included; "
		"125 if reading or\n"
		"writing failed, or for bad usage. A signal ends the trees, "
		"then this tool.\n",
	.main = batch_main,
	.leaves_processes = true,
};
