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

#define BASH_READONLY 0x2
#define BASH_IMPORTED 0x8000

#define BASH_AT(shell, name, type) ((type *)(shell)->symbol[WARM_BASH_##name])

typedef struct bash_variable *bash_bind_fn(const char *, char *, int);
typedef struct bash_variable *bash_find_fn(const char *);
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

/*
 * Sets the value of a variable in place, whatever its attributes are by now.
 * One that the file has unset stays unset.
 */
INLINE void bash_set_value(const struct warm_shell *sh, const char *name,
			   const char *value)
{
	struct bash_variable *v =
		BASH_AT(sh, find_variable, bash_find_fn)(name);

	if (!v)
		return;
	v->value = BASH_AT(sh, make_word, bash_word_fn)(value)->word;
	v->exported = 0;
	*BASH_AT(sh, array_needs_making, int) = 1;
}

/* Takes the attribute away, as it was when bash set the variable. */
INLINE int bash_unlock(const struct warm_shell *sh, const char *name)
{
	struct bash_variable *v =
		BASH_AT(sh, find_variable, bash_find_fn)(name);
	int locked = v ? v->attributes & BASH_READONLY : 0;

	if (locked)
		v->attributes &= ~BASH_READONLY;
	return locked;
}

INLINE void bash_lock(const struct warm_shell *sh, const char *name, int locked)
{
	struct bash_variable *v =
		BASH_AT(sh, find_variable, bash_find_fn)(name);

	if (v)
		v->attributes |= locked;
}

INLINE void bash_take_directory(const struct warm_shell *sh,
				const struct warm_command *c)
{
	bash_bind_fn *bind = BASH_AT(sh, bind_variable, bash_bind_fn);
	bash_name_fn *unbind = BASH_AT(sh, unbind_variable, bash_name_fn);
	int pwd, oldpwd;

	if (!c->elsewhere)
		return;
	*BASH_AT(sh, the_current_working_directory, char *) = 0;
	if (!BASH_AT(sh, find_variable, bash_find_fn)(c->names.pwd))
		return; /* the file has unset it */
	pwd = bash_unlock(sh, c->names.pwd);
	oldpwd = bash_unlock(sh, c->names.oldpwd);
	if (c->pwd)
		bind(c->names.pwd, (char *)c->pwd, 0)->attributes |=
			BASH_IMPORTED;
	else
		unbind(c->names.pwd);
	if (c->oldpwd)
		bind(c->names.oldpwd, (char *)c->oldpwd, 0);
	else
		unbind(c->names.oldpwd);
	BASH_AT(sh, set_pwd, bash_plain_fn)();
	bash_lock(sh, c->names.pwd, pwd);
	bash_lock(sh, c->names.oldpwd, oldpwd);
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

#define DASH_AT(shell, name, type) ((type *)(shell)->symbol[WARM_DASH_##name])

/*
 * Makes the fork of a dash the shell of one command. Its environment and directory are
 * the parked shell's.
 */
INLINE void become_dash(const struct warm_shell *sh,
			const struct warm_command *c)
{
	char *input = DASH_AT(sh, INPUT, char);

	*DASH_AT(sh, PID, int) = sys_call0(__NR_getpid);
	*(uint64_t *)(input + WARM_DASH_NEXT_AT) = c->rest;
	*(int *)(input + WARM_DASH_LEFT_AT) = (int)c->rest_len;
	if (!c->n_args)
		return;
	*DASH_AT(sh, NAME, uint64_t) = *(const uint64_t *)c->args;
	*DASH_AT(sh, LIST, uint64_t) = c->args + 8;
	*(int *)(DASH_AT(sh, LIST, char) - 8) = (int)c->n_args - 1;
}

INLINE void become_shell(const struct warm_shell *sh,
			 const struct warm_command *c)
{
	if (sh->shell == WARM_SHELL_DASH) {
		become_dash(sh, c);
		return;
	}
	take_environ(sh, c);
	bash_take_ids(sh);
	bash_take_time(sh);
	bash_take_args(sh, c);
	bash_take_directory(sh, c);
	*BASH_AT(sh, command_execution_string, uint64_t) = c->text;
	bash_set_value(sh, c->names.text, (const char *)c->text);
	BASH_AT(sh, bash_input, uint64_t)[WARM_BASH_INPUT_AT / 8] = c->rest;
}

#endif
