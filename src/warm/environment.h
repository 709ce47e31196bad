/* SPDX-License-Identifier: BSD-2-Clause */
/* The environments of session shells. */
#ifndef ST_WARM_ENVIRONMENT_H
#define ST_WARM_ENVIRONMENT_H

#include "warm/parked.h"

/* Return: a list in one block of memory; NULL: there is none. */
char **st_environment_copy(char *const *list);

/* Return: the launch's, never NULL. */
char *const *st_environment_of(const struct st_launch *l);

bool st_environment_same(char *const *a, char *const *b);
uint64_t st_environment_digest(char *const *envp);

/* Notes a shell's directory, which was parked with this environment. */
void st_environment_note(struct st_parked *parked, char *const *envp);

/*
 * Tells whether bash starts with the same directory and PWD and OLDPWD as the
 * parked shell did. directory: the launch's, an O_PATH descriptor.
 */
bool st_environment_is_there(const struct st_parked *parked,
			     const struct st_launch *l, int directory);

#endif
