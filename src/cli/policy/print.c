/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy as text: the one in force as TOML, and what is wrong with a file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy/rules.h"

/* JSON's escapes are TOML's. */
static void print_string(const char *text)
{
	json_t *value = json_string(text);
	char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	out_lines("%s", quoted ? quoted : "\"\"");
	free(quoted);
	json_decref(value);
}

static void print_strings(const char *const *text, size_t n)
{
	out_lines("[");
	for (size_t i = 0; i < n; i++) {
		out_lines("%s", i ? ", " : "");
		print_string(text[i]);
	}
	out_lines("]");
}

static void print_list(const char *key, const struct policy_list *list)
{
	if (!list->given)
		return;
	out_lines("%s = ", key);
	print_strings(list->text, list->n);
	out_lines("\n");
}

/* Print names, and in a comment where they lead to. */
static void print_files(const char *key, const struct policy_files *files,
			bool folders)
{
	if (!files->file)
		return;
	out_lines("%s = [\n", key);
	for (size_t i = 0; i < files->n; i++) {
		const struct policy_file *file = &files->file[i];
		const char *name = folders ? file->name : file->text;

		out_lines("    ");
		print_string(name);
		if (!file->path)
			out_lines(",%s\n", strpbrk(file->text, "*?\\")
						   ? ""
						   : " # not there now");
		else if (strcmp(file->path, name) != 0)
			out_lines(", # %s\n", file->path);
		else
			out_lines(",\n");
	}
	out_lines("]\n");
}

static void print_text(const char *key, const char *text)
{
	if (!text)
		return;
	out_lines("%s = ", key);
	print_string(text);
	out_lines("\n");
}

static void print_rule(const struct policy_rule *rule)
{
	out_lines("\n[[rule]] # line %u\n", rule->line);
	print_text("name", rule->name);
	print_text("action", policy_verdicts[rule->verdict]);
	print_files("program", &rule->programs, false);
	if (rule->has_args) {
		out_lines("args = [");
		for (size_t i = 0; i < rule->n_args; i++) {
			out_lines("%s", i ? ", " : "");
			print_strings(rule->args[i].text, rule->args[i].n);
		}
		out_lines("]\n");
	}
	print_list("any_arg", &rule->any_arg);
	print_list("command", &rule->command);
	print_files("folders", &rule->folders, true);
	if (rule->runs_others)
		out_lines("runs_others = true\n");
	print_text("warm", rule->warm);
	print_text("reason", rule->reason);
}

static void print_env(const struct policy *p)
{
	out_lines("\n[env]\n");
	print_list("pass", &p->pass);
	print_list("allow", &p->settable);
	print_list("deny", &p->unsettable);
	if (!p->set)
		return;
	out_lines("\n[env.set]\n");
	for (size_t i = 0; p->set[i]; i++) {
		const char *value = strchr(p->set[i], '=') + 1;
		json_t *name = json_stringn(p->set[i],
					    (size_t)(value - p->set[i]) - 1);

		print_string(json_string_value(name));
		out_lines(" = ");
		print_string(value);
		out_lines("\n");
		json_decref(name);
	}
}

static void print_sandbox(const struct policy *p)
{
	const char *key;
	json_t *value;

	if (!p->sandbox_json)
		return;
	out_lines("\n[sandbox]\n");
	json_object_foreach(p->sandbox_json, key, value)
	{
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		out_lines("%s = %s\n", key, text ? text : "\"\"");
		free(text);
	}
}

static void print_seconds(const char *key, int64_t ns)
{
	if (ns)
		out_lines("%s = \"%.9gs\"\n", key, (double)ns / 1e9);
}

/* The numbers of limits are in the units of their keys, and are read as they are. */
static void print_limits(const struct policy_bounds *b)
{
	static const char *const keys[LIMITS] = {
		[LIMIT_MEMORY] = "memory_max",
		[LIMIT_SWAP] = "memory_swap_max",
		[LIMIT_PIDS] = "pids_max",
		[LIMIT_CPU] = "cpu_max",
		[LIMIT_CPU_WEIGHT] = "cpu_weight",
		[LIMIT_IO_WEIGHT] = "io_weight",
	};

	out_lines("\n[limits]\n");
	print_seconds("timeout", b->timeout_ns);
	print_seconds("timeout_max", b->timeout_most_ns);
	print_seconds("idle_timeout", b->idle_timeout_ns);
	if (b->max_output)
		out_lines("max_output = \"%" PRIu64 "\"\n", b->max_output);
	if (b->programs)
		out_lines("programs = %u\n", b->programs);
	for (int i = 0; i < LIMITS; i++)
		if (b->limits.value[i] == UINT64_MAX)
			out_lines("%s = \"max\"\n", keys[i]);
		else if (b->limits.value[i])
			out_lines("%s = %" PRIu64 "\n", keys[i],
				  b->limits.value[i]);
}

void policy_print(const struct policy *p)
{
	out_lines("# %s\nversion = 1\n", p->file);
	print_text("default", policy_verdicts[p->by_default]);
	print_text("shell", p->shell);
	print_text("search", p->search);
	if (p->allowed.file || p->denied.file)
		out_lines("\n[folders]\n");
	print_files("allow", &p->allowed, true);
	print_files("deny", &p->denied, true);
	print_env(p);
	print_sandbox(p);
	print_limits(&p->bounds);
	for (size_t i = 0; i < p->n_rules; i++)
		print_rule(&p->rules[i]);
}

int policy_check_file(const char *path)
{
	char *error;
	struct policy *policy = policy_load(path, &error);

	if (!policy) {
		out_error("%s", error ? error : "out of memory");
		free(error);
		return CLI_FAILED;
	}
	out_lines("%s: right, %zu rules\n", path, policy->n_rules);
	policy_free(policy);
	return 0;
}
