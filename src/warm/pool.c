/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prepared processes of a template: decides which launch may take one.
 *
 * Launching threads only take a process that is there: they never wait for a
 * lock, or for a process to be parked. Nothing is parked for a template that is
 * not launched twice. The keeper (keeper.c) parks and ends processes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "sys.h"
#include "epoch.h"
#include "warm/pool.h"

static void count_cold(struct st_warm *w, unsigned int reason)
{
	atomic_fetch_add_explicit(&w->cold[reason], 1, memory_order_relaxed);
}

/* ---- one launch */

/*
 * Notes that a process is wanted; the caller holds the lock.
 * Return: why this launch is cold.
 */
static unsigned int want(struct st_warm *w, const struct st_launch *l)
{
	char *const *argv = (char **)(uintptr_t)l->args->argv;

	if (w->failures >= WARM_TRIES)
		return SPAWN_TEMPLATE_COLD_PROGRAM;
	if (++w->launches < 2)
		return SPAWN_TEMPLATE_COLD_FIRST;
	if (!w->argv0)
		w->argv0 = strdup(argv[0]);
	if (w->argv0 && w->due == ST_NEVER && w->n < w->target) {
		w->due = st_now() + WARM_REFILL_AFTER;
		w->used = st_now();
		st_keeper_poke();
	}
	return SPAWN_TEMPLATE_COLD_NOT_READY;
}

/*
 * Leaves a seat for the keeper to close, since that takes longer than a launch.
 */
static void retire(struct st_warm *w, unsigned int i)
{
	if (w->n_spent < WARM_SEATS_MOST)
		w->spent[w->n_spent++] = w->seat[i];
	else
		st_keeper_free_seat(w->seat[i]);
	w->seat[i] = w->seat[--w->n];
}

static void retire_all(struct st_warm *w)
{
	while (w->n)
		retire(w, 0);
}

static struct warm_seat *ready_seat(struct st_warm *w, unsigned int *at)
{
	for (*at = 0; *at < w->n; ++*at)
		if (st_seat_ready(w->seat[*at]))
			return w->seat[*at];
	return NULL;
}

/*
 * Launches; the caller holds the lock.
 * Return: as st_warm_launch(); with 0, *reason is set.
 */
static pid_t launch_locked(struct st_warm *w, struct st_launch *l,
			   unsigned int *reason)
{
	struct warm_caller caller;
	struct warm_seat *seat;
	unsigned int at;
	uint64_t mask;
	pid_t pid = 0;
	int ret;

	*reason = st_judge_arguments(w, l);
	if (*reason != ST_COLD_NONE)
		return 0;
	seat = ready_seat(w, &at);
	if (!seat) {
		*reason = want(w, l);
		return 0;
	}
	sys_sigmask(NULL, &mask);
	*reason = SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	if (!st_judge_standard())
		return 0;
	if (st_seat_begin(seat, l, mask) != 0) {
		if (st_seat_lives(seat))
			return 0;
		*reason = SPAWN_TEMPLATE_COLD_LOST;
		retire(w, at);
		want(w, l);
		return 0;
	}
	*reason = st_judge_process(seat, &caller);
	if (*reason != ST_COLD_NONE) {
		st_seat_call_off(seat);
		retire_all(w);
		want(w, l);
		return 0;
	}
	w->used = st_now();
	ret = st_seat_go(seat, l, &caller, &pid);
	if (w->mode == WARM_ONCE || ret == WARM_COLD)
		retire(w, at);
	if (w->n < w->target)
		want(w, l);
	*reason = SPAWN_TEMPLATE_COLD_LOST;
	return ret == WARM_COLD ? 0 : ret < 0 ? ret : pid;
}

pid_t st_warm_launch(struct st_warm *w, struct st_launch *l)
{
	unsigned int reason = SPAWN_TEMPLATE_COLD_BUSY;
	pid_t pid = 0;

	if (w->never != ST_COLD_NONE) {
		count_cold(w, w->never);
		return 0;
	}
	if (w->epoch == st_epoch_current() &&
	    pthread_mutex_trylock(&w->lock) == 0) {
		pid = launch_locked(w, l, &reason);
		pthread_mutex_unlock(&w->lock);
	}
	if (pid == 0)
		count_cold(w, reason);
	return pid;
}

/* ---- calls for a template */

/**
 * st_warm_new - prepare launches for a template
 * @path: absolute, of the file with this key
 * @key: the file's
 * @create_flags: WARM_ONCE or WARM_FORK
 * @target: how many processes wait; 0: one
 * @never: why no launch of it can be warm; else ST_COLD_NONE
 *
 * Return: NULL if memory is short.
 */
struct st_warm *st_warm_new(const char *path,
			    const struct spawn_template_key *key,
			    uint64_t create_flags, unsigned int target,
			    unsigned int never)
{
	struct st_warm *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->path = strdup(path ? path : "");
	if (!w->path)
		goto fail;
	w->key = *key;
	w->mode = create_flags & SPAWN_TEMPLATE_CREATE_WARM_ONCE ? WARM_ONCE
								 : WARM_FORK;
	w->target = target ? target : 1;
	if (w->target > WARM_SEATS_MOST)
		w->target = WARM_SEATS_MOST;
	w->due = ST_NEVER;
	w->never = never;
	pthread_mutex_init(&w->lock, NULL);
	if (st_keeper_add(w) == 0)
		return w;
	pthread_mutex_destroy(&w->lock);
fail:
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

	if (w->epoch != st_epoch_current() ||
	    pthread_mutex_trylock(&w->lock) != 0)
		return 0;
	for (unsigned int i = 0; i < w->n; i++)
		ready += st_seat_ready(w->seat[i]);
	pthread_mutex_unlock(&w->lock);
	return ready;
}

uint64_t st_warm_count(const struct st_warm *w, unsigned int reason)
{
	return atomic_load_explicit(&w->cold[reason], memory_order_relaxed);
}
