/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text written by others, made safe for a terminal.
 */
#ifndef TEXT_SAFE_H
#define TEXT_SAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Copy the text with "?" for control characters, for characters that change its
 * direction, and for bytes that are not UTF-8.
 * Return: memory for the caller to free, or NULL.
 */
char *text_safe(const char *text);

/* Return the columns that safe text takes. */
size_t text_width(const char *text);

/* Print safe text in exactly width columns, cut or padded. */
void text_fit(FILE *file, const char *text, size_t width, bool right,
	      bool keep_end);

/* Return the columns of the terminal at stdout; 0: no terminal. */
size_t terminal_columns(void);

#endif
