/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of a run, by cgroup or by /proc. See tree.h. */
#include <stdlib.h>

#include <spawn_template.h>

#include "args.h"
#include "sys.h"
#include "tree/cgroup.h"
#include "tree/delegated.h"
#include "tree/limits.h"
#include "tree/owner.h"
#include "pidfd.h"
#include "tree/proc.h"
#include "tree/supervisor.h"
#include "tree/tree.h"

/* ---- the place for cgroups */

/* Turns a failure in a place that was only searched for into "none found". */
static int found_none(int ret, int parent_fd)
{
	return parent_fd >= 0 || sys_is_shortage(ret) ? ret : -EOPNOTSUPP;
}

/*
 * Makes a cgroup for a moment: nothing else tells whether that is allowed. A
 * directory that is full (cgroup.max.descendants) may have room later.
 */
static int try_home(int dir)
{
	char name[ST_CGROUP_NAME];
	int made = st_cgroup_make(dir, name);

	if (made < 0)
		return made == -EAGAIN ? 0 : made;
	sys_close(made);
	sys_call3(__NR_unlinkat, dir, name, AT_REMOVEDIR);
	return 0;
}

static int open_supervised(struct st_tree_home *home, unsigned int controllers,
			   struct spawn_template_failure *failure)
{
	int ret = st_cgroup_make(home->dir, home->name);

	if (ret < 0)
		return ret;
	home->parent = home->dir;
	home->dir = ret;
	ret = st_limits_enable(home->dir, controllers, failure);
	return ret < 0 ? ret : st_supervisor_start(home);
}

/**
 * st_tree_home_open_limited - find or take the place where runs get their cgroups
 * @home: filled in; on failure, holds nothing
 * @parent_fd: a cgroup v2 directory, which stays the caller's; -1: look for the
 *             caller's own cgroup
 * @supervise: end all processes in it when this process ends, however it ends
 * @controllers: those to enable for the runs: ST_MEMORY and so on
 * @failure: names the limit that cannot be held, if it is for that
 *
 * Removes what callers of this user that were killed have left there.
 *
 * Return: 0; -EOPNOTSUPP if no writable one was found; -EBADF for an fd that is
 * no cgroup v2 directory; or -errno, also if the supervisor cannot be made or a
 * controller not be enabled.
 */
int st_tree_home_open_limited(struct st_tree_home *home, int parent_fd,
			      bool supervise, unsigned int controllers,
			      struct spawn_template_failure *failure)
{
	int ret;

	*home = (struct st_tree_home)ST_TREE_HOME_NONE;
	ret = parent_fd < 0 ? st_cgroup_own() : st_cgroup_open(parent_fd);
	if (ret < 0)
		return parent_fd < 0
			       ? st_limits_refuse(controllers, ret, failure)
			       : ret;
	home->dir = ret;
	st_owner_sweep(ret, parent_fd);
	ret = parent_fd < 0
		      ? st_delegated_enable(&home->dir, controllers, failure)
		      : st_limits_enable(home->dir, controllers, failure);
	if (ret < 0)
		goto fail;
	if (supervise)
		ret = open_supervised(home, controllers, failure);
	else if (parent_fd < 0)
		ret = try_home(home->dir);
	else
		return 0;
	if (ret < 0)
		ret = found_none(ret, parent_fd);
fail:
	if (ret < 0)
		st_tree_home_close(home);
	return ret;
}

/* Does the same for runs without limits. */
int st_tree_home_open(struct st_tree_home *home, int parent_fd, bool supervise)
{
	return st_tree_home_open_limited(home, parent_fd, supervise, 0, NULL);
}

/* Tells whether there is a supervisor that has not ended. */
bool st_tree_home_guarded(const struct st_tree_home *home)
{
	return home->supervisor > 0 && st_supervisor_lives(home->supervisor);
}

/**
 * st_tree_home_close - give a home back, after its trees were removed
 * @home: opened, or ST_TREE_HOME_NONE; becomes ST_TREE_HOME_NONE
 *
 * Processes that still live in a supervised home are killed, and the supervisor
 * ends. This may take up to 2 s, if something there does not die.
 */
void st_tree_home_close(struct st_tree_home *home)
{
	if (home->parent >= 0 || home->supervisor > 0)
		st_supervisor_end(home);
	else if (home->dir >= 0)
		sys_call3(__NR_unlinkat, home->dir, ST_CGROUP_LEFT,
			  AT_REMOVEDIR);
	st_tree_home_forget(home);
}

/* Closes the copies in a forked child, and ends nothing. */
void st_tree_home_forget(struct st_tree_home *home)
{
	sys_close_own(&home->lifeline);
	sys_close_own(&home->parent);
	sys_close_own(&home->dir);
	*home = (struct st_tree_home)ST_TREE_HOME_NONE;
}

/* ---- one tree */

/**
 * st_tree_make - begin a tree, before its child is launched
 * @tree: filled in; the caller sets pid and pidfd after the launch
 * @home: the place of its cgroup; NULL: no cgroup
 *
 * Return: 0; or -errno if the cgroup cannot be made, and the tree has none.
 */
int st_tree_make(struct st_tree *tree, const struct st_tree_home *home)
{
	int dir;

	*tree = (struct st_tree){ .pidfd = -1, .cgroup = -1, .home = home };
	if (!home)
		return 0;
	dir = st_cgroup_make(home->dir, tree->name);
	if (dir < 0)
		return dir;
	tree->cgroup = dir;
	return 0;
}

/**
 * st_tree_make_limited - begin a tree with a cgroup and limits
 * @tree, @home: as for st_tree_make()
 * @limits: written before there is a process
 * @failure: names the limit that cannot be set, if it is for that
 *
 * Return: 0; or -errno, and the tree has no cgroup.
 */
int st_tree_make_limited(struct st_tree *tree, const struct st_tree_home *home,
			 const struct st_limits *limits,
			 struct spawn_template_failure *failure)
{
	int ret = st_tree_make(tree, home);

	if (ret == 0 && limits->wanted && home)
		ret = st_limits_write(tree->cgroup, limits, failure);
	if (ret < 0)
		st_tree_remove(tree);
	return ret;
}

/**
 * st_tree_make_or_none - begin a tree, with a cgroup if one can be made
 * @tree, @home: as for st_tree_make()
 *
 * Return: 0; -EMFILE, -ENFILE, -ENOMEM. A full home counts as none.
 */
int st_tree_make_or_none(struct st_tree *tree, const struct st_tree_home *home)
{
	int ret = st_tree_make(tree, home);

	if (ret == -EAGAIN || (ret < 0 && !sys_is_shortage(ret)))
		ret = st_tree_make(tree, NULL);
	return ret;
}

static int signal_cgroup(struct st_tree *tree, int sig)
{
	bool reached = false;
	int ret = st_cgroup_signal(tree->cgroup, tree->pid, sig, &reached);

	if (ret < 0 && ret != -ESRCH && ret != -EPERM)
		/* no fd is left, or it was removed: try /proc */
		return st_proc_signal(tree, sig);
	/* the child may have left the cgroup */
	if (!reached && st_pidfd_alive(tree->pidfd)) {
		int one = st_pidfd_signal(tree->pidfd, tree->pid, sig);

		if (one == 0 || ret == -ESRCH)
			ret = one;
		if (one == 0 && st_signal_ends(sig) && sig != SIGKILL)
			st_pidfd_signal(tree->pidfd, tree->pid, SIGCONT);
	}
	tree->killed |= sig == SIGKILL && ret == 0;
	return ret;
}

/**
 * st_tree_signal - signal all processes of a tree
 * @tree: with its child launched
 * @sig: the signal; 0: only check
 *
 * It takes up to 0.1 s if the tree forks while it is being ended, or cannot be
 * stopped. A process that was forked in spite of that is not reached: while a
 * tree that got SIGKILL is not empty, signal it again.
 *
 * Return: as spawn_template_kill().
 */
int st_tree_signal(struct st_tree *tree, int sig)
{
	return tree->cgroup >= 0 ? signal_cgroup(tree, sig)
				 : st_proc_signal(tree, sig);
}

/**
 * st_tree_kill_all - send SIGKILL to several trees, as st_tree_signal() does
 * @trees: their order is changed
 * @n: how many
 *
 * It takes little longer than for one.
 */
void st_tree_kill_all(struct st_tree **trees, size_t n)
{
	size_t n_proc = 0;

	for (size_t i = 0; i < n; i++) {
		if (trees[i]->cgroup >= 0)
			signal_cgroup(trees[i], SIGKILL);
		else
			trees[n_proc++] = trees[i];
	}
	if (n_proc)
		st_proc_kill_all(trees, n_proc);
}

/* Tells whether the child lives and may not be signalled, as after set-uid. */
bool st_tree_refuses(const struct st_tree *tree)
{
	return st_pidfd_signal(tree->pidfd, tree->pid, 0) == -EPERM &&
	       st_pidfd_alive(tree->pidfd);
}

/**
 * st_tree_empty - tell whether st_tree_signal() would reach no living process
 * @tree: with its child launched
 *
 * A zombie is not alive. If no fd is left to look with, the answer is no.
 */
bool st_tree_empty(struct st_tree *tree)
{
	int populated;

	if (tree->cgroup < 0)
		return st_proc_empty(tree);
	if (st_pidfd_alive(tree->pidfd))
		return false;
	populated = walk_event(tree->cgroup, &st_walk_names, 'p');
	return populated < 0 ? !sys_is_shortage(populated) : !populated;
}

/**
 * st_tree_count - count the living processes of a tree
 * @tree: its child has ended
 *
 * Return: how many there are, besides the caller; -EMFILE and so on if no fd, or no
 * memory, is left to look with; -EOPNOTSUPP if /proc, which is needed without a cgroup,
 * is not there, or hides the tree, or if the child was in the caller's group and nothing
 * tells what it has left there.
 */
int st_tree_count(struct st_tree *tree)
{
	return tree->cgroup >= 0 ? st_cgroup_count(tree->cgroup)
				 : st_proc_count(tree);
}

/* Kills what can be killed of a tree that cannot be counted: the child's own group. */
void st_tree_kill_unseen(struct st_tree *tree)
{
	if (tree->cgroup >= 0)
		st_tree_signal(tree, SIGKILL);
	else
		st_proc_kill_group(tree);
}

/**
 * st_tree_remove - end a tree
 * @tree: made, or zero with cgroup -1; may be removed twice
 *
 * It removes the cgroup. Processes that live in it are moved to home->dir, or
 * to a directory below that if home->dir may hold none.
 */
void st_tree_remove(struct st_tree *tree)
{
	if (tree->cgroup >= 0) {
		st_cgroup_remove(tree->home->dir, tree->name, tree->cgroup);
		sys_close(tree->cgroup);
	}
	tree->cgroup = -1;
	free(tree->members);
	tree->members = NULL;
	tree->n_members = tree->max_members = 0;
}

/* ---- the public call */

_Static_assert(sizeof(struct spawn_template_child) ==
		       SPAWN_TEMPLATE_CHILD_SIZE_VER0,
	       "child");

/* Takes the caller's version, which has its size in it, and judges it. */
static int take_child(struct spawn_template_child *child,
		      const struct spawn_template_child *from, int sig,
		      unsigned int flags)
{
	static const size_t versions[] = { SPAWN_TEMPLATE_CHILD_SIZE_VER0 };
	size_t size = from && from->size ? from->size : versions[0];
	int ret = st_args_copy(child, from, size, versions, 1);

	if (ret < 0)
		return ret;
	if (flags & ~SPAWN_TEMPLATE_KILL_TREE || sig < 0 || sig > SYS_NSIG ||
	    child->pid <= 1 || child->pid == sys_call0(__NR_getpid) ||
	    child->cgroup_fd < -1)
		return -EINVAL;
	return 0;
}

int spawn_template_kill(const struct spawn_template_child *from, int sig,
			unsigned int flags)
{
	struct st_tree tree = { .cgroup = -1 };
	struct spawn_template_child child;
	int ret = take_child(&child, from, sig, flags);

	if (ret < 0)
		return ret;
	tree.pid = child.pid;
	tree.pidfd = child.pidfd;
	if (!(flags & SPAWN_TEMPLATE_KILL_TREE))
		return st_pidfd_signal(child.pidfd, child.pid, sig);
	/* is it a pidfd? a child that has ended may still lead a group */
	ret = st_pidfd_signal(child.pidfd, child.pid, 0);
	if (ret == -EBADF || ret == -EINVAL)
		return -EBADF;
	if (child.cgroup_fd >= 0) {
		ret = st_cgroup_open(child.cgroup_fd);
		if (ret < 0)
			return ret;
		tree.cgroup = ret;
	}
	ret = st_tree_signal(&tree, sig);
	if (tree.cgroup >= 0)
		sys_close(tree.cgroup);
	free(tree.members);
	return ret;
}
