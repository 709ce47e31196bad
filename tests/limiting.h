/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of runs with limits, here and in guests.
 */
#ifndef TESTS_LIMITING_H
#define TESTS_LIMITING_H

#include "rings.h"

#define MIB (1ULL << 20)

static inline struct spawn_template_run_args limited(int parent,
						     char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(LIMITS);
	args.cgroup_parent_fd = parent;
	return args;
}

/* The case goes on in a forked process, whose cgroup the parent removes. */
static inline void go_on_in_child(void)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (!pid)
		return;
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status));
	exit(WEXITSTATUS(status));
}

static inline void check_refused(int tfd, struct spawn_template_run_args args,
				 int error, uint32_t attr)
{
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_result res;

	args.spawn.failure = (uintptr_t)&failure;
	CHECK_EQ(run_any(tfd, &args, &res), error);
	CHECK_EQ(failure.error, -error);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ATTR);
	CHECK_EQ(failure.action, attr);
}

#endif /* TESTS_LIMITING_H */
