/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_CLONE_H
#define ST_CLONE_H

#include <pthread.h>
#include <sys/types.h>

#include "launch.h"
#include "stack.h"

/*
 * Lets another thread end the child of a launch under way: a child that is
 * stopped, or waits for its executable, does not reach exec by itself.
 */
struct st_watch {
	pthread_mutex_t lock;
	struct st_launch *launch;	/* NULL: none under way */
};

void st_watch_kill(struct st_watch *watch);
void st_watch_set(const struct st_launch *l, struct st_launch *now);

pid_t st_clone_launch(struct st_launch *launch);

/* Launches in two steps, between which the child is on its way. */
pid_t st_clone_begin(struct st_launch *launch, const struct st_stack *stack);
pid_t st_clone_end(struct st_launch *launch, pid_t pid);
void st_clone_learn(void);
int st_clone_exec_check(int fd);

#endif
