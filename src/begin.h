/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that the caller does not wait for: its thread goes on while the
 * child is on its way to exec, and so an event loop does not stand still.
 *
 * As in any launch, the child is the calling thread's own, and inherits that
 * thread's mask, priority, affinity and sandbox. A launch by another thread,
 * such as a ring's, cannot give it these.
 */
#ifndef ST_BEGIN_H
#define ST_BEGIN_H

#include "spawn.h"

struct st_begin {
	struct st_spawn spawn;	/* the memory it points to must stay, too */
	struct st_launch launch;
	struct st_report report;
	struct st_record *rec;
	struct st_stack stack;
	uint64_t epoch;		/* of the process that owns it */
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
