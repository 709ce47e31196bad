/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree and its home, as the files of this folder share them. tree.h has the
 * functions for others.
 */
#ifndef ST_TREE_TYPES_H
#define ST_TREE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/cgroup.h"

/*
 * Below which directory the cgroups of runs are made. With a supervisor, that is
 * one of our own, which the supervisor kills and removes when this process ends,
 * or when all copies of the lifeline are closed. exec closes it; a child that is
 * forked and does not exec holds a copy, which matters only if this process
 * execs meanwhile: its end is seen, and st_tree_home_close() works, all the
 * same.
 */
struct st_tree_home {
	int dir;		/* runs get theirs here; -1: none */
	int parent;		/* of a supervised dir; else -1 */
	int lifeline;		/* -1: no supervisor */
	pid_t supervisor;
	char name[ST_CGROUP_NAME];	/* of a supervised dir in parent */
};

#define ST_TREE_HOME_NONE \
	{ \
		-1, -1, -1, -1, "" \
	}

/* A process that was seen in the tree. */
struct st_member {
	pid_t pid;
	uint64_t start;		/* clock ticks since boot: tells reuse */
	int64_t stopped;	/* when it was last sent SIGSTOP; 0: not now */
};

struct st_tree {
	pid_t pid;		/* the direct child, not reaped by us yet */
	int pidfd;		/* of it; borrowed */
	int cgroup;		/* its directory; -1: none */
	const struct st_tree_home *home;	/* of cgroup */
	char name[ST_CGROUP_NAME];	/* of cgroup in home->dir */
	struct st_member *members;	/* seen when it was last looked at */
	size_t n_members, max_members;
	bool complete;		/* all were stopped, and got SIGKILL then */
};

#endif
