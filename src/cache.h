/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a cache in one process, which cache.c and cache_hold.c share.
 */
#ifndef ST_CACHE_H
#define ST_CACHE_H

#include <pthread.h>

#include "cache_map.h"

struct st_cache_state {
	uint64_t epoch;			/* the process that it belongs to */
	_Atomic uint32_t refs;		/* the cache's, and the thread's */
	struct st_cache_state *inherited; /* a parent's, never touched */
	pthread_mutex_t lock;		/* protects all below, but for wake */
	struct st_cache_map map;

	/* open templates without users, in the order of close_at */
	struct st_cached *held_first, *held_last;
	unsigned int held;
	bool thread_runs;
	_Atomic uint32_t wake;		/* the word that the thread waits on */
};

void st_cache_state_put(struct st_cache_state *s);

/* A template that has left the map, to be closed after the lock is dropped. */
struct st_retired {
	int fd;				/* -1: nothing to close */
	struct st_record *rec;		/* a reference */
};

/* Takes the template of an entry from the map. It may free the entry. */
struct st_retired st_cache_retire_locked(struct st_cache_state *s,
					 struct st_cached *e);

/* Closes the template, if the number is still its own. */
void st_retired_close(const struct st_retired *r);

/* ---- cache_hold.c */

/*
 * Keeps the template of an entry that has no users open for ns.
 * Return: false if no thread could be started that would close it.
 */
bool st_cache_hold_locked(struct st_cache_state *s, struct st_cached *e,
			  uint64_t ns);

/* Ends that, and does not close the template. */
void st_cache_unhold_locked(struct st_cache_state *s, struct st_cached *e);

/* Closes all templates without users. Return: whether there were any. */
bool st_cache_release(struct st_cache_state *s);

#endif
