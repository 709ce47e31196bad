/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/heap.h"

static void put_timer(struct st_heap *h, size_t at, struct st_timer *t)
{
	h->timers[at] = t;
	t->at = at;
}

static void rise(struct st_heap *h, struct st_timer *t)
{
	size_t at = t->at;

	while (at > 0 && t->due < h->timers[(at - 1) / 2]->due) {
		put_timer(h, at, h->timers[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put_timer(h, at, t);
}

static void sink(struct st_heap *h, struct st_timer *t)
{
	size_t at = t->at;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < h->n &&
		    h->timers[child + 1]->due < h->timers[child]->due)
			child++;
		if (child >= h->n || h->timers[child]->due >= t->due)
			break;
		put_timer(h, at, h->timers[child]);
		at = child;
	}
	put_timer(h, at, t);
}

void st_heap_set(struct st_heap *h, struct st_timer *t, int64_t due)
{
	struct st_timer *last;

	if (t->due == ST_NEVER && due != ST_NEVER) {
		t->due = due;
		t->at = h->n++;
		rise(h, t);
		return;
	}
	if (t->due == ST_NEVER)
		return;
	if (due != ST_NEVER) {
		t->due = due;
		rise(h, t);
		sink(h, t);
		return;
	}
	last = h->timers[--h->n];
	t->due = ST_NEVER;
	if (last == t)
		return;
	put_timer(h, t->at, last);
	rise(h, last);
	sink(h, last);
}
