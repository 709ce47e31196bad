/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of tree.h: the two ways of ending a tree, and the process
 * that ends it when this one cannot.
 */
#ifndef ST_TREE_WAYS_H
#define ST_TREE_WAYS_H

#include <signal.h>

#include "tree/walk.h"
#include "tree/tree.h"

/* "spawn-template.<pid>.<serial>" */
#define ST_CGROUP_NAME (sizeof(((struct st_tree *)0)->name))

/* Holds what a run left behind, below a directory that may hold no process. */
#define ST_CGROUP_LEFT "spawn-template.left"

extern const struct walk_names st_walk_names;

/*
 * Does a signal end a process that does nothing about it? Such a one is to reach
 * all of the tree at once. To others, a stop before would make a difference.
 */
static inline bool st_signal_ends(int sig)
{
	return sig > 0 && sig != SIGCHLD && sig != SIGCONT && sig != SIGSTOP &&
	       sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU &&
	       sig != SIGURG && sig != SIGWINCH;
}

/* A negated errno that is about this moment, not about this place. */
static inline bool st_is_shortage(int ret)
{
	return ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM ||
	       ret == -EAGAIN;
}

int st_pidfd_signal(int pidfd, pid_t pid, int sig);
bool st_pidfd_alive(int pidfd);

/* ---- cgroup.c */

bool st_cgroup_path(const char *own, char *mount, char *path, size_t size);
int st_cgroup_own(void);
int st_cgroup_open(int fd);
int st_cgroup_make(int parent, char *name);
int st_cgroup_signal(int dir, pid_t child, int sig, bool *reached);
int st_cgroup_remove(int parent, const char *name, int dir);

/* ---- proc.c */

int st_proc_signal(struct st_tree *tree, int sig);
void st_proc_kill_all(struct st_tree *const *trees, size_t n);
bool st_proc_empty(struct st_tree *tree);

/* ---- supervisor.c */

int st_supervisor_start(struct st_tree_home *home);
bool st_supervisor_lives(pid_t pid);
void st_supervisor_end(struct st_tree_home *home);

#endif
