/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The waiting of a ring's thread: for fds, for the first of its deadlines, and
 * for a wake by another thread, all in one epoll set. Any thread may add to it.
 * An fd leaves the set before it is closed: see io.h.
 *
 * The host may close these fds, and then files of its own have their numbers. The
 * timer tells that: it has an interval that no other has, and to ask for it harms
 * no other file. So before it is read from, written to, waited on, set or closed, an
 * fd is compared with the file that it was (own.h), and the timer's interval with
 * the poller's.
 */
#ifndef ST_POLLER_H
#define ST_POLLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/heap.h"
#include "own.h"
#include "run/queue.h"

/* The poller's own events; other events carry a pointer. */
enum { ST_POLLER_WAKE, ST_POLLER_TIMER };

struct st_poller {
	int epoll, timer;
	int wake;			/* eventfd */
	struct st_own epoll_file, timer_file, wake_file;
	int64_t interval;		/* the timer's */
	struct st_queue poked;		/* jobs that need attention */
	_Atomic bool cancels;		/* something is cancelled */
	_Atomic bool attends;		/* a slot has ST_SLOT_ATTEND */
	pthread_mutex_t lock;		/* protects the rest */
	struct st_heap heap;
	int64_t armed;			/* time for which the timer is set */
};

void st_poller_init(struct st_poller *poller);
int st_poller_open(struct st_poller *poller, unsigned int timers);
void st_poller_close(struct st_poller *poller);

/* Tells whether nobody has closed the poller's fds. */
bool st_poller_intact(const struct st_poller *poller);

/* Closes an fd that lives as long as the poller, if both are intact. */
void st_poller_close_fd(const struct st_poller *poller,
			const struct st_own *own, int *fd);

int st_poller_watch(struct st_poller *poller, int fd, uint32_t events,
		    uint64_t tag);
int st_poller_hold(struct st_poller *poller, int fd, bool hold, uint32_t events,
		   uint64_t tag);
void st_poller_wake(struct st_poller *poller);
void st_poller_poke(struct st_poller *poller, struct st_node *node);
void st_poller_cancel(struct st_poller *poller);
void st_poller_attend(struct st_poller *poller);

/* The caller holds the lock. */
void st_poller_arm(struct st_poller *poller);
void st_poller_schedule(struct st_poller *poller, struct st_timer *timer,
			int64_t due);

/* The caller does not hold the lock. */
void st_poller_forget(struct st_poller *poller, struct st_timer *timer);
void st_poller_timer_ran(struct st_poller *poller);

#endif
