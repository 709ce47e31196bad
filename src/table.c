/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table: from an fd number to the record of the template at that number.
 *
 * Invariants:
 * - Nothing here takes a lock that a fork could leave behind, or a signal
 *   handler could wait on: a launch never blocks on another thread.
 * - Memory of records and homes is never freed, only used again, so a reader
 *   may look at a record that is being dropped: it takes a reference unless
 *   none is left, then checks that the record is still the one at the number.
 * - close(2) tells the library nothing. A record stays until its number is used
 *   again; the file behind the fd decides whether the fd is still the template.
 *
 * A forked child finds none of its parent's records: each carries the epoch of
 * the process that made it (epoch.h).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "epoch.h"
#include "identity.h"
#include "table.h"

#define DYING UINT32_MAX	/* refs while the last holder frees the strings */
#define HOMES 256

/* The home of one fd number: made on first use, kept for ever. */
struct home {
	int fd;
	struct home *next;
	_Atomic(struct st_record *) rec;
	_Atomic uint64_t locker; /* epoch of the thread that changes it, or 0 */
	_Atomic uint64_t changes;
};

static _Atomic(struct st_record *) records;
static _Atomic(struct home *) homes[HOMES];

/* ---- records */

static bool record_take(struct st_record *rec)
{
	uint32_t n = atomic_load(&rec->refs);

	while (n != 0 && n != DYING)
		if (atomic_compare_exchange_weak(&rec->refs, &n, n + 1))
			return true;
	return false;
}

static void counters_put(struct st_counters *counters)
{
	if (counters && atomic_fetch_sub(&counters->refs, 1) == 1)
		free(counters);
}

/* Drops a reference; the last one frees what the record owns. */
void st_record_put(struct st_record *rec)
{
	uint32_t n;

	if (!rec)
		return;
	n = atomic_load(&rec->refs);
	while (!atomic_compare_exchange_weak(&rec->refs, &n,
					     n == 1 ? DYING : n - 1))
		;
	if (n != 1)
		return;
	if (rec->exec_path != rec->path)
		free(rec->exec_path);
	free(rec->path);
	free(rec->interpreter);
	free(rec->preload);
	rec->path = rec->exec_path = rec->interpreter = rec->preload = NULL;
	st_guard_drop(&rec->guard);
	st_warm_free(rec->warm);
	rec->warm = NULL;
	counters_put(rec->counters);
	rec->counters = NULL;
	atomic_store(&rec->refs, 0);
}

/*
 * Claims an unused or new record. It has one reference, and maybe old contents.
 */
static struct st_record *record_claim(void)
{
	struct st_record *rec;

	for (rec = atomic_load(&records); rec; rec = rec->next) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong(&rec->refs, &none, 1))
			return rec;
	}
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		return NULL;
	atomic_store(&rec->refs, 1);
	rec->next = atomic_load(&records);
	while (!atomic_compare_exchange_weak(&records, &rec->next, rec))
		;
	return rec;
}

/*
 * Returns an empty record with one reference, the caller's. Nobody finds it
 * before st_table_set(). counters: counters to share, or NULL for new ones.
 * Return: NULL if memory is short.
 */
struct st_record *st_record_new(struct st_counters *counters)
{
	struct st_record *rec = record_claim();

	if (!rec)
		return NULL;
	atomic_store(&rec->epoch, 0);
	rec->flags = 0;
	rec->format = rec->elf_class = rec->elf_machine = rec->elf_flags = 0;
	rec->by_path_reason = 0;
	rec->counters = counters ? counters : calloc(1, sizeof(*counters));
	if (!rec->counters) {
		st_record_put(rec);
		return NULL;
	}
	atomic_fetch_add(&rec->counters->refs, 1);
	return rec;
}

/* Takes one more reference; the caller has one, or a lock that keeps one alive. */
struct st_record *st_record_hold(struct st_record *rec)
{
	atomic_fetch_add(&rec->refs, 1);
	return rec;
}

/* ---- homes */

static struct home *home_find(int fd)
{
	struct home *h = atomic_load(&homes[(unsigned int)fd % HOMES]);

	while (h && h->fd != fd)
		h = h->next;
	return h;
}

static struct home *home_make(int fd)
{
	_Atomic(struct home *) *bucket = &homes[(unsigned int)fd % HOMES];
	struct home *head = atomic_load(bucket);
	struct home *h = home_find(fd), *made;

	if (h)
		return h;
	made = calloc(1, sizeof(*made));
	if (!made)
		return NULL;
	made->fd = fd;
	do {
		/* a thread that was faster has put it at or behind this head */
		h = home_find(fd);
		if (h) {
			free(made);
			return h;
		}
		made->next = head;
	} while (!atomic_compare_exchange_weak(bucket, &head, made));
	return made;
}

/* ---- the table */

/*
 * Returns the record at this number, with a reference for the caller; NULL if
 * this process has none there. It says nothing about the present file of the
 * fd.
 */
struct st_record *st_table_get(int fd)
{
	uint64_t epoch = st_epoch_current();
	struct home *h;
	struct st_record *rec;

	if (fd < 0 || !epoch)
		return NULL;
	h = home_find(fd);
	if (!h)
		return NULL;
	while ((rec = atomic_load(&h->rec))) {
		if (!record_take(rec))
			continue; /* just dropped: look again */
		if (atomic_load(&h->rec) == rec) {
			if (atomic_load(&rec->epoch) == epoch)
				return rec;
			st_record_put(rec);
			return NULL;
		}
		st_record_put(rec);
	}
	return NULL;
}

/*
 * Returns a record of this file at any number, with a reference, for a dup of a
 * template. A record with an equal key is preferred to a stale one. The guard
 * marks a record as stale if its template was closed but its number not used
 * again.
 */
struct st_record *st_table_find(const struct spawn_template_key *key)
{
	uint64_t epoch = st_epoch_current();
	struct st_record *rec, *found = NULL;

	if (!epoch)
		return NULL;
	for (rec = atomic_load(&records); rec; rec = rec->next) {
		if (!record_take(rec))
			continue;
		if (atomic_load(&rec->epoch) != epoch ||
		    !st_key_same_file(&rec->key, key)) {
			st_record_put(rec);
			continue;
		}
		st_record_put(found);
		found = rec;
		if (st_key_equal(&rec->key, key) &&
		    st_guard_state(&rec->guard) != ST_GUARD_STALE)
			break;
	}
	return found;
}

/* Tells whether a record of a parent process names this file. */
bool st_table_inherited(const struct spawn_template_key *key)
{
	uint64_t epoch = st_epoch_current();
	struct st_record *rec;
	bool found = false;

	for (rec = atomic_load(&records); rec && !found; rec = rec->next) {
		uint64_t e;

		if (!record_take(rec))
			continue;
		e = atomic_load(&rec->epoch);
		found = e && e != epoch && st_key_same_file(&rec->key, key);
		st_record_put(rec);
	}
	return found;
}

static void home_exchange(struct home *h, struct st_record *rec)
{
	struct st_record *old = atomic_exchange(&h->rec, rec);

	if (old) {
		atomic_store(&old->epoch, 0);
		st_record_put(old);
	}
}

/* Puts a record at a number; the table takes over the caller's reference. */
int st_table_set(int fd, struct st_record *rec)
{
	struct home *h = home_make(fd);
	uint64_t epoch;
	int ret = st_epoch_begin(&epoch);

	if (!h)
		return -ENOMEM;
	if (ret < 0)
		return ret;
	atomic_store(&rec->epoch, epoch);
	home_exchange(h, rec);
	return 0;
}

/* Forgets the record at a number. Return: true if there was one. */
bool st_table_drop(int fd)
{
	struct home *h = fd < 0 ? NULL : home_find(fd);

	if (!h || !atomic_load(&h->rec))
		return false;
	home_exchange(h, NULL);
	return true;
}

/*
 * Lets one thread at a time change the file behind a number. The caller has its
 * signals blocked. A holder that a fork left behind has another epoch and does
 * not count.
 * Return: false if memory is short.
 */
bool st_table_lock(int fd)
{
	struct home *h = home_make(fd);
	uint64_t epoch;

	if (!h || st_epoch_begin(&epoch) < 0)
		return false;
	for (;;) {
		uint64_t holder = atomic_load(&h->locker);

		if (holder != epoch &&
		    atomic_compare_exchange_strong(&h->locker, &holder, epoch))
			return true;
		sys_call0(__NR_sched_yield);
	}
}

void st_table_unlock(int fd)
{
	struct home *h = home_find(fd);

	atomic_fetch_add(&h->changes, 1);
	atomic_store(&h->locker, 0);
}

/* Tells whether a thread of this process changes the file behind a number. */
bool st_table_changing(int fd)
{
	struct home *h = home_find(fd);
	uint64_t holder = h ? atomic_load(&h->locker) : 0;

	return holder && holder == st_epoch_current();
}

/* Counts the changes of a number: equal counts mean no change between. */
uint64_t st_table_changes(int fd)
{
	struct home *h = home_find(fd);

	return h ? atomic_load(&h->changes) : 0;
}
