/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An output stream of a program: the bytes that are kept of it, within a bound. The
 * rest is dropped, or goes to a file, or only the last bytes of it are kept. A sink
 * takes all bytes elsewhere.
 */
#ifndef ST_STREAM_H
#define ST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "run/spill.h"

struct st_stream;

/*
 * Takes the output of a stream as it comes. take() reads some of it, and returns as
 * read(2) does: the number of bytes, 0 at the end, -errno; -ENOBUFS: there is no room.
 */
struct st_sink {
	ssize_t (*take)(struct st_sink *sink, struct st_stream *stream);
};

struct st_stream {
	int fd;			/* reading end; -1: closed, or not captured */
	bool ended;		/* nothing more will come */
	bool paused;		/* not read, because its sink has no room */
	bool unwatched;		/* as its poller has been told of that */
	int64_t last;		/* time of the last bytes */
	uint64_t total;		/* bytes read */
	struct st_sink *sink;	/* NULL: the rest is for the result */
	char *data;
	size_t len, size, max;
	size_t first;		/* bytes behind this are the last ones, in a circle */
	size_t turn;		/* the oldest of these */
	bool truncated;
	struct st_spill spill;
};

/* A stream that is not captured. */
#define ST_STREAM_NONE \
	{ \
		.fd = -1, .ended = true, .spill = ST_SPILL_NONE, \
	}

ssize_t st_stream_read(struct st_stream *stream);
ssize_t st_stream_drop(struct st_stream *stream);
char *st_stream_give(struct st_stream *stream, size_t *len);
char *st_stream_copy(const struct st_stream *stream, size_t *len);
void st_stream_free(struct st_stream *stream);

#endif
