/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of session shells: one command line, run by a shell that starts
 * and sources a file, and by a fork of one that has.
 */
#ifndef TESTS_SESSIONS_H
#define TESTS_SESSIONS_H

#include "seen.h"

/* One command line, for both ways. */
struct line {
	char *command;
	char *args[8];		/* $0 and parameters */
	char **env;		/* NULL: this process's */
	const char *input, *directory;
};

/* The shell that a test program is for, and a name for argv[0]. */
static const char *shell_path(void);
static const char *shell_name(void);

static inline struct spawn_template_create_args session_args(const char *path)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = RUNTIME;
	args.filename = (uintptr_t)shell_path();
	args.warm_preload = (uintptr_t)path;
	return args;
}

/* Return: a template whose shells source a file with this text. */
static inline int session_of(const char *text)
{
	struct spawn_template_create_args args;

	test_write(test_path("profile"), text, 0644);
	args = session_args(test_path("profile"));
	return CHECK_OK(spawn_template_create(&args, sizeof(args)));
}

static inline struct seen see(int tfd, char **argv, const struct line *line)
{
	struct place place = { line->env, line->input, line->directory };

	return see_in(tfd, argv, &place, 20);
}

static inline void put_args(char **argv, char *command, const struct line *line)
{
	int n = 0;

	argv[n++] = (char *)shell_name();
	argv[n++] = "-c";
	argv[n++] = command;
	for (int i = 0; line->args[i]; i++)
		argv[n++] = line->args[i];
	argv[n] = NULL;
}

/* Run by a plain template: the first line sources the file. */
static inline struct seen see_cold(const struct line *line)
{
	static int tfd = -1;
	char *argv[16];

	if (tfd < 0)
		tfd = CHECK_OK(spawn_template_open(
			shell_path(), SPAWN_TEMPLATE_CREATE_CLOEXEC));
	put_args(argv,
		 test_fmt(". '%s'\n%s", test_path("profile"), line->command),
		 line);
	return see(tfd, argv, line);
}

static inline struct seen see_session(int tfd, const struct line *line)
{
	char *argv[16];

	put_args(argv, line->command, line);
	return see(tfd, argv, line);
}

/* The second launch makes shells wait; skips where none can. */
static inline void make_ready(int tfd)
{
	static const struct line nothing = { .command = ":" };

	for (int i = 0; i < 3; i++)
		see_session(tfd, &nothing);
	if (becomes_ready(tfd, 5000))
		return;
	TEST_SKIP("no session of this shell can be prepared here");
}

static inline int ready_session(const char *text)
{
	int tfd = session_of(text);

	make_ready(tfd);
	return tfd;
}

static inline struct seen see_warm(int tfd, const struct line *line)
{
	uint64_t before = stat_of(tfd).warm;
	struct seen seen;

	CHECK(becomes_ready(tfd, 5000));
	seen = see_session(tfd, line);
	CHECK_EQ(stat_of(tfd).warm, before + 1);
	return seen;
}

static inline void check_warm_as_cold(int tfd, const struct line *line)
{
	struct seen cold = see_cold(line), warm = see_warm(tfd, line);

	test_doing("%s\n%s", test_read(test_path("profile")), line->command);
	check_same(&warm, &cold);
}

/* Runs a command that changes the shell, and looks at it before and after. */
static inline void check_changes_nothing(int tfd, const struct line *change,
					 const struct line *look)
{
	check_warm_as_cold(tfd, look);
	see_warm(tfd, change);
	check_warm_as_cold(tfd, look);
}

#endif
