/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree and its home, for the files of this folder. tree.h has the functions
 * for other folders.
 */
#ifndef ST_TREE_TYPES_H
#define ST_TREE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/cgroup.h"
#include "tree/newer.h"

/*
 * The directory below which runs get their cgroups. With a supervisor it is
 * made for that purpose, and the supervisor kills everything in it and removes
 * it when this process ends, or when all copies of the lifeline are closed.
 * exec closes the lifeline. A child that is forked and does not exec holds a
 * copy. That matters only if this process execs meanwhile: its end is still
 * seen, and st_tree_home_close() still works.
 */
struct st_tree_home {
	int dir;		/* runs get their cgroups here; -1: none */
	int parent;		/* of a supervised dir; else -1 */
	int lifeline;		/* -1: no supervisor */
	pid_t supervisor;
	char name[ST_CGROUP_NAME]; /* the name of a supervised dir in parent */
};

#define ST_TREE_HOME_NONE \
	{ \
		-1, -1, -1, -1, "" \
	}

/* A process that was seen in the tree. */
struct st_member {
	pid_t pid;
	uint64_t start;		/* clock ticks since boot: tells reuse */
	int64_t stopped;	/* time of the last SIGSTOP; 0: none now */
};

struct st_tree {
	pid_t pid;		/* the direct child, not reaped by us yet */
	int pidfd;		/* the child's; borrowed */
	int cgroup;		/* its directory; -1: none */
	pid_t reaper;		/* all its children are of the tree; 0: none */
	const struct st_tree_home *home;	/* the home of cgroup */
	char name[ST_CGROUP_NAME];	/* the name of cgroup in home->dir */
	struct st_member *members;	/* those seen at the last look */
	size_t n_members, max_members;
	struct st_moment before;	/* its launch; zero: not known */
	bool complete;		/* all were stopped when they got SIGKILL */
	bool killed;		/* at least one process got SIGKILL */
};

#endif
