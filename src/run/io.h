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
#include "run/stream.h"

struct st_feed;
/* This process's ends of the pipes. */
struct st_io {
	struct st_stream out, err;
	int in;			/* writing end; -1: all is fed */
	const struct st_poller
		*poller; /* our fds leave it when closed; or NULL */
	struct st_feed *feed;	/* input that comes later; NULL: none does */
	const char *input;	/* the rest of it */
	size_t input_len;
	bool eof_due;		/* a terminal is told the end of the input */
	bool captured;		/* the result has the output */
};

/* Pipes that are not made. */
#define ST_IO_NONE \
	{ \
		.out = ST_STREAM_NONE, .err = ST_STREAM_NONE, .in = -1, \
		.poller = NULL, \
	}

/* The child's ends of the pipes. */
struct st_io_ends {
	int in, out, err;
};

int st_io_raise_fd(int *fd);
int st_io_devnull(int *fd);
int st_io_open(struct st_io *io, const struct spawn_template_run_args *args,
	       int devnull, struct st_feed *feed, struct st_io_ends *ends);
void st_io_close_ends(struct st_io_ends *ends, int devnull);

void st_io_drain(struct st_stream *stream, bool to_the_end);
void st_io_feed(struct st_io *io, bool nobody_reads);

void st_io_give_output(struct st_io *io, struct spawn_template_result *result);
void st_io_copy_output(const struct st_io *io,
		       struct spawn_template_result *result);
bool st_io_spilled(const struct st_io *io);
void st_io_close_fd(const struct st_io *io, int *fd);
void st_io_close(struct st_io *io);

#endif
