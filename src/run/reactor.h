/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that watches the runs of a ring, and the calls by which launching
 * threads hand runs to it.
 */
#ifndef ST_REACTOR_H
#define ST_REACTOR_H

#include "run/ring.h"

int st_reactor_start(struct spawn_template_ring *ring);
int st_reactor_add(struct st_job *job);
void st_reactor_remove(struct st_job *job);
int st_reactor_watch(struct st_job *job);
void st_reactor_poke(struct st_job *job);

#endif
