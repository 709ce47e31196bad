/* SPDX-License-Identifier: BSD-2-Clause */
/* One prepared process, or one that forks them, and the launch from it. */
#ifndef ST_WARM_CLAIM_H
#define ST_WARM_CLAIM_H

#include "warm/parked.h"
#include "warm/same.h"

struct warm_seat {
	struct st_parked parked;
	int socket, door;	/* -1: none */
	struct warm_slot *slot;
	char *buf;		/* for images */
	pid_t pid;		/* the waiting process's */
	int pidfd;		/* that process's; -1: none waits */
	struct st_same same;	/* of the thread that parked it */
};

/* Attributes of the launching thread that its child gets. */
struct warm_caller {
	uint64_t ignored;
	unsigned int umask;
	bool no_new_privs;
};

int st_seat_open(struct warm_seat *seat, struct st_park *park);
void st_seat_close(struct warm_seat *seat);

bool st_seat_ready(struct warm_seat *seat);
bool st_seat_lives(const struct warm_seat *seat);

/* No failure of the launch: it has to be made cold. */
#define WARM_COLD 1

int st_seat_begin(struct warm_seat *seat, struct st_launch *l, uint64_t mask);
void st_seat_call_off(struct warm_seat *seat);
int st_seat_go(struct warm_seat *seat, struct st_launch *l,
	       const struct warm_caller *caller, pid_t *pid);

#endif
