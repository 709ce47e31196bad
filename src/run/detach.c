/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The completion of a run that goes on in the background after its first deadline. It
 * is allocated beforehand, so that nothing can fail at the deadline.
 */
#include <stdlib.h>

#include "run/detach.h"
#include "run/ring.h"

struct st_detached {
	struct st_loose loose;
	struct spawn_template_result result;
};

/* Return: NULL if memory is short; else one to be published, or freed by free(3). */
struct st_detached *st_detached_new(void)
{
	return calloc(1, sizeof(struct st_detached));
}

static void free_detached(struct st_loose *loose)
{
	struct st_detached *detached = (struct st_detached *)loose;

	spawn_template_result_free(&detached->result);
	free(detached);
}

/* Tells the caller that a job has been detached, if it has, and once. */
void st_detached_tell(struct st_job *job)
{
	struct st_detached *detached = job->detached;

	if (!detached || !job->run.detach_flags)
		return;
	job->detached = NULL;
	st_run_snapshot(&job->run, &detached->result);
	detached->loose.free = free_detached;
	detached->loose.done.cqe = (struct spawn_template_cqe){
		.user_data = atomic_load(&job->slot->user_data),
		.pid = job->run.pid,
		.pidfd = -1,
		.result = &detached->result,
		.kind = SPAWN_TEMPLATE_CQE_DETACHED,
	};
	st_loose_publish(job->ring, &detached->loose);
}
