/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template mcp: runs programs for agents that speak the Model Context Protocol. This
 * file reads the options; server.c does the work.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/mcp.h"

enum {
	OPT_SOCKET = 256,
	OPT_MAX_OUTPUT,
	OPT_TIMEOUT,
	OPT_MAX_TIMEOUT,
	OPT_WAIT,
	OPT_KEEP,
	OPT_KILL_AFTER,
	OPT_CGROUP_TREE,
	OPT_SUPERVISE,
	OPT_WARM,
	OPT_COLD,
	OPT_JSON,
	OPT_POLICY,
	OPT_CHECK,
	OPT_PRINT_POLICY,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "jobs", required_argument, NULL, 'j' },
	{ "max-output", required_argument, NULL, OPT_MAX_OUTPUT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "max-timeout", required_argument, NULL, OPT_MAX_TIMEOUT },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "kill-after", required_argument, NULL, OPT_KILL_AFTER },
	{ "cgroup-tree", optional_argument, NULL, OPT_CGROUP_TREE },
	{ "supervise", no_argument, NULL, OPT_SUPERVISE },
	{ "warm", optional_argument, NULL, OPT_WARM },
	{ "cold", no_argument, NULL, OPT_COLD },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "check", required_argument, NULL, OPT_CHECK },
	{ "print-policy", no_argument, NULL, OPT_PRINT_POLICY },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int read_output(struct engine_options *o, const char *text)
{
	int err = read_size("--max-output", text, &o->max_output);

	if (!err && o->max_output > MCP_OUTPUT_MAX)
		return out_bad_usage("--max-output %s: more than 16M", text);
	return err;
}

/* The command line, but for what the server is told. */
struct asked {
	const char *policy, *check; /* files; NULL: none */
	bool print_policy, has_timeout;
};

/* Return: 0, or an exit code after a message. */
static int read_option(struct mcp_options *o, struct asked *asked, int c,
		       const char *text, char **argv)
{
	switch (c) {
	case OPT_POLICY:
		asked->policy = text;
		return 0;
	case OPT_CHECK:
		asked->check = text;
		return 0;
	case OPT_PRINT_POLICY:
		asked->print_policy = true;
		return 0;
	case OPT_SOCKET:
		o->socket = text;
		return 0;
	case 'j':
		return engine_read_jobs(&o->engine, text);
	case OPT_MAX_OUTPUT:
		return read_output(&o->engine, text);
	case OPT_TIMEOUT:
		asked->has_timeout = true;
		return read_duration("--timeout", text, &o->timeout_ns);
	case OPT_MAX_TIMEOUT:
		return read_duration("--max-timeout", text,
				     &o->timeout_most_ns);
	case OPT_WAIT:
		return read_duration("--wait", text, &o->wait_ns);
	case OPT_KEEP:
		return read_duration("--keep", text, &o->keep_ns);
	case OPT_KILL_AFTER:
		return read_duration("--kill-after", text, &o->engine.grace_ns);
	case OPT_CGROUP_TREE:
		o->engine.run_flags |= SPAWN_TEMPLATE_RUN_CGROUP;
		o->engine.tree_parent = text;
		return 0;
	case OPT_SUPERVISE:
		o->engine.run_flags |= SPAWN_TEMPLATE_RUN_SUPERVISE;
		return 0;
	case OPT_WARM:
		return engine_read_way(&o->engine, text);
	case OPT_COLD:
		o->engine.way = ENGINE_COLD;
		o->cold = true;
		return 0;
	case OPT_JSON: /* mcp knows no other form */
		return 0;
	default:
		return out_bad_option(c, argv);
	}
}

/* ---- the policy */

/* Take the lower bound of both, the policy's and the options'. */
static void apply_bounds(struct mcp_options *o, const struct asked *asked)
{
	const struct policy_bounds *b = policy_bounds(o->policy);

	if (b->timeout_most_ns < o->timeout_most_ns)
		o->timeout_most_ns = b->timeout_most_ns;
	if (!asked->has_timeout)
		o->timeout_ns = b->timeout_ns;
	if (o->timeout_ns > o->timeout_most_ns)
		o->timeout_ns = o->timeout_most_ns;
	o->engine.idle_timeout_ns = b->idle_timeout_ns;
	if (b->max_output &&
	    (!o->engine.max_output || b->max_output < o->engine.max_output))
		o->engine.max_output = b->max_output < MCP_OUTPUT_MAX
					       ? b->max_output
					       : MCP_OUTPUT_MAX;
	if (b->programs && (!o->engine.jobs || b->programs < o->engine.jobs))
		o->engine.jobs = b->programs;
	o->engine.exact = true;
}

/* Return: NULL after a message. */
static struct policy *load(const char *name)
{
	const char *file = strcmp(name, "default") == 0 ? NULL : name;
	struct policy *policy;
	char *error;

	policy = policy_load(file, &error);
	if (!policy)
		out_error("%s", error ? error : "out of memory");
	free(error);
	return policy;
}

static int print_policy(const char *name)
{
	struct policy *policy = load(name ? name : "default");

	if (!policy)
		return CLI_FAILED;
	policy_print(policy);
	policy_free(policy);
	return 0;
}

static int serve(struct mcp_options *o, const struct asked *asked)
{
	int status;

	if (asked->policy) {
		o->policy = load(asked->policy);
		if (!o->policy)
			return CLI_FAILED;
		apply_bounds(o, asked);
	}
	status = mcp_serve(o);
	policy_free(o->policy);
	return status;
}

static int mcp_main(int argc, char **argv)
{
	struct asked asked = { 0 };
	struct mcp_options o = {
		.engine.grace_ns = INT64_C(2000000000),
		.engine.way = ENGINE_FORK,
		.timeout_ns = INT64_C(600000000000),
		.timeout_most_ns = INT64_C(86400000000000),
		.wait_ns = INT64_C(50000000000),
		.keep_ns = INT64_C(600000000000),
	};
	int c, err;

	while ((c = getopt_long(argc, argv, ":j:h", long_options, NULL)) !=
	       -1) {
		if (c == 'h') {
			out_lines("%s", cmd_mcp.help);
			return 0;
		}
		err = read_option(&o, &asked, c, optarg, argv);
		if (err)
			return err;
	}
	if (optind < argc)
		return out_bad_usage("programs are named by clients, not by "
				     "'%s'",
				     argv[optind]);
	if (o.timeout_ns <= 0 || o.timeout_most_ns < o.timeout_ns)
		return out_bad_usage("--timeout is not more than 0 and up to "
				     "--max-timeout");
	if (asked.check)
		return policy_check_file(asked.check);
	if (asked.print_policy)
		return print_policy(asked.policy);
	return serve(&o, &asked);
}

const struct command cmd_mcp = {
	.name = "mcp",
	.summary = "run programs for agents: a Model Context Protocol server",
	.help = "Usage: spawn-template mcp [OPTIONS]\n"
		"\n"
		"Serve the Model Context Protocol on standard input and "
		"output, or at a socket:\n"
		"versions 2024-11-05 to 2025-11-25, and 2026-07-28 with the "
		"tasks extension.\n"
		"\n"
		"  run     run a program and wait for its end\n"
		"  batch   the same for many at a time\n"
		"  start   start one in the background\n"
		"  read    output of a run, from a position on\n"
		"  write   to a run's standard input\n"
		"  wait    for the end of a run\n"
		"  resize  the terminal of a run\n"
		"  stop    end a run and all that it has started\n"
		"  list    the runs that have a handle\n"
		"\n"
		"  --socket PATH      listen at a Unix socket, for clients of "
		"this user; runs outlive\n"
		"                     the connection\n"
		"  -j, --jobs N       run N programs at a time, up to 1024; "
		"default 64, or fewer\n"
		"                     where memory or files are short\n"
		"  --timeout TIME     the deadline of runs that ask for none; "
		"default 10m\n"
		"  --max-timeout TIME the latest deadline; default 24h\n"
		"  --wait TIME        how long a call waits before it answers "
		"with a handle;\n"
		"                     default 50s, as many clients give up after "
		"60s\n"
		"  --keep TIME        how long the output of a background run "
		"that has ended can be\n"
		"                     read; default 10m\n"
		"  --max-output SIZE  of a stream that runs may ask to keep; "
		"default 16M, the most\n"
		"  --kill-after TIME  send KILL so long after TERM; default "
		"2s\n"
		"  --cgroup-tree[=DIR]\n"
		"                     run each program in a cgroup of its "
		"own, so that no\n"
		"                     process escapes; below DIR or the "
		"cgroup of this tool\n"
		"  --supervise        as --cgroup-tree; the trees also end if "
		"this tool is KILLed\n"
		"  --warm[=WAY]       how programs are prepared: once, fork, "
		"python; default fork\n"
		"  --cold             prepare no programs\n"
		"  --policy FILE      what may run, where and how, in TOML; "
		"'default' is a policy\n"
		"                     against accidents. Without, all may run\n"
		"  --check FILE       say whether a policy is right, and where it "
		"is not\n"
		"  --print-policy     print the policy in force, or 'default', "
		"with what it does\n"
		"                     not name\n"
		"  --json             accepted; the output is always JSON\n"
		"  -h, --help         print this help\n"
		"\n"
		"Exit status: 0 at the end of the input; 125 for bad usage, or "
		"if memory is short.\n"
		"A signal ends all runs, then this tool.\n",
	.main = mcp_main,
	.leaves_processes = true,
};
