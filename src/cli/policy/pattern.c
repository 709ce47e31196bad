/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patterns of policies. The time is bounded by the product of both lengths. Where "*" has
 * limits, a text is read once, with the set of all places in the pattern that it may have come
 * to.
 */
#include <string.h>

#include "cli/policy/pattern.h"

/* Add a place, and those behind stars, which need no byte. */
static void add_place(bool *places, const char *pattern, size_t at)
{
	places[at] = true;
	while (pattern[at] == '*')
		places[++at] = true;
}

/* Note the places behind a byte. Return: false if there is none. */
static bool take_byte(bool *next, const bool *places, const char *pattern,
		      size_t n, char byte, bool is_limit)
{
	bool any = false;

	memset(next, 0, n + 1);
	for (size_t at = 0; at < n; at++) {
		const char *p = pattern + at;
		bool twice = *p == '*' &&
			     (p[1] == '*' || (at && p[-1] == '*' &&
					      !(at > 1 && p[-2] == '\\')));
		size_t to;

		/* a place within an escape is none */
		if (!places[at])
			continue;
		if (*p == '*' ? is_limit && !twice
			      : (*p == '?' ? is_limit : p[*p == '\\'] != byte))
			continue;
		to = *p == '*' ? at : at + 1 + (*p == '\\');
		if (to > n)
			continue;
		add_place(next, pattern, to);
		any = true;
	}
	return any;
}

/* Without limits, no other place need be tried for any star but the last one. */
static bool matches_plain(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			if (!*pattern)
				return true;
		} else if (*pattern && (*pattern == '?' ||
					pattern[*pattern == '\\'] == *text)) {
			pattern += 1 + (*pattern == '\\');
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool matches_within(const char *pattern, const char *text,
			   const char *limits)
{
	bool places[2][PATTERN_MOST + 2] = { { false } };
	size_t n = strlen(pattern);
	int now = 0;

	add_place(places[now], pattern, 0);
	for (; *text; text++, now = !now)
		if (!take_byte(places[!now], places[now], pattern, n, *text,
			       strchr(limits, *text) != NULL))
			return false;
	return places[now][n];
}

bool pattern_matches(const char *pattern, const char *text, const char *limits)
{
	if (strlen(pattern) > PATTERN_MOST)
		return false;
	return *limits ? matches_within(pattern, text, limits)
		       : matches_plain(pattern, text);
}

bool pattern_is_open(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '*' || *pattern == '?')
			return true;
		if (*pattern == '\\' && pattern[1])
			pattern++;
	}
	return false;
}

bool pattern_matches_words(const char *const *patterns, size_t n,
			   const char *const *words)
{
	size_t at = 0, star = n, word = 0, from = 0;

	while (words[word]) {
		if (at < n && strcmp(patterns[at], "**") == 0) {
			star = at++;
			from = word;
		} else if (at < n &&
			   pattern_matches(patterns[at], words[word], "")) {
			at++;
			word++;
		} else if (star < n) {
			at = star + 1;
			word = ++from;
		} else {
			return false;
		}
	}
	while (at < n && strcmp(patterns[at], "**") == 0)
		at++;
	return at == n;
}
