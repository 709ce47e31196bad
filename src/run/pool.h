/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of a process that launch, and do nothing else: each takes work
 * from the queue and calls its function. There is one pool. It is never freed,
 * as its threads never end.
 */
#ifndef ST_POOL_H
#define ST_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "run/queue.h"

struct st_pool;

/* Work for a thread of the pool. */
struct st_work {
	struct st_node node;
	void (*fn)(struct st_work *work);	/* takes it over */
};

int st_pool_get(unsigned int threads, struct st_pool **pool);
void st_pool_put(struct st_pool *pool, struct st_node *top,
		 struct st_node *bottom);
void st_pool_notify(struct st_pool *pool);

/*
 * Between these calls the thread promises to look for jobs before it sleeps, so
 * that submitters need not wake another one.
 */
void st_pool_attend(struct st_pool *pool);
void st_pool_leave(struct st_pool *pool);

/*
 * Back-pressure: a launch that is short of something waits for another's end.
 */
uint32_t st_pool_released(struct st_pool *pool);
void st_pool_release(struct st_pool *pool);
void st_pool_wait_release(struct st_pool *pool, uint32_t seen, int64_t ns);

/*
 * Tells whether the calling thread, one that launches, runs under SCHED_BATCH,
 * which its children have to leave.
 */
bool st_pool_is_batch(void);

#endif
