/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parks one more process of a template, for the keeper, puts aside those that are to be
 * closed, and decides when parking that has failed is tried again.
 *
 * After WARM_TRIES failures in a row the program counts as one that cannot be prepared,
 * for a time that doubles each time, RETRIES_MOST times: what stood in the way, such as a
 * module with an error, may be mended meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "sys.h"
#include "warm/environment.h"
#include "warm/pool.h"

/* Small programs have ended by then: node starts for longer than they run. */
#define NODE_REFILL_AFTER (20 * ST_MS)
/* The time after which parking is tried again that found no process or memory. */
#define SHORTAGE_AFTER (1000 * ST_MS)
/* The time after which it is tried again that has failed for good, and how often. */
#define RETRY_AFTER (5000 * ST_MS)
#define RETRIES_MOST 8

/* ---- parked processes that are replaced */

/*
 * Leaves a seat for the keeper to close, since that takes longer than a launch,
 * and other launches may use it. The caller holds the lock.
 */
void st_pool_retire(struct st_warm *w, struct warm_seat *seat)
{
	for (unsigned int i = 0; i < w->n; i++) {
		if (w->seat[i] != seat)
			continue;
		w->seat[i] = w->seat[--w->n];
		seat->next = w->spent;
		w->spent = seat;
		w->close_due = st_now() + WARM_REFILL_AFTER;
	}
}

void st_pool_retire_all(struct st_warm *w)
{
	while (w->n)
		st_pool_retire(w, w->seat[0]);
}

/*
 * Retires a process that was killed, or did not answer. It counts as one that did not
 * fit: what ends or stops the processes may go on doing so.
 */
void st_pool_retire_lost(struct st_warm *w, struct warm_seat *seat)
{
	w->misfits++;
	st_pool_retire(w, seat);
}

/* ---- one more */

/* Has as many forked as should wait; the first one is on its way. */
static void fork_ahead(const struct st_warm *w, struct warm_seat *seat)
{
	for (unsigned int i = 1; st_seat_forks(seat) && i < w->target; i++)
		st_seat_ring(seat);
}

/* Copies of what launches have asked for, of which one is used. */
struct runtime_start {
	struct st_session_key session;
	struct st_python_start python;
};

static void runtime_start_free(struct runtime_start *start)
{
	free(start->session.envp);
	free(start->session.directory);
	st_python_start_free(&start->python);
}

/* Parks one more process, without the lock: launches go on meanwhile. */
static int park(struct st_warm *w, struct warm_seat *seat,
		const struct runtime_start *start, int *step)
{
	struct st_park p = {
		.path = w->path,
		.argv0 = w->argv0,
		.key = &w->key,
		.mode = w->mode,
	};
	struct st_same before, after;
	int ret = st_same_read(&before);

	if (ret == 0)
		ret = w->session  ? st_session_open(w->session, &start->session,
						    seat, &p)
		      : w->python ? st_python_open(w->python, &start->python,
						   seat, &p)
				  : st_seat_open(seat, &p);
	*step = p.step;
	if (ret < 0)
		return ret;
	ret = st_same_read(&after);
	/* another thread may have changed the process meanwhile */
	if (ret == 0 && memcmp(&before, &after, sizeof(before)) != 0)
		ret = -EAGAIN;
	if (ret < 0)
		st_seat_close(seat);
	seat->same = after;
	seat->lock = &w->lock;
	seat->since = st_now();
	if (ret == 0)
		fork_ahead(w, seat);
	return ret;
}

/* Counts the starts of a runtime; the caller holds the lock. */
static uint64_t generation_of(const struct st_warm *w)
{
	return w->session  ? w->session->generation
	       : w->python ? w->python->generation
			   : 0;
}

/* Copies the start of a runtime, which launches may replace. */
static uint64_t take_start(struct st_warm *w, struct runtime_start *start)
{
	uint64_t generation;

	if (!w->session && !w->python)
		return 0;
	pthread_mutex_lock(&w->lock);
	if (w->python) {
		st_python_copy(w->python, &start->python);
	} else {
		if (w->session->envp)
			start->session.envp =
				st_environment_copy(w->session->envp);
		if (w->session->directory)
			start->session.directory =
				strdup(w->session->directory);
		start->session.defaulted = w->session->defaulted;
		start->session.files = w->session->files;
	}
	generation = generation_of(w);
	pthread_mutex_unlock(&w->lock);
	return generation;
}

/*
 * Returns the time after which to park. A caller that no process fits, such as a
 * thread with another nice value than the keeper's, must not cost a parking for
 * each of its launches; nor must processes that are killed before each launch, or
 * launches that alternate between two starts of a runtime, of which each ends the
 * other's process.
 */
int64_t st_pool_park_after(const struct st_warm *w)
{
	unsigned int n = w->misfits > w->moves ? w->misfits : w->moves;
	unsigned int over = n > WARM_MISFITS ? n - WARM_MISFITS : 0;

	if (over)
		return 50 * ST_MS << (over < 10 ? over : 10);
	return w->python && w->python->node ? NODE_REFILL_AFTER
					    : WARM_REFILL_AFTER;
}

/*
 * Notes that there were too many failures. A file that a shell has sourced for nothing
 * may have had effects, and is not sourced again. The caller holds the lock, as for the
 * next function.
 */
static void give_up(struct st_warm *w, bool final)
{
	unsigned int times = w->given_up++;

	if (final && w->session)
		w->given_up = RETRIES_MOST + 1;
	w->again = st_now() + (RETRY_AFTER << (times < 10 ? times : 10));
	if (w->renew) /* nothing comes in its place */
		st_pool_retire_all(w);
}

bool st_pool_may_park(struct st_warm *w)
{
	if (w->failures < WARM_TRIES)
		return true;
	if (w->given_up > RETRIES_MOST || st_now() < w->again)
		return false;
	w->failures = WARM_TRIES - 1; /* one try */
	return true;
}

/*
 * Has a Python that is no CPython, such as PyPy, prepared as other programs are. Only
 * the keeper does so. The caller holds the lock.
 */
static void be_no_runtime(struct st_warm *w)
{
	st_python_free(w->python);
	w->python = NULL;
	w->due = st_now() + WARM_REFILL_AFTER;
}

void st_pool_refill(struct st_warm *w)
{
	struct warm_seat *seat = malloc(sizeof(*seat));
	bool final, stale = false;
	int step = WARM_STEP_NONE;
	struct runtime_start start = { .python.envp = NULL };
	uint64_t generation = take_start(w, &start);
	int ret = seat ? park(w, seat, &start, &step) : -ENOMEM;

	runtime_start_free(&start);
	/* sourcing may have effects: not again what cannot be forked */
	final = (w->session || (w->python && !w->python->node)) &&
		step >= WARM_STEP_SOURCE;
	pthread_mutex_lock(&w->lock);
	w->due = ST_NEVER;
	if (generation_of(w) != generation) {
		/* it was for a start that is no longer wanted */
		stale = ret == 0;
		w->due = st_now() + st_pool_park_after(w);
	} else if (sys_is_shortage(ret) && !final) {
		/* the next launch asks again */
		if (st_now() - w->used < WARM_IDLE_MOST)
			w->due = st_now() + SHORTAGE_AFTER;
	} else if (ret == -ENOEXEC && step == WARM_STEP_RUNTIME) {
		be_no_runtime(w);
	} else if (ret < 0) {
		w->failures = final ? WARM_TRIES : w->failures + 1;
		if (w->failures < WARM_TRIES)
			w->due = st_now() + (1000 * ST_MS << w->failures);
		else
			give_up(w, final);
	} else {
		w->failures = w->given_up = 0;
		if (w->renew)
			st_pool_retire_all(w);
		w->renew = false;
		w->seat[w->n++] = seat;
		seat = NULL;
		if (w->n < st_pool_seats(w))
			w->due = st_now() + WARM_REFILL_AFTER;
	}
	pthread_mutex_unlock(&w->lock);
	if (stale)
		st_seat_close(seat);
	free(seat);
}
