/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <spawn_template.h>

#include "run/feed.h"
#include "sys.h"

#define MOST SPAWN_TEMPLATE_RING_MAX_INPUT

struct st_feed {
	_Atomic unsigned int refs;
	pthread_mutex_t lock;		/* protects the rest */
	int fd;				/* of the pipe's owner, or -1 */
	bool finished;			/* the caller has put in all */
	bool closed;			/* nobody reads */
	char *data;
	size_t at, len, size;		/* the bytes from .at on wait */
	void (*tell)(void *room);	/* tells of room; NULL: nobody does */
	void *room;			/* allocated, for tell() */
	bool wanted;			/* a caller has found no room */
	bool told;			/* and it was told, and has not seen that yet */
	bool over;			/* the run is: it is told nothing more */
};

/* Return: a feed with one reference; NULL: memory is short. */
struct st_feed *st_feed_new(void)
{
	struct st_feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	feed->refs = 1;
	feed->fd = -1;
	pthread_mutex_init(&feed->lock, NULL);
	return feed;
}

struct st_feed *st_feed_hold(struct st_feed *feed)
{
	atomic_fetch_add(&feed->refs, 1);
	return feed;
}

void st_feed_drop(struct st_feed *feed)
{
	if (!feed || atomic_fetch_sub(&feed->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&feed->lock);
	free(feed->data);
	free(feed->room);
	free(feed);
}

/* ---- room */

/**
 * st_feed_tell_room - have a function tell of room after a lack of it
 * @feed: new
 * @tell: called with the lock held; st_feed_room_seen() is due once for each call
 * @room: for @tell; freed with the feed
 */
void st_feed_tell_room(struct st_feed *feed, void (*tell)(void *room),
		       void *room)
{
	feed->tell = tell;
	feed->room = room;
}

/* Tells a caller that has found no room. A closed input counts as room: for EPIPE. */
static void tell_room(struct st_feed *feed)
{
	if (!feed->wanted || feed->told || feed->over ||
	    (!feed->closed && feed->len > MOST / 2))
		return;
	feed->wanted = false;
	feed->told = true;
	st_feed_hold(feed);
	feed->tell(feed->room);
}

/* The caller has seen that there is room, and may have found none again meanwhile. */
void st_feed_room_seen(struct st_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->told = false;
	tell_room(feed);
	pthread_mutex_unlock(&feed->lock);
	st_feed_drop(feed);
}

/* ---- callers */

/* Asks the kernel, since the ring's thread may not have heard of it yet. */
static bool nobody_reads(const struct st_feed *feed)
{
	const struct sys_timespec none = { 0, 0 };
	struct pollfd pfd = { .fd = feed->fd, .events = POLLOUT };

	if (feed->closed || feed->finished)
		return true;
	return feed->fd >= 0 &&
	       sys_call5(__NR_ppoll, &pfd, 1, &none, 0, 0) == 1 &&
	       pfd.revents & (POLLERR | POLLHUP);
}

static bool make_room(struct st_feed *feed, size_t n)
{
	size_t size = feed->size ? feed->size : 4096;
	char *data;

	if (feed->at)
		memmove(feed->data, feed->data + feed->at, feed->len);
	feed->at = 0;
	while (size < feed->len + n)
		size *= 2;
	if (size == feed->size)
		return true;
	data = realloc(feed->data, size);
	if (!data)
		return false;
	feed->data = data;
	feed->size = size;
	return true;
}

static int put(struct st_feed *feed, const void *buf, size_t len)
{
	size_t room = MOST - feed->len;

	if (nobody_reads(feed))
		return -EPIPE;
	if (len > room)
		len = room;
	if (!len) {
		feed->wanted = feed->tell;
		return -EAGAIN;
	}
	if (feed->at + feed->len + len > feed->size && !make_room(feed, len))
		return -ENOMEM;
	memcpy(feed->data + feed->at + feed->len, buf, len);
	feed->len += len;
	return (int)len;
}

/* Return: the bytes taken, at least 1; -EAGAIN, -EPIPE, -ENOMEM. */
int st_feed_put(struct st_feed *feed, const void *buf, size_t len)
{
	int ret;

	pthread_mutex_lock(&feed->lock);
	ret = put(feed, buf, len);
	pthread_mutex_unlock(&feed->lock);
	return ret;
}

/* Puts in the end. */
void st_feed_finish(struct st_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->finished = true;
	feed->wanted = false;
	pthread_mutex_unlock(&feed->lock);
}

/* ---- the owner of the pipe */

void st_feed_open(struct st_feed *feed, int fd)
{
	pthread_mutex_lock(&feed->lock);
	feed->fd = fd;
	pthread_mutex_unlock(&feed->lock);
}

/* Return: false if nobody reads. */
static bool write_waiting(struct st_feed *feed)
{
	while (feed->len) {
		ssize_t n = sys_call3(__NR_write, feed->fd,
				      feed->data + feed->at, feed->len);

		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return true;
		if (n < 0)
			return false;
		feed->at += (size_t)n;
		feed->len -= (size_t)n;
	}
	feed->at = 0;
	return true;
}

/* Writes as much as the pipe takes. Return: false if nothing more can come or go. */
bool st_feed_write(struct st_feed *feed)
{
	bool more;

	pthread_mutex_lock(&feed->lock);
	more = write_waiting(feed) && (feed->len || !feed->finished);
	tell_room(feed);
	pthread_mutex_unlock(&feed->lock);
	return more;
}

/* The owner is about to close the pipe: callers look at it no longer. */
void st_feed_close(struct st_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->fd = -1;
	feed->closed = true;
	tell_room(feed);
	pthread_mutex_unlock(&feed->lock);
}

/* The end of the run is about to be told, which is the last thing that is. */
void st_feed_end(struct st_feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	feed->over = true;
	pthread_mutex_unlock(&feed->lock);
}
