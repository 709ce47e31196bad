/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parent hands to the child of one launch, and what it gets back.
 */
#ifndef ST_LAUNCH_H
#define ST_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <spawn_template.h>

#include "action.h"
#include "shared/proto.h"

/* What the kernel, or a sandbox, turned out to lack; kept for the process. */
#define ST_LACKS_CLONE3		(1U << 0)
#define ST_LACKS_CLOEXEC_RANGE	(1U << 1) /* CLOSE_RANGE_CLOEXEC */
#define ST_LACKS_CLOSE_RANGE	(1U << 2)
#define ST_LACKS_UNSHARE_RANGE	(1U << 3) /* CLOSE_RANGE_UNSHARE */
#define ST_LACKS_EXECVEAT	(1U << 4)
#define ST_LACKS_CLONE_PIDFD	(1U << 5)

/*
 * Written by the child, read by the parent once the child has exec'ed or is
 * gone. Volatile: the child runs in the middle of a system call of the parent, or
 * beside it.
 */
struct st_report {
	volatile int error;		/* negated errno; 0: none told */
	volatile uint32_t stage;	/* SPAWN_TEMPLATE_STAGE_* */
	volatile uint32_t action;
	volatile uint32_t fallbacks;	/* bits: SPAWN_TEMPLATE_FALLBACK_* */
	volatile int pidfd;		/* with open_pidfd: in the parent's table */
	volatile bool runs;		/* the child has begun */
	volatile bool in_exec;		/* exec was entered and did not return */
	volatile bool by_exec;		/* the error is what exec answered */
	volatile bool not_private;	/* could not leave the shared fd table */
};

struct st_launch {
	const struct spawn_template_spawn_args *args;
	const struct spawn_template_action *actions;
	uint32_t n_actions;
	struct st_plan plan;

	int tfd;			/* the caller's number for the file */
	const struct spawn_template_key *key;
	const char *exec_path;		/* NULL: there is none */
	bool by_path;
	int parent;			/* pid, for DIE_WITH_PARENT */
	struct st_mark mark;		/* by which the guard knows it; id 0: none */
	bool unwaited;			/* the thread that clones goes on at once */

	uint32_t lacks;			/* ST_LACKS_* */
	bool reset_handlers;		/* CLONE_CLEAR_SIGHAND was not there */
	bool open_pidfd;		/* CLONE_PIDFD was not there */
	bool shared_files;		/* CLONE_FILES: get a table of its own */
	unsigned int cut;		/* the own table stops below this fd */
	bool masked;			/* the child sets its mask */
	uint64_t mask;			/* with masked: the caller's */
	bool batch;			/* leave SCHED_BATCH for SCHED_OTHER */
	bool close_now;			/* before exec, not by it */
	struct st_watch *watch;		/* who may end the child early; or NULL */
	int pidfd;			/* by CLONE_PIDFD; else -1 */
	pid_t tid;			/* by clone3: not 0 once there is a child */
	struct st_report *report;
};

#endif
