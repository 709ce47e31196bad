/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run, from the launch until all of it is over: a machine that reads,
 * writes and signals without ever waiting. Its driver waits: wait.c for the
 * blocking call, reactor.c for a ring.
 *
 * The driver calls st_run_read(), st_io_feed() and st_run_exited() when an fd
 * of the run is ready, and st_run_due() at the time in .due, until
 * st_run_over(). Fds that the run no longer needs are closed and -1;
 * st_run_close() closes the rest.
 */
#ifndef ST_RUN_H
#define ST_RUN_H

#include "run/io.h"
#include "run/keeper.h"
#include "shared/clock.h"
#include "spawn.h"
#include "tree/sentinel.h"
#include "tree/tree.h"

/*
 * The time for which a pipe that outlives the program is read, by default; and at
 * most, if the run is being ended.
 */
#define ST_HELD_QUIET (100 * ST_MS)
#define ST_HELD_MOST (1000 * ST_MS)

enum st_run_phase {
	ST_RUN_LIVE,		/* nothing was done to end it */
	ST_RUN_TERMED,		/* the tree got SIGTERM */
	ST_RUN_KILLED,		/* the tree got SIGKILL */
	ST_RUN_OVER,
};

struct st_run {
	struct st_io io;
	uint64_t grace_ns;
	uint64_t held_quiet_ns, held_most_ns;
	uint64_t idle_ns;	/* longest time without output; 0: no limit */
	uint64_t detached_ns;	/* time after the deadline; 0: it is the end */
	uint32_t detach_flags;	/* result flags; 0: not detached */
	pid_t pid;
	int pidfd;
	struct st_tree tree;
	struct st_limits limits;
	struct st_keeper keeper;
	struct st_ward *ward;	/* while it is in flight; or NULL */
	enum st_run_phase phase;
	bool exited;		/* but a zombie until the run is over */
	bool supervise;		/* by a cgroup's supervisor, or a keeper */
	bool end_with_caller;	/* without a cgroup, by the ring's sentinel */
	bool end_leftovers;	/* when the program has ended by itself */
	bool leaving;		/* they are being ended */
	bool blind;		/* the output is the caller's own, and not read here */
	uint32_t leftovers;	/* how many there were */
	int64_t started, spawned, ended, over;
	int64_t deadline, kill_at, kill_again;
	int64_t due;		/* time for st_run_due(); ST_NEVER */
	unsigned int tries;	/* number of retries, for the delay */
	unsigned int asked;	/* questions for a status taken by others */

	uint32_t result_flags;
	int32_t code, signal;
	struct rusage usage;
	struct st_usage tree_usage;
};

/* A run that holds nothing. */
#define ST_RUN_NONE \
	{ \
		.io = ST_IO_NONE, .pid = -1, .pidfd = -1, \
		.tree = { .pid = -1, .pidfd = -1, .cgroup = -1 }, \
		.keeper = ST_KEEPER_NONE, .deadline = ST_NEVER, \
		.kill_at = ST_NEVER, .due = ST_NEVER, .code = -1, \
		.signal = -1, \
	}

int st_run_args(struct spawn_template_run_args *args, const void *from,
		size_t size, bool of_ring);
int st_run_home(const struct spawn_template_run_args *args,
		struct st_tree_home *home, bool *fallback,
		struct spawn_template_failure *failure);
bool st_run_is_supervised(const struct spawn_template_run_args *args);
struct st_limits st_run_limits(const struct spawn_template_run_args *args);
int st_run_open(struct st_run *run, const struct spawn_template_run_args *args,
		int devnull, struct st_feed *feed, struct st_io_ends *ends);
int st_run_launch(struct st_run *run, int tfd,
		  const struct spawn_template_run_args *args,
		  const struct st_io_ends *ends, bool fallback,
		  struct st_spawn *spawn,
		  struct spawn_template_failure *failure);
void st_run_start(struct st_run *run, uint64_t timeout_ns);

void st_run_read(struct st_run *run, struct st_stream *stream);
void st_run_resume(struct st_run *run, struct st_stream *stream);
void st_run_exited(struct st_run *run);
void st_run_due(struct st_run *run, int64_t now);
void st_run_end(struct st_run *run, uint64_t grace_ns);
size_t st_run_end_all(struct st_run **runs, struct st_tree **trees, size_t n);

/* Makes a run that lives due no later than at the end of its time without output. */
void st_run_idle(struct st_run *run);

static inline bool st_run_over(const struct st_run *run)
{
	return run->phase == ST_RUN_OVER;
}

void st_run_result(struct st_run *run, struct spawn_template_result *result);
void st_run_snapshot(struct st_run *run, struct spawn_template_result *result);
void st_run_give_result(struct st_run *run, void *to, size_t size);
void st_run_close(struct st_run *run);

#endif
