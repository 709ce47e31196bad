/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes text of other users safe to print on a terminal. A process or a file
 * may have a name with escape sequences, of several lines, or running
 * backwards. The locale is not asked: bytes that are not UTF-8 are not shown,
 * and the width of a character is close enough for columns.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text_safe.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct range {
	uint32_t first, last;
};

static bool within(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Decode one character. Return: its bytes, 0 if it is not UTF-8. */
static size_t decode(const char *text, uint32_t *ret_c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	size_t n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	uint32_t c = *s;

	if (n > 1) {
		if (*s < 0xc2 || *s > 0xf4)
			return 0;
		c = *s & (0x7fU >> n);
	}
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_c = c;
	return n;
}

static bool shown(uint32_t c)
{
	static const struct range hidden[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },
		{ 0x61c, 0x61c },   { 0x180e, 0x180e }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	return !within(hidden, COUNT(hidden), c);
}

static size_t columns(uint32_t c)
{
	static const struct range none[] = {
		{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },
		{ 0x64b, 0x65f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
		{ 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f },
	};
	static const struct range two[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0x303e },
		{ 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
		{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (c < 0x300)
		return 1;
	if (within(none, COUNT(none), c))
		return 0;
	return within(two, COUNT(two), c) ? 2 : 1;
}

char *text_safe(const char *text)
{
	char *safe = malloc(strlen(text) + 1);
	size_t n = 0;

	if (!safe)
		return NULL;
	while (*text) {
		uint32_t c = 0;
		size_t length = decode(text, &c);

		if (length && shown(c)) {
			memcpy(safe + n, text, length);
			n += length;
		} else {
			safe[n++] = '?';
		}
		text += length ? length : 1;
	}
	safe[n] = '\0';
	return safe;
}

/*
 * Decode the next character of safe text.
 * Return: its bytes, with the columns.
 */
static size_t next(const char *text, size_t *ret_columns)
{
	uint32_t c = 0;
	size_t length = decode(text, &c);

	*ret_columns = columns(c);
	return length ? length : 1;
}

size_t text_width(const char *text)
{
	size_t width = 0, n;

	for (; *text; text += next(text, &n)) {
		next(text, &n);
		width += n;
	}
	return width;
}

/* Return the bytes of the beginning that fits, and its columns. */
static size_t first_columns(const char *text, size_t width, size_t *used)
{
	size_t bytes = 0, n;

	*used = 0;
	while (text[bytes]) {
		size_t length = next(text + bytes, &n);

		if (*used + n > width)
			break;
		*used += n;
		bytes += length;
	}
	return bytes;
}

/* Return the end that fits, and its columns. */
static const char *last_columns(const char *text, size_t width, size_t *used)
{
	size_t n;

	for (*used = text_width(text); *used > width; *used -= n)
		text += next(text, &n);
	return text;
}

static void print_blanks(FILE *file, size_t n)
{
	fprintf(file, "%*s", (int)n, "");
}

void text_fit(FILE *file, const char *text, size_t width, bool right,
	      bool keep_end)
{
	size_t used = text_width(text), dots = width < 8 ? 0 : 3;

	if (used <= width) {
		print_blanks(file, right ? width - used : 0);
		fputs(text, file);
	} else if (keep_end) {
		text = last_columns(text, width - dots, &used);
		fprintf(file, "%.*s%s", (int)dots, "...", text);
		used += dots;
		right = false;
	} else {
		size_t bytes = first_columns(text, width - dots, &used);

		fprintf(file, "%.*s%.*s", (int)bytes, text, (int)dots, "...");
		used += dots;
		right = false;
	}
	print_blanks(file, right ? 0 : width - used);
}

size_t terminal_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 1)
		return 80;
	return size.ws_col;
}
