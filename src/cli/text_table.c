/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of text: measured first, then printed. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text_safe.h"
#include "cli/text_table.h"

#define GAP 2

void text_row(struct text_table *table, enum out_style style)
{
	size_t n = table->n_rows;

	/* at a power of two the array is full */
	if ((n & (n - 1)) == 0) {
		struct text_row *rows =
			realloc(table->rows, (n ? 2 * n : 1) * sizeof(*rows));

		if (!rows) {
			table->failed = true;
			return;
		}
		table->rows = rows;
	}
	memset(&table->rows[n], 0, sizeof(table->rows[n]));
	table->rows[n].style = style;
	table->n_rows = n + 1;
	table->used = 0;
}

void text_cell(struct text_table *table, const char *fmt, ...)
{
	char *text = NULL, *safe = NULL;
	va_list ap;

	if (table->failed || table->used == table->n_columns)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		safe = text_safe(text);
		free(text);
	}
	va_end(ap);
	if (!safe)
		table->failed = true;
	table->rows[table->n_rows - 1].cells[table->used++] = safe;
}

static const char *cell_text(const struct text_row *row, size_t column)
{
	return row->cells[column] ? row->cells[column] : "";
}

/* Add up the columns. A dropped one has width 0. */
static size_t total(const struct text_table *table, const size_t *width)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (width[i])
			sum += width[i] + (sum ? GAP : 0);
	return sum;
}

/*
 * Make the widest column that may be cut narrower.
 * Return: false if none may be.
 */
static bool shrink_column(const struct text_table *table, size_t *width)
{
	size_t at = table->n_columns;

	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].min && width[i] > table->columns[i].min &&
		    (at == table->n_columns || width[i] > width[at]))
			at = i;
	if (at == table->n_columns)
		return false;
	width[at]--;
	return true;
}

static bool drop_column(const struct text_table *table, size_t *width)
{
	size_t at = table->n_columns;

	for (size_t i = 0; i < table->n_columns; i++)
		if (width[i] && table->columns[i].drop &&
		    (at == table->n_columns ||
		     table->columns[i].drop < table->columns[at].drop))
			at = i;
	if (at == table->n_columns)
		return false;
	width[at] = 0;
	return true;
}

static void choose_widths(const struct text_table *table, size_t limit,
			  size_t *width)
{
	size_t natural[TEXT_COLUMNS];

	for (size_t i = 0; i < table->n_columns; i++) {
		width[i] = strlen(table->columns[i].title);
		for (size_t j = 0; j < table->n_rows; j++) {
			size_t n = text_width(cell_text(&table->rows[j], i));

			if (n > width[i])
				width[i] = n;
		}
		if (table->hidden >> i & 1)
			width[i] = 0;
		natural[i] = width[i];
	}
	while (limit && total(table, width) > limit) {
		if (shrink_column(table, width))
			continue;
		if (!drop_column(table, width))
			return;
		/* the other columns may have room now */
		for (size_t i = 0; i < table->n_columns; i++)
			if (width[i])
				width[i] = natural[i];
	}
}

/* Print a line. The last column is not padded. */
static void print_row(FILE *file, const struct text_table *table,
		      const struct text_row *row, const size_t *width)
{
	size_t last = 0, pad = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (width[i])
			last = i;
	if (row->style != OUT_PLAIN)
		fputs(out_style(row->style), file);
	for (size_t i = 0; i <= last; i++) {
		const struct text_column *column = &table->columns[i];
		const char *text = cell_text(row, i);
		size_t n = width[i];

		if (!n)
			continue;
		if (i == last && !column->right && text_width(text) < n)
			n = text_width(text);
		fprintf(file, "%*s", (int)(n ? pad : 0), "");
		text_fit(file, text, n, column->right, column->keep_end);
		pad = GAP;
	}
	if (row->style != OUT_PLAIN)
		fputs(out_style(OUT_PLAIN), file);
	fputc('\n', file);
}

int text_table_print(FILE *file, const struct text_table *table, size_t width,
		     size_t max_rows)
{
	struct text_row titles = { .style = OUT_BOLD };
	size_t widths[TEXT_COLUMNS];
	size_t rows = table->n_rows < max_rows ? table->n_rows : max_rows;

	if (table->failed) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	choose_widths(table, width, widths);
	for (size_t i = 0; i < table->n_columns; i++)
		titles.cells[i] = (char *)table->columns[i].title;
	print_row(file, table, &titles, widths);
	for (size_t i = 0; i < rows; i++)
		print_row(file, table, &table->rows[i], widths);
	return 0;
}

void text_table_free(struct text_table *table)
{
	for (size_t i = 0; i < table->n_rows; i++)
		for (size_t j = 0; j < table->n_columns; j++)
			free(table->rows[i].cells[j]);
	free(table->rows);
	table->rows = NULL;
	table->n_rows = 0;
}
