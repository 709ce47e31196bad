/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "run/poller.h"
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

/**
 * st_poller_open - make the fds and memory of a poller
 * @p: initialised
 * @timers: the most timers that it can hold
 *
 * Return: 0; or -errno, after which st_poller_close() is still due.
 */
int st_poller_open(struct st_poller *p, unsigned int timers)
{
	const struct itimerspec never = { .it_value = { 0, 0 } };
	int ret;

	p->heap.timers = calloc(timers, sizeof(*p->heap.timers));
	if (!p->heap.timers)
		return -ENOMEM;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0)
		return -errno;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		return -errno;
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer < 0)
		return -errno;
	/* fail now if a sandbox refuses this: there would be no deadlines */
	if (timerfd_settime(p->timer, 0, &never, NULL) < 0)
		return -errno;
	ret = st_poller_watch(p, p->wake, EPOLLIN, ST_POLLER_WAKE);
	if (ret == 0)
		ret = st_poller_watch(p, p->timer, EPOLLIN, ST_POLLER_TIMER);
	return ret;
}

/* Frees all but the lock, which another thread may have held at a fork. */
void st_poller_close(struct st_poller *p)
{
	if (p->epoll >= 0)
		sys_close(p->epoll);
	if (p->wake >= 0)
		sys_close(p->wake);
	if (p->timer >= 0)
		sys_close(p->timer);
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

/* ---- wakes */

void st_poller_wake(struct st_poller *p)
{
	const uint64_t one = 1;

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

/* ---- deadlines */

/* Sets the timer: never later than the first deadline, maybe earlier. */
void st_poller_arm(struct st_poller *p)
{
	int64_t first = st_heap_first(&p->heap);
	struct itimerspec its = { .it_value = { 0, 0 } };

	if (first >= p->armed)
		return;
	if (first < 1)
		first = 1; /* 0 would stop the timer */
	p->armed = first;
	its.it_value.tv_sec = first / 1000000000LL;
	its.it_value.tv_nsec = first % 1000000000LL;
	timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &its, NULL);
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

	sys_call3(__NR_read, p->timer, &n, sizeof(n));
	pthread_mutex_lock(&p->lock);
	p->armed = ST_NEVER;
	pthread_mutex_unlock(&p->lock);
}
