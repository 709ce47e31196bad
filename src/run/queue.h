/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A first-in first-out queue. Many threads put into it without a lock: none of
 * them waits for another, even for one that was preempted half-way.
 *
 * Nodes that are put stand on a pile, the newest on top. One thread at a time
 * takes: it takes the whole pile, turns it over and goes through it from below.
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

/* Puts a chain of nodes on the pile; bottom is the oldest of them. */
static inline void st_queue_put(struct st_queue *q, struct st_node *top,
				struct st_node *bottom)
{
	struct st_node *old =
		atomic_load_explicit(&q->pile, memory_order_relaxed);

	do {
		bottom->next = old;
	} while (!atomic_compare_exchange_weak(&q->pile, &old, top));
}

/* Takes all nodes put since the last take, the newest first; NULL: none. */
static inline struct st_node *st_queue_take_pile(struct st_queue *q)
{
	/* ordered after earlier writes of the taker: see its waker */
	if (!atomic_load(&q->pile))
		return NULL;
	return atomic_exchange(&q->pile, NULL);
}

/* Takes the oldest node; NULL: the queue is empty. */
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

/* Tells any thread whether something was put since the taker took all. */
static inline bool st_queue_has_new(struct st_queue *q)
{
	return atomic_load(&q->pile);
}

/* Tells the taker whether the queue is empty. */
static inline bool st_queue_is_empty(struct st_queue *q)
{
	return !q->list && !atomic_load(&q->pile);
}

#endif
