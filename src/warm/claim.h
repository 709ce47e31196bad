/* SPDX-License-Identifier: BSD-2-Clause */
/* One launch from a prepared process. */
#ifndef ST_WARM_CLAIM_H
#define ST_WARM_CLAIM_H

#include "warm/seat.h"

/* Attributes of the launching thread that its child gets. */
struct warm_caller {
	uint64_t ignored;
	unsigned int umask;
	bool no_new_privs;
};

/* A launch under way, between begin and end. */
struct warm_claim {
	struct warm_seat *seat;
	struct st_launch *launch;
	unsigned int slot;
	int64_t most;		/* time until which a process must take it */
	uint32_t failures;	/* of forks, before */
	pid_t pid;		/* 0: not known yet */
	int pidfd;
	bool wants_done; /* the caller goes on, and polls: */
	int done;	/* reads as ended once it is done; or -1 */
	int reserve;	/* an fd whose number the pidfd may need; or -1 */
	bool hurry;	/* launches follow each other: replace it at once */
	bool refill;	/* it takes the last one that had to wait */
	bool refilled;	/* another is being forked in its place */
};

/* No failure of the launch: it has to be made cold. */
#define WARM_COLD 1

int st_claim_begin(struct warm_claim *claim, struct warm_seat *seat,
		   struct st_launch *l, uint64_t mask, unsigned int spares,
		   bool hurry);
void st_claim_call_off(struct warm_claim *claim);
void st_claim_go(struct warm_claim *claim, const struct warm_caller *caller);
bool st_claim_is_under_way(struct warm_claim *claim);
int st_claim_wait(struct warm_claim *claim);
void st_claim_drop_done(struct warm_claim *claim);
void st_claim_end(struct warm_claim *claim, unsigned int spares);

#endif
