/* SPDX-License-Identifier: BSD-2-Clause */
/* The data of a supervisor, and its entry point. See supervisor_child.c. */
#ifndef ST_SUPERVISOR_CHILD_H
#define ST_SUPERVISOR_CHILD_H

#include <stdint.h>
#include <sys/resource.h>

#include "tree/cgroup.h"
#include "tree/walk.h"
#include "tree/ward.h"

#define ST_SUPERVISOR_FDS 5

/* The end of a program, as its keeper tells it. */
struct st_kept_end {
	int code, status;	/* as of waitid(2) */
	int others;		/* further children that it had left; -1: not known */
	int unused;
	struct rusage usage;
};

/*
 * A keeper: the supervisor of one run without a cgroup. It is the program's parent,
 * and orphans below the program become its children, so that none gets lost.
 */
struct st_kept {
	/* the program's child, from clone to exec; NULL: none */
	void (*child)(void *);
	void *launch;		/* for child */
	int *parent;		/* in the launch: set to the keeper's pid */
	void *stack;		/* the child's, its upper end */
	unsigned long flags;	/* for clone(2) */
	bool filtered;		/* a filter of its own may kill the child in exec */
	volatile int *error;	/* of the child's report */
	volatile bool *in_exec;
	pid_t *told;		/* shared with the caller: the program's pid */
	pid_t program;
	int events;	/* a signalfd for SIGCHLD; below 0: it is not allowed */
	char children[32], proc[8], stat[8];
	struct st_kept_end end;
};

/* All data, with strings, in the one mapping that it keeps besides its code. */
struct st_supervisor {
	int lifeline; /* its other end is the caller's; told when ready */
	int caller;		/* pidfd; -1: none */
	int dir, parent;
	int kill;		/* cgroup.kill of dir; -1: none */
	int keep[ST_SUPERVISOR_FDS];	/* the above, ascending; -1 first */
	char name[ST_CGROUP_NAME];	/* the name of dir in parent */

	uintptr_t page;		/* size */
	uintptr_t code, code_end;
	uintptr_t stack, stack_end;	/* of the mapping with this structure */

	struct walk_names names;
	char comm[16];
	char root[4];
	char fds[16];		/* /proc/self/fd */
	char oom[32], oom_value[8];

	/* of a sentinel: the caller's table, which it keeps, too; NULL: none */
	const struct st_ward *wards;
	uintptr_t wards_end;
	unsigned int n_wards;

	long pid;		/* set by st_supervisor_clone() */
	struct st_kept kept;
};

/* The section with all of its code. */
#define ST_SUPERVISOR_CODE "st_supervisor"

void st_supervisor_clone(void *supervisor);

#endif
