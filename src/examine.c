/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Examines the file of a template: may it be executed, what is its format, and do
 * launches go by descriptor or by path?
 *
 * This refuses whatever exec would refuse, so that mistakes show at start-up and not
 * at the first launch. But no launch trusts these checks: there the kernel decides
 * anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binfmt.h"
#include "check.h"
#include "clone.h"
#include "elf.h"
#include "examine.h"
#include "identity.h"
#include "interpreter.h"
#include "shared/calls.h"

/* ---- opening */

/* Uses the thread's own table, which need not be the process's. */
static void proc_fd_path(int fd, char *path, size_t size)
{
	snprintf(path, size, "/proc/thread-self/fd/%d", fd);
}

/* Returns the kernel's path for fd; "" if it has none. */
static void kernel_path(int fd, char *path, size_t size)
{
	char link[64];
	int n;

	proc_fd_path(fd, link, sizeof(link));
	n = sys_call4(__NR_readlinkat, AT_FDCWD, link, path, size - 1);
	path[n < 0 ? 0 : n] = '\0';
}

static int reopen(int fd, int flags)
{
	char path[64];

	proc_fd_path(fd, path, sizeof(path));
	return sys_openat(AT_FDCWD, path, flags, 0);
}

/* Opens an O_PATH fd with an open file description of its own. */
int st_source_open(const struct st_source *from)
{
	struct spawn_template_key given, got;
	int fd, ret;

	if (from->path)
		return sys_openat(AT_FDCWD, from->path, O_PATH | O_CLOEXEC, 0);
	ret = st_key_of_fd(from->execfd, &given);
	if (ret < 0)
		return ret;
	fd = reopen(from->execfd, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = st_key_of_fd(fd, &got);
	if (ret == 0 && !st_key_same_file(&given, &got))
		ret = -EACCES;
	if (ret < 0) {
		sys_close(fd);
		return ret;
	}
	return fd;
}

/* ---- permission to execute */

static int ask_access(int fd)
{
	return sys_call4(__NR_faccessat2, fd, "", X_OK,
			 AT_EMPTY_PATH | AT_EACCESS);
}

static int may_execute(int fd)
{
	int ret = ask_access(fd);
	char path[64];

	/* a denial may also be the answer: no descriptor is denied */
	if (!st_call_is_missing(ST_CALL_FACCESSAT2, ret) ||
	    ask_access(-1) == -EBADF)
		return ret;
	/* before Linux 5.8 and in some sandboxes: judge by the real ids */
	proc_fd_path(fd, path, sizeof(path));
	ret = sys_call3(__NR_faccessat, AT_FDCWD, path, X_OK);
	return ret == -EACCES ? ret : 0;
}

/*
 * Asks the kernel itself, and waits a little for writers to close. If it cannot
 * be asked, the launch decides. *asked: 0; -EINVAL if the kernel does not know
 * the flag, or that cannot be found out; else -EPERM.
 */
static int ask_kernel(int fd, int *asked)
{
	static _Atomic bool knows;
	int ret;

	st_clone_learn();
	for (unsigned int ms = 1;; ms *= 2) {
		ret = st_clone_exec_check(fd);
		if (ret != -ETXTBSY || ms > 32)
			break;
		sys_sleep_ms(ms);
	}
	*asked = 0;
	switch (ret) {
	case -EINVAL:
		*asked = -EINVAL;
		return 0;
	case -ENOTSUP: /* nobody could be asked now */
		*asked = atomic_load(&knows) ? 0 : -EINVAL;
		return 0;
	case -ENOSYS:
	case -ECHILD: /* a sandbox may also kill the asking child */
		*asked = -EPERM;
		return 0;
	case 0:
		atomic_store(&knows, true);
		return 0;
	default:
		return ret;
	}
}

/* ---- format of the file */

/* Reads the header, but not of a file that the caller may only execute. */
static int read_header(int fd, const struct st_source *from, struct st_elf *elf)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int ret, in = reopen(fd, flags);

	if (in == -ENOENT && from->path)	/* no /proc */
		in = sys_openat(AT_FDCWD, from->path, flags, 0);
	if (in == -EACCES) {
		memset(elf, 0, sizeof(*elf));
		return 0;
	}
	if (in < 0)
		return in;
	ret = st_elf_read(in, elf);
	sys_close(in);
	return ret;
}

/* Takes a file that is neither ELF nor a script for one that binfmt_misc runs. */
static int take_other(int fd, const struct st_source *from, struct st_elf *elf)
{
	char path[SPAWN_TEMPLATE_PATH_MAX] = "";

	if (!from->path)
		kernel_path(fd, path, sizeof(path));
	if (!st_binfmt_may_run(from->path ? from->path : path, elf))
		return -ENOEXEC;
	elf->format = SPAWN_TEMPLATE_FORMAT_OTHER;
	elf->class = elf->machine = elf->flags = 0;
	elf->interpreter[0] = '\0';
	return 0;
}

static int take_header(int fd, const struct st_source *from,
		       struct st_record *rec, struct st_elf *elf)
{
	int ret = read_header(fd, from, elf);

	if (ret == -ENOEXEC)
		ret = take_other(fd, from, elf);
	if (ret < 0)
		return ret;
	if (elf->format == SPAWN_TEMPLATE_FORMAT_SCRIPT &&
	    !(rec->flags & SPAWN_TEMPLATE_CREATE_SCRIPT))
		return -ENOEXEC;
	rec->format = elf->format;
	rec->elf_class = elf->class;
	rec->elf_machine = elf->machine;
	rec->elf_flags = elf->flags;
	memcpy(rec->head, elf->first, sizeof(rec->head));
	if (elf->interpreter[0]) {
		rec->interpreter = strdup(elf->interpreter);
		if (!rec->interpreter)
			return -ENOMEM;
		rec->no_interpreter =
			!st_interpreter_may_run(rec->interpreter, rec->format);
	}
	return 0;
}

/* ---- launch by fd or by path */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Decides whether launches must go by path. A launch by fd shows the name of
 * the file in ps, a launch by path the last part of the path; and AT_EXECFN
 * names a file that can be opened only in a launch by path. So launches go by
 * fd where both names are equal and the program is not known to be able to look.
 * Return: 0, or SPAWN_TEMPLATE_BY_PATH_*.
 */
static uint32_t by_path_reason(const struct st_record *rec,
			       const struct st_elf *elf, int asked,
			       uint64_t attributes, const char *name)
{
	if (rec->format == SPAWN_TEMPLATE_FORMAT_SCRIPT)
		return SPAWN_TEMPLATE_BY_PATH_SCRIPT;
	if (rec->format == SPAWN_TEMPLATE_FORMAT_UNKNOWN)
		return SPAWN_TEMPLATE_BY_PATH_FORMAT;
	/* the interpreter that is registered for it opens the path */
	if (rec->format == SPAWN_TEMPLATE_FORMAT_OTHER || elf->foreign)
		return SPAWN_TEMPLATE_BY_PATH_BINFMT;
	if (asked == -EPERM)
		return SPAWN_TEMPLATE_BY_PATH_EXECVEAT;
	/* a mount point's file has its name from elsewhere */
	if (rec->path && ((attributes & STATX_ATTR_MOUNT_ROOT) ||
			  strcmp(base_name(rec->path), base_name(name)) != 0))
		return SPAWN_TEMPLATE_BY_PATH_NAME;
	/* a program with several names may read its own from AT_EXECFN */
	if (rec->path && rec->key.nlink > 1)
		return SPAWN_TEMPLATE_BY_PATH_HARD_LINK;
	/*
	 * AT_EXECVE_CHECK came in 6.14, the release that mended comm: a kernel
	 * that lacks it may show the wrong name
	 */
	if (asked == -EINVAL)
		return SPAWN_TEMPLATE_BY_PATH_KERNEL;
	return elf->may_look ? SPAWN_TEMPLATE_BY_PATH_EXECFN : 0;
}

/*
 * Decides how to launch. A template of an fd has no path; if it needs one, the
 * kernel's path for the fd is used, if that leads to the same file.
 */
static int choose_way(struct st_record *rec, int fd, const struct st_elf *elf,
		      int asked, uint64_t attributes)
{
	char name[SPAWN_TEMPLATE_PATH_MAX];

	kernel_path(fd, name, sizeof(name));
	rec->by_path_reason = by_path_reason(rec, elf, asked, attributes, name);
	if (rec->path) {
		rec->exec_path = rec->path;
		return 0;
	}
	if (!rec->by_path_reason)
		return 0;
	if (st_path_check(name, &rec->key, 0) == 0) {
		rec->exec_path = strdup(name);
		return rec->exec_path ? 0 : -ENOMEM;
	}
	/* an interpreter could not open it: /dev/fd/N closes at exec */
	if (st_record_needs_path(rec))
		return -ENOEXEC;
	rec->by_path_reason = 0;
	return 0;
}

/*
 * Reads the content, so that a later change of ctime alone can be told from a change.
 * A template that is refreshed by itself needs no such proof, and a file that cannot be
 * read, or is large, has none.
 */
static void take_digest(int fd, struct st_record *rec)
{
	if (!(rec->flags & SPAWN_TEMPLATE_CREATE_AUTO_REFRESH))
		st_digest_file(fd, rec->key.size, &rec->digest);
}

/* ---- all of it, in the proposal's order */

/**
 * st_examine - find out about the file of a template
 * @fd: the file, from st_source_open()
 * @from: the source
 * @rec: with flags; key, path, format and the way to launch are set. What it owns is
 *       the caller's to put, also on a failure.
 *
 * Return: 0; -EACCES, -ENOEXEC, -ETXTBSY and so on, as exec would answer; -ENOMEM.
 */
int st_examine(int fd, const struct st_source *from, struct st_record *rec)
{
	uint64_t attributes;
	struct st_elf elf;
	int ret, asked = 0;

	ret = st_key_settle(fd, &rec->key, &attributes);
	if (ret < 0)
		return ret;
	if (!ST_IS_REGULAR(rec->key.mode))
		return -EACCES;
	ret = may_execute(fd);
	if (ret == 0)
		ret = ask_kernel(fd, &asked);
	if (ret == 0)
		ret = take_header(fd, from, rec, &elf);
	if (ret < 0)
		return ret;
	if (from->path) {
		rec->path = strdup(from->path);
		if (!rec->path)
			return -ENOMEM;
	}
	take_digest(fd, rec);
	return choose_way(rec, fd, &elf, asked, attributes);
}
