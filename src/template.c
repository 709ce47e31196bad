/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes, refreshes and closes templates.
 *
 * Making a template refuses whatever exec would refuse, so that mistakes show
 * at start-up and not at the first launch. But no launch trusts these checks:
 * there the kernel decides anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "binfmt.h"
#include "check.h"
#include "clone.h"
#include "elf.h"
#include "identity.h"
#include "interpreter.h"
#include "shared/calls.h"
#include "template.h"

#define WARM_FLAGS \
	(SPAWN_TEMPLATE_CREATE_WARM_ONCE | SPAWN_TEMPLATE_CREATE_WARM_FORK)
#define CREATE_FLAGS \
	(SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT | \
	 SPAWN_TEMPLATE_CREATE_DENY_WRITE | SPAWN_TEMPLATE_CREATE_GUARD | \
	 SPAWN_TEMPLATE_CREATE_NO_GUARD | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH | \
	 WARM_FLAGS)

#define TRIES 4 /* for a file that changes during registration */

/* The source of a template: a path, or an fd. */
struct source {
	const char *path;
	int execfd;
	unsigned int warm_target;
};

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
static int open_file(const struct source *from)
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
static int read_header(int fd, const struct source *from, struct st_elf *elf)
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
static int take_other(int fd, const struct source *from, struct st_elf *elf)
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

static int take_header(int fd, const struct source *from, struct st_record *rec,
		       struct st_elf *elf)
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

/* ---- making */

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

/* Fills in a record for an open file; the checks are in the proposal's order. */
static int examine(int fd, const struct source *from, struct st_record *rec)
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

/*
 * Registers with the guard, which sees every change of the file from then on; a
 * change between examine() and the registration shows in the key.
 * Return: 0, guarded or not; -ESTALE; or -errno.
 */
static int have_guarded(int fd, struct st_record *rec)
{
	bool known = rec->format != SPAWN_TEMPLATE_FORMAT_UNKNOWN;
	struct spawn_template_key now;
	int ret = st_guard_register(fd, rec->flags, known ? rec->head : NULL,
				    &rec->guard);

	if (ret < 0 || !rec->guard.id)
		return ret;
	ret = st_key_of_fd(fd, &now);
	if (ret == 0 && !st_key_equal(&now, &rec->key))
		ret = -ESTALE;
	if (ret == 0)
		ret = st_guard_check(&rec->guard, rec->flags);
	if (ret < 0)
		st_guard_unregister(rec->guard.id);
	return ret;
}

/*
 * Prepares launches, but not of a program that has to be exec'ed: one that is not a
 * dynamic ELF file, or whose exec the guard has to see.
 */
static int have_prepared(struct st_record *rec, unsigned int target)
{
	unsigned int never = ST_COLD_NONE;

	if (!rec->path || !(rec->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC) ||
	    rec->format != SPAWN_TEMPLATE_FORMAT_ELF ||
	    rec->by_path_reason == SPAWN_TEMPLATE_BY_PATH_BINFMT)
		never = SPAWN_TEMPLATE_COLD_PROGRAM;
	else if (rec->guard.id)
		never = SPAWN_TEMPLATE_COLD_GUARDED;
	rec->warm_target = target;
	rec->warm =
		st_warm_new(rec->path, &rec->key, rec->flags, target, never);
	return rec->warm ? 0 : -ENOMEM;
}

/*
 * Makes a template. counters: those of the record that this one follows, or
 * NULL.
 * Return: an O_PATH fd, close-on-exec, with *rec its record; -ESTALE if the
 * file changed during the registration; or -errno.
 */
static int make_once(const struct source *from, uint64_t flags,
		     struct st_counters *counters, bool guard,
		     struct st_record **rec)
{
	struct st_record *r;
	int ret, fd = open_file(from);

	if (fd < 0)
		return fd;
	r = st_record_new(counters);
	ret = r ? st_ids_get(&r->ids) : -ENOMEM;
	if (ret == 0) {
		r->flags = flags;
		ret = examine(fd, from, r);
	}
	if (ret == 0 && guard)
		ret = have_guarded(fd, r);
	if (ret == 0 && (flags & WARM_FLAGS))
		ret = have_prepared(r, from->warm_target);
	if (ret < 0) {
		st_record_put(r);
		sys_close(fd);
		return ret;
	}
	*rec = r;
	return fd;
}

/* Makes a template, and tries again while the file changes. */
static int make_template(const struct source *from, uint64_t flags,
			 struct st_counters *counters, struct st_record **rec)
{
	bool guard = !(flags & SPAWN_TEMPLATE_CREATE_NO_GUARD);
	int fd = -ESTALE;

	for (int i = 0; fd == -ESTALE && i < TRIES; i++)
		fd = make_once(from, flags, counters, guard, rec);
	/* without a guard the first launch will find it stale */
	if (fd == -ESTALE && !(flags & ST_MUST_GUARD))
		fd = make_once(from, flags, counters, false, rec);
	return fd;
}

int st_template_make(const char *path, uint64_t flags, struct st_record **rec)
{
	const struct source from = { .path = path, .execfd = -1 };

	return make_template(&from, flags, NULL, rec);
}

/* ---- making again */

static int copy_facts(struct st_record *rec, const struct st_record *facts)
{
	rec->flags = facts->flags;
	rec->ids = facts->ids;
	rec->key = facts->key;
	rec->format = facts->format;
	rec->elf_class = facts->elf_class;
	rec->elf_machine = facts->elf_machine;
	rec->elf_flags = facts->elf_flags;
	rec->by_path_reason = facts->by_path_reason;
	rec->warm_target = facts->warm_target;
	rec->digest = facts->digest;
	memcpy(rec->head, facts->head, sizeof(rec->head));
	rec->path = strdup(facts->path);
	if (!rec->path)
		return -ENOMEM;
	rec->exec_path = rec->path;
	rec->no_interpreter = facts->no_interpreter;
	if (!facts->interpreter)
		return 0;
	rec->interpreter = strdup(facts->interpreter);
	return rec->interpreter ? 0 : -ENOMEM;
}

struct st_record *st_template_facts(const struct st_record *of)
{
	struct st_record *rec = st_record_new(of->counters);

	if (rec && copy_facts(rec, of) < 0) {
		st_record_put(rec);
		rec = NULL;
	}
	return rec;
}

int st_template_revive(int fd, const struct st_record *facts,
		       struct st_record **rec)
{
	struct st_record *r = st_template_facts(facts);
	int ret = r ? 0 : -ENOMEM;

	if (ret == 0 && !(r->flags & SPAWN_TEMPLATE_CREATE_NO_GUARD))
		ret = have_guarded(fd, r);
	if (ret == 0 && (r->flags & WARM_FLAGS))
		ret = have_prepared(r, r->warm_target);
	if (ret < 0)
		st_record_put(r);
	else
		*rec = r;
	return ret;
}

/* ---- the caller's arguments */

_Static_assert(sizeof(struct spawn_template_create_args) ==
		       SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1,
	       "create args");

int st_template_check_flags(uint64_t flags)
{
	if (flags & ~CREATE_FLAGS)
		return -EINVAL;
	if (flags & SPAWN_TEMPLATE_CREATE_NO_GUARD) {
		if (flags & SPAWN_TEMPLATE_CREATE_GUARD)
			return -EINVAL;
		if (flags & SPAWN_TEMPLATE_CREATE_DENY_WRITE)
			return -EOPNOTSUPP;
	}
	return (flags & WARM_FLAGS) == WARM_FLAGS ? -EINVAL : 0;
}

static int check_args(const struct spawn_template_create_args *args,
		      int version)
{
	uint64_t flags = args->flags;

	if (flags & ~CREATE_FLAGS)
		return -EINVAL;
	if (ST_VER1_FLAGS(flags) && version < 1)
		return -EINVAL;
	if (args->exec_flags || args->actions || args->actions_len ||
	    args->reserved[0] || args->reserved[1] || args->reserved[2] ||
	    args->reserved[3] || args->pad)
		return -EINVAL;
	if ((args->execfd >= 0) == (args->filename != 0))
		return -EINVAL;
	if (args->filename && *(const char *)(uintptr_t)args->filename != '/')
		return -EINVAL;
	return st_template_check_flags(flags);
}

int spawn_template_create(const struct spawn_template_create_args *uargs,
			  size_t size)
{
	static const size_t versions[] = {
		SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0,
		SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1,
	};
	struct spawn_template_create_args args;
	struct st_record *rec;
	struct source from;
	int fd, ret;

	ret = st_args_copy(&args, uargs, size, versions, 2);
	if (ret >= 0)
		ret = check_args(&args, ret);
	if (ret < 0)
		return ret;
	from.path = (const char *)(uintptr_t)args.filename;
	from.execfd = args.execfd;
	from.warm_target = args.warm_target;
	fd = make_template(&from, args.flags, NULL, &rec);
	if (fd < 0)
		return fd;
	if (!(args.flags & SPAWN_TEMPLATE_CREATE_CLOEXEC))
		ret = sys_fcntl(fd, F_SETFD, 0);
	if (ret == 0)
		ret = st_table_set(fd, rec);
	if (ret < 0) {
		st_record_put(rec);
		sys_close(fd);
		return ret;
	}
	return fd;
}

int spawn_template_open(const char *path, uint64_t flags)
{
	struct spawn_template_create_args args = {
		.flags = flags,
		.execfd = -1,
		.filename = (uintptr_t)path,
	};

	return spawn_template_create(&args, sizeof(args));
}

/* ---- refreshing */

/* Tells whether the record is the one at this number, and not that of a dup. */
static bool is_at(int tfd, const struct st_record *rec)
{
	struct st_record *here = st_table_get(tfd);

	st_record_put(here);
	return here && here == rec;
}

/*
 * Puts fd and rec in the place of tfd, if tfd is still the old file and, where the old
 * record was at the number, that is still there: the file's inode number alone may be
 * another file's by now. It takes over the reference to rec on success.
 */
static int replace(int tfd, int fd, const struct st_record *old, bool at,
		   struct st_record *rec)
{
	struct spawn_template_key now;
	int flags, ret;

	ret = st_key_of_fd(tfd, &now);
	if (ret < 0)
		return ret;
	if (!st_key_same_file(&now, &old->key) || (at && !is_at(tfd, old)))
		return -EACCES;
	flags = sys_fcntl(tfd, F_GETFD, 0);
	if (flags < 0)
		return flags;
	ret = sys_dup3(fd, tfd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
	return ret < 0 ? ret : st_table_set(tfd, rec);
}

static int replace_locked(int tfd, int fd, const struct st_record *old, bool at,
			  struct st_record *rec)
{
	uint64_t all = ~0ULL, mask;
	int ret = sys_sigmask(&all, &mask);

	if (ret < 0)
		return ret;
	/* the lock makes the home, so st_table_set() cannot fail */
	if (st_table_lock(tfd)) {
		ret = replace(tfd, fd, old, at, rec);
		st_table_unlock(tfd);
	} else {
		ret = -ENOMEM;
	}
	sys_sigmask(&mask, NULL);
	return ret;
}

static int refresh_once(int tfd)
{
	struct st_record *old = NULL, *rec;
	struct spawn_template_key now;
	struct source from = { .execfd = tfd };
	int fd, ret;
	bool at;

	ret = st_template_find(tfd, &old, &now);
	if (ret < 0)
		return ret;
	at = is_at(tfd, old);
	from.path = old->path;
	from.warm_target = old->warm_target;
	fd = make_template(&from, old->flags, old->counters, &rec);
	if (fd < 0) {
		st_record_put(old);
		return fd;
	}
	/*
	 * a template of an fd needs the same file, whatever the number is now
	 */
	if (!old->path && !st_key_same_file(&rec->key, &old->key))
		ret = -EACCES;
	else
		ret = replace_locked(tfd, fd, old, at, rec);
	if (ret < 0)
		st_record_put(rec);
	else if (at)
		st_guard_unregister(old->guard.id);
	st_record_put(old);
	sys_close(fd);
	return ret;
}

/* Refreshes, and again if another thread's refresh came between. */
int spawn_template_refresh(int tfd)
{
	uint64_t before;
	int ret;

	do {
		before = st_table_changes(tfd);
		ret = refresh_once(tfd);
	} while (ret == -EACCES && st_table_changes(tfd) != before);
	return ret;
}

/* ---- closing */

static int close_number(int tfd)
{
	int ret;

	st_table_drop(tfd);
	ret = sys_close(tfd);
	return ret == -EINTR ? 0 : ret;
}

int st_template_close_inherited(int tfd)
{
	struct spawn_template_key now;
	struct st_record *rec = NULL;
	int ret = st_template_of(tfd, &rec, &now);

	st_record_put(rec);
	if (ret == -EACCES && st_table_inherited(&now))
		return close_number(tfd);
	return ret == -EBADF ? ret : -EINVAL;
}

int spawn_template_close(int tfd)
{
	struct spawn_template_key now;
	struct st_record *rec = NULL;
	int ret = st_template_of(tfd, &rec, &now);

	/* a template inherited over fork is closed, too */
	if (ret == -EACCES)
		return st_template_close_inherited(tfd);
	if (ret < 0)
		return ret;
	if (is_at(tfd, rec))
		st_guard_unregister(rec->guard.id);
	st_record_put(rec);
	return close_number(tfd);
}
