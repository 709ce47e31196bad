/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks the actions of a launch, and computes what they need. */
#ifndef ST_ACTION_H
#define ST_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include <spawn_template.h>

/* The needs of all actions, computed before there is a child. */
struct st_plan {
	int highest;		/* the highest fd number in any action */
	int highest_source;	/* the highest fd that must be open already */
	bool collides;		/* a step changes the held fd's number */
	bool hits_ruleset;	/* or that of SPAWN_LANDLOCK */
	bool keeps;		/* there are KEEP actions */
	bool limits;		/* there are RLIMIT actions */
};

int st_action_plan(const struct spawn_template_spawn_args *args, uint32_t n_own,
		   int tfd, struct st_plan *plan);

#endif
