/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prepared processes of one template, for the launches that take one, and
 * for the keeper, which makes and ends them.
 */
#ifndef ST_WARM_POOL_H
#define ST_WARM_POOL_H

#include <pthread.h>
#include <stdatomic.h>

#include "warm/claim.h"
#include "warm/python.h"
#include "warm/shell.h"
#include "warm/warm.h"

#define WARM_SEATS_MOST 8
/*
 * The time after which a taken process is replaced: most small programs have ended by
 * then. Launches that follow each other faster have theirs replaced at once.
 */
#define WARM_REFILL_AFTER (2 * ST_MS)
/* So many misfits in a row are answered by a new process at once: see misfits below. */
#define WARM_MISFITS 4
/* Attempts to park before the program counts as impossible, for some time. */
#define WARM_TRIES 3
/* The time after which processes end that no launch has used. */
#define WARM_IDLE_MOST (30000 * ST_MS)

struct st_warm {
	struct st_warm *next;		/* the keeper's list */
	uint64_t epoch;
	char *path;
	struct spawn_template_key key;
	int mode;			/* enum warm_mode */
	unsigned int never; /* why no launch is warm; or ST_COLD_NONE */
	unsigned int target;		/* how many processes should wait */
	struct st_session *session;	/* NULL: no session shell */
	struct st_python *python;	/* NULL: no prepared Python */
	_Atomic uint64_t cold[SPAWN_TEMPLATE_COLD_REASONS_MAX];

	pthread_mutex_t lock;		/* protects the rest */
	char *argv0;			/* NULL until the second launch */
	uint64_t launches;
	struct warm_seat *seat[WARM_SEATS_MOST];
	unsigned int n;			/* seats that are open */
	struct warm_seat *spent;	/* for the keeper to close, once unused */
	bool closing;			/* the keeper is about to close one */
	int64_t close_due;
	int64_t used;			/* time of the last launch */
	int64_t due; /* time for the keeper to look; ST_NEVER */
	int64_t fork_due; /* time for it to have one more forked; ST_NEVER */
	unsigned int failures;		/* failed attempts to park, in a row */
	unsigned int given_up;		/* how often they were too many, in a row */
	int64_t again;			/* time to try once more then */
	unsigned int misfits; /* launches that no process served, in a row */
	unsigned int moves; /* other starts of a runtime, over warm launches */
	bool renew;			/* park another process that forks */
	bool dropped;			/* the template is gone */
};

/* Returns how many seats the template should have: each fork serves many. */
static inline unsigned int st_pool_seats(const struct st_warm *w)
{
	return w->mode == WARM_FORK ? 1 : w->target;
}

/* ---- refill.c; the caller of all but st_pool_refill() holds the lock */

bool st_pool_may_park(struct st_warm *w);
int64_t st_pool_park_after(const struct st_warm *w);
void st_pool_refill(struct st_warm *w);
void st_pool_retire(struct st_warm *w, struct warm_seat *seat);
void st_pool_retire_all(struct st_warm *w);
void st_pool_retire_lost(struct st_warm *w, struct warm_seat *seat);

/* ---- keeper.c */

int st_keeper_add(struct st_warm *w);
void st_keeper_poke(void);
void st_keeper_check(struct st_warm *w);

/* ---- judge.c; each: a reason to go cold, or ST_COLD_NONE */

unsigned int st_judge_arguments(const struct st_warm *w,
				const struct st_launch *l);
bool st_judge_has_linkers(const struct st_launch *l);
bool st_judge_standard(const struct st_launch *l);
bool st_judge_descriptor(const struct st_warm *w, const struct st_launch *l);
unsigned int st_judge_process(const struct warm_seat *seat,
			      const struct st_launch *l,
			      struct warm_caller *caller);

#endif
