/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a run: the program and what it starts, and how all of it is ended.
 *
 * Two ways. A cgroup v2 directory of its own, where there is a directory below
 * which one may be made: nothing gets out of it. Otherwise what can be found: the
 * process group and the session that the child leads, and descendants by /proc.
 *
 * Nothing here has state of its own. A tree and a home are used by one thread
 * at a time; several trees may share a home.
 */
#ifndef ST_TREE_H
#define ST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
	char name[48];		/* of a supervised dir in parent */
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
	char name[48];		/* of cgroup in home->dir */
	struct st_member *members;	/* seen when it was last looked at */
	size_t n_members, max_members;
	bool complete;		/* all were stopped, and got SIGKILL then */
};

int st_tree_home_open(struct st_tree_home *home, int parent_fd, bool supervise);
bool st_tree_home_guarded(const struct st_tree_home *home);
void st_tree_home_close(struct st_tree_home *home);
void st_tree_home_forget(struct st_tree_home *home);

int st_tree_make(struct st_tree *tree, const struct st_tree_home *home);
int st_tree_make_or_none(struct st_tree *tree, const struct st_tree_home *home);
int st_tree_signal(struct st_tree *tree, int sig);
void st_tree_kill_all(struct st_tree **trees, size_t n);
bool st_tree_empty(struct st_tree *tree);
void st_tree_remove(struct st_tree *tree);

#endif
