/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that ends everything in a home when the caller has ended. */
#ifndef ST_SUPERVISOR_H
#define ST_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "tree/types.h"

int st_supervisor_start(struct st_tree_home *home);
bool st_supervisor_lives(pid_t pid);
void st_supervisor_end(struct st_tree_home *home);

#endif
