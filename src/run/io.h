/* SPDX-License-Identifier: BSD-2-Clause */
/* The pipes of a run: the program's stdin, stdout and stderr. */
#ifndef ST_IO_H
#define ST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <spawn_template.h>

#include "run/poller.h"

struct st_feed;
struct st_stream;

/*
 * Takes the output of a stream as it comes. take() reads some of it, and returns as
 * read(2) does: the number of bytes, 0 at the end, -errno; -ENOBUFS: there is no room.
 */
struct st_sink {
	ssize_t (*take)(struct st_sink *sink, struct st_stream *stream);
};

/* An output stream of the program. */
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
	bool truncated;
};

/* This process's ends of the pipes. */
struct st_io {
	struct st_stream out, err;
	int in;			/* writing end; -1: all is fed */
	const struct st_poller
		*poller; /* our fds leave it when closed; or NULL */
	struct st_feed *feed;	/* input that comes later; NULL: none does */
	const char *input;	/* the rest of it */
	size_t input_len;
	bool captured;		/* the result has the output */
};

/* Pipes that are not made. */
#define ST_IO_NONE \
	{ \
		.out = { .fd = -1, .ended = true }, \
		.err = { .fd = -1, .ended = true }, .in = -1, .poller = NULL, \
	}

/* The child's ends of the pipes. */
struct st_io_ends {
	int in, out, err;
};

int st_io_devnull(int *fd);
int st_io_open(struct st_io *io, const struct spawn_template_run_args *args,
	       int devnull, struct st_feed *feed, struct st_io_ends *ends);
void st_io_close_ends(struct st_io_ends *ends, int devnull);

ssize_t st_io_drop(struct st_stream *stream);
void st_io_drain(struct st_stream *stream, bool to_the_end);
void st_io_feed(struct st_io *io, bool nobody_reads);

void st_io_give_output(struct st_io *io, struct spawn_template_result *result);
void st_io_copy_output(const struct st_io *io,
		       struct spawn_template_result *result);
void st_io_close_fd(const struct st_io *io, int *fd);
void st_io_close(struct st_io *io);

#endif
