/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command lines and the environments that a prepared Node may have. All else is
 * left to a cold launch: options and variables that act while node starts.
 */
#include <string.h>

#include "warm/node.h"

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, list) \
	is_one_of(text, list, sizeof(list) / sizeof((list)[0]))

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool st_node_evaluates(const char *option)
{
	static const char *const evaluate[] = { "-e", "--eval", "-p", "--print",
						"-pe" };

	return IS_ONE_OF(option, evaluate);
}

/* Options that node only reads once it runs the program. */
static bool is_plain(const char *option)
{
	static const char *const plain[] = {
		"--no-warnings",       "--no-deprecation",
		"--trace-warnings",    "--trace-deprecation",
		"--throw-deprecation", "--enable-source-maps",
	};

	return IS_ONE_OF(option, plain) ||
	       has_prefix(option, "--max-old-space-size=") ||
	       has_prefix(option, "--unhandled-rejections=");
}

/* Tells whether these fit into the strings of a prepared Node. */
static bool arguments_fit(char *const *argv)
{
	int n = 0;

	for (; argv[n]; n++)
		if (n == WARM_NODE_ARGUMENTS ||
		    strlen(argv[n]) > WARM_NODE_ARGUMENT_LEN)
			return false;
	return true;
}

/* Node takes what begins with a dash for an option still; a backslash hides it. */
static bool is_code(char *const *argv)
{
	return argv[0] && argv[0][0] && argv[0][0] != '-' &&
	       argv[0][0] != '\\' && strlen(argv[0]) <= WARM_NODE_CODE_LEN &&
	       (!argv[1] || argv[1][0] != '-') && arguments_fit(argv + 1);
}

int st_node_options(char *const *argv)
{
	int i = 1;

	for (; argv[i] && argv[i][0] == '-' && argv[i][1]; i++) {
		if (st_node_evaluates(argv[i]))
			return is_code(argv + i + 1) ? i : -1;
		if (i == WARM_NODE_OPTIONS || !is_plain(argv[i]))
			return -1;
	}
	/* a debugger, or no main module that could be looked for */
	if (argv[i] && (!*argv[i] || strcmp(argv[i], "inspect") == 0 ||
			strcmp(argv[i], "debug") == 0))
		return -1;
	return arguments_fit(argv + i) ? i - 1 : -1;
}

static bool refuses(const char *variable)
{
	/* for programs; node itself reads them late, or not at all */
	static const char *const known[] = {
		"NODE_ENV=",	     "NODE_PATH=",
		"NODE_NO_WARNINGS=", "NODE_DISABLE_COLORS=",
		"NODE_VERSION=",     "NODE_TLS_REJECT_UNAUTHORIZED=",
	};

	if (has_prefix(variable, "OPENSSL_"))
		return true;
	/* empty ones have no effect */
	if (!has_prefix(variable, "NODE_") ||
	    strcmp(variable, "NODE_OPTIONS=") == 0)
		return false;
	/* a file that is noted among those that the process depends on */
	if (has_prefix(variable, ST_NODE_CERTIFICATES))
		return variable[strlen(ST_NODE_CERTIFICATES)] != '/';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_prefix(variable, known[i]))
			return false;
	return true;
}

bool st_node_refuses(char *const *envp)
{
	for (; *envp; envp++)
		if (refuses(*envp))
			return true;
	return false;
}
