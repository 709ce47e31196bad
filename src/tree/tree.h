/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a run: the program and what it starts, and how all of it is ended.
 *
 * Two ways. A cgroup v2 directory of its own, where there is a directory below
 * which one may be made: nothing gets out of it. Otherwise what can be found: the
 * process group and the session that the child leads, and descendants by /proc.
 *
 * Nothing here has state of its own. A group and a home are used by one thread
 * at a time; several groups may share a home.
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
 * execs meanwhile: its end is seen, and st_group_home_close() works, all the
 * same.
 */
struct st_group_home {
	int dir;		/* runs get theirs here; -1: none */
	int parent;		/* of a supervised dir; else -1 */
	int lifeline;		/* -1: no supervisor */
	pid_t supervisor;
	char name[48];		/* of a supervised dir in parent */
};

#define ST_GROUP_HOME_NONE \
	{ \
		-1, -1, -1, -1, "" \
	}

/* A process that was seen in the tree. */
struct st_member {
	pid_t pid;
	uint64_t start;		/* clock ticks since boot: tells reuse */
	int64_t stopped;	/* when it was last sent SIGSTOP; 0: not now */
};

struct st_group {
	pid_t pid;		/* the direct child, not reaped by us yet */
	int pidfd;		/* of it; borrowed */
	int cgroup;		/* its directory; -1: none */
	const struct st_group_home *home;	/* of cgroup */
	char name[48];		/* of cgroup in home->dir */
	struct st_member *members;	/* seen when it was last looked at */
	size_t n_members, max_members;
	bool complete;		/* all were stopped, and got SIGKILL then */
};

int st_group_home_open(struct st_group_home *home, int parent_fd,
		       bool supervise);
bool st_group_home_guarded(const struct st_group_home *home);
void st_group_home_close(struct st_group_home *home);
void st_group_home_forget(struct st_group_home *home);

int st_group_make(struct st_group *group, const struct st_group_home *home);
int st_group_make_or_none(struct st_group *group,
			  const struct st_group_home *home);
int st_group_signal(struct st_group *group, int sig);
void st_group_kill_all(struct st_group **groups, size_t n);
bool st_group_empty(struct st_group *group);
void st_group_remove(struct st_group *group);

#endif
