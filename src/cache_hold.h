/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps templates open for a while after their last use.
 */
#ifndef ST_CACHE_HOLD_H
#define ST_CACHE_HOLD_H

#include "cache_state.h"

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
