/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of users and groups, from /etc/passwd and /etc/group alone. */
#define _GNU_SOURCE
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "cli/guard/account.h"

bool account_user(uid_t uid, char *name, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	while (file && (user = fgetpwent(file)) && user->pw_uid != uid)
		;
	if (user)
		snprintf(name, size, "%s", user->pw_name);
	if (file)
		fclose(file);
	return user;
}

bool account_group(gid_t gid, char *name, size_t size)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group = NULL;

	while (file && (group = fgetgrent(file)) && group->gr_gid != gid)
		;
	if (group)
		snprintf(name, size, "%s", group->gr_name);
	if (file)
		fclose(file);
	return group;
}
