/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sentinel of a ring: a small process that outlives the caller, and then ends the
 * trees that were in flight. It costs one process for all runs of a ring, and a run no
 * more than a few stores: they share a table with a ward for each entry of the ring.
 */
#ifndef ST_SENTINEL_H
#define ST_SENTINEL_H

#include <pthread.h>
#include <sys/types.h>

#include "own.h"
#include "tree/ward.h"

struct st_sentinel {
	pthread_mutex_t lock;
	struct st_ward *wards;	/* shared with the process; NULL: none so far */
	unsigned int n;
	pid_t pid;		/* 0: it was not needed so far */
	int refused;		/* -errno: there can be none here */
	int lifeline;
	struct st_own line;	/* the file behind it */
};

void st_sentinel_init(struct st_sentinel *t, unsigned int entries);
struct st_ward *st_sentinel_ward(struct st_sentinel *t, unsigned int entry);
void st_sentinel_close(struct st_sentinel *t);
void st_sentinel_forget(struct st_sentinel *t);

void st_ward_set(struct st_ward *ward, pid_t pid);
void st_ward_clear(struct st_ward *ward);

#endif
