/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that the caller does not wait for: its thread goes on while the child
 * is on its way to exec, and so an event loop does not stand still.
 *
 * The child is the calling thread's own, as of any launch, and so has what is that
 * thread's: its mask, priority, affinity, and whatever sandbox it is in. That is
 * what a launch by another thread, of a ring, cannot give.
 */
#ifndef ST_PENDING_H
#define ST_PENDING_H

#include "spawn.h"

struct st_pending {
	struct st_spawn spawn;	/* what it points to has to stay, too */
	struct st_launch launch;
	struct st_report report;
	struct st_record *rec;
	struct st_stack stack;
	uint64_t epoch;		/* whose it is */
	pid_t pid;
	int done;		/* reads as ended once the child has exec'ed */
};

int st_pending_begin(struct st_pending *pending, int tfd,
		     const struct spawn_template_spawn_args *args);
pid_t st_pending_end(struct st_pending *pending, int *pidfd,
		     struct spawn_template_failure *failure);
int st_pending_kill(struct st_pending *pending);
void st_pending_drop(struct st_pending *pending);

#endif
