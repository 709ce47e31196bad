/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sandboxes as options and lines of JSON ask for them, with the reason in words
 * where there is none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sandbox.h"

#define LOST(name) SPAWN_TEMPLATE_SANDBOX_LOST_##name

CLI_PRINTF(3, 4)
static int fail(struct sandbox_failure *f, int error, const char *fmt, ...)
{
	va_list ap;

	*f = (struct sandbox_failure){ .error = error };
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- wishes */

static size_t length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

int sandbox_add(const char ***list, const char *path)
{
	size_t n = length(*list);
	const char **longer = realloc(*list, (n + 2) * sizeof(**list));

	if (!longer)
		return -ENOMEM;
	longer[n] = path;
	longer[n + 1] = NULL;
	*list = longer;
	return 0;
}

/* Read a list of paths, which may be empty. */
static int read_list(const char ***list, const char *key, json_t *value,
		     struct sandbox_failure *f)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return fail(f, EINVAL, "\"sandbox\": \"%s\" is not an array",
			    key);
	*list = calloc(n + 1, sizeof(**list));
	if (!*list)
		return fail(f, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		json_t *path = json_array_get(value, i);
		const char *text = json_string_value(path);

		if (!text || !*text || strlen(text) != json_string_length(path))
			return fail(f, EINVAL,
				    "\"sandbox\": \"%s\"[%zu] is not a path",
				    key, i);
		(*list)[i] = text;
	}
	return 0;
}

static int read_bool(bool *to, const char *key, json_t *value,
		     struct sandbox_failure *f)
{
	if (!json_is_boolean(value))
		return fail(f, EINVAL,
			    "\"sandbox\": \"%s\" is neither true nor false",
			    key);
	*to = json_is_true(value);
	return 0;
}

static int read_key(struct sandbox_wishes *w, const char *key, json_t *value,
		    struct sandbox_failure *f)
{
	bool net = false;
	int ret;

	if (strcmp(key, "ro") == 0)
		return read_list(&w->read_only, key, value, f);
	if (strcmp(key, "rw") == 0)
		return read_list(&w->writable, key, value, f);
	if (strcmp(key, "best_effort") == 0)
		return read_bool(&w->best_effort, key, value, f);
	if (strcmp(key, "net") != 0)
		return fail(f, EINVAL, "\"sandbox\": unknown key \"%.64s\"",
			    key);
	ret = read_bool(&net, key, value, f);
	w->no_net = !net;
	return ret;
}

int sandbox_read(struct sandbox_wishes *wishes, json_t *value,
		 struct sandbox_failure *failure)
{
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return fail(failure, EINVAL, "\"sandbox\" is not an object");
	json_object_foreach(value, key, member)
	{
		if (read_key(wishes, key, member, failure))
			return -1;
	}
	return 0;
}

bool sandbox_is_wanted(const struct sandbox_wishes *w)
{
	return w->read_only || w->writable || w->no_net;
}

void sandbox_wishes_free(struct sandbox_wishes *w)
{
	free(w->read_only);
	free(w->writable);
	*w = (struct sandbox_wishes){ 0 };
}

/* ---- a sandbox */

/* Copy a list with paths from cwd. Return: NULL if memory is short. */
static char **list_from(const char *cwd, const char *const *list)
{
	size_t n = length(list);
	char **copy = calloc(n + 1, sizeof(*copy));

	for (size_t i = 0; copy && i < n; i++) {
		bool relative = cwd && *list[i] != '/';

		if (asprintf(&copy[i], "%s%s%s", relative ? cwd : "",
			     relative ? "/" : "", list[i]) < 0)
			copy[i] = NULL;
		if (!copy[i]) {
			while (i)
				free(copy[--i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

static void list_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

static int fail_lost(struct sandbox_failure *f, int lost)
{
	static const struct {
		int bit;
		const char *words;
	} names[] = {
		{ LOST(FILES), "paths (no Landlock)" },
		{ LOST(TRUNCATE), "truncating files (Landlock before 3)" },
		{ LOST(NET), "the network (no seccomp filters)" },
	};
	const char *words = "all of it";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lost & names[i].bit)
			words = names[i].words;
	fail(f, EOPNOTSUPP, "the kernel cannot restrict %s", words);
	f->remedy = "add --sandbox-best-effort, in JSON \"best_effort\": true, "
		    "to do without; see 'spawn-template doctor'";
	return -1;
}

static int make(struct spawn_template_sandbox_args *args,
		struct spawn_template_sandbox **sandbox,
		struct sandbox_failure *f)
{
	const char *failed = NULL;
	int err;

	args->failed = (uintptr_t)&failed;
	err = spawn_template_sandbox_new(args, sizeof(*args), sandbox);
	if (err == -EOPNOTSUPP)
		return fail_lost(
			f, spawn_template_sandbox_lost(args, sizeof(*args)));
	if (err && failed) {
		fail(f, -err, "%s: %s", failed, strerror(-err));
		f->remedy = "a sandbox has only paths that are there";
		return -1;
	}
	return err ? fail(f, -err, "%s", strerror(-err)) : 0;
}

int sandbox_make(const struct sandbox_wishes *w, const char *cwd,
		 struct spawn_template_sandbox **sandbox,
		 struct sandbox_failure *failure)
{
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;
	char **ro = w->read_only ? list_from(cwd, w->read_only) : NULL;
	char **rw = w->writable ? list_from(cwd, w->writable) : NULL;
	int err;

	args.flags = (w->no_net ? SPAWN_TEMPLATE_SANDBOX_NO_NET : 0) |
		     (w->best_effort ? SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT : 0);
	args.read_only = (uintptr_t)ro;
	args.writable = (uintptr_t)rw;
	if ((w->read_only && !ro) || (w->writable && !rw))
		err = fail(failure, ENOMEM, "out of memory");
	else
		err = make(&args, sandbox, failure);
	list_free(ro);
	list_free(rw);
	return err;
}
