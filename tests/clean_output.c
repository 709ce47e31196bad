/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleans standard input as the command server cleans output for models:
 *
 *	clean_output [HEAD TAIL]
 *
 * Prints the text, and what was omitted on standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/mcp/clean.h"

int main(int argc, char **argv)
{
	size_t head = argc == 3 ? strtoul(argv[1], NULL, 10) : 1 << 20;
	size_t tail = argc == 3 ? strtoul(argv[2], NULL, 10) : 1 << 20;
	struct clean *clean = clean_new(head, tail);
	struct clean_result result;
	char bytes[4096];
	ssize_t n;

	if (!clean)
		return 1;
	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		clean_add(clean, bytes, (size_t)n);
	if (n < 0 || clean_end(clean, &result))
		return 1;
	fwrite(result.text, 1, result.n, stdout);
	fprintf(stderr, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", result.raw,
		result.bytes_omitted, result.lines_omitted);
	clean_free(clean);
	return 0;
}
