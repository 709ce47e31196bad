/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of a line that go to its program: words, names and input, as text or as
 * base64 of any bytes; and what to say of a wrong one.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/engine/bytes.h"

int complain(struct complaint *c, int error, const char *fmt, ...)
{
	va_list ap;

	c->error = error;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* Return the string if a program can be given it, or NULL. */
const char *bytes_plain(const json_t *value)
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
		complain(c, ENOMEM, "out of memory");
	return NULL;
}

/* Do the same, and make a string of JSON that may have any bytes. */
static json_t *decode_value(const json_t *value, const char *key,
			    struct complaint *c)
{
	char *bytes = decode_plain(value, key, c);
	json_t *string = bytes ? json_string_nocheck(bytes) : NULL;

	if (bytes && !string)
		complain(c, ENOMEM, "out of memory");
	free(bytes);
	return string;
}

/* ---- keys */

int bytes_argv(struct request *r, json_t *value, struct complaint *c)
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
		return complain(c, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		r->argv[i] = bytes_plain(json_array_get(value, i));
		if (!r->argv[i])
			return complain(c, EINVAL,
					"\"argv\"[%zu] is not a string "
					"without NUL",
					i);
	}
	return 0;
}

int bytes_argv_base64(struct request *r, json_t *value, struct complaint *c)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *word = decode_value(json_array_get(value, i),
					    "argv_base64", c);

		if (!word)
			return -1;
		json_array_set_new(value, i, word);
	}
	return bytes_argv(r, value, c);
}

static int check_one_cwd(const struct request *r, struct complaint *c)
{
	if (r->cwd)
		return complain(c, EINVAL,
				"both \"cwd\" and \"cwd_base64\" are given");
	return 0;
}

int bytes_cwd_base64(struct request *r, json_t *value, struct complaint *c)
{
	if (check_one_cwd(r, c))
		return -1;
	r->cwd = r->cwd_decoded = decode_plain(value, "cwd_base64", c);
	if (r->cwd && !*r->cwd)
		return complain(c, EINVAL,
				"\"cwd_base64\" is not a directory's name");
	return r->cwd ? 0 : -1;
}

int bytes_cwd(struct request *r, json_t *value, struct complaint *c)
{
	if (check_one_cwd(r, c))
		return -1;
	r->cwd = bytes_plain(value);
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
		if (!bytes_plain(text) && !(may_remove && json_is_null(text)))
			return complain(c, EINVAL,
					"\"%s\": the value of \"%.64s\" is not "
					"a string without NUL",
					key, name);
	}
	return 0;
}

int bytes_env(struct request *r, json_t *value, struct complaint *c)
{
	r->env = value;
	return check_env("env", value, false, c);
}

int bytes_setenv(struct request *r, json_t *value, struct complaint *c)
{
	r->setenv = value;
	return check_env("setenv", value, true, c);
}

int bytes_setenv_base64(struct request *r, json_t *value, struct complaint *c)
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
				"its bytes are given twice, as text and in "
				"base64");
	return 0;
}

int bytes_input(struct request *r, json_t *value, struct complaint *c)
{
	if (check_one_input(r, c))
		return -1;
	r->input = json_string_value(value);
	r->input_len = json_string_length(value);
	return r->input ? 0
			: complain(c, EINVAL,
				   "\"input\" or \"data\" is not a string");
}

int bytes_input_base64(struct request *r, json_t *value, struct complaint *c)
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
				"\"input_base64\" or \"data_base64\" is not "
				"base64 with padding");
	return r->decoded ? 0 : complain(c, ENOMEM, "out of memory");
}
