/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates and executables in the maps. A single thread registers and deletes,
 * so that no element is mistaken for another: see bpf/exec_cache.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/impl.h"
#include "shared/clock.h"

const struct loader_map_info loader_maps[MAPS] = {
	[MAP_EXEC_CACHE] = { "exec_cache", sizeof(struct exec_key),
			     sizeof(struct exec_entry) },
	[MAP_TEMPLATES] = { "templates", sizeof(uint64_t),
			    sizeof(struct template_entry) },
	[MAP_TEMPLATE_FILES] = { "template_files", sizeof(uint64_t),
				 sizeof(uint64_t) },
	[MAP_EXEC_STATES] = { "exec_states", sizeof(uint32_t),
			      sizeof(uint64_t) },
	[MAP_GUARD] = { "guard", sizeof(uint32_t),
			sizeof(struct guard_counts) },
	[MAP_COMMAND] = { "command", sizeof(uint32_t),
			  sizeof(struct guard_command) },
	[MAP_EVENTS] = { "events", 0, 0 },
	[MAP_LAUNCHES] = { "launches", 0, 0 },
};

/* ---- ids and slots */

/*
 * Returns microseconds since boot, or the last id + 1: so it is never an id
 * from an earlier set of maps, which a process may still hold.
 */
static uint64_t next_id(struct loader *l)
{
	uint64_t id = (uint64_t)st_since_boot() / 1000;

	if (id <= l->last_id)
		id = l->last_id + 1;
	l->last_id = id;
	return id;
}

static void mark_slot(struct loader *l, uint32_t slot, bool used)
{
	uint64_t bit = 1ULL << (slot % 64);

	if (slot >= EXEC_CACHE_MAX)
		return;
	if (used)
		l->slots[slot / 64] |= bit;
	else
		l->slots[slot / 64] &= ~bit;
}

/* Return: a free slot; -ENOSPC. */
static int free_slot(const struct loader *l)
{
	for (int i = 0; i < EXEC_CACHE_MAX / 64; i++)
		if (~l->slots[i])
			return i * 64 + __builtin_ctzll(~l->slots[i]);
	return -ENOSPC;
}

/* ---- iterating */

static int next_key(const struct loader *l, const struct exec_key *from,
		    struct exec_key *to)
{
	return bpf_map_get_next_key(l->maps[MAP_EXEC_CACHE], from, to) < 0
		       ? -errno
		       : 0;
}

int loader_next(const struct loader *l, uint64_t *id)
{
	uint64_t next;

	if (bpf_map_get_next_key(l->maps[MAP_TEMPLATES], *id ? id : NULL,
				 &next) < 0)
		return -errno;
	*id = next;
	return 0;
}

int loader_template(const struct loader *l, uint64_t id,
		    struct template_entry *entry)
{
	return bpf_map_lookup_elem(l->maps[MAP_TEMPLATES], &id, entry) < 0
		       ? -errno
		       : 0;
}

int loader_executable(const struct loader *l, const struct exec_key *key,
		      struct exec_entry *entry)
{
	return bpf_map_lookup_elem(l->maps[MAP_EXEC_CACHE], key, entry) < 0
		       ? -errno
		       : 0;
}

/* Counts the slots in use: each executable has one. */
unsigned int loader_executables(const struct loader *l)
{
	unsigned int n = 0;

	for (int i = 0; i < EXEC_CACHE_MAX / 64; i++)
		n += (unsigned int)__builtin_popcountll(l->slots[i]);
	return n;
}

/* ---- deleting */

static void delete_executable(struct loader *l, const struct exec_key *key,
			      const struct exec_entry *entry)
{
	if (bpf_map_delete_elem(l->maps[MAP_EXEC_CACHE], key) < 0)
		return;
	loader_word_clear(l->clearer, entry->slot);
	mark_slot(l, entry->slot, false);
}

/*
 * Deletes the executable if nothing refers to it. No new reference can appear,
 * because only this thread makes them.
 */
static void sweep_executable(struct loader *l, const struct exec_key *key)
{
	struct exec_entry entry;

	if (loader_executable(l, key, &entry) == 0 && entry.refs <= 0)
		delete_executable(l, key, &entry);
}

static void delete_template(struct loader *l, uint64_t id,
			    const struct template_entry *entry)
{
	struct exec_key key = entry->exec;

	bpf_map_delete_elem(l->maps[MAP_TEMPLATES], &id);
	sweep_executable(l, &key);
}

static bool is_over(const struct template_entry *entry)
{
	return entry->state != TEMPLATE_LIVE;
}

/* Tells whether launches refer to the template. */
static bool is_held(const struct template_entry *entry)
{
	return entry->running > 0 && !(entry->flags & TEMPLATE_CANARY);
}

/*
 * Deletes each closed template after it has found the next one: from a deleted
 * element, the iteration would begin again.
 */
void loader_sweep(struct loader *l, bool all,
		  void (*over)(uint64_t id, const struct template_entry *entry,
			       void *arg),
		  void *arg)
{
	struct template_entry entry;
	uint64_t id = 0, next = 0;
	int more = loader_next(l, &next);

	for (unsigned int n = 0; more == 0 && n < TEMPLATES_MAX; n++) {
		id = next;
		more = loader_next(l, &next);
		if (loader_template(l, id, &entry) < 0 || !is_over(&entry) ||
		    (!all && is_held(&entry)))
			continue;
		if (over)
			over(id, &entry, arg);
		delete_template(l, id, &entry);
	}
}

/* ---- requests to the programs */

static void ask_programs(int fd, uint64_t what)
{
	/* use the raw call: libc's fcntl() might do more than one */
	syscall(SYS_fcntl, fd, F_GETFL, what);
}

int loader_release(struct loader *l, uint64_t id, struct template_entry *last)
{
	struct template_entry entry;

	if (loader_template(l, id, &entry) < 0)
		return -ENOENT;
	if (entry.state == TEMPLATE_LIVE) {
		ask_programs(l->maps[MAP_GUARD], GUARD_RELEASE | id);
		/* from here on, a launch that ends tells */
		if (loader_template(l, id, &entry) < 0)
			return -ENOENT;
	}
	if (is_held(&entry)) {
		sweep_executable(l, &entry.exec);
		return -EBUSY;
	}
	delete_template(l, id, &entry);
	if (last)
		*last = entry;
	return 0;
}

int loader_register(struct loader *l, int fd, struct template_entry *entry,
		    uint64_t *id, struct exec_entry *exec)
{
	uint64_t new = next_id(l);
	int slot = free_slot(l), ret;

	if (slot < 0)
		return slot;
	entry->created_ns = (uint64_t)st_since_boot();
	entry->slot = (uint32_t)slot;
	entry->state = TEMPLATE_PENDING;
	/* the answer if no program runs */
	entry->error = ENOTCONN;
	if (bpf_map_update_elem(l->maps[MAP_TEMPLATES], &new, entry,
				BPF_NOEXIST) < 0)
		return errno == E2BIG ? -ENOSPC : -errno;
	ask_programs(fd, GUARD_REGISTER | new);
	ret = loader_template(l, new, entry);
	if (ret == 0 && entry->state != TEMPLATE_LIVE)
		ret = entry->error ? -entry->error : -EIO;
	if (ret == 0)
		ret = loader_executable(l, &entry->exec, exec);
	if (ret < 0) {
		loader_release(l, new, NULL);
		return ret;
	}
	mark_slot(l, exec->slot, true);
	*id = new;
	return 0;
}

/* ---- start */

static int take_event(void *arg, void *data, size_t size)
{
	struct loader *l = arg;

	if (size >= sizeof(struct exec_event) && l->event)
		l->event(data, l->event_arg);
	/* libbpf counts the event as handled, and stops */
	return ++l->events < LOADER_EVENTS ? 0 : -EAGAIN;
}

static void find_used(struct loader *l)
{
	struct exec_key key, *from = NULL;
	struct exec_entry entry;
	uint64_t id = 0;

	memset(l->slots, 0, sizeof(l->slots));
	for (unsigned int n = 0;
	     n < EXEC_CACHE_MAX && next_key(l, from, &key) == 0; n++) {
		from = &key;
		if (loader_executable(l, &key, &entry) == 0) {
			mark_slot(l, entry.slot, true);
			if (entry.generation > l->last_id)
				l->last_id = entry.generation;
		}
	}
	for (unsigned int n = 0; n < TEMPLATES_MAX && loader_next(l, &id) == 0;
	     n++)
		if (id > l->last_id)
			l->last_id = id;
}

/* Deletes unreferenced executables, left by an interrupted registration. */
static void sweep_executables(struct loader *l)
{
	struct exec_key key, next;
	int more = next_key(l, NULL, &next);

	for (unsigned int n = 0; more == 0 && n < EXEC_CACHE_MAX; n++) {
		key = next;
		more = next_key(l, &key, &next);
		sweep_executable(l, &key);
	}
}

int loader_maps_begin(struct loader *l, struct loader_error *e)
{
	int ret = loader_words_begin(l, e);

	if (ret < 0)
		return ret;
	ring_buffer__free(l->ring);
	l->ring = ring_buffer__new(l->maps[MAP_EVENTS], take_event, l, NULL);
	if (!l->ring)
		return loader_fail(e, errno, "Free some memory.",
				   "cannot map the events: %s",
				   strerror(errno));
	find_used(l);
	loader_sweep(l, false, NULL, NULL);
	sweep_executables(l);
	return 0;
}

/* ---- events */

int loader_events_fd(const struct loader *l)
{
	return ring_buffer__epoll_fd(l->ring);
}

int loader_events(struct loader *l,
		  void (*event)(const struct exec_event *event, void *arg),
		  void *arg)
{
	int ret;

	l->event = event;
	l->event_arg = arg;
	l->events = 0;
	ret = ring_buffer__consume(l->ring);
	l->event = NULL;
	return ret < 0 && ret != -EAGAIN ? ret : l->events;
}

static void read_counts(const struct loader *l, struct guard_counts *counts)
{
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(l->maps[MAP_GUARD], &zero, counts) < 0)
		memset(counts, 0, sizeof(*counts));
}

uint64_t loader_events_lost(const struct loader *l)
{
	struct guard_counts counts;

	read_counts(l, &counts);
	return counts.events_lost;
}

void loader_totals(const struct loader *l, struct loader_totals *totals)
{
	struct guard_counts counts;

	read_counts(l, &counts);
	totals->launches = counts.launches;
	totals->stale = counts.stale;
	totals->refused = counts.refused;
	totals->write_denied = counts.write_denied;
}
