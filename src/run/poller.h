/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The waiting of a ring's thread: for fds, for the first of its deadlines, and
 * for a wake by another thread, all in one epoll set. Any thread may add to it.
 * An fd leaves the set before it is closed: see io.h.
 */
#ifndef ST_POLLER_H
#define ST_POLLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/heap.h"
#include "run/queue.h"

/* The poller's own events; other events carry a pointer. */
enum { ST_POLLER_WAKE, ST_POLLER_TIMER };

struct st_poller {
	int epoll, timer;
	int wake;			/* eventfd */
	struct st_queue poked;		/* jobs that need attention */
	_Atomic bool cancels;		/* something is cancelled */
	pthread_mutex_t lock;		/* protects the rest */
	struct st_heap heap;
	int64_t armed;			/* time for which the timer is set */
};

void st_poller_init(struct st_poller *poller);
int st_poller_open(struct st_poller *poller, unsigned int timers);
void st_poller_close(struct st_poller *poller);

int st_poller_watch(struct st_poller *poller, int fd, uint32_t events,
		    uint64_t tag);
void st_poller_wake(struct st_poller *poller);
void st_poller_poke(struct st_poller *poller, struct st_node *node);
void st_poller_cancel(struct st_poller *poller);

/* The caller holds the lock. */
void st_poller_arm(struct st_poller *poller);
void st_poller_schedule(struct st_poller *poller, struct st_timer *timer,
			int64_t due);

/* The caller does not hold the lock. */
void st_poller_forget(struct st_poller *poller, struct st_timer *timer);
void st_poller_timer_ran(struct st_poller *poller);

#endif
