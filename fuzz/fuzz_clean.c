/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the cleaning of output: the first bytes of the input are the bounds and the length
 * of the parts, the rest is the output. Parts must make no difference, and the text has no
 * control character but newlines and tabs, is UTF-8, and is within the bounds.
 */
#include <string.h>

#include "cli/mcp/clean.h"
#include "fuzz.h"

#define MARKER 96

/* Return the bytes of the character at a text, which has n bytes more; 0: it is none. */
static size_t character(const unsigned char *text, size_t n)
{
	size_t length = *text < 0x80   ? 1
			: *text < 0xc2 ? 0
			: *text < 0xe0 ? 2
			: *text < 0xf0 ? 3
			: *text < 0xf5 ? 4
				       : 0;

	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void check(const struct clean_result *r, size_t head, size_t tail)
{
	const unsigned char *text = (const unsigned char *)r->text;

	MUST(r->n <= head + tail + MARKER && !r->text[r->n]);
	for (size_t i = 0; i < r->n;) {
		size_t length = character(text + i, r->n - i);

		MUST(length);
		MUST(text[i] >= ' ' || text[i] == '\n' || text[i] == '\t');
		MUST(text[i] != 0x7f);
		i += length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head, tail, part;
	struct clean *whole, *parts;
	struct clean_result a, b;

	input = data;
	left = size;
	head = byte();
	tail = byte();
	part = (size_t)byte() + 1;
	whole = clean_new(head, tail);
	parts = clean_new(head, tail);
	MUST(whole && parts);
	clean_add(whole, input, left);
	for (size_t i = 0; i < left; i += part)
		clean_add(parts, input + i, left - i < part ? left - i : part);
	MUST(clean_end(whole, &a) == 0 && clean_end(parts, &b) == 0);
	check(&a, head, tail);
	MUST(a.n == b.n && memcmp(a.text, b.text, a.n) == 0);
	MUST(a.raw == left && a.bytes_omitted == b.bytes_omitted);
	clean_free(whole);
	clean_free(parts);
	return 0;
}
