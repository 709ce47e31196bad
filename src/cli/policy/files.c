/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and folders that requests and policies name. Each is opened first, and the kernel
 * then tells where it is, so that no link can be changed between the two.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/policy/rules.h"

#define RESOLVE_NS \
	1000000000 /* how long names are taken to lead to the same file */

void policy_found_free(struct policy_found *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct policy_found){ .fd = -1 };
}

/* Ask the kernel where an open file is. Return: 0 or -errno. */
static int locate(struct policy_found *f)
{
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(f->fd, &st))
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	if (*path != '/' ||
	    !st.st_nlink) /* below no root that is known; deleted */
		return -ESTALE;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->path = strdup(path);
	return f->path ? 0 : -ENOMEM;
}

/* Check that exec may take a file. Return: 0 or -errno. */
static int check_program(const struct policy_found *f)
{
	char link[64];
	struct stat st;

	if (fstat(f->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->fd);
	return faccessat(AT_FDCWD, link, X_OK, AT_EACCESS) ? -errno : 0;
}

int policy_open(int from, const char *name, bool folder,
		struct policy_found *found)
{
	struct policy_found f = { .fd = -1 };
	int err;

	f.fd = openat(from, name,
		      O_PATH | O_CLOEXEC | (folder ? O_DIRECTORY : 0));
	err = f.fd < 0 ? -errno : folder ? 0 : check_program(&f);
	if (!err)
		err = locate(&f);
	if (err)
		policy_found_free(&f);
	else
		*found = f;
	return err;
}

int policy_search(int from, const char *name, const char *path,
		  struct policy_found *found)
{
	int err = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return policy_open(from, name, false, found);
	for (;; path++) {
		int n = (int)strcspn(path, ":");
		char *file;
		int ret;

		if (asprintf(&file, "%.*s%s%s", n, path, n ? "/" : "", name) <
		    0)
			return -ENOMEM;
		ret = policy_open(from, file, false, found);
		free(file);
		if (!ret)
			return 0;
		if (ret == -EACCES)
			err = ret;
		path += n;
		if (!*path)
			return err;
	}
}

/* ---- the names in a policy */

static void resolve(const struct policy *p, struct policy_files *files,
		    bool folders)
{
	for (size_t i = 0; i < files->n; i++) {
		struct policy_file *file = &files->file[i];
		struct policy_found found = { .fd = -1 };

		free(file->path);
		file->path = NULL;
		if (file->name)
			policy_open(AT_FDCWD, file->name, folders, &found);
		else
			policy_search(AT_FDCWD, file->text, p->search, &found);
		file->path = found.path;
		file->dev = found.dev;
		file->ino = found.ino;
		found.path = NULL;
		policy_found_free(&found);
	}
}

void policy_resolve(struct policy *p, bool now)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	if (!now && ns - p->resolved_ns < RESOLVE_NS)
		return;
	p->resolved_ns = ns;
	resolve(p, &p->allowed, true);
	resolve(p, &p->denied, true);
	for (size_t i = 0; i < p->n_rules; i++) {
		resolve(p, &p->rules[i].folders, true);
		resolve(p, &p->rules[i].programs, false);
	}
}

/* Compare by components: /a/b is below /a and /, and /ab is not. */
static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (!path[n] || path[n] == '/');
}

bool policy_is_below(const char *path, const struct policy_files *folders)
{
	for (size_t i = 0; i < folders->n; i++)
		if (folders->file[i].path &&
		    is_below(path, folders->file[i].path))
			return true;
	return false;
}

const char *policy_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
