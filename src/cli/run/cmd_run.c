/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template run: launches one program through a template, and ends as it
 * ends. This file reads the options; launch.c and job.c do the work, and report.c
 * reports the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/run.h"

enum {
	OPT_CWD = 256,
	OPT_ENV,
	OPT_UNSET,
	OPT_CLEAR_ENV,
	OPT_TIMEOUT,
	OPT_KILL_AFTER,
	OPT_KEEP_FD,
	OPT_INHERIT_FDS,
	OPT_NO_NEW_PRIVS,
	OPT_DIE_WITH_PARENT,
	OPT_NICE,
	OPT_UMASK,
	OPT_SETSID,
	OPT_CGROUP,
	OPT_ARGV0,
	OPT_JSON,
	OPT_CAPTURE,
	OPT_MAX_OUTPUT,
	OPT_HELD_QUIET,
	OPT_HELD_MOST,
	OPT_CGROUP_TREE,
	OPT_RO,
	OPT_RW,
	OPT_NO_NET,
	OPT_TCP_CONNECT,
	OPT_TCP_BIND,
	OPT_NO_SIGNALS,
	OPT_NO_ABSTRACT,
	OPT_NO_DEVICES,
	OPT_BEST_EFFORT,
	OPT_IDLE_TIMEOUT,
	OPT_TAIL,
	OPT_SPILL,
	OPT_PTY,
	OPT_NO_ECHO,
	OPT_RAW,
	OPT_MERGE_STDERR,
	OPT_SUPERVISE,
	OPT_KEEP_LEFTOVERS,
	OPT_END_LEFTOVERS,
	OPT_SESSION,
	OPT_WARM,
	OPT_MODULES,
	OPT_PROFILE,
	OPT_LIMIT, /* and the other limits: enum limit */
};

static const struct option long_options[] = {
	{ "cwd", required_argument, NULL, OPT_CWD },
	{ "env", required_argument, NULL, OPT_ENV },
	{ "unset", required_argument, NULL, OPT_UNSET },
	{ "clear-env", no_argument, NULL, OPT_CLEAR_ENV },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "kill-after", required_argument, NULL, OPT_KILL_AFTER },
	{ "grace", required_argument, NULL, OPT_KILL_AFTER }, /* from 0.1 */
	{ "keep-fd", required_argument, NULL, OPT_KEEP_FD },
	{ "inherit-fds", no_argument, NULL, OPT_INHERIT_FDS },
	{ "no-new-privs", no_argument, NULL, OPT_NO_NEW_PRIVS },
	{ "die-with-parent", no_argument, NULL, OPT_DIE_WITH_PARENT },
	{ "nice", required_argument, NULL, OPT_NICE },
	{ "umask", required_argument, NULL, OPT_UMASK },
	{ "setsid", no_argument, NULL, OPT_SETSID },
	{ "cgroup", required_argument, NULL, OPT_CGROUP },
	{ "argv0", required_argument, NULL, OPT_ARGV0 },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "capture", no_argument, NULL, OPT_CAPTURE },
	{ "max-output", required_argument, NULL, OPT_MAX_OUTPUT },
	{ "held-quiet", required_argument, NULL, OPT_HELD_QUIET },
	{ "held-most", required_argument, NULL, OPT_HELD_MOST },
	{ "cgroup-tree", optional_argument, NULL, OPT_CGROUP_TREE },
	{ "supervise", no_argument, NULL, OPT_SUPERVISE },
	{ "keep-leftovers", no_argument, NULL, OPT_KEEP_LEFTOVERS },
	{ "end-leftovers", no_argument, NULL, OPT_END_LEFTOVERS },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "warm", optional_argument, NULL, OPT_WARM },
	{ "modules", required_argument, NULL, OPT_MODULES },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "memory-max", required_argument, NULL, OPT_LIMIT + LIMIT_MEMORY },
	{ "memory-swap-max", required_argument, NULL, OPT_LIMIT + LIMIT_SWAP },
	{ "pids-max", required_argument, NULL, OPT_LIMIT + LIMIT_PIDS },
	{ "cpu-max", required_argument, NULL, OPT_LIMIT + LIMIT_CPU },
	{ "cpu-weight", required_argument, NULL, OPT_LIMIT + LIMIT_CPU_WEIGHT },
	{ "io-weight", required_argument, NULL, OPT_LIMIT + LIMIT_IO_WEIGHT },
	{ "ro", required_argument, NULL, OPT_RO },
	{ "rw", required_argument, NULL, OPT_RW },
	{ "no-net", no_argument, NULL, OPT_NO_NET },
	{ "tcp-connect", required_argument, NULL, OPT_TCP_CONNECT },
	{ "tcp-bind", required_argument, NULL, OPT_TCP_BIND },
	{ "no-signals", no_argument, NULL, OPT_NO_SIGNALS },
	{ "no-abstract", no_argument, NULL, OPT_NO_ABSTRACT },
	{ "no-devices", no_argument, NULL, OPT_NO_DEVICES },
	{ "idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT },
	{ "tail", required_argument, NULL, OPT_TAIL },
	{ "spill", required_argument, NULL, OPT_SPILL },
	{ "pty", optional_argument, NULL, OPT_PTY },
	{ "no-echo", no_argument, NULL, OPT_NO_ECHO },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "merge-stderr", no_argument, NULL, OPT_MERGE_STDERR },
	{ "sandbox-best-effort", no_argument, NULL, OPT_BEST_EFFORT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int read_env(struct run_options *o, const char *text, bool unset)
{
	const char *equals = strchr(text, '=');

	if (unset && (!*text || equals))
		return out_bad_usage("--unset %s: not a variable's name", text);
	if (!unset && (!equals || equals == text))
		return out_bad_usage("--env %s: not NAME=VALUE", text);
	o->env[o->n_env++] =
		(struct env_change){ .text = text, .unset = unset };
	return 0;
}

/* Check the number now, before this tool opens something under it. */
static int read_keep_fd(struct run_options *o, const char *text)
{
	long fd;

	if (parse_number(text, 10, 0, INT32_MAX, &fd))
		return out_bad_usage("--keep-fd %s: not a descriptor's number",
				     text);
	if (fcntl((int)fd, F_GETFD) < 0) {
		out_error("--keep-fd %ld: no such descriptor is open", fd);
		out_remedy("open it in the shell: %ld<FILE or %ld>FILE", fd,
			   fd);
		return CLI_FAILED;
	}
	o->keep[o->n_keep++] = (int)fd;
	return 0;
}

static int read_path(const char ***list, const char *text)
{
	if (!*text)
		return out_bad_usage("--ro and --rw name paths");
	if (sandbox_add(list, text) == 0)
		return 0;
	out_error("out of memory");
	return CLI_FAILED;
}

static int read_nice(struct run_options *o, const char *text)
{
	long n;

	if (parse_number(text, 10, -20, 19, &n))
		return out_bad_usage("--nice %s: not from -20 to 19", text);
	o->nice = (int)n;
	o->flags |= SPAWN_TEMPLATE_SPAWN_NICE;
	return 0;
}

static int read_umask(struct run_options *o, const char *text)
{
	long n;

	if (parse_number(text, 8, 0, 0777, &n))
		return out_bad_usage("--umask %s: not octal, from 0 to 777",
				     text);
	o->umask = (unsigned int)n;
	o->flags |= SPAWN_TEMPLATE_SPAWN_UMASK;
	return 0;
}

/* Take an option without a value. Return: false if it has one. */
static bool read_switch(struct run_options *o, int c)
{
	switch (c) {
	case OPT_CLEAR_ENV:
		o->clear_env = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_CAPTURE:
		o->capture = true;
		return true;
	case OPT_SUPERVISE:
		o->run_flags |= SPAWN_TEMPLATE_RUN_SUPERVISE;
		return true;
	case OPT_KEEP_LEFTOVERS:
		o->keep_leftovers = true;
		return true;
	case OPT_END_LEFTOVERS:
		o->end_leftovers = true;
		return true;
	case OPT_NO_NET:
		o->sandbox.flags |= SPAWN_TEMPLATE_SANDBOX_NO_NET;
		return true;
	case OPT_NO_SIGNALS:
		o->sandbox.flags |= SPAWN_TEMPLATE_SANDBOX_SIGNALS;
		return true;
	case OPT_NO_ABSTRACT:
		o->sandbox.flags |= SPAWN_TEMPLATE_SANDBOX_ABSTRACT;
		return true;
	case OPT_NO_DEVICES:
		o->sandbox.flags |= SPAWN_TEMPLATE_SANDBOX_NO_DEVICES;
		return true;
	case OPT_NO_ECHO:
		o->output_flags |= SPAWN_TEMPLATE_RUN_NO_ECHO;
		return true;
	case OPT_RAW:
		o->output_flags |= SPAWN_TEMPLATE_RUN_RAW;
		return true;
	case OPT_MERGE_STDERR:
		o->output_flags |= SPAWN_TEMPLATE_RUN_MERGE_STDERR;
		return true;
	case OPT_BEST_EFFORT:
		o->sandbox.flags |= SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT;
		return true;
	case OPT_INHERIT_FDS:
		o->flags |= SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
		return true;
	case OPT_NO_NEW_PRIVS:
		o->flags |= SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS;
		return true;
	case OPT_DIE_WITH_PARENT:
		o->flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
		return true;
	case OPT_SETSID:
		o->flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
		return true;
	default:
		return false;
	}
}

/* Take what tells how launches are prepared. Return: as read_value(). */
static int read_way(struct run_options *o, int c, const char *text)
{
	return c == OPT_WARM	  ? read_warm(text, &o->create_flags)
	       : c == OPT_MODULES ? read_modules(text, &o->modules)
				  : read_profile_path(text, &o->profile);
}

/* Take a time that bounds the run. Return: as read_value(). */
static int read_time(struct run_options *o, int c, const char *text)
{
	return c == OPT_TIMEOUT
		       ? read_duration("--timeout", text, &o->timeout_ns)
	       : c == OPT_IDLE_TIMEOUT
		       ? read_duration("--idle-timeout", text,
				       &o->idle_timeout_ns)
		       : read_duration("--kill-after", text, &o->grace_ns);
}

/* Take an option with a value. Return: 0, or an exit code after a message. */
static int read_value(struct run_options *o, int c, const char *text,
		      char **argv)
{
	switch (c) {
	case OPT_CWD:
		o->cwd = text;
		return 0;
	case OPT_CGROUP:
		o->cgroup = text;
		return 0;
	case OPT_ARGV0:
		o->argv0 = text;
		return 0;
	case OPT_ENV:
		return read_env(o, text, false);
	case OPT_UNSET:
		return read_env(o, text, true);
	case OPT_KEEP_FD:
		return read_keep_fd(o, text);
	case OPT_TIMEOUT:
	case OPT_IDLE_TIMEOUT:
	case OPT_KILL_AFTER:
		return read_time(o, c, text);
	case OPT_TAIL:
		return option_tail(o, text);
	case OPT_SPILL:
		return option_spill(o, text);
	case OPT_PTY:
		return option_pty(o, text);
	case OPT_TCP_CONNECT:
	case OPT_TCP_BIND:
		return option_port(o, c == OPT_TCP_BIND, text);
	case OPT_MAX_OUTPUT:
		o->capture = true;
		return read_size("--max-output", text, &o->max_output);
	case OPT_HELD_QUIET:
		return read_held("--held-quiet", text, &o->held_quiet_ns);
	case OPT_HELD_MOST:
		return read_held("--held-most", text, &o->held_most_ns);
	case OPT_CGROUP_TREE:
		o->run_flags |= SPAWN_TEMPLATE_RUN_CGROUP;
		o->tree_parent = text;
		return 0;
	case OPT_SESSION:
		return option_session(o, text);
	case OPT_WARM:
	case OPT_MODULES:
	case OPT_PROFILE:
		return read_way(o, c, text);
	case OPT_RO:
		return read_path(&o->sandbox.read_only, text);
	case OPT_RW:
		return read_path(&o->sandbox.writable, text);
	case OPT_NICE:
		return read_nice(o, text);
	case OPT_UMASK:
		return read_umask(o, text);
	default:
		return out_bad_option(c, argv);
	}
}

/*
 * See whether a ring holds the whole tree without --capture. To find what a program has
 * left behind in the group of its caller, a ring needs a cgroup or a keeper.
 */
static void hold_whole(struct run_options *o)
{
	if (o->end_leftovers)
		o->run_flags |= SPAWN_TEMPLATE_RUN_SUPERVISE;
	o->whole = o->run_flags || o->limits.given || o->session;
}

static int check_options(struct run_options *o)
{
	if (o->profile && (o->create_flags || o->modules))
		return out_bad_usage("--profile excludes --warm and "
				     "--modules: it prepares by itself");
	if (o->profile)
		o->create_flags = SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	if (o->keep_leftovers && o->end_leftovers)
		return out_bad_usage("--keep-leftovers and --end-leftovers "
				     "exclude each other");
	if (o->keep_leftovers && o->limits.given)
		return out_bad_usage("--keep-leftovers: what is left would "
				     "have no limits");
	if ((o->held_quiet_ns || o->held_most_ns) && !o->capture)
		return out_bad_usage("--held-quiet and --held-most need "
				     "--capture");
	if ((o->run_flags || o->limits.given) && o->cgroup)
		return out_bad_usage(
			"--cgroup is for a program that shares it; "
			"one of its own is made by "
			"--cgroup-tree=DIR");
	if (o->sandbox.flags && !sandbox_is_wanted(&o->sandbox))
		return out_bad_usage(
			"--sandbox-best-effort needs --ro, --rw or "
			"another wish; so does --no-devices");
	if (o->capture)
		o->json = true;
	else
		hold_whole(o);
	return options_check(o);
}

/* Return: 0; an exit code after a message; or -1 if help was asked for. */
static int read_options(struct run_options *o, int argc, char **argv)
{
	int c, err;

	o->spill_fd = -1;
	o->grace_ns = INT64_C(2000000000);
	o->env = calloc((size_t)argc, sizeof(*o->env));
	o->keep = calloc((size_t)argc + 2, sizeof(*o->keep));
	if (!o->env || !o->keep) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	/* "+": options behind the program's name are the program's */
	while ((c = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
		if (c == 'h')
			return -1;
		if (read_switch(o, c))
			continue;
		if (c >= OPT_LIMIT && c < OPT_LIMIT + LIMITS)
			err = limits_option(&o->limits,
					    (enum limit)(c - OPT_LIMIT),
					    optarg);
		else
			err = read_value(o, c, optarg, argv);
		if (err)
			return err;
	}
	if (optind == argc)
		return out_bad_usage("name a program to launch");
	o->argv = argv + optind;
	return check_options(o);
}

static int change_environment(const struct run_options *o)
{
	int err = o->clear_env ? clearenv() : 0;

	for (size_t i = 0; i < o->n_env && !err; i++)
		err = o->env[i].unset ? unsetenv(o->env[i].text)
				      : putenv((char *)o->env[i].text);
	if (err)
		out_error("cannot set the environment: %s", strerror(errno));
	return err ? CLI_FAILED : 0;
}

static int run_job(const struct run_options *o)
{
	json_t *launch = NULL;
	struct run_plan plan;
	struct job job;
	int status;

	status = job_prepare(&job, o);
	if (status)
		return status;
	status = plan_make(&plan, o, &job.inherited, &launch);
	if (!status)
		status = job_launch(&job, &plan, &launch);
	plan_free(&plan);
	if (!status)
		job_wait(&job);
	job_finish(&job);
	signal(SIGPIPE, SIG_IGN); /* the status matters more than the report */
	if (status) {
		if (launch)
			out_json(STDERR_FILENO, failure_json(o, launch),
				 JSON_COMPACT);
		return status;
	}
	if (o->json)
		out_json(STDERR_FILENO, report_json(&job, launch),
			 JSON_COMPACT);
	return job_end_like(&job);
}

static int run_main(int argc, char **argv)
{
	struct run_options o = { 0 };
	int status = read_options(&o, argc, argv);

	if (status < 0) {
		out_lines("%s", cmd_run.help);
		status = 0;
	} else if (!status) {
		status = change_environment(&o);
		if (!status)
			keep_named(&o);
		if (!status)
			status = o.capture ? run_captured(&o)
				 : o.whole ? run_whole(&o)
					   : run_job(&o);
	}
	free(o.env);
	free(o.keep);
	if (o.spill_fd > 0)
		close(o.spill_fd);
	sandbox_wishes_free(&o.sandbox);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "launch a program through a template",
	.help = run_help,
	.main = run_main,
	.leaves_processes = true,
};
