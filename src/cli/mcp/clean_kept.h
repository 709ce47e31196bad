/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of long text that are kept: its head, and its tail in a circle. */
#ifndef CLI_MCP_CLEAN_KEPT_H
#define CLI_MCP_CLEAN_KEPT_H

#include <stddef.h>
#include <stdint.h>

struct kept {
	char *head, *tail; /* owned */
	size_t head_size, tail_size;
	uint64_t bytes, lines; /* all that came */
	char *text; /* owned: the result */
};

/* Return: 0 or -ENOMEM. */
int kept_init(struct kept *kept, size_t head, size_t tail);
void kept_free(struct kept *kept);

/* Add a character, as UTF-8. */
void kept_add(struct kept *kept, uint32_t character);

struct kept_text {
	const char *text; /* the kept structure owns it */
	size_t n;
	uint64_t bytes_omitted, lines_omitted;
};

/* Join the parts. Return: 0 or -ENOMEM. */
int kept_end(struct kept *kept, struct kept_text *text);

#endif
