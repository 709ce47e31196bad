/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of a process that launch, and do nothing else: each takes what was
 * put and calls its function. There is one pool; it is never freed, as its threads
 * never end.
 */
#ifndef ST_POOL_H
#define ST_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "run/queue.h"

struct st_pool;

/* What a thread of the pool is to do. */
struct st_work {
	struct st_node node;
	void (*fn)(struct st_work *work);	/* has it from then on */
};

int st_pool_get(unsigned int threads, struct st_pool **pool);
void st_pool_put(struct st_pool *pool, struct st_node *top,
		 struct st_node *bottom);
void st_pool_notify(struct st_pool *pool);

/*
 * A thread that is awake anyhow says that it will look whether something was put
 * before it goes to sleep: those that put need not wake one meanwhile.
 */
void st_pool_attend(struct st_pool *pool);
void st_pool_leave(struct st_pool *pool);

/* For back-pressure: what a launch lacks comes back when another one ends. */
uint32_t st_pool_released(struct st_pool *pool);
void st_pool_release(struct st_pool *pool);
void st_pool_wait_release(struct st_pool *pool, uint32_t seen, int64_t ns);

/* Does the calling thread, one that launches, give way? Then children leave SCHED_BATCH. */
bool st_pool_is_batch(void);

#endif
