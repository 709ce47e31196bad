/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch for the rest of the library: its arguments are copied and checked,
 * maybe by another thread than the launching one.
 */
#ifndef ST_SPAWN_H
#define ST_SPAWN_H

#include "clone.h"
#include "table.h"

struct st_spawn {
	struct spawn_template_spawn_args args;	/* failure, pidfd: not used */
	uint32_t n_own;		/* leading actions of the library's own */
	bool masked; /* the child starts with mask, not the thread's */
	uint64_t mask;
	bool batch, close_now, outlives; /* see st_launch */
	struct st_watch *watch;
	volatile pid_t *told;	/* see st_launch; or NULL */
	bool *warm; /* set: was it launched from a prepared process? or NULL */
	/* makes the child; NULL: as st_clone_launch() does, or from a warm one */
	pid_t (*clone)(struct st_launch *launch);
	struct st_keeper *keeper; /* for clone */
};

int st_spawn_args(struct spawn_template_spawn_args *args, const void *from,
		  size_t size);
void st_spawn_version(struct spawn_template_spawn_args *args, int version);
int st_spawn_check(const struct spawn_template_spawn_args *args);
pid_t st_spawn(int tfd, const struct st_spawn *spawn, int *pidfd,
	       struct spawn_template_failure *failure);
bool st_failure_size_ok(size_t size);
void st_failure_give(const struct spawn_template_spawn_args *args,
		     const struct spawn_template_failure *failure);

/* Steps of a launch that is not waited for: see begin.c. */
pid_t st_spawn_begin(int tfd, const struct st_spawn *spawn, struct st_launch *l,
		     struct st_report *report, struct st_record **rec);
void st_spawn_end(struct st_record *rec, pid_t ret,
		  const struct st_report *report);
void st_spawn_tell(struct spawn_template_failure *failure, pid_t ret,
		   const struct st_report *report, uint32_t n_own);

#endif
