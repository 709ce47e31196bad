/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input that comes while a program runs: callers put it in, and the ring's thread
 * writes it to the program's stdin. Callers and the job hold a reference each.
 */
#ifndef ST_FEED_H
#define ST_FEED_H

#include <stdbool.h>
#include <stddef.h>

struct st_feed;

struct st_feed *st_feed_new(void);
struct st_feed *st_feed_hold(struct st_feed *feed);
void st_feed_drop(struct st_feed *feed);

/* For callers. */
int st_feed_put(struct st_feed *feed, const void *buf, size_t len);
void st_feed_finish(struct st_feed *feed);

/* For the one who tells callers of room; see room.c. */
void st_feed_tell_room(struct st_feed *feed, void (*tell)(void *room),
		       void *room);
void st_feed_room_seen(struct st_feed *feed);

/* For the owner of the pipe. */
void st_feed_open(struct st_feed *feed, int fd);
bool st_feed_write(struct st_feed *feed);
void st_feed_close(struct st_feed *feed);
void st_feed_end(struct st_feed *feed);

#endif
