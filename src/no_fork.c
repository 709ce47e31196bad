/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps fork(3) away from a few system calls between which a descriptor is open
 * that no other child may have: a child that does not exec would hold it for as
 * long as it lives. For children that exec, close-on-exec is enough.
 *
 * Threads that want no fork count themselves in. A fork waits until they have
 * left, and threads that come meanwhile wait for the fork. Neither side starves:
 * a fork begins after the threads that wait have been in, and threads that come
 * while no fork is under way do not count as waiting.
 *
 * A thread waits for a second at most. The handlers of a fork that is under way
 * may want a lock that the waiting thread's caller holds; then the fork goes on
 * beside the thread, and its child may hold the descriptor.
 *
 * A signal handler may interrupt these very calls and fork. Such a fork does not
 * wait, since it would wait for its own thread; its child may hold the descriptor.
 * Calls that make a child without the handlers of pthread_atfork(3), as vfork(2)
 * and posix_spawn(3), do not wait either.
 */
#include <pthread.h>

#include "futex.h"
#include "no_fork.h"
#include "shared/clock.h"

#define WAIT_MOST 1000000000LL		/* ns */

static _Atomic uint32_t inside;		/* threads that want no fork */
static _Atomic uint32_t waiting;	/* threads that wait for forks to end */
static _Atomic uint32_t forks;		/* forks that wait, or are under way */
static bool is_off;
static __thread volatile bool is_inside;
static __thread unsigned int own_forks;	/* forks that this thread has counted */

static void wait_for_none(_Atomic uint32_t *count)
{
	uint32_t n;

	while ((n = atomic_load(count)))
		st_futex_wait(count, n, -1);
}

static void count_down(_Atomic uint32_t *count)
{
	if (atomic_fetch_sub(count, 1) == 1)
		st_futex_wake(count, INT32_MAX);
}

static void before_fork(void)
{
	bool waits = !is_inside && !is_off;

	/* those that wait may wait for an outer fork of this thread */
	if (waits && !own_forks)
		wait_for_none(&waiting);
	own_forks++;
	atomic_fetch_add(&forks, 1);
	if (waits)
		wait_for_none(&inside);
}

/* Called without before_fork() if the handlers came while a fork was under way. */
static void after_fork(void)
{
	if (!own_forks)
		return;
	own_forks--;
	count_down(&forks);
}

/*
 * Resets the counts in a child, which has only this thread. If the thread is
 * inside, its count is unknown.
 */
static void in_child(void)
{
	if (is_inside)
		is_off = true;
	own_forks = 0;
	atomic_store(&inside, 0);
	atomic_store(&waiting, 0);
	atomic_store(&forks, 0);
}

/*
 * Watches forks from the start: musl mistakes a fork that is under way for one that
 * has called the first handler, and gives up a lock that it does not hold.
 */
__attribute__((constructor)) static void watch_forks(void)
{
	/* without memory for this, no fork waits */
	pthread_atfork(before_fork, after_fork, in_child);
}

/* Return: true if no fork is under way; else this thread is not inside. */
static bool enter(void)
{
	atomic_fetch_add(&inside, 1);
	if (!atomic_load(&forks))
		return true;
	count_down(&inside);
	return false;
}

static void wait_to_enter(void)
{
	int64_t end = st_now() + WAIT_MOST, left = WAIT_MOST;

	atomic_fetch_add(&waiting, 1);
	do {
		uint32_t n = atomic_load(&forks);

		if (n)
			st_futex_wait(&forks, n, left);
		if (enter())
			break;
		left = end - st_now();
		if (left <= 0)
			atomic_fetch_add(&inside, 1);
	} while (left > 0);
	count_down(&waiting);
}

void st_no_fork_begin(void)
{
	is_inside = true;
	if (!enter())
		wait_to_enter();
}

bool st_no_fork_try(void)
{
	is_inside = true;
	if (enter())
		return true;
	is_inside = false;
	return false;
}

void st_no_fork_end(void)
{
	/* without a fork nobody waits: no call is made */
	if (atomic_fetch_sub(&inside, 1) == 1 && atomic_load(&forks))
		st_futex_wake(&inside, INT32_MAX);
	is_inside = false;
}
