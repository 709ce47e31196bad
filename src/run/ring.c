/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring as its callers see it: slots, submission, completion, cancelling.
 *
 * Whoever submits takes no lock that is held for longer than a few instructions,
 * and makes no call that waits for a launch.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "args.h"
#include "shared/clock.h"
#include "epoch.h"
#include "futex.h"
#include "identity.h"
#include "run/pool.h"
#include "run/ring.h"
#include "sys.h"

/* How long ring_exit waits for what it has killed. */
#define EXIT_MOST (2000 * ST_MS)

_Static_assert(sizeof(struct spawn_template_ring_params) ==
		       SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0,
	       "ring params");
_Static_assert(sizeof(struct spawn_template_ring) +
			       SPAWN_TEMPLATE_RING_ENTRIES_MAX *
				       (sizeof(struct st_slot) +
					3 * sizeof(void *)) <
		       1 << 20,
	       "the largest ring");

/* Of another process: a parent's, whose threads and locks are not here. */
static bool is_foreign(const struct spawn_template_ring *ring)
{
	return ring->epoch != st_epoch_current();
}

/* ---- slots: the free ones are linked by index, under a tag against reuse */

static void slot_give(struct spawn_template_ring *ring, struct st_slot *slot)
{
	uint64_t index = (uint64_t)(slot - ring->slots) + 1;
	uint64_t old = atomic_load(&ring->free), new;

	do {
		atomic_store_explicit(&slot->next_free, (uint32_t)old,
				      memory_order_relaxed);
		new = ((old >> 32) + 1) << 32 | index;
	} while (!atomic_compare_exchange_weak(&ring->free, &old, new));
}

static struct st_slot *slot_take(struct spawn_template_ring *ring)
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

/* ---- making a ring */

static int check_params(unsigned int entries,
			struct spawn_template_ring_params *p,
			const struct spawn_template_ring_params *from,
			size_t size)
{
	int ret;

	*p = (struct spawn_template_ring_params){ .flags = 0 };
	if (!from && size)
		return -EINVAL;
	if (from) {
		ret = st_args_copy(p, sizeof(*p), from, size,
				   SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0);
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

static struct spawn_template_ring *ring_alloc(unsigned int entries)
{
	struct spawn_template_ring *ring;

	ring = calloc(1, sizeof(*ring) + entries * sizeof(ring->slots[0]));
	if (!ring)
		return NULL;
	ring->entries = entries;
	ring->event = ring->devnull = -1;
	ring->reactor.epoll = ring->reactor.wake = ring->reactor.timer = -1;
	pthread_mutex_init(&ring->lock, NULL);
	pthread_mutex_init(&ring->submit_lock, NULL);
	pthread_mutex_init(&ring->wait_lock, NULL);
	pthread_mutex_init(&ring->home_lock, NULL);
	pthread_mutex_init(&ring->reactor.lock, NULL);
	while (entries)
		slot_give(ring, &ring->slots[--entries]);
	return ring;
}

static int ring_open(struct spawn_template_ring *ring, unsigned int threads)
{
	int ret = st_epoch_begin(&ring->epoch);

	if (ret < 0)
		return ret;
	ret = st_run_devnull(&ring->devnull);
	if (ret < 0)
		return ret;
	ring->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->event < 0)
		return -errno;
	ret = st_reactor_open(ring);
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
	r = ring_alloc(entries);
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
	return is_foreign(ring) ? -EACCES : ring->event;
}

/* ---- submission */

static int queue_job(struct spawn_template_ring *ring, int tfd,
		     const struct spawn_template_run_args *args, bool is_run,
		     uint64_t user_data)
{
	struct st_slot *slot = slot_take(ring);
	struct st_job *job;
	uint64_t state;
	int ret;

	if (!slot)
		return -EAGAIN;
	ret = st_job_new(&job, ring, tfd, args, is_run);
	if (ret < 0) {
		slot_give(ring, slot);
		return ret;
	}
	state = atomic_load(&slot->state) + ST_SLOT_QUEUED;
	job->slot = slot;
	job->queued = state;
	slot->job = job;
	slot->cqe = (struct spawn_template_cqe){ .user_data = user_data };
	atomic_store(&slot->user_data, user_data);
	atomic_store(&slot->state, state);
	st_queue_put(&ring->submitted, &job->node, &job->node);
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
	ret = st_run_args(&run, args, size);
	if (ret < 0)
		return ret;
	return queue_job(ring, tfd, &run, true, user_data);
}

/*
 * What was taken is put before anything that was queued later is: else a thread
 * that is preempted in between has the jobs of others overtaken by later ones.
 */
static int submit(struct spawn_template_ring *ring)
{
	struct st_node *top, *bottom;
	int n = 0;

	if (!st_queue_has_new(&ring->submitted))
		return 0;
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

static void signal_event(struct spawn_template_ring *ring)
{
	const uint64_t one = 1;

	sys_call3(__NR_write, ring->event, &one, sizeof(one));
}

/* The slot is complete: its cqe is filled in, and its job is not in it. */
static void publish(struct spawn_template_ring *ring, struct st_slot *slot)
{
	st_queue_put(&ring->done, &slot->node, &slot->node);
	if (!atomic_exchange(&ring->signalled, true))
		signal_event(ring);
}

/**
 * st_ring_complete - complete a job that is LAUNCHING or RUNNING
 * @job: its result, if it has one to tell, is the completion's from now on
 * @res, @flags: of the completion
 */
void st_ring_complete(struct st_job *job, int res, uint32_t flags)
{
	struct spawn_template_ring *ring = job->ring;
	struct st_slot *slot = job->slot;
	struct spawn_template_cqe *cqe = &slot->cqe;

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
	st_reactor_remove(job);
	atomic_store(&slot->state, job->queued - ST_SLOT_QUEUED + ST_SLOT_DONE);
	pthread_mutex_unlock(&ring->lock);
	publish(ring, slot);
}

/* The queue was seen empty: so is the event, unless something comes. */
static void make_quiet(struct spawn_template_ring *ring)
{
	uint64_t n;

	atomic_store(&ring->signalled, false);
	sys_call3(__NR_read, ring->event, &n, sizeof(n));
	if (st_queue_is_empty(&ring->done))
		return;
	atomic_store(&ring->signalled, true);
	signal_event(ring);
}

static struct st_slot *take_done(struct spawn_template_ring *ring)
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
	return (struct st_slot *)node;
}

/* Return: 0 if there is something now, -ETIME, -EINTR. */
static int wait_event(struct spawn_template_ring *ring, int64_t until)
{
	struct pollfd pfd = { .fd = ring->event, .events = POLLIN };
	int64_t left = until == ST_NEVER ? 0 : until - st_now();
	struct sys_timespec ts = { left / 1000000000LL, left % 1000000000LL };
	int n;

	if (left < 0)
		return -ETIME;
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
	struct st_slot *slot;
	int ret;

	if (is_foreign(ring))
		return -EACCES;
	if (!cqe || timeout_ms < -1)
		return -EINVAL;
	submit(ring);
	slot = take_done(ring);
	if (!slot && timeout_ms > 0)
		until = st_now() + timeout_ms * ST_MS;
	while (!slot) {
		ret = timeout_ms ? wait_event(ring, until) : -ETIME;
		if (ret < 0)
			return ret;
		slot = take_done(ring);
	}
	*cqe = &slot->cqe;
	return 0;
}

static void free_result(struct spawn_template_cqe *cqe)
{
	spawn_template_result_free(cqe->result);
	free(cqe->result);
	cqe->result = NULL;
}

void spawn_template_ring_seen(struct spawn_template_ring *ring,
			      struct spawn_template_cqe *cqe)
{
	struct st_slot *slot;
	uint64_t state;

	if (!cqe || is_foreign(ring))
		return;
	slot = (struct st_slot *)((char *)cqe - offsetof(struct st_slot, cqe));
	free_result(cqe);
	state = atomic_load(&slot->state) & ~(ST_SLOT_USE - 1);
	atomic_store(&slot->state, state + ST_SLOT_USE + ST_SLOT_FREE);
	slot_give(ring, slot);
}

/* ---- cancelling */

/* What was never launched is complete at once; its job is found dead later. */
static void complete_queued(struct spawn_template_ring *ring,
			    struct st_slot *slot)
{
	slot->job = NULL;
	slot->cqe.res = -ECANCELED;
	slot->cqe.pid = slot->cqe.pidfd = -1;
	publish(ring, slot);
}

/*
 * Cancels what is in a slot, if it is what was asked for: whose the slot is, its
 * state tells, which is read before. The lock is held. Return: whether there was
 * something that was not complete.
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

/* user_data NULL: all there is. */
static int cancel(struct spawn_template_ring *ring, const uint64_t *user_data)
{
	bool live = false;
	int n = 0;

	pthread_mutex_lock(&ring->lock);
	for (unsigned int i = 0; i < ring->entries; i++)
		n += cancel_slot(ring, &ring->slots[i], user_data, &live);
	pthread_mutex_unlock(&ring->lock);
	if (live)
		st_reactor_cancel(&ring->reactor);
	return n;
}

int spawn_template_ring_cancel(struct spawn_template_ring *ring,
			       uint64_t user_data)
{
	int n;

	if (is_foreign(ring))
		return -EACCES;
	n = cancel(ring, &user_data);
	return n ? n : -ENOENT;
}

/* ---- cgroups of runs */

static struct st_ring_home *home_find(struct spawn_template_ring *ring,
				      const struct st_ring_home *like)
{
	struct st_ring_home *h = ring->homes;

	while (h && (h->dev != like->dev || h->ino != like->ino ||
		     h->supervised != like->supervised || h->gone))
		h = h->next;
	/* whose supervisor was killed: another one is to be made */
	if (h && h->supervised && !st_tree_home_guarded(&h->home)) {
		h->gone = true;
		return NULL;
	}
	return h;
}

static int home_make(struct spawn_template_ring *ring,
		     const struct spawn_template_run_args *args,
		     struct st_ring_home *like, struct st_ring_home **home)
{
	struct st_ring_home *h = NULL;
	bool fallback;
	int ret = st_run_home(args, &like->home, &fallback);

	if (ret == 0)
		h = malloc(sizeof(*h));
	if (!h) {
		st_tree_home_close(&like->home);
		return ret < 0 ? ret : -ENOMEM;
	}
	*h = *like;
	h->next = ring->homes;
	ring->homes = h;
	*home = h;
	return 0;
}

/**
 * st_ring_home_get - where the cgroup of a run is made
 * @ring: keeps what it has found, or made, for the runs to come
 * @args: with RUN_CGROUP
 * @home: set; NULL if there is none
 * @fallback: set if the run may do without
 *
 * Return: 0, or -errno as st_run_home().
 */
int st_ring_home_get(struct spawn_template_ring *ring,
		     const struct spawn_template_run_args *args,
		     const struct st_tree_home **home, bool *fallback)
{
	struct st_ring_home like = {
		.supervised = args->flags & SPAWN_TEMPLATE_RUN_SUPERVISE,
	}, *found;
	struct spawn_template_key key;
	int ret = 0;

	*fallback = args->cgroup_parent_fd < 0 && !like.supervised;
	if (args->cgroup_parent_fd >= 0) {
		ret = st_key_of_fd(args->cgroup_parent_fd, &key);
		if (ret < 0)
			return ret;
		like.dev = key.dev_major << 32 | key.dev_minor;
		like.ino = key.ino;
	}
	pthread_mutex_lock(&ring->home_lock);
	found = home_find(ring, &like);
	if (!found)
		ret = home_make(ring, args, &like, &found);
	pthread_mutex_unlock(&ring->home_lock);
	if (ret == 0)
		*home = found->home.dir >= 0 ? &found->home : NULL;
	return ret;
}

/* Runs that are in it go on. */
void st_ring_home_gone(struct spawn_template_ring *ring,
		       const struct st_tree_home *home)
{
	struct st_ring_home *h;

	pthread_mutex_lock(&ring->home_lock);
	for (h = ring->homes; h; h = h->next)
		h->gone |= &h->home == home;
	pthread_mutex_unlock(&ring->home_lock);
}

/* ---- the end */

static void free_homes(struct spawn_template_ring *ring)
{
	struct st_ring_home *h;

	while ((h = ring->homes)) {
		ring->homes = h->next;
		st_tree_home_close(&h->home);
		free(h);
	}
}

/*
 * Completions that nobody took: a child of ring_spawn is the host's. Of those that
 * were taken, and not given back, the result is still ours, the pidfd is not.
 */
static void free_done(struct spawn_template_ring *ring)
{
	struct st_slot *slot;

	while ((slot = (struct st_slot *)st_queue_take(&ring->done)))
		if (slot->cqe.pidfd >= 0)
			sys_close(slot->cqe.pidfd);
	for (unsigned int i = 0; i < ring->entries; i++)
		free_result(&ring->slots[i].cqe);
}

/* Nothing is in flight, and nobody else has it. */
void st_ring_free(struct spawn_template_ring *ring)
{
	free_done(ring);
	free_homes(ring);
	st_reactor_close(&ring->reactor);
	if (ring->event >= 0)
		sys_close(ring->event);
	if (ring->devnull >= 0)
		sys_close(ring->devnull);
	pthread_mutex_destroy(&ring->reactor.lock);
	pthread_mutex_destroy(&ring->home_lock);
	pthread_mutex_destroy(&ring->wait_lock);
	pthread_mutex_destroy(&ring->submit_lock);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

/* Its threads are the parent's, and so is what is in flight. */
static void free_foreign(struct spawn_template_ring *ring)
{
	struct st_ring_home *h;

	for (h = ring->homes; h; h = h->next)
		st_tree_home_forget(&h->home);
	st_reactor_close(&ring->reactor);
	sys_close(ring->event);
	sys_close(ring->devnull);
	free(ring);
}

static void end_reactor(struct spawn_template_ring *ring)
{
	int64_t left, until = st_now() + EXIT_MOST;
	pthread_t thread = ring->reactor.thread;

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
		free_foreign(ring);
		return;
	}
	pthread_mutex_lock(&ring->lock);
	ring->closing = true;
	pthread_mutex_unlock(&ring->lock);
	cancel(ring, NULL);
	for (node = st_queue_take_pile(&ring->submitted); node; node = next) {
		next = node->next;
		st_job_free((struct st_job *)node);
	}
	st_reactor_cancel(&ring->reactor);
	end_reactor(ring);
}
