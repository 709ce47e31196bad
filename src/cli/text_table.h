/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of text that fit a terminal's width: columns become narrower, then the
 * least important are left out. Elsewhere nothing is cut off.
 */
#ifndef TEXT_TABLE_H
#define TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"

struct text_column {
	const char *title;
	bool right; /* aligned so */
	bool keep_end; /* when cut: the end is what tells more */
	unsigned char min; /* may be cut to so many columns; 0: never */
	unsigned char drop; /* left out in this order, 1 first; 0: never */
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

/* Print title and at most max_rows rows within width columns; 0: any. Return: 0,
 * or CLI_FAILED with the error told. */
int text_table_print(FILE *file, const struct text_table *table, size_t width,
		     size_t max_rows);
void text_table_free(struct text_table *table);

/* ---- text that others wrote */

/* A copy in which control characters, those that change the direction of text
 * and what is not UTF-8 are "?". Return: to free(), or NULL. */
char *text_safe(const char *text);

/* The columns that safe text takes. */
size_t text_width(const char *text);

/* Print safe text in exactly width columns, cut or filled up. */
void text_fit(FILE *file, const char *text, size_t width, bool right,
	      bool keep_end);

/* Columns of the terminal that stdout is; 0: it is none. */
size_t terminal_columns(void);

#endif
