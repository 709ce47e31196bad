/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that is not waited for, made into one that is: begun, and ended.
 */
#ifndef TESTS_BEGIN_SPAWN_H
#define TESTS_BEGIN_SPAWN_H

#include "much.h"

#include "begin.h"

/* As spawn_template_spawn(), for struct much. */
static inline pid_t begin_spawn(int tfd, struct much *m)
{
	struct st_begin begin;
	int pidfd = -1, ret = st_begin_launch(&begin, tfd, &m->args);

	if (ret < 0) {
		m->failure = (struct spawn_template_failure){
			.error = -ret,
			.stage = SPAWN_TEMPLATE_STAGE_CLONE,
		};
		return ret;
	}
	ret = st_begin_wait(&begin, &pidfd, &m->failure);
	if (ret > 0)
		*(int *)(uintptr_t)m->args.pidfd = pidfd;
	return ret;
}

#endif /* TESTS_BEGIN_SPAWN_H */
