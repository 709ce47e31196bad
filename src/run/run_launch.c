/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The launch of a run: its pipes, its place for a cgroup, and the attributes and
 * actions that a run adds to the caller's own.
 */
#include <string.h>

#include "run/leftover.h"
#include "run/run.h"
#include "shared/calls.h"
#include "shared/clock.h"
#include "shared/namespaces.h"

#define N_OWN 4

/* Takes the limits out of the arguments of a run. */
struct st_limits st_run_limits(const struct spawn_template_run_args *args)
{
	return (struct st_limits){
		.wanted = args->flags & SPAWN_TEMPLATE_RUN_LIMITS,
		.memory_max = args->memory_max,
		.memory_swap_max = args->memory_swap_max,
		.cpu_max_us = args->cpu_max_us,
		.pids_max = args->pids_max,
		.cpu_weight = args->cpu_weight,
		.io_weight = args->io_weight,
	};
}

/*
 * Tells whether the cgroup of a run is to be in a supervised home. The cgroups of a
 * caller that is killed are to go, too, but nobody insists on that where the next child
 * would be the first one of a pid namespace.
 */
bool st_run_is_supervised(const struct spawn_template_run_args *args)
{
	return args->flags & SPAWN_TEMPLATE_RUN_SUPERVISE ||
	       (args->flags & SPAWN_TEMPLATE_RUN_END_WITH_CALLER &&
		st_init_of_children() != ST_INIT_NONE);
}

/**
 * st_run_home - open the place for the cgroup of a run
 * @args: taken by st_run_args()
 * @home: filled in; close it with st_tree_home_close(), also on failure
 * @fallback: set if the run may do without
 * @failure: names the limit that cannot be held, if it is for that
 *
 * Return: 0, also if there is to be none or none was found; or -errno.
 */
int st_run_home(const struct spawn_template_run_args *args,
		struct st_tree_home *home, bool *fallback,
		struct spawn_template_failure *failure)
{
	const struct st_limits limits = st_run_limits(args);
	int ret;

	*home = (struct st_tree_home)ST_TREE_HOME_NONE;
	*fallback = false;
	if (!(args->flags & SPAWN_TEMPLATE_RUN_CGROUP))
		return 0;
	*fallback = args->cgroup_parent_fd < 0 && !limits.wanted;
	ret = st_tree_home_open_limited(
		home, args->cgroup_parent_fd, st_run_is_supervised(args),
		st_limits_controllers(&limits), failure);
	return ret == -EOPNOTSUPP && *fallback ? 0 : ret;
}

/* ---- launch */

/**
 * st_run_open - make a run that is not launched
 * @run: filled in
 * @args, @devnull, @feed, @ends: as of st_io_open()
 *
 * Return: 0; or -errno, and @run and @ends are still to be closed.
 */
int st_run_open(struct st_run *run, const struct spawn_template_run_args *args,
		int devnull, struct st_feed *feed, struct st_io_ends *ends)
{
	*run = (struct st_run)ST_RUN_NONE;
	run->grace_ns = args->grace_ns;
	run->supervise = args->flags & SPAWN_TEMPLATE_RUN_SUPERVISE;
	run->end_with_caller = args->flags & SPAWN_TEMPLATE_RUN_END_WITH_CALLER;
	run->end_leftovers = args->flags & SPAWN_TEMPLATE_RUN_END_LEFTOVERS;
	run->blind = args->flags & SPAWN_TEMPLATE_RUN_NO_CAPTURE;
	run->limits = st_run_limits(args);
	st_leftover_reap();
	run->held_quiet_ns =
		args->held_quiet_ns ? args->held_quiet_ns : ST_HELD_QUIET;
	run->held_most_ns =
		args->held_most_ns ? args->held_most_ns : ST_HELD_MOST;
	run->idle_ns = args->idle_timeout_ns;
	if (args->flags & SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT)
		run->detached_ns = args->detached_timeout_ns
					   ? args->detached_timeout_ns
					   : args->timeout_ns;
	return st_io_open(&run->io, args, devnull, feed, ends);
}

static uint32_t add_dup2(struct spawn_template_action *actions, uint32_t n,
			 int from, int to)
{
	if (from < 0)
		return n;
	actions[n] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_DUP2,
		.fd = from,
		.newfd = to,
	};
	return n + 1;
}

/*
 * Makes a session for the tree, unless the caller has said otherwise. Nobody could
 * give such a program the terminal: in the caller's session, one that asks there for
 * a password would be stopped. In its own it has no terminal, and the question fails.
 */
static void own_session(const struct spawn_template_run_args *run_args,
			struct spawn_template_spawn_args *args)
{
	if (!(args->flags & SPAWN_TEMPLATE_SPAWN_SETPGROUP) &&
	    !(run_args->flags & SPAWN_TEMPLATE_RUN_SAME_GROUP))
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
}

static void into_cgroup(struct spawn_template_spawn_args *args, int cgroup)
{
	args->flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args->cgroup_fd = cgroup;
}

/* The program ends with the keeper, whatever ends that. */
static void below_keeper(struct st_run *run, struct st_spawn *spawn)
{
	spawn->clone = st_keeper_launch;
	spawn->keeper = &run->keeper;
	spawn->args.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
}

/* The kernel ends at least the program where there is no sentinel. */
static void watched_over(struct st_run *run, struct st_spawn *spawn)
{
	if (run->ward)
		spawn->told = &run->ward->pid;
	else
		spawn->args.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
}

static pid_t launch_program(struct st_run *run, int tfd, struct st_spawn *spawn,
			    struct spawn_template_failure *failure)
{
	pid_t pid;

	if (run->tree.cgroup >= 0)
		into_cgroup(&spawn->args, run->tree.cgroup);
	else if (run->supervise)
		below_keeper(run, spawn);
	else if (run->end_with_caller)
		watched_over(run, spawn);
	pid = st_spawn(tfd, spawn, &run->pidfd, failure);
	if (pid > 0 && run->ward)
		st_ward_set(run->ward, pid);
	/* the host may have closed 0 to 2 for a moment; without a number it stays */
	if (pid > 0)
		st_io_raise_fd(&run->pidfd);
	return pid;
}

/* Tells whether clone3(2), and with it the cgroup, is forbidden. */
static bool no_cgroup(struct st_run *run, pid_t ret,
		      const struct spawn_template_failure *failure)
{
	return run->tree.cgroup >= 0 &&
	       failure->stage == SPAWN_TEMPLATE_STAGE_CLONE &&
	       (st_call_is_missing(ST_CALL_CLONE3, ret) || ret == -EOPNOTSUPP ||
		ret == -EBUSY);
}

/**
 * st_run_launch - launch the program of a run
 * @run: opened; its cgroup is made, if it gets one
 * @tfd: the template
 * @args: those that @run was opened with
 * @ends: from st_run_open()
 * @fallback: launch without the cgroup if it cannot be entered
 * @spawn: args and n_own are set here; the caller has set the rest
 * @failure: filled in on failure
 *
 * Return: 0, or -errno.
 */
int st_run_launch(struct st_run *run, int tfd,
		  const struct spawn_template_run_args *args,
		  const struct st_io_ends *ends, bool fallback,
		  struct st_spawn *spawn,
		  struct spawn_template_failure *failure)
{
	/* at most SPAWN_TEMPLATE_ACTIONS_MAX; a thread may have a small stack */
	struct spawn_template_action actions[args->spawn.actions_len + N_OWN];
	bool warm = false;
	uint32_t n = 0;
	pid_t pid;

	n = add_dup2(actions, n, ends->in, 0);
	n = add_dup2(actions, n, ends->out, 1);
	n = add_dup2(actions, n, ends->err, 2);
	if (args->flags & SPAWN_TEMPLATE_RUN_PTY)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_SETCTTY,
		};
	if (args->spawn.actions_len)
		memcpy(&actions[n],
		       (const void *)(uintptr_t)args->spawn.actions,
		       args->spawn.actions_len * sizeof(actions[0]));
	spawn->args = args->spawn;
	spawn->args.actions = (uintptr_t)actions;
	spawn->args.actions_len = args->spawn.actions_len + n;
	spawn->n_own = n;
	spawn->warm = &warm;
	own_session(args, &spawn->args);
	if (run->end_leftovers)
		run->tree.before = st_moment_now();
	pid = launch_program(run, tfd, spawn, failure);
	if (fallback && no_cgroup(run, pid, failure)) {
		st_tree_remove(&run->tree);
		spawn->args.flags &= ~SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
		pid = launch_program(run, tfd, spawn, failure);
	}
	if (pid < 0)
		return pid;
	run->spawned = st_now();
	run->pid = run->tree.pid = pid;
	run->tree.pidfd = run->pidfd;
	run->tree.reaper = run->keeper.pid;
	if (run->tree.cgroup >= 0)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_CGROUP;
	if (warm)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_WARM;
	return 0;
}

/* Starts the clock of a run, at the beginning of its launch. */
void st_run_start(struct st_run *run, uint64_t timeout_ns)
{
	run->started = st_now();
	if (timeout_ns)
		run->deadline = st_after(run->started, timeout_ns);
	run->due = run->deadline;
}
