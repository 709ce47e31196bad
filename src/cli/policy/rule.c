/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of a policy file, and the check that none runs more than it says. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy/pattern.h"
#include "cli/policy/rules.h"

#define RULES_MOST 4096

/*
 * Programs whose job is to run another program, or code that they are given. A rule that
 * allows one allows anything, so the rule must say so. The list cannot be whole: editors,
 * build tools and many options of other tools run programs, too.
 */
static const char *const runners[] = {
	/* shells */
	"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "csh",
	"tcsh", "busybox", "toybox",
	/* programs that run the rest of their words */
	"env", "xargs", "nice", "ionice", "chrt", "taskset", "nohup", "timeout",
	"time", "setsid", "stdbuf", "flock", "watch", "script", "parallel",
	"strace", "ltrace", "gdb", "perf", "chroot", "unshare", "nsenter",
	"bwrap", "setpriv", "systemd-run", "find", "fd", "fdfind",
	"spawn-template",
	/* programs that run them as somebody else, or elsewhere */
	"sudo", "su", "doas", "pkexec", "run0", "runuser", "ssh", "docker",
	"podman",
	/* interpreters, and tools whose files are programs */
	"python", "python2", "python3", "perl", "ruby", "node", "nodejs",
	"deno", "bun", "php", "lua", "awk", "gawk", "mawk", "make", "npx"
};

/* Tell whether a name is of a runner, also with a version behind it, as python3.11. */
static const char *find_runner(const char *name)
{
	size_t n = strlen(name);
	char plain[64];

	while (n && strchr("0123456789.-", name[n - 1]))
		n--;
	snprintf(plain, sizeof(plain), "%.*s", (int)n, name);
	if (policy_names_loader(name))
		return "the dynamic linker";
	for (size_t i = 0; i < COUNT(runners); i++)
		if (pattern_matches(name, runners[i], "") ||
		    strcmp(plain, runners[i]) == 0)
			return runners[i];
	return NULL;
}

static bool is_one_of(const char *pattern, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pattern_matches(pattern, words[i], ""))
			return true;
	return false;
}

/*
 * Tell whether arguments leave it to the client what is run: by a pattern, or by the standard
 * input, as those of "sh", "sh -s" and "python3 -u".
 */
static bool list_is_open(const struct policy_list *args)
{
	static const char *const inputs[] = { "-", "-s" };
	static const char *const ends[] = { "--version", "--help", "-V" };
	bool says = false;

	for (size_t i = 0; i < args->n; i++) {
		const char *text = args->text[i];

		if (pattern_is_open(text) ||
		    is_one_of(text, inputs, COUNT(inputs)))
			return true;
		says |= *text != '-' || is_one_of(text, ends, COUNT(ends));
	}
	return !says;
}

static bool args_are_open(const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_args; i++)
		if (list_is_open(&rule->args[i]))
			return true;
	return !rule->has_args;
}

static int check_runners(struct policy_reader *r,
			 const struct policy_rule *rule)
{
	if (rule->verdict != POLICY_ALLOW || rule->runs_others ||
	    rule->command.given || !args_are_open(rule))
		return 0;
	for (size_t i = 0; i < rule->programs.n; i++) {
		const char *text = rule->programs.file[i].text;
		const char *runner = find_runner(policy_base_name(text));

		if (runner)
			return policy_wrong(
				r, policy_line(rule->programs.line),
				"rule '%s' allows '%s': %s runs any program or "
				"code that it is told to; if that is meant, "
				"add runs_others = true",
				rule->name, text, runner);
	}
	return 0;
}

/*
 * With a quote in the place of "*", what the pattern has in quotes is not in quotes: ';' in
 * them would end a command.
 */
static int check_quotes(struct policy_reader *r, const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->command.n; i++) {
		const char *text = rule->command.text[i];

		if (rule->verdict == POLICY_ALLOW && pattern_is_open(text) &&
		    strpbrk(text, "'\"\\") && strcmp(text, "**") != 0)
			return policy_wrong(
				r, policy_line(rule->command.line),
				"rule '%s': the pattern %.200s has a quote or "
				"a backslash and a '*' or '?', which may stand "
				"for a quote, too: leave the quotes out",
				rule->name, text);
	}
	return 0;
}

/* ---- one rule */

static int read_args(struct policy_reader *r, const char *key,
		     const struct toml_value *value, void *to)
{
	struct policy_rule *rule = to;

	if (value->type != TOML_ARRAY)
		return policy_wrong(r, value->at,
				    "'%s' is not an array of arrays of strings",
				    key);
	rule->has_args = true;
	rule->args = calloc((size_t)value->u.arr.size + 1, sizeof(*rule->args));
	if (!rule->args)
		return -1;
	for (int i = 0; i < value->u.arr.size; i++) {
		const struct toml_value *one = &value->u.arr.elem[i];

		if (one->type != TOML_ARRAY)
			return policy_wrong(r, one->at,
					    "'%s'[%d] is not an array of "
					    "strings",
					    key, i);
		if (policy_read_list(r, key, one, &rule->args[rule->n_args++]))
			return -1;
	}
	return 0;
}

static int read_warm_word(struct policy_reader *r, const char *key,
			  const struct toml_value *value, void *to)
{
	const char **warm = to;

	if (policy_read_string(r, key, value, to))
		return -1;
	if (warm_flag(*warm))
		return 0;
	return policy_wrong(r, value->at,
			    "'%s' is none of \"once\", \"fork\" and "
			    "\"python\"",
			    key);
}

#define KEY(name, reader, member) \
	{ \
		name, reader, offsetof(struct policy_rule, member) \
	}

static const struct policy_key keys[] = {
	KEY("name", policy_read_string, name),
	KEY("action", policy_read_verdict, verdict),
	KEY("program", policy_read_files, programs),
	{ "args", read_args, 0 },
	KEY("any_arg", policy_read_list, any_arg),
	KEY("command", policy_read_list, command),
	KEY("folders", policy_read_files, folders),
	KEY("runs_others", policy_read_bool, runs_others),
	KEY("warm", read_warm_word, warm),
	KEY("reason", policy_read_string, reason),
};

/* Folders are by path; programs without a slash are searched. */
static int name_files(struct policy_reader *r, struct policy_files *files,
		      bool folders)
{
	for (size_t i = 0; i < files->n; i++) {
		struct policy_file *file = &files->file[i];

		if (folders || !strchr(file->text, '/')) {
			if (!folders) {
				free(file->name);
				file->name = NULL;
			}
		} else if (*file->text != '/') {
			return policy_wrong(r, policy_line(files->line),
					    "'%s' is neither a name nor an "
					    "absolute path",
					    file->text);
		}
	}
	return 0;
}

/* An empty list is none of what it names; as a condition that is not there, it is all. */
static int check_empty(struct policy_reader *r, const struct policy_rule *rule)
{
	const struct policy_files *programs = &rule->programs;
	const struct policy_files *folders = &rule->folders;

	if (programs->file && !programs->n)
		return policy_wrong(r, policy_line(programs->line),
				    "rule '%s': 'program' names none",
				    rule->name);
	if (folders->file && !folders->n)
		return policy_wrong(r, policy_line(folders->line),
				    "rule '%s': 'folders' names none",
				    rule->name);
	return 0;
}

static int check_rule(struct policy_reader *r, struct policy_rule *rule,
		      const struct toml_value *table)
{
	if (!rule->name || !*rule->name)
		return policy_wrong(r, table->at, "a rule without 'name'");
	for (struct policy_rule *o = r->policy->rules; o < rule; o++)
		if (strcmp(o->name, rule->name) == 0)
			return policy_wrong(r, table->at,
					    "rule '%s' is there twice, first "
					    "in line %u",
					    rule->name, o->line);
	if (!toml_get(table, "action"))
		return policy_wrong(r, table->at, "rule '%s' has no 'action'",
				    rule->name);
	if (!rule->programs.n && !rule->command.n)
		return policy_wrong(r, table->at,
				    "rule '%s' has neither 'program' nor "
				    "'command'",
				    rule->name);
	return check_empty(r, rule) || name_files(r, &rule->programs, false) ||
			       check_runners(r, rule) || check_quotes(r, rule)
		       ? -1
		       : 0;
}

int policy_read_rules(struct policy_reader *r, const struct toml_value *rules)
{
	struct policy *p = r->policy;

	if (rules->type != TOML_ARRAY)
		return policy_wrong(r, rules->at,
				    "'rule' is not an array: write [[rule]]");
	if (rules->u.arr.size > RULES_MOST)
		return policy_wrong(r, rules->at, "more than %d rules",
				    RULES_MOST);
	p->rules = calloc((size_t)rules->u.arr.size + 1, sizeof(*p->rules));
	if (!p->rules)
		return -1;
	for (int i = 0; i < rules->u.arr.size; i++) {
		const struct toml_value *table = &rules->u.arr.elem[i];
		struct policy_rule *rule = &p->rules[p->n_rules++];

		rule->line = (unsigned int)table->at.line;
		if (policy_read_table(r, "a rule", table, keys, COUNT(keys),
				      rule) ||
		    check_rule(r, rule, table))
			return -1;
	}
	return 0;
}

void policy_rule_free(struct policy_rule *rule)
{
	policy_files_free(&rule->programs);
	policy_files_free(&rule->folders);
	policy_list_free(&rule->any_arg);
	policy_list_free(&rule->command);
	for (size_t i = 0; i < rule->n_args; i++)
		policy_list_free(&rule->args[i]);
	free(rule->args);
}
