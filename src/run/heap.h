/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers sorted by their due time, the first on top: a binary heap whose
 * members know their places. Room for all of them is allocated beforehand.
 */
#ifndef ST_HEAP_H
#define ST_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "shared/clock.h"

struct st_timer {
	int64_t due;		/* ST_NEVER: not in the heap */
	size_t at;
};

struct st_heap {
	struct st_timer **timers;
	size_t n;
};

/* Sets the due time of a timer; ST_NEVER takes it out of the heap. */
void st_heap_set(struct st_heap *heap, struct st_timer *timer, int64_t due);

static inline int64_t st_heap_first(const struct st_heap *heap)
{
	return heap->n ? heap->timers[0]->due : ST_NEVER;
}

#endif
