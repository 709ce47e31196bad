/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One completion serves a run again and again, so that telling needs no memory: the
 * feed does not tell of room a second time until the caller has given the first back.
 */
#include <stdlib.h>

#include "run/feed.h"
#include "run/ring.h"
#include "run/room.h"

struct room {
	struct st_loose loose;
	struct spawn_template_ring *ring;
	struct st_feed *feed;	/* which owns this */
};

static void give_back(struct st_loose *loose)
{
	st_feed_room_seen(((struct room *)loose)->feed);
}

static void tell(void *arg)
{
	struct room *room = arg;

	st_loose_publish(room->ring, &room->loose);
}

/**
 * st_room_open - have the ring tell of room in an input
 * @feed: the input, of a run that is not submitted yet
 * @ring, @user_data: for the completion
 *
 * Return: 0 or -ENOMEM.
 */
int st_room_open(struct st_feed *feed, struct spawn_template_ring *ring,
		 uint64_t user_data)
{
	struct room *room = calloc(1, sizeof(*room));

	if (!room)
		return -ENOMEM;
	room->ring = ring;
	room->feed = feed;
	room->loose.free = give_back;
	room->loose.done.cqe = (struct spawn_template_cqe){
		.user_data = user_data,
		.pid = -1,
		.pidfd = -1,
		.kind = SPAWN_TEMPLATE_CQE_ROOM,
	};
	st_feed_tell_room(feed, tell, room);
	return 0;
}
