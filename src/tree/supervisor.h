/* SPDX-License-Identifier: BSD-2-Clause */
/* The process that ends everything in a home when the caller has ended. */
#ifndef ST_SUPERVISOR_H
#define ST_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "tree/types.h"

struct st_supervisor;

int st_supervisor_start(struct st_tree_home *home);
bool st_supervisor_lives(pid_t pid);
void st_supervisor_end(struct st_tree_home *home);

/* The steps of a start, for the keeper of one run. */
struct st_supervisor *st_supervisor_new(const struct st_tree_home *home);
int st_supervisor_begin(struct st_supervisor *s, int *lifeline);
int st_supervisor_ready(int lifeline);
void st_supervisor_free(struct st_supervisor *s);
bool st_supervisor_reap(pid_t pid, int64_t ns);

#endif
