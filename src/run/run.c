/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run, from its launch on: its events, its deadline and its end.
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

#include "pidfd.h"
#include "shared/calls.h"
#include "shared/clock.h"
#include "run/exit_info.h"
#include "run/io.h"
#include "run/leftover.h"
#include "run/run.h"
#include "sys.h"

/* The time after SIGKILL at which a process is left behind. */
#define KILL_MOST (1000 * ST_MS)

/* The times between further SIGKILLs for a tree that is still there. */
#define KILL_AGAIN (50 * ST_MS)
#define KILL_AGAIN_LATER (1000 * ST_MS)

/* The most looks for leftovers while no fd is free to look with, within 1 s. */
#define COUNT_TRIES 36

/* The most questions for a status that other code has taken, within 0.1 s. */
#define ASK_MOST 8

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

/* Takes the status from the keeper, which reaps the child. */
static bool take_word(struct st_run *run)
{
	const struct st_kept_end *end = &run->keeper.end;

	if (!st_keeper_has_told(&run->keeper))
		return false;
	if (run->keeper.lost)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_STATUS_LOST;
	else if (end->code == CLD_EXITED)
		run->code = end->status;
	else
		run->signal = end->status;
	run->usage = end->usage;
	return true;
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

	if (run->keeper.pid)
		return take_word(run);
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

/* Takes the figures of a limited tree, before its cgroup is removed. */
static void take_usage(struct st_run *run)
{
	if (!run->limits.wanted || run->tree.cgroup < 0)
		return;
	st_limits_read(run->tree.cgroup, &run->tree_usage);
	if (run->tree_usage.oom)
		run->result_flags |= SPAWN_TEMPLATE_RESULT_OOM;
}

/* Tells the sentinel, before the program's number may become another's. */
static void leave_ward(struct st_run *run)
{
	if (run->ward)
		st_ward_clear(run->ward);
	run->ward = NULL;
}

static void finish_run(struct st_run *run, int64_t now)
{
	leave_ward(run);
	if (!reap_program(run)) {
		/* and there will be none, if nothing has helped */
		if (run->phase != ST_RUN_KILLED ||
		    now < st_after(run->kill_at, KILL_MOST)) {
			run->due = retry_at(run, now);
			return;
		}
		run->result_flags |= SPAWN_TEMPLATE_RESULT_STATUS_LOST;
		if (!run->keeper.pid)
			st_leftover_keep(run->pid);
	}
	take_usage(run);
	st_keeper_close(&run->keeper);
	st_tree_remove(&run->tree);
	run->over = st_now();
	run->phase = ST_RUN_OVER;
	run->due = ST_NEVER;
}

/* Tells whether there is output that the caller has no room for now. */
static bool is_paused(const struct st_run *run)
{
	return run->io.out.paused || run->io.err.paused;
}

/* Returns the time of the last output, or of something else. */
static int64_t last_output(const struct st_run *run, int64_t otherwise)
{
	int64_t last = otherwise;

	if (last < run->io.out.last)
		last = run->io.out.last;
	if (last < run->io.err.last)
		last = run->io.err.last;
	return last;
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

	if (run->phase != ST_RUN_LIVE) {
		quiet = shorter(quiet, ST_HELD_QUIET);
		most = shorter(most, ST_HELD_MOST);
	}
	return earlier(st_after(last_output(run, run->ended), quiet),
		       st_after(run->ended, most));
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
	if (is_paused(run) && run->phase == ST_RUN_LIVE) {
		run->due = ST_NEVER;
		return false;
	}
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
	run->leaving = false;
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

	for (size_t i = 0; i < n; i++) {
		runs[i]->leaving = false;
		if (runs[i]->phase < ST_RUN_KILLED)
			runs[live++] = runs[i];
	}
	for (size_t i = 0; i < live; i++)
		trees[i] = &runs[i]->tree;
	st_tree_kill_all(trees, live);
	for (size_t i = 0; i < live; i++)
		killed_tree(runs[i]);
	return live;
}

/* ---- leftovers */

/*
 * Ends the program's group, which may be empty, where nothing tells what is left. There
 * is no grace: nobody could see when it is over.
 */
static void end_unseen(struct st_run *run)
{
	run->result_flags |= SPAWN_TEMPLATE_RESULT_UNSEEN;
	st_tree_kill_unseen(&run->tree);
}

/*
 * Ends what the program has left, once its output was read: a filter at the end of a
 * shell's line may outlive the shell for a moment, and have more to say. Meanwhile the
 * phase is that of a run that is being ended, but the caller's output, and the
 * program's end, are as they were.
 * Return: false if nothing is left, or nobody can tell.
 */
static bool begin_leaving(struct st_run *run)
{
	int n;

	if (!run->end_leftovers || run->phase != ST_RUN_LIVE)
		return false;
	if (run->keeper.pid && st_keeper_has_told(&run->keeper) &&
	    run->keeper.told && run->keeper.end.others == 0)
		return false;
	n = st_tree_count(&run->tree);
	if (n < 0 && n != -EOPNOTSUPP && run->tries < COUNT_TRIES) {
		run->due = retry_at(run, st_now());
		return true;
	}
	/* nothing tells here whether they have more to say */
	if (n > 0 && run->blind && st_now() < held_until(run)) {
		run->due = earlier(held_until(run), retry_at(run, st_now()));
		return true;
	}
	if (n < 0)
		end_unseen(run);
	run->end_leftovers = false;
	if (n <= 0)
		return false;
	run->leftovers = (uint32_t)n;
	run->result_flags |= SPAWN_TEMPLATE_RESULT_LEFTOVERS;
	/* that will show again when they are gone */
	run->result_flags &= ~SPAWN_TEMPLATE_RESULT_PIPE_HELD;
	st_run_end(run, run->grace_ns);
	run->due = earlier(run->due, retry_at(run, st_now()));
	run->leaving = true;
	return true;
}

static void end_leaving(struct st_run *run)
{
	if (!run->leaving)
		return;
	run->leaving = false;
	run->phase = ST_RUN_LIVE;
	run->tries = 0;
}

/* ---- deadlines */

/* Returns when a run that lives has been without output for too long. */
static int64_t idle_at(const struct st_run *run)
{
	if (!run->idle_ns || is_paused(run))
		return ST_NEVER;
	return st_after(last_output(run, run->spawned), run->idle_ns);
}

void st_run_idle(struct st_run *run)
{
	run->due = earlier(run->due, idle_at(run));
}

/* Lets the program go on to a second deadline. */
static void detach(struct st_run *run, uint32_t flags)
{
	run->result_flags |= SPAWN_TEMPLATE_RESULT_DETACHED;
	run->detach_flags = flags | SPAWN_TEMPLATE_RESULT_DETACHED;
	run->deadline = st_after(st_now(), run->detached_ns);
	run->due = run->deadline;
	run->detached_ns = run->idle_ns = 0;
}

static void time_out(struct st_run *run, uint32_t flags)
{
	flags |= SPAWN_TEMPLATE_RESULT_TIMED_OUT;
	if (run->detached_ns && !run->exited) {
		detach(run, flags);
		return;
	}
	run->result_flags |= flags;
	st_run_end(run, run->grace_ns);
}

/* Keeps the deadlines of a program that has not ended. */
static void check_idle(struct st_run *run, int64_t now)
{
	if (now >= idle_at(run)) {
		/* output may be there unseen */
		st_io_drain(&run->io.out, false);
		st_io_drain(&run->io.err, false);
	}
	if (now >= idle_at(run)) {
		time_out(run, SPAWN_TEMPLATE_RESULT_IDLE);
		return;
	}
	run->due = run->deadline;
	st_run_idle(run);
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
		time_out(run, 0);
		return;
	}
	if (run->phase == ST_RUN_LIVE && !run->exited) {
		check_idle(run, now);
		return;
	}
	if (run->phase != ST_RUN_LIVE && !is_tree_ended(run, now))
		return;
	end_leaving(run);
	if (is_drained(run, now) && !begin_leaving(run))
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

/* Reads on, once the sink of a stream has room again. The pause counts as output. */
void st_run_resume(struct st_run *run, struct st_stream *stream)
{
	if (stream->fd < 0 || stream->ended)
		return;
	if (run->exited)
		run->ended += st_now() - last_output(run, run->ended);
	stream->last = st_now();
	st_run_read(run, stream);
	if (!st_run_over(run))
		st_run_due(run, st_now());
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

/* ---- closing */

/* Frees all that a run holds. The run is over, or was never launched. */
void st_run_close(struct st_run *run)
{
	st_io_close(&run->io);
	st_io_close_fd(&run->io, &run->pidfd);
	st_keeper_close(&run->keeper);
	leave_ward(run);
	st_tree_remove(&run->tree);
}
