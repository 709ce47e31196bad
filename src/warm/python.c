/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Pythons: the options and the environment for which one is parked.
 *
 * Both are parts of the key, since the interpreter has read them, and files that
 * it runs at its start may have. A launch with others is cold; the second such
 * launch in a row has a Python parked anew.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"
#include "warm/environment.h"
#include "warm/node.h"
#include "warm/python.h"
#include "warm/shell.h"
#include "warm/warm.h"

/* Behind the source, in the text of a Python to park: room for a launch. */
#define ROOM (96 * 1024)

static char **argv_of(const struct st_launch *l)
{
	return (char **)(uintptr_t)l->args->argv;
}

bool st_python_is_list(const char *modules)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.,";

	return strlen(modules) < SPAWN_TEMPLATE_PATH_MAX &&
	       strspn(modules, allowed) == strlen(modules);
}

struct st_python *st_python_new(const char *modules)
{
	struct st_python *python = calloc(1, sizeof(*python));

	if (!python)
		return NULL;
	python->modules = strdup(modules);
	if (python->modules)
		return python;
	free(python);
	return NULL;
}

void st_python_start_free(struct st_python_start *start)
{
	free(start->envp);
	free(start->options);
	start->envp = start->options = NULL;
}

void st_python_free(struct st_python *python)
{
	if (!python)
		return;
	st_python_start_free(&python->start);
	free(python->modules);
	free(python);
}

/* ---- the start to park for */

static int options_of(const struct st_python *python, const struct st_launch *l)
{
	return python->node ? st_node_options(argv_of(l))
			    : st_python_options(argv_of(l));
}

static bool refuses(const struct st_python *python, const struct st_launch *l)
{
	char *const *envp = st_environment_of(l);

	return python->node ? st_node_refuses(envp)
			    : st_python_refuses(envp, argv_of(l)[0]);
}

bool st_python_copy(const struct st_python *python, struct st_python_start *to)
{
	if (!python->start.envp)
		return false;
	to->envp = st_environment_copy(python->start.envp);
	to->options = st_environment_copy(python->start.options);
	if (to->envp && to->options)
		return true;
	st_python_start_free(to);
	return false;
}

/* Copies the options in front of the rest. */
static char **copy_options(char *const *argv, int n)
{
	char **options = calloc((size_t)n + 1, sizeof(*options)), **copy;

	if (!options)
		return NULL;
	memcpy(options, argv + 1, (size_t)n * sizeof(*options));
	copy = st_environment_copy(options);
	free(options);
	return copy;
}

bool st_python_learn(struct st_python *python, const struct st_launch *l)
{
	int n = options_of(python, l);

	if (python->start.envp)
		return true;
	if (n < 0)
		return false;
	python->start.envp = st_environment_copy(st_environment_of(l));
	python->start.options = copy_options(argv_of(l), n);
	python->generation++;
	if (python->start.envp && python->start.options)
		return true;
	st_python_start_free(&python->start);
	return false;
}

static bool same_options(char *const *options, char *const *argv, int n)
{
	for (int i = 0; i < n; i++)
		if (!options[i] || strcmp(options[i], argv[i + 1]) != 0)
			return false;
	return !options[n];
}

static bool same_start(const struct st_python *python,
		       const struct st_launch *l, int n)
{
	return same_options(python->start.options, argv_of(l), n) &&
	       st_environment_same(python->start.envp, st_environment_of(l));
}

static uint64_t digest(const struct st_launch *l, int n)
{
	uint64_t hash = st_environment_digest(st_environment_of(l));

	for (int i = 1; i <= n; i++)
		for (const char *at = argv_of(l)[i]; *at; at++)
			hash = hash * 31 + (unsigned char)*at;
	return hash;
}

/*
 * Return: true if the launch's start is the one to park for from now on, and
 * another than before. No Python is parked for one that none may have.
 */
bool st_python_moves(struct st_python *python, const struct st_launch *l)
{
	int n = options_of(python, l);
	uint64_t other;

	if (refuses(python, l))
		return false;
	if (n < 0 || !python->start.envp || same_start(python, l, n)) {
		python->other = 0;
		return false;
	}
	other = digest(l, n);
	if (other != python->other) {
		python->other = other;
		return false;
	}
	python->other = 0;
	st_python_start_free(&python->start);
	python->generation++; /* also if no memory is left to learn the next */
	return true;
}

unsigned int st_python_judge(const struct st_python *python,
			     const struct st_launch *l)
{
	int n = options_of(python, l);
	unsigned int reason;

	if (n < 0)
		return SPAWN_TEMPLATE_COLD_COMMAND;
	/* python has set its own by then; node sets all */
	if (!python->node && (st_session_defaulted(l) & ~ST_PYTHON_IGNORES))
		return SPAWN_TEMPLATE_COLD_FLAGS;
	reason = python->node ? st_node_judge(l) : ST_COLD_NONE;
	if (reason != ST_COLD_NONE)
		return reason;
	if (refuses(python, l))
		return SPAWN_TEMPLATE_COLD_ENVIRONMENT;
	return !python->start.envp || same_start(python, l, n)
		       ? ST_COLD_NONE
		       : SPAWN_TEMPLATE_COLD_ENVIRONMENT;
}

/* ---- parking */

static char *make_text(const char *modules, unsigned int *rest)
{
	static const char begin[] = "MODULES = '", end[] = "'\n";
	size_t len = strlen(begin) + strlen(modules) + strlen(end) +
		     strlen(st_python_source);
	char *text = malloc(len + ROOM + 1), *at;

	if (!text)
		return NULL;
	at = stpcpy(stpcpy(stpcpy(text, begin), modules), end);
	at = stpcpy(at, st_python_source);
	memset(at, '#', ROOM);
	at[ROOM] = '\0';
	*rest = (unsigned int)len;
	return text;
}

static char **make_argv(const char *argv0, char *const *options, char *text)
{
	size_t n = 0;
	char **argv;

	while (options[n])
		n++;
	argv = calloc(n + 4, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = (char *)argv0;
	memcpy(argv + 1, options, n * sizeof(*argv));
	argv[n + 1] = (char *)"-c";
	argv[n + 2] = text;
	return argv;
}

int st_python_open(const struct st_python *python,
		   const struct st_python_start *from, struct warm_seat *seat,
		   struct st_park *park)
{
	struct st_shell_start start = { .in = -1, .out = -1, .python = true };
	char *text = NULL, **argv = NULL;
	int ret = from->envp ? 0 : -ENOMEM;

	if (python->node)
		return st_node_open(from->options, from->envp, seat, park);
	if (ret == 0)
		text = make_text(python->modules, &start.rest);
	if (text)
		argv = make_argv(park->argv0, from->options, text);
	start.argv = argv;
	start.envp = from->envp;
	if (ret == 0)
		ret = argv ? st_session_park(&start, seat, park) : -ENOMEM;
	free(argv);
	free(text);
	return ret;
}
