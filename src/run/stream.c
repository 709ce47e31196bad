/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "run/stream.h"
#include "sys.h"

#define SCRATCH 4096 /* on the stack, which may be a small one */

/* ---- the buffer */

/* Makes room for n more bytes and a NUL. */
static bool make_room(struct st_stream *s, size_t n)
{
	size_t size = s->size ? s->size : 256;
	char *data;

	if (s->len + n + 1 <= s->size)
		return true;
	while (size < s->len + n + 1)
		size += size / 2;
	if (size > s->max + 1 && s->len + n <= s->max)
		size = s->max + 1;
	data = realloc(s->data, size);
	if (!data)
		return false;
	s->data = data;
	s->size = size;
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Keeps the last bytes, of a stream that is full, in the place of earlier ones. */
static void keep_last(struct st_stream *s, const char *bytes, size_t n)
{
	size_t size = s->len - smaller(s->first, s->len);

	if (!size)
		return;
	if (n >= size) {
		bytes += n - size;
		n = size;
		s->turn = 0;
	}
	while (n) {
		size_t part = smaller(n, size - s->turn);

		memcpy(s->data + s->first + s->turn, bytes, part);
		s->turn = (s->turn + part) % size;
		bytes += part;
		n -= part;
	}
}

/* Takes bytes that exceed the bound, which the stream notes. */
static void exceed(struct st_stream *s, const char *bytes, size_t n)
{
	/* the first time, the bytes before are still in order */
	st_spill_write(&s->spill, s->data, s->len, bytes, n);
	s->truncated = true;
	keep_last(s, bytes, n);
}

/* Appends bytes, as many as fit. */
static void append_output(struct st_stream *s, const char *bytes, size_t n)
{
	size_t take = smaller(n, s->max - s->len);

	if (take && !make_room(s, take)) {
		s->max = s->len; /* the kept output has no gap */
		take = 0;
	}
	if (take)
		memcpy(s->data + s->len, bytes, take);
	s->len += take;
	if (take < n)
		exceed(s, bytes + take, n - take);
}

/* ---- reading */

/* Reads bytes that are not kept. Return: as read(2), but -errno. */
ssize_t st_stream_drop(struct st_stream *s)
{
	char scratch[SCRATCH];
	ssize_t n = sys_call3(__NR_read, s->fd, scratch, sizeof(scratch));

	if (n > 0)
		s->truncated = true;
	return n;
}

/*
 * Reads into the free part of the buffer, then into scratch, so that the buffer
 * grows only if there is something to put into it.
 */
static ssize_t read_some(struct st_stream *s)
{
	char scratch[SCRATCH];
	size_t room = s->size > s->len + 1 ? s->size - s->len - 1 : 0;
	struct iovec iov[2];
	ssize_t n;

	if (room > s->max - s->len)
		room = s->max - s->len;
	iov[0] = (struct iovec){ s->data + s->len, room };
	iov[1] = (struct iovec){ scratch, sizeof(scratch) };
	if (room)
		n = sys_call3(__NR_readv, s->fd, iov, 2);
	else
		n = sys_call3(__NR_read, s->fd, scratch, sizeof(scratch));
	if (n <= 0)
		return n;
	if ((size_t)n <= room) {
		s->len += (size_t)n;
	} else {
		s->len += room;
		append_output(s, scratch, (size_t)n - room);
	}
	return n;
}

/* Reads some of the available bytes. Return: as st_sink.take(). */
ssize_t st_stream_read(struct st_stream *s)
{
	return s->sink ? s->sink->take(s->sink, s) : read_some(s);
}

/* ---- the end */

static void reverse(char *bytes, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		char byte = bytes[i];

		bytes[i] = bytes[n - 1 - i];
		bytes[n - 1 - i] = byte;
	}
}

/* Brings the last bytes of a buffer into their order. */
static void put_in_order(const struct st_stream *s, char *data)
{
	size_t size;

	if (!s->turn)
		return;
	data += s->first;
	size = s->len - s->first;
	reverse(data, s->turn);
	reverse(data + s->turn, size - s->turn);
	reverse(data, size);
}

/* Returns the buffer, with a NUL behind it; NULL: memory is short. */
char *st_stream_give(struct st_stream *s, size_t *len)
{
	char *data = s->data;

	*len = 0;
	if (data)
		put_in_order(s, data);
	if (s->size - s->len > 4096 || !data)
		data = realloc(s->data, s->len + 1);
	if (!data)
		data = s->data; /* shrinking failed, or memory is short */
	s->data = NULL;
	if (!data)
		return NULL;
	data[s->len] = '\0';
	*len = s->len;
	return data;
}

/* Returns a copy of the bytes so far; NULL: memory is short. */
char *st_stream_copy(const struct st_stream *s, size_t *len)
{
	char *data = malloc(s->len + 1);

	*len = data ? s->len : 0;
	if (!data)
		return NULL;
	if (s->len)
		memcpy(data, s->data, s->len);
	put_in_order(s, data);
	data[s->len] = '\0';
	return data;
}

/* Frees all but the fd. */
void st_stream_free(struct st_stream *s)
{
	free(s->data);
	s->data = NULL;
	st_spill_close(&s->spill);
}
