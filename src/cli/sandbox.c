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

#define FLAG(name) SPAWN_TEMPLATE_SANDBOX_##name
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

int sandbox_add_port(uint16_t **list, size_t *n, int64_t port)
{
	uint16_t *longer;

	if (port < 0 || port > UINT16_MAX)
		return -EINVAL;
	longer = realloc(*list, (*n + 1) * sizeof(**list));
	if (!longer)
		return -ENOMEM;
	longer[(*n)++] = (uint16_t)port;
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

/* Read a list of ports, which may be empty: then none of them is allowed. */
static int read_ports(uint16_t **list, size_t *n, const char *key,
		      json_t *value, struct sandbox_failure *f)
{
	size_t i, size = json_array_size(value);
	int err = 0;

	if (!json_is_array(value))
		return fail(f, EINVAL, "\"sandbox\": \"%s\" is not an array",
			    key);
	for (i = 0; i < size && !err; i++) {
		json_t *port = json_array_get(value, i);

		err = sandbox_add_port(
			list, n,
			json_is_integer(port) ? json_integer_value(port) : -1);
	}
	if (err == -EINVAL)
		return fail(f, EINVAL, "\"sandbox\": \"%s\"[%zu] is not a port",
			    key, i - 1);
	return err ? fail(f, ENOMEM, "out of memory") : 0;
}

/* Read a switch that sets a flag with one of its two values. */
static int read_switch(struct sandbox_wishes *w, uint64_t flag, bool with,
		       const char *key, json_t *value,
		       struct sandbox_failure *f)
{
	if (!json_is_boolean(value))
		return fail(f, EINVAL,
			    "\"sandbox\": \"%s\" is neither true nor false",
			    key);
	if (json_is_true(value) == with)
		w->flags |= flag;
	return 0;
}

static int read_key(struct sandbox_wishes *w, const char *key, json_t *value,
		    struct sandbox_failure *f)
{
	static const struct {
		const char *key;
		uint64_t flag;
		bool with;
	} switches[] = {
		{ "net", FLAG(NO_NET), false },
		{ "signals", FLAG(SIGNALS), false },
		{ "abstract", FLAG(ABSTRACT), false },
		{ "devices", FLAG(NO_DEVICES), false },
		{ "best_effort", FLAG(BEST_EFFORT), true },
	};

	if (strcmp(key, "ro") == 0)
		return read_list(&w->read_only, key, value, f);
	if (strcmp(key, "rw") == 0)
		return read_list(&w->writable, key, value, f);
	if (strcmp(key, "connect") == 0) {
		w->flags |= FLAG(CONNECT);
		return read_ports(&w->connect, &w->n_connect, key, value, f);
	}
	if (strcmp(key, "bind") == 0) {
		w->flags |= FLAG(BIND);
		return read_ports(&w->bind, &w->n_bind, key, value, f);
	}
	for (size_t i = 0; i < COUNT(switches); i++)
		if (strcmp(key, switches[i].key) == 0)
			return read_switch(w, switches[i].flag,
					   switches[i].with, key, value, f);
	return fail(f, EINVAL, "\"sandbox\": unknown key \"%.64s\"", key);
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
	return w->read_only || w->writable ||
	       w->flags & (FLAG(NO_NET) | FLAG(CONNECT) | FLAG(BIND) |
			   FLAG(SIGNALS) | FLAG(ABSTRACT));
}

void sandbox_wishes_free(struct sandbox_wishes *w)
{
	free(w->read_only);
	free(w->writable);
	free(w->connect);
	free(w->bind);
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
		{ LOST(TCP), "TCP ports (Landlock before 4)" },
		{ LOST(SIGNALS), "signals (Landlock before 6)" },
		{ LOST(ABSTRACT), "abstract sockets (Landlock before 6)" },
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

	args.flags = w->flags;
	args.connect_ports = (uintptr_t)w->connect;
	args.n_connect_ports = w->n_connect;
	args.bind_ports = (uintptr_t)w->bind;
	args.n_bind_ports = w->n_bind;
	args.read_only = (uintptr_t)ro;
	args.writable = (uintptr_t)rw;
	if (w->flags & FLAG(NO_NET) && w->flags & (FLAG(CONNECT) | FLAG(BIND)))
		err = fail(failure, EINVAL,
			   "without a network there are no TCP ports");
	else if ((w->read_only && !ro) || (w->writable && !rw))
		err = fail(failure, ENOMEM, "out of memory");
	else
		err = make(&args, sandbox, failure);
	list_free(ro);
	list_free(rw);
	return err;
}
