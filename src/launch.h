/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent's orders for the child of one launch, and the child's report. */
#ifndef ST_LAUNCH_H
#define ST_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <spawn_template.h>

#include "action.h"
#include "shared/proto.h"

/* Features that the kernel or a sandbox lacks; remembered for the process. */
#define ST_LACKS_CLONE3		(1U << 0)
#define ST_LACKS_CLOEXEC_RANGE	(1U << 1) /* CLOSE_RANGE_CLOEXEC */
#define ST_LACKS_CLOSE_RANGE	(1U << 2)
#define ST_LACKS_UNSHARE_RANGE	(1U << 3) /* CLOSE_RANGE_UNSHARE */
#define ST_LACKS_EXECVEAT	(1U << 4)
#define ST_LACKS_CLONE_PIDFD	(1U << 5)
#define ST_LACKS_OWN_CORE	(1U << 6) /* see st_clone_learn() */
#define ST_LACKS_ALL_BUT_FORK	(1U << 7) /* children of all other kinds */

/*
 * Written by the child, and read by the parent once the child has exec'ed or is
 * gone. Volatile, because the child runs in the middle of a system call of the
 * parent, or beside it.
 */
struct st_report {
	volatile int error;		/* negated errno; 0: none so far */
	volatile uint32_t stage;	/* SPAWN_TEMPLATE_STAGE_* */
	volatile uint32_t action;
	volatile uint32_t fallbacks;	/* bits: SPAWN_TEMPLATE_FALLBACK_* */
	volatile int pidfd; /* with open_pidfd: the parent's number */
	volatile int pid;		/* with reset_handlers; clone3 sets tid */
	bool any_ctime;			/* the content was the same: see check.c */
	volatile bool runs;		/* the child has begun */
	volatile bool in_exec;		/* exec was entered and did not return */
	volatile bool warm;		/* a prepared process served it */
	volatile bool by_exec;		/* the error is an answer of exec */
	volatile bool needs_path;	/* exec by fd found no interpreter */
	volatile bool not_private;	/* could not leave the shared fd table */
};

struct st_keeper;

struct st_launch {
	const struct spawn_template_spawn_args *args;
	const struct spawn_template_action *actions;
	uint32_t n_actions;
	struct st_plan plan;

	int tfd;			/* the caller's number for the file */
	const struct spawn_template_key *key;
	uint64_t another_ctime;		/* see st_key_fits(); 0: none */
	const char *exec_path;		/* NULL: no path */
	bool by_path;
	int parent;			/* pid, for DIE_WITH_PARENT */
	struct st_mark mark; /* the guard finds it at exec; id 0: none */
	bool unwaited;			/* the thread that clones goes on at once */

	uint32_t lacks;			/* ST_LACKS_* */
	bool reset_handlers;		/* clone without CLONE_CLEAR_SIGHAND */
	bool catch_cores;		/* the child must not dump core */
	bool open_pidfd;		/* clone without CLONE_PIDFD */
	bool shared_files;		/* CLONE_FILES: get a table of its own */
	unsigned int cut;		/* the own table stops below this fd */
	bool masked;			/* the child sets its mask */
	uint64_t mask;			/* the caller's, if masked */
	bool batch;			/* leave SCHED_BATCH for SCHED_OTHER */
	bool close_now;			/* close before exec, not at exec */
	bool outlives; /* the launching thread is there until the child has ended */
	volatile pid_t *told;	/* set to the child's pid before exec; or NULL */
	struct st_watch *watch; /* lets another thread end the child, or NULL */
	/* how it does, if not by the pidfd below; or NULL */
	void (*end)(const struct st_launch *launch);
	struct st_warm *warm;	/* takes the launch if a process fits; or NULL */
	int pidfd;			/* from CLONE_PIDFD; else -1 */
	pid_t tid; /* from clone3: not 0 once there is a child */
	int wait_fd; /* forked: the child's end of a socket, above 2; else 0 */
	int go_fd;			/* the parent's end */
	struct st_report *report;
	struct st_keeper *keeper; /* see src/run/keeper.h; or NULL */
	uint32_t rest;	/* of a session shell: see src/warm/shell.h; else 0 */
	void *block;	/* its arguments */
};

/* Tells whether an action names this descriptor. Inlined, as the child needs it. */
static inline __attribute__((always_inline)) bool
st_launch_names(const struct st_launch *l, int fd)
{
	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].fd == fd || l->actions[i].newfd == fd)
			return true;
	return false;
}

#endif
