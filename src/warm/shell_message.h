/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session shell: bash or dash, parked between the file that it has sourced and the
 * command. Layouts that the library shares with the stub in it.
 */
#ifndef ST_WARM_SHELL_MESSAGE_H
#define ST_WARM_SHELL_MESSAGE_H

#include <stdint.h>

/*
 * bash's own functions and variables, which it exports for loadable builtins.
 * X(name)
 */
#define WARM_BASH_SYMBOLS(X)                                             \
	X(parse_command)                                                 \
	X(source_file)                                                   \
	X(set_working_directory)                                         \
	X(bash_input)                                                    \
	X(parse_and_execute_level)                                       \
	X(command_execution_string)                                      \
	X(dollar_dollar_pid)                                             \
	X(dollar_vars)                                                   \
	X(shell_name)                                                    \
	X(shell_start_time)                                              \
	X(shellstart)                                                    \
	X(shell_pgrp)                                                    \
	X(terminal_pgrp)                                                 \
	X(the_current_working_directory)                                 \
	X(debugging_mode)                                                \
	X(bind_variable)                                                 \
	X(find_variable)                                                 \
	X(array_needs_making)                                            \
	X(unbind_variable)                                               \
	X(make_word)                                                     \
	X(make_word_list)                                                \
	X(remember_args)                                                 \
	X(set_pwd)                                                       \
	X(seedrand)                                                      \
	X(seedrand32)

#define WARM_BASH_ENUM(name) WARM_BASH_##name,
enum warm_bash { WARM_BASH_SYMBOLS(WARM_BASH_ENUM) WARM_BASH_N };

/* struct BASH_INPUT, whose third word is the text to be read next */
#define WARM_BASH_INPUT_AT 16

/* dash's variables, by their place in .symbol */
enum warm_dash {
	WARM_DASH_PID,		/* for $$ */
	WARM_DASH_INPUT,	/* the input that reads -c's text */
	WARM_DASH_NAME,		/* $0 */
	WARM_DASH_LIST,		/* the parameters; their number is 8 bytes before */
};

/* where the input has the number of characters left, and the next one's address */
#define WARM_DASH_LEFT_AT 16
#define WARM_DASH_NEXT_AT 24

enum warm_shell_kind { WARM_SHELL_NONE, WARM_SHELL_BASH, WARM_SHELL_DASH };

/* Written once, as a part of struct warm_control. */
struct warm_shell {
	uint64_t shell;		/* enum warm_shell_kind */
	uint64_t registers[8];	/* rbx rbp r12 r13 r14 r15 rsp rip */
	uint64_t environ, n_environ;	/* the initial array of variables */
	uint64_t symbol[WARM_BASH_N];	/* addresses */
};

/* One launch, with addresses of the child. */
struct warm_command {
	uint64_t text;		/* all of -c's argument */
	uint64_t rest;		/* the part behind the line that sources */
	uint64_t rest_len;
	uint64_t args;		/* const char *[n]: $0, and the parameters */
	uint64_t n_args;
	uint64_t variables;	/* the environment's first string */
	uint64_t elsewhere;	/* the directory, PWD or OLDPWD differ */
	uint64_t pwd, oldpwd;	/* values of these variables; 0: not set */
	struct {
		char text[24], pwd[8], oldpwd[8];
	} names;		/* of variables: the stub has no constants */
};

#endif
