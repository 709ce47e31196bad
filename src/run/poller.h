/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the thread of a ring waits on: fds, the first of its deadlines, and a wake
 * by other threads, all in one epoll set.
 *
 * Any thread may add to it. An fd leaves the set before it is closed: see io.h.
 */
#ifndef ST_POLLER_H
#define ST_POLLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/heap.h"
#include "run/queue.h"

/* Events that are its own; those of others have a pointer in them. */
enum { ST_POLLER_WAKE, ST_POLLER_TIMER };

struct st_poller {
	int epoll, timer;
	int wake;			/* eventfd */
	struct st_queue poked;		/* what needs a look */
	_Atomic bool cancels;		/* something is cancelled */
	pthread_mutex_t lock;		/* for what follows */
	struct st_heap heap;
	int64_t armed;			/* when the timer goes off */
};

void st_poller_init(struct st_poller *poller);
int st_poller_open(struct st_poller *poller, unsigned int timers);
void st_poller_close(struct st_poller *poller);

int st_poller_watch(struct st_poller *poller, int fd, uint32_t events,
		    uint64_t tag);
void st_poller_wake(struct st_poller *poller);
void st_poller_poke(struct st_poller *poller, struct st_node *node);
void st_poller_cancel(struct st_poller *poller);

/* The lock is held. */
void st_poller_arm(struct st_poller *poller);
void st_poller_schedule(struct st_poller *poller, struct st_timer *timer,
			int64_t due);

/* The lock is not held. */
void st_poller_forget(struct st_poller *poller, struct st_timer *timer);
void st_poller_timer_ran(struct st_poller *poller);

#endif
