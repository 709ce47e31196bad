/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that is not waited for, made into one that is: begun, and ended.
 */
#ifndef TESTS_PENDING_SPAWN_H
#define TESTS_PENDING_SPAWN_H

#include "much.h"

#include "pending.h"

/* As spawn_template_spawn(), for struct much. */
static inline pid_t pending_spawn(int tfd, struct much *m)
{
	struct st_pending pending;
	int pidfd = -1, ret = st_pending_begin(&pending, tfd, &m->args);

	if (ret < 0) {
		m->failure = (struct spawn_template_failure){
			.error = -ret,
			.stage = SPAWN_TEMPLATE_STAGE_CLONE,
		};
		return ret;
	}
	ret = st_pending_end(&pending, &pidfd, &m->failure);
	if (ret > 0)
		*(int *)(uintptr_t)m->args.pidfd = pidfd;
	return ret;
}

#endif /* TESTS_PENDING_SPAWN_H */
