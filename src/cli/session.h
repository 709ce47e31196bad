/* SPDX-License-Identifier: BSD-2-Clause */
/* The session of a run's program: of its own, or that of this tool. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>

#include "spawn_template.h"

enum session {
	SESSION_UNSET,
	SESSION_OWN, /* and so no controlling terminal */
	SESSION_GROUP, /* a process group of its own in this session */
	SESSION_CALLER, /* this tool's session and group, and so its terminal */
};

#define SESSION_WANTED "own, group nor caller"

/* Return: SESSION_UNSET for another word, or NULL. */
enum session session_of(const char *word);

/* Ask for it. */
void session_apply(enum session session, struct spawn_template_run_args *args);

#endif
