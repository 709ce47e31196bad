/* SPDX-License-Identifier: BSD-2-Clause */
/* The session of a run's program, as options and lines of JSON ask for it. */
#include <string.h>

#include "cli/session.h"

enum session session_of(const char *word)
{
	static const char *const words[] = {
		[SESSION_OWN] = "own",
		[SESSION_GROUP] = "group",
		[SESSION_CALLER] = "caller",
	};

	for (int i = SESSION_OWN; i <= SESSION_CALLER && word; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum session)i;
	return SESSION_UNSET;
}

void session_apply(enum session session, struct spawn_template_run_args *args)
{
	if (session == SESSION_GROUP)
		args->spawn.flags |= SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	if (session == SESSION_CALLER)
		args->flags |= SPAWN_TEMPLATE_RUN_SAME_GROUP;
}
