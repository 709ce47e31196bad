/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the person whose quota a user id uses. A user namespace lets its owner become
 * any of the subordinate user ids that subuid(5) gives, and most accounts have 65536
 * of them. So these ids count as their owner.
 *
 * Only root can write that file. Two other sources do not do: a process without a
 * login uid may choose one, and so use up another person's quota; and the kernel shows
 * the owner of a user namespace only to a process that may trace its processes, for
 * which the daemon has no capability.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/registry/registry.h"

#define SUBUID "/etc/subuid"
#define RANGES_MAX 65536

struct range {
	uint32_t first, count;
	uint32_t person;		/* 0: not looked up yet */
	char owner[64];
};

static struct range *ranges;
static unsigned int n_ranges;
static struct stat seen;	/* the file that they were read from */

/*
 * Returns the uid of an owner, by number or by name, from /etc/passwd alone: a
 * directory service could have the daemon wait. 0: unknown.
 */
static uint32_t uid_of(const char *name)
{
	const struct passwd *user = NULL;
	char *end;
	unsigned long uid = strtoul(name, &end, 10);
	FILE *file;

	if (end != name && !*end)
		return uid < UINT32_MAX ? (uint32_t)uid : 0;
	uid = 0;
	file = fopen("/etc/passwd", "re");
	while (file && (user = fgetpwent(file)) && strcmp(user->pw_name, name))
		;
	if (user)
		uid = user->pw_uid;
	if (file)
		fclose(file);
	return (uint32_t)uid;
}

/* Takes a line, OWNER:FIRST:COUNT. Return: false: it is none. */
static bool parse(const char *line, struct range *range)
{
	unsigned long first, count;

	if (sscanf(line, "%63[^:]:%lu:%lu", range->owner, &first, &count) !=
		    3 ||
	    !first || first >= UINT32_MAX || !count ||
	    count > UINT32_MAX - first)
		return false;
	range->first = (uint32_t)first;
	range->count = (uint32_t)count;
	range->person = 0;
	return true;
}

static void read_ranges(FILE *file)
{
	char line[256];

	n_ranges = 0;
	while (n_ranges < RANGES_MAX && fgets(line, sizeof(line), file)) {
		struct range range, *more;

		if (!parse(line, &range))
			continue;
		more = realloc(ranges, (n_ranges + 1) * sizeof(*ranges));
		if (!more)
			break;
		ranges = more;
		ranges[n_ranges++] = range;
	}
}

/* Reads the file anew if it has changed. */
static void bring_up_to_date(void)
{
	struct stat st = { 0 };
	FILE *file;

	if (stat(SUBUID, &st)) {
		n_ranges = 0;
		seen = st;
		return;
	}
	if (st.st_ino == seen.st_ino && st.st_dev == seen.st_dev &&
	    st.st_size == seen.st_size &&
	    st.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
		return;
	file = fopen(SUBUID, "re");
	if (!file)
		return;
	read_ranges(file);
	fclose(file);
	seen = st;
}

/* A range of root's, or of nobody's, is a person of its own. */
static uint32_t person_with(struct range *range)
{
	if (!range->person)
		range->person = uid_of(range->owner);
	if (!range->person)
		range->person = range->first;
	return range->person;
}

uint32_t person_of(uint32_t uid)
{
	/* root, and a client whose user could not be told */
	if (uid == 0 || uid == UINT32_MAX)
		return uid;
	bring_up_to_date();
	for (unsigned int i = 0; i < n_ranges; i++)
		if (uid - ranges[i].first < ranges[i].count)
			return person_with(&ranges[i]);
	return uid;
}
