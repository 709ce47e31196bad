/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run: its launch, its end, and its result.
 *
 * The child stays a zombie until the run is over, so that no other process can
 * get its pid, or the number of its process group, as long as the tree may have
 * to be signalled.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "args.h"
#include "pidfd.h"
#include "shared/calls.h"
#include "shared/clock.h"
#include "run/exit_info.h"
#include "run/io.h"
#include "run/leftover.h"
#include "run/run.h"
#include "sys.h"

#define RUN_FLAGS                                                          \
	(SPAWN_TEMPLATE_RUN_MERGE_STDERR | SPAWN_TEMPLATE_RUN_NO_CAPTURE | \
	 SPAWN_TEMPLATE_RUN_CGROUP | SPAWN_TEMPLATE_RUN_SUPERVISE)

/*
 * The time for which a pipe that outlives the program is read, by default; and at
 * most, if the run is being ended.
 */
#define HELD_QUIET (100 * ST_MS)
#define HELD_MOST (1000 * ST_MS)

/* The time after SIGKILL at which a process is left behind. */
#define KILL_MOST (1000 * ST_MS)

/* The times between further SIGKILLs for a tree that is still there. */
#define KILL_AGAIN (50 * ST_MS)
#define KILL_AGAIN_LATER (1000 * ST_MS)

/* The most questions for a status that other code has taken, within 0.1 s. */
#define ASK_MOST 8

#define N_OWN 3

static const size_t run_versions[] = {
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0,
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1,
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2,
};
#define N_RUN_VERSIONS 3

/* The size of the spawn arguments in version 0 of those of a run. */
#define VER0_SPAWN SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1
#define VER0_REST (SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0 - VER0_SPAWN)

_Static_assert(sizeof(struct spawn_template_run_args) ==
			       SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2 &&
		       offsetof(struct spawn_template_run_args,
				held_quiet_ns) ==
			       SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1,
	       "run args");
_Static_assert(offsetof(struct spawn_template_run_args, reserved_fd) -
			       offsetof(struct spawn_template_run_args,
					input) ==
		       VER0_REST,
	       "run args, version 0 behind spawn");
_Static_assert(sizeof(struct spawn_template_result) ==
			       SPAWN_TEMPLATE_RESULT_SIZE_VER1 &&
		       offsetof(struct spawn_template_result, user_us) ==
			       SPAWN_TEMPLATE_RESULT_SIZE_VER0,
	       "result");

/* ---- arguments */

/*
 * Takes the caller's version. Version 0 has version 1 of the spawn arguments at its
 * start, and so all that is behind these stands elsewhere than it does now.
 */
static int take_args(struct spawn_template_run_args *args, const void *from,
		     size_t size)
{
	union {
		struct spawn_template_run_args now;
		unsigned char ver0[sizeof(struct spawn_template_run_args)];
	} u;
	int version;

	version = st_args_copy(&u, from, size, run_versions, N_RUN_VERSIONS);
	if (version < 0)
		return version;
	if (version > 0) {
		*args = u.now;
	} else {
		memset(args, 0, sizeof(*args));
		memcpy(&args->spawn, u.ver0, VER0_SPAWN);
		memcpy(&args->input, u.ver0 + VER0_SPAWN, VER0_REST);
	}
	st_spawn_version(&args->spawn, version > 0 ? 2 : 1);
	return 0;
}

/**
 * st_run_args - take and judge the caller's arguments of a run
 * @args: filled in
 * @from, @size: the caller's
 *
 * Return: 0, -EINVAL or -E2BIG. It judges the actions, but not the template.
 */
int st_run_args(struct spawn_template_run_args *args, const void *from,
		size_t size)
{
	int ret = take_args(args, from, size);

	if (ret < 0)
		return ret;
	if (args->flags & ~RUN_FLAGS || (!args->input && args->input_len) ||
	    args->reserved ||
	    (args->reserved_fd != 0 && args->reserved_fd != -1))
		return -EINVAL;
	if (args->max_output > SIZE_MAX / 4)
		args->max_output = SIZE_MAX / 4;
	if (args->flags & SPAWN_TEMPLATE_RUN_SUPERVISE)
		args->flags |= SPAWN_TEMPLATE_RUN_CGROUP;
	if (args->flags & SPAWN_TEMPLATE_RUN_CGROUP &&
	    (args->cgroup_parent_fd < -1 ||
	     args->spawn.flags & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP))
		return -EINVAL;
	return st_spawn_check(&args->spawn);
}

/**
 * st_run_home - open the place for the cgroup of a run
 * @args: taken by st_run_args()
 * @home: filled in; close it with st_tree_home_close(), also on failure
 * @fallback: set if the run may do without
 *
 * Return: 0, also if there is to be none or none was found; or -errno.
 */
int st_run_home(const struct spawn_template_run_args *args,
		struct st_tree_home *home, bool *fallback)
{
	bool supervise = args->flags & SPAWN_TEMPLATE_RUN_SUPERVISE;
	int ret;

	*home = (struct st_tree_home)ST_TREE_HOME_NONE;
	*fallback = false;
	if (!(args->flags & SPAWN_TEMPLATE_RUN_CGROUP))
		return 0;
	*fallback = args->cgroup_parent_fd < 0 && !supervise;
	ret = st_tree_home_open(home, args->cgroup_parent_fd, supervise);
	return ret == -EOPNOTSUPP && *fallback ? 0 : ret;
}

/* ---- launch */

/**
 * st_run_open - make a run that is not launched
 * @run: filled in
 * @args, @devnull, @ends: as of st_io_open()
 *
 * Return: 0; or -errno, and @run and @ends are still to be closed.
 */
int st_run_open(struct st_run *run, const struct spawn_template_run_args *args,
		int devnull, struct st_io_ends *ends)
{
	*run = (struct st_run)ST_RUN_NONE;
	run->grace_ns = args->grace_ns;
	st_leftover_reap();
	run->held_quiet_ns =
		args->held_quiet_ns ? args->held_quiet_ns : HELD_QUIET;
	run->held_most_ns = args->held_most_ns ? args->held_most_ns : HELD_MOST;
	return st_io_open(&run->io, args, devnull, ends);
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
static void own_session(struct spawn_template_spawn_args *args)
{
	if (!(args->flags & SPAWN_TEMPLATE_SPAWN_SETPGROUP))
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
}

static void into_cgroup(struct spawn_template_spawn_args *args, int cgroup)
{
	args->flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args->cgroup_fd = cgroup;
}

static pid_t launch_program(struct st_run *run, int tfd, struct st_spawn *spawn,
			    struct spawn_template_failure *failure)
{
	if (run->tree.cgroup >= 0)
		into_cgroup(&spawn->args, run->tree.cgroup);
	return st_spawn(tfd, spawn, &run->pidfd, failure);
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
	uint32_t n = 0;
	pid_t pid;

	n = add_dup2(actions, n, ends->in, 0);
	n = add_dup2(actions, n, ends->out, 1);
	n = add_dup2(actions, n, ends->err, 2);
	if (args->spawn.actions_len)
		memcpy(&actions[n],
		       (const void *)(uintptr_t)args->spawn.actions,
		       args->spawn.actions_len * sizeof(actions[0]));
	spawn->args = args->spawn;
	spawn->args.actions = (uintptr_t)actions;
	spawn->args.actions_len = args->spawn.actions_len + n;
	spawn->n_own = n;
	own_session(&spawn->args);
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
	if (run->tree.cgroup >= 0)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_CGROUP;
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

/* ---- the end */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Returns the time of the next try: soon at first, then more and more seldom.
 */
static int64_t retry_at(struct st_run *run, int64_t now)
{
	unsigned int ms = run->tries < 5    ? 1U << run->tries
			  : run->tries < 36 ? 32
					    : 1000;

	run->tries++;
	return now + ms * ST_MS;
}

static void take_status(struct st_run *run, int status)
{
	if (WIFSIGNALED(status))
		run->signal = WTERMSIG(status);
	else
		run->code = WEXITSTATUS(status);
}

/*
 * Reaps the child. It asks for children of any kind, because one that dies in
 * exec has no exit signal.
 * Return: false if there is no status yet, for example because a tracer comes
 * first.
 */
static bool reap_program(struct st_run *run)
{
	siginfo_t info = { .si_pid = 0 };
	int ret;

	ret = st_pidfd_wait(run->pidfd, run->pid, &info, WEXITED | WNOHANG,
			    &run->usage);
	if (ret == 0 && info.si_pid == 0)
		return false;
	if (ret == 0) {
		if (info.si_code == CLD_EXITED)
			run->code = info.si_status;
		else
			run->signal = info.si_status;
		return true;
	}
	/* the process that has reaped it may still be at it */
	ret = st_exit_info(run->pidfd);
	if ((ret == -ENODATA || ret == -ESRCH) && run->asked++ < ASK_MOST)
		return false;
	if (ret >= 0)
		take_status(run, ret);
	else
		run->result_flags |= SPAWN_TEMPLATE_RESULT_STATUS_LOST;
	return true;
}

static void finish_run(struct st_run *run, int64_t now)
{
	if (!reap_program(run)) {
		/* and there will be none, if nothing has helped */
		if (run->phase != ST_RUN_KILLED ||
		    now < st_after(run->kill_at, KILL_MOST)) {
			run->due = retry_at(run, now);
			return;
		}
		run->result_flags |= SPAWN_TEMPLATE_RESULT_STATUS_LOST;
		st_leftover_keep(run->pid);
	}
	st_tree_remove(&run->tree);
	run->over = st_now();
	run->phase = ST_RUN_OVER;
	run->due = ST_NEVER;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Returns when nothing more is expected of pipes that have not ended. The caller's
 * patience ends with its wish for the output: whatever escapes from a tree that is
 * ended could hold the run for ever.
 */
static int64_t held_until(const struct st_run *run)
{
	uint64_t quiet = run->held_quiet_ns, most = run->held_most_ns;
	int64_t last = run->ended;

	if (run->phase != ST_RUN_LIVE) {
		quiet = shorter(quiet, HELD_QUIET);
		most = shorter(most, HELD_MOST);
	}
	if (last < run->io.out.last)
		last = run->io.out.last;
	if (last < run->io.err.last)
		last = run->io.err.last;
	return earlier(st_after(last, quiet), st_after(run->ended, most));
}

/*
 * Tells whether all was read. If not, .due is the time to give up, or has come.
 */
static bool is_drained(struct st_run *run, int64_t now)
{
	if (now >= held_until(run)) {
		/* the end may be there unseen */
		st_io_drain(&run->io.out, run->exited);
		st_io_drain(&run->io.err, run->exited);
	}
	if (run->io.out.ended && run->io.err.ended)
		return true;
	run->due = held_until(run);
	if (now < run->due)
		return false;
	run->result_flags |= SPAWN_TEMPLATE_RESULT_PIPE_HELD;
	return true;
}

static void killed_tree(struct st_run *run)
{
	int64_t now = st_now();

	if (run->phase != ST_RUN_KILLED) {
		run->phase = ST_RUN_KILLED;
		run->kill_at = now;
		run->tries = 0;
	}
	if (run->tree.killed)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_TREE_KILLED;
	run->kill_again = now + (now < st_after(run->kill_at, KILL_MOST)
					 ? KILL_AGAIN
					 : KILL_AGAIN_LATER);
	run->due = run->exited ? retry_at(run, now) : run->kill_again;
}

static void kill_tree(struct st_run *run)
{
	st_tree_signal(&run->tree, SIGKILL);
	killed_tree(run);
}

/* Tells whether the child outlives SIGKILL, since it may not be signalled. */
static bool is_out_of_reach(struct st_run *run, int64_t now)
{
	if (run->phase != ST_RUN_KILLED || run->exited ||
	    now < st_after(run->kill_at, KILL_MOST) ||
	    !st_tree_refuses(&run->tree))
		return false;
	run->result_flags |= SPAWN_TEMPLATE_RESULT_NOT_KILLED;
	return true;
}

/*
 * Tells, after a signal to the tree, whether all of it is gone or is given up.
 * If not, .due is the time of the next look.
 */
static bool is_tree_ended(struct st_run *run, int64_t now)
{
	if ((run->exited && st_tree_empty(&run->tree)) ||
	    is_out_of_reach(run, now))
		return true;
	if (run->phase == ST_RUN_TERMED && now < run->kill_at) {
		run->due = run->exited
				   ? earlier(retry_at(run, now), run->kill_at)
				   : run->kill_at;
		return false;
	}
	if (run->phase == ST_RUN_KILLED) {
		if (run->exited && now >= st_after(run->kill_at, KILL_MOST))
			return true;
		if (now < run->kill_again) {
			run->due = run->exited ? earlier(retry_at(run, now),
							 run->kill_again)
					       : run->kill_again;
			return false;
		}
	}
	kill_tree(run);
	return is_out_of_reach(run, st_now());
}

/**
 * st_run_end - end the tree of a run before its time
 * @run: the run; one that is over stays over
 * @grace_ns: from SIGTERM to SIGKILL; 0: SIGKILL at once
 */
void st_run_end(struct st_run *run, uint64_t grace_ns)
{
	if (run->phase >= ST_RUN_KILLED)
		return;
	if (!grace_ns) {
		kill_tree(run);
		return;
	}
	if (run->phase == ST_RUN_TERMED)
		return;
	run->phase = ST_RUN_TERMED;
	run->tries = 0;
	st_tree_signal(&run->tree, SIGTERM);
	run->kill_at = st_after(st_now(), grace_ns);
	run->due = run->kill_at;
}

/**
 * st_run_end_all - end the trees of several runs at once
 * @runs: those that were not ended before are put first
 * @trees: room for as many
 * @n: how many
 *
 * Return: how many were not ended before.
 */
size_t st_run_end_all(struct st_run **runs, struct st_tree **trees, size_t n)
{
	size_t live = 0;

	for (size_t i = 0; i < n; i++)
		if (runs[i]->phase < ST_RUN_KILLED)
			runs[live++] = runs[i];
	for (size_t i = 0; i < live; i++)
		trees[i] = &runs[i]->tree;
	st_tree_kill_all(trees, live);
	for (size_t i = 0; i < live; i++)
		killed_tree(runs[i]);
	return live;
}

/**
 * st_run_due - do whatever is due
 * @run: launched
 * @now: st_now()
 */
void st_run_due(struct st_run *run, int64_t now)
{
	if (run->phase == ST_RUN_OVER)
		return;
	if (run->phase == ST_RUN_LIVE && now >= run->deadline) {
		run->result_flags |= SPAWN_TEMPLATE_RESULT_TIMED_OUT;
		st_run_end(run, run->grace_ns);
		return;
	}
	if (run->phase == ST_RUN_LIVE && !run->exited) {
		run->due = run->deadline;
		return;
	}
	if (run->phase != ST_RUN_LIVE && !is_tree_ended(run, now))
		return;
	if (is_drained(run, now))
		finish_run(run, now);
	if (run->phase == ST_RUN_LIVE)
		run->due = earlier(run->due, run->deadline);
}

/* ---- events */

/**
 * st_run_read - read output, or its end
 * @run: the run
 * @stream: its out or err
 *
 * After the exit an ended stream stays open: it is about to be closed with the
 * others, once the caller of the run has been told.
 */
void st_run_read(struct st_run *run, struct st_stream *stream)
{
	st_io_drain(stream, run->exited);
	if (!stream->ended)
		return;
	if (run->exited)
		st_run_due(run, st_now());
	if (!st_run_over(run))
		st_io_close_fd(&run->io, &stream->fd);
}

/* Notes the child's end: all that it wrote is in the pipes. */
void st_run_exited(struct st_run *run)
{
	run->exited = true;
	run->ended = st_now();
	run->tries = 0;
	st_io_drain(&run->io.out, run->exited);
	st_io_drain(&run->io.err, run->exited);
	st_run_due(run, run->ended);
	if (st_run_over(run))
		return;
	/* an ended stream would stay ready for ever */
	if (run->io.out.ended)
		st_io_close_fd(&run->io, &run->io.out.fd);
	if (run->io.err.ended)
		st_io_close_fd(&run->io, &run->io.err.fd);
}

/* ---- the result */

static uint64_t us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void fill_usage(struct spawn_template_result *to,
		       const struct rusage *from)
{
	to->usage = *from;
	to->user_us = us(&from->ru_utime);
	to->system_us = us(&from->ru_stime);
	to->max_rss_kib = (uint64_t)from->ru_maxrss;
	to->minor_faults = (uint64_t)from->ru_minflt;
	to->major_faults = (uint64_t)from->ru_majflt;
	to->block_inputs = (uint64_t)from->ru_inblock;
	to->block_outputs = (uint64_t)from->ru_oublock;
	to->voluntary_switches = (uint64_t)from->ru_nvcsw;
	to->involuntary_switches = (uint64_t)from->ru_nivcsw;
}

/* Fills in a whole result, which takes over the output. */
void st_run_result(struct st_run *run, struct spawn_template_result *result)
{
	if (run->io.out.truncated)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED;
	if (run->io.err.truncated)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED;
	st_io_give_output(&run->io, result);
	result->code = run->code;
	result->signal = run->signal;
	result->flags = run->result_flags;
	result->size = sizeof(*result);
	fill_usage(result, &run->usage);
	result->spawn_ns = (uint64_t)(run->spawned - run->started);
	result->total_ns = (uint64_t)(run->over - run->started);
}

/**
 * st_run_give_result - fill in a result of the caller's size
 * @run: it is over
 * @to: the caller's, which takes over the output
 * @size: its sizeof, at least version 0's
 *
 * A size between two versions counts as the smaller one; the bytes behind that
 * version become zero, up to the caller's size.
 */
void st_run_give_result(struct st_run *run, void *to, size_t size)
{
	struct spawn_template_result result;
	size_t known = sizeof(result);

	st_run_result(run, &result);
	if (size < known) {
		known = SPAWN_TEMPLATE_RESULT_SIZE_VER0;
		result.size = 0;
	}
	memset(to, 0, size);
	memcpy(to, &result, known);
}

/* Frees all that a run holds. The run is over, or was never launched. */
void st_run_close(struct st_run *run)
{
	st_io_close(&run->io);
	st_io_close_fd(&run->io, &run->pidfd);
	st_tree_remove(&run->tree);
}

void spawn_template_result_free(struct spawn_template_result *result)
{
	if (!result)
		return;
	free(result->out);
	free(result->err);
	result->out = result->err = NULL;
	result->out_len = result->err_len = 0;
}
