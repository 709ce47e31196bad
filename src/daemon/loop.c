/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop, over epoll. A watch that is removed during a round stays
 * allocated until the end of the round, which may still have an event for it.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/loop.h"

#define ROUND_EVENTS 64

int loop_open(struct loop *loop)
{
	loop->gone = NULL;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_close(struct loop *loop)
{
	loop_reap(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

static int control(struct loop *loop, int op, struct watch *watch,
		   uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll_fd, op, watch->fd, &event) ? -errno : 0;
}

int loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

int loop_take(struct loop *loop, struct watch *watch)
{
	int fd = watch->fd;

	if (watch->gone)
		return -1;
	watch->gone = true;
	/* a duplicate elsewhere would keep the descriptor in epoll */
	if (fd >= 0)
		control(loop, EPOLL_CTL_DEL, watch, 0);
	watch->fd = -1;
	watch->next_gone = loop->gone;
	loop->gone = watch;
	return fd;
}

void loop_remove(struct loop *loop, struct watch *watch)
{
	int fd = loop_take(loop, watch);

	if (fd >= 0)
		close(fd);
}

void loop_reap(struct loop *loop)
{
	while (loop->gone) {
		struct watch *watch = loop->gone;

		loop->gone = watch->next_gone;
		if (watch->free)
			watch->free(watch);
	}
}

int loop_round(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[ROUND_EVENTS];
	int n = epoll_wait(loop->epoll_fd, events, ROUND_EVENTS, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		if (!watch->gone)
			watch->ready(watch, events[i].events);
	}
	loop_reap(loop);
	return 0;
}
