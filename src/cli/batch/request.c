/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of batch: a JSON object, checked in full before any of it is used.
 * An unknown key is an error, so that a misspelt one does not go unnoticed and
 * later versions can add some.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch/batch.h"

#define SEARCH_MAX (128U << 10) /* bytes, as of a string that exec takes */

extern char **environ;

/* Return: -1 */
CLI_PRINTF(3, 4)
static int complain(struct complaint *c, int error, const char *fmt, ...)
{
	va_list ap;

	c->error = error;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return -1;
}

static int no_memory(struct complaint *c)
{
	return complain(c, ENOMEM, "out of memory");
}

/* Return the string if a program can be given it, or NULL. */
static const char *plain_string(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/*
 * Decode base64 of bytes that a program can be given.
 * Return: a string that the caller frees, or NULL after a complaint.
 */
static char *decode_plain(const json_t *value, const char *key,
			  struct complaint *c)
{
	const char *text = json_string_value(value);
	bool invalid = !text;
	char *bytes = NULL;
	size_t n;

	if (text)
		bytes = base64_decode(text, json_string_length(value), &n,
				      &invalid);
	if (bytes) {
		bytes[n] = '\0';
		if (strlen(bytes) == n)
			return bytes;
		invalid = true;
		free(bytes);
	}
	if (invalid)
		complain(c, EINVAL,
			 "\"%s\" is not base64 with padding, of bytes without "
			 "NUL",
			 key);
	else
		no_memory(c);
	return NULL;
}

/* Do the same, and make a string of JSON that may have any bytes. */
static json_t *decode_value(const json_t *value, const char *key,
			    struct complaint *c)
{
	char *bytes = decode_plain(value, key, c);
	json_t *string = bytes ? json_string_nocheck(bytes) : NULL;

	if (bytes && !string)
		no_memory(c);
	free(bytes);
	return string;
}

/* ---- keys */

static int read_argv(struct request *r, json_t *value, struct complaint *c)
{
	size_t n = json_array_size(value);

	if (r->argv)
		return complain(c, EINVAL,
				"both \"argv\" and \"argv_base64\" are given");
	if (n == 0)
		return complain(c, EINVAL,
				"\"argv\" is not an array with a name in it");
	r->argv = calloc(n + 1, sizeof(*r->argv));
	if (!r->argv)
		return no_memory(c);
	for (size_t i = 0; i < n; i++) {
		r->argv[i] = plain_string(json_array_get(value, i));
		if (!r->argv[i])
			return complain(c, EINVAL,
					"\"argv\"[%zu] is not a string "
					"without NUL",
					i);
	}
	return 0;
}

static int read_argv_base64(struct request *r, json_t *value,
			    struct complaint *c)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *word = decode_value(json_array_get(value, i),
					    "argv_base64", c);

		if (!word)
			return -1;
		json_array_set_new(value, i, word);
	}
	return read_argv(r, value, c);
}

static int check_one_cwd(const struct request *r, struct complaint *c)
{
	if (r->cwd)
		return complain(c, EINVAL,
				"both \"cwd\" and \"cwd_base64\" are given");
	return 0;
}

static int read_cwd_base64(struct request *r, json_t *value,
			   struct complaint *c)
{
	if (check_one_cwd(r, c))
		return -1;
	r->cwd = r->cwd_decoded = decode_plain(value, "cwd_base64", c);
	if (r->cwd && !*r->cwd)
		return complain(c, EINVAL,
				"\"cwd_base64\" is not a directory's name");
	return r->cwd ? 0 : -1;
}

static int read_cwd(struct request *r, json_t *value, struct complaint *c)
{
	if (check_one_cwd(r, c))
		return -1;
	r->cwd = plain_string(value);
	if (!r->cwd || !*r->cwd)
		return complain(c, EINVAL, "\"cwd\" is not a directory's name");
	return 0;
}

/* Accept null, too, if it may remove a variable. */
static int check_env(const char *key, json_t *value, bool may_remove,
		     struct complaint *c)
{
	const char *name;
	json_t *text;

	if (!json_is_object(value))
		return complain(c, EINVAL, "\"%s\" is not an object", key);
	json_object_foreach(value, name, text)
	{
		if (!*name || strchr(name, '='))
			return complain(c, EINVAL,
					"\"%s\": \"%.64s\" is not a variable's "
					"name",
					key, name);
		if (!plain_string(text) && !(may_remove && json_is_null(text)))
			return complain(c, EINVAL,
					"\"%s\": the value of \"%.64s\" is not "
					"a string without NUL",
					key, name);
	}
	return 0;
}

static int read_env(struct request *r, json_t *value, struct complaint *c)
{
	r->env = value;
	return check_env("env", value, false, c);
}

static int read_setenv(struct request *r, json_t *value, struct complaint *c)
{
	r->setenv = value;
	return check_env("setenv", value, true, c);
}

static int read_setenv_base64(struct request *r, json_t *value,
			      struct complaint *c)
{
	const char *name;
	json_t *text;

	json_object_foreach(value, name, text)
	{
		json_t *decoded = decode_value(text, "setenv_base64", c);

		if (!decoded)
			return -1;
		json_object_iter_set_new(value, json_object_key_to_iter(name),
					 decoded);
	}
	r->setenv_decoded = value;
	return check_env("setenv_base64", value, false, c);
}

static int check_one_input(const struct request *r, struct complaint *c)
{
	if (r->input)
		return complain(c, EINVAL,
				"both \"input\" and \"input_base64\" are "
				"given");
	return 0;
}

static int read_input(struct request *r, json_t *value, struct complaint *c)
{
	if (check_one_input(r, c))
		return -1;
	r->input = json_string_value(value);
	r->input_len = json_string_length(value);
	return r->input ? 0 : complain(c, EINVAL, "\"input\" is not a string");
}

static int read_base64(struct request *r, json_t *value, struct complaint *c)
{
	const char *text = json_string_value(value);
	bool invalid = !text;

	if (check_one_input(r, c))
		return -1;
	if (text)
		r->decoded = base64_decode(text, json_string_length(value),
					   &r->input_len, &invalid);
	r->input = r->decoded;
	if (invalid)
		return complain(c, EINVAL,
				"\"input_base64\" is not base64 with padding");
	return r->decoded ? 0 : no_memory(c);
}

static int read_timeout(struct request *r, json_t *value, struct complaint *c)
{
	const char *text = plain_string(value);
	double s = json_number_value(value);

	if (json_is_number(value) && s >= 0 && s < 1e9)
		r->timeout_ns = whole_ns(s * 1e9);
	else if (!text || parse_duration(text, &r->timeout_ns))
		return complain(c, EINVAL,
				"\"timeout\" must be seconds or a duration "
				"such as \"500ms\"");
	return 0;
}

static int read_merge(struct request *r, json_t *value, struct complaint *c)
{
	r->merge_stderr = json_is_true(value);
	return json_is_boolean(value)
		       ? 0
		       : complain(c, EINVAL,
				  "\"merge_stderr\" is neither true nor false");
}

static int read_warm_key(struct request *r, json_t *value, struct complaint *c)
{
	const char *word = json_string_value(value);
	uint64_t flag = word ? warm_flag(word) : 0;

	if (json_is_false(value))
		r->way = BATCH_COLD;
	else if (json_is_true(value))
		r->way = BATCH_FORK;
	else if (flag)
		r->way = batch_way_of(flag);
	else
		return complain(c, EINVAL,
				"\"warm\" is neither true nor false, \"once\" "
				"nor \"fork\"");
	return 0;
}

static int read_sandbox(struct request *r, json_t *value, struct complaint *c)
{
	struct sandbox_failure failure;

	if (sandbox_read(&r->sandbox, value, &failure))
		return complain(c, failure.error, "%s", failure.text);
	return 0;
}

static int read_id(struct request *r, json_t *value, struct complaint *c)
{
	(void)value; /* the scan has taken it, or the name is escaped */
	if (!r->id)
		r->id = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return r->id ? 0 : no_memory(c);
}

static int read_key(struct request *r, const char *name, json_t *value,
		    struct complaint *c)
{
	static const struct {
		const char *name;
		int (*read)(struct request *, json_t *, struct complaint *);
	} keys[] = {
		{ "argv", read_argv },
		{ "argv_base64", read_argv_base64 },
		{ "cwd", read_cwd },
		{ "cwd_base64", read_cwd_base64 },
		{ "env", read_env },
		{ "id", read_id },
		{ "input", read_input },
		{ "input_base64", read_base64 },
		{ "merge_stderr", read_merge },
		{ "sandbox", read_sandbox },
		{ "setenv", read_setenv },
		{ "setenv_base64", read_setenv_base64 },
		{ "timeout", read_timeout },
		{ "warm", read_warm_key },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(name, keys[i].name) == 0)
			return keys[i].read(r, value, c);
	return complain(c, EINVAL, "unknown key \"%.64s\"", name);
}

/* ---- the environment */

static bool is_changed(const struct request *r, const char *name)
{
	return json_object_get(r->setenv, name) ||
	       json_object_get(r->setenv_decoded, name);
}

static bool is_replaced(const struct request *r, const char *variable)
{
	char *name = r->setenv || r->setenv_decoded
			     ? strndup(variable, strcspn(variable, "="))
			     : NULL;
	bool replaced = name && is_changed(r, name);

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
 * Put "env" in place of this tool's own variables, then apply "setenv" and
 * "setenv_base64".
 */
static int make_envp(struct request *r)
{
	size_t n = 0, max = json_object_size(r->env) +
			    json_object_size(r->setenv) +
			    json_object_size(r->setenv_decoded) + 1;
	const char *name;
	json_t *value;

	for (char **own = environ; own && *own; own++)
		max++;
	r->envp = calloc(max, sizeof(*r->envp));
	if (!r->envp)
		return -ENOMEM;
	for (char **own = environ; !r->env && own && *own; own++)
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

static const char *search_path(const struct request *r)
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
	const char *path = searched ? search_path(r) : "";

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
	return r->name && r->path ? 0 : no_memory(c);
}

/* ---- all of it */

static int read_object(struct request *r, struct complaint *c)
{
	const char *name;
	json_t *value;

	json_object_foreach(r->json, name,
			    value) if (read_key(r, name, value, c)) return -1;
	if (!r->argv)
		return complain(c, EINVAL, "\"argv\" is missing");
	return make_envp(r) ? no_memory(c) : find_program(r, c);
}

/* Take the id, and have a number that all readers of JSON know in its place. */
static int take_id(struct request *r, char *line, size_t n)
{
	char *id;
	size_t length = id_find(line, n, &id);

	if (!length)
		return 0;
	r->id = strndup(id, length);
	if (!r->id)
		return -ENOMEM;
	memset(id, ' ', length);
	*id = '0';
	return 0;
}

int request_read(struct request *r, char *line, size_t n, struct complaint *c)
{
	json_error_t error;

	*r = (struct request){ .timeout_ns = -1, .way = BATCH_UNSET };
	if (take_id(r, line, n))
		return no_memory(c);
	r->id_unknown = !r->id;
	r->json = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			     &error);
	if (!r->json)
		return complain(c, EINVAL, "not JSON: %s, at byte %d",
				error.text, error.position);
	if (!json_is_object(r->json))
		return complain(c, EINVAL, "not an object");
	r->id_unknown = false;
	return read_object(r, c);
}

void request_free(struct request *r)
{
	for (size_t i = r->n_kept; r->envp && r->envp[i]; i++)
		free(r->envp[i]);
	free(r->envp);
	free(r->argv);
	free(r->name);
	free(r->path);
	free(r->decoded);
	free(r->cwd_decoded);
	free(r->id);
	sandbox_wishes_free(&r->sandbox);
	json_decref(r->json);
}
