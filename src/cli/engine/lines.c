/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines in. Another process may share the descriptor and have made it non-blocking, so its
 * flags are left alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/engine/lines.h"

#define CHUNK 65536

/* Return n bytes from the start, and step over skip more: the newline. */
static enum line give_line(struct line_reader *in, size_t n, size_t skip,
			   char **text, size_t *length)
{
	bool rest = in->skipping;

	*text = in->buffer + in->start;
	*length = n;
	in->start += n + skip;
	in->searched = 0;
	in->skipping = false;
	if (rest)
		return LINE_NONE;
	in->number++;
	return n > in->most ? LINE_TOO_LONG : LINE_READ;
}

enum line line_next(struct line_reader *in, char **text, size_t *n)
{
	for (;;) {
		size_t length = in->end - in->start;
		char *from = in->buffer + in->start, *newline = NULL;
		enum line found;

		if (length > in->searched)
			newline = memchr(from + in->searched, '\n',
					 length - in->searched);
		if (!newline && !(in->eof && length))
			break;
		if (newline)
			found = give_line(in, (size_t)(newline - from), 1, text,
					  n);
		else
			found = give_line(in, length, 0, text, n);
		if (found != LINE_NONE)
			return found;
	}
	in->searched = in->end - in->start;
	if (in->searched <= in->most && !in->skipping)
		return LINE_NONE;
	in->start = in->end = in->searched = 0;
	if (in->skipping)
		return LINE_NONE;
	in->skipping = true;
	in->number++;
	return LINE_TOO_LONG;
}

/* Make room for a chunk, without keeping more memory than the bytes need. */
static int make_buffer_room(struct line_reader *in)
{
	size_t n = in->end - in->start, size = in->size;
	char *more;

	if (n && in->start)
		memmove(in->buffer, in->buffer + in->start, n);
	in->start = 0;
	in->end = n;
	if (n + CHUNK > size)
		size = n < in->most / 2 ? 2 * n + CHUNK : in->most + CHUNK;
	else if (n == 0 && size > 16 * CHUNK)
		size = CHUNK;
	if (size == in->size)
		return 0;
	more = realloc(in->buffer, size);
	if (!more)
		return -ENOMEM;
	in->buffer = more;
	in->size = size;
	return 0;
}

void line_fill(struct line_reader *in)
{
	ssize_t n;

	if (make_buffer_room(in)) {
		in->error = ENOMEM;
		in->eof = true;
		return;
	}
	n = read(in->fd, in->buffer + in->end, in->size - in->end);
	if (n > 0) {
		in->end += (size_t)n;
	} else if (n == 0) {
		in->eof = true;
	} else if (errno != EINTR && errno != EAGAIN) {
		in->error = errno;
		in->eof = true;
	}
}

void line_free(struct line_reader *in)
{
	free(in->buffer);
}
