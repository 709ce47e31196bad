/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that launch: they take jobs from one queue, in order.
 *
 * - Putting a job takes no lock, and wakes a thread only if none is awake to
 *   look at the queue. A thread that was woken, and finds more than it takes,
 *   wakes the next one. So a burst of jobs costs its submitter one call.
 * - The threads run under SCHED_BATCH: a thread that wakes on the submitter's
 *   processor does not take it away, which would make submitting as slow as
 *   launching. Their children do not inherit that.
 * - They block all signals that can be blocked, so that the host's handlers run
 *   in the host's threads. They never end, because the parent-death signal of a
 *   child is sent when the thread that launched it ends.
 * - A forked child has no such threads; by its epoch it has another pool.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "epoch.h"
#include "futex.h"
#include "run/pool.h"
#include "thread.h"

#define THREADS_LEAST 2
#define THREADS_MOST 8	/* the default */
#define CPUS_MOST 8192

struct st_pool {
	uint64_t epoch;
	struct st_queue jobs;
	pthread_mutex_t take_lock;	/* protects jobs */
	_Atomic uint32_t wakes;		/* the futex word of idle threads */
	_Atomic uint32_t idle;		/* threads that wait, or soon will */
	_Atomic bool waking;		/* one is on its way to the queue */
	_Atomic uint32_t attending;	/* see st_pool_attend() */

	_Atomic uint32_t released;
	_Atomic uint32_t waiting;	/* for a change of released */

	pthread_mutex_t grow_lock;
	unsigned int threads;
};

static _Atomic(struct st_pool *) the_pool;
static __thread bool batch;

/* ---- the queue */

static void wake_one(struct st_pool *pool)
{
	if (!atomic_load(&pool->idle) || atomic_exchange(&pool->waking, true))
		return;
	atomic_fetch_add(&pool->wakes, 1);
	st_futex_wake(&pool->wakes, 1);
}

/**
 * st_pool_put - queue jobs to launch, once st_pool_notify() is called
 * @pool: the pool
 * @top: the newest of them, linked to the older ones
 * @bottom: the oldest
 */
void st_pool_put(struct st_pool *pool, struct st_node *top,
		 struct st_node *bottom)
{
	st_queue_put(&pool->jobs, top, bottom);
}

/* Wakes a thread for jobs that were put. */
void st_pool_notify(struct st_pool *pool)
{
	if (!atomic_load(&pool->attending))
		wake_one(pool);
}

void st_pool_attend(struct st_pool *pool)
{
	atomic_fetch_add(&pool->attending, 1);
}

/*
 * Ends the attending. Either the next submitter sees that nobody attends, or
 * its jobs are seen here.
 */
void st_pool_leave(struct st_pool *pool)
{
	atomic_fetch_sub(&pool->attending, 1);
	if (st_queue_has_new(&pool->jobs))
		wake_one(pool);
}

static struct st_node *try_take(struct st_pool *pool, bool *more)
{
	struct st_node *node;

	pthread_mutex_lock(&pool->take_lock);
	node = st_queue_take(&pool->jobs);
	*more = node && !st_queue_is_empty(&pool->jobs);
	pthread_mutex_unlock(&pool->take_lock);
	return node;
}

static void wait_for_wake(struct st_pool *pool, struct st_node **node)
{
	uint32_t wakes = atomic_load(&pool->wakes);
	bool more;

	atomic_fetch_add(&pool->idle, 1);
	/* ends a wake that found this thread awake */
	atomic_store(&pool->waking, false);
	*node = try_take(pool, &more);
	if (!*node)
		st_futex_wait(&pool->wakes, wakes, -1);
	atomic_fetch_sub(&pool->idle, 1);
}

/*
 * Takes a job, or waits for one. A submitter sees this thread as idle before
 * the thread looks for the last time, or else the thread sees the job. waking
 * is reset before the check for more jobs, so that jobs put after that cause a
 * wake of their own.
 */
static struct st_work *take_work(struct st_pool *pool)
{
	bool more;
	struct st_node *node = try_take(pool, &more);

	while (!node) {
		wait_for_wake(pool, &node);
		atomic_store(&pool->waking, false);
		if (!node)
			node = try_take(pool, &more);
		else
			more = true; /* maybe: the next thread will see */
	}
	if (more)
		wake_one(pool);
	return (struct st_work *)node;
}

/* ---- threads */

static void *launch_for_ever(void *arg)
{
	struct st_pool *pool = arg;

	batch = st_thread_begin("spawn-launch");
	for (;;) {
		struct st_work *work = take_work(pool);

		work->fn(work);
	}
	return NULL;
}

static unsigned int default_threads(void)
{
	/*
	 * for the most CPUs that a kernel has: for fewer it may answer EINVAL
	 */
	cpu_set_t sets[CPUS_MOST / CPU_SETSIZE];
	int n = THREADS_LEAST;

	/* each thread waits for its child until that has exec'ed */
	if (sched_getaffinity(0, sizeof(sets), sets) == 0)
		n = 2 * CPU_COUNT_S(sizeof(sets), sets);
	if (n < THREADS_LEAST)
		return THREADS_LEAST;
	return n < THREADS_MOST ? (unsigned int)n : THREADS_MOST;
}

static int grow(struct st_pool *pool, unsigned int threads)
{
	int ret = 0;

	pthread_mutex_lock(&pool->grow_lock);
	while (pool->threads < threads && ret == 0) {
		pthread_t thread;

		ret = st_thread_start(&thread, launch_for_ever, pool);
		if (ret < 0)
			break;
		pthread_detach(thread);
		pool->threads++;
	}
	pthread_mutex_unlock(&pool->grow_lock);
	return ret;
}

static struct st_pool *pool_of_this_process(uint64_t epoch)
{
	struct st_pool *old = atomic_load(&the_pool), *new;

	if (old && old->epoch == epoch)
		return old;
	new = calloc(1, sizeof(*new));
	if (!new)
		return NULL;
	new->epoch = epoch;
	pthread_mutex_init(&new->take_lock, NULL);
	pthread_mutex_init(&new->grow_lock, NULL);
	/* leave a parent's pool alone: its locks may stay held */
	if (atomic_compare_exchange_strong(&the_pool, &old, new))
		return new;
	free(new);
	return old;
}

/**
 * st_pool_get - get the pool of this process
 * @threads: the least number of threads; 0: a default
 * @pool: set
 *
 * Return: 0; -ENOMEM; -EAGAIN if no thread can be made.
 */
int st_pool_get(unsigned int threads, struct st_pool **pool)
{
	struct st_pool *p;
	uint64_t epoch;
	int ret = st_epoch_begin(&epoch);

	if (ret < 0)
		return ret;
	p = pool_of_this_process(epoch);
	if (!p)
		return -ENOMEM;
	ret = grow(p, threads ? threads : default_threads());
	if (ret == 0)
		*pool = p;
	return ret;
}

bool st_pool_is_batch(void)
{
	return batch;
}

/* ---- back-pressure */

uint32_t st_pool_released(struct st_pool *pool)
{
	return atomic_load(&pool->released);
}

/* Tells waiting launches that a job has ended, and given back what it held. */
void st_pool_release(struct st_pool *pool)
{
	atomic_fetch_add(&pool->released, 1);
	if (atomic_load(&pool->waiting))
		st_futex_wake(&pool->released, 1);
}

/* Waits until another job has ended since seen, or for a time. */
void st_pool_wait_release(struct st_pool *pool, uint32_t seen, int64_t ns)
{
	atomic_fetch_add(&pool->waiting, 1);
	st_futex_wait(&pool->released, seen, ns);
	atomic_fetch_sub(&pool->waiting, 1);
}
