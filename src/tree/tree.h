/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a run: the program and all that it starts, and the ways to end
 * them.
 *
 * There are two ways. If a cgroup v2 directory can be made for the run, nothing
 * gets out of it. Otherwise the tree is what can be found: the process group
 * and the session that the child leads, and descendants by /proc.
 *
 * Nothing here has state of its own. One thread at a time uses a tree or a
 * home; several trees may share a home.
 */
#ifndef ST_TREE_H
#define ST_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "tree/limits.h"
#include "tree/types.h"

int st_tree_home_open(struct st_tree_home *home, int parent_fd, bool supervise);
int st_tree_home_open_limited(struct st_tree_home *home, int parent_fd,
			      bool supervise, unsigned int controllers,
			      struct spawn_template_failure *failure);
bool st_tree_home_guarded(const struct st_tree_home *home);
void st_tree_home_close(struct st_tree_home *home);
void st_tree_home_forget(struct st_tree_home *home);

int st_tree_make(struct st_tree *tree, const struct st_tree_home *home);
int st_tree_make_limited(struct st_tree *tree, const struct st_tree_home *home,
			 const struct st_limits *limits,
			 struct spawn_template_failure *failure);
int st_tree_make_or_none(struct st_tree *tree, const struct st_tree_home *home);
int st_tree_signal(struct st_tree *tree, int sig);
void st_tree_kill_all(struct st_tree **trees, size_t n);
bool st_tree_refuses(const struct st_tree *tree);
bool st_tree_empty(struct st_tree *tree);
int st_tree_count(struct st_tree *tree);
void st_tree_kill_unseen(struct st_tree *tree);
void st_tree_remove(struct st_tree *tree);

#endif
