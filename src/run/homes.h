/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places for the cgroups of a ring's runs: one home for each parent directory.
 */
#ifndef ST_HOMES_H
#define ST_HOMES_H

#include <pthread.h>
#include <stdbool.h>

#include <spawn_template.h>

#include "tree/tree.h"

struct st_home;

struct st_homes {
	pthread_mutex_t lock;
	struct st_home *first;
};

void st_homes_init(struct st_homes *homes);
int st_homes_get(struct st_homes *homes,
		 const struct spawn_template_run_args *args,
		 const struct st_tree_home **home, bool *fallback,
		 struct spawn_template_failure *failure);
void st_homes_gone(struct st_homes *homes, const struct st_tree_home *home);
void st_homes_close(struct st_homes *homes);
void st_homes_forget(struct st_homes *homes);

#endif
