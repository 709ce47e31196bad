/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contents of a ring: slots, the completions in them, the end of its jobs.
 */
#include <stdlib.h>
#include <unistd.h>

#include "run/feed.h"
#include "run/ring.h"
#include "sys.h"

_Static_assert(sizeof(struct spawn_template_ring) +
			       SPAWN_TEMPLATE_RING_ENTRIES_MAX *
				       (sizeof(struct st_slot) +
					3 * sizeof(void *)) <
		       1 << 20,
	       "the largest ring");

/* ---- slots; free ones are linked by index, with a tag against reuse */

void st_slot_give(struct spawn_template_ring *ring, struct st_slot *slot)
{
	uint64_t index = (uint64_t)(slot - ring->slots) + 1;
	uint64_t old = atomic_load(&ring->free), new;

	do {
		atomic_store_explicit(&slot->next_free, (uint32_t)old,
				      memory_order_relaxed);
		new = ((old >> 32) + 1) << 32 | index;
	} while (!atomic_compare_exchange_weak(&ring->free, &old, new));
}

struct st_slot *st_slot_take(struct spawn_template_ring *ring)
{
	uint64_t old = atomic_load(&ring->free), new;
	struct st_slot *slot;

	do {
		if (!(uint32_t)old)
			return NULL;
		slot = &ring->slots[(uint32_t)old - 1];
		new = ((old >> 32) + 1) << 32 |
		      atomic_load_explicit(&slot->next_free,
					   memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&ring->free, &old, new));
	return slot;
}

/*
 * Makes the reactor look at the job in a slot, unless it was another use of the slot or
 * is over. A job that is not launched yet needs no look.
 */
void st_slot_attend(struct spawn_template_ring *ring, struct st_slot *slot,
		    uint64_t use)
{
	uint64_t s = atomic_load(&slot->state);
	unsigned int phase;

	do {
		phase = s & ST_SLOT_PHASE;
		if ((s & ~(ST_SLOT_USE - 1)) != use ||
		    (phase != ST_SLOT_LAUNCHING && phase != ST_SLOT_RUNNING))
			return;
	} while (!atomic_compare_exchange_weak(&slot->state, &s,
					       s | ST_SLOT_ATTEND));
	if (phase == ST_SLOT_RUNNING)
		st_poller_attend(&ring->poller);
}

/* ---- completions */

/* Tells whether nobody has closed the fds of a ring: see poller.h. */
bool st_ring_intact(const struct spawn_template_ring *ring)
{
	return st_poller_intact(&ring->poller) &&
	       st_own_is(&ring->event_file, ring->event);
}

static void signal_event(struct spawn_template_ring *ring)
{
	const uint64_t one = 1;

	if (st_ring_intact(ring))
		sys_call3(__NR_write, ring->event, &one, sizeof(one));
}

/* Publishes a completion, which is filled in. The job of a slot is not in it. */
void st_done_publish(struct spawn_template_ring *ring, struct st_done *done)
{
	st_queue_put(&ring->done, &done->node, &done->node);
	if (!atomic_exchange(&ring->signalled, true))
		signal_event(ring);
}

/*
 * Makes the event quiet, as the queue was seen empty. A completion signals it.
 */
static void make_quiet(struct spawn_template_ring *ring)
{
	uint64_t n;

	atomic_store(&ring->signalled, false);
	if (st_ring_intact(ring))
		sys_call3(__NR_read, ring->event, &n, sizeof(n));
	if (st_queue_is_empty(&ring->done))
		return;
	atomic_store(&ring->signalled, true);
	signal_event(ring);
}

/*
 * Returns the next completion; NULL: there is none, and the event says so.
 */
struct st_done *st_done_next(struct spawn_template_ring *ring)
{
	struct st_node *node;

	pthread_mutex_lock(&ring->wait_lock);
	node = st_queue_take(&ring->done);
	if (!node) {
		make_quiet(ring);
		node = st_queue_take(&ring->done);
	}
	if (node && st_queue_is_empty(&ring->done) &&
	    atomic_load(&ring->signalled))
		make_quiet(ring);
	pthread_mutex_unlock(&ring->wait_lock);
	return (struct st_done *)node;
}

/* Publishes a completion that has no slot. It is freed by .free, once. */
void st_loose_publish(struct spawn_template_ring *ring, struct st_loose *loose)
{
	loose->done.seen = st_loose_seen;
	pthread_mutex_lock(&ring->loose_lock);
	loose->prev = NULL;
	loose->next = ring->loose;
	if (loose->next)
		loose->next->prev = loose;
	ring->loose = loose;
	pthread_mutex_unlock(&ring->loose_lock);
	st_done_publish(ring, &loose->done);
}

void st_loose_seen(struct spawn_template_ring *ring, struct st_done *done)
{
	struct st_loose *loose = (struct st_loose *)done;

	pthread_mutex_lock(&ring->loose_lock);
	if (loose->next)
		loose->next->prev = loose->prev;
	if (loose->prev)
		loose->prev->next = loose->next;
	else
		ring->loose = loose->next;
	pthread_mutex_unlock(&ring->loose_lock);
	loose->free(loose);
}

void st_slot_free_result(struct st_slot *slot)
{
	spawn_template_result_free(slot->done.cqe.result);
	free(slot->done.cqe.result);
	slot->done.cqe.result = NULL;
}

/* ---- the end of a job */

/**
 * st_job_complete - complete a job that is LAUNCHING or RUNNING
 * @job: its result, if there is one to tell, belongs to the completion from now
 *       on
 * @res, @flags: for the completion
 */
void st_job_complete(struct st_job *job, int res, uint32_t flags)
{
	struct spawn_template_ring *ring = job->ring;
	struct st_slot *slot = job->slot;
	struct spawn_template_cqe *cqe = &slot->done.cqe;

	if (job->feed)
		st_feed_end(job->feed);
	cqe->res = res;
	cqe->flags = flags;
	cqe->pid = cqe->pidfd = -1;
	if (st_run_over(&job->run) && job->is_run) {
		cqe->pid = job->run.pid;
		cqe->result = job->result;
		job->result = NULL;
	} else if (res == 0) {
		cqe->pid = job->run.pid;
		cqe->pidfd = job->run.pidfd;
		job->run.pidfd = -1;
	}
	pthread_mutex_lock(&ring->lock);
	slot->job = NULL;
	st_poller_forget(&ring->poller, &job->timer);
	atomic_store(&slot->state, job->queued - ST_SLOT_QUEUED + ST_SLOT_DONE);
	pthread_mutex_unlock(&ring->lock);
	st_done_publish(ring, &slot->done);
}

/* Frees a job. The last one of a closing ring lets the reactor end. */
void st_job_free(struct st_job *job)
{
	struct spawn_template_ring *ring = job->ring;
	struct st_pool *pool = ring->pool;

	st_run_close(&job->run);
	free(job->started);
	free(job->detached);
	st_feed_drop(job->feed);
	if (job->flow)
		job->drop_flow(job->flow);
	if (job->result)
		spawn_template_result_free(job->result);
	free(job->result);
	free(job->copy);
	pthread_mutex_destroy(&job->watch.lock);
	free(job);
	pthread_mutex_lock(&ring->lock);
	if (--ring->jobs == 0 && ring->closing)
		st_poller_wake(&ring->poller);
	pthread_mutex_unlock(&ring->lock);
	st_pool_release(pool);
}

/* ---- a ring's life */

/*
 * Frees completions that nobody took; the child of a ring_spawn is the host's. A
 * CQE_STARTED is among the loose ones, which close their own descriptor, once.
 * For taken completions that were not given back, the result is still the
 * ring's, the pidfd is the caller's.
 */
static void free_done(struct spawn_template_ring *ring)
{
	struct st_done *done;

	while ((done = (struct st_done *)st_queue_take(&ring->done)))
		if (done->cqe.kind == SPAWN_TEMPLATE_CQE_END &&
		    done->cqe.pidfd >= 0)
			sys_close(done->cqe.pidfd);
	while (ring->loose)
		st_loose_seen(ring, &ring->loose->done);
	for (unsigned int i = 0; i < ring->entries; i++)
		st_slot_free_result(&ring->slots[i]);
}

/* Closes those that are still the ring's. The poller tells, and so it is the last. */
static void close_fds(struct spawn_template_ring *ring)
{
	struct st_poller *p = &ring->poller;

	st_poller_close_fd(p, &ring->event_file, &ring->event);
	st_poller_close_fd(p, &ring->devnull_file, &ring->devnull);
	st_poller_close(p);
}

/* Frees a ring with nothing in flight, which no other thread has. */
void st_ring_free(struct spawn_template_ring *ring)
{
	free_done(ring);
	st_homes_close(&ring->homes);
	st_sentinel_close(&ring->sentinel);
	close_fds(ring);
	pthread_mutex_destroy(&ring->poller.lock);
	pthread_mutex_destroy(&ring->wait_lock);
	pthread_mutex_destroy(&ring->loose_lock);
	pthread_mutex_destroy(&ring->submit_lock);
	pthread_mutex_destroy(&ring->lock);
	free(ring->runs);
	free(ring->trees);
	free(ring);
}

struct spawn_template_ring *st_ring_new(unsigned int entries)
{
	struct spawn_template_ring *ring;

	ring = calloc(1, sizeof(*ring) + entries * sizeof(ring->slots[0]));
	if (!ring)
		return NULL;
	ring->entries = entries;
	ring->event = ring->devnull = -1;
	pthread_mutex_init(&ring->lock, NULL);
	pthread_mutex_init(&ring->submit_lock, NULL);
	pthread_mutex_init(&ring->wait_lock, NULL);
	pthread_mutex_init(&ring->loose_lock, NULL);
	st_homes_init(&ring->homes);
	st_sentinel_init(&ring->sentinel, entries);
	st_poller_init(&ring->poller);
	ring->runs = calloc(entries, sizeof(*ring->runs));
	ring->trees = calloc(entries, sizeof(*ring->trees));
	if (!ring->runs || !ring->trees) {
		st_ring_free(ring);
		return NULL;
	}
	while (entries)
		st_slot_give(ring, &ring->slots[--entries]);
	return ring;
}

/* Frees the copy in a forked child: threads and runs are the parent's. */
void st_ring_forget(struct spawn_template_ring *ring)
{
	st_homes_forget(&ring->homes);
	st_sentinel_forget(&ring->sentinel);
	close_fds(ring);
	free(ring->runs);
	free(ring->trees);
	free(ring);
}
