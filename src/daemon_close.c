/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closes what may block in a thread of its own. A user with too many of them is
 * not heard any more, so that they cannot become all descriptors of the daemon;
 * each connection that he makes nevertheless may still take one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_close.h"

#define STACK_SIZE (128 * 1024)

struct closing {
	struct closing *next;
	uint32_t uid;
	unsigned int n;
	_Atomic bool done;
	int fds[];
};

static struct closing *closings;

bool foreign_is_path(int fd)
{
	/* no argument may look like one for the kernel programs */
	int flags = fcntl(fd, F_GETFL, 0);

	return flags >= 0 && (flags & O_PATH);
}

static void *close_it(void *arg)
{
	struct closing *c = arg;

	for (unsigned int i = 0; i < c->n; i++)
		close(c->fds[i]);
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

/* Return: false: nothing is closed. */
static bool close_in_thread(const int *fds, unsigned int n, uint32_t uid)
{
	struct closing *c = calloc(1, sizeof(*c) + n * sizeof(*fds));

	if (!c)
		return false;
	c->uid = uid;
	c->n = n;
	memcpy(c->fds, fds, n * sizeof(*fds));
	if (!start_thread(c)) {
		free(c);
		return false;
	}
	c->next = closings;
	closings = c;
	return true;
}

void foreign_close(const int *fds, unsigned int n, uint32_t uid)
{
	int slow[FOREIGN_FDS];
	unsigned int n_slow = 0;

	reap();
	for (unsigned int i = 0; i < n; i++) {
		if (foreign_is_path(fds[i]) || n_slow == FOREIGN_FDS)
			close(fds[i]);
		else
			slow[n_slow++] = fds[i];
	}
	if (!n_slow || close_in_thread(slow, n_slow, uid))
		return;
	/* rather that than descriptors less for ever */
	for (unsigned int i = 0; i < n_slow; i++)
		close(slow[i]);
}

unsigned int foreign_pending(uint32_t uid)
{
	unsigned int n = 0;

	reap();
	for (const struct closing *c = closings; c; c = c->next)
		n += c->uid == uid ? c->n : 0;
	return n;
}
