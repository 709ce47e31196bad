/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy file: its text, its sections, and what they set. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/policy/rules.h"

#define TIMEOUT_NS INT64_C(600000000000) /* unless the policy has another */
#define TIMEOUT_MOST_NS INT64_C(86400000000000)
#define PROGRAMS_MOST 1024

extern char **environ;

/* ---- sections */

static int read_shell(struct policy_reader *r, const char *key,
		      const struct toml_value *value, void *to)
{
	const char **shell = to;

	if (policy_read_string(r, key, value, to))
		return -1;
	return **shell == '/'
		       ? 0
		       : policy_wrong(r, value->at,
				      "'%s' is not an absolute path", key);
}

static int read_search(struct policy_reader *r, const char *key,
		       const struct toml_value *value, void *to)
{
	char **search = to;
	const char *text;

	if (policy_read_string(r, key, value, &text))
		return -1;
	for (const char *part = text; part; part = strchr(part, ':')) {
		part += *part == ':';
		if (*part != '/')
			return policy_wrong(r, value->at,
					    "'%s' has a folder that is not an "
					    "absolute path",
					    key);
	}
	free(*search);
	*search = strdup(text);
	return *search ? 0 : -1;
}

static int read_version(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to)
{
	(void)to;
	if (value->type == TOML_INT64 && value->u.int64 == 1)
		return 0;
	return policy_wrong(r, value->at,
			    "'%s' is not 1, which this command knows", key);
}

static int read_default(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to)
{
	r->policy->default_line = (unsigned int)value->at.line;
	return policy_read_verdict(r, key, value, to);
}

#define KEY(name, reader, member) \
	{ \
		name, reader, offsetof(struct policy, member) \
	}

static int read_folders(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to)
{
	static const struct policy_key keys[] = {
		KEY("allow", policy_read_files, allowed),
		KEY("deny", policy_read_files, denied),
	};

	(void)key;
	return policy_read_table(r, "[folders]", value, keys, COUNT(keys), to);
}

static int read_set(struct policy_reader *r, const char *key,
		    const struct toml_value *value, void *to)
{
	struct policy *p = to;

	if (value->type != TOML_TABLE)
		return policy_wrong(r, value->at, "'%s' is not a table", key);
	p->set = calloc((size_t)value->u.tab.size + 1, sizeof(*p->set));
	for (int i = 0; p->set && i < value->u.tab.size; i++) {
		const char *name = value->u.tab.key[i], *text;

		if (policy_read_string(r, name, &value->u.tab.value[i], &text))
			return -1;
		if (!*name || strchr(name, '='))
			return policy_wrong(r, value->u.tab.value[i].at,
					    "'%s' is no name of a variable",
					    name);
		if (asprintf(&p->set[i], "%s=%s", name, text) < 0) {
			p->set[i] = NULL;
			return -1;
		}
	}
	return p->set ? 0 : -1;
}

static int read_env(struct policy_reader *r, const char *key,
		    const struct toml_value *value, void *to)
{
	static const struct policy_key keys[] = {
		KEY("pass", policy_read_list, pass),
		KEY("allow", policy_read_list, settable),
		KEY("deny", policy_read_list, unsettable),
		{ "set", read_set, 0 },
	};

	(void)key;
	return policy_read_table(r, "[env]", value, keys, COUNT(keys), to);
}

/* ---- sections that lines of batch have, too, as JSON */

static json_t *to_json(const struct toml_value *value)
{
	json_t *json;

	switch (value->type) {
	case TOML_STRING:
		return json_stringn(value->u.str.ptr, (size_t)value->u.str.len);
	case TOML_INT64:
		return json_integer(value->u.int64);
	case TOML_BOOLEAN:
		return json_boolean(value->u.boolean);
	case TOML_ARRAY:
		json = json_array();
		for (int i = 0; i < value->u.arr.size; i++)
			json_array_append_new(json,
					      to_json(&value->u.arr.elem[i]));
		return json;
	default:
		return json_null();
	}
}

/* Relative paths count from the folder of the policy. */
static void make_absolute(json_t *paths, const char *base)
{
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const char *path = json_string_value(json_array_get(paths, i));

		if (path && *path && *path != '/')
			json_array_set_new(paths, i,
					   json_sprintf("%s/%s", base, path));
	}
}

static int read_sandbox(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to)
{
	struct policy *p = to;
	struct sandbox_failure failure = { 0 };

	if (value->type != TOML_TABLE)
		return policy_wrong(r, value->at, "'%s' is not a table", key);
	p->sandbox_line = (unsigned int)value->at.line;
	p->sandbox_json = json_object();
	for (int i = 0; i < value->u.tab.size; i++) {
		const char *name = value->u.tab.key[i];
		json_t *one = json_object();

		json_object_set_new(p->sandbox_json, name,
				    to_json(&value->u.tab.value[i]));
		make_absolute(json_object_get(p->sandbox_json, name), p->base);
		json_object_set(one, name,
				json_object_get(p->sandbox_json, name));
		/* one by one, to tell the line */
		if (sandbox_read(&p->sandbox, one, &failure))
			policy_wrong(r, value->u.tab.value[i].at, "%s",
				     failure.text);
		json_decref(one);
		if (failure.error ||
		    (strcmp(name, "rw") == 0 &&
		     policy_read_files(r, name, &value->u.tab.value[i],
				       &p->writable)))
			return -1;
	}
	if (!sandbox_is_wanted(&p->sandbox))
		return policy_wrong(r, value->at,
				    "[sandbox] restricts nothing");
	p->bounds.sandbox = &p->sandbox;
	return 0;
}

static int read_time(struct policy_reader *r, const char *key,
		     const struct toml_value *value, int64_t *ns)
{
	const char *text;

	if (policy_read_string(r, key, value, &text))
		return -1;
	if (parse_duration(text, ns) || *ns <= 0)
		return policy_wrong(r, value->at,
				    "'%s' is not a time such as \"90s\" or "
				    "\"10m\"",
				    key);
	return 0;
}

/* Read what limits_read() does not know. Return: 1 if it is for limits_read(); 0 or -1. */
static int read_bound(struct policy_reader *r, const char *key,
		      const struct toml_value *value)
{
	struct policy_bounds *b = &r->policy->bounds;
	const char *text;

	if (strcmp(key, "timeout") == 0)
		return read_time(r, key, value, &b->timeout_ns);
	if (strcmp(key, "timeout_max") == 0)
		return read_time(r, key, value, &b->timeout_most_ns);
	if (strcmp(key, "idle_timeout") == 0)
		return read_time(r, key, value, &b->idle_timeout_ns);
	if (strcmp(key, "max_output") == 0) {
		if (policy_read_string(r, key, value, &text))
			return -1;
		return parse_size(text, &b->max_output)
			       ? policy_wrong(r, value->at,
					      "'%s' is not a size such as "
					      "\"1M\"",
					      key)
			       : 0;
	}
	if (strcmp(key, "programs") != 0)
		return 1;
	if (value->type != TOML_INT64 || value->u.int64 < 1 ||
	    value->u.int64 > PROGRAMS_MOST)
		return policy_wrong(r, value->at,
				    "'%s' is not a number from 1 to %d", key,
				    PROGRAMS_MOST);
	b->programs = (unsigned int)value->u.int64;
	return 0;
}

static int read_limits(struct policy_reader *r, const char *key,
		       const struct toml_value *value, void *to)
{
	struct policy *p = to;

	if (value->type != TOML_TABLE)
		return policy_wrong(r, value->at, "'%s' is not a table", key);
	for (int i = 0; i < value->u.tab.size; i++) {
		const char *name = value->u.tab.key[i];
		struct limits_failure failure;
		int ret = read_bound(r, name, &value->u.tab.value[i]);
		json_t *one;

		if (ret < 0)
			return -1;
		if (!ret)
			continue;
		one = json_object();
		json_object_set_new(one, name, to_json(&value->u.tab.value[i]));
		ret = limits_read(&p->bounds.limits, one, &failure);
		json_decref(one);
		if (ret)
			return policy_wrong(r, value->u.tab.value[i].at, "%s",
					    failure.text);
	}
	p->bounds.no_leftovers = p->bounds.programs ||
				 p->bounds.timeout_most_ns < TIMEOUT_MOST_NS;
	if (p->bounds.timeout_ns > p->bounds.timeout_most_ns)
		return policy_wrong(
			r, value->at,
			"'timeout' is longer than 'timeout_max', "
			"which is %lld s",
			(long long)(p->bounds.timeout_most_ns / 1000000000));
	return 0;
}

static int read_rules(struct policy_reader *r, const char *key,
		      const struct toml_value *value, void *to)
{
	(void)key;
	(void)to;
	return policy_read_rules(r, value);
}

static int read_document(struct policy_reader *r)
{
	static const struct policy_key keys[] = {
		{ "version", read_version, 0 },
		KEY("default", read_default, by_default),
		KEY("shell", read_shell, shell),
		KEY("search", read_search, search),
		{ "folders", read_folders, 0 },
		{ "env", read_env, 0 },
		{ "sandbox", read_sandbox, 0 },
		{ "limits", read_limits, 0 },
		{ "rule", read_rules, 0 },
	};

	return policy_read_table(r, "the file", &r->policy->toml, keys,
				 COUNT(keys), r->policy);
}

/* ---- the file */

/* Read a whole file of bounded size. Return: its bytes and a NUL, or NULL. */
static char *read_file(struct policy_reader *r, const char *path, size_t *n)
{
	char *text = malloc(POLICY_SIZE_MOST + 2);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t got = -1;
	int err = fd < 0 ? errno : 0;

	*n = 0;
	if (text && fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		err = EINVAL;
	while (text && !err && *n <= POLICY_SIZE_MOST &&
	       (got = read(fd, text + *n, POLICY_SIZE_MOST + 1 - *n)) > 0)
		*n += (size_t)got;
	if (!err && got < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	if (text && err)
		policy_wrong(r, policy_line(0), "%s",
			     err == EINVAL ? "not a regular file"
					   : strerror(err));
	else if (text && *n > POLICY_SIZE_MOST)
		policy_wrong(r, policy_line(0), "larger than %u KiB",
			     POLICY_SIZE_MOST >> 10);
	if (!text || r->error) {
		free(text);
		return NULL;
	}
	text[*n] = 0;
	return text;
}

static int parse(struct policy_reader *r, const char *path)
{
	size_t n = strlen(policy_by_default);
	char *text = path ? read_file(r, path, &n) : strdup(policy_by_default);
	char error[200];
	struct toml_place at = { 0 };
	int err;

	if (!text)
		return -1;
	err = toml_read(text, n, &r->policy->toml, &at, error, sizeof(error));
	free(text);
	if (err == -EINVAL)
		return policy_wrong(r, at, "%s", error);
	return err ? -1 : read_document(r);
}

/* Set what the file need not. Return: 0 or -1. */
static int begin(struct policy *p, const char *path)
{
	const char *search = getenv("PATH");
	char by_default[256], *real, *slash;

	if (!search || !*search) {
		confstr(_CS_PATH, by_default, sizeof(by_default));
		search = by_default;
	}
	p->by_default = POLICY_DENY;
	p->shell = "/bin/sh";
	p->bounds.timeout_ns = TIMEOUT_NS;
	p->bounds.timeout_most_ns = TIMEOUT_MOST_NS;
	p->file = strdup(path ? path : "(default)");
	p->search = strdup(search);
	real = path ? realpath(path, NULL) : realpath(".", NULL);
	slash = real && path ? strrchr(real, '/') : NULL;
	if (slash)
		slash[slash == real] = 0;
	p->base = real ? real : strdup("/");
	return p->file && p->search && p->base ? 0 : -1;
}

struct policy *policy_load(const char *path, char **error)
{
	struct policy_reader r = { 0 };
	int err;

	*error = NULL;
	r.policy = calloc(1, sizeof(*r.policy));
	if (!r.policy)
		return NULL;
	err = begin(r.policy, path);
	if (!err)
		err = parse(&r, path);
	if (!err) {
		policy_resolve(r.policy, true);
		return r.policy;
	}
	policy_free(r.policy);
	*error = r.error;
	return NULL;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_rules; i++)
		policy_rule_free(&p->rules[i]);
	free(p->rules);
	policy_files_free(&p->allowed);
	policy_files_free(&p->denied);
	policy_files_free(&p->writable);
	policy_list_free(&p->pass);
	policy_list_free(&p->settable);
	policy_list_free(&p->unsettable);
	for (size_t i = 0; p->set && p->set[i]; i++)
		free(p->set[i]);
	free(p->set);
	sandbox_wishes_free(&p->sandbox);
	json_decref(p->sandbox_json);
	toml_free(&p->toml);
	free(p->search);
	free(p->base);
	free(p->file);
	free(p);
}
