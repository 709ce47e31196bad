/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A seat: one parked process, and with WARM_FORK those that it has forked and
 * that no launch has taken.
 */
#ifndef ST_WARM_SEAT_H
#define ST_WARM_SEAT_H

#include <pthread.h>

#include "own.h"
#include "shared/process/process.h"
#include "warm/parked.h"
#include "warm/same.h"

/* A process that has announced itself. */
struct warm_waiting {
	pid_t pid;
	int pidfd; /* -1: there was no number for it */
};

struct warm_seat {
	struct warm_seat *next;	/* of the seats to close */
	pthread_mutex_t *lock; /* the pool's; protects all that changes */
	pid_t pid;		/* the parked process's; 0: it is a program now */
	int pidfd;
	struct st_process process; /* as it was when it was parked */
	int socket, door;	/* -1: none */
	struct st_own socket_file;
	struct warm_shared *shared;
	struct st_same same;	/* what the parked process has inherited */

	struct warm_waiting waiting[WARM_FORKED];
	unsigned int n_waiting;
	unsigned int asked, heard;	/* forks asked for, and announced */
	uint32_t slots;		/* bits: those in use */
	unsigned int unclaimed;	/* launches whose process is not known yet */
	unsigned int users;	/* launches under way */
	unsigned int launches;	/* so far */
	int64_t since;		/* time of parking */
	struct st_parked parked; /* large, and the last */
};

int st_seat_open(struct warm_seat *seat, struct st_park *park);
void st_seat_close(struct warm_seat *seat);

bool st_seat_has_fds(struct warm_seat *seat);
bool st_seat_forks(const struct warm_seat *seat);
void st_seat_hear(struct warm_seat *seat);
unsigned int st_seat_ready(struct warm_seat *seat);
int st_seat_knock(const struct warm_seat *seat);
int st_seat_ring(struct warm_seat *seat);
unsigned int st_seat_coming(const struct warm_seat *seat);
void st_seat_take(struct warm_seat *seat, pid_t pid, int *pidfd);
bool st_seat_lives(const struct warm_seat *seat);
bool st_seat_is_lost(const struct warm_seat *seat);
void st_seat_bury(struct warm_seat *seat);
bool st_seat_will_serve(struct warm_seat *seat);

bool st_seat_has_ended(pid_t pid, int pidfd);
void st_seat_end(const struct warm_seat *seat, pid_t pid, int pidfd);

#endif
