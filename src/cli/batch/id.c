/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the ids in a line, as they were written. A client knows its own bytes again: a
 * number with more digits than any type here can hold, too. And it can tell which line
 * was wrong if the id stands before the mistake.
 *
 * The scan follows the grammar of JSON. It only lets pass, in strings, bytes that are not
 * UTF-8: the id itself is checked for them.
 */
#include <string.h>

#include "cli/batch/batch.h"

#define DEPTH_MAX 2048 /* as the JSON library has it */

const char *const request_keys[REQUEST_VERBS] = {
	[REQUEST_RUN] = "id",	       [REQUEST_CANCEL] = "cancel",
	[REQUEST_WRITE] = "write",     [REQUEST_CLOSE] = "close_input",
	[REQUEST_WINSIZE] = "winsize",
};

struct scan {
	char *at, *end;
};

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end && memchr(" \t\r\n", *s->at, 4))
		s->at++;
}

/* Step over one character, behind blanks. Return: false if it is another one. */
static bool take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Step over at least one character out of a set. */
static bool skip_some(struct scan *s, const char *set)
{
	const char *from = s->at;

	while (s->at < s->end && memchr(set, *s->at, strlen(set)))
		s->at++;
	return s->at > from;
}

/* Step over the rest of an escape sequence, behind its backslash. */
static bool skip_escape(struct scan *s)
{
	if (s->at == s->end)
		return false;
	if (*s->at++ != 'u')
		return memchr("\"\\/bfnrt", s->at[-1], 8);
	for (int i = 0; i < 4; i++, s->at++)
		if (s->at == s->end ||
		    !memchr("0123456789abcdefABCDEF", *s->at, 22))
			return false;
	return true;
}

static bool skip_string(struct scan *s)
{
	if (!take(s, '"'))
		return false;
	while (s->at < s->end && (unsigned char)*s->at >= ' ') {
		char c = *s->at++;

		if (c == '"')
			return true;
		if (c == '\\' && !skip_escape(s))
			return false;
	}
	return false;
}

static bool skip_number(struct scan *s)
{
	static const char digits[] = "0123456789";

	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!skip_some(s, digits))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!skip_some(s, digits))
			return false;
	}
	if (s->at == s->end || (*s->at != 'e' && *s->at != 'E'))
		return true;
	s->at++;
	if (s->at < s->end && (*s->at == '-' || *s->at == '+'))
		s->at++;
	return skip_some(s, digits);
}

static bool skip_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return false;
	s->at += n;
	return true;
}

static bool skip_value(struct scan *s, int depth);

/* Step over the members of an array or object, and what closes it. */
static bool skip_members(struct scan *s, char close, int depth)
{
	s->at++;
	if (take(s, close))
		return true;
	do {
		if (close == '}' && !(skip_string(s) && take(s, ':')))
			return false;
		if (!depth || !skip_value(s, depth - 1))
			return false;
	} while (take(s, ','));
	return take(s, close);
}

static bool skip_value(struct scan *s, int depth)
{
	skip_blanks(s);
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '{':
		return skip_members(s, '}', depth);
	case '[':
		return skip_members(s, ']', depth);
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return skip_number(s);
	}
}

/* Tell whether a value is whole: a number that was cut off is another number. */
static bool is_followed(struct scan s)
{
	skip_blanks(&s);
	return s.at < s.end && (*s.at == ',' || *s.at == '}');
}

static bool is_utf8(const char *text, size_t n)
{
	json_t *string = n ? json_stringn(text, n) : json_null();

	json_decref(string);
	return string != NULL;
}

/* Return the verb whose key stands at a place, in quotes; -1: none. */
static int verb_of(const char *key, size_t n)
{
	for (int verb = 0; verb < REQUEST_VERBS; verb++)
		if (n == strlen(request_keys[verb]) + 2 &&
		    memcmp(key + 1, request_keys[verb], n - 2) == 0)
			return verb;
	return -1;
}

void id_find(char *line, size_t n, struct id_found found[REQUEST_VERBS])
{
	struct scan s = { line, line + n };
	unsigned int times[REQUEST_VERBS] = { 0 };

	memset(found, 0, REQUEST_VERBS * sizeof(*found));
	if (!take(&s, '{'))
		return;
	do {
		char *key, *value;
		int verb;

		skip_blanks(&s);
		key = s.at;
		if (!skip_string(&s))
			break;
		verb = verb_of(key, (size_t)(s.at - key));
		if (!take(&s, ':'))
			break;
		skip_blanks(&s);
		value = s.at;
		if (!skip_value(&s, DEPTH_MAX) || !is_followed(s))
			break;
		if (verb < 0)
			continue;
		found[verb].at = value;
		found[verb].n = (size_t)(s.at - value);
		times[verb]++;
	} while (take(&s, ','));
	for (int verb = 0; verb < REQUEST_VERBS; verb++)
		if (times[verb] > 1 || !is_utf8(found[verb].at, found[verb].n))
			found[verb].n = 0;
}

bool id_is_same(const char *a, const char *b)
{
	json_t *left, *right;
	bool same;

	if (strcmp(a, b) == 0)
		return true;
	left = json_loads(a, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	right = json_loads(b, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	same = left && right && json_equal(left, right);
	json_decref(left);
	json_decref(right);
	return same;
}
