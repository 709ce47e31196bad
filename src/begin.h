/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that the caller does not wait for: its thread goes on while the child
 * is on its way to exec, and so an event loop does not stand still.
 *
 * The child is the calling thread's own, as of any launch, and so has what is that
 * thread's: its mask, priority, affinity, and whatever sandbox it is in. That is
 * what a launch by another thread, of a ring, cannot give.
 */
#ifndef ST_BEGIN_H
#define ST_BEGIN_H

#include "spawn.h"

struct st_begin {
	struct st_spawn spawn;	/* what it points to has to stay, too */
	struct st_launch launch;
	struct st_report report;
	struct st_record *rec;
	struct st_stack stack;
	uint64_t epoch;		/* whose it is */
	pid_t pid;
	int done;		/* reads as ended once the child has exec'ed */
};

int st_begin_launch(struct st_begin *begin, int tfd,
		    const struct spawn_template_spawn_args *args);
pid_t st_begin_wait(struct st_begin *begin, int *pidfd,
		    struct spawn_template_failure *failure);
int st_begin_kill(struct st_begin *begin);
void st_begin_drop(struct st_begin *begin);

#endif
