/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children that a run has given up, because a tracer kept them from being reaped or
 * because they could not be killed. Later runs reap those that have ended since.
 */
#ifndef ST_LEFTOVER_H
#define ST_LEFTOVER_H

#include <sys/types.h>

void st_leftover_keep(pid_t pid);
void st_leftover_reap(void);

#endif
