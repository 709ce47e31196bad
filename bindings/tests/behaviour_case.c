/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns a case of the table into the arguments of a run. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "behaviour.h"

extern char **environ;

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void give_up(const char *what, const char *name)
{
	fprintf(stderr, "behaviour: %s: %s\n", what, name);
	exit(2);
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		give_up("out of memory", "calloc");
	return p;
}

/* ---- flags of results */

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{ "timed_out", SPAWN_TEMPLATE_RESULT_TIMED_OUT },
	{ "idle", SPAWN_TEMPLATE_RESULT_IDLE },
	{ "tree_killed", SPAWN_TEMPLATE_RESULT_TREE_KILLED },
	{ "pipe_held", SPAWN_TEMPLATE_RESULT_PIPE_HELD },
	{ "out_truncated", SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED },
	{ "err_truncated", SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED },
	{ "status_lost", SPAWN_TEMPLATE_RESULT_STATUS_LOST },
};

uint32_t behaviour_flag(const char *name)
{
	uint32_t all = 0;

	for (size_t i = 0; i < COUNT(flags); i++) {
		if (name && strcmp(name, flags[i].name) == 0)
			return flags[i].flag;
		all |= flags[i].flag;
	}
	if (name)
		give_up("unknown flag", name);
	return all;
}

/* ---- options */

#define MS(field) offsetof(struct spawn_template_run_args, field), 1000000
#define BYTES(field) offsetof(struct spawn_template_run_args, field), 1

/* Options that are numbers: their place, and their unit there. */
static const struct {
	const char *name;
	size_t at;
	uint64_t unit;
} numbers[] = {
	{ "timeout_ms", MS(timeout_ns) },
	{ "grace_ms", MS(grace_ns) },
	{ "idle_timeout_ms", MS(idle_timeout_ns) },
	{ "held_quiet_ms", MS(held_quiet_ns) },
	{ "held_most_ms", MS(held_most_ns) },
	{ "max_output", BYTES(max_output) },
	{ "tail_output", BYTES(tail_output) },
};

static bool take_number(struct spawn_template_run_args *args, const char *name,
			const json_t *value)
{
	for (size_t i = 0; i < COUNT(numbers); i++) {
		uint64_t n = (uint64_t)json_integer_value(value);

		if (strcmp(name, numbers[i].name) != 0)
			continue;
		n *= numbers[i].unit;
		memcpy((char *)args + numbers[i].at, &n, sizeof(n));
		if (strcmp(name, "tail_output") == 0)
			args->flags |= SPAWN_TEMPLATE_RUN_TAIL;
		return true;
	}
	return false;
}

static void take_option(struct spawn_template_run_args *args, const char *name,
			const json_t *value)
{
	if (take_number(args, name, value))
		return;
	if (strcmp(name, "merge_stderr") == 0) {
		args->flags |= json_is_true(value)
				       ? SPAWN_TEMPLATE_RUN_MERGE_STDERR
				       : 0;
	} else if (strcmp(name, "capture") == 0) {
		args->flags |=
			json_is_true(value) ? 0 : SPAWN_TEMPLATE_RUN_NO_CAPTURE;
	} else if (strcmp(name, "umask") == 0) {
		args->spawn.flags |= SPAWN_TEMPLATE_SPAWN_UMASK;
		args->spawn.umask = (uint32_t)json_integer_value(value);
	} else if (strcmp(name, "pty") == 0) {
		args->flags |= SPAWN_TEMPLATE_RUN_PTY;
		args->winsize = SPAWN_TEMPLATE_WINSIZE(
			json_integer_value(json_object_get(value, "rows")),
			json_integer_value(json_object_get(value, "columns")));
	} else {
		give_up("unknown option", name);
	}
}

/* ---- the case */

static char **take_argv(const json_t *list)
{
	char **argv = allocate(json_array_size(list) + 1, sizeof(*argv));
	const json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		argv[i] = (char *)json_string_value(value);
	}
	return argv;
}

static char **take_env(json_t *env)
{
	char **envp = allocate(json_object_size(env) + 1, sizeof(*envp));
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach(env, name, value)
	{
		if (asprintf(&envp[n++], "%s=%s", name,
			     json_string_value(value)) < 0)
			give_up("out of memory", name);
	}
	return envp;
}

static void take_input(struct behaviour_run *run, const json_t *entry)
{
	const json_t *input = json_object_get(entry, "input");
	const json_t *times = json_object_get(entry, "input_times");
	size_t len = json_string_length(input);
	size_t n = times ? (size_t)json_integer_value(times) : 1;

	if (!input)
		return;
	run->input = allocate(n, len + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(run->input + i * len, json_string_value(input), len);
	run->args.input = (uintptr_t)run->input;
	run->args.input_len = n * len;
}

static void take_cwd(struct behaviour_run *run, const json_t *entry)
{
	const char *cwd = json_string_value(json_object_get(entry, "cwd"));

	if (!cwd)
		return;
	run->cwd = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_CHDIR,
		.arg = (uintptr_t)cwd,
	};
	run->args.spawn.actions = (uintptr_t)&run->cwd;
	run->args.spawn.actions_len = 1;
}

static void know_all(const json_t *entry)
{
	static const char *const known[] = {
		"name", "argv", "program", "input",  "input_times",
		"env",	"cwd",	"options", "expect",
	};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)entry, name, value)
	{
		size_t i = 0;

		while (i < COUNT(known) && strcmp(name, known[i]) != 0)
			i++;
		if (i == COUNT(known))
			give_up("unknown field", name);
	}
}

void behaviour_take(struct behaviour_run *run, const json_t *entry)
{
	json_t *env = json_object_get(entry, "env"), *value;
	const char *program, *name;

	know_all(entry);
	*run = (struct behaviour_run){ .args = SPAWN_TEMPLATE_RUN_ARGS_INIT };
	run->argv = take_argv(json_object_get(entry, "argv"));
	program = json_string_value(json_object_get(entry, "program"));
	run->program = program ? program : run->argv[0];
	if (env)
		run->envp = take_env(env);
	run->args.spawn.argv = (uintptr_t)run->argv;
	run->args.spawn.envp = (uintptr_t)(env ? run->envp : environ);
	take_input(run, entry);
	take_cwd(run, entry);
	json_object_foreach(json_object_get(entry, "options"), name, value)
	{
		take_option(&run->args, name, value);
	}
}

void behaviour_free(struct behaviour_run *run)
{
	for (size_t i = 0; run->envp && run->envp[i]; i++)
		free(run->envp[i]);
	free(run->envp);
	free(run->argv);
	free(run->input);
}
