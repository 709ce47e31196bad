/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cache of templates that keeps what it has learned of files, and not the files.
 *
 * To make a template costs about fifty times as much as to open a file and to take
 * its identity key, because a child asks the kernel about the file and somebody has
 * to look into it. The answers are good until the key changes. So an entry keeps
 * the record of an earlier template and no descriptor. The next get opens the path
 * again and compares the key; that costs little more than the checks of a template
 * that was kept open, as 'make bench' shows. Between the last drop and the next get
 * nothing is open that would keep a deleted file alive or a mount busy.
 *
 * - Only expensive templates may stay open after their last drop, for a time that the
 *   caller sets: registering a template with the guard again takes a message to the
 *   daemon and its answer, and prepared processes end with their template.
 *   cache_hold.c closes them in time.
 * - Each get walks the search path as execvp(3) does. Nothing remembers where a name
 *   was found, or that it was not, so that a program which was just installed or
 *   removed is noticed. Entries are found by absolute paths.
 * - Refusals are remembered if the caller wants that, and only while the key of the
 *   file stays the same.
 * - The lock protects the map. Nobody holds it during a system call on a file, so a
 *   slow file system holds up only those who ask for its files. When two threads
 *   make a template of one file at a time, one of the two templates is closed again.
 * - The state belongs to one process. A forked child sees by the epoch that it has
 *   none and makes its own; it never touches its parent's, which may be locked.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spawn_template.h>

#include "args.h"
#include "cache_hold.h"
#include "cache_state.h"
#include "check.h"
#include "epoch.h"
#include "futex.h"
#include "identity.h"
#include "search.h"
#include "shared/clock.h"
#include "template.h"
#include "warm/warm.h"

_Static_assert(sizeof(struct spawn_template_cache_params) ==
			       SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1 &&
		       sizeof(struct spawn_template_cache_stat) ==
			       SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0,
	       "the size of a version does not change");

struct spawn_template_cache {
	struct spawn_template_cache_params params;
	char *modules; /* of params, or NULL */
	_Atomic(struct st_cache_state *) state;
	_Atomic uint64_t shared, revived, made, changed, refused;
};

/* One get. */
struct get {
	struct spawn_template_cache *cache;
	struct st_cache_state *state;
	struct st_ids ids;
};

/* The knowledge of a path at the time when a get began. */
struct known {
	bool any;			/* there was an entry */
	struct st_cached *pinned;	/* open, and has one more user; or NULL */
	struct st_record *facts;	/* a reference; or NULL */
	int error;			/* the refusal to believe; 0: none */
	struct spawn_template_key key;	/* the refused file's */
};

static void count_one(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- the state of a process */

/* Return: NULL if memory is short. */
static struct st_cache_state *
state_of_this_process(struct spawn_template_cache *c)
{
	struct st_cache_state *old = atomic_load(&c->state), *new;
	uint64_t epoch;

	if (st_epoch_begin(&epoch) < 0)
		return NULL;
	if (old && old->epoch == epoch)
		return old;
	new = st_cache_state_new(epoch, c->params.entries);
	if (!new)
		return NULL;
	new->inherited = old;
	if (atomic_compare_exchange_strong(&c->state, &old, new))
		return new;
	st_cache_state_put(new);
	return old;
}

/* ---- giving templates up */

/* Forgets an entry; a template that is held without users goes with it. */
static struct st_retired forget_locked(struct st_cache_state *s,
				       struct st_cached *e)
{
	struct st_retired retired = { .fd = -1 };

	if (e->held) {
		st_cache_unhold_locked(s, e);
		retired = st_cache_retire_locked(s, e);
	}
	st_cache_map_forget(&s->map, e);
	return retired;
}

static void forget_path(struct st_cache_state *s, const char *path)
{
	struct st_retired retired = { .fd = -1 };
	struct st_cached *e;

	pthread_mutex_lock(&s->lock);
	e = st_cache_map_find(&s->map, path);
	if (e)
		retired = forget_locked(s, e);
	pthread_mutex_unlock(&s->lock);
	st_retired_close(&retired);
}

/* Ends one use of a template; the last one closes or holds it. */
static struct st_retired unpin_locked(struct spawn_template_cache *c,
				      struct st_cache_state *s,
				      struct st_cached *e)
{
	struct st_retired none = { .fd = -1 };

	if (--e->users)
		return none;
	if (e->known && st_cache_is_dear(e->facts) && c->params.hold_ns &&
	    st_cache_hold_locked(s, e, c->params.hold_ns))
		return none;
	return st_cache_retire_locked(s, e);
}

/* ---- finding */

static void look_up(const struct get *g, const char *path, struct known *k)
{
	struct st_cache_state *s = g->state;
	struct st_cached *e;

	*k = (struct known){ .any = false };
	pthread_mutex_lock(&s->lock);
	e = st_cache_map_find(&s->map, path);
	if (e) {
		k->any = true;
		st_cache_map_touch(&s->map, e);
		if (e->facts)
			k->facts = st_record_hold(e->facts);
		else if (st_now() < e->until && st_ids_equal(&e->ids, &g->ids))
			k->error = e->error;
		k->key = e->facts ? e->facts->key : e->key;
		if (e->fd >= 0) {
			st_cache_unhold_locked(s, e);
			e->users++;
			k->pinned = e;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

/*
 * Tells whether an open template may be given out once more. The host may have
 * closed the number, and opened another file there.
 */
static bool is_good(const struct get *g, const struct known *k,
		    const char *path)
{
	enum st_guard_state guard = st_guard_state(&k->facts->guard);
	int fd = k->pinned->fd;
	struct spawn_template_key now;
	struct st_record *here = st_table_get(fd);

	st_record_put(here);
	return here == k->facts && st_ids_equal(&g->ids, &k->facts->ids) &&
	       (guard == ST_GUARD_NONE || guard == ST_GUARD_FRESH) &&
	       st_path_check(path, &k->facts->key, 0) == 0 &&
	       st_key_of_fd(fd, &now) == 0 &&
	       st_key_equal(&now, &k->facts->key);
}

/* Forgets an open template that is not good any more; other users keep it. */
static void give_up_pinned(const struct get *g, struct known *k)
{
	struct st_cache_state *s = g->state;
	struct st_retired retired;

	pthread_mutex_lock(&s->lock);
	if (k->pinned->known)
		st_cache_map_forget(&s->map, k->pinned);
	retired = unpin_locked(g->cache, s, k->pinned);
	pthread_mutex_unlock(&s->lock);
	st_retired_close(&retired);
	k->pinned = NULL;
}

/* ---- remembering */

/* Finds or adds the entry of a path. Return: NULL if memory is short. */
static struct st_cached *entry_of_locked(const struct get *g, const char *path,
					 struct st_retired *retired)
{
	struct st_cache_map *map = &g->state->map;
	struct st_cached *e = st_cache_map_find(map, path);

	if (e)
		return e;
	e = st_cache_map_add(map, path);
	if (map->known > g->cache->params.entries)
		*retired = forget_locked(g->state, map->oldest);
	return e;
}

/* Tells whether an error is about the file, and not about this process. */
static bool is_about_file(int error)
{
	return error == -EACCES || error == -ENOEXEC || error == -ETXTBSY;
}

/* Notes that no template can be made of the file that has this key. */
static void remember_refusal(const struct get *g, const char *path, int error,
			     const struct spawn_template_key *key)
{
	struct st_retired retired = { .fd = -1 };
	struct st_cached *e;

	forget_path(g->state, path);
	if (!g->cache->params.negative_ns || !is_about_file(error))
		return;
	pthread_mutex_lock(&g->state->lock);
	e = entry_of_locked(g, path, &retired);
	if (e && e->fd < 0) {
		st_cache_map_learn(&g->state->map, e, NULL);
		e->error = error;
		e->key = *key;
		e->ids = g->ids;
		e->until = st_after(st_now(), g->cache->params.negative_ns);
	}
	pthread_mutex_unlock(&g->state->lock);
	st_retired_close(&retired);
}

static bool is_same_template(const struct st_record *a,
			     const struct st_record *b)
{
	return st_key_equal(&a->key, &b->key) && st_ids_equal(&a->ids, &b->ids);
}

/*
 * Makes fd the template of a path; rec is its record and is in the table already. If
 * another thread was faster, takes that one's template. spare: filled in with up to
 * two templates to close. Return: the fd to give out, or -ENOMEM.
 */
static int take_place_locked(const struct get *g, const char *path, int fd,
			     struct st_record *rec, struct st_retired spare[2])
{
	struct st_cache_state *s = g->state;
	struct st_cached *e = st_cache_map_find(&s->map, path);

	if (e && e->fd >= 0 && !is_same_template(e->facts, rec)) {
		spare[0] = forget_locked(s, e);
		e = NULL;
	}
	if (!e)
		e = entry_of_locked(g, path, &spare[1]);
	if (!e || e->fd >= 0) {
		st_table_drop(fd);
		spare[0] = (struct st_retired){ fd, st_record_hold(rec) };
		if (!e)
			return -ENOMEM;
		st_cache_unhold_locked(s, e);
	} else {
		st_cache_map_learn(&s->map, e, st_record_hold(rec));
		st_cache_map_open(&s->map, e, fd);
	}
	e->users++;
	return e->fd;
}

/* Takes over fd and the reference to rec. Return: as take_place_locked(). */
static int publish(const struct get *g, const char *path, int fd,
		   struct st_record *rec)
{
	struct st_retired spare[2] = { { .fd = -1 }, { .fd = -1 } };
	int ret;

	/* the table takes one reference, this function keeps another */
	st_record_hold(rec);
	ret = st_table_set(fd, rec);
	if (ret < 0) {
		st_record_put(rec);
		st_record_put(rec);
		sys_close(fd);
		return ret;
	}
	pthread_mutex_lock(&g->state->lock);
	ret = take_place_locked(g, path, fd, rec, spare);
	pthread_mutex_unlock(&g->state->lock);
	st_record_put(rec);
	st_retired_close(&spare[0]);
	st_retired_close(&spare[1]);
	return ret;
}

/* ---- get */

/* Makes a template at fd if that is the known file. Return: 0; -ESTALE; -errno. */
static int revive(const struct get *g, const struct known *k, int fd,
		  const struct spawn_template_key *now, struct st_record **rec)
{
	if (k->facts && st_key_equal(now, &k->facts->key) &&
	    st_ids_equal(&g->ids, &k->facts->ids))
		return st_template_revive(fd, k->facts, rec);
	return -ESTALE;
}

static int make_anew(const struct get *g, const struct known *k,
		     const char *path, const struct spawn_template_key *now)
{
	const struct st_source from = {
		.path = path,
		.execfd = -1,
		.warm_target = g->cache->params.warm_target,
		.preload = g->cache->modules,
	};
	struct st_record *rec;
	int fd = st_template_make(&from, g->cache->params.create_flags, &rec);

	if (fd < 0) {
		remember_refusal(g, path, fd, now);
		return fd;
	}
	count_one(&g->cache->made);
	if (k->facts && !st_key_equal(&k->facts->key, &rec->key))
		count_one(&g->cache->changed);
	return publish(g, path, fd, rec);
}

/* Makes a template of a path; takes over fd, an O_PATH fd of that. */
static int open_again(const struct get *g, const struct known *k,
		      const char *path, int fd)
{
	struct spawn_template_key now;
	struct st_record *rec;
	bool look = false;
	int ret = st_key_of_fd(fd, &now);

	if (ret == 0 && k->error && st_key_equal(&now, &k->key)) {
		count_one(&g->cache->refused);
		ret = k->error;
	} else if (ret == 0) {
		ret = revive(g, k, fd, &now, &rec);
		if (ret == 0) {
			count_one(&g->cache->revived);
			return publish(g, path, fd, rec);
		}
		look = ret == -ESTALE;
	}
	sys_close(fd);
	return look ? make_anew(g, k, path, &now) : ret;
}

static int is_there(const char *path)
{
	struct statx stx;

	return st_key_error(
		sys_statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, 0, &stx));
}

static int get_path(const char *path, void *arg)
{
	const struct get *g = arg;
	struct known k;
	int fd, ret;

	look_up(g, path, &k);
	if (k.pinned && is_good(g, &k, path)) {
		count_one(&g->cache->shared);
		ret = k.pinned->fd;
		goto out;
	}
	if (k.pinned)
		give_up_pinned(g, &k);
	/* a failing statx costs half as much as a failing open */
	if (!k.any && (ret = is_there(path)) < 0)
		return ret;
	fd = sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
	ret = fd < 0 ? fd : open_again(g, &k, path, fd);
	if (k.any && (fd == -ENOENT || fd == -ENOTDIR))
		forget_path(g->state, path);
out:
	st_record_put(k.facts);
	return ret;
}

static void give_back(int tfd, void *arg)
{
	const struct get *g = arg;

	spawn_template_cache_drop(g->cache, tfd);
}

int spawn_template_cache_get(struct spawn_template_cache *cache,
			     const char *name, const char *path)
{
	struct get g = { .cache = cache };
	const struct st_opener opener = {
		.open = get_path,
		.close = give_back,
		.arg = &g,
		.scripts = cache->params.create_flags &
			   SPAWN_TEMPLATE_CREATE_SCRIPT,
	};
	int ret;

	g.state = state_of_this_process(cache);
	if (!g.state)
		return -ENOMEM;
	ret = st_ids_get(&g.ids);
	if (ret < 0)
		return ret;
	ret = st_search(name, path, &opener);
	if ((ret == -EMFILE || ret == -ENFILE) && st_cache_release(g.state))
		ret = st_search(name, path, &opener);
	return ret;
}

/* ---- drop */

static int drop(struct spawn_template_cache *c, struct st_cache_state *s,
		int tfd)
{
	struct st_retired retired = { .fd = -1 };
	struct st_cached *e;
	int ret = -EINVAL;

	pthread_mutex_lock(&s->lock);
	e = st_cache_map_find_fd(&s->map, tfd);
	if (e && e->users) {
		retired = unpin_locked(c, s, e);
		ret = 0;
	}
	pthread_mutex_unlock(&s->lock);
	st_retired_close(&retired);
	return ret;
}

int spawn_template_cache_drop(struct spawn_template_cache *cache, int tfd)
{
	struct st_cache_state *s = state_of_this_process(cache);
	int ret = s ? drop(cache, s, tfd) : -ENOMEM;

	if (ret != -EINVAL)
		return ret;
	if (s->inherited)
		return st_template_close_inherited(tfd);
	return sys_fcntl(tfd, F_GETFD, 0) < 0 ? -EBADF : -EINVAL;
}

/* ---- telling */

int spawn_template_cache_stat(struct spawn_template_cache *cache,
			      struct spawn_template_cache_stat *st, size_t size)
{
	struct spawn_template_cache_stat now = { 0 };
	struct st_cache_count count;
	struct st_cache_state *s;

	if (!st || size < SPAWN_TEMPLATE_CACHE_STAT_SIZE_VER0)
		return -EINVAL;
	s = state_of_this_process(cache);
	if (!s)
		return -ENOMEM;
	now.shared = atomic_load(&cache->shared);
	now.revived = atomic_load(&cache->revived);
	now.made = atomic_load(&cache->made);
	now.changed = atomic_load(&cache->changed);
	now.refused = atomic_load(&cache->refused);
	pthread_mutex_lock(&s->lock);
	now.known = s->map.known;
	now.held = s->held;
	now.out = s->map.open - s->held;
	count = st_cache_map_count(&s->map);
	pthread_mutex_unlock(&s->lock);
	now.cold = count.cold;
	now.warm = count.warm;
	memset(st, 0, size);
	memcpy(st, &now, sizeof(now));
	return 0;
}

/* ---- new and free */

/* Checks the flags, and the modules, which are Python's alone. Return: 0 or -errno. */
static int check_create(const struct spawn_template_cache_params *params)
{
	const char *modules = (const char *)(uintptr_t)params->warm_preload;

	if (modules &&
	    (!(params->create_flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME) ||
	     !st_warm_is_list(modules)))
		return -EINVAL;
	return st_template_check_flags(params->create_flags);
}

static void free_cache(struct spawn_template_cache *c)
{
	free(c->modules);
	free(c);
}

int spawn_template_cache_new(const struct spawn_template_cache_params *uparams,
			     size_t size, struct spawn_template_cache **cache)
{
	static const size_t versions[] = {
		SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER0,
		SPAWN_TEMPLATE_CACHE_PARAMS_SIZE_VER1,
	};
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	const char *modules;
	struct spawn_template_cache *c;
	int ret = 0;

	if (uparams || size)
		ret = st_args_copy(&params, uparams, size, versions, 2);
	if (ret < 0)
		return ret;
	if (!cache || params.entries > SPAWN_TEMPLATE_CACHE_ENTRIES_MAX)
		return -EINVAL;
	ret = check_create(&params);
	if (ret < 0)
		return ret;
	if (!params.entries)
		params.entries = SPAWN_TEMPLATE_CACHE_ENTRIES;
	params.create_flags |= SPAWN_TEMPLATE_CREATE_CLOEXEC;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->params = params;
	modules = (const char *)(uintptr_t)params.warm_preload;
	if ((modules && !(c->modules = strdup(modules))) ||
	    !state_of_this_process(c)) {
		free_cache(c);
		return -ENOMEM;
	}
	*cache = c;
	return 0;
}

/* A parent's state stays in memory: it may have been half changed at the fork. */
void spawn_template_cache_free(struct spawn_template_cache *cache)
{
	struct st_cache_state *s;

	if (!cache)
		return;
	s = atomic_load(&cache->state);
	if (s->epoch == st_epoch_current()) {
		st_cache_release(s);
		atomic_fetch_add(&s->wake, 1);
		st_futex_wake(&s->wake, 1);
		st_cache_state_put(s);
	}
	free_cache(cache);
}
