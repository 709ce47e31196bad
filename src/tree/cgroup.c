/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cgroup v2 directories: finds a place to make one, makes it, signals all in it
 * and below it, and removes it. Signals reach every process in it, however it
 * got there.
 *
 * SIGKILL goes by cgroup.kill (Linux 5.14). Without that file, and for other
 * signals, the cgroup is frozen first, so that nothing escapes by forking and
 * no number is given to another process meanwhile. A signal that kills takes
 * effect at once; a handler runs when all processes are thawed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/limits.h>
#include <linux/magic.h>

#include "shared/cgroups.h"
#include "sys.h"
#include "tree/cgroup.h"
#include "pidfd.h"
#include "tree/walk.h"

const struct walk_names st_walk_names = WALK_NAMES;

/*
 * The tries, 1 ms apart, to remove a directory that answers EBUSY: with living processes
 * in it, and with those alone that are ending. They are counted, since on a busy machine
 * time passes in which neither these nor the caller had a processor.
 */
#define TRIES_LIVING 50
#define TRIES_ENDING 1000

/* ---- the caller's own cgroup */

/**
 * st_cgroup_path - find the directory of a cgroup below one mount
 * @own: its path as /proc/self/cgroup has it
 * @mount: a line of mountinfo; changed
 * @path: set to the directory
 * @size: of @path
 *
 * The mount shows only the cgroups below its root, and a path outside of the
 * cgroup namespace begins with "/..", which names nothing here.
 *
 * Return: true if it is a cgroup v2 mount that shows the cgroup.
 */
bool st_cgroup_path(const char *own, char *mount, char *path, size_t size)
{
	struct st_cgroup_mount m;
	size_t root;

	if (!st_cgroup_mount(mount, &m))
		return false;
	root = strcmp(m.root, "/") ? strlen(m.root) : 0;
	if (strncmp(own, "/..", 3) == 0 || strncmp(own, m.root, root) != 0 ||
	    (own[root] != '/' && own[root]))
		return false;
	own += root;
	if (strcmp(own, "/") == 0)
		own = "";
	return snprintf(path, size, "%s%s", m.point, own) < (int)size;
}

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/*
 * Tells whether directories may be made in it, and children be born in those.
 */
static bool is_writable(int dir)
{
	return faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0 &&
	       faccessat(dir, st_walk_names.procs, W_OK, AT_EACCESS) == 0;
}

/* Tells whether runs may have cgroups in a directory. */
bool st_cgroup_is_usable(int dir)
{
	return is_cgroup2(dir) && is_writable(dir);
}

static int open_writable(const char *path)
{
	int dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			     0);

	if (dir < 0 || st_cgroup_is_usable(dir))
		return dir;
	sys_close(dir);
	return -EOPNOTSUPP;
}

/* Tries each mount, and last the one that others may cover. */
static int open_by_mounts(const char *own, char *mounts)
{
	char *save = NULL, *line = strtok_r(mounts, "\n", &save);
	char *path = malloc(PATH_MAX);
	int ret = path ? -EOPNOTSUPP : -ENOMEM;

	for (; path && line; line = strtok_r(NULL, "\n", &save)) {
		if (!st_cgroup_path(own, line, path, PATH_MAX))
			continue;
		ret = open_writable(path);
		if (ret >= 0 || sys_is_shortage(ret))
			break;
	}
	free(path);
	return ret >= 0 || sys_is_shortage(ret) ? ret : -EOPNOTSUPP;
}

/**
 * st_cgroup_own - open the cgroup of the calling thread, if it is writable
 */
int st_cgroup_own(void)
{
	char *mounts = NULL, *own, *path;
	int ret;

	own = st_read_whole("/proc/thread-self/cgroup", &ret);
	if (own)
		mounts = st_read_whole("/proc/self/mountinfo", &ret);
	if (mounts) {
		path = st_cgroup_own_path(own);
		ret = path ? open_by_mounts(path, mounts) : -EOPNOTSUPP;
	}
	free(own);
	free(mounts);
	return ret >= 0 || sys_is_shortage(ret) ? ret : -EOPNOTSUPP;
}

/* Opens a cgroup that the caller gave. Return: an fd of our own, or -errno. */
int st_cgroup_open(int fd)
{
	int dir = sys_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (dir >= 0 && is_cgroup2(dir))
		return dir;
	if (dir >= 0)
		sys_close(dir);
	return dir >= 0 || dir == -ENOTDIR ? -EBADF /* as clone3(2) */ : dir;
}

/* ---- directories of this library */

/*
 * Checks the type: a cgroup below a threaded one can be made, but holds no
 * process.
 */
static int check_domain(int dir)
{
	char type[32];
	int got = sys_read_file(dir, "cgroup.type", type, sizeof(type));

	if (got < 0)
		return got;
	return strncmp(type, "domain\n", 7) == 0 ? 0 : -EOPNOTSUPP;
}

/**
 * st_cgroup_make - make a cgroup
 * @parent: the directory to make it in
 * @name: set to its name there, ST_CGROUP_NAME bytes
 *
 * Return: an fd of it; or -errno, with nothing left.
 */
int st_cgroup_make(int parent, char *name)
{
	int ret, dir;

	/* without /proc, another process's names may be the same */
	do {
		st_owner_name(name);
		ret = sys_call3(__NR_mkdirat, parent, name, 0755);
	} while (ret == -EEXIST);
	if (ret < 0)
		return ret;
	dir = walk_open_dir(parent, name);
	ret = dir < 0 ? dir : check_domain(dir);
	if (ret == 0)
		return dir;
	if (dir >= 0)
		sys_close(dir);
	sys_call3(__NR_unlinkat, parent, name, AT_REMOVEDIR);
	return ret;
}

/* ---- signals */

static struct walk_visit visit_of(pid_t child, int sig)
{
	return (struct walk_visit){
		.to = -1,
		.sig = sig,
		.self = (pid_t)sys_call0(__NR_getpid),
		.child = child,
	};
}

static int write_kill(int dir)
{
	int fd = sys_openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC, 0), ret;

	if (fd < 0)
		return fd;
	ret = sys_call3(__NR_write, fd, "1", 1);
	sys_close(fd);
	return ret;
}

static void send(struct walk_visit *v, int dir, int sig, bool freeze)
{
	bool thaw = freeze && walk_freeze(dir, &st_walk_names);

	v->sig = sig;
	v->done = v->refused = 0;
	walk_visit(v, dir, &st_walk_names);
	if (st_signal_ends(sig) && sig != SIGKILL) {
		struct walk_visit cont = *v;

		cont.sig = SIGCONT;
		walk_visit(&cont, dir, &st_walk_names);
	}
	if (thaw)
		walk_thaw(dir, &st_walk_names);
}

/*
 * Signals processes that were not seen: they are about to end, or are in a pid
 * namespace that is not shown here. cgroup.kill reaches them, and no other
 * signal does.
 */
static int signal_unseen(int dir, int sig)
{
	if ((sig && sig != SIGKILL) ||
	    walk_event(dir, &st_walk_names, 'p') != 1)
		return -ESRCH;
	return sig == 0 || write_kill(dir) > 0 ? 0 : -ESRCH;
}

/**
 * st_cgroup_signal - signal all processes in a cgroup and below it
 * @dir: the cgroup
 * @child: a process to look for; 0: none
 * @sig: the signal
 * @reached: set if @child was in it
 *
 * A caller that is in the cgroup itself is left out, and then nothing can be
 * frozen.
 *
 * Return: 0, -ESRCH or -EPERM as st_tree_signal(); or -errno if the directory
 * cannot be read.
 */
int st_cgroup_signal(int dir, pid_t child, int sig, bool *reached)
{
	struct walk_visit v = visit_of(child, 0);
	int ret = walk_visit(&v, dir, &st_walk_names);

	if (ret < 0)
		return ret;
	if (v.done + v.refused == 0)
		return v.saw_self ? -ESRCH : signal_unseen(dir, sig);
	*reached = v.saw_child;
	if (sig == SIGKILL && !v.saw_self && write_kill(dir) > 0)
		return 0;
	if (sig)
		send(&v, dir, sig, !v.saw_self);
	*reached |= v.saw_child;
	if (v.done)
		return 0;
	return v.refused ? -EPERM : -ESRCH;
}

/*
 * Counts the processes that are seen from here and live in it and below it.
 * Return: how many; or -EMFILE and so on, if that cannot be found out now.
 */
int st_cgroup_count(int dir)
{
	struct walk_visit v = visit_of(0, 0);
	int ret = walk_event(dir, &st_walk_names, 'p');

	if (ret == 0 || sys_is_shortage(ret))
		return ret;
	ret = walk_visit(&v, dir, &st_walk_names);
	if (sys_is_shortage(ret))
		return ret;
	if (v.done + v.refused == 0 && v.short_of_fds)
		return -EMFILE;
	return (int)(v.done + v.refused);
}

/* ---- the end of a directory */

/*
 * Opens the place for processes that are left in a run's cgroup.
 * Return: an fd to write their numbers to.
 */
static int open_left(int parent)
{
	char path[sizeof(ST_CGROUP_LEFT) + 16];
	int ret = sys_call3(__NR_mkdirat, parent, ST_CGROUP_LEFT, 0755);

	if (ret < 0 && ret != -EEXIST)
		return ret;
	snprintf(path, sizeof(path), "%s/%s", ST_CGROUP_LEFT,
		 st_walk_names.procs);
	return sys_openat(parent, path, O_WRONLY | O_CLOEXEC, 0);
}

static void move_to(struct walk_visit *v, int dir, int to)
{
	v->to = to;
	v->busy = false;
	if (to < 0)
		return;
	walk_visit(v, dir, &st_walk_names);
	sys_close(to);
}

/* Moves processes to the parent or, if that may hold none, to one below it. */
static void move_out(int parent, int dir)
{
	struct walk_visit v = visit_of(0, 0);
	bool thaw;

	walk_visit(&v, dir, &st_walk_names);
	thaw = !v.saw_self && walk_freeze(dir, &st_walk_names);
	v.self = 0;
	move_to(&v, dir,
		sys_openat(parent, st_walk_names.procs, O_WRONLY | O_CLOEXEC,
			   0));
	if (v.busy)
		move_to(&v, dir, open_left(parent));
	if (thaw)
		walk_thaw(dir, &st_walk_names);
}

static int remove_all(int parent, const char *name, int dir)
{
	int ret = sys_call3(__NR_unlinkat, parent, name, AT_REMOVEDIR);

	if (ret == -EBUSY || ret == -ENOTEMPTY) {
		ret = walk_remove_below(dir, &st_walk_names);
		if (ret == 0)
			ret = sys_call3(__NR_unlinkat, parent, name,
					AT_REMOVEDIR);
	}
	return ret;
}

/* Tells whether a cgroup that is busy after some tries is worth another one. */
static bool may_try(int dir, int tries)
{
	return tries < TRIES_LIVING ||
	       (tries < TRIES_ENDING && st_cgroup_count(dir) == 0);
}

/**
 * st_cgroup_remove - remove a cgroup and all below it
 * @parent, @name: its place
 * @dir: the cgroup
 *
 * Processes that live in it are moved out. The kernel calls a cgroup busy until those
 * that were killed have ended, and for a moment after that.
 *
 * Return: 0, or -errno.
 */
int st_cgroup_remove(int parent, const char *name, int dir)
{
	int ret = remove_all(parent, name, dir);

	for (int tries = 0; ret == -EBUSY && may_try(dir, tries); tries++) {
		if (walk_event(dir, &st_walk_names, 'p') == 1)
			move_out(parent, dir);
		ret = remove_all(parent, name, dir);
		if (ret == -EBUSY)
			sys_sleep_ms(1);
	}
	return ret;
}
