/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps fork(3) away from a few system calls between which a descriptor is open
 * that no other child may have: a child that does not exec would hold it for as
 * long as it lives. For children that exec, close-on-exec is enough.
 *
 * Threads that want no fork count themselves in. A fork waits until they have
 * left, and threads that come meanwhile wait for the fork.
 *
 * A signal handler may interrupt these very calls and fork. Such a fork does not
 * wait, since it would wait for its own thread; its child may hold the descriptor.
 * Calls that make a child without the handlers of pthread_atfork(3), as vfork(2)
 * and posix_spawn(3), do not wait either.
 */
#include <pthread.h>
#include <stdbool.h>

#include "futex.h"
#include "no_fork.h"

static _Atomic uint32_t inside;		/* threads that want no fork */
static _Atomic uint32_t forks;		/* forks that wait, or are under way */
static bool is_off;
static __thread volatile bool is_inside;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	uint32_t n;

	atomic_fetch_add(&forks, 1);
	if (is_inside || is_off)
		return;
	while ((n = atomic_load(&inside)))
		st_futex_wait(&inside, n, -1);
}

static void after_fork(void)
{
	if (atomic_fetch_sub(&forks, 1) == 1)
		st_futex_wake(&forks, INT32_MAX);
}

/*
 * Resets the counts in a child, which has only this thread. If the thread is
 * inside, its count is unknown.
 */
static void in_child(void)
{
	if (is_inside)
		is_off = true;
	atomic_store(&inside, 0);
	atomic_store(&forks, 0);
}

static void watch_forks(void)
{
	/* without memory for this, no fork waits */
	pthread_atfork(before_fork, after_fork, in_child);
}

void st_no_fork_begin(void)
{
	uint32_t n;

	pthread_once(&once, watch_forks);
	is_inside = true;
	for (;;) {
		atomic_fetch_add(&inside, 1);
		n = atomic_load(&forks);
		if (!n)
			break;
		atomic_fetch_sub(&inside, 1);
		st_futex_wake(&inside, INT32_MAX);
		st_futex_wait(&forks, n, -1);
	}
}

void st_no_fork_end(void)
{
	atomic_fetch_sub(&inside, 1);
	if (atomic_load(&forks))
		st_futex_wake(&inside, INT32_MAX);
	is_inside = false;
}
