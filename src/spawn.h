/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch as the rest of the library asks for it: arguments that were copied
 * and checked, maybe by another thread than the one that launches.
 */
#ifndef ST_SPAWN_H
#define ST_SPAWN_H

#include "clone.h"

struct st_spawn {
	struct spawn_template_spawn_args args;	/* failure, pidfd: not used */
	uint32_t n_own;		/* leading actions that are not the caller's */
	bool masked;		/* the child starts with mask, not this thread's */
	uint64_t mask;
	bool batch, close_now;	/* see st_launch */
	struct st_watch *watch;
};

int st_spawn_args(struct spawn_template_spawn_args *args, const void *from,
		  size_t size);
int st_spawn_check(const struct spawn_template_spawn_args *args);
pid_t st_spawn(int tfd, const struct st_spawn *spawn, int *pidfd,
	       struct spawn_template_failure *failure);

#endif
