/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children of child_process: made by process_spawn.c, watched by process.c; or made and
 * waited for by process_sync.c.
 */
#ifndef BINDINGS_NODE_PROCESS_H
#define BINDINGS_NODE_PROCESS_H

#include "native.h"

/* ---- process_stdio.c */

/* An entry of stdio, beside the number of a descriptor. */
#define STDIO_NULL (-1)			/* /dev/null */
#define STDIO_PIPE (-2)			/* a new socket */
#define STDIO_NONE (-3)			/* nothing is opened there */

#define STDIO_MAX 64

struct stdio {
	size_t n;
	const int32_t *given;
	int32_t *ours;			/* the ends of this process, or -1 */
	int theirs[STDIO_MAX];
	bool made[STDIO_MAX];		/* theirs is to be closed */
};

int stdio_open(struct stdio *io);
/* Closes the child's ends; after a failed launch those of this process, too. */
void stdio_close(struct stdio *io, bool failed);
size_t stdio_actions(const struct stdio *io, struct spawn_template_action *a);

/* ---- process_spawn.c: the arguments of a launch */

struct launch {
	struct run run;
	int32_t tfd;
	struct stdio io;
	bool terminal;
	struct spawn_template_action actions[STDIO_MAX + 4];
};

/* Bits of the first of the numbers of a launch. */
enum {
	LAUNCH_SESSION = 1,		/* the child leads a session */
	LAUNCH_TERMINAL = 2,		/* whose terminal is its stdin */
	LAUNCH_STDIO_ONLY = 4,		/* nothing but stdio is inherited */
};

/* tfd, argv, env, cwd, stdio, ours, numbers: LAUNCH_*, uid, gid */
#define LAUNCH_VALUES 7
/* Opens the stdio, if it returns 0. launch_free() whatever it returns. */
int launch_take(struct launch *l, napi_env napi, const napi_value *values);
void launch_free(struct launch *l);

/* ---- process_end.c */

struct child_end {
	int code, signal;		/* one of them is 0 */
};

/*
 * Tries whether children can be watched, signalled and reaped by pidfds: a sandbox may
 * deny a call, and Linux before 5.4 lacks some. That must be known before there is a
 * child. Return: 0; -ENOSYS; or -EMFILE and the like, for now.
 */
int child_end_try(void);
/* Reaps the child if it has ended; tells whether it has. */
bool child_end_reap(int pidfd, struct child_end *end);
/* Tells whether the end of a child that was reaped is known (Linux 6.15). */
bool child_end_reaped(int pidfd, struct child_end *end);

/* ---- process.c */

/* Watches a child. On failure the launch is still the caller's. */
int kid_add(struct env *env, double id, int pid,
	    struct spawn_template_begin *begin);

#endif /* BINDINGS_NODE_PROCESS_H */
