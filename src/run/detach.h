/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_DETACH_H
#define ST_DETACH_H

struct st_detached;
struct st_job;

struct st_detached *st_detached_new(void);
void st_detached_tell(struct st_job *job);

#endif
