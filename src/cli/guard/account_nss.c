/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of users and groups, from every service that nsswitch.conf lists. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "cli/guard/account.h"

bool account_user(uid_t uid, char *name, size_t size)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		snprintf(name, size, "%s", user->pw_name);
	return user;
}

bool account_group(gid_t gid, char *name, size_t size)
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(name, size, "%s", group->gr_name);
	return group;
}
