/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cgroup v2 directories: find a place, make one, signal all in it, remove it.
 */
#ifndef ST_CGROUP_H
#define ST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tree/owner.h"
#include "tree/walk.h"

/* The directory for processes that a run left in a home that may hold none. */
#define ST_CGROUP_LEFT "spawn-template.left"

extern const struct walk_names st_walk_names;

bool st_cgroup_path(const char *own, char *mount, char *path, size_t size);
bool st_cgroup_is_usable(int dir);
int st_cgroup_own(void);
int st_cgroup_open(int fd);
int st_cgroup_make(int parent, char *name);
int st_cgroup_signal(int dir, pid_t child, int sig, bool *reached);
int st_cgroup_count(int dir);
int st_cgroup_remove(int parent, const char *name, int dir);

#endif
