/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shell strings of words only, which run without a shell.
 */
#ifndef CLI_MCP_WORDS_H
#define CLI_MCP_WORDS_H

#include <stddef.h>

/*
 * Split a shell string whose words any shell would take as they stand, but for quotes.
 * Whatever else the string has, such as a pipe, a variable, a pattern, an assignment, a
 * word of the shell's language or a builtin, is for a shell.
 * Return: 0 and the words, which end with NULL, for the caller to free as one block;
 * -ENOEXEC: the string is for a shell; or -ENOMEM.
 */
int words_split(const char *text, size_t n, const char ***words);

#endif
