/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines in and answers out. Another process may share the descriptors and have
 * made them non-blocking, so their flags are left alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch/batch.h"

#define CHUNK 65536

/* ---- lines */

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
	return n > BATCH_LINE_MAX ? LINE_TOO_LONG : LINE_READ;
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
	if (in->searched <= BATCH_LINE_MAX && !in->skipping)
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
		size = n < BATCH_LINE_MAX / 2 ? 2 * n + CHUNK
					      : BATCH_LINE_MAX + CHUNK;
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

/* ---- answers */

static void write_bytes(struct writer *out, const char *text, size_t n)
{
	if (!out->error)
		out->error = out_write(out->fd, text, n, 0);
}

void writer_flush(struct writer *out)
{
	size_t n = out->n;

	out->n = 0;
	write_bytes(out, out->buffer, n);
}

void writer_text(struct writer *out, const char *text, size_t n)
{
	if (n > sizeof(out->buffer) - out->n)
		writer_flush(out);
	if (n > sizeof(out->buffer)) {
		write_bytes(out, text, n);
		return;
	}
	memcpy(out->buffer + out->n, text, n);
	out->n += n;
}

/* Write a character beyond ASCII as JSON escapes it. Return: its bytes. */
static size_t write_escaped(struct writer *out, const char *utf8)
{
	const unsigned char *s = (const unsigned char *)utf8;
	size_t n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	unsigned int c = *s & (0x7fU >> n);
	char text[16];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	if (c < 0x10000)
		snprintf(text, sizeof(text), "\\u%04x", c);
	else
		snprintf(text, sizeof(text), "\\u%04x\\u%04x",
			 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	writer_text(out, text, strlen(text));
	return n;
}

void writer_raw(struct writer *out, const char *json)
{
	if (!(out_json_flags(out->fd) & JSON_ENSURE_ASCII)) {
		writer_text(out, json, strlen(json));
		return;
	}
	while (*json) {
		size_t n = 0;

		while (json[n] && !(json[n] & 0x80))
			n++;
		writer_text(out, json, n);
		json += n;
		if (*json)
			json += write_escaped(out, json);
	}
}

static int dump(const char *text, size_t n, void *data)
{
	writer_text(data, text, n);
	return 0;
}

void writer_json(struct writer *out, const json_t *value, size_t flags)
{
	flags |= out_json_flags(out->fd);
	if (json_dump_callback(value, dump, out, flags) && !out->error)
		out->error = ENOMEM;
}
