/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64 as in RFC 4648, section 4, with padding: the form in which JSON
 * carries bytes that are not UTF-8.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t n, size_t *length)
{
	const unsigned char *from = bytes;
	char *text = malloc((n + 2) / 3 * 4 + 1), *to = text;

	if (!text)
		return NULL;
	for (; n > 0; from += 3) {
		unsigned int three = (unsigned int)from[0] << 16;
		size_t have = n < 3 ? n : 3;

		if (have > 1)
			three |= (unsigned int)from[1] << 8;
		if (have > 2)
			three |= from[2];
		*to++ = alphabet[three >> 18];
		*to++ = alphabet[three >> 12 & 63];
		*to++ = have > 1 ? alphabet[three >> 6 & 63] : '=';
		*to++ = have > 2 ? alphabet[three & 63] : '=';
		n -= have;
	}
	*to = '\0';
	*length = (size_t)(to - text);
	return text;
}

static int digit_value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/*
 * Return: the bytes, not NULL even if n is 0; or NULL: *invalid, or no memory.
 */
void *base64_decode(const char *text, size_t n, size_t *length, bool *invalid)
{
	unsigned char *bytes = malloc(n / 4 * 3 + 1), *to = bytes;
	size_t padding = 0;

	*invalid = false;
	if (!bytes)
		return NULL;
	while (padding < 2 && n > padding && text[n - padding - 1] == '=')
		padding++;
	*invalid = n % 4 != 0;
	for (size_t i = 0; i < n && !*invalid; i += 4) {
		size_t skip = i + 4 == n ? padding : 0;
		unsigned int four = 0;

		for (size_t j = 0; j < 4; j++) {
			int v = j < 4 - skip ? digit_value(text[i + j]) : 0;

			*invalid |= v < 0;
			four = four << 6 | (unsigned int)(v & 63);
		}
		*to++ = (unsigned char)(four >> 16);
		if (skip < 2)
			*to++ = (unsigned char)(four >> 8);
		if (skip < 1)
			*to++ = (unsigned char)four;
	}
	if (*invalid) {
		free(bytes);
		return NULL;
	}
	*length = (size_t)(to - bytes);
	return bytes;
}
