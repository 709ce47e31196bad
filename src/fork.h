/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_FORK_H
#define ST_FORK_H

#include "launch.h"
#include "stack.h"

long st_fork(struct st_launch *launch, const struct st_stack *stack);

#endif
