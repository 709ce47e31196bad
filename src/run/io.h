/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pipes of a run, for run.c.
 */
#ifndef ST_RUN_IO_H
#define ST_RUN_IO_H

#include "run/run.h"

void st_run_drain(struct st_run *run, struct st_stream *stream);
void st_run_give_output(struct st_run *run,
			struct spawn_template_result *result);
void st_run_close_fd(const struct st_run *run, int *fd);
void st_run_close_pipes(struct st_run *run);

#endif
