/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of text that fit a terminal's width: columns become narrower, then the
 * least important are left out. For other outputs nothing is cut off.
 */
#ifndef TEXT_TABLE_H
#define TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"

struct text_column {
	const char *title;
	bool right; /* aligned to the right */
	bool keep_end; /* cut the start: the end tells more */
	unsigned char min; /* cut to this width at most; 0: not cut */
	unsigned char drop; /* order of leaving out, 1 first; 0: never */
};

#define TEXT_COLUMNS 16

struct text_row {
	enum out_style style;
	char *cells[TEXT_COLUMNS]; /* NULL: empty */
};

struct text_table {
	const struct text_column *columns;
	size_t n_columns;
	unsigned int hidden; /* a bit for each column */
	struct text_row *rows;
	size_t n_rows;
	size_t used; /* cells of the last row */
	bool failed; /* no memory */
};

void text_row(struct text_table *table, enum out_style style);
void text_cell(struct text_table *table, const char *fmt, ...) CLI_PRINTF(2, 3);

/*
 * Print the title and at most max_rows rows within width columns; 0: any.
 * Return: 0, or CLI_FAILED after a message.
 */
int text_table_print(FILE *file, const struct text_table *table, size_t width,
		     size_t max_rows);
void text_table_free(struct text_table *table);

#endif
