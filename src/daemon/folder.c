/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon makes, locks, changes and removes files by their names, as root.
 * If another user could write to their folder, or move it, the names could mean
 * any file.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log/log.h"
#include "daemon/folder.h"

static int failed(const char *what, const char *path)
{
	int err = errno;

	log_line("cannot %s %s: %s%s", what, path, strerror(err),
		 err == EACCES ? "; run as root, or name another by --socket"
			       : "");
	return -err;
}

#define OTHERS_WRITE 022

/*
 * Tells whether the folder is root's, or this user's. A user namespace may have
 * no number for root: the owner of / is as good.
 */
static bool has_trusted_owner(const struct stat *st)
{
	struct stat root;

	return st->st_uid == 0 || st->st_uid == geteuid() ||
	       (!stat("/", &root) && st->st_uid == root.st_uid);
}

/*
 * Checks one folder. In a folder above, others may make files if its sticky bit
 * keeps them from moving those of root.
 */
static int check_one(const char *folder, bool is_above)
{
	struct stat st;

	if (lstat(folder, &st))
		return failed("look at", folder);
	if (S_ISDIR(st.st_mode) && has_trusted_owner(&st) &&
	    (!(st.st_mode & OTHERS_WRITE) ||
	     (is_above && st.st_mode & S_ISVTX)))
		return 0;
	log_line("the socket cannot be below %s: others than root may write "
		 "to it; name another by --socket",
		 folder);
	return -EPERM;
}

/* Checks a folder, which has no symbolic link in it, and all above it. */
static int check(const char *folder, bool is_above)
{
	char above[PATH_MAX];
	int ret = check_one(folder, is_above);

	snprintf(above, sizeof(above), "%s", folder);
	while (!ret && above[1]) {
		char *slash = strrchr(above, '/');

		slash[slash == above] = 0;
		ret = check_one(above, true);
	}
	return ret;
}

/* Makes the folder if it is missing, with mode 0755 whatever the umask. */
static int make(const char *folder)
{
	mode_t mask = umask(OTHERS_WRITE);
	int ret = mkdir(folder, 0755) && errno != EEXIST
			  ? failed("make the folder", folder)
			  : 0;

	umask(mask);
	return ret;
}

/* Splits off the last name. Return: it, within path; the rest is in folder. */
static const char *split(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 0;

	if (!slash)
		snprintf(folder, PATH_MAX, ".");
	else
		snprintf(folder, PATH_MAX, "%.*s", n ? n : 1, path);
	return slash ? slash + 1 : path;
}

int folder_make(char *path, size_t size)
{
	char folder[PATH_MAX], above[PATH_MAX], real[PATH_MAX];
	const char *name = split(path, folder);
	struct stat st;
	int ret = 0;

	if (stat(folder, &st)) {
		split(folder, above);
		if (!realpath(above, real))
			return failed("look at", above);
		ret = check(real, true);
		if (!ret)
			ret = make(folder);
	}
	if (ret < 0)
		return ret;
	if (!realpath(folder, real))
		return failed("look at", folder);
	ret = check(real, false);
	if (ret < 0)
		return ret;
	snprintf(folder, sizeof(folder), "%s", name);
	if (snprintf(path, size, "%s/%s", real[1] ? real : "", folder) <
	    (int)size)
		return 0;
	log_line("the socket's path %s/%s is too long: at most 107 bytes", real,
		 folder);
	return -ENAMETOOLONG;
}
