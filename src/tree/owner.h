/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of cgroup directories, which tell their makers, and the removal of those
 * whose makers have ended.
 */
#ifndef ST_OWNER_H
#define ST_OWNER_H

#include <stdbool.h>

/* Room for a name: "spawn-template.<pid>.<start>.<namespaces>.<serial>". */
#define ST_CGROUP_NAME 96

bool st_owner_is_name(const char *name);
void st_owner_name(char *name);
void st_owner_sweep(int dir, int parent_fd);

#endif
