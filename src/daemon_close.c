/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closes what may block in a thread of its own. How many of those there are at
 * once is limited by the user, whose connections are closed instead.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon_close.h"

#define STACK_SIZE (128 * 1024)

struct closing {
	struct closing *next;
	uint32_t uid;
	int fd;
	_Atomic bool done;
};

static struct closing *closings;

bool foreign_is_path(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_PATH);
}

static void *close_it(void *arg)
{
	struct closing *c = arg;

	close(c->fd);
	atomic_store(&c->done, true);
	return NULL;
}

/* Signals are the main thread's. Return: false: no thread. */
static bool start_thread(struct closing *c)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int ret;

	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, close_it, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ret == 0;
}

/* Forgets those that are closed. */
static void reap(void)
{
	struct closing **at = &closings, *c;

	while ((c = *at)) {
		if (!atomic_load(&c->done)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
}

void foreign_close(int fd, uint32_t uid)
{
	struct closing *c;

	if (foreign_is_path(fd)) {
		close(fd);
		return;
	}
	reap();
	c = calloc(1, sizeof(*c));
	if (c) {
		c->fd = fd;
		c->uid = uid;
		c->next = closings;
		closings = c;
		if (start_thread(c))
			return;
		closings = c->next;
		free(c);
	}
	/* rather that than one descriptor less for ever */
	close(fd);
}

unsigned int foreign_pending(uint32_t uid)
{
	unsigned int n = 0;

	reap();
	for (const struct closing *c = closings; c; c = c->next)
		n += c->uid == uid;
	return n;
}
