/* SPDX-License-Identifier: BSD-2-Clause */
/* The completion that tells of room in the input of a run. */
#ifndef ST_ROOM_H
#define ST_ROOM_H

#include <stdint.h>

struct st_feed;
struct spawn_template_ring;

int st_room_open(struct st_feed *feed, struct spawn_template_ring *ring,
		 uint64_t user_data);

#endif
