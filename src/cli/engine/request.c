/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request: a JSON object, checked in full before any of it is used.
 * An unknown key is an error, so that a misspelt one does not go unnoticed and
 * later versions can add some.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/engine/bytes.h"

static int no_memory(struct complaint *c)
{
	return complain(c, ENOMEM, "out of memory");
}

/* ---- times and sizes */

/* Read seconds, or a duration such as "500ms". */
static int read_time(int64_t *to, const char *key, json_t *value,
		     struct complaint *c)
{
	const char *text = bytes_plain(value);
	double s = json_number_value(value);

	if (json_is_number(value) && s >= 0 && s < 1e9)
		*to = whole_ns(s * 1e9);
	else if (!text || parse_duration(text, to))
		return complain(c, EINVAL,
				"\"%s\" must be seconds or a duration "
				"such as \"500ms\"",
				key);
	return 0;
}

static int read_timeout(struct request *r, json_t *value, struct complaint *c)
{
	return read_time(&r->timeout_ns, "timeout", value, c);
}

static int read_idle(struct request *r, json_t *value, struct complaint *c)
{
	return read_time(&r->idle_ns, "idle_timeout", value, c);
}

static int read_detached(struct request *r, json_t *value, struct complaint *c)
{
	return read_time(&r->detached_ns, "detached_timeout", value, c);
}

static int read_bytes(uint64_t *to, const char *key, json_t *value,
		      struct complaint *c)
{
	const char *text = bytes_plain(value);
	json_int_t n = json_integer_value(value);

	if (n > 0)
		*to = (uint64_t)n;
	else if (!text || parse_size(text, to))
		return complain(c, EINVAL,
				"\"%s\" must be bytes or a size such as "
				"\"64K\"",
				key);
	return 0;
}

static int read_max_output(struct request *r, json_t *value,
			   struct complaint *c)
{
	return read_bytes(&r->max_output, "max_output", value, c);
}

static int read_tail(struct request *r, json_t *value, struct complaint *c)
{
	r->run_flags |= SPAWN_TEMPLATE_RUN_TAIL;
	return read_bytes(&r->tail, "tail", value, c);
}

static int read_spill(struct request *r, json_t *value, struct complaint *c)
{
	r->run_flags |= SPAWN_TEMPLATE_RUN_SPILL;
	r->spill = bytes_plain(value);
	if (r->spill && *r->spill)
		return 0;
	return complain(c, EINVAL, "\"spill\" is not a directory's name");
}

/* ---- switches */

static int read_flag(struct request *r, uint32_t flag, const char *key,
		     json_t *value, struct complaint *c)
{
	if (!json_is_boolean(value))
		return complain(c, EINVAL, "\"%s\" is neither true nor false",
				key);
	if (json_is_true(value))
		r->run_flags |= flag;
	return 0;
}

static int read_keep(struct request *r, json_t *value, struct complaint *c)
{
	r->keep_leftovers = json_is_true(value);
	return read_flag(r, 0, "keep_leftovers", value, c);
}

static int read_merge(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_MERGE_STDERR, "merge_stderr",
			 value, c);
}

static int read_stream(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_STREAM, "stream", value, c);
}

static int read_open(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_OPEN_INPUT, "open_input", value,
			 c);
}

static int read_detach(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT, "detach",
			 value, c);
}

static int read_pty(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_PTY, "pty", value, c);
}

/* "echo": false is the switch; a terminal echoes by itself. */
static int read_echo(struct request *r, json_t *value, struct complaint *c)
{
	int err = read_flag(r, 0, "echo", value, c);

	if (json_is_false(value))
		r->run_flags |= SPAWN_TEMPLATE_RUN_NO_ECHO;
	return err;
}

static int read_raw(struct request *r, json_t *value, struct complaint *c)
{
	return read_flag(r, SPAWN_TEMPLATE_RUN_RAW, "raw", value, c);
}

static int read_size_of(struct request *r, const char *key, json_t *value,
			unsigned int shift, struct complaint *c)
{
	json_int_t n = json_integer_value(value);

	if (n < 1 || n > UINT16_MAX)
		return complain(c, EINVAL, "\"%s\" is not from 1 to %d", key,
				UINT16_MAX);
	r->winsize |= (uint32_t)n << shift;
	return 0;
}

static int read_rows(struct request *r, json_t *value, struct complaint *c)
{
	return read_size_of(r, "rows", value, 16, c);
}

static int read_columns(struct request *r, json_t *value, struct complaint *c)
{
	return read_size_of(r, "columns", value, 0, c);
}

/* ---- more keys */

static int read_warm_key(struct request *r, json_t *value, struct complaint *c)
{
	const char *word = json_string_value(value);
	uint64_t flag = word ? warm_flag(word) : 0;

	if (json_is_false(value))
		r->way = ENGINE_COLD;
	else if (json_is_true(value))
		r->way = ENGINE_PYTHON;
	else if (flag)
		r->way = engine_way_of(flag);
	else
		return complain(c, EINVAL,
				"\"warm\" is neither true nor false, \"once\", "
				"\"fork\" nor \"python\"");
	return 0;
}

static int read_session(struct request *r, json_t *value, struct complaint *c)
{
	r->session = session_of(json_string_value(value));
	if (r->session != SESSION_UNSET)
		return 0;
	return complain(c, EINVAL, "\"session\" is neither " SESSION_WANTED);
}

static int read_profile(struct request *r, json_t *value, struct complaint *c)
{
	const char *path = bytes_plain(value);

	r->has_profile = true;
	r->preload = path;
	if (path && *path == '/')
		return 0;
	return complain(c, EINVAL, "\"profile\" is no absolute path");
}

/* Join the names with commas. Return: NULL if memory is short, or one is no name. */
static char *join_modules(const json_t *list)
{
	size_t size = 1, n = json_array_size(list);
	char *text, *at;

	for (size_t i = 0; i < n; i++) {
		const json_t *name = json_array_get(list, i);

		if (!bytes_plain(name))
			return NULL;
		size += json_string_length(name) + 1;
	}
	at = text = calloc(1, size);
	for (size_t i = 0; text && i < n; i++) {
		at = i ? stpcpy(at, ",") : at;
		at = stpcpy(at, json_string_value(json_array_get(list, i)));
	}
	return text;
}

static int read_modules_key(struct request *r, json_t *value,
			    struct complaint *c)
{
	r->modules = join_modules(value);
	if (json_is_array(value) && r->modules && is_module_list(r->modules))
		return 0;
	return complain(c, EINVAL,
			"\"modules\" is no list of names of modules");
}

static int read_sandbox(struct request *r, json_t *value, struct complaint *c)
{
	struct sandbox_failure failure;

	if (sandbox_read(&r->sandbox, value, &failure))
		return complain(c, failure.error, "%s", failure.text);
	return 0;
}

static int read_limits(struct request *r, json_t *value, struct complaint *c)
{
	struct limits_failure failure;

	if (limits_read(&r->limits, value, &failure))
		return complain(c, EINVAL, "%s", failure.text);
	return 0;
}

static int read_id(struct request *r, json_t *value, struct complaint *c)
{
	(void)value; /* the scan has taken it, or the name is escaped */
	if (!r->id)
		r->id = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return r->id ? 0 : no_memory(c);
}

/* Flags of a terminal. */
#define OF_TERMINAL (SPAWN_TEMPLATE_RUN_NO_ECHO | SPAWN_TEMPLATE_RUN_RAW)

#define RUN (1U << REQUEST_RUN)
#define CANCEL (1U << REQUEST_CANCEL)
#define WRITE (1U << REQUEST_WRITE)
#define CLOSE (1U << REQUEST_CLOSE)
#define WINSIZE (1U << REQUEST_WINSIZE)

/* The keys, and the lines that may have them. */
static const struct key {
	const char *name;
	int (*read)(struct request *, json_t *, struct complaint *);
	unsigned int lines;
} keys[] = {
	{ "argv", bytes_argv, RUN },
	{ "argv_base64", bytes_argv_base64, RUN },
	{ "cancel", read_id, CANCEL },
	{ "close_input", read_id, CLOSE },
	{ "columns", read_columns, RUN | WINSIZE },
	{ "cwd", bytes_cwd, RUN },
	{ "cwd_base64", bytes_cwd_base64, RUN },
	{ "data", bytes_input, WRITE },
	{ "data_base64", bytes_input_base64, WRITE },
	{ "detach", read_detach, RUN },
	{ "detached_timeout", read_detached, RUN },
	{ "echo", read_echo, RUN },
	{ "env", bytes_env, RUN },
	{ "id", read_id, RUN },
	{ "idle_timeout", read_idle, RUN },
	{ "input", bytes_input, RUN },
	{ "input_base64", bytes_input_base64, RUN },
	{ "keep_leftovers", read_keep, RUN },
	{ "limits", read_limits, RUN },
	{ "max_output", read_max_output, RUN },
	{ "merge_stderr", read_merge, RUN },
	{ "modules", read_modules_key, RUN },
	{ "open_input", read_open, RUN },
	{ "profile", read_profile, RUN },
	{ "pty", read_pty, RUN },
	{ "raw", read_raw, RUN },
	{ "rows", read_rows, RUN | WINSIZE },
	{ "sandbox", read_sandbox, RUN },
	{ "session", read_session, RUN },
	{ "setenv", bytes_setenv, RUN },
	{ "setenv_base64", bytes_setenv_base64, RUN },
	{ "spill", read_spill, RUN },
	{ "stream", read_stream, RUN },
	{ "tail", read_tail, RUN },
	{ "timeout", read_timeout, RUN },
	{ "warm", read_warm_key, RUN },
	{ "winsize", read_id, WINSIZE },
	{ "write", read_id, WRITE },
};

static int read_key(struct request *r, const char *name, json_t *value,
		    struct complaint *c)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (keys[i].lines & 1U << r->verb)
			return keys[i].read(r, value, c);
		return complain(c, EINVAL,
				"\"%s\" is not for a line with \"%s\"", name,
				r->verb == REQUEST_RUN ? "argv"
						       : request_keys[r->verb]);
	}
	return complain(c, EINVAL, "unknown key \"%.64s\"", name);
}

/* ---- all of it */

static int check_size(const struct request *r, struct complaint *c)
{
	if (r->winsize >> 16 && r->winsize & UINT16_MAX)
		return 0;
	return complain(c, EINVAL,
			"\"rows\" and \"columns\" are not both there");
}

/* Check keys that need others. Times may come from the options: job.c checks these. */
static int check_run(const struct request *r, struct complaint *c)
{
	bool pty = r->run_flags & SPAWN_TEMPLATE_RUN_PTY;

	if (!r->argv)
		return complain(c, EINVAL, "\"argv\" is missing");
	if (!pty && (r->winsize || r->run_flags & OF_TERMINAL))
		return complain(c, EINVAL,
				"\"rows\", \"columns\", \"echo\" and \"raw\" "
				"need \"pty\": true");
	if (pty && r->session)
		return complain(c, EINVAL,
				"\"pty\" is a session of its own, without "
				"\"session\"");
	if (r->winsize && check_size(r, c))
		return -1;
	if (r->has_profile && r->way != ENGINE_UNSET)
		return complain(c, EINVAL,
				"\"profile\" and \"warm\" are not for "
				"the same line");
	if (r->modules && (r->has_profile ||
			   (r->way != ENGINE_UNSET && r->way != ENGINE_PYTHON)))
		return complain(c, EINVAL,
				"\"modules\" are not for a line with "
				"\"profile\" or another way than "
				"\"warm\": \"python\"");
	if (r->sandbox.flags && !sandbox_is_wanted(&r->sandbox))
		return complain(c, EINVAL, "\"sandbox\": it restricts nothing");
	if (r->keep_leftovers > 0 && r->limits.given)
		return complain(c, EINVAL,
				"\"keep_leftovers\": what is left would "
				"have no limits");
	if (r->detached_ns >= 0 &&
	    !(r->run_flags & SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT))
		return complain(c, EINVAL,
				"\"detached_timeout\" needs "
				"\"detach\": true");
	return 0;
}

static int check_control(const struct request *r, struct complaint *c)
{
	if (r->verb == REQUEST_WRITE && !r->input)
		return complain(c, EINVAL, "\"data\" is missing");
	if (r->verb == REQUEST_WINSIZE)
		return check_size(r, c);
	return 0;
}

int request_read_object(struct request *r, struct complaint *c)
{
	const char *name;
	json_t *value;

	json_object_foreach(r->json, name,
			    value) if (read_key(r, name, value, c)) return -1;
	if (r->verb != REQUEST_RUN)
		return check_control(r, c);
	if (check_run(r, c))
		return -1;
	if (r->modules)
		r->preload = r->modules;
	return request_find_program(r, c);
}

void request_begin(struct request *r, size_t size)
{
	*r = (struct request){
		.size = size,
		.timeout_ns = -1,
		.idle_ns = -1,
		.detached_ns = -1,
		.keep_leftovers = -1,
		.way = ENGINE_UNSET,
	};
}

void request_free(struct request *r)
{
	for (size_t i = r->n_kept; r->envp && r->envp[i]; i++)
		free(r->envp[i]);
	free(r->envp);
	free(r->argv);
	free(r->name);
	free(r->path);
	free(r->modules);
	free(r->decoded);
	free(r->cwd_decoded);
	free(r->id);
	free(r->refused);
	sandbox_wishes_free(&r->sandbox);
	json_decref(r->json);
}
