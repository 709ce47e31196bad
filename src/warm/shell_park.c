/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a traced bash source its file, and stops it where it would read the
 * command: at the call of parse_command() for the second line of -c's text.
 *
 * Breakpoints stand at functions that bash exports.
 */
#include <string.h>

#include "sys.h"
#include "warm/stops.h"

#if WARM_ARCH

/* The time within which the file must have been sourced. */
#define SOURCE_MOST_S 10

/* The breakpoints, in the order of these symbols. */
static const unsigned char stops[] = {
	WARM_BASH_parse_command,
	WARM_BASH_source_file,
	WARM_BASH_set_working_directory,
};
#define STOPS 3

struct sourcing {
	struct st_stops run;	/* the first: take_stop() gets its address */
	bool begun;		/* the file is being sourced */
};

/* ---- breakpoints */

static uint64_t symbol(const struct sourcing *s, enum warm_bash i)
{
	return s->run.t->out->control.shell.symbol[i];
}

static int read_int(const struct sourcing *s, enum warm_bash i, int *value)
{
	return st_trace_copy_in(s->run.t, symbol(s, i), value, sizeof(*value));
}

/* Tells whether bash is about to read the text that is to be replaced. */
static bool is_at_command(const struct sourcing *s)
{
	const struct st_shell_start *sh = s->run.t->park->shell;
	const char *text = sh->argv[2] + sh->rest;
	char there[64];
	uint64_t at;
	int level;

	if (read_int(s, WARM_BASH_parse_and_execute_level, &level) < 0 ||
	    level != 1)
		return false;
	if (st_trace_copy_in(s->run.t,
			     symbol(s, WARM_BASH_bash_input) +
				     WARM_BASH_INPUT_AT,
			     &at, sizeof(at)) < 0 ||
	    st_trace_copy_in(s->run.t, at - 1, there, sizeof(there)) < 0)
		return false;
	return memcmp(there, text - 1, sizeof(there)) == 0;
}

/* Notes a file that the shell sources: a change of it will retire the shell. */
static int note_source(struct sourcing *s, uint64_t at)
{
	char path[SPAWN_TEMPLATE_PATH_MAX];
	size_t len = 0;

	s->begun = true;
	do {
		if (len == sizeof(path) ||
		    st_trace_copy_in(s->run.t, at + len, path + len, 1) < 0)
			return -ENAMETOOLONG;
	} while (path[len++]);
	return *path == '/' ? st_park_file(s->run.t, path, len - 1) : -EINVAL;
}

/* Return: 1: at the command; 0: the shell goes on; -errno. */
static int take_stop(struct st_stops *run, int which,
		     const struct user_regs_struct *regs)
{
	struct sourcing *s = (struct sourcing *)run;

	if (which == STOPS)
		return -ENOEXEC;
	if (stops[which] == WARM_BASH_parse_command && is_at_command(s))
		return 1;
	if (stops[which] == WARM_BASH_source_file)
		return note_source(s, regs->rdi);
	/* the next command would start in another directory than its caller */
	if (stops[which] == WARM_BASH_set_working_directory && s->begun)
		return -EXDEV;
	return 0;
}

/* ---- the state to fork from */

/* Checks that the variables are those of bash as it is known. */
static int check_shell(const struct sourcing *s)
{
	struct tracer *t = s->run.t;
	uint64_t vars[2] = { 0, 1 }, text = 0;
	char there[64];
	int pid = 0, debugging = 1;

	if (read_int(s, WARM_BASH_dollar_dollar_pid, &pid) < 0 || pid != t->pid)
		return -ENOEXEC;
	if (read_int(s, WARM_BASH_debugging_mode, &debugging) < 0 || debugging)
		return -EBUSY;
	if (st_trace_copy_in(t, symbol(s, WARM_BASH_dollar_vars), vars,
			     sizeof(vars)) < 0 ||
	    !vars[0] || vars[1])
		return -EBUSY; /* the file has set parameters */
	if (st_trace_copy_in(t, symbol(s, WARM_BASH_command_execution_string),
			     &text, sizeof(text)) < 0 ||
	    st_trace_copy_in(t, text, there, sizeof(there)) < 0 ||
	    memcmp(there, t->park->shell->argv[2], sizeof(there)) != 0)
		return -ENOEXEC;
	/* a child that the file has left would be a child of no command's shell */
	if (st_stops_has_children(t))
		return -ECHILD;
	/* descriptors that the file opens are not sent to forks */
	return st_stops_count(t, "fd") == 5 ? 0 : -EMFILE;
}

/* Notes the addresses of bash's symbols and of its environment. */
static void note_addresses(struct tracer *t)
{
	struct warm_control *z = &t->out->control;
	const struct st_shell_start *sh = t->park->shell;
	uint64_t argc = 0, n = 0;

	for (int i = 0; i < WARM_BASH_N; i++)
		z->shell.symbol[i] =
			sh->offset[i] ? z->entry + (uint64_t)sh->offset[i] : 0;
	while (sh->argv[argc])
		argc++;
	while (sh->envp[n])
		n++;
	z->shell.environ = z->initial_sp + 8 * (argc + 2);
	z->shell.n_environ = n;
}

int st_park_bash(struct tracer *t)
{
	struct sourcing s = { .begun = false };
	int ret;

	s.run = (struct st_stops){ .t = t, .n = STOPS, .take = take_stop };
	note_addresses(t);
	for (int i = 0; i < STOPS; i++)
		s.run.at[i] = symbol(&s, stops[i]);
	t->out->first_source = t->out->n_files;
	ret = st_stops_begin(&s.run, SOURCE_MOST_S);
	if (ret == 0)
		ret = st_stops_run(&s.run);
	t->out->last_source = t->out->n_files;
	if (ret < 0)
		return st_park_at(t, WARM_STEP_SOURCE, ret);
	ret = st_stops_hold(&s.run);
	if (ret == 0)
		ret = check_shell(&s);
	st_stops_note(t);
	t->out->control.shell.shell = WARM_SHELL_BASH;
	return st_park_at(t, WARM_STEP_SHELL, ret);
}

#endif
