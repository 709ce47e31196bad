/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command lines and the environments that a prepared Python may have. All
 * else is left to a cold launch: options and variables that show how Python starts,
 * and paths that depend on the working directory.
 */
#include <string.h>

#include "warm/python.h"

#define FLAGS "bBEIOPqRsSu"

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_plain_x(const char *value)
{
	static const char *const names[] = {
		"utf8",
		"faulthandler",
		"frozen_modules",
		"no_debug_ranges",
		"int_max_str_digits=",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (has_prefix(value, names[i]))
			return true;
	return false;
}

/* Return: how many arguments the option takes; 0: only a cold launch knows it. */
static int option_size(char *const *argv)
{
	const char *o = argv[0] + 1, *value;
	int size = 1;

	if (*o != 'W' && *o != 'X')
		return strspn(o, FLAGS) == strlen(o);
	value = o + 1;
	if (!*value) {
		value = argv[1];
		size = 2;
	}
	return value && (*o == 'W' || is_plain_x(value)) ? size : 0;
}

int st_python_options(char *const *argv)
{
	int i = 1, size;

	while (argv[i] && argv[i][0] == '-' && argv[i][1]) {
		if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-m") == 0)
			return argv[i + 1] ? i - 1 : -1;
		size = option_size(argv + i);
		if (!size)
			return -1;
		i += size;
	}
	return i - 1;
}

/* Tells whether all parts of a list such as PATH are absolute. */
static bool is_absolute(const char *list)
{
	for (;;) {
		if (*list != '/')
			return false;
		list = strchr(list, ':');
		if (!list)
			return true;
		list++;
	}
}

/* Variables that a prepared Python may have; a value with 1 is of paths. */
static const struct {
	const char *name;
	bool paths;
} known[] = {
	{ "PYTHONPATH=", true },
	{ "PYTHONHOME=", true },
	{ "PYTHONUSERBASE=", true },
	{ "PYTHONPYCACHEPREFIX=", true },
	{ "PYTHONHASHSEED=", false },
	{ "PYTHONUNBUFFERED=", false },
	{ "PYTHONDONTWRITEBYTECODE=", false },
	{ "PYTHONIOENCODING=", false },
	{ "PYTHONUTF8=", false },
	{ "PYTHONNOUSERSITE=", false },
	{ "PYTHONOPTIMIZE=", false },
	{ "PYTHONWARNINGS=", false },
	{ "PYTHONCOERCECLOCALE=", false },
	{ "PYTHONSAFEPATH=", false },
	{ "PYTHONFAULTHANDLER=", false },
	{ "PYTHONBREAKPOINT=", false },
	{ "PYTHONINTMAXSTRDIGITS=", false },
	/* not for Python: a name in makefiles, and what images of containers tell */
	{ "PYTHON=", false },
	{ "PYTHON_VERSION=", false },
	{ "PYTHON_SHA256=", false },
	{ "PYTHON_PIP_VERSION=", false },
	{ "PYTHON_SETUPTOOLS_VERSION=", false },
	{ "PYTHON_GET_PIP_URL=", false },
	{ "PYTHON_GET_PIP_SHA256=", false },
};

static bool refuses(const char *variable)
{
	if (!has_prefix(variable, "PYTHON"))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *value = variable + strlen(known[i].name);

		if (has_prefix(variable, known[i].name))
			return known[i].paths && *value && !is_absolute(value);
	}
	return true;
}

bool st_python_refuses(char *const *envp, const char *argv0)
{
	bool named = !strchr(argv0, '/');

	/* python finds itself by this name */
	if (!*argv0 || (!named && *argv0 != '/'))
		return true;
	for (; *envp; envp++)
		if (refuses(*envp) || (named && has_prefix(*envp, "PATH=") &&
				       !is_absolute(*envp + 5)))
			return true;
	return false;
}
