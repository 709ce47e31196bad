/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_STARTED_H
#define ST_STARTED_H

struct st_job;
struct st_started;

struct st_started *st_started_new(void);
void st_started_tell(struct st_job *job);

#endif
