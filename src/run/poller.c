/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "run/poller.h"
#include "shared/clock.h"
#include "sys.h"

/* ---- start and end */

void st_poller_init(struct st_poller *p)
{
	*p = (struct st_poller){
		.epoll = -1,
		.timer = -1,
		.wake = -1,
		.armed = ST_NEVER,
	};
	pthread_mutex_init(&p->lock, NULL);
}

static int set_timer(const struct st_poller *p, int64_t at)
{
	const int64_t every = p->interval;
	const struct itimerspec its = {
		.it_value = { at / 1000000000LL, at % 1000000000LL },
		.it_interval = { every / 1000000000LL, every % 1000000000LL },
	};

	return sys_call4(__NR_timerfd_settime, p->timer, TFD_TIMER_ABSTIME,
			 &its, NULL);
}

/* Return: the timer's interval; -errno, and -EBADF or -EINVAL if it is no timer. */
static int64_t interval_of(int timer)
{
	struct itimerspec its;
	int ret = sys_call2(__NR_timerfd_gettime, timer, &its);

	if (ret < 0)
		return ret;
	return its.it_interval.tv_sec * 1000000000LL + its.it_interval.tv_nsec;
}

/*
 * Marks the timer by an interval of a century or two. No other has the same: it is
 * made of the time and of an address.
 */
static int mark(struct st_poller *p)
{
	const uint64_t century = 1ULL << 61;
	int ret;

	p->interval =
		(int64_t)(century +
			  ((uint64_t)st_now() ^ (uintptr_t)p << 20) % century);
	/* fail now if a sandbox refuses this: there would be no deadlines */
	ret = set_timer(p, 0);
	if (ret < 0)
		return ret;
	return 0;
}

bool st_poller_intact(const struct st_poller *p)
{
	int64_t interval = p->timer < 0 ? p->interval : interval_of(p->timer);

	/* any other error tells nothing */
	return interval == p->interval ||
	       (interval < 0 && interval != -EBADF && interval != -EINVAL);
}

void st_poller_close_fd(const struct st_poller *p, const struct st_own *own,
			int *fd)
{
	if (st_poller_intact(p))
		st_own_close(own, fd);
	*fd = -1;
}

/**
 * st_poller_open - make the fds and memory of a poller
 * @p: initialised
 * @timers: the most timers that it can hold
 *
 * Return: 0; or -errno, after which st_poller_close() is still due.
 */
int st_poller_open(struct st_poller *p, unsigned int timers)
{
	int ret;

	p->heap.timers = calloc(timers, sizeof(*p->heap.timers));
	if (!p->heap.timers)
		return -ENOMEM;
	ret = st_own_keep(&p->epoll_file, &p->epoll,
			  epoll_create1(EPOLL_CLOEXEC));
	if (ret == 0)
		ret = st_own_keep(&p->wake_file, &p->wake,
				  eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (ret == 0)
		ret = st_own_keep(&p->timer_file, &p->timer,
				  timerfd_create(CLOCK_MONOTONIC,
						 TFD_CLOEXEC | TFD_NONBLOCK));
	if (ret == 0)
		ret = mark(p);
	if (ret < 0)
		return ret;
	ret = st_poller_watch(p, p->wake, EPOLLIN, ST_POLLER_WAKE);
	if (ret == 0)
		ret = st_poller_watch(p, p->timer, EPOLLIN, ST_POLLER_TIMER);
	return ret;
}

/*
 * Frees all but the lock, which another thread may have held at a fork. In a forked
 * child the fds are copies, and may be other files by now as well.
 */
void st_poller_close(struct st_poller *p)
{
	st_poller_close_fd(p, &p->epoll_file, &p->epoll);
	st_poller_close_fd(p, &p->wake_file, &p->wake);
	st_poller_close_fd(p, &p->timer_file, &p->timer);
	free(p->heap.timers);
}

/* ---- fds */

/* Watches an fd; -1: there is none. Return: 0 or -errno. */
int st_poller_watch(struct st_poller *p, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event ev = { .events = events, .data.u64 = tag };

	if (fd < 0)
		return 0;
	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/*
 * Stops watching an fd, or goes on. An fd that is held still reports that its other end
 * is closed, once: so it is not left to do that for ever.
 */
int st_poller_hold(struct st_poller *p, int fd, bool hold, uint32_t events,
		   uint64_t tag)
{
	struct epoll_event ev = {
		.events = hold ? EPOLLONESHOT : events,
		.data.u64 = tag,
	};

	return epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
}

/* ---- wakes */

void st_poller_wake(struct st_poller *p)
{
	const uint64_t one = 1;

	if (st_poller_intact(p) && st_own_is(&p->wake_file, p->wake))
		sys_call3(__NR_write, p->wake, &one, sizeof(one));
}

void st_poller_poke(struct st_poller *p, struct st_node *node)
{
	st_queue_put(&p->poked, node, node);
	st_poller_wake(p);
}

void st_poller_cancel(struct st_poller *p)
{
	atomic_store(&p->cancels, true);
	st_poller_wake(p);
}

void st_poller_attend(struct st_poller *p)
{
	atomic_store(&p->attends, true);
	st_poller_wake(p);
}

/* ---- deadlines */

/* Sets the timer: never later than the first deadline, maybe earlier. */
void st_poller_arm(struct st_poller *p)
{
	int64_t first = st_heap_first(&p->heap);

	if (first >= p->armed || !st_poller_intact(p))
		return;
	if (first < 1)
		first = 1; /* 0 would stop the timer */
	p->armed = first;
	set_timer(p, first);
}

void st_poller_schedule(struct st_poller *p, struct st_timer *timer,
			int64_t due)
{
	st_heap_set(&p->heap, timer, due);
	st_poller_arm(p);
}

void st_poller_forget(struct st_poller *p, struct st_timer *timer)
{
	pthread_mutex_lock(&p->lock);
	st_heap_set(&p->heap, timer, ST_NEVER);
	pthread_mutex_unlock(&p->lock);
}

/* Handles the timer's event. */
void st_poller_timer_ran(struct st_poller *p)
{
	uint64_t n;

	if (st_own_is(&p->timer_file, p->timer))
		sys_call3(__NR_read, p->timer, &n, sizeof(n));
	pthread_mutex_lock(&p->lock);
	p->armed = ST_NEVER;
	pthread_mutex_unlock(&p->lock);
}
