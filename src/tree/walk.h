/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks a cgroup v2 directory and all below it: to signal, move or remove. It
 * serves the library and supervisor_child.c, and follows the latter's rules:
 * raw system calls only, no writes but to the stack, and no constant in memory,
 * so that the caller passes the names of files.
 *
 * Processes in the tree may make more directories in it, as deep as they like.
 * So the walk needs only two fds and no recursion: it goes by ".." and inode
 * numbers, never into anything that is not a directory of this file system. It
 * has a limit, because they may make directories as fast as it finds them.
 */
#ifndef ST_TREE_WALK_H
#define ST_TREE_WALK_H

#include <signal.h>
#include <sys/types.h>
#include <dirent.h>

#include "dents.h"
#include "sys.h"

#ifndef WALK_FN
#define WALK_FN static inline
#endif

struct walk_names {
	char procs[16];
	char freeze[16];
	char events[16];
	char here[4];
	char up[4];
	char none[4];
};

#define WALK_NAMES                                                         \
	{                                                                  \
		"cgroup.procs", "cgroup.freeze", "cgroup.events", ".", "..", \
			"" \
	}

#define WALK_NAME_MAX 256

/* The most directories that a walk goes through. */
#define WALK_DIRS_MOST 1024

/* The most steps of a removal: going down costs 1, removing one WALK_RMDIR. */
#define WALK_STEPS_MOST 65536
#define WALK_RMDIR 16

/* ---- directories */

WALK_FN bool walk_is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

WALK_FN void walk_copy_name(char *to, const char *from)
{
	int i;

	/* volatile: the compiler must not make a call of memcpy of this loop */
	for (i = 0; from[i] && i < WALK_NAME_MAX - 1; i++)
		*(volatile char *)&to[i] = from[i];
	to[i] = 0;
}

/*
 * Finds the directory that follows the one with the inode number `after`; 0:
 * the first one.
 * Return: 1; 0: there is none; or -errno.
 */
WALK_FN int walk_child(int dir, uint64_t after, char *name, uint64_t *ino)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct st_dent *e;
	struct st_dents dents;
	bool seen = !after;

	sys_call3(__NR_lseek, dir, 0, SEEK_SET);
	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while ((e = st_dents_next(&dents))) {
		if (e->type != DT_DIR || walk_is_dots(e->name))
			continue;
		if (seen) {
			walk_copy_name(name, e->name);
			*ino = e->ino;
			return 1;
		}
		seen = e->ino == after;
	}
	return dents.got;
}

WALK_FN int walk_open_dir(int dir, const char *name)
{
	return sys_openat(dir, name,
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* A walk from the top down, each directory before those below it. */
struct walk {
	int dir; /* the present directory; own, closed at the end */
	unsigned int depth;
	unsigned int left; /* the limit that remains */
	const struct walk_names *names;
};

WALK_FN int walk_begin(struct walk *w, int top, const struct walk_names *names)
{
	w->names = names;
	w->depth = 0;
	w->left = WALK_DIRS_MOST;
	/* an fd of its own, because the walk moves its position */
	w->dir = walk_open_dir(top, names->here);
	return w->dir < 0 ? w->dir : 0;
}

WALK_FN bool walk_enter(struct walk *w, uint64_t after)
{
	char name[WALK_NAME_MAX];
	uint64_t ino = 0;

	while (walk_child(w->dir, after, name, &ino) > 0) {
		int fd = walk_open_dir(w->dir, name);

		if (fd >= 0) {
			sys_close(w->dir);
			w->dir = fd;
			w->depth++;
			return true;
		}
		after = ino;
	}
	return false;
}

WALK_FN bool walk_leave(struct walk *w, uint64_t *ino)
{
	struct statx stx;
	int fd;

	if (sys_statx(w->dir, w->names->none, AT_EMPTY_PATH, STATX_INO, &stx))
		return false;
	fd = walk_open_dir(w->dir, w->names->up);
	if (fd < 0)
		return false;
	sys_close(w->dir);
	w->dir = fd;
	w->depth--;
	*ino = stx.stx_ino;
	return true;
}

/*
 * Goes on to the next directory.
 * Return: false after the last, or at the limit.
 */
WALK_FN bool walk_next(struct walk *w)
{
	uint64_t ino = 0;

	if (!--w->left)
		return false;
	if (walk_enter(w, 0))
		return true;
	while (w->depth > 0 && walk_leave(w, &ino))
		if (walk_enter(w, ino))
			return true;
	return false;
}

/*
 * Goes down from `dir`, which it closes, to a directory that has none below.
 * Return: 1 with that one's name and its parent; 0: there is none below;
 * -errno.
 */
WALK_FN int walk_deepest(int dir, char *name, int *parent, int *steps)
{
	uint64_t ino;
	int ret;

	*parent = -1;
	while ((ret = walk_child(dir, 0, name, &ino)) > 0) {
		if (*parent >= 0)
			sys_close(*parent);
		*parent = dir;
		dir = --*steps > 0 ? walk_open_dir(*parent, name) : -EBUSY;
		if (dir < 0)
			break;
	}
	if (dir >= 0)
		sys_close(dir);
	if (dir >= 0 && ret == 0)
		return *parent >= 0;
	if (*parent >= 0)
		sys_close(*parent);
	return dir < 0 ? dir : ret;
}

/*
 * Removes all directories below, deepest first.
 * Return: 0, or -errno of the first that cannot be removed; -EBUSY if a process
 * lives there, or if there are too many for one call.
 */
WALK_FN int walk_remove_below(int top, const struct walk_names *names)
{
	char name[WALK_NAME_MAX];
	int steps = WALK_STEPS_MOST, parent, ret;

	do {
		int dir = walk_open_dir(top, names->here);

		if (dir < 0)
			return dir;
		ret = walk_deepest(dir, name, &parent, &steps);
		if (ret == 0)
			return 0;
		if (ret > 0) {
			ret = sys_call3(__NR_unlinkat, parent, name,
					AT_REMOVEDIR);
			sys_close(parent);
		}
		steps -= WALK_RMDIR;
	} while ((ret == 0 || ret == -ENOENT) && steps > 0);
	return steps > 0 ? ret : -EBUSY;
}

/* ---- processes */

/* The action for each process, and its results. */
struct walk_visit {
	int to;			/* cgroup.procs to move it to; -1: signal it */
	int sig;
	pid_t self, child;	/* self is left out */
	unsigned int done, refused;
	bool busy;		/* `to` may hold no process */
	bool short_of_fds;	/* not all of them were visited */
	bool saw_self, saw_child;
};

WALK_FN int walk_move(int to, pid_t pid)
{
	char digits[16];
	int at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid);
	return sys_call3(__NR_write, to, digits + at, sizeof(digits) - at);
}

/* Visits a process. 0 stands for one of another pid namespace. */
WALK_FN void walk_visit_pid(struct walk_visit *v, pid_t pid)
{
	int ret;

	v->saw_self |= pid == v->self;
	v->saw_child |= pid == v->child;
	if (pid <= 0 || pid == v->self)
		return;
	if (v->to >= 0)
		ret = walk_move(v->to, pid);
	else
		ret = sys_call2(__NR_kill, pid, v->sig);
	v->done += ret >= 0;
	v->refused += ret < 0 && ret != -ESRCH;
	v->busy |= v->to >= 0 && (ret == -EBUSY || ret == -EOPNOTSUPP);
}

WALK_FN void walk_visit_procs(struct walk_visit *v, int dir,
			      const struct walk_names *names)
{
	char buf[1024];
	pid_t pid = 0;
	int fd, got;

	fd = sys_openat(dir, names->procs, O_RDONLY | O_CLOEXEC, 0);
	v->short_of_fds |= sys_is_shortage(fd);
	if (fd < 0)
		return;
	while ((got = sys_call3(__NR_read, fd, buf, sizeof(buf))) > 0) {
		for (int i = 0; i < got; i++) {
			if (buf[i] != '\n') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			walk_visit_pid(v, pid);
			pid = 0;
		}
	}
	sys_close(fd);
}

/* Return: 0; or -errno if even the top cannot be opened. */
WALK_FN int walk_visit(struct walk_visit *v, int top,
		       const struct walk_names *names)
{
	struct walk w;
	int ret = walk_begin(&w, top, names);

	if (ret < 0)
		return ret;
	do {
		walk_visit_procs(v, w.dir, names);
	} while (walk_next(&w));
	sys_close(w.dir);
	return 0;
}

/* ---- state */

/*
 * Reads a value of cgroup.events, which has a line for each: "populated 0". key
 * is its first letter.
 * Return: 0, 1, or -errno.
 */
WALK_FN int walk_event(int dir, const struct walk_names *names, char key)
{
	char buf[128];
	int got = sys_read_file(dir, names->events, buf, sizeof(buf));
	bool found = false;

	for (int i = 0; i < got; i++) {
		if (i == 0 || buf[i - 1] == '\n')
			found = buf[i] == key;
		if (found && (buf[i] == '0' || buf[i] == '1'))
			return buf[i] - '0';
	}
	return got < 0 ? got : -EINVAL;
}

WALK_FN bool walk_wait_event(int dir, const struct walk_names *names, char key,
			     int value, int ms)
{
	for (int i = 0;; i++) {
		struct sys_timespec ts;

		if (walk_event(dir, names, key) == value)
			return true;
		if (i >= ms * 5)
			return false;
		ts.sec = 0;
		ts.nsec = 200000;
		/* an interrupted sleep goes on for the remaining time */
		while (sys_call2(__NR_nanosleep, &ts, &ts) == -EINTR)
			;
	}
}

WALK_FN int walk_write_freeze(int dir, const struct walk_names *names,
			      char value)
{
	/* read first: a cgroup that others have frozen stays frozen */
	int fd = sys_openat(dir, names->freeze, O_RDWR | O_CLOEXEC, 0), ret;
	char now = 0;

	if (fd < 0)
		return fd;
	ret = sys_call3(__NR_read, fd, &now, 1);
	if (ret >= 0 && now == value)
		ret = 0;
	else if (ret >= 0)
		ret = sys_call4(__NR_pwrite64, fd, &value, 1, 0);
	sys_close(fd);
	return ret;
}

/*
 * Freezes a cgroup, so that nothing forks or ends while it is signalled or
 * moved. Waits at most 0.1 s for processes that cannot be frozen at once.
 * Return: true if it has to be thawed.
 */
WALK_FN bool walk_freeze(int dir, const struct walk_names *names)
{
	if (walk_write_freeze(dir, names, '1') <= 0)
		return false;
	walk_wait_event(dir, names, 'f', 1, 100);
	return true;
}

WALK_FN void walk_thaw(int dir, const struct walk_names *names)
{
	walk_write_freeze(dir, names, '0');
}

#endif
