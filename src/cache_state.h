/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a cache in one process: the map of its entries, and the templates
 * that leave it.
 */
#ifndef ST_CACHE_STATE_H
#define ST_CACHE_STATE_H

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

/* Return: NULL if memory is short. The caller has a reference. */
struct st_cache_state *st_cache_state_new(uint64_t epoch, unsigned int entries);
void st_cache_state_put(struct st_cache_state *s);

/* Tells whether more than its file would have to be opened to make it again. */
bool st_cache_is_dear(const struct st_record *rec);

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

#endif
