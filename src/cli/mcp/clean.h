/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of programs, cleaned for a model: what a terminal would show, as text.
 *
 * Escape sequences go, and so do other control characters. A carriage return starts the
 * line anew and a backspace takes a step back, so that of progress bars the last state
 * stays. Bytes that are not UTF-8 become U+FFFD. Of long output the head and the tail
 * stay, cut at lines where the lines are not too long, with a marker between them.
 *
 * Memory is bounded, however long the output is; parts may end anywhere.
 */
#ifndef CLI_MCP_CLEAN_H
#define CLI_MCP_CLEAN_H

#include <stddef.h>
#include <stdint.h>

struct clean;

/*
 * Begin. The result has at most head + tail bytes and a marker; tail 0: no more than the
 * head, and the marker.
 * Return: NULL: no memory.
 */
struct clean *clean_new(size_t head, size_t tail);

/* Take the next bytes. */
void clean_add(struct clean *clean, const void *bytes, size_t n);

struct clean_result {
	const char *text; /* UTF-8 with no NUL; valid until clean_free() */
	size_t n;
	uint64_t raw; /* bytes taken */
	uint64_t bytes_omitted, lines_omitted; /* of the cleaned text */
};

/*
 * End.
 * Return: 0 or -ENOMEM.
 */
int clean_end(struct clean *clean, struct clean_result *result);
void clean_free(struct clean *clean);

#endif
