/* SPDX-License-Identifier: BSD-2-Clause */
/* Patterns of policies: "*" is any text, "?" one byte, and "\" takes the next as it is. */
#ifndef CLI_POLICY_PATTERN_H
#define CLI_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_MOST 1024 /* bytes */

/*
 * Compare a text with a pattern of at most PATTERN_MOST bytes. "*" and "?" match no byte of
 * limits; "**" matches all.
 */
bool pattern_matches(const char *pattern, const char *text, const char *limits);

/* Tell whether a pattern can match more than one text. */
bool pattern_is_open(const char *pattern);

/* Compare words, up to NULL, with n patterns; the pattern "**" is for any number of words. */
bool pattern_matches_words(const char *const *patterns, size_t n,
			   const char *const *words);

#endif
