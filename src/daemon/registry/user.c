/* SPDX-License-Identifier: BSD-2-Clause */
/* Users and their limits. */
#include <stdlib.h>

#include "daemon/registry/registry.h"

struct user *user_find(struct registry *registry, uint32_t uid)
{
	uint32_t person = person_of(uid);
	struct user *user = registry->users;

	while (user && user->person != person)
		user = user->next;
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->person = person;
	user->next = registry->users;
	registry->users = user;
	return user;
}

void user_forget(struct registry *registry, struct user *user)
{
	struct user **at = &registry->users;

	if (user->clients || user->templates)
		return;
	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	free(user);
}

/* Gives root no quota: root could change it. */
unsigned int user_templates_max(const struct registry *registry,
				const struct user *user)
{
	if (user->person == 0)
		return TEMPLATES_MAX;
	return registry->quota < WITHOUT_ROOT(TEMPLATES_MAX)
		       ? registry->quota
		       : WITHOUT_ROOT(TEMPLATES_MAX);
}
