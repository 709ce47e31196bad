/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads lines of a bounded length from a descriptor, as they come. */
#ifndef ENGINE_LINES_H
#define ENGINE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_reader {
	int fd;
	size_t most; /* bytes of a line */
	char *buffer;
	size_t start, end, size; /* the bytes held, and the size allocated */
	size_t searched; /* bytes from start on that have no newline */
	uint64_t number; /* number of the last line returned */
	bool skipping; /* the rest of a line that was too long */
	bool eof;
	int error; /* the error of read(2), a positive errno */
};

enum line { LINE_NONE, LINE_READ, LINE_TOO_LONG };

/*
 * Return the next line in the buffer, without its newline; the next line_fill()
 * overwrites it. The last line of the file may have no newline.
 */
enum line line_next(struct line_reader *in, char **text, size_t *n);

/* Read once. Call it only when line_next() found no line. */
void line_fill(struct line_reader *in);
void line_free(struct line_reader *in);

#endif
