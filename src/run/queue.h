/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A first-in first-out queue that many threads put into without a lock: none of
 * them waits for another, even for one that was preempted half-way.
 *
 * What is put stands on a pile, the newest on top. Whoever takes, one at a time,
 * takes the whole pile, turns it over and goes through it from below.
 */
#ifndef ST_QUEUE_H
#define ST_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct st_node {
	struct st_node *next;
};

struct st_queue {
	_Atomic(struct st_node *) pile;
	struct st_node *list;		/* the taker's */
};

/* Puts a pile of its own on the pile; bottom is the oldest of it. */
static inline void st_queue_put(struct st_queue *q, struct st_node *top,
				struct st_node *bottom)
{
	struct st_node *old =
		atomic_load_explicit(&q->pile, memory_order_relaxed);

	do {
		bottom->next = old;
	} while (!atomic_compare_exchange_weak(&q->pile, &old, top));
}

/* Takes all that was put since, the newest first; NULL: nothing. */
static inline struct st_node *st_queue_take_pile(struct st_queue *q)
{
	/* in order with what the taker has written before: see who wakes it */
	if (!atomic_load(&q->pile))
		return NULL;
	return atomic_exchange(&q->pile, NULL);
}

/* The oldest, taken out; NULL: it is empty. */
static inline struct st_node *st_queue_take(struct st_queue *q)
{
	struct st_node *node = q->list, *pile;

	if (!node) {
		pile = st_queue_take_pile(q);
		while (pile) {
			struct st_node *next = pile->next;

			pile->next = node;
			node = pile;
			pile = next;
		}
	}
	if (node)
		q->list = node->next;
	return node;
}

/* Was something put since the taker last took all? For anybody. */
static inline bool st_queue_has_new(struct st_queue *q)
{
	return atomic_load(&q->pile);
}

/* For the taker. */
static inline bool st_queue_is_empty(struct st_queue *q)
{
	return !q->list && !atomic_load(&q->pile);
}

#endif
