/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers go out. Another process may share the descriptor and have made it
 * non-blocking, so its flags are left alone.
 */
#include <errno.h>
#include <string.h>

#include "cli/batch/batch.h"

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
