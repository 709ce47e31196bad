/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of a policy file, checked by type, with the line of each in errors. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy/pattern.h"
#include "cli/policy/rules.h"

const char *const policy_verdicts[3] = { "allow", "ask", "deny" };

int policy_wrong(struct policy_reader *r, struct toml_place at, const char *fmt,
		 ...)
{
	char *text = NULL, column[16] = "";
	va_list ap;

	va_start(ap, fmt);
	if (r->error || vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (at.column)
		snprintf(column, sizeof(column), ":%d", at.column);
	if (text && asprintf(&r->error, "%s:%d%s: %s", r->policy->file, at.line,
			     column, text) < 0)
		r->error = NULL;
	free(text);
	return -1;
}

int policy_read_table(struct policy_reader *r, const char *where,
		      const struct toml_value *table,
		      const struct policy_key *keys, size_t n, void *to)
{
	if (table->type != TOML_TABLE)
		return policy_wrong(r, table->at, "%s is not a table", where);
	for (int i = 0; i < table->u.tab.size; i++) {
		const char *key = table->u.tab.key[i];
		const struct toml_value *value = &table->u.tab.value[i];
		size_t k = 0;

		while (k < n && strcmp(keys[k].name, key) != 0)
			k++;
		if (k == n)
			return policy_wrong(r, value->at,
					    "unknown key '%.64s' in %s", key,
					    where);
		if (keys[k].read(r, key, value, (char *)to + keys[k].offset))
			return -1;
	}
	return 0;
}

int policy_read_string(struct policy_reader *r, const char *key,
		       const struct toml_value *value, void *to)
{
	const char **text = to;

	if (value->type != TOML_STRING)
		return policy_wrong(r, value->at, "'%s' is not a string", key);
	if (strlen(value->u.str.ptr) != (size_t)value->u.str.len)
		return policy_wrong(r, value->at, "'%s' has a NUL", key);
	if (value->u.str.len > PATTERN_MOST)
		return policy_wrong(r, value->at,
				    "'%s' is longer than %d bytes", key,
				    PATTERN_MOST);
	*text = value->u.str.ptr;
	return 0;
}

int policy_read_bool(struct policy_reader *r, const char *key,
		     const struct toml_value *value, void *to)
{
	bool *flag = to;

	if (value->type != TOML_BOOLEAN)
		return policy_wrong(r, value->at,
				    "'%s' is neither true nor false", key);
	*flag = value->u.boolean;
	return 0;
}

int policy_read_verdict(struct policy_reader *r, const char *key,
			const struct toml_value *value, void *to)
{
	enum policy_verdict *verdict = to;
	const char *text;

	if (policy_read_string(r, key, value, &text))
		return -1;
	for (size_t i = 0; i < COUNT(policy_verdicts); i++)
		if (strcmp(text, policy_verdicts[i]) == 0) {
			*verdict = (enum policy_verdict)i;
			return 0;
		}
	return policy_wrong(r, value->at,
			    "'%s' is none of \"allow\", \"ask\" and \"deny\"",
			    key);
}

/* Read a string, or an array of strings. */
int policy_read_list(struct policy_reader *r, const char *key,
		     const struct toml_value *value, void *to)
{
	struct policy_list *list = to;
	bool one = value->type == TOML_STRING;
	size_t n = one			       ? 1
		   : value->type == TOML_ARRAY ? (size_t)value->u.arr.size
					       : 0;

	if (!one && value->type != TOML_ARRAY)
		return policy_wrong(r, value->at,
				    "'%s' is neither a string nor an array of "
				    "strings",
				    key);
	list->given = true;
	list->line = (unsigned int)value->at.line;
	list->text = calloc(n + 1, sizeof(*list->text));
	if (!list->text)
		return -1;
	for (; list->n < n; list->n++)
		if (policy_read_string(
			    r, key, one ? value : &value->u.arr.elem[list->n],
			    &list->text[list->n]))
			return -1;
	return 0;
}

/* Read files or folders, and make them absolute from the folder of the policy. */
int policy_read_files(struct policy_reader *r, const char *key,
		      const struct toml_value *value, void *to)
{
	struct policy_files *files = to;
	struct policy_list list = { 0 };
	int err = policy_read_list(r, key, value, &list);

	files->line = list.line;
	if (!err)
		files->file = calloc(list.n + 1, sizeof(*files->file));
	for (size_t i = 0; files->file && i < list.n; i++) {
		struct policy_file *file = &files->file[files->n++];
		bool absolute = *list.text[i] == '/';

		file->text = list.text[i];
		while (strncmp(file->text, "./", 2) == 0 && file->text[2])
			file->text += 2;
		if (!*file->text)
			err = policy_wrong(r, value->at,
					   "'%s' has an empty string", key);
		if (asprintf(&file->name, "%s%s%s",
			     absolute ? "" : r->policy->base,
			     absolute ? "" : "/", file->text) < 0) {
			file->name = NULL;
			err = -1;
		}
	}
	policy_list_free(&list);
	return err || !files->file ? -1 : 0;
}

void policy_list_free(struct policy_list *list)
{
	free(list->text);
	*list = (struct policy_list){ 0 };
}

void policy_files_free(struct policy_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->file[i].name);
		free(files->file[i].path);
		free(files->file[i].pattern);
	}
	free(files->file);
	*files = (struct policy_files){ 0 };
}
