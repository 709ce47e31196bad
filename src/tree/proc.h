/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree without a cgroup: its processes are found in /proc. */
#ifndef ST_TREE_PROC_H
#define ST_TREE_PROC_H

#include <stdbool.h>
#include <stddef.h>

#include "tree/types.h"

int st_proc_signal(struct st_tree *tree, int sig);
void st_proc_kill_all(struct st_tree *const *trees, size_t n);
bool st_proc_empty(struct st_tree *tree);
int st_proc_count(struct st_tree *tree);
void st_proc_kill_group(struct st_tree *tree);

#endif
