/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passes this tool's stdin on to a program whose stdin is a terminal of its own. A
 * terminal in this place is not read: the program is not in the foreground there.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/run/run.h"

#define WAIT_MS 10 /* the ring does not tell when it has room again */

struct feed {
	struct spawn_template_ring *ring;
	uint64_t user_data;
	bool open;
	size_t at, n; /* the bytes from .at on wait */
	char bytes[65536];
};

struct feed *feed_start(struct spawn_template_ring *ring, uint64_t user_data)
{
	struct feed *feed = malloc(sizeof(*feed));

	if (!feed)
		return NULL;
	feed->ring = ring;
	feed->user_data = user_data;
	feed->at = feed->n = 0;
	feed->open = !isatty(STDIN_FILENO);
	if (!feed->open)
		spawn_template_ring_close_input(ring, user_data);
	return feed;
}

int feed_fd(const struct feed *feed)
{
	return feed && feed->open && !feed->n ? STDIN_FILENO : -1;
}

int feed_wait_ms(const struct feed *feed)
{
	return feed && feed->n ? WAIT_MS : -1;
}

static void close_input(struct feed *feed)
{
	feed->open = false;
	feed->n = 0;
	spawn_template_ring_close_input(feed->ring, feed->user_data);
}

static void read_some(struct feed *feed)
{
	ssize_t n = read(STDIN_FILENO, feed->bytes, sizeof(feed->bytes));

	feed->at = 0;
	if (n > 0)
		feed->n = (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		close_input(feed);
}

void feed_on(struct feed *feed, bool readable)
{
	if (!feed)
		return;
	if (readable && feed_fd(feed) >= 0)
		read_some(feed);
	while (feed->n) {
		int n = spawn_template_ring_write(feed->ring, feed->user_data,
						  feed->bytes + feed->at,
						  feed->n);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			close_input(feed);
			return;
		}
		feed->at += (size_t)n;
		feed->n -= (size_t)n;
	}
}

void feed_end(struct feed *feed)
{
	free(feed);
}
