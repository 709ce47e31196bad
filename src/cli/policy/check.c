/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges requests by a policy. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/policy/pattern.h"
#include "cli/policy/rules.h"

/*
 * A "*" in a pattern of shell strings that are allowed stands for text without these: no
 * further command can be in it.
 */
#define SHELL_LIMITS ";&|<>()$`#\n\r"

/* Linux lets exec have so much: pages of one argument with its NUL, and bytes of all. */
#define ARG_PAGES 32
#define ARGS_MOST ((size_t)6 << 20)

struct judged {
	struct policy *policy;
	const struct policy_request *request;
	const struct policy_found *program;
	const struct policy_place *place; /* the working directory */
	bool is_loader;
	const char *name; /* the last part of argv[0] */
	struct policy_found searched; /* the file that .name leads to */
	int search_error; /* 1: not searched yet */
	const char *own; /* argv[0] for the rule that allows; NULL: any */
	char *line; /* owned: all words with blanks between; NULL: not joined yet */
};

/* ---- rules */

/* Tell whether the policy's search for the name of the request leads to its file. */
static bool is_at_home(struct judged *j)
{
	if (j->search_error == 1)
		j->search_error = policy_search(
			AT_FDCWD, j->name, j->policy->search, &j->searched);
	return !j->search_error &&
	       strcmp(j->searched.path, j->program->path) == 0;
}

static bool matches_path(const struct policy_file *file, const char *path)
{
	return pattern_matches(file->text, path, "") ||
	       (file->pattern && pattern_matches(file->pattern, path, ""));
}

/* An allowing rule holds for a program under the name that the rule has. */
static bool allows_program(struct judged *j, const struct policy_file *file)
{
	const char *base = policy_base_name(file->text);

	j->own = NULL;
	/* whoever means the dynamic linker names it */
	if (j->is_loader && pattern_is_open(file->text))
		return false;
	if (strcmp(file->text, "*") == 0)
		return true;
	j->own = j->program->path;
	if (!file->name) {
		if (!pattern_matches(file->text, j->name, "") || !is_at_home(j))
			return false;
		if (*j->searched.name == '/')
			j->own = j->searched.name;
		return true;
	}
	if (pattern_is_open(file->text))
		return matches_path(file, j->program->path) &&
		       strcmp(policy_base_name(j->program->path), j->name) == 0;
	j->own = file->name;
	return file->path && strcmp(file->path, j->program->path) == 0 &&
	       strcmp(base, j->name) == 0;
}

/* Other rules hold for the file under any name, and for any file of the name. */
static bool hits_program(const struct judged *j, const struct policy_file *file)
{
	const struct policy_found *p = j->program;

	if (file->path && (strcmp(file->path, p->path) == 0 ||
			   policy_is_same(&file->id, &p->id)))
		return true;
	if (file->name)
		return matches_path(file, p->path);
	return pattern_matches(file->text, j->name, "") ||
	       pattern_matches(file->text, policy_base_name(p->path), "");
}

static bool matches_programs(struct judged *j, const struct policy_rule *rule)
{
	const struct policy_files *files = &rule->programs;

	if (rule->verdict == POLICY_ALLOW)
		j->own = NULL;
	for (size_t i = 0; i < files->n; i++)
		if (rule->verdict == POLICY_ALLOW
			    ? allows_program(j, &files->file[i])
			    : hits_program(j, &files->file[i]))
			return true;
	return !files->n;
}

static bool matches_args(const struct policy_rule *rule,
			 const char *const *args)
{
	for (size_t i = 0; i < rule->n_args; i++)
		if (pattern_matches_words(rule->args[i].text, rule->args[i].n,
					  args))
			return true;
	return !rule->has_args;
}

static bool list_matches(const struct policy_list *list, const char *text,
			 const char *limits)
{
	for (size_t i = 0; i < list->n; i++)
		if (pattern_matches(list->text[i], text, limits))
			return true;
	return false;
}

static bool has_arg(const struct policy_list *list, const char *const *args)
{
	for (; *args; args++)
		if (list_matches(list, *args, ""))
			return true;
	return false;
}

/* Join the words. Return: NULL if memory is short. */
static char *join(const char *const *words)
{
	size_t size = 1;
	char *line, *to;

	for (size_t i = 0; words[i]; i++)
		size += strlen(words[i]) + 1;
	line = to = malloc(size);
	for (size_t i = 0; line && words[i]; i++)
		to = stpcpy(stpcpy(to, i ? " " : ""), words[i]);
	return line;
}

static bool sets_path(const struct policy_request *request)
{
	const char *const *v = request->variables;

	for (; v && *v; v++)
		if (strncmp(*v, "PATH", 4) == 0 && (!(*v)[4] || (*v)[4] == '='))
			return true;
	return false;
}

/* Tell whether a variable makes a shell run more than its string: files, functions, PS4. */
static bool tells_shell(const struct policy_request *request)
{
	static const char *const names[] = { "BASH_FUNC_*", "BASH_ENV*",
					     "ENV",	    "ENV=*",
					     "ZDOTDIR*",    "SHELLOPTS*" };
	const char *const *v = request->variables;

	for (; v && *v; v++)
		for (size_t i = 0; i < COUNT(names); i++)
			if (pattern_matches(names[i], *v, ""))
				return true;
	return false;
}

/*
 * Rules that do not allow look for the string in words, too: sh -c STRING, and in all of them,
 * as a string of words alone came without a shell. Those that allow mean the programs that the
 * names in a string lead to, and not those on another PATH.
 */
static bool matches_command(struct judged *j, const struct policy_rule *rule)
{
	const struct policy_request *request = j->request;

	if (rule->verdict != POLICY_ALLOW) {
		if (has_arg(&rule->command, request->argv + 1))
			return true;
		if (request->is_shell)
			return false;
		if (!j->line)
			j->line = join(request->argv);
		return !j->line || list_matches(&rule->command, j->line, "");
	}
	return request->is_shell && !sets_path(request) &&
	       !tells_shell(request) &&
	       list_matches(&rule->command, request->argv[2], SHELL_LIMITS);
}

static bool matches_folders(const struct judged *j,
			    const struct policy_rule *rule)
{
	if (!rule->folders.n)
		return true;
	return rule->verdict == POLICY_ALLOW
		       ? policy_is_below(j->place, &rule->folders)
		       : policy_may_be_below(j->place, &rule->folders);
}

static bool matches(struct judged *j, const struct policy_rule *rule)
{
	const struct policy_request *request = j->request;

	return matches_programs(j, rule) && matches_folders(j, rule) &&
	       matches_args(rule, request->argv + 1) &&
	       (!rule->any_arg.given ||
		has_arg(&rule->any_arg, request->argv + 1)) &&
	       (!rule->command.given || matches_command(j, rule));
}

/* Return the rule that decides: the first of those that deny, ask or allow; or NULL. */
static const struct policy_rule *decide(struct judged *j)
{
	const struct policy_rule *best = NULL;

	for (size_t i = 0; i < j->policy->n_rules; i++) {
		const struct policy_rule *rule = &j->policy->rules[i];

		if ((!best || rule->verdict > best->verdict) &&
		    matches(j, rule))
			best = rule;
	}
	return best;
}

/* ---- answers */

CLI_PRINTF(5, 6)
static int answer(struct policy_answer *a, enum policy_verdict verdict,
		  const char *rule, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	a->verdict = verdict;
	a->rule = rule;
	a->line = line;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	return 0;
}

static void judge_rules(struct judged *j, struct policy_answer *a)
{
	static const char *const words[] = { "allowed", "to be asked",
					     "denied" };
	const struct policy *p = j->policy;
	const struct policy_rule *rule = decide(j);

	if (j->is_loader &&
	    (!rule || (rule->verdict == POLICY_ALLOW && !rule->programs.n))) {
		answer(a, POLICY_DENY, "dynamic-linker", 0,
		       "denied by 'dynamic-linker', which needs no line in %s: "
		       "%.200s runs any file; a rule that allows it has its "
		       "name, and runs_others = true",
		       p->file, j->program->path);
		return;
	}
	if (!rule) {
		j->own = NULL;
		answer(a, p->by_default, "default", p->default_line,
		       "%s: no rule of %s names %.200s %s",
		       words[p->by_default], p->file, j->program->path,
		       j->request->is_shell ? "with such a string"
					    : "with such arguments");
		return;
	}
	answer(a, rule->verdict, rule->name, rule->line,
	       "%s by rule '%.64s' (%.200s, line %u)%s%.256s",
	       words[rule->verdict], rule->name, p->file, rule->line,
	       rule->reason ? ": " : "", rule->reason ? rule->reason : "");
	if (rule->verdict == POLICY_ALLOW && rule->warm)
		a->warm = warm_flag(rule->warm);
}

/* Return: whether the folder is denied. */
static bool judge_folder(const struct policy *p,
			 const struct policy_place *place,
			 struct policy_answer *a)
{
	bool denied = policy_may_be_below(place, &p->denied);
	unsigned int line = denied ? p->denied.line : p->allowed.line;

	if (!denied &&
	    (!p->allowed.file || policy_is_below(place, &p->allowed)))
		return false;
	answer(a, POLICY_DENY, "folders", line,
	       "denied by [folders] (%.200s, line %u): %.300s is %s", p->file,
	       line, place->path,
	       denied ? "in 'deny'" : "not below a folder of 'allow'");
	return true;
}

/* Return: whether a variable is denied. */
static bool judge_variables(const struct judged *j, struct policy_answer *a)
{
	const struct policy *p = j->policy;
	const char *const *v = j->request->variables;

	for (; v && *v; v++) {
		size_t n = strcspn(*v, "=");
		char *name = strndup(*v, n);
		bool denied = !name || list_matches(&p->unsettable, name, "");
		bool allowed =
			name && !denied && list_matches(&p->settable, name, "");
		unsigned int line =
			denied ? p->unsettable.line : p->settable.line;

		free(name);
		if (allowed)
			continue;
		answer(a, POLICY_DENY, "env", line,
		       "denied by [env] (%.200s, line %u): %.*s %s", p->file,
		       line, (int)(n < 64 ? n : 64), *v,
		       denied ? "is in 'deny'" : "is not in 'allow'");
		return true;
	}
	return false;
}

static void judge(struct judged *j, struct policy_answer *a)
{
	const struct policy *p = j->policy;

	if (judge_folder(p, j->place, a) || judge_variables(j, a))
		return;
	if (p->bounds.sandbox && j->request->sandbox &&
	    sandbox_is_wanted(j->request->sandbox))
		answer(a, POLICY_DENY, "sandbox", p->sandbox_line,
		       "denied by [sandbox] (%.200s, line %u): the sandbox is "
		       "the policy's; leave it out of the request",
		       p->file, p->sandbox_line);
	else
		judge_rules(j, a);
}

/*
 * Some programs look for their files beside argv[0]: python3 for a virtual environment. So a link
 * elsewhere is no name of what a rule allows. Return: 0 or -ENOMEM.
 */
static int name_program(const struct judged *j, struct policy_answer *a)
{
	const char *name = j->request->argv[0];

	if (a->verdict != POLICY_ALLOW || !j->own ||
	    strcmp(name, j->program->path) == 0 ||
	    (!strchr(name, '/') && !sets_path(j->request)))
		return 0;
	a->name = strdup(j->own);
	return a->name ? 0 : -ENOMEM;
}

/* Do not judge what exec refuses: it would take long. Return: 0 or -E2BIG. */
static int check_size(const char *const *argv)
{
	size_t most = ARG_PAGES * (size_t)sysconf(_SC_PAGESIZE), all = 0;

	for (; *argv; argv++) {
		size_t n = strlen(*argv) + 1;

		all += n + sizeof(*argv);
		if (n > most || all > ARGS_MOST)
			return -E2BIG;
	}
	return 0;
}

int policy_check(struct policy *p, const struct policy_request *request,
		 struct policy_answer *a)
{
	struct policy_found cwd = { .fd = -1 }, program = { .fd = -1 };
	struct policy_place place = { 0 };
	struct judged j = {
		.policy = p,
		.request = request,
		.program = &program,
		.place = &place,
		.name = policy_base_name(request->argv[0]),
		.searched = { .fd = -1 },
		.search_error = 1,
	};
	int err;

	*a = (struct policy_answer){
		.verdict = POLICY_DENY, .rule = "", .program = -1, .cwd = -1
	};
	err = check_size(request->argv);
	if (err) {
		snprintf(a->text, sizeof(a->text), "%.500s: %s", j.name,
			 strerror(-err));
		return err;
	}
	policy_resolve(p, false);
	err = policy_open(AT_FDCWD, request->cwd ? request->cwd : ".", true,
			  &cwd);
	if (err) {
		snprintf(a->text, sizeof(a->text), "folder %.500s: %s",
			 request->cwd ? request->cwd : ".", strerror(-err));
		return err;
	}
	a->cwd = cwd.fd;
	err = policy_locate(&cwd, &place);
	if (!err)
		err = policy_search(cwd.fd, request->argv[0],
				    request->search ? request->search : "",
				    &program);
	if (err) {
		snprintf(a->text, sizeof(a->text), "%.500s: %s",
			 request->argv[0], strerror(-err));
	} else {
		j.is_loader = policy_is_loader(&program);
		judge(&j, a);
		err = name_program(&j, a);
		a->program = program.fd;
		a->path = program.path;
	}
	free(program.name);
	policy_found_free(&j.searched);
	free(j.line);
	free(place.id);
	free(cwd.path);
	return err;
}

/* The server is in no sandbox: it writes only where a program of the policy may. */
static bool judge_output(const struct policy *p,
			 const struct policy_place *place,
			 struct policy_answer *a)
{
	if (judge_folder(p, place, a))
		return true;
	if (!p->bounds.sandbox ||
	    (!p->sandbox.read_only && !p->sandbox.writable) ||
	    policy_is_below(place, &p->writable))
		return false;
	answer(a, POLICY_DENY, "sandbox", p->sandbox_line,
	       "denied by [sandbox] (%.200s, line %u): %.300s is not below a "
	       "folder of 'rw'",
	       p->file, p->sandbox_line, place->path);
	return true;
}

int policy_open_output(struct policy *p, const char *path, int *fd,
		       struct policy_answer *a)
{
	struct policy_found folder = { .fd = -1 };
	struct policy_place place = { 0 };
	int err;

	*a = (struct policy_answer){
		.verdict = POLICY_DENY, .rule = "", .program = -1, .cwd = -1
	};
	policy_resolve(p, false);
	err = policy_open(AT_FDCWD, path, true, &folder);
	if (!err)
		err = policy_locate(&folder, &place);
	if (err)
		snprintf(a->text, sizeof(a->text), "folder %.500s: %s", path,
			 strerror(-err));
	else if (judge_output(p, &place, a))
		err = -EACCES;
	if (!err) {
		*fd = folder.fd;
		folder.fd = -1;
	}
	free(place.id);
	policy_found_free(&folder);
	return err;
}

void policy_answer_free(struct policy_answer *a)
{
	if (a->program >= 0)
		close(a->program);
	if (a->cwd >= 0)
		close(a->cwd);
	free(a->path);
	free(a->name);
	a->program = a->cwd = -1;
	a->path = a->name = NULL;
}

bool policy_is_program(const struct policy_answer *a, int fd)
{
	struct stat judged, other;

	return fstat(a->program, &judged) == 0 && fstat(fd, &other) == 0 &&
	       judged.st_dev == other.st_dev && judged.st_ino == other.st_ino;
}
