/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answers that a client has not read. Descriptors may be shared with other processes,
 * so their flags are left alone, and no write waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"

static int queue_bytes(const char *text, size_t n, void *data)
{
	struct mcp_client *c = data;
	size_t want = c->size ? c->size : 4096;
	char *more;

	if (c->at && c->n + n > c->size) {
		memmove(c->queue, c->queue + c->at, c->n - c->at);
		c->n -= c->at;
		c->at = 0;
	}
	if (c->n + n > c->size) {
		while (want < c->n + n)
			want *= 2;
		more = realloc(c->queue, want);
		if (!more)
			return -1;
		c->queue = more;
		c->size = want;
	}
	memcpy(c->queue + c->n, text, n);
	c->n += n;
	return 0;
}

void client_send(struct mcp *m, struct mcp_client *c, json_t *message)
{
	if (!message ||
	    json_dump_callback(message, queue_bytes, c,
			       JSON_COMPACT | JSON_REAL_PRECISION(9)) ||
	    queue_bytes("\n", 1, c))
		engine_no_memory(&m->engine);
	json_decref(message);
}

/*
 * Write once. A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting; a
 * socket is told not to wait.
 * Return: as write(2).
 */
static ssize_t write_some(struct mcp_client *c)
{
	const char *bytes = c->queue + c->at;
	size_t n = c->n - c->at;
	struct pollfd fd = { .fd = c->out, .events = POLLOUT };
	ssize_t done = send(c->out, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (done >= 0 || errno != ENOTSOCK)
		return done;
	if (poll(&fd, 1, 0) != 1 || !(fd.revents & (POLLOUT | POLLERR))) {
		errno = EAGAIN;
		return -1;
	}
	return write(c->out, bytes, n < PIPE_BUF ? n : PIPE_BUF);
}

void client_flush(struct mcp_client *c)
{
	while (c->at < c->n && !c->gone) {
		ssize_t done = write_some(c);

		if (done >= 0)
			c->at += (size_t)done;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			c->gone = true;
	}
	c->at = c->n = 0;
	if (c->size > MCP_QUEUE_MAX) {
		free(c->queue);
		c->queue = NULL;
		c->size = 0;
	}
}
