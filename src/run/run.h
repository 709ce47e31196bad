/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run, from the launch until all of it is over: a machine that reads, writes
 * and signals without ever waiting. Who drives it waits: run_wait.c for the
 * blocking call, reactor.c for a ring.
 *
 * The driver calls st_run_read(), st_run_feed() and st_run_exited() when an fd
 * of the run is ready, and st_run_due() when the time in .due has come, until
 * st_run_over(). Fds that the run is through with before that are closed and -1;
 * the rest is closed by st_run_close().
 */
#ifndef ST_RUN_H
#define ST_RUN_H

#include "shared/clock.h"
#include "tree/tree.h"
#include "spawn.h"

/* An output stream of the program. */
struct st_stream {
	int fd;			/* reading end; -1: closed, or not captured */
	bool ended;		/* nothing more comes */
	int64_t last;		/* when something last came */
	char *data;
	size_t len, size, max;
	bool truncated;
};

enum st_run_phase {
	ST_RUN_LIVE,		/* nothing has been done to end it */
	ST_RUN_TERMED,		/* the tree got SIGTERM */
	ST_RUN_KILLED,		/* the tree got SIGKILL */
	ST_RUN_OVER,
};

struct st_run {
	uint32_t flags;		/* SPAWN_TEMPLATE_RUN_* */
	uint64_t grace_ns;
	struct st_stream out, err;
	int in;			/* writing end; -1: all is fed */
	int epoll;		/* our fds leave it when they close; -1: none */
	const char *input;	/* what is left of it */
	size_t input_len;

	pid_t pid;
	int pidfd;
	struct st_tree tree;
	enum st_run_phase phase;
	bool exited;		/* but a zombie until the run is over */
	int64_t started, spawned, ended, over;
	int64_t deadline, kill_at, kill_again;
	int64_t due;		/* when to call st_run_due(); ST_NEVER */
	unsigned int tries;	/* of what is tried again, for its delay */
	unsigned int asked;	/* for a status that is not ours to take */

	uint32_t result_flags;
	int32_t code, signal;
	struct rusage usage;
};

/* One that holds nothing. */
#define ST_RUN_NONE \
	{ \
		.out = { .fd = -1, .ended = true }, \
		.err = { .fd = -1, .ended = true }, .in = -1, .epoll = -1, \
		.pid = -1, .pidfd = -1, \
		.tree = { .pid = -1, .pidfd = -1, .cgroup = -1 }, \
		.deadline = ST_NEVER, .kill_at = ST_NEVER, .due = ST_NEVER, \
		.code = -1, .signal = -1, \
	}

/* The child's ends of the pipes. */
struct st_run_ends {
	int in, out, err;
};

int st_run_args(struct spawn_template_run_args *args, const void *from,
		size_t size);
int st_run_devnull(int *fd);
int st_run_home(const struct spawn_template_run_args *args,
		struct st_tree_home *home, bool *fallback);
int st_run_open(struct st_run *run, const struct spawn_template_run_args *args,
		int devnull, struct st_run_ends *ends);
int st_run_launch(struct st_run *run, int tfd,
		  const struct spawn_template_run_args *args,
		  const struct st_run_ends *ends, bool fallback,
		  struct st_spawn *spawn,
		  struct spawn_template_failure *failure);
void st_run_start(struct st_run *run, uint64_t timeout_ns);
void st_run_close_ends(struct st_run_ends *ends, int devnull);

void st_run_read(struct st_run *run, struct st_stream *stream);
void st_run_feed(struct st_run *run, bool nobody_reads);
void st_run_exited(struct st_run *run);
void st_run_due(struct st_run *run, int64_t now);
void st_run_end(struct st_run *run, uint64_t grace_ns);
size_t st_run_end_all(struct st_run **runs, struct st_tree **trees, size_t n);

static inline bool st_run_over(const struct st_run *run)
{
	return run->phase == ST_RUN_OVER;
}

void st_run_result(struct st_run *run, struct spawn_template_result *result);
void st_run_give_result(struct st_run *run, void *to, size_t size);
void st_run_close(struct st_run *run);

#endif
