/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a JSON string. */
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/mcp.h"

/* Return the length of the character at s, or 0: it is none. */
static size_t character(const unsigned char *s, size_t n)
{
	size_t length = *s < 0x80   ? 1
			: *s < 0xc2 ? 0
			: *s < 0xe0 ? 2
			: *s < 0xf0 ? 3
			: *s < 0xf5 ? 4
				    : 0;

	if (!length || length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

json_t *text_of_bytes(const char *bytes, size_t n, bool *replaced)
{
	json_t *text = json_stringn(n ? bytes : "", n);
	size_t to = 0, length;
	char *copy;

	if (replaced)
		*replaced = !text;
	if (text)
		return text;
	copy = malloc(3 * n);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < n; i += length ? length : 1) {
		length = character((const unsigned char *)bytes + i, n - i);
		memcpy(copy + to, length ? bytes + i : "\xef\xbf\xbd",
		       length ? length : 3);
		to += length ? length : 3;
	}
	text = json_stringn(copy, to);
	free(copy);
	return text;
}
