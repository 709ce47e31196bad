/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prepared processes of a template: decides which launch may take one.
 *
 * Launching threads only take a process that is there: they never wait for a
 * lock, or for a process to be parked. Nothing is parked for a template that is
 * not launched twice. The keeper (keeper.c) parks and ends processes.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "sys.h"
#include "epoch.h"
#include "warm/claim.h"
#include "warm/node.h"
#include "warm/pool.h"

#define LOCK_TRIES 20
#define LOCK_NAPS 10
#define LOCK_NAP 20000 /* ns; with the usual timer slack 70 us */

/* A process that forks is replaced after so many launches, or so long. */
#define RENEW_LAUNCHES 1000
#define RENEW_AFTER (600000 * ST_MS)

/* At so many moves the time until the next parking no longer grows. */
#define MOVES_MOST 20

static void count_cold(struct st_warm *w, unsigned int reason)
{
	atomic_fetch_add_explicit(&w->cold[reason], 1, memory_order_relaxed);
}

/* ---- one launch */

/* Has the keeper park a process, if one is missing; the caller holds the lock. */
static void have_parked(struct st_warm *w)
{
	/* the time may be longer than that after which unused processes end */
	w->used = st_now();
	if (w->due != ST_NEVER || (w->n >= st_pool_seats(w) && !w->renew))
		return;
	w->due = st_now() + st_pool_park_after(w);
	st_keeper_poke();
}

/*
 * Notes that a process is wanted; the caller holds the lock.
 * Return: why this launch is cold.
 */
static unsigned int want(struct st_warm *w, const struct st_launch *l)
{
	char *const *argv = (char **)(uintptr_t)l->args->argv;

	if (!st_pool_may_park(w))
		return SPAWN_TEMPLATE_COLD_PROGRAM;
	if (++w->launches < 2)
		return SPAWN_TEMPLATE_COLD_FIRST;
	if (!w->argv0)
		w->argv0 = strdup(argv[0]);
	if (w->session && !st_session_learn(w->session, l))
		return SPAWN_TEMPLATE_COLD_NOT_READY;
	if (w->python && !st_python_learn(w->python, l))
		return SPAWN_TEMPLATE_COLD_NOT_READY;
	if (w->argv0)
		have_parked(w);
	return SPAWN_TEMPLATE_COLD_NOT_READY;
}

/* Returns a seat at which a process waits, or that forks one; NULL: none. */
static struct warm_seat *find_seat(struct st_warm *w)
{
	if (w->mode == WARM_FORK)
		return w->n ? w->seat[0] : NULL;
	for (unsigned int i = 0; i < w->n; i++)
		if (st_seat_ready(w->seat[i]))
			return w->seat[i];
	return NULL;
}

static bool is_node(const struct st_warm *w)
{
	return w->python && w->python->node;
}

/* Tells whether the runtime is to be parked for the launch from now on. */
static bool moves(struct st_warm *w, const struct st_launch *l)
{
	if (st_judge_has_linkers(l))
		return false;
	return w->session  ? st_session_moves(w->session, l)
	       : w->python ? st_python_moves(w->python, l)
			   : false;
}

/*
 * Tells whether launches follow each other so fast that the next one would find no
 * process, if the keeper replaced this one's later.
 */
static bool is_hurry(const struct st_warm *w, const struct warm_seat *seat)
{
	return seat->users || st_now() - w->used < WARM_REFILL_AFTER;
}

/*
 * Hands the launch to a process; the caller holds the lock.
 * Return: ST_COLD_NONE, or the reason to go cold.
 */
static unsigned int begin(struct st_warm *w, struct st_launch *l,
			  struct warm_claim *claim)
{
	unsigned int reason = st_judge_arguments(w, l);
	struct warm_seat *seat;
	uint64_t mask;
	int ret;

	if (reason == SPAWN_TEMPLATE_COLD_ENVIRONMENT && moves(w, l)) {
		st_pool_retire_all(w);
		w->moves += w->moves < MOVES_MOST ? 2 : 0;
		/* what failed for one start may be done for another */
		if (w->python)
			w->failures = 0;
		want(w, l);
	}
	if (reason != ST_COLD_NONE)
		return reason;
	seat = find_seat(w);
	if (!seat)
		return want(w, l);
	if (!st_judge_descriptor(w, l))
		return SPAWN_TEMPLATE_COLD_FILES;
	sys_sigmask(NULL, &mask);
	if (!st_judge_standard(l))
		return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	/* the file was sourced, or threads were begun, with no signal blocked */
	if ((w->session || is_node(w)) && (l->masked ? l->mask : mask))
		return SPAWN_TEMPLATE_COLD_INHERITED;
	ret = st_claim_begin(claim, seat, l, mask, w->target,
			     is_hurry(w, seat));
	if (ret == 0)
		return ST_COLD_NONE;
	if (ret == -EAGAIN)
		return SPAWN_TEMPLATE_COLD_NOT_READY;
	if (ret == -EXDEV) {
		/* another directory: not too often, the file is sourced anew */
		w->misfits += 2;
		st_session_forget(w->session);
		st_pool_retire_all(w);
		want(w, l);
		return SPAWN_TEMPLATE_COLD_ENVIRONMENT;
	}
	if (ret != -EPIPE)
		return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	st_pool_retire_lost(w, seat);
	want(w, l);
	return SPAWN_TEMPLATE_COLD_LOST;
}

/*
 * Tells whether enough children share the addresses of this process. A session
 * shell is not replaced: its file would be sourced once more.
 */
static bool is_old(const struct st_warm *w, const struct warm_seat *seat)
{
	return st_seat_forks(seat) && !w->session &&
	       (seat->launches >= RENEW_LAUNCHES ||
		st_now() - seat->since >= RENEW_AFTER);
}

/*
 * Has the keeper fork one more, once this launch has had its time: a fork meanwhile
 * takes a fifth of the speed from a small program.
 */
static void fork_later(struct st_warm *w)
{
	w->fork_due = st_now() + WARM_REFILL_AFTER;
	st_keeper_poke();
}

/* Gives the seat back; the caller holds the lock. */
static void end(struct st_warm *w, struct warm_claim *claim,
		unsigned int reason)
{
	if (reason == ST_COLD_NONE) {
		w->misfits = 0;
		w->moves -= w->moves > 0;
	} else if (reason == SPAWN_TEMPLATE_COLD_INHERITED ||
		   reason == SPAWN_TEMPLATE_COLD_SANDBOX) {
		w->misfits++;
	}
	if (reason == SPAWN_TEMPLATE_COLD_LOST)
		st_pool_retire_lost(w, claim->seat);
	else if (w->mode == WARM_ONCE)
		st_pool_retire(w, claim->seat);
	else if (reason != ST_COLD_NONE)
		st_pool_retire_all(w);
	st_claim_end(claim, w->target);
	if (w->mode == WARM_FORK && claim->hurry)
		st_keeper_check(w);
	else if (w->mode == WARM_FORK)
		fork_later(w);
	w->used = st_now();
	if (w->n < st_pool_seats(w))
		want(w, claim->launch);
	if (is_old(w, claim->seat) && w->failures < WARM_TRIES) {
		w->renew = true;
		have_parked(w);
	}
	if (w->spent && !claim->seat->users)
		st_keeper_poke();
}

/*
 * Lets the process go, if it may serve the launch, without the lock.
 * Return: ST_COLD_NONE, or the reason to go cold.
 */
static unsigned int go(struct warm_claim *claim)
{
	struct warm_caller caller;
	unsigned int reason =
		st_judge_process(claim->seat, claim->launch, &caller);

	if (reason == ST_COLD_NONE)
		st_claim_go(claim, &caller);
	else
		st_claim_call_off(claim);
	return reason;
}

/*
 * Waits for the answer, and gives the seat back.
 * Return: as st_warm_launch(); with 0, *reason is set.
 */
static pid_t finish(struct st_warm *w, struct warm_claim *claim,
		    unsigned int *reason)
{
	int ret = *reason == ST_COLD_NONE ? st_claim_wait(claim) : WARM_COLD;

	if (ret == WARM_COLD && *reason == ST_COLD_NONE)
		*reason = SPAWN_TEMPLATE_COLD_LOST;
	pthread_mutex_lock(&w->lock);
	end(w, claim, *reason);
	pthread_mutex_unlock(&w->lock);
	return ret == WARM_COLD ? 0 : ret < 0 ? ret : claim->pid;
}

/*
 * Takes the lock without waiting for long: it is held for some ten microseconds, or
 * until the thread that holds it has a processor again. But this may be a signal
 * handler in that thread, so a launch that has waited for longer than it gains is cold.
 */
static bool lock(struct st_warm *w)
{
	const struct sys_timespec nap = { 0, LOCK_NAP };

	for (int i = 0; i < LOCK_TRIES + LOCK_NAPS; i++) {
		if (pthread_mutex_trylock(&w->lock) == 0)
			return true;
		if (i < LOCK_TRIES)
			sched_yield();
		else
			sys_call2(__NR_nanosleep, &nap, 0);
	}
	return false;
}

/* Return: ST_COLD_NONE: a process may go on with the launch; or why it is cold. */
static unsigned int take(struct st_warm *w, struct st_launch *l,
			 struct warm_claim *claim)
{
	unsigned int reason = SPAWN_TEMPLATE_COLD_BUSY;

	if (w->never != ST_COLD_NONE)
		return w->never;
	if (w->epoch == st_epoch_current() && lock(w)) {
		reason = begin(w, l, claim);
		pthread_mutex_unlock(&w->lock);
	}
	return reason;
}

pid_t st_warm_launch(struct st_warm *w, struct st_launch *l)
{
	struct warm_claim claim = { .wants_done = false };
	unsigned int reason = take(w, l, &claim);
	pid_t pid = 0;

	if (reason == ST_COLD_NONE) {
		reason = go(&claim);
		pid = finish(w, &claim, &reason);
	}
	if (pid == 0)
		count_cold(w, reason);
	return pid;
}

/* ---- a launch that the caller does not wait for */

struct st_warm_begun {
	struct warm_claim claim;
};

/*
 * Has a process that is used up replaced, as end() would do later: the caller may
 * not come back for long.
 */
static void replace(struct st_warm *w, struct warm_claim *claim)
{
	if (w->mode != WARM_ONCE)
		return;
	pthread_mutex_lock(&w->lock);
	st_pool_retire(w, claim->seat);
	want(w, claim->launch);
	pthread_mutex_unlock(&w->lock);
}

/**
 * st_warm_begin - launch from a process that waits, and go on
 * @w: as for st_warm_launch()
 * @l: stays in place until the end
 * @done: with a pid, an fd that reads as ended once the launch is over
 * @begun: with a pid, the launch for st_warm_end(); NULL if it is over already
 *
 * The call waits if no process has begun with the launch soon: until then it can
 * still be made cold.
 *
 * Return: as st_warm_launch().
 */
pid_t st_warm_begin(struct st_warm *w, struct st_launch *l, int *done,
		    struct st_warm_begun **begun)
{
	struct st_warm_begun *b = calloc(1, sizeof(*b));
	unsigned int reason;
	pid_t pid = 0;

	*begun = NULL;
	if (!b) {
		count_cold(w, SPAWN_TEMPLATE_COLD_BUSY);
		return 0;
	}
	b->claim.wants_done = true;
	reason = take(w, l, &b->claim);
	if (reason == ST_COLD_NONE) {
		reason = go(&b->claim);
		if (reason == ST_COLD_NONE &&
		    st_claim_is_under_way(&b->claim)) {
			replace(w, &b->claim);
			*done = b->claim.done;
			*begun = b;
			return b->claim.pid;
		}
		pid = finish(w, &b->claim, &reason);
		if (pid > 0)
			*done = b->claim.done;
		else
			st_claim_drop_done(&b->claim);
	}
	if (pid == 0)
		count_cold(w, reason);
	free(b);
	return pid;
}

/**
 * st_warm_end - wait for the end of a launch that was begun
 * @w: the one from which it began
 * @b: the launch. The host may have closed descriptors meanwhile: its pidfd is one that
 *     the caller has looked at, or -1
 *
 * Return: its pid; or -errno if it failed, and then its pidfd is closed.
 */
pid_t st_warm_end(struct st_warm *w, struct st_warm_begun *b)
{
	struct st_launch *l = b->claim.launch;
	unsigned int reason = ST_COLD_NONE;
	int pidfd = l->pidfd;
	pid_t pid;

	if (pidfd >= 0)
		b->claim.pidfd = pidfd;
	/* what follows writes to the seat's numbers, if they are its own */
	pthread_mutex_lock(&w->lock);
	st_seat_has_fds(b->claim.seat);
	pthread_mutex_unlock(&w->lock);
	pid = finish(w, &b->claim, &reason);
	if (pid > 0)
		l->pidfd = pidfd;
	free(b);
	return pid;
}

int st_warm_arguments(const struct st_warm *w, struct st_launch *l)
{
	return w->session ? st_session_arguments(w->session, l) : 0;
}

/* ---- calls for a template */

bool st_warm_is_list(const char *preload)
{
	return st_python_is_list(preload);
}

bool st_warm_is_node(const char *path)
{
	return st_node_is_name(path);
}

/**
 * st_warm_new - prepare launches for a template
 * @path: absolute, of the file with this key
 * @key: the file's
 * @create_flags: WARM_ONCE, WARM_FORK or WARM_RUNTIME
 * @preload: for WARM_RUNTIME, the file for a shell to source, or modules for
 *           Python to import; NULL: a Python without further modules
 * @target: how many processes wait; 0: one
 * @never: why no launch of it can be warm; else ST_COLD_NONE
 *
 * Return: NULL if memory is short.
 */
struct st_warm *st_warm_new(const char *path,
			    const struct spawn_template_key *key,
			    uint64_t create_flags, const char *preload,
			    unsigned int target, unsigned int never)
{
	struct st_warm *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->path = strdup(path ? path : "");
	if (!w->path)
		goto fail;
	if (preload && *preload == '/') {
		w->session = st_session_new(w->path, preload);
		if (!w->session)
			goto fail;
	} else if (create_flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME) {
		w->python = st_python_new(preload ? preload : "");
		if (!w->python)
			goto fail;
		w->python->node = st_node_is_name(w->path);
	}
	w->key = *key;
	w->mode = create_flags & SPAWN_TEMPLATE_CREATE_WARM_ONCE || is_node(w)
			  ? WARM_ONCE
			  : WARM_FORK;
	w->target = target ? target : 1;
	if (w->target > WARM_SEATS_MOST)
		w->target = WARM_SEATS_MOST;
	w->due = w->fork_due = ST_NEVER;
	w->never = never;
	pthread_mutex_init(&w->lock, NULL);
	if (st_keeper_add(w) == 0)
		return w;
	pthread_mutex_destroy(&w->lock);
fail:
	st_python_free(w->python);
	st_session_free(w->session);
	free(w->path);
	free(w);
	return NULL;
}

/* Has the keeper end the template's processes, unless they are a parent's. */
void st_warm_free(struct st_warm *w)
{
	if (!w || w->epoch != st_epoch_current())
		return;
	pthread_mutex_lock(&w->lock);
	w->dropped = true;
	pthread_mutex_unlock(&w->lock);
	st_keeper_poke();
}

unsigned int st_warm_ready(struct st_warm *w)
{
	unsigned int ready = 0;

	if (w->epoch != st_epoch_current() || !lock(w))
		return 0;
	for (unsigned int i = 0; i < w->n; i++) {
		if (!st_seat_has_fds(w->seat[i]))
			continue;
		st_seat_hear(w->seat[i]);
		ready += st_seat_ready(w->seat[i]);
	}
	pthread_mutex_unlock(&w->lock);
	return ready;
}

uint64_t st_warm_count(const struct st_warm *w, unsigned int reason)
{
	return atomic_load_explicit(&w->cold[reason], memory_order_relaxed);
}
