/* SPDX-License-Identifier: BSD-2-Clause */
/* Landlock rulesets from lists of paths and ports. */
#ifndef SANDBOX_RULESET_H
#define SANDBOX_RULESET_H

#include <spawn_template.h>

/* Return: the version of Landlock's interface; 0: there is none. */
int st_ruleset_abi(void);

/* Return: a ruleset with FD_CLOEXEC; -ENOMSG if nothing is left for it; -errno. */
int st_ruleset_make(const struct spawn_template_sandbox_args *args, int abi);

#endif
