/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prepared processes of a template: decides when they are made, which
 * launch may take one, and when they end.
 *
 * One thread of the process, the keeper, parks and ends them. It never ends,
 * since a parked process is killed with the thread that parked it. Launching
 * threads only take a process that is there: they never wait for a lock, or for
 * a process to be parked.
 *
 * - Nothing is parked for a template that is not launched twice.
 * - A process that is taken is replaced after REFILL_AFTER, so that parking
 *   does not take the processor from the launch that took it.
 * - Processes that were not used for IDLE_MOST end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <linux/prctl.h>

#include "futex.h"
#include "identity.h"
#include "shared/clock.h"
#include "sys.h"
#include "epoch.h"
#include "thread.h"
#include "warm/claim.h"
#include "warm/same.h"
#include "warm/warm.h"

#define SEATS_MOST 8
#define REFILL_AFTER (2 * ST_MS)
#define IDLE_MOST (30000 * ST_MS)
#define TRIES 3 /* attempts to park before the program counts as impossible */

/* Flags that only cold launches serve. */
#define COLD_FLAGS                                                          \
	(SPAWN_TEMPLATE_SPAWN_INHERIT_FDS | SPAWN_TEMPLATE_SPAWN_SETUID |   \
	 SPAWN_TEMPLATE_SPAWN_SETGID | SPAWN_TEMPLATE_SPAWN_SETGROUPS |     \
	 SPAWN_TEMPLATE_SPAWN_INTO_CGROUP |                                 \
	 SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT)

struct st_warm {
	struct st_warm *next;		/* the keeper's list */
	uint64_t epoch;
	char *path;
	struct spawn_template_key key;
	int mode;			/* enum warm_mode */
	unsigned int never; /* why no launch is warm; or ST_COLD_NONE */
	unsigned int target;		/* number of seats */
	_Atomic uint64_t cold[SPAWN_TEMPLATE_COLD_REASONS_MAX];

	pthread_mutex_t lock;		/* protects the rest */
	char *argv0;			/* NULL until the second launch */
	uint64_t launches;
	struct st_same same; /* the keeper's attributes when it parked */
	struct warm_seat *seat[SEATS_MOST];
	unsigned int n;			/* seats that are open */
	struct warm_seat *spent[SEATS_MOST];	/* for the keeper to close */
	unsigned int n_spent;
	int64_t used;			/* time of the last launch */
	int64_t due; /* time for the keeper to look; ST_NEVER */
	unsigned int failures;		/* failed attempts to park, in a row */
	bool dropped;			/* the template is gone */
};

/* One for each process that uses it: a forked child has its own. */
struct keeper {
	uint64_t epoch;
	pthread_mutex_t lock;		/* protects the list; taken before a pool's */
	_Atomic uint32_t pokes;		/* futex: counts reasons to look */
	struct st_warm *list;
	_Atomic bool started;
};

static _Atomic(struct keeper *) keeper;

static void count_cold(struct st_warm *w, unsigned int reason)
{
	atomic_fetch_add_explicit(&w->cold[reason], 1, memory_order_relaxed);
}

/* ---- the keeper */

static void seat_free(struct warm_seat *seat)
{
	st_seat_close(seat);
	free(seat);
}

static void close_spent(struct st_warm *w)
{
	while (w->n_spent)
		seat_free(w->spent[--w->n_spent]);
}

static void close_seats(struct st_warm *w)
{
	while (w->n)
		seat_free(w->seat[--w->n]);
	close_spent(w);
}

/* Parks one more process, without the lock: launches go on meanwhile. */
static int park(struct st_warm *w, struct warm_seat *seat, struct st_same *same)
{
	struct st_park p = {
		.path = w->path,
		.argv0 = w->argv0,
		.key = &w->key,
		.mode = w->mode,
	};
	int ret = st_same_read(same);

	if (ret == 0)
		ret = st_seat_open(seat, &p);
	if (ret == 0)
		seat->ignored = same->ignored;
	return ret;
}

static void refill(struct st_warm *w)
{
	struct warm_seat *seat = malloc(sizeof(*seat));
	struct st_same same;
	int ret = seat ? park(w, seat, &same) : -ENOMEM;

	pthread_mutex_lock(&w->lock);
	w->due = ST_NEVER;
	if (ret < 0) {
		if (++w->failures < TRIES)
			w->due = st_now() + (1000 * ST_MS << w->failures);
	} else {
		w->failures = 0;
		w->same = same;
		w->seat[w->n++] = seat;
		seat = NULL;
		if (w->n < w->target)
			w->due = st_now() + REFILL_AFTER;
	}
	close_spent(w);
	pthread_mutex_unlock(&w->lock);
	free(seat);
}

static void dispose(struct st_warm *w)
{
	close_seats(w);
	pthread_mutex_destroy(&w->lock);
	free(w->argv0);
	free(w->path);
	free(w);
}

enum work { NOTHING, PARK, END, DISPOSE };

/* Returns the work due for a template, and the time to look again. */
static enum work work_of(struct st_warm *w, int64_t now, int64_t *due)
{
	enum work work = NOTHING;

	pthread_mutex_lock(&w->lock);
	if (w->dropped)
		work = DISPOSE;
	else if (w->due <= now && w->n < w->target)
		work = PARK;
	else if (w->n && now - w->used >= IDLE_MOST)
		work = END;
	if (work == END) {
		close_seats(w);
		w->launches = 0;
		w->due = ST_NEVER;
	}
	if (w->due < *due)
		*due = w->due;
	if (w->n && w->used + IDLE_MOST < *due)
		*due = w->used + IDLE_MOST;
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
		if (work == NOTHING || work == END)
			continue;
		if (work == DISPOSE)
			*at = w->next;
		pthread_mutex_unlock(&k->lock);
		if (work == DISPOSE)
			dispose(w);
		else
			refill(w);
		pthread_mutex_lock(&k->lock);
		return 0;
	}
	return due;
}

static void *keep(void *arg)
{
	struct keeper *k = arg;

	sys_call2(__NR_prctl, PR_SET_NAME, "spawn-warm");
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

static void keeper_poke(void)
{
	struct keeper *k = keeper_get();

	if (!k)
		return;
	if (!atomic_load(&k->started))
		keeper_start(k);
	atomic_fetch_add(&k->pokes, 1);
	st_futex_wake(&k->pokes, 1);
}

/* ---- checks for a warm launch */

static bool is_linkers(const char *variable)
{
	static const char *const names[] = {
		"LD_",		"GLIBC_TUNABLES=", "MALLOC_",	   "LOCPATH=",
		"NLSPATH=",	"GCONV_PATH=",	   "GETCONF_DIR=", "TZDIR=",
		"HOSTALIASES=", "LOCALDOMAIN=",	   "RES_OPTIONS=", "RESOLV_",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool has_linkers(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (strchr("LGMNTHR", **envp) && is_linkers(*envp))
			return true;
	return false;
}

static bool files_same(const struct st_parked *parked)
{
	struct spawn_template_key now;

	for (unsigned int i = 0; i < parked->n_files; i++) {
		const struct warm_file *f = &parked->files[i];
		int ret = st_key_of_path(f->path, &now);

		if (ret == -ENOENT && !f->key.ino)
			continue;
		if (ret < 0 || !st_key_equal(&now, &f->key))
			return false;
	}
	return true;
}

static bool actions_fit(const struct st_launch *l)
{
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];
		bool cloexec =
			a->type == SPAWN_TEMPLATE_ACTION_DUP2 && a->flags;

		/* a kept or inherited descriptor would have to be looked at */
		if (a->type == SPAWN_TEMPLATE_ACTION_OPEN)
			cloexec =
				((const struct spawn_template_open *)(uintptr_t)
					 a->arg)
					->how.flags &
				O_CLOEXEC;
		if (cloexec || a->type == SPAWN_TEMPLATE_ACTION_CLOSE_RANGE)
			return false;
	}
	return true;
}

/* Tells whether 0 to 2 stay open at exec: otherwise they would not be sent. */
static bool standard_fit(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (sys_fcntl(fd, F_GETFD, 0) != 0)
			return false;
	return true;
}

/* Return: a reason to go cold, or ST_COLD_NONE. It makes no system call. */
static unsigned int judge_arguments(const struct st_warm *w,
				    const struct st_launch *l)
{
	char *const *argv = (char **)(uintptr_t)l->args->argv;
	char *const *envp = (char **)(uintptr_t)l->args->envp;

	if (l->args->flags & COLD_FLAGS)
		return SPAWN_TEMPLATE_COLD_FLAGS;
	if (!actions_fit(l))
		return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	if (w->argv0 && strcmp(argv[0], w->argv0) != 0)
		return SPAWN_TEMPLATE_COLD_ARGV0;
	return has_linkers(envp) ? SPAWN_TEMPLATE_COLD_ENVIRONMENT
				 : ST_COLD_NONE;
}

/* Judges with system calls, too; a process that no longer matches is ended. */
static unsigned int judge_process(const struct st_warm *w,
				  const struct warm_seat *seat,
				  struct warm_caller *caller)
{
	struct st_same same;

	if (!files_same(&seat->parked))
		return SPAWN_TEMPLATE_COLD_FILES;
	if (st_same_reaches(seat->pid) < 0)
		return SPAWN_TEMPLATE_COLD_SANDBOX;
	if (st_same_read(&same) < 0 || st_same_differs(&w->same, &same))
		return SPAWN_TEMPLATE_COLD_INHERITED;
	caller->ignored = same.ignored;
	caller->umask = (unsigned int)same.umask;
	caller->no_new_privs = same.no_new_privs;
	return ST_COLD_NONE;
}

/* ---- one launch */

/*
 * Notes that a process is wanted; the caller holds the lock.
 * Return: why this launch is cold.
 */
static unsigned int want(struct st_warm *w, const struct st_launch *l)
{
	char *const *argv = (char **)(uintptr_t)l->args->argv;

	if (w->failures >= TRIES)
		return SPAWN_TEMPLATE_COLD_PROGRAM;
	if (++w->launches < 2)
		return SPAWN_TEMPLATE_COLD_FIRST;
	if (!w->argv0)
		w->argv0 = strdup(argv[0]);
	if (w->argv0 && w->due == ST_NEVER && w->n < w->target) {
		w->due = st_now() + REFILL_AFTER;
		w->used = st_now();
		keeper_poke();
	}
	return SPAWN_TEMPLATE_COLD_NOT_READY;
}

/*
 * Leaves a seat for the keeper to close, since that takes longer than a launch.
 */
static void retire(struct st_warm *w, unsigned int i)
{
	if (w->n_spent < SEATS_MOST)
		w->spent[w->n_spent++] = w->seat[i];
	else
		seat_free(w->seat[i]);
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

	*reason = judge_arguments(w, l);
	if (*reason != ST_COLD_NONE)
		return 0;
	seat = ready_seat(w, &at);
	if (!seat) {
		*reason = want(w, l);
		return 0;
	}
	sys_sigmask(NULL, &mask);
	*reason = SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	if (!standard_fit())
		return 0;
	if (st_seat_begin(seat, l, mask) != 0) {
		if (st_seat_lives(seat))
			return 0;
		*reason = SPAWN_TEMPLATE_COLD_LOST;
		retire(w, at);
		want(w, l);
		return 0;
	}
	*reason = judge_process(w, seat, &caller);
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
	struct keeper *k = keeper_get();
	struct st_warm *w = k ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	w->path = strdup(path ? path : "");
	if (!w->path) {
		free(w);
		return NULL;
	}
	w->key = *key;
	w->epoch = k->epoch;
	w->mode = create_flags & SPAWN_TEMPLATE_CREATE_WARM_ONCE ? WARM_ONCE
								 : WARM_FORK;
	w->target = !target ? 1 : target > SEATS_MOST ? SEATS_MOST : target;
	w->due = ST_NEVER;
	w->never = never;
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_lock(&k->lock);
	w->next = k->list;
	k->list = w;
	pthread_mutex_unlock(&k->lock);
	return w;
}

/* Has the keeper end the template's processes, unless they are a parent's. */
void st_warm_free(struct st_warm *w)
{
	if (!w || w->epoch != st_epoch_current())
		return;
	pthread_mutex_lock(&w->lock);
	w->dropped = true;
	pthread_mutex_unlock(&w->lock);
	keeper_poke();
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
