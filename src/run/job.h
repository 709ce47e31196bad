/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A job is made by the caller's thread, and launched by one of the pool's.
 */
#ifndef ST_JOB_H
#define ST_JOB_H

#include "run/ring.h"

int st_job_new(struct st_job **job, struct spawn_template_ring *ring, int tfd,
	       const struct spawn_template_run_args *args, bool is_run);

#endif
