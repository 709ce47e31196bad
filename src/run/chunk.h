/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output that a ring hands over as it comes: each part, a chunk, is a completion of
 * its own. A flow counts the chunks of a run that the caller has not given back, and
 * stops at a bound. Chunks outlive the job that they come from, and hold its flow.
 */
#ifndef ST_CHUNK_H
#define ST_CHUNK_H

#include "run/io.h"

struct spawn_template_ring;
struct st_flow;
struct st_slot;

struct st_flow *st_flow_new(struct spawn_template_ring *ring,
			    uint64_t max_output);
void st_flow_place(struct st_flow *flow, struct st_slot *slot, uint64_t state);
void st_flow_attach(struct st_flow *flow, struct st_io *io);
void st_flow_force(struct st_flow *flow);
bool st_flow_is_forced(const struct st_flow *flow);
void st_flow_drop(struct st_flow *flow);

#endif
