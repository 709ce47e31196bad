/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a child before the program runs: actions, the default close,
 * attributes and signals, in the order in which st_child() takes them.
 *
 * child.c takes them between clone and exec; a process that was prepared
 * beforehand takes the same ones (src/warm/stub.c). The rules of child.c hold:
 * raw system calls only, and no writes but to the stack and the report.
 */
#ifndef ST_CHILD_STEPS_H
#define ST_CHILD_STEPS_H

#include <linux/prctl.h>
#include <asm/ioctls.h>

#include "args.h"
#include "child_fds.h"
#include "launch.h"
#include "shared/calls.h"
#include "sys.h"

struct child {
	const struct st_launch *launch;
	struct st_report *report;
	int held;		/* executed by fd; -1: executed by path */
	int ruleset;		/* of SPAWN_LANDLOCK; -1: there is none */
	uint64_t caught;	/* signals that have a handler until exec */
	struct sys_sigaction catcher;	/* that one; exec resets it */
};

CHILD_FN bool has(const struct child *c, uint64_t flag)
{
	return c->launch->args->flags & flag;
}

CHILD_FN bool lacks(const struct child *c, uint32_t what)
{
	return c->launch->lacks & what;
}

CHILD_FN void fell_back(const struct child *c, int what)
{
	c->report->fallbacks |= 1U << what;
}

/* Puts the error into the report and ends the child; each user has its own. */
static _Noreturn void fail(const struct child *c, int error);

/* Enters a stage: later failures are reported as of this stage. */
CHILD_FN void stage(const struct child *c, uint32_t name)
{
	c->report->stage = name;
}

CHILD_FN void must(const struct child *c, int ret)
{
	if (ret < 0)
		fail(c, ret);
}

/* ---- fds that the launch itself needs */

/* Adds an fd to a list in ascending order. Return: the length. */
CHILD_FN int add_spared(int *spare, int n, int fd)
{
	int at = n;

	for (; at > 0 && spare[at - 1] > fd; at--)
		spare[at] = spare[at - 1];
	spare[at] = fd;
	return n + 1;
}

#define OWN_MOST 3

/* Lists them, at most OWN_MOST. Return: how many. */
CHILD_FN int list_own(const struct child *c, int *spare)
{
	int n = 0;

	if (c->held >= 0)
		n = add_spared(spare, n, c->held);
	if (c->ruleset > 2)
		n = add_spared(spare, n, c->ruleset);
	if (c->launch->wait_fd > 2)
		n = add_spared(spare, n, c->launch->wait_fd);
	return n;
}

/* ---- actions */

/*
 * Runs close_range(2) around the held fd. Close-on-exec does not hinder exec by
 * fd. The table is the child's own already, so UNSHARE needs no special case.
 */
CHILD_FN int do_close_range(const struct child *c,
			    const struct spawn_template_action *a)
{
	const bool cloexec = a->flags & CLOSE_RANGE_CLOEXEC;
	int spare[OWN_MOST];
	const struct fds fds = {
		.first = a->fd,
		.last = a->newfd,
		.spare = spare,
		.n_spare = cloexec ? 0 : list_own(c, spare),
		.how = cloexec ? FDS_SET_CLOEXEC : FDS_CLOSE,
	};
	int way = SPAWN_TEMPLATE_FALLBACK_PROC_FD;
	int ret;

	if (cloexec)
		ret = sys_close_range(fds.first, fds.last, a->flags);
	else
		ret = fds_close_ranges(&fds);
	if (ret == -EINVAL && cloexec)
		way = SPAWN_TEMPLATE_FALLBACK_RANGES;
	else if (!st_call_is_missing(ST_CALL_CLOSE_RANGE, ret))
		return ret;
	fell_back(c, way);
	return fds_by_proc(&fds);
}

CHILD_FN int do_dup2(const struct spawn_template_action *a)
{
	int ret;

	if (a->fd == a->newfd)
		ret = sys_fcntl(a->fd, F_GETFD, 0);
	else
		ret = sys_dup3(a->fd, a->newfd, a->flags);
	return ret < 0 ? ret : 0;
}

CHILD_FN int do_open(const struct spawn_template_action *a)
{
	const struct spawn_template_open *o = st_pointer(a->arg);
	const char *path = st_pointer(o->path);
	int fd, ret;

	fd = sys_openat2(a->fd, path, &o->how);
	/* a sandbox may lack openat2; openat will do without a resolve */
	if (st_call_is_missing(ST_CALL_OPENAT2, fd) && !o->how.resolve)
		fd = sys_openat(a->fd, path, (int)o->how.flags,
				(int)o->how.mode);
	if (fd < 0 || fd == a->newfd)
		return fd < 0 ? fd : 0;
	ret = sys_dup3(fd, a->newfd, (int)(o->how.flags & O_CLOEXEC));
	sys_close(fd);
	return ret < 0 ? ret : 0;
}

CHILD_FN bool blockable(int sig)
{
	return sig != 9 /* SIGKILL */ && sig != 19 /* SIGSTOP */;
}

/* Has a signal at its default from exec on. */
CHILD_FN int set_default(const struct child *c, int sig)
{
	const struct sys_sigaction act = { .handler = SYS_SIG_DFL };

	if (c->caught >> (sig - 1) & 1)
		return sys_sigaction(sig, &c->catcher, 0);
	return sys_sigaction(sig, &act, 0);
}

CHILD_FN int do_sigdefault(const struct child *c, uint64_t set)
{
	for (int sig = 1; sig <= SYS_NSIG; sig++) {
		int ret = 0;

		if ((set >> (sig - 1) & 1) && blockable(sig))
			ret = set_default(c, sig);
		if (ret < 0)
			return ret;
	}
	return 0;
}

CHILD_FN uint64_t action_sigset(const struct spawn_template_action *a)
{
	const struct spawn_template_sigset *s = st_pointer(a->arg);

	return *(const uint64_t *)st_pointer(s->sigset);
}

/* Runs an action, but for KEEP, RLIMIT and SIGMASK, which come later. */
CHILD_FN int do_action(const struct child *c,
		       const struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_CLOSE:
		return sys_close(a->fd);
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return do_dup2(a);
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
		return sys_call1(__NR_fchdir, a->fd);
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return do_open(a);
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return do_close_range(c, a);
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return do_sigdefault(c, action_sigset(a));
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return sys_call1(__NR_chdir, st_pointer(a->arg));
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		return sys_call3(__NR_ioctl, a->fd, TIOCSCTTY, 0);
	default:
		return 0;
	}
}

CHILD_FN int keep_fd(const struct child *c,
		     const struct spawn_template_action *a)
{
	(void)c;
	if (a->type != SPAWN_TEMPLATE_ACTION_KEEP)
		return 0;
	return sys_fcntl(a->fd, F_SETFD, 0);
}

CHILD_FN int set_limit(const struct child *c,
		       const struct spawn_template_action *a)
{
	(void)c;
	if (a->type != SPAWN_TEMPLATE_ACTION_RLIMIT)
		return 0;
	return sys_call4(__NR_prlimit64, 0, a->fd, st_pointer(a->arg), 0);
}

/* Runs one step over all actions, in order; the report names a failing one. */
CHILD_FN void each_action(const struct child *c,
			  int (*step)(const struct child *,
				      const struct spawn_template_action *))
{
	const struct st_launch *l = c->launch;

	stage(c, SPAWN_TEMPLATE_STAGE_ACTION);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		c->report->action = i;
		must(c, step(c, &l->actions[i]));
	}
	c->report->action = 0;
}

/* ---- the default close */

/* Lists the fds above 2 that must stay open, in ascending order. */
CHILD_FN int list_spared(const struct child *c, int *spare)
{
	const struct st_launch *l = c->launch;
	int n = list_own(c, spare);

	for (uint32_t i = 0; i < l->n_actions; i++)
		if (l->actions[i].type == SPAWN_TEMPLATE_ACTION_KEEP &&
		    l->actions[i].fd > 2)
			n = add_spared(spare, n, l->actions[i].fd);
	return n;
}

/*
 * Closes for real, but spares the held and kept fds.
 * Return: the fallback that did it, or -errno.
 */
CHILD_FN int close_spared(const struct child *c)
{
	int spare[SPAWN_TEMPLATE_ACTIONS_MAX + OWN_MOST];
	const struct fds fds = {
		.first = 3,
		.last = ~0U,
		.spare = spare,
		.n_spare = list_spared(c, spare),
		.how = FDS_CLOSE,
	};
	int way = SPAWN_TEMPLATE_FALLBACK_RANGES;
	int ret = -ENOSYS;

	if (!lacks(c, ST_LACKS_CLOSE_RANGE))
		ret = fds_close_ranges(&fds);
	if (st_call_is_missing(ST_CALL_CLOSE_RANGE, ret)) {
		way = SPAWN_TEMPLATE_FALLBACK_PROC_FD;
		ret = fds_by_proc(&fds);
	}
	/* the template may have been made without CREATE_CLOEXEC */
	if (ret == 0 && c->held > 2)
		ret = sys_fcntl(c->held, F_SETFD, FD_CLOEXEC);
	/* who has the ruleset could widen it for the launches to come */
	if (ret == 0 && c->ruleset > 2)
		ret = sys_fcntl(c->ruleset, F_SETFD, FD_CLOEXEC);
	return ret < 0 ? ret : way;
}

/*
 * Has everything above 2 closed at exec, or closes it here. It closes here if
 * other runs have pipes among those fds: they wait for the ends of these pipes,
 * which an exec that takes long, for example from a slow disk, must not hold.
 */
CHILD_FN void close_default(const struct child *c)
{
	int ret = -ENOSYS;

	stage(c, SPAWN_TEMPLATE_STAGE_CLOSE);
	if (c->launch->close_now && !lacks(c, ST_LACKS_CLOSE_RANGE)) {
		ret = close_spared(c);
		if (ret == SPAWN_TEMPLATE_FALLBACK_RANGES)
			return;
	}
	if (!lacks(c, ST_LACKS_CLOEXEC_RANGE | ST_LACKS_CLOSE_RANGE))
		ret = sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (st_call_is_missing(ST_CALL_CLOSE_RANGE_CLOEXEC, ret)) {
		ret = close_spared(c);
		if (ret >= 0)
			fell_back(c, ret);
	}
	must(c, ret);
}

/* ---- attributes */

/*
 * Puts the program back to SCHED_OTHER, because launching threads run
 * SCHED_BATCH. A failure is ignored: a sandbox may forbid the call.
 */
CHILD_FN void set_scheduler(const struct child *c)
{
	const int priority = 0;

	if (c->launch->batch)
		sys_call3(__NR_sched_setscheduler, 0, 0 /* SCHED_OTHER */,
			  &priority);
}

CHILD_FN void set_session(const struct child *c)
{
	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETSID))
		must(c, sys_call0(__NR_setsid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETPGROUP))
		must(c, sys_call2(__NR_setpgid, 0, c->launch->args->pgroup));
}

CHILD_FN void set_umask_and_nice(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_UMASK))
		sys_call1(__NR_umask, args->umask);
	if (has(c, SPAWN_TEMPLATE_SPAWN_NICE))
		must(c, sys_call3(__NR_setpriority, 0, 0, args->nice));
}

CHILD_FN void set_ids(const struct child *c)
{
	const struct spawn_template_spawn_args *args = c->launch->args;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETGROUPS))
		must(c, sys_call2(__NR_setgroups, args->n_groups,
				  st_pointer(args->groups)));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETGID))
		must(c, sys_call3(__NR_setresgid, args->gid, args->gid,
				  args->gid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_SETUID))
		must(c, sys_call3(__NR_setresuid, args->uid, args->uid,
				  args->uid));
	if (has(c, SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |
			   SPAWN_TEMPLATE_SPAWN_LANDLOCK |
			   SPAWN_TEMPLATE_SPAWN_SECCOMP))
		must(c, sys_call5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/*
 * Sets the signal as the last attribute, because a change of credentials clears
 * it. If the parent has gone before, no signal will come, so the child must not
 * start. In a new pid namespace, whose processes have no number for a parent outside,
 * nothing tells that: then the signal covers what comes after this moment.
 */
CHILD_FN void set_parent_death(const struct child *c)
{
	int parent;

	if (!has(c, SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT))
		return;
	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	must(c, sys_call5(__NR_prctl, PR_SET_PDEATHSIG, 9, 0, 0, 0));
	parent = sys_call0(__NR_getppid);
	if (parent && parent != c->launch->parent)
		fail(c, -ESRCH);
}

/* ---- signals */

/*
 * Resets SIGPIPE: Python and Node ignore it, and an ignored signal stays
 * ignored over exec, so that the writer in front of `head` would run on.
 */
CHILD_FN void reset_sigpipe(const struct child *c)
{
	struct sys_sigaction act = { .handler = SYS_SIG_DFL };

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	if (!has(c, SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE))
		must(c, sys_sigaction(13, &act, 0));
}

/* Sets the mask of the last SIGMASK action, or else the caller's. */
CHILD_FN void set_mask(const struct child *c)
{
	const struct st_launch *l = c->launch;
	bool changed = l->masked;
	uint64_t mask = l->mask;

	stage(c, SPAWN_TEMPLATE_STAGE_ATTR);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		if (l->actions[i].type != SPAWN_TEMPLATE_ACTION_SIGMASK)
			continue;
		mask = action_sigset(&l->actions[i]);
		changed = true;
		stage(c, SPAWN_TEMPLATE_STAGE_ACTION);
		c->report->action = i;
	}
	if (changed)
		must(c, sys_sigmask(&mask, 0));
	c->report->action = 0;
}

#endif
