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

#include "cli/policy/pattern.h"
#include "cli/policy/rules.h"

#define OPEN_TRIES 8
#define RESOLVE_NS \
	1000000000 /* how long names are taken to lead to the same file */

void policy_found_free(struct policy_found *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->name);
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
	f->id = (struct policy_id){ st.st_dev, st.st_ino };
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

static int open_once(int from, const char *name, bool folder,
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

/* A file that is replaced at this moment is opened again. */
int policy_open(int from, const char *name, bool folder,
		struct policy_found *found)
{
	int err = -ESTALE;

	for (int i = 0; i < OPEN_TRIES && err == -ESTALE; i++)
		err = open_once(from, name, folder, found);
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
		if (!ret) {
			found->name = file;
			return 0;
		}
		free(file);
		if (ret == -EACCES)
			err = ret;
		path += n;
		if (!*path)
			return err;
	}
}

/* ---- the names in a policy */

/*
 * Put the path of the folder in the place of its name in a pattern, so that one for /bin is also
 * for the programs of /usr/bin, if /bin is a link to that.
 */
static char *resolve_pattern(const char *name)
{
	size_t fixed = strcspn(name, "*?\\"), n = 0;
	char *folder, *real, *pattern;

	while (fixed && name[fixed - 1] != '/')
		fixed--;
	folder = strndup(name, fixed);
	real = folder ? realpath(folder, NULL) : NULL;
	pattern = real ? malloc(2 * strlen(real) + strlen(name) + 2) : NULL;
	for (const char *c = real; pattern && *c; c++) {
		if (strchr("*?\\", *c))
			pattern[n++] = '\\';
		pattern[n++] = *c;
	}
	if (pattern)
		sprintf(pattern + n, "%s%s", n > 1 ? "/" : "", name + fixed);
	free(real);
	free(folder);
	return pattern;
}

static void resolve_program(const struct policy *p, struct policy_file *file)
{
	struct policy_found found = { .fd = -1 };

	free(file->path);
	free(file->pattern);
	file->pattern = NULL;
	if (!file->name)
		policy_search(AT_FDCWD, file->text, p->search, &found);
	else if (pattern_is_open(file->name))
		file->pattern = resolve_pattern(file->name);
	else
		policy_open(AT_FDCWD, file->name, false, &found);
	file->path = found.path;
	file->id = found.id;
	file->is_there = found.path != NULL;
	found.path = NULL;
	policy_found_free(&found);
}

/*
 * A program may put a link in the place of its folder: the name means what it meant at first.
 * A folder that comes later has no link on its way.
 */
static void resolve_folder(struct policy_file *file, bool first)
{
	struct policy_found found = { .fd = -1 };
	const char *path = file->path ? file->path : file->name;

	file->is_there = policy_open(AT_FDCWD, file->name, true, &found) == 0 &&
			 (first || strcmp(found.path, path) == 0);
	file->id = found.id;
	if (file->is_there && !file->path) {
		file->path = found.path;
		file->first = found.id;
		found.path = NULL;
	}
	policy_found_free(&found);
}

static void resolve_folders(struct policy_files *files, bool first)
{
	for (size_t i = 0; i < files->n; i++)
		resolve_folder(&files->file[i], first);
}

void policy_resolve(struct policy *p, bool now)
{
	struct timespec ts;
	int64_t ns;

	resolve_folders(&p->allowed, now);
	resolve_folders(&p->denied, now);
	resolve_folders(&p->writable, now);
	for (size_t i = 0; i < p->n_rules; i++)
		resolve_folders(&p->rules[i].folders, now);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	if (!now && ns - p->resolved_ns < RESOLVE_NS)
		return;
	p->resolved_ns = ns;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t j = 0; j < p->rules[i].programs.n; j++)
			resolve_program(p, &p->rules[i].programs.file[j]);
}

/* ---- where a folder is */

int policy_locate(const struct policy_found *folder, struct policy_place *place)
{
	size_t most = 2;
	int fd = folder->fd;
	struct stat st;

	for (const char *c = folder->path; *c; c++)
		most += *c == '/';
	*place = (struct policy_place){ .path = folder->path };
	place->id = malloc(most * sizeof(*place->id));
	if (!place->id)
		return -ENOMEM;
	place->id[place->n++] = folder->id;
	/* "..", once for each name in the path; that of "/" is none */
	while (strcmp(folder->path, "/") != 0 && place->n < most - 1) {
		int above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd != folder->fd)
			close(fd);
		fd = above;
		if (fd < 0 || fstat(fd, &st))
			break;
		place->id[place->n++] =
			(struct policy_id){ st.st_dev, st.st_ino };
	}
	place->unknown = strcmp(folder->path, "/") != 0 && place->n < most - 1;
	if (fd >= 0 && fd != folder->fd)
		close(fd);
	return 0;
}

static bool is_in(const struct policy_place *place, const struct policy_id *id)
{
	for (size_t i = 0; i < place->n; i++)
		if (policy_is_same(&place->id[i], id))
			return true;
	return false;
}

bool policy_is_below(const struct policy_place *place,
		     const struct policy_files *folders)
{
	for (size_t i = 0; i < folders->n; i++)
		if (folders->file[i].is_there &&
		    is_in(place, &folders->file[i].id))
			return true;
	return false;
}

/* Compare by components: /a/b is below /a and /, and /ab is not. */
static bool is_path_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (!path[n] || path[n] == '/');
}

bool policy_may_be_below(const struct policy_place *place,
			 const struct policy_files *folders)
{
	for (size_t i = 0; i < folders->n; i++) {
		const struct policy_file *f = &folders->file[i];

		if (place->unknown || is_path_below(place->path, f->name) ||
		    (f->path && (is_path_below(place->path, f->path) ||
				 is_in(place, &f->first))) ||
		    (f->id.ino && is_in(place, &f->id)))
			return true;
	}
	return false;
}

/* ---- the dynamic linker */

bool policy_names_loader(const char *name)
{
	return strncmp(name, "ld.so", 5) == 0 ||
	       ((strncmp(name, "ld-", 3) == 0 ||
		 strncmp(name, "ld64.so", 7) == 0) &&
		strstr(name, ".so"));
}

bool policy_is_loader(const struct policy_found *program)
{
	static const char *const names[] = {
		"/lib64/ld-linux-x86-64.so.2",
		"/lib/ld-linux-aarch64.so.1",
		"/lib/ld-linux.so.2",
		"/lib/ld-linux-armhf.so.3",
		"/lib/ld-linux-riscv64-lp64d.so.1",
		"/lib64/ld64.so.2",
		"/lib/ld64.so.1",
		"/lib/ld-musl-x86_64.so.1",
		"/lib/ld-musl-aarch64.so.1",
	};
	struct stat st;

	if (policy_names_loader(policy_base_name(program->path)))
		return true;
	for (size_t i = 0; i < COUNT(names); i++)
		if (stat(names[i], &st) == 0 &&
		    policy_is_same(&program->id,
				   &(struct policy_id){ st.st_dev, st.st_ino }))
			return true;
	return false;
}

const char *policy_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
