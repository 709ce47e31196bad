/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan of a launch by spawn-template run: turns options into arguments for
 * the library, and a failure into an explanation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "cli/stat_names.h"

extern char **environ;

/* ---- actions, with a description of each for errors */

static uint64_t kernel_mask(const sigset_t *set)
{
	uint64_t mask = 0;

	for (int sig = 1; sig <= 64; sig++)
		if (sigismember(set, sig) == 1)
			mask |= UINT64_C(1) << (sig - 1);
	return mask;
}

static void add_action(struct run_plan *plan, const char *what,
		       struct spawn_template_action action)
{
	size_t n = plan->args.actions_len++;

	plan->actions[n] = action;
	plan->what[n] = what;
}

static void add_keep(struct run_plan *plan, int fd)
{
	size_t n = plan->args.actions_len;

	snprintf(plan->text[n], sizeof(*plan->text), "--keep-fd %d", fd);
	add_action(plan, plan->text[n],
		   (struct spawn_template_action){
			   .type = SPAWN_TEMPLATE_ACTION_KEEP,
			   .fd = fd,
		   });
}

/*
 * Give the program of a ring's run this tool's stdin, unless that is a terminal of
 * others: a captured program has a session of its own, and so would take keys that are
 * meant for others, also in the background. It gets /dev/null instead.
 */
static int add_stdin(struct run_plan *plan)
{
	const struct run_options *o = plan->options;

	if (o->capture && o->session != SESSION_CALLER && isatty(STDIN_FILENO))
		return 0;
	plan->stdin_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (plan->stdin_fd < 0 && errno == EBADF) /* it is closed here, too */
		return 0;
	if (plan->stdin_fd < 0) {
		out_error("standard input: %s", strerror(errno));
		return CLI_FAILED;
	}
	add_action(plan, "standard input",
		   (struct spawn_template_action){
			   .type = SPAWN_TEMPLATE_ACTION_DUP2,
			   .fd = plan->stdin_fd,
		   });
	return 0;
}

static int add_actions(struct run_plan *plan, const sigset_t *mask)
{
	const struct run_options *o = plan->options;

	plan->mask = kernel_mask(mask);
	plan->set.sigset = (uintptr_t)&plan->mask;
	plan->set.sigsetsize = sizeof(plan->mask);
	add_action(plan, "the signal mask",
		   (struct spawn_template_action){
			   .type = SPAWN_TEMPLATE_ACTION_SIGMASK,
			   .arg = (uintptr_t)&plan->set,
		   });
	for (size_t i = 0; i < o->n_keep; i++)
		add_keep(plan, o->keep[i]);
	if (o->output_flags & SPAWN_TEMPLATE_RUN_PTY)
		return 0;
	return o->capture || o->whole ? add_stdin(plan) : 0;
}

/* ---- the plan */

static int copy_argv(struct run_plan *plan)
{
	const struct run_options *o = plan->options;
	size_t n = 0;

	while (o->argv[n])
		n++;
	plan->argv = calloc(n + 1, sizeof(*plan->argv));
	if (!plan->argv)
		return -ENOMEM;
	memcpy(plan->argv, o->argv, n * sizeof(*plan->argv));
	if (o->argv0)
		plan->argv[0] = (char *)o->argv0;
	return 0;
}

static int allocate(struct run_plan *plan)
{
	size_t n = plan->options->n_keep + 2;

	plan->actions = calloc(n, sizeof(*plan->actions));
	plan->what = calloc(n, sizeof(*plan->what));
	plan->text = calloc(n, sizeof(*plan->text));
	if (copy_argv(plan) || !plan->actions || !plan->what || !plan->text) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	return 0;
}

/* Set the attributes; the directory and the cgroup must exist. */
static int set_args(struct run_plan *plan)
{
	const struct run_options *o = plan->options;

	plan->args.flags = o->flags;
	plan->args.argv = (uintptr_t)plan->argv;
	plan->args.envp = (uintptr_t)environ;
	plan->args.actions = (uintptr_t)plan->actions;
	plan->args.failure = (uintptr_t)&plan->failure;
	plan->args.umask = o->umask;
	plan->args.nice = o->nice;
	if (o->cgroup) {
		plan->cgroup_fd = open_cgroup("--cgroup", o->cgroup, false);
		if (plan->cgroup_fd < 0)
			return CLI_FAILED;
		plan->args.cgroup_fd = plan->cgroup_fd;
		plan->args.flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	}
	if (o->cwd && chdir(o->cwd)) {
		out_error("--cwd %s: %s", o->cwd, strerror(errno));
		return CLI_FAILED;
	}
	return 0;
}

static int add_sandbox(struct run_plan *plan)
{
	const struct sandbox_wishes *wishes = &plan->options->sandbox;
	struct sandbox_failure failure;

	if (!sandbox_is_wanted(wishes))
		return 0;
	/* this tool is in the program's directory already */
	if (sandbox_make(wishes, NULL, &plan->sandbox, &failure)) {
		out_error("sandbox: %s", failure.text);
		if (failure.remedy)
			out_remedy("%s", failure.remedy);
		return CLI_FAILED;
	}
	spawn_template_sandbox_apply(plan->sandbox, &plan->args,
				     sizeof(plan->args));
	return 0;
}

int plan_make(struct run_plan *plan, const struct run_options *options,
	      const sigset_t *mask, json_t **report)
{
	int status;

	memset(plan, 0, sizeof(*plan));
	plan->args = (struct spawn_template_spawn_args)
		SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	plan->options = options;
	plan->tfd = plan->cgroup_fd = plan->stdin_fd = -1;
	status = allocate(plan);
	if (!status)
		status = add_actions(plan, mask);
	if (!status)
		status = set_args(plan);
	if (!status)
		status = add_sandbox(plan);
	if (status)
		return status;
	plan->tfd = launch_template_warm(
		options->argv[0], options->create_flags,
		options->profile ? options->profile : options->modules);
	return plan->tfd < 0 ? plan_explain(plan, -plan->tfd, report) : 0;
}

void plan_free(struct run_plan *plan)
{
	if (plan->tfd >= 0)
		spawn_template_close(plan->tfd);
	if (plan->cgroup_fd >= 0)
		close(plan->cgroup_fd);
	if (plan->stdin_fd >= 0)
		close(plan->stdin_fd);
	spawn_template_sandbox_free(plan->sandbox);
	free(plan->actions);
	free(plan->what);
	free(plan->text);
	free(plan->argv);
}

int plan_explain(struct run_plan *plan, int error, json_t **report)
{
	static struct spawn_template_stat st;
	struct launch_error e = {
		.command = plan->options->argv[0],
		.path = "",
		.interpreter = "",
		.error = error,
		.failure = plan->failure,
		.actions = plan->what,
		.n_actions = plan->args.actions_len,
		.sandboxed = plan->sandbox,
	};

	if (plan->tfd >= 0 &&
	    spawn_template_stat(plan->tfd, &st, sizeof(st)) == 0) {
		e.path = st.path;
		e.interpreter = st.interpreter;
	}
	if (plan->options->json)
		*report = launch_error_json(&e);
	return launch_explain(&e);
}

/* With --warm, tell why the one launch was cold. */
static void describe_warm(json_t *object, const struct spawn_template_stat *st)
{
	const char *reason = NULL;

	for (unsigned int i = 0; st_name_cold(i); i++)
		if (st->cold_reasons[i])
			reason = st_name_cold(i);
	json_object_set_new(object, "warm", json_boolean(st->warm > 0));
	json_object_set_new(object, "cold_reason",
			    reason ? json_string(reason) : json_null());
}

json_t *plan_describe(const struct run_plan *plan)
{
	static struct spawn_template_stat st;
	json_t *object;

	if (spawn_template_stat(plan->tfd, &st, sizeof(st)) < 0)
		return json_null();
	object = launch_json(&st);
	if (plan->options->create_flags)
		describe_warm(object, &st);
	return object;
}
