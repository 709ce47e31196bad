/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps templates open for a while after their last use, and closes them in time,
 * also if nobody uses the cache any more. A thread does that. It lives while
 * templates are held, and sleeps until the first of them has to be closed; only the
 * end of the cache wakes it before. All templates are held for the same time, so
 * that the queue is in the order of closing.
 *
 * The child of a fork has another state, and neither the queue nor the thread.
 */
#include "cache_hold.h"
#include "futex.h"
#include "shared/clock.h"
#include "thread.h"

void st_cache_unhold_locked(struct st_cache_state *s, struct st_cached *e)
{
	struct st_cached *before = NULL, *at = s->held_first;

	if (!e->held)
		return;
	while (at != e) {
		before = at;
		at = at->next_held;
	}
	if (before)
		before->next_held = e->next_held;
	else
		s->held_first = e->next_held;
	if (s->held_last == e)
		s->held_last = before;
	e->next_held = NULL;
	e->held = false;
	s->held--;
}

/* Takes the first held template, if it was to be closed by then. */
static bool retire_first_locked(struct st_cache_state *s, int64_t then,
				struct st_retired *retired)
{
	struct st_cached *e = s->held_first;

	if (!e || e->close_at > then)
		return false;
	st_cache_unhold_locked(s, e);
	*retired = st_cache_retire_locked(s, e);
	return true;
}

bool st_cache_release(struct st_cache_state *s)
{
	struct st_retired retired;
	bool any = false, found;

	do {
		pthread_mutex_lock(&s->lock);
		found = retire_first_locked(s, INT64_MAX, &retired);
		pthread_mutex_unlock(&s->lock);
		if (found)
			st_retired_close(&retired);
		any |= found;
	} while (found);
	return any;
}

/* ---- the thread */

/* Closes the templates whose time has come. Return: ns to the next; 0: none left. */
static int64_t close_due(struct st_cache_state *s, uint32_t *wake)
{
	struct st_retired retired;
	int64_t now, ns;

	pthread_mutex_lock(&s->lock);
	now = st_now();
	while (retire_first_locked(s, now, &retired)) {
		pthread_mutex_unlock(&s->lock);
		st_retired_close(&retired);
		pthread_mutex_lock(&s->lock);
	}
	ns = s->held_first ? s->held_first->close_at - now : 0;
	if (!ns)
		s->thread_runs = false;
	*wake = atomic_load(&s->wake);
	pthread_mutex_unlock(&s->lock);
	return ns;
}

static void *run(void *state)
{
	struct st_cache_state *s = state;
	uint32_t wake;
	int64_t ns;

	st_thread_begin("st-cache");
	while ((ns = close_due(s, &wake)))
		st_futex_wait(&s->wake, wake, ns);
	st_cache_state_put(s);
	return NULL;
}

static bool start_locked(struct st_cache_state *s)
{
	pthread_t thread;

	atomic_fetch_add(&s->refs, 1);
	if (st_thread_start(&thread, run, s) < 0) {
		atomic_fetch_sub(&s->refs, 1);
		return false;
	}
	pthread_detach(thread);
	return true;
}

bool st_cache_hold_locked(struct st_cache_state *s, struct st_cached *e,
			  uint64_t ns)
{
	if (!s->thread_runs)
		s->thread_runs = start_locked(s);
	if (!s->thread_runs)
		return false;
	e->close_at = st_after(st_now(), ns);
	e->held = true;
	if (s->held_last)
		s->held_last->next_held = e;
	else
		s->held_first = e;
	s->held_last = e;
	s->held++;
	return true;
}
