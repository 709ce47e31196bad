/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parks the processes of all templates, and ends them.
 *
 * One thread of the process, the keeper, does it. It never ends, since a parked
 * process is killed with the thread that parked it.
 *
 * - A process that is taken is replaced after WARM_REFILL_AFTER, so that parking or
 *   forking does not take the processor from the launch that took it. Where launches
 *   follow each other faster, these have the next one forked at once.
 * - Processes that were not used for WARM_IDLE_MOST end.
 * - There are at most PARKED_MOST, besides those that these have forked: for one
 *   more, those of the template that was launched the longest ago end.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "futex.h"
#include "shared/clock.h"
#include "sys.h"
#include "epoch.h"
#include "thread.h"
#include "warm/pool.h"

#define PARKED_MOST 64 /* processes of all templates */
/* Moments to wait for processes to end that leave room for a launch. */
#define ROOM_NAPS 1000
/* The time after which those that were to be forked are missed. */
#define CHECK_AFTER (1000 * ST_MS)

/* One for each process that uses it: a forked child has its own. */
struct keeper {
	uint64_t epoch;
	pthread_mutex_t lock;		/* protects the list; taken before a pool's */
	_Atomic uint32_t pokes;		/* futex: counts reasons to look */
	struct st_warm *list;
	_Atomic bool started;
};

static _Atomic(struct keeper *) keeper;

/* Takes a seat that can be closed; the caller holds the lock. */
static struct warm_seat *take_spent(struct st_warm *w)
{
	struct warm_seat **at = &w->spent, *seat;

	while (*at && (*at)->users)
		at = &(*at)->next;
	seat = *at;
	if (seat)
		*at = seat->next;
	w->closing = seat;
	return seat;
}

/* Closes seats without the lock, since that waits for processes to end. */
static void close_spent(struct st_warm *w)
{
	struct warm_seat *seat;

	do {
		pthread_mutex_lock(&w->lock);
		seat = take_spent(w);
		pthread_mutex_unlock(&w->lock);
		if (seat) {
			st_seat_close(seat);
			free(seat);
		}
	} while (seat);
}

/* Return: the time to close seats; ST_NEVER if none can be closed. */
static int64_t close_due(const struct st_warm *w)
{
	for (const struct warm_seat *s = w->spent; s; s = s->next)
		if (!s->users)
			return w->close_due;
	return ST_NEVER;
}

static void dispose(struct st_warm *w)
{
	st_pool_retire_all(w);
	close_spent(w);
	pthread_mutex_destroy(&w->lock);
	st_python_free(w->python);
	st_session_free(w->session);
	free(w->argv0);
	free(w->path);
	free(w);
}

static void nap(void)
{
	const struct sys_timespec nap = { 0, 1000000 };

	sys_call2(__NR_nanosleep, &nap, 0);
}

/* Ends all processes of a template, as if it had never been launched. */
static void forget(struct st_warm *w)
{
	st_pool_retire_all(w);
	w->launches = 0;
	w->misfits = w->moves = 0;
	w->renew = false;
	w->due = ST_NEVER;
}

/*
 * Has forked what the launches have left to the keeper, and what has failed or was
 * killed: without that, nothing would wait until the next launch. The caller holds the
 * lock.
 */
static void fork_missing(struct st_warm *w)
{
	struct warm_seat *seat = w->n ? w->seat[0] : NULL;

	w->fork_due = ST_NEVER;
	if (!seat || !st_seat_forks(seat) || !st_seat_has_fds(seat))
		return;
	if (st_seat_is_lost(seat)) {
		st_pool_retire_lost(w, seat);
		if (w->due == ST_NEVER)
			w->due = st_now() + st_pool_park_after(w);
		return;
	}
	st_seat_bury(seat);
	while (st_seat_ready(seat) + st_seat_coming(seat) < w->target)
		if (st_seat_ring(seat) < 0)
			break;
	if (st_seat_ready(seat) < w->target)
		w->fork_due = st_now() + CHECK_AFTER;
}

/* Has the keeper look whether what the launches had forked has come. */
void st_keeper_check(struct st_warm *w)
{
	if (w->fork_due != ST_NEVER)
		return;
	w->fork_due = st_now() + CHECK_AFTER;
	st_keeper_poke();
}

/* Takes a lock if that is free within a moment: the caller may be a signal handler. */
static bool lock_soon(pthread_mutex_t *lock)
{
	for (int i = 0; i < 20; i++) {
		if (pthread_mutex_trylock(lock) == 0)
			return true;
		nap();
	}
	return false;
}

/* Returns how many seats of a template are not closed; with end, closes them. */
static unsigned int seats_left(struct st_warm *w, bool end)
{
	unsigned int n = 0;

	if (!lock_soon(&w->lock))
		return 0;
	if (end)
		forget(w);
	for (const struct warm_seat *s = w->spent; s; s = s->next)
		n += !s->users;
	n += w->closing;
	if (end && n)
		w->close_due = st_now();
	pthread_mutex_unlock(&w->lock);
	return n;
}

static unsigned int all_seats_left(struct keeper *k, bool end)
{
	unsigned int n = 0;

	if (!lock_soon(&k->lock))
		return 0;
	for (struct st_warm *w = k->list; w; w = w->next)
		n += seats_left(w, end);
	pthread_mutex_unlock(&k->lock);
	return n;
}

static void end_at_once(void *none)
{
	(void)none;
	sys_exit(0);
}

/*
 * Tells whether there is room for one more process here: then another cgroup, in which
 * the launch is to be, is full. A child that ends at once is the only way to know: the
 * limit may be that of a cgroup far above, or of the user. It shares this memory, as a
 * copy of it may take long, or be more than the machine has.
 */
static bool has_room(void)
{
	_Alignas(16) char stack[1024];
	uint64_t all = ~0ULL, mine;
	long pid;

	if (sys_sigmask(&all, &mine) < 0)
		return false;
	pid = arch_clone(__NR_clone, CLONE_VM | CLONE_VFORK,
			 (long)(stack + sizeof(stack)), 0, 0, end_at_once,
			 NULL);
	while (pid > 0 && sys_call4(__NR_wait4, pid, 0, __WALL, 0) == -EINTR)
		;
	sys_sigmask(&mine, NULL);
	return pid > 0;
}

bool st_warm_make_room(uint64_t flags)
{
	struct keeper *k = atomic_load(&keeper);

	if (!k || k->epoch != st_epoch_current())
		return false;
	if (flags & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP && has_room())
		return false;
	if (!all_seats_left(k, true))
		return false;
	st_keeper_poke();
	for (int i = 0; i < ROOM_NAPS && all_seats_left(k, false); i++)
		nap();
	return true;
}

/*
 * Ends the processes of the template that was launched the longest ago, if there
 * are too many to park one more. The caller holds the lock of the list.
 */
static void make_room(struct keeper *k)
{
	struct st_warm *oldest = NULL;
	int64_t used = ST_NEVER;
	unsigned int n = 0;

	for (struct st_warm *w = k->list; w; w = w->next) {
		pthread_mutex_lock(&w->lock);
		n += w->n;
		if (w->n && w->used < used) {
			oldest = w;
			used = w->used;
		}
		pthread_mutex_unlock(&w->lock);
	}
	if (n < PARKED_MOST || !oldest)
		return;
	pthread_mutex_lock(&oldest->lock);
	forget(oldest);
	pthread_mutex_unlock(&oldest->lock);
}

enum work { NOTHING, CLOSE, PARK, DISPOSE };

/* Returns the work due for a template, and the time to look again. */
static enum work work_of(struct st_warm *w, int64_t now, int64_t *due)
{
	enum work work = NOTHING;
	bool idle;

	pthread_mutex_lock(&w->lock);
	idle = now - w->used >= WARM_IDLE_MOST;
	if (w->fork_due <= now)
		fork_missing(w);
	if (w->dropped)
		work = DISPOSE;
	else if (idle && (w->n || w->due != ST_NEVER))
		forget(w);
	else if (w->due <= now && (w->n < st_pool_seats(w) || w->renew))
		work = PARK;
	if (work == NOTHING && close_due(w) <= now)
		work = CLOSE;
	if (w->due < *due)
		*due = w->due;
	if (w->fork_due < *due)
		*due = w->fork_due;
	if (close_due(w) < *due)
		*due = close_due(w);
	if (w->n && w->used + WARM_IDLE_MOST < *due)
		*due = w->used + WARM_IDLE_MOST;
	pthread_mutex_unlock(&w->lock);
	return work;
}

/*
 * Does one piece of work.
 * Return: the time to look again, or ST_NEVER; 0: at once.
 */
static int64_t look(struct keeper *k)
{
	int64_t now = st_now(), due = ST_NEVER;
	struct st_warm **at, *w;
	enum work work;

	for (at = &k->list; (w = *at); at = &w->next) {
		work = work_of(w, now, &due);
		if (work == NOTHING)
			continue;
		if (work == DISPOSE)
			*at = w->next;
		else if (work == PARK)
			make_room(k);
		pthread_mutex_unlock(&k->lock);
		if (work == DISPOSE)
			dispose(w);
		else if (work == PARK)
			st_pool_refill(w);
		else
			close_spent(w);
		pthread_mutex_lock(&k->lock);
		return 0;
	}
	return due;
}

/*
 * Leaves SCHED_BATCH, if the first to launch was a thread of a ring: what is
 * parked has the policy of this thread.
 */
static void take_policy(void)
{
	const int priority = 0;

	if (sys_call1(__NR_sched_getscheduler, 0) == SCHED_BATCH &&
	    sys_call1(__NR_sched_getscheduler, getpid()) == SCHED_OTHER)
		sys_call3(__NR_sched_setscheduler, 0, SCHED_OTHER, &priority);
}

static void *keep(void *arg)
{
	struct keeper *k = arg;

	sys_call2(__NR_prctl, PR_SET_NAME, "spawn-warm");
	take_policy();
	for (;;) {
		uint32_t seen = atomic_load(&k->pokes);
		int64_t due, left;

		pthread_mutex_lock(&k->lock);
		due = look(k);
		pthread_mutex_unlock(&k->lock);
		left = due == ST_NEVER ? ST_NEVER : due - st_now();
		if (left > 0)
			st_futex_wait(&k->pokes, seen,
				      due == ST_NEVER ? -1 : left);
	}
	return NULL;
}

static struct keeper *keeper_new(uint64_t epoch)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	pthread_mutex_init(&k->lock, NULL);
	k->epoch = epoch;
	return k;
}

/*
 * Returns this process's keeper, and ignores a parent's, whose lock may be
 * held.
 */
static struct keeper *keeper_get(void)
{
	struct keeper *k = atomic_load(&keeper), *new;
	uint64_t epoch;

	if (st_epoch_begin(&epoch) < 0)
		return NULL;
	while (!k || k->epoch != epoch) {
		new = keeper_new(epoch);
		if (!new)
			return NULL;
		if (atomic_compare_exchange_strong(&keeper, &k, new))
			return new;
		free(new);
	}
	return k;
}

/*
 * Starts the keeper's thread, which lives as long as the process. The caller may hold
 * the lock of a pool, so that this takes none.
 */
static void keeper_start(struct keeper *k)
{
	pthread_t thread;

	if (atomic_exchange(&k->started, true))
		return;
	if (st_thread_start(&thread, keep, k) == 0)
		pthread_detach(thread);
	else
		atomic_store(&k->started, false);
}

void st_keeper_poke(void)
{
	struct keeper *k = keeper_get();

	if (!k)
		return;
	if (!atomic_load(&k->started))
		keeper_start(k);
	atomic_fetch_add(&k->pokes, 1);
	st_futex_wake(&k->pokes, 1);
}

/*
 * Puts the processes of a template in the keeper's care.
 * Return: 0; -ENOMEM if this process can have no keeper.
 */
int st_keeper_add(struct st_warm *w)
{
	struct keeper *k = keeper_get();

	if (!k)
		return -ENOMEM;
	w->epoch = k->epoch;
	pthread_mutex_lock(&k->lock);
	w->next = k->list;
	k->list = w;
	pthread_mutex_unlock(&k->lock);
	return 0;
}
