/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of the stub: makes the fork of a session shell the shell of one
 * command. It calls bash's own functions, at a place at which bash itself was
 * about to call one, so that all is as after a cold start: `$$`, `$0`, the
 * parameters, the working directory, the time, the random numbers, and the
 * text to be read.
 */
#ifndef ST_WARM_SHELL_STUB_H
#define ST_WARM_SHELL_STUB_H

/* bash's struct variable, struct word_desc; of its struct word_list only links */
struct bash_variable {
	char *name, *value, *exported;
	void *get, *set;
	int attributes, context;
};

struct bash_word {
	char *word;
	int flags;
};

#define BASH_IMPORTED 0x8000

#define BASH_AT(shell, name, type) ((type *)(shell)->symbol[WARM_BASH_##name])

typedef struct bash_variable *bash_bind_fn(const char *, char *, int);
typedef int bash_name_fn(const char *);
typedef struct bash_word *bash_word_fn(const char *);
typedef void *bash_cons_fn(struct bash_word *, void *);
typedef void bash_remember_fn(void *, int);
typedef void bash_plain_fn(void);

/* Binds $0 and the parameters, as bind_args() of bash does. */
INLINE void bash_take_args(const struct warm_shell *sh,
			   const struct warm_command *c)
{
	bash_word_fn *word = BASH_AT(sh, make_word, bash_word_fn);
	char *const *args = (char *const *)c->args;
	void *list = 0;

	if (!c->n_args)
		return;
	for (uint64_t i = c->n_args; --i;)
		list = BASH_AT(sh, make_word_list, bash_cons_fn)(word(args[i]),
								 list);
	*BASH_AT(sh, shell_name, char *) = word(args[0])->word;
	*BASH_AT(sh, dollar_vars, char *) = word(args[0])->word;
	BASH_AT(sh, remember_args, bash_remember_fn)(list, 1);
}

INLINE void bash_take_directory(const struct warm_shell *sh,
				const struct warm_command *c)
{
	bash_bind_fn *bind = BASH_AT(sh, bind_variable, bash_bind_fn);
	bash_name_fn *unbind = BASH_AT(sh, unbind_variable, bash_name_fn);

	if (!c->elsewhere)
		return;
	if (c->pwd)
		bind(c->names.pwd, (char *)c->pwd, 0)->attributes |=
			BASH_IMPORTED;
	else
		unbind(c->names.pwd);
	if (c->oldpwd)
		bind(c->names.oldpwd, (char *)c->oldpwd, 0);
	else
		unbind(c->names.oldpwd);
	*BASH_AT(sh, the_current_working_directory, char *) = 0;
	BASH_AT(sh, set_pwd, bash_plain_fn)();
}

INLINE void bash_take_time(const struct warm_shell *sh)
{
	struct sys_timespec now;

	sys_call2(__NR_clock_gettime, 0 /* CLOCK_REALTIME */, &now);
	*BASH_AT(sh, shell_start_time, int64_t) = now.sec;
	if (sh->symbol[WARM_BASH_shellstart]) { /* since bash 5.2 */
		BASH_AT(sh, shellstart, int64_t)[0] = now.sec;
		BASH_AT(sh, shellstart, int64_t)[1] = now.nsec / 1000;
	}
	BASH_AT(sh, seedrand, bash_plain_fn)();
	BASH_AT(sh, seedrand32, bash_plain_fn)();
}

INLINE void bash_take_ids(const struct warm_shell *sh)
{
	int group;

	*BASH_AT(sh, dollar_dollar_pid, int) = sys_call0(__NR_getpid);
	*BASH_AT(sh, shell_pgrp, int) = sys_call1(__NR_getpgid, 0);
	if (sys_call3(__NR_ioctl, 2, 0x540f /* TIOCGPGRP */, &group) < 0)
		group = -1;
	*BASH_AT(sh, terminal_pgrp, int) = group;
}

/* Points the initial array at the strings that the launch has put there. */
INLINE void take_environ(const struct warm_shell *sh,
			 const struct warm_command *c)
{
	char **variable = (char **)sh->environ, *at = (char *)c->variables;

	for (uint64_t i = 0; i < sh->n_environ; i++) {
		variable[i] = at;
		while (*at++)
			;
	}
}

INLINE void become_shell(const struct warm_shell *sh,
			 const struct warm_command *c)
{
	take_environ(sh, c);
	bash_take_ids(sh);
	bash_take_time(sh);
	bash_take_args(sh, c);
	bash_take_directory(sh, c);
	*BASH_AT(sh, command_execution_string, uint64_t) = c->text;
	BASH_AT(sh, bind_variable, bash_bind_fn)
	(c->names.text, (char *)c->text, 0);
	BASH_AT(sh, bash_input, uint64_t)[WARM_BASH_INPUT_AT / 8] = c->rest;
}

#endif
