/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shell strings of words only, which run without a shell.
 *
 * The grammar is what the POSIX shell's language, dash and bash agree on for words and
 * quotes. A byte that is not in the tables below means something to some shell, or might:
 * then the string goes to the shell. The file decides nothing by the locale.
 *
 * A shell does more than to split: bash reads BASH_ENV and takes functions from variables
 * named BASH_FUNC_*, and shells set PWD. The caller keeps these variables right.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/words.h"

/* ---- the grammar */

enum byte {
	SHELL, /* for a shell; 0, so that all bytes are that are not listed */
	PLAIN, /* stands for itself */
	BLANK, /* ends a word */
	HASH, /* stands for itself within a word, and begins a comment elsewhere */
	EQUALS, /* stands for itself, but may assign in the first word */
	SINGLE, /* up to the next one, all bytes stand for themselves */
	DOUBLE, /* up to the next one, most bytes do */
	ESCAPE, /* the next byte stands for itself */
};

/* Characters that are special in quotes are not in this table; letters are PLAIN. */
static const unsigned char bytes[256] = {
	['a' ... 'z'] = PLAIN,	 ['A' ... 'Z'] = PLAIN, ['0' ... '9'] = PLAIN,
	[0x80 ... 0xff] = PLAIN, ['_'] = PLAIN,		['-'] = PLAIN,
	['.'] = PLAIN,		 ['/'] = PLAIN,		[','] = PLAIN,
	[':'] = PLAIN,		 ['+'] = PLAIN,		['@'] = PLAIN,
	['%'] = PLAIN,		 ['^'] = PLAIN,		[' '] = BLANK,
	['\t'] = BLANK,		 ['#'] = HASH,		['='] = EQUALS,
	['\''] = SINGLE,	 ['"'] = DOUBLE,	['\\'] = ESCAPE,
};

/*
 * Words that a shell takes for its own in the place of a program. "true" and "false" are
 * builtins, too, but do what the programs do.
 */
static const char *const own_words[] = {
	/* the language: of POSIX, of bash */
	"if", "then", "else", "elif", "fi", "do", "done", "case", "esac",
	"while", "until", "for", "in", "function", "select", "time", "coproc",
	"namespace",
	/* builtins that POSIX calls special */
	"break", "continue", "eval", "exec", "exit", "export", "readonly",
	"return", "set", "shift", "times", "trap", "unset",
	/* other builtins of POSIX */
	"alias", "bg", "cd", "command", "echo", "fc", "fg", "getopts", "hash",
	"jobs", "kill", "newgrp", "printf", "pwd", "read", "test", "type",
	"ulimit", "umask", "unalias", "wait",
	/* builtins of dash, of bash */
	"chdir", "local", "bind", "builtin", "caller", "compgen", "complete",
	"compopt", "declare", "dirs", "disown", "enable", "help", "history",
	"let", "logout", "mapfile", "popd", "pushd", "readarray", "shopt",
	"source", "suspend", "typeset"
};

static bool is_own_word(const char *word)
{
	for (size_t i = 0; i < sizeof(own_words) / sizeof(*own_words); i++)
		if (strcmp(word, own_words[i]) == 0)
			return true;
	/* ":" and ".", and names that some shell may have for itself */
	return strcmp(word, ":") == 0 || strcmp(word, ".") == 0;
}

/* Tell whether a byte may be in quotes, or behind a backslash. */
static bool is_text(unsigned char c)
{
	return (c >= ' ' || c == '\t') && c != 0x7f;
}

/* ---- splitting */

struct split {
	const unsigned char *at, *end;
	char *to; /* the next byte of the word */
	bool in_word;
};

/* Take what a single quote has begun. Return: 0 or -ENOEXEC. */
static int take_single(struct split *s)
{
	for (; s->at < s->end; s->at++) {
		if (*s->at == '\'') {
			s->at++;
			return 0;
		}
		if (!is_text(*s->at))
			break;
		*s->to++ = (char)*s->at;
	}
	return -ENOEXEC;
}

/* Take what a double quote has begun. Return: 0 or -ENOEXEC. */
static int take_double(struct split *s)
{
	while (s->at < s->end) {
		unsigned char c = *s->at++;

		if (c == '"')
			return 0;
		if (!is_text(c) || c == '$' || c == '`' || c == '!')
			break;
		if (c == '\\') {
			if (s->at == s->end || !is_text(*s->at) ||
			    *s->at == '!')
				break;
			if (strchr("$`\"\\", *s->at))
				c = *s->at++;
		}
		*s->to++ = (char)c;
	}
	return -ENOEXEC;
}

/* Take the next byte and what belongs to it. Return: 0 or -ENOEXEC. */
static int take(struct split *s, bool is_first)
{
	unsigned char c = *s->at++;

	switch ((enum byte)bytes[c]) {
	case BLANK:
		if (s->in_word)
			*s->to++ = 0;
		s->in_word = false;
		return 0;
	case HASH:
		if (!s->in_word)
			return -ENOEXEC;
		break;
	case EQUALS:
		if (is_first)
			return -ENOEXEC;
		break;
	case SINGLE:
		s->in_word = true;
		return take_single(s);
	case DOUBLE:
		s->in_word = true;
		return take_double(s);
	case ESCAPE:
		if (s->at == s->end || !is_text(*s->at))
			return -ENOEXEC;
		c = *s->at++;
		break;
	case PLAIN:
		break;
	case SHELL:
		return -ENOEXEC;
	}
	s->in_word = true;
	*s->to++ = (char)c;
	return 0;
}

/* Split the text into words, one behind the other in to. Return: how many, or -ENOEXEC. */
static ptrdiff_t split(const char *text, size_t n, char *to, const char **words)
{
	struct split s = {
		.at = (const unsigned char *)text,
		.end = (const unsigned char *)text + n,
		.to = to,
	};
	ptrdiff_t count = 0;

	while (s.at < s.end) {
		bool was_in_word = s.in_word;
		char *word = s.to;
		int err = take(&s, count <= 1 && (was_in_word || !count));

		if (err)
			return err;
		if (s.in_word && !was_in_word)
			words[count++] = word;
	}
	*s.to = 0;
	words[count] = NULL;
	return count;
}

int words_split(const char *text, size_t n, const char ***words)
{
	/* Each word takes two bytes or more, but for the last. */
	size_t most = n / 2 + 2;
	const char **list = malloc(most * sizeof(*list) + n + 1);
	ptrdiff_t count;

	if (!list)
		return -ENOMEM;
	count = split(text, n, (char *)(list + most), list);
	if (count > 0 && **list && !is_own_word(*list) && !strchr(*list, '=')) {
		*words = list;
		return 0;
	}
	free(list);
	return -ENOEXEC;
}
