/* SPDX-License-Identifier: BSD-2-Clause */
/* Children of child_process: made by process_spawn.c, watched by process.c. */
#ifndef BINDINGS_NODE_PROCESS_H
#define BINDINGS_NODE_PROCESS_H

#include "native.h"

/* Watches a child. On failure the launch is still the caller's. */
int kid_add(struct env *env, double id, int pid,
	    struct spawn_template_begin *begin);

#endif /* BINDINGS_NODE_PROCESS_H */
