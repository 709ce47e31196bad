/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place for limited cgroups, in what was delegated to the caller.
 */
#ifndef ST_DELEGATED_H
#define ST_DELEGATED_H

struct spawn_template_failure;

int st_delegated_enable(int *dir, unsigned int controllers,
			struct spawn_template_failure *failure);

#endif
