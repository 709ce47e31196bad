/* SPDX-License-Identifier: BSD-2-Clause */
/* The program of a line: its environment, and the path to search for it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/engine/engine.h"

#define SEARCH_MAX (128U << 10) /* bytes, as of a string that exec takes */

extern char **environ;

/* ---- the environment */

static bool is_changed(const struct request *r, const char *name)
{
	return json_object_get(r->setenv, name) ||
	       json_object_get(r->setenv_decoded, name);
}

static bool is_replaced(const struct request *r, const char *variable)
{
	char *name = r->env || r->setenv || r->setenv_decoded
			     ? strndup(variable, strcspn(variable, "="))
			     : NULL;
	bool replaced =
		name && (is_changed(r, name) || json_object_get(r->env, name));

	free(name);
	return replaced;
}

static int add_variable(struct request *r, size_t *n, const char *name,
			const char *value)
{
	if (asprintf(&r->envp[*n], "%s=%s", name, value) < 0) {
		r->envp[*n] = NULL;
		return -ENOMEM;
	}
	(*n)++;
	return 0;
}

/*
 * Put "env" in place of this tool's own variables, but for those that are fixed, then
 * apply "setenv" and "setenv_base64".
 */
static int make_envp(struct request *r)
{
	size_t n = 0, max = json_object_size(r->env) +
			    json_object_size(r->setenv) +
			    json_object_size(r->setenv_decoded) + 1;
	char *const *all = r->own ? r->own : environ;
	char *const *kept = r->env ? r->fixed : all;
	const char *name;
	json_t *value;

	for (char *const *own = kept; own && *own; own++)
		max++;
	r->envp = calloc(max, sizeof(*r->envp));
	if (!r->envp)
		return -ENOMEM;
	for (char *const *own = kept; own && *own; own++)
		if (!is_replaced(r, *own))
			r->envp[n++] = *own;
	r->n_kept = n;
	json_object_foreach(
		r->env, name,
		value) if (!is_changed(r, name) &&
			   add_variable(
				   r, &n, name,
				   json_string_value(value))) return -ENOMEM;
	json_object_foreach(
		r->setenv, name,
		value) if (!json_is_null(value) &&
			   !json_object_get(r->setenv_decoded, name) &&
			   add_variable(
				   r, &n, name,
				   json_string_value(value))) return -ENOMEM;
	json_object_foreach(
		r->setenv_decoded, name,
		value) if (add_variable(r, &n, name,
					json_string_value(
						value))) return -ENOMEM;
	return 0;
}

/* ---- the program is searched as by execvp(3) in the new process */

const char *request_search_path(const struct request *r)
{
	static char by_default[256];

	for (char **variable = r->envp; *variable; variable++)
		if (strncmp(*variable, "PATH=", 5) == 0)
			return *variable + 5;
	if (!*by_default)
		confstr(_CS_PATH, by_default, sizeof(by_default));
	return by_default;
}

/* Return the memory that path_from() needs at most. */
static size_t path_size(const char *cwd, const char *path)
{
	size_t n = strlen(path) + 1, parts = 1;

	for (const char *c = path; *c; c++)
		parts += *c == ':';
	return cwd ? n + parts * (strlen(cwd) + 1) : n;
}

/* Make each relative or empty directory of the path start from cwd. */
static char *path_from(const char *cwd, const char *path)
{
	char *text = malloc(path_size(cwd, path));
	size_t to = 0;

	for (; text; path++) {
		int length = (int)strcspn(path, ":");

		to += (size_t)sprintf(
			text + to, "%s%s%.*s", *path == '/' ? "" : cwd,
			*path == '/' || !length ? "" : "/", length, path);
		path += length;
		if (!*path)
			break;
		text[to++] = ':';
	}
	return text;
}

/*
 * Name the program, and the path to search for it. A long cwd in the place of many empty
 * directories would make a path that has no bound.
 */
static int find_program(struct request *r, struct complaint *c)
{
	const char *name = r->argv[0];
	bool searched = !strchr(name, '/');
	bool relative = !searched && *name != '/';
	const char *path = searched ? request_search_path(r) : "";

	if (searched && path_size(r->cwd, path) > SEARCH_MAX)
		return complain(c, E2BIG,
				"PATH%s is longer than %u KiB; name the "
				"program by its path",
				r->cwd ? ", taken from \"cwd\"," : "",
				SEARCH_MAX >> 10);
	if (!r->cwd || !relative)
		r->name = strdup(name);
	else if (asprintf(&r->name, "%s/%s", r->cwd, name) < 0)
		r->name = NULL;
	r->path = r->cwd && searched ? path_from(r->cwd, path) : strdup(path);
	return r->name && r->path ? 0 : complain(c, ENOMEM, "out of memory");
}

int request_find_program(struct request *r, struct complaint *c)
{
	if (make_envp(r))
		return complain(c, ENOMEM, "out of memory");
	return find_program(r, c);
}
