/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates with prepared processes, for tests. */
#ifndef TESTS_WARMING_H
#define TESTS_WARMING_H

#include "harness.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define ONCE (CLOEXEC | SPAWN_TEMPLATE_CREATE_WARM_ONCE)
#define FORK (CLOEXEC | SPAWN_TEMPLATE_CREATE_WARM_FORK)
#define COLD(reason) SPAWN_TEMPLATE_COLD_##reason

static inline struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static inline void nap(void)
{
	usleep(2000);
}

static inline bool may_trace(void)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
	CHECK_SYS(waitpid(pid, &status, 0));
	return status == 0;
}

static inline void await_ready(int tfd)
{
	for (int i = 0; i < 2500 && !stat_of(tfd).warm_ready; i++) {
		if (i == 250 && !may_trace())
			TEST_SKIP("a sandbox forbids to trace a child");
		nap();
	}
	CHECK_GT(stat_of(tfd).warm_ready, 0);
}

static inline int open_warm(const char *path, uint64_t flags)
{
	int tfd = spawn_template_open(path, flags);

	CHECK_OK(tfd);
#if !defined(__x86_64__)
	test_skip("no launch is prepared on this machine");
#endif
	return tfd;
}

/* Return: a template of the probe, for which a process waits. */
static inline int ready_probe(uint64_t flags)
{
	char *argv[] = { "probe", NULL };
	int tfd = open_warm(test_tool("probe"), flags);

	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	await_ready(tfd);
	return tfd;
}

static inline void each_mode(void (*fn)(int tfd))
{
	fn(ready_probe(ONCE));
	fn(ready_probe(FORK));
}

/* Check that the launch is warm, after a wait for a prepared process. */
#define CHECK_WARM(tfd, launch)                                   \
	do {                                                      \
		uint64_t before_ = stat_of(tfd).warm;             \
		await_ready(tfd);                                 \
		launch;                                           \
		CHECK_EQ(stat_of(tfd).warm, before_ + 1);         \
	} while (0)

#define CHECK_COLD(tfd, reason, launch)                              \
	do {                                                         \
		struct spawn_template_stat before_, after_;          \
		await_ready(tfd);                                    \
		before_ = stat_of(tfd);                              \
		launch;                                              \
		after_ = stat_of(tfd);                               \
		CHECK_EQ(after_.warm, before_.warm);                 \
		CHECK_EQ(after_.cold_reasons[COLD(reason)],          \
			 before_.cold_reasons[COLD(reason)] + 1);    \
	} while (0)

/* Takes a line from a text. */
static inline const char *next_line(const char **at)
{
	const char *line = *at;
	size_t len = strcspn(line, "\n");

	*at = line + len + (line[len] == '\n');
	return test_fmt("%.*s", (int)len, line);
}

/* Check that the texts are the same; the first line that differs is shown. */
static inline void check_lines(const char *got, const char *want)
{
	while (*got && *want)
		CHECK_STR(next_line(&got), next_line(&want));
	CHECK_STR(got, want);
}

#endif
