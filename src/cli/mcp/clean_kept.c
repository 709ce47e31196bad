/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of long text that are kept: its head, and its tail in a circle. Where the
 * text is longer than both, each part ends or begins at a line if one does in the half
 * that is next to the gap; else at a character.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/clean_kept.h"

#define MARKER_MOST 96

int kept_init(struct kept *k, size_t head, size_t tail)
{
	*k = (struct kept){ .head_size = head, .tail_size = tail };
	k->head = malloc(head ? head : 1);
	k->tail = malloc(tail ? tail : 1);
	if (k->head && k->tail)
		return 0;
	kept_free(k);
	return -ENOMEM;
}

void kept_free(struct kept *k)
{
	free(k->head);
	free(k->tail);
	free(k->text);
	*k = (struct kept){ 0 };
}

static void add_byte(struct kept *k, unsigned int byte)
{
	if (k->bytes < k->head_size)
		k->head[k->bytes] = (char)byte;
	else if (k->tail_size)
		k->tail[(k->bytes - k->head_size) % k->tail_size] = (char)byte;
	k->bytes++;
}

void kept_add(struct kept *k, uint32_t c)
{
	k->lines += c == '\n';
	if (c < 0x80) {
		add_byte(k, c);
		return;
	}
	if (c < 0x800) {
		add_byte(k, 0xc0 | c >> 6);
	} else if (c < 0x10000) {
		add_byte(k, 0xe0 | c >> 12);
		add_byte(k, 0x80 | (c >> 6 & 0x3f));
	} else {
		add_byte(k, 0xf0 | c >> 18);
		add_byte(k, 0x80 | (c >> 12 & 0x3f));
		add_byte(k, 0x80 | (c >> 6 & 0x3f));
	}
	add_byte(k, 0x80 | (c & 0x3f));
}

static int continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/*
 * Return how much of the head stays. It may end within a character, whose first byte
 * tells how long it is.
 */
static size_t cut_head(const char *head, size_t n)
{
	const char *line = n ? memrchr(head + n / 2, '\n', n - n / 2) : NULL;
	size_t start = n, length;

	if (line)
		return (size_t)(line - head) + 1;
	while (start && continues(head[start - 1]))
		start--;
	if (!start)
		return 0;
	start--;
	length = (unsigned char)head[start] >= 0xf0   ? 4
		 : (unsigned char)head[start] >= 0xe0 ? 3
		 : (unsigned char)head[start] >= 0xc0 ? 2
						      : 1;
	return start + length == n ? n : start;
}

/* Return how much of the tail's beginning goes. */
static size_t cut_tail(const char *tail, size_t n)
{
	const char *line = memchr(tail, '\n', n / 2);
	size_t start = 0;

	if (line)
		return (size_t)(line - tail) + 1;
	while (start < n && continues(tail[start]))
		start++;
	return start;
}

static uint64_t lines_in(const char *text, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Copy the bytes of the circle in their order. Return: how many. */
static size_t unroll(const struct kept *k, char *to)
{
	uint64_t came = k->bytes > k->head_size ? k->bytes - k->head_size : 0;
	size_t n = came < k->tail_size ? (size_t)came : k->tail_size;
	size_t start = n && came > n ? (size_t)(came % n) : 0;

	memcpy(to, k->tail + start, n - start);
	memcpy(to + n - start, k->tail, start);
	return n;
}

/* Put a marker between the parts, the second of which is at .text + .head_size. */
static void join(struct kept *k, size_t n_tail, struct kept_text *r)
{
	size_t n_head = cut_head(k->head, k->head_size);
	char *tail = k->text + k->head_size + MARKER_MOST;
	size_t gone = cut_tail(tail, n_tail);

	memcpy(k->text, k->head, n_head);
	tail += gone;
	n_tail -= gone;
	r->bytes_omitted = k->bytes - n_head - n_tail;
	r->lines_omitted =
		k->lines - lines_in(k->head, n_head) - lines_in(tail, n_tail);
	r->n = n_head;
	r->n += (size_t)snprintf(
		k->text + n_head, MARKER_MOST,
		"%s[... %" PRIu64 " bytes, %" PRIu64 " lines omitted ...]\n",
		n_head && k->head[n_head - 1] != '\n' ? "\n" : "",
		r->bytes_omitted, r->lines_omitted);
	memmove(k->text + r->n, tail, n_tail);
	r->n += n_tail;
}

int kept_end(struct kept *k, struct kept_text *r)
{
	size_t n_head =
		k->bytes < k->head_size ? (size_t)k->bytes : k->head_size;
	size_t n_tail;

	*r = (struct kept_text){ 0 };
	free(k->text);
	k->text = malloc(k->head_size + MARKER_MOST + k->tail_size + 1);
	if (!k->text)
		return -ENOMEM;
	if (k->bytes <= (uint64_t)k->head_size + k->tail_size) {
		memcpy(k->text, k->head, n_head);
		r->n = n_head + unroll(k, k->text + n_head);
	} else {
		n_tail = unroll(k, k->text + k->head_size + MARKER_MOST);
		join(k, n_tail, r);
	}
	k->text[r->n] = 0;
	r->text = k->text;
	return 0;
}
