/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The completion which tells that a run has its program. It is allocated beforehand, so
 * that only its descriptor can be missing.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "pidfd.h"
#include "run/ring.h"
#include "run/started.h"
#include "sys.h"

struct st_started {
	struct st_loose loose;
	int pidfd;
	pid_t pid;
};

/* Return: NULL if memory is short; else one to be published, or freed by free(3). */
struct st_started *st_started_new(void)
{
	return calloc(1, sizeof(struct st_started));
}

/* The host may have closed the descriptor, and given its number to another file. */
static void free_started(struct st_loose *loose)
{
	struct st_started *started = (struct st_started *)loose;

	if (st_pidfd_is(started->pidfd, started->pid))
		sys_close(started->pidfd);
	free(started);
}

/*
 * Tells the caller that a job's program has passed exec. The caller of this function
 * has the job alone, and the program is not reaped, whatever becomes of it meanwhile.
 */
void st_started_tell(struct st_job *job)
{
	struct st_started *started = job->started;

	if (!started)
		return;
	job->started = NULL;
	started->pid = job->run.pid;
	started->pidfd =
		sys_call3(__NR_fcntl, job->run.pidfd, F_DUPFD_CLOEXEC, 3);
	started->loose.free = free_started;
	started->loose.done.cqe = (struct spawn_template_cqe){
		.user_data = atomic_load(&job->slot->user_data),
		.pid = job->run.pid,
		.pidfd = started->pidfd < 0 ? -1 : started->pidfd,
		.kind = SPAWN_TEMPLATE_CQE_STARTED,
	};
	st_loose_publish(job->ring, &started->loose);
}
