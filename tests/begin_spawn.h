/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch by spawn_template_begin(), followed by a wait for its result.
 */
#ifndef TESTS_BEGIN_SPAWN_H
#define TESTS_BEGIN_SPAWN_H

#include "much.h"

/* Launch as spawn_template_spawn() does, with struct much. */
static inline pid_t begin_spawn(int tfd, struct much *m)
{
	struct spawn_template_begin *begin;
	int *pidfd = (int *)(uintptr_t)m->args.pidfd;
	pid_t pid, ret;

	pid = spawn_template_begin(tfd, &m->args, sizeof(m->args), &begin);
	if (pid < 0)
		return pid;
	ret = spawn_template_begin_wait(begin, pidfd, &m->failure,
					sizeof(m->failure));
	if (ret > 0)
		CHECK_EQ(ret, pid);
	return ret;
}

#endif /* TESTS_BEGIN_SPAWN_H */
