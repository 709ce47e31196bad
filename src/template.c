/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes, refreshes and closes templates; examine.c looks into their files. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "check.h"
#include "examine.h"
#include "identity.h"
#include "template.h"

#define ONCE_AND_FORK \
	(SPAWN_TEMPLATE_CREATE_WARM_ONCE | SPAWN_TEMPLATE_CREATE_WARM_FORK)
#define WARM_FLAGS (ONCE_AND_FORK | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)
#define CREATE_FLAGS \
	(SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT | \
	 SPAWN_TEMPLATE_CREATE_DENY_WRITE | SPAWN_TEMPLATE_CREATE_GUARD | \
	 SPAWN_TEMPLATE_CREATE_NO_GUARD | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH | \
	 WARM_FLAGS)

#define TRIES 4 /* for a file that changes during registration */
/* ---- making */

/*
 * Registers with the guard, which sees every change of the file from then on; a
 * change between st_examine() and the registration shows in the key.
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
static int have_prepared(struct st_record *rec, unsigned int target,
			 const char *preload)
{
	unsigned int never = ST_COLD_NONE;

	if (!rec->path || !(rec->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC) ||
	    rec->format != SPAWN_TEMPLATE_FORMAT_ELF ||
	    rec->by_path_reason == SPAWN_TEMPLATE_BY_PATH_BINFMT)
		never = SPAWN_TEMPLATE_COLD_PROGRAM;
	else if (rec->guard.id)
		never = SPAWN_TEMPLATE_COLD_GUARDED;
	rec->warm_target = target;
	if (preload && !rec->preload && !(rec->preload = strdup(preload)))
		return -ENOMEM;
	rec->warm = st_warm_new(rec->path, &rec->key, rec->flags, rec->preload,
				target, never);
	return rec->warm ? 0 : -ENOMEM;
}

/*
 * Makes a template. counters: those of the record that this one follows, or
 * NULL.
 * Return: an O_PATH fd, close-on-exec, with *rec its record; -ESTALE if the
 * file changed during the registration; or -errno.
 */
static int make_once(const struct st_source *from, uint64_t flags,
		     struct st_counters *counters, bool guard,
		     struct st_record **rec)
{
	struct st_record *r;
	int ret, fd = st_source_open(from);

	if (fd < 0)
		return fd;
	r = st_record_new(counters);
	ret = r ? st_ids_get(&r->ids) : -ENOMEM;
	if (ret == 0) {
		r->flags = flags;
		ret = st_examine(fd, from, r);
	}
	if (ret == 0 && guard)
		ret = have_guarded(fd, r);
	if (ret == 0 && (flags & WARM_FLAGS))
		ret = have_prepared(r, from->warm_target, from->preload);
	if (ret < 0) {
		st_record_put(r);
		sys_close(fd);
		return ret;
	}
	*rec = r;
	return fd;
}

/* Makes a template, and tries again while the file changes. */
static int make_template(const struct st_source *from, uint64_t flags,
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

/* Tells whether the name is that of a Python: python, python3.11 ... */
static bool names_python(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash ? slash + 1 : path, "python", 6) == 0;
}

int st_template_make(const struct st_source *from, uint64_t flags,
		     struct st_record **rec)
{
	struct st_source source = *from;

	if (flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME) {
		if (names_python(from->path)) {
			flags &= ~ONCE_AND_FORK;
		} else {
			flags &= ~SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
			source.preload = NULL;
		}
	}
	return make_template(&source, flags, NULL, rec);
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
	if (facts->preload && !(rec->preload = strdup(facts->preload)))
		return -ENOMEM;
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
		ret = have_prepared(r, facts->warm_target, facts->preload);
	if (ret < 0)
		st_record_put(r);
	else
		*rec = r;
	return ret;
}

/* ---- the caller's arguments */

_Static_assert(sizeof(struct spawn_template_create_args) ==
		       SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2,
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
	return (flags & ONCE_AND_FORK) == ONCE_AND_FORK ? -EINVAL : 0;
}

/* Return: the path, or that of the descriptor, which is in target. */
static const char *path_of(const struct spawn_template_create_args *args,
			   char target[SPAWN_TEMPLATE_PATH_MAX])
{
	const char *path = (const char *)(uintptr_t)args->filename;
	char link[32];
	int len;

	if (!path) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", args->execfd);
		len = sys_call4(__NR_readlinkat, AT_FDCWD, link, target,
				SPAWN_TEMPLATE_PATH_MAX - 1);
		target[len > 0 ? len : 0] = '\0';
		path = target;
	}
	return path;
}

/*
 * Checks the modules for a Python, that there are none for a Node, or the file that a
 * session shell will source: a mistake shows at start-up.
 */
static int check_preload(const struct spawn_template_create_args *args)
{
	const char *preload = (const char *)(uintptr_t)args->warm_preload;
	struct spawn_template_key key = { 0 };
	char target[SPAWN_TEMPLATE_PATH_MAX];
	const char *path;
	int fd, ret;

	if (!(args->flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME))
		return preload ? -EINVAL : 0;
	path = path_of(args, target);
	if (st_warm_is_node(path))
		return preload ? -EINVAL : 0;
	if (names_python(path))
		return !preload || st_warm_is_list(preload) ? 0 : -EINVAL;
	if (!preload || *preload != '/')
		return -EINVAL;
	fd = sys_openat(AT_FDCWD, preload, O_RDONLY | O_CLOEXEC | O_NONBLOCK,
			0);
	if (fd < 0)
		return fd;
	ret = st_key_of_fd(fd, &key);
	sys_close(fd);
	if (ret == 0 && !ST_IS_REGULAR(key.mode))
		ret = -EACCES;
	return ret;
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
	if ((flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME) &&
	    (flags & ONCE_AND_FORK))
		return -EINVAL;
	return st_template_check_flags(flags);
}

int spawn_template_create(const struct spawn_template_create_args *uargs,
			  size_t size)
{
	static const size_t versions[] = {
		SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0,
		SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1,
		SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2,
	};
	struct spawn_template_create_args args;
	struct st_record *rec;
	struct st_source from;
	int fd, ret;

	ret = st_args_copy(&args, uargs, size, versions, 3);
	if (ret >= 0)
		ret = check_args(&args, ret);
	if (ret >= 0)
		ret = check_preload(&args);
	if (ret < 0)
		return ret;
	from.path = (const char *)(uintptr_t)args.filename;
	from.execfd = args.execfd;
	from.warm_target = args.warm_target;
	from.preload = (const char *)(uintptr_t)args.warm_preload;
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
	struct st_source from = { .execfd = tfd };
	int fd, ret;
	bool at;

	ret = st_template_find(tfd, &old, &now);
	if (ret < 0)
		return ret;
	at = is_at(tfd, old);
	from.path = old->path;
	from.warm_target = old->warm_target;
	from.preload = old->preload;
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
