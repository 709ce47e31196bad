/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the splitter of shell strings: the input is the string. Words that are quoted and
 * split again must be the same words.
 */
#include <errno.h>
#include <string.h>

#include "cli/mcp/words.h"
#include "fuzz.h"

/* Put a word in single quotes; each of its own is outside of them, in double quotes. */
static size_t quote(char *to, const char *word)
{
	size_t n = 0;

	to[n++] = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			n += (size_t)sprintf(to + n, "'\"'\"'");
		else
			to[n++] = *word;
	}
	to[n++] = '\'';
	to[n++] = ' ';
	return n;
}

static void split_again(const char *const *words, size_t size)
{
	char *text = malloc(9 * size + 16);
	const char **again;
	size_t n = 0;

	MUST(text);
	for (size_t i = 0; words[i]; i++)
		n += quote(text + n, words[i]);
	MUST(words_split(text, n, &again) == 0);
	for (size_t i = 0; words[i] || again[i]; i++)
		MUST(words[i] && again[i] && strcmp(words[i], again[i]) == 0);
	free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char **words;
	int ret = words_split((const char *)data, size, &words);

	MUST(ret == 0 || ret == -ENOEXEC);
	if (ret)
		return 0;
	MUST(!memchr(data, '\n', size) && !memchr(data, 0, size));
	MUST(words[0] && *words[0]);
	split_again(words, size);
	free(words);
	return 0;
}
