/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring for its callers: submission, completion, cancelling.
 *
 * A submitter takes no lock that is held for longer than a few instructions,
 * and makes no call that waits for a launch.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "args.h"
#include "epoch.h"
#include "futex.h"
#include "run/chunk.h"
#include "run/job.h"
#include "run/pool.h"
#include "run/reactor.h"
#include "run/ring.h"
#include "run/room.h"
#include "shared/clock.h"
#include "sys.h"

/* The time for which ring_exit waits for killed runs. */
#define EXIT_MOST (2000 * ST_MS)

_Static_assert(sizeof(struct spawn_template_ring_params) ==
		       SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0,
	       "ring params");

/*
 * Tells whether the ring is a parent's, whose threads and locks are not here.
 */
static bool is_foreign(const struct spawn_template_ring *ring)
{
	return ring->epoch != st_epoch_current();
}

/* ---- making a ring */

static int check_params(unsigned int entries,
			struct spawn_template_ring_params *p,
			const struct spawn_template_ring_params *from,
			size_t size)
{
	static const size_t versions[] = {
		SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0,
	};
	int ret;

	*p = (struct spawn_template_ring_params){ .flags = 0 };
	if (!from && size)
		return -EINVAL;
	if (from) {
		ret = st_args_copy(p, from, size, versions, 1);
		if (ret < 0)
			return ret;
	}
	if (entries < 1 || entries > SPAWN_TEMPLATE_RING_ENTRIES_MAX)
		return -EINVAL;
	if (p->flags || p->threads > SPAWN_TEMPLATE_RING_THREADS_MAX ||
	    p->reserved[0] || p->reserved[1] || p->reserved[2] ||
	    p->reserved[3])
		return -EINVAL;
	return 0;
}

static int ring_open(struct spawn_template_ring *ring, unsigned int threads)
{
	int ret = st_epoch_begin(&ring->epoch);

	if (ret < 0)
		return ret;
	ret = st_io_devnull(&ring->devnull);
	if (ret < 0)
		return ret;
	st_own_take(&ring->devnull_file, ring->devnull);
	ret = st_own_keep(&ring->event_file, &ring->event,
			  eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (ret < 0)
		return ret;
	ret = st_poller_open(&ring->poller, ring->entries);
	if (ret == 0)
		ret = st_pool_get(threads, &ring->pool);
	return ret < 0 ? ret : st_reactor_start(ring);
}

int spawn_template_ring_init(unsigned int entries,
			     const struct spawn_template_ring_params *params,
			     size_t size, struct spawn_template_ring **ring)
{
	struct spawn_template_ring_params p;
	struct spawn_template_ring *r;
	int ret;

	if (!ring)
		return -EINVAL;
	ret = check_params(entries, &p, params, size);
	if (ret < 0)
		return ret;
	r = st_ring_new(entries);
	if (!r)
		return -ENOMEM;
	ret = ring_open(r, p.threads);
	if (ret < 0) {
		st_ring_free(r);
		return ret;
	}
	*ring = r;
	return 0;
}

int spawn_template_ring_fd(struct spawn_template_ring *ring)
{
	if (is_foreign(ring))
		return -EACCES;
	return st_ring_intact(ring) ? ring->event : -EBADF;
}

/* ---- submission */

/* Frees the result of a job that is over, and its slot. */
static void slot_seen(struct spawn_template_ring *ring, struct st_done *done)
{
	struct st_slot *slot = (struct st_slot *)done;
	uint64_t state;

	st_slot_free_result(slot);
	state = atomic_load(&slot->state) & ~(ST_SLOT_USE - 1);
	atomic_store(&slot->state, state + ST_SLOT_USE + ST_SLOT_FREE);
	st_slot_give(ring, slot);
}

static int queue_job(struct spawn_template_ring *ring, int tfd,
		     const struct spawn_template_run_args *args, bool is_run,
		     uint64_t user_data)
{
	struct st_slot *slot = st_slot_take(ring);
	struct st_job *job;
	uint64_t state;
	int ret;

	if (!slot)
		return -EAGAIN;
	ret = st_job_new(&job, ring, tfd, args, is_run);
	if (ret == 0 && args->flags & SPAWN_TEMPLATE_RUN_TELL_ROOM) {
		ret = st_room_open(job->feed, ring, user_data);
		if (ret < 0)
			st_job_free(job);
	}
	if (ret < 0) {
		st_slot_give(ring, slot);
		return ret;
	}
	state = atomic_load(&slot->state) + ST_SLOT_QUEUED;
	job->slot = slot;
	job->queued = state;
	slot->job = job;
	slot->done.cqe = (struct spawn_template_cqe){ .user_data = user_data };
	slot->done.seen = slot_seen;
	atomic_store(&slot->user_data, user_data);
	if (job->flow)
		st_flow_place(job->flow, slot, state);
	atomic_store(&slot->state, state);
	st_queue_put(&ring->submitted, &job->work.node, &job->work.node);
	return 0;
}

int spawn_template_ring_spawn(struct spawn_template_ring *ring, int tfd,
			      const struct spawn_template_spawn_args *args,
			      size_t size, uint64_t user_data)
{
	struct spawn_template_run_args run = { .flags = 0 };
	int ret;

	if (is_foreign(ring))
		return -EACCES;
	ret = st_spawn_args(&run.spawn, args, size);
	if (ret == 0)
		ret = st_spawn_check(&run.spawn);
	if (ret < 0)
		return ret;
	return queue_job(ring, tfd, &run, false, user_data);
}

int spawn_template_ring_run(struct spawn_template_ring *ring, int tfd,
			    const struct spawn_template_run_args *args,
			    size_t size, uint64_t user_data)
{
	struct spawn_template_run_args run;
	int ret;

	if (is_foreign(ring))
		return -EACCES;
	ret = st_run_args(&run, args, size, true);
	if (ret < 0)
		return ret;
	return queue_job(ring, tfd, &run, true, user_data);
}

/*
 * Submits the queued jobs. Jobs that were taken are put before any that were
 * queued later: otherwise, if a thread is preempted in between, later jobs
 * would overtake those of others.
 */
static int submit(struct spawn_template_ring *ring)
{
	struct st_node *top, *bottom;
	int n = 0;

	if (!st_queue_has_new(&ring->submitted))
		return 0;
	if (!st_ring_intact(ring))
		return -EBADF;
	pthread_mutex_lock(&ring->submit_lock);
	top = bottom = st_queue_take_pile(&ring->submitted);
	if (top) {
		for (n = 1; bottom->next; bottom = bottom->next)
			n++;
		st_pool_put(ring->pool, top, bottom);
	}
	pthread_mutex_unlock(&ring->submit_lock);
	if (top)
		st_pool_notify(ring->pool);
	return n;
}

int spawn_template_ring_submit(struct spawn_template_ring *ring)
{
	return is_foreign(ring) ? -EACCES : submit(ring);
}

/* ---- completion */

/* Return: 0 if there may be a completion now; -ETIME; -EINTR; -EBADF. */
static int wait_event(struct spawn_template_ring *ring, int64_t until)
{
	struct pollfd pfd = { .fd = ring->event, .events = POLLIN };
	int64_t left = until == ST_NEVER ? 0 : until - st_now();
	struct sys_timespec ts = { left / 1000000000LL, left % 1000000000LL };
	int n;

	if (left < 0)
		return -ETIME;
	if (!st_ring_intact(ring))
		return -EBADF;
	n = sys_call5(__NR_ppoll, &pfd, 1, until == ST_NEVER ? NULL : &ts, 0,
		      0);
	if (n == 0)
		return -ETIME;
	return n == -EINTR ? n : 0;
}

int spawn_template_ring_wait(struct spawn_template_ring *ring,
			     struct spawn_template_cqe **cqe, int timeout_ms)
{
	int64_t until = ST_NEVER;
	struct st_done *done;
	int ret;

	if (is_foreign(ring))
		return -EACCES;
	if (!cqe || timeout_ms < -1)
		return -EINVAL;
	ret = submit(ring);
	done = st_done_next(ring);
	if (!done && ret < 0)
		return ret;
	if (!done && timeout_ms > 0)
		until = st_now() + timeout_ms * ST_MS;
	while (!done) {
		ret = timeout_ms ? wait_event(ring, until) : -ETIME;
		if (ret < 0)
			return ret;
		done = st_done_next(ring);
	}
	*cqe = &done->cqe;
	return 0;
}

void spawn_template_ring_seen(struct spawn_template_ring *ring,
			      struct spawn_template_cqe *cqe)
{
	struct st_done *done;

	if (!cqe || is_foreign(ring))
		return;
	done = (struct st_done *)((char *)cqe - offsetof(struct st_done, cqe));
	done->seen(ring, done);
}

/* ---- cancelling */

/* Completes a job that was never launched; a thread finds it dead later. */
static void complete_queued(struct spawn_template_ring *ring,
			    struct st_slot *slot)
{
	slot->job = NULL;
	slot->done.cqe.res = -ECANCELED;
	slot->done.cqe.pid = slot->done.cqe.pidfd = -1;
	st_done_publish(ring, &slot->done);
}

/*
 * Cancels the job in a slot, if its user_data is the one asked for. The state,
 * which is read before, tells whose the slot is. The lock is held.
 * Return: true if the job was not complete.
 */
static bool cancel_slot(struct spawn_template_ring *ring, struct st_slot *slot,
			const uint64_t *user_data, bool *live)
{
	uint64_t s = atomic_load(&slot->state), now;
	unsigned int phase;

	do {
		phase = s & ST_SLOT_PHASE;
		if (user_data && atomic_load(&slot->user_data) != *user_data)
			return false;
		if (phase == ST_SLOT_FREE || phase == ST_SLOT_DONE)
			return false;
		now = s | ST_SLOT_CANCELLED;
		if (phase == ST_SLOT_QUEUED)
			now = s - ST_SLOT_QUEUED + ST_SLOT_DONE;
	} while (!atomic_compare_exchange_weak(&slot->state, &s, now));
	if (phase == ST_SLOT_QUEUED)
		complete_queued(ring, slot);
	else
		*live = true;
	return true;
}

/* Cancels the jobs with this user_data; NULL: all. */
static int cancel_jobs(struct spawn_template_ring *ring,
		       const uint64_t *user_data)
{
	bool live = false;
	int n = 0;

	pthread_mutex_lock(&ring->lock);
	for (unsigned int i = 0; i < ring->entries; i++)
		n += cancel_slot(ring, &ring->slots[i], user_data, &live);
	pthread_mutex_unlock(&ring->lock);
	if (live)
		st_poller_cancel(&ring->poller);
	return n;
}

int spawn_template_ring_cancel(struct spawn_template_ring *ring,
			       uint64_t user_data)
{
	int n;

	if (is_foreign(ring))
		return -EACCES;
	n = cancel_jobs(ring, &user_data);
	return n ? n : -ENOENT;
}

/* ---- the end */

static void end_reactor(struct spawn_template_ring *ring)
{
	/* what waits on fds that were closed is not woken */
	int64_t left, most = st_ring_intact(ring) ? EXIT_MOST : 0;
	int64_t until = st_now() + most;
	pthread_t thread = ring->reactor;

	while (!atomic_load(&ring->ended) && (left = until - st_now()) > 0)
		st_futex_wait(&ring->ended, 0, left);
	if (atomic_load(&ring->ended)) {
		pthread_join(thread, NULL);
		st_ring_free(ring);
		return;
	}
	if (atomic_exchange(&ring->left, true)) {
		pthread_join(thread, NULL);
		st_ring_free(ring);
	} else {
		pthread_detach(thread);
	}
}

void spawn_template_ring_exit(struct spawn_template_ring *ring)
{
	struct st_node *node, *next;

	if (!ring)
		return;
	if (is_foreign(ring)) {
		st_ring_forget(ring);
		return;
	}
	pthread_mutex_lock(&ring->lock);
	ring->closing = true;
	pthread_mutex_unlock(&ring->lock);
	cancel_jobs(ring, NULL);
	for (node = st_queue_take_pile(&ring->submitted); node; node = next) {
		next = node->next;
		st_job_free((struct st_job *)node);
	}
	st_poller_cancel(&ring->poller);
	end_reactor(ring);
}
