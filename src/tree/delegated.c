/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the place for limited cgroups: the caller's own cgroup, or the delegated
 * one above it, or the caller's own after its processes were moved one down.
 *
 * A cgroup with processes cannot enable controllers for its children, so a manager
 * of cgroups must be in a leaf. A write permission alone is not enough to use the
 * parent of that: below a user's service manager all belongs to the user, but the
 * manager writes there alone. systemd marks what it leaves to others (user.delegate),
 * and nobody else manages the topmost cgroup of a container.
 *
 * A program in a limited run never gets beyond its run's cgroup by this.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include <spawn_template.h>

#include "sys.h"
#include "tree/cgroup.h"
#include "tree/delegated.h"
#include "tree/limits.h"
#include "tree/owner.h"
#include "tree/walk.h"

/* The leaf for the processes of a delegated cgroup. */
#define CALLER "spawn-template.caller"

/* The most times that processes are moved, which may fork meanwhile. */
#define MOVE_MOST 8

static bool is_marked(int dir)
{
	char value[2] = "";

	return sys_call4(__NR_fgetxattr, dir, "user.delegate", value,
			 sizeof(value)) == 1 &&
	       value[0] == '1';
}

/* Tells whether it is the topmost cgroup that can be seen, but not the machine's. */
static bool is_topmost(int dir)
{
	struct statfs fs;
	bool is;
	int up;

	if (sys_call3(__NR_faccessat, dir, "cgroup.type", 0) < 0)
		return false;
	up = walk_open_dir(dir, st_walk_names.up);
	if (up < 0)
		return false;
	is = fstatfs(up, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC;
	sys_close(up);
	return is;
}

static bool is_delegated(int dir)
{
	return is_marked(dir) || is_topmost(dir);
}

/* Tells whether a cgroup was made for a run, or cannot be told from such a one. */
static bool is_of_a_run(int dir)
{
	char path[32], target[4096];
	const char *name;
	int n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	n = sys_call4(__NR_readlinkat, AT_FDCWD, path, target,
		      sizeof(target) - 1);
	if (n <= 0)
		return true;
	target[n] = 0;
	name = strrchr(target, '/');
	return !name || st_owner_is_name(name + 1);
}

/* Return: -1 if there is no parent to use. */
static int open_delegated_parent(int dir)
{
	int up;

	if (is_of_a_run(dir))
		return -1;
	up = walk_open_dir(dir, st_walk_names.up);
	if (up >= 0 && st_cgroup_is_usable(up) && is_delegated(up))
		return up;
	if (up >= 0)
		sys_close(up);
	return -1;
}

/* Opens the leaf. Return: an fd to write numbers of processes to. */
static int open_leaf(int dir)
{
	int ret = sys_call3(__NR_mkdirat, dir, CALLER, 0755);

	if (ret < 0 && ret != -EEXIST)
		return ret;
	return sys_openat(dir, CALLER "/cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
}

/* Moves all processes of a cgroup to the leaf, then tries again. */
static int move_and_enable(int dir, unsigned int controllers,
			   struct spawn_template_failure *failure)
{
	struct walk_visit v = { .to = open_leaf(dir) };
	int ret = -EBUSY;

	if (v.to < 0)
		return v.to;
	for (int i = 0; i < MOVE_MOST && ret == -EBUSY; i++) {
		walk_visit_procs(&v, dir, &st_walk_names);
		ret = st_limits_enable(dir, controllers, failure);
	}
	sys_close(v.to);
	return ret;
}

/**
 * st_delegated_enable - enable controllers for the children of a place for cgroups
 * @dir: the caller's own cgroup; becomes another, if that is the place
 * @controllers: ST_MEMORY and so on
 * @failure: names the first that cannot be enabled; on success as it was
 *
 * Return: 0, or -errno of the caller's own cgroup.
 */
int st_delegated_enable(int *dir, unsigned int controllers,
			struct spawn_template_failure *failure)
{
	struct spawn_template_failure why, other;
	int ret, up;

	if (!controllers)
		return 0;
	why = other = *failure;
	ret = st_limits_enable(*dir, controllers, &why);
	up = ret < 0 ? open_delegated_parent(*dir) : -1;
	if (up >= 0 && st_limits_enable(up, controllers, &other) == 0) {
		sys_close(*dir);
		*dir = up;
		return 0;
	}
	if (up >= 0)
		sys_close(up);
	if (ret == -EBUSY && is_delegated(*dir) && !is_of_a_run(*dir))
		ret = move_and_enable(*dir, controllers, &why);
	if (ret < 0)
		*failure = why;
	return ret;
}
