/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small files of text in /proc and /sys, and words in them.
 */
#ifndef ST_TEXT_H
#define ST_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "sys.h"

/*
 * Reads the start of a file, without the newline at its end.
 * Return: the bytes in text, which ends with NUL; or -errno.
 */
static inline int st_read_text(const char *path, char *text, size_t size)
{
	int n = sys_read_file(AT_FDCWD, path, text, (int)size);

	if (n > 0 && text[n - 1] == '\n')
		text[--n] = 0;
	return n;
}

#define ST_WORD_SEPARATORS ", \t\n"

/* Tells whether a word is in a list of them. */
static inline bool st_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t n = strcspn(list, ST_WORD_SEPARATORS);

		if (n == length && strncmp(list, word, n) == 0)
			return true;
		list += n + strspn(list + n, ST_WORD_SEPARATORS);
	}
	return false;
}

#endif
