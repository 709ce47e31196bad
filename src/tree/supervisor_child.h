/* SPDX-License-Identifier: BSD-2-Clause */
/* The data of a supervisor, and its entry point. See supervisor_child.c. */
#ifndef ST_SUPERVISOR_CHILD_H
#define ST_SUPERVISOR_CHILD_H

#include <stdint.h>

#include "tree/cgroup.h"
#include "tree/walk.h"

#define ST_SUPERVISOR_FDS 5

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

	long pid;		/* set by st_supervisor_clone() */
};

/* The section with all of its code. */
#define ST_SUPERVISOR_CODE "st_supervisor"

void st_supervisor_clone(void *supervisor);

#endif
