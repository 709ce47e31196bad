/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the child of a launch and waits, as vfork(2) does, until it has exec'ed
 * or is gone.
 *
 * - No handler of the host may run in the child. clone3's CLONE_CLEAR_SIGHAND
 *   sees to that, at no cost: handled signals are at default from the child's
 *   first instruction on, and the caller's mask is inherited as it is. Only
 *   without that flag are all signals blocked from before clone until just
 *   before exec, by the raw call, since libc would leave its own two unblocked.
 *   They are also blocked while page tables are copied: a signal makes fork
 *   start over, and a fast timer would keep it from ever ending.
 * - A core dump of the child must not end the host. Where the kernel would do that,
 *   before Linux 5.16, signals are blocked as well, until the child has handlers
 *   for those that dump core.
 * - Cancellation is off, so that no pidfd is lost to it.
 * - The child is made without an exit signal. One that fails before exec is
 *   reaped here with __WCLONE, and neither a SIGCHLD handler nor a waitpid(-1)
 *   of the host ever sees it; exec gives the child SIGCHLD back. Only where such
 *   a child cannot be made, it is forked: see fork.c.
 * - A call that the kernel or a sandbox refuses is replaced, one step at a
 *   time, and the refusal is remembered for the process.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/sched.h>

#include "child.h"
#include "clone.h"
#include "fork.h"
#include "pidfd.h"
#include "shared/calls.h"
#include "shared/namespaces.h"
#include "stack.h"
#include "sys.h"

#define CLONE3_FLAGS \
	(CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_VFORK | CLONE_CLEAR_SIGHAND)
#define CLONE_FLAGS (CLONE_PIDFD | CLONE_VFORK)

#ifndef __NR_futex_waitv
#define __NR_futex_waitv 449 /* missing in the headers of older systems */
#endif

/* From so many open fds on, a shared table that is cut is cheaper. */
#define MANY_FDS 256

/* Lacking until st_clone_learn() has found out. */
static _Atomic uint32_t lacks = ST_LACKS_OWN_CORE;
static _Atomic bool many_fds;

static bool needs_own_memory(const struct st_launch *l)
{
	uint64_t flags = l->args->flags;

	/* else a filter that kills the child would end the caller with it */
	if (flags & SPAWN_TEMPLATE_SPAWN_SECCOMP &&
	    atomic_load(&lacks) & ST_LACKS_OWN_CORE)
		return true;
	/* else the child's new ids would make the parent undumpable */
	return flags &
	       (SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID |
		SPAWN_TEMPLATE_SPAWN_SETGROUPS);
}

static uint64_t flags_of(const struct st_launch *l, uint64_t flags)
{
	if (!needs_own_memory(l))
		flags |= CLONE_VM;
	if (l->shared_files)
		flags |= CLONE_FILES;
	if (l->unwaited)
		flags &= ~(uint64_t)CLONE_VFORK;
	if (l->mark.id || l->unwaited)
		flags |= CLONE_CHILD_CLEARTID;
	return flags;
}

/*
 * Returns the address where the guard looks for the mark. The kernel writes a
 * zero to it when the child leaves this memory, before it wakes a thread that
 * waits for that.
 */
static uintptr_t mark_of(struct st_launch *l)
{
	return l->mark.id || l->unwaited ? (uintptr_t)&l->mark : 0;
}

static void watch_lock(const struct st_launch *l)
{
	if (l->watch)
		pthread_mutex_lock(&l->watch->lock);
}

static void watch_unlock(const struct st_launch *l)
{
	if (l->watch)
		pthread_mutex_unlock(&l->watch->lock);
}

/* ---- the ways to make a child */

static long by_clone3(struct st_launch *l, const struct st_stack *stack)
{
	struct clone_args ca = {
		.flags = flags_of(l, CLONE3_FLAGS),
		.pidfd = (uintptr_t)&l->pidfd,
		.child_tid = mark_of(l),
		.parent_tid = (uintptr_t)&l->tid,
		.stack = (uintptr_t)stack->base,
		.stack_size = stack->size,
	};

	if (l->args->flags & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP) {
		ca.flags |= CLONE_INTO_CGROUP;
		ca.cgroup = (uint64_t)l->args->cgroup_fd;
	}
	l->reset_handlers = false;
	return arch_clone(__NR_clone3, (long)&ca, sizeof(ca), 0, 0, st_child,
			  l);
}

static long by_clone(struct st_launch *l, const struct st_stack *stack)
{
	l->reset_handlers = true;
	return arch_clone(__NR_clone, (long)flags_of(l, CLONE_FLAGS),
			  (long)(stack->base + stack->size), (long)&l->pidfd,
			  (long)mark_of(l), st_child, l);
}

/*
 * Has the child open its own pidfd, in the table that it shares for a moment.
 */
static long by_clone_own_pidfd(struct st_launch *l,
			       const struct st_stack *stack)
{
	long pid;

	l->reset_handlers = true;
	watch_lock(l);
	l->open_pidfd = true;
	watch_unlock(l);
	l->shared_files = true;
	if (l->args->flags & SPAWN_TEMPLATE_SPAWN_INHERIT_FDS)
		l->cut = INT32_MAX;
	pid = arch_clone(__NR_clone, (long)flags_of(l, CLONE_VFORK),
			 (long)(stack->base + stack->size), 0, (long)mark_of(l),
			 st_child, l);
	l->pidfd = l->report->pidfd;
	return pid;
}

/* Maps a page for the report of a child with memory of its own. */
static struct st_report *report_map(void)
{
	struct st_report *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return r == MAP_FAILED ? NULL : r;
}

/* Forks: the report moves to a page that the child shares. */
static long by_fork(struct st_launch *l, const struct st_stack *stack)
{
	struct st_report *own = l->report, *shared = report_map();
	long pid;

	if (!shared)
		return -ENOMEM;
	*shared = *own;
	watch_lock(l);
	l->report = shared;
	watch_unlock(l);
	pid = st_fork(l, stack);
	watch_lock(l);
	l->report = own;
	watch_unlock(l);
	*own = *shared;
	munmap(shared, sizeof(*shared));
	return pid;
}

/* Clones without CLONE_CLEAR_SIGHAND, with all signals blocked. */
static long clone_legacy(struct st_launch *l, const struct st_stack *stack)
{
	long pid;

	l->report->fallbacks |= 1U << SPAWN_TEMPLATE_FALLBACK_CLONE;
	if (l->lacks & ST_LACKS_ALL_BUT_FORK)
		return by_fork(l, stack);
	if (!(l->lacks & ST_LACKS_CLONE_PIDFD)) {
		pid = by_clone(l, stack);
		if (!st_call_is_missing(ST_CALL_CLONE_PIDFD, pid)) {
			atomic_fetch_or(&lacks, ST_LACKS_CLONE3);
			return pid;
		}
	}
	pid = by_clone_own_pidfd(l, stack);
	if (!st_call_is_missing(ST_CALL_CLONE_NO_SIGNAL, pid)) {
		if (pid > 0)
			atomic_fetch_or(&lacks,
					ST_LACKS_CLONE3 | ST_LACKS_CLONE_PIDFD);
		return pid;
	}
	pid = by_fork(l, stack);
	if (pid > 0)
		atomic_fetch_or(&lacks,
				ST_LACKS_CLONE3 | ST_LACKS_ALL_BUT_FORK);
	return pid;
}

/* ---- around the child */

static bool launched(const struct st_report *r)
{
	return r->in_exec && r->error == 0;
}

/* Lets other threads end the child of now; NULL: no longer. */
void st_watch_set(const struct st_launch *l, struct st_launch *now)
{
	watch_lock(l);
	if (l->watch)
		l->watch->launch = now;
	watch_unlock(l);
}

/*
 * Returns the child's pidfd; -1: there is no child yet. The kernel stores a
 * number in l->pidfd before the clone is sure to succeed, and that number may
 * soon be another file's. So the tid decides, which the kernel stores last, or
 * the child's own mark.
 */
static int pidfd_of_child(struct st_launch *l, pid_t *pid)
{
	*pid = __atomic_load_n(&l->tid, __ATOMIC_ACQUIRE);
	if (!*pid && !__atomic_load_n(&l->report->runs, __ATOMIC_ACQUIRE))
		return -1;
	if (!*pid)
		*pid = l->report->pid;
	return l->open_pidfd ? l->report->pidfd : *(volatile int *)&l->pidfd;
}

/**
 * st_watch_kill - end the child of a launch under way, if there is one
 * @watch: of the launch
 *
 * The launching thread, which waits in the call, takes the lock before it
 * closes the pidfd.
 */
void st_watch_kill(struct st_watch *watch)
{
	int pidfd = -1;
	pid_t pid;

	pthread_mutex_lock(&watch->lock);
	if (watch->launch && watch->launch->end)
		watch->launch->end(watch->launch);
	else if (watch->launch)
		pidfd = pidfd_of_child(watch->launch, &pid);
	if (pidfd >= 0)
		st_pidfd_signal(pidfd, pid, SIGKILL);
	pthread_mutex_unlock(&watch->lock);
}

static void reap_failed(pid_t pid)
{
	int status;

	/* a host that waits with __WALL may have reaped it: no matter */
	while (sys_call4(__NR_wait4, pid, &status, __WCLONE, 0) == -EINTR)
		;
}

/*
 * Finds out whether a child's own filter has killed it in exec, where the report
 * does not tell. A child that has passed exec has its exit signal again, so this
 * wait does not see it; any other is ending.
 */
static void judge_filtered(struct st_launch *l, pid_t pid)
{
	int ret;

	if (!(l->args->flags & SPAWN_TEMPLATE_SPAWN_SECCOMP) || l->wait_fd ||
	    !launched(l->report))
		return;
	do {
		ret = sys_call5(__NR_waitid, P_PID, pid, NULL,
				WEXITED | WNOWAIT | __WCLONE, NULL);
	} while (ret == -EINTR);
	if (ret == 0)
		l->report->error = -ECHILD;
}

static void drop_pidfd(struct st_launch *l)
{
	watch_lock(l);
	if (l->pidfd >= 0)
		sys_close(l->pidfd);
	l->pidfd = l->report->pidfd = -1;
	watch_unlock(l);
}

static void remember_lacks(const struct st_launch *l)
{
	const struct st_report *r = l->report;
	uint32_t new = 0;
	bool many = l->pidfd >= MANY_FDS;

	if (r->fallbacks & 1U << SPAWN_TEMPLATE_FALLBACK_RANGES)
		new |= ST_LACKS_CLOEXEC_RANGE;
	if (r->fallbacks & 1U << SPAWN_TEMPLATE_FALLBACK_PROC_FD)
		new |= ST_LACKS_CLOSE_RANGE;
	/* what the launch's own filter denies, other launches have */
	if (r->fallbacks & 1U << SPAWN_TEMPLATE_FALLBACK_PATH && launched(r) &&
	    !r->needs_path && !(l->args->flags & SPAWN_TEMPLATE_SPAWN_SECCOMP))
		new |= ST_LACKS_EXECVEAT;
	if (r->not_private &&
	    st_call_is_missing(ST_CALL_CLOSE_RANGE_UNSHARE, r->error))
		new |= ST_LACKS_UNSHARE_RANGE;
	if (new)
		atomic_fetch_or(&lacks, new);
	if (launched(r) && many != atomic_load(&many_fds))
		atomic_store(&many_fds, many);
}

static void see_lacks(struct st_launch *l)
{
	l->lacks = atomic_load(&lacks);
	l->catch_cores = l->lacks & ST_LACKS_OWN_CORE && !needs_own_memory(l);
}

/*
 * Decides whether the child leaves the table with a cut: it does if the table
 * is large, as the number of the last pidfd shows, and all fds that it needs
 * are low.
 */
static void plan_table(struct st_launch *l)
{
	int need = l->tfd > l->plan.highest_source ? l->tfd
						   : l->plan.highest_source;

	l->cut = (unsigned int)need + 1;
	l->open_pidfd = false;
	l->shared_files = atomic_load(&many_fds) && need < MANY_FDS &&
			  !needs_own_memory(l) &&
			  !(l->lacks & ST_LACKS_UNSHARE_RANGE) &&
			  !(l->args->flags & SPAWN_TEMPLATE_SPAWN_INHERIT_FDS);
}

static long clone_and_reap(struct st_launch *l, const struct st_stack *stack,
			   long (*way)(struct st_launch *,
				       const struct st_stack *))
{
	long pid = way(l, stack);

	if (pid <= 0 || l->unwaited)
		return pid;
	judge_filtered(l, (pid_t)pid);
	if (!launched(l->report)) {
		if (!l->wait_fd)
			reap_failed((pid_t)pid);
		drop_pidfd(l);
	}
	return pid;
}

/* Clones with all signals blocked; the child sets the caller's mask. */
static long clone_blocked(struct st_launch *l, const struct st_stack *stack,
			  long (*way)(struct st_launch *,
				      const struct st_stack *))
{
	uint64_t all = ~0ULL, mine;
	long pid = sys_sigmask(&all, &mine);

	if (pid < 0)
		return pid;
	if (!l->masked)
		l->mask = mine;
	l->masked = true;
	pid = clone_and_reap(l, stack, way);
	sys_sigmask(&mine, NULL);
	return pid;
}

/* Clones by clone3, with signals blocked where that is needed. */
static long clone_modern(struct st_launch *l, const struct st_stack *stack)
{
	return needs_own_memory(l) || l->catch_cores
		       ? clone_blocked(l, stack, by_clone3)
		       : clone_and_reap(l, stack, by_clone3);
}

/*
 * Makes the child. Only clone3 can place it into a cgroup, so that is never
 * replaced by an older call.
 * Return: the pid, or the answer of the last way tried.
 */
static long clone_child(struct st_launch *l, const struct st_stack *stack)
{
	long pid = -ENOSYS;

	if (!(l->lacks & ST_LACKS_CLONE3)) {
		pid = clone_modern(l, stack);
		if (!st_call_is_missing(ST_CALL_CLONE3, pid))
			return pid;
	}
	if (l->args->flags & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP)
		return pid;
	return clone_blocked(l, stack, clone_legacy);
}

static void clear(struct st_launch *l)
{
	memset(l->report, 0, sizeof(*l->report));
	l->report->pidfd = -1;
	l->report->stage = SPAWN_TEMPLATE_STAGE_CLONE;
	l->pidfd = -1;
	l->wait_fd = 0;
	l->tid = 0;
}

static pid_t answer(const struct st_report *r, long pid)
{
	if (launched(r))
		return (pid_t)pid;
	return r->error ? r->error : -ECHILD;
}

/*
 * Tells whether a child could not leave the table that it shares to open its own
 * pidfd in: a sandbox denies unshare(2), too. A fork copies the table.
 */
static bool needs_fork(struct st_launch *l)
{
	if (!l->report->not_private || !l->open_pidfd ||
	    !st_call_is_missing(ST_CALL_UNSHARE, l->report->error))
		return false;
	l->lacks |= ST_LACKS_ALL_BUT_FORK;
	atomic_fetch_or(&lacks, ST_LACKS_CLONE3 | ST_LACKS_ALL_BUT_FORK);
	return true;
}

static pid_t clone_and_judge(struct st_launch *l, const struct st_stack *stack)
{
	struct st_report *r = l->report;
	long pid;

	see_lacks(l);
	plan_table(l);
again:
	clear(l);
	st_watch_set(l, l);
	pid = clone_child(l, stack);
	st_watch_set(l, NULL);
	if (pid < 0)
		return (pid_t)pid;
	remember_lacks(l);
	if (r->not_private && !l->open_pidfd) {
		l->shared_files = false;
		goto again;
	}
	if (needs_fork(l))
		goto again;
	return answer(r, pid);
}

/**
 * st_clone_launch - make the child of a launch
 * @l: all set but the fields that this file computes, lacks to pidfd. On return
 *     l->report has the stage, and on success l->pidfd is the caller's.
 *
 * Return: pid; or -errno, with no child and no fd left.
 */
pid_t st_clone_launch(struct st_launch *l)
{
	struct st_report *report = l->report, *shared = NULL;
	struct st_stack stack;
	int cancel;
	pid_t pid;

	report->stage = SPAWN_TEMPLATE_STAGE_CLONE;
	if (needs_own_memory(l)) {
		shared = report_map();
		if (!shared)
			return -ENOMEM;
		l->report = shared;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pid = st_stack_get(&stack);
	if (pid == 0) {
		pid = clone_and_judge(l, &stack);
		st_stack_put(&stack);
	}
	pthread_setcancelstate(cancel, NULL);
	if (shared) {
		*report = *shared;
		l->report = report;
		munmap(shared, sizeof(*shared));
	}
	return pid;
}

/* ---- without waiting */

/**
 * st_clone_begin - make the child of a launch, and do not wait for it
 * @l: as for st_clone_launch(); it, and all that it points to, must not change
 *     until the child has left this memory, which zeroes l->mark.tid
 * @stack: for this child only, until then
 *
 * This serves the plain case: the kernel clears the handlers, and the child has
 * the ids of the caller. It copies the whole fd table, because a shared one
 * would change meanwhile.
 *
 * Return: pid, for st_clone_end(); -ENOSYS if this is not the plain case, and
 * then @l is ready for st_clone_launch(); -errno.
 */
pid_t st_clone_begin(struct st_launch *l, const struct st_stack *stack)
{
	long pid;
	int cancel;

	see_lacks(l);
	if (needs_own_memory(l) || (l->lacks & ST_LACKS_CLONE3))
		return -ENOSYS;
	l->unwaited = true;
	l->mark.tid = 1;
	l->open_pidfd = l->shared_files = false;
	clear(l);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pid = clone_modern(l, stack);
	pthread_setcancelstate(cancel, NULL);
	if (!st_call_is_missing(ST_CALL_CLONE3, pid))
		return (pid_t)pid;
	l->unwaited = false;
	l->mark.tid = 0;
	return -ENOSYS;
}

/**
 * st_clone_end - judge a launch that was begun
 * @l, @pid: from st_clone_begin(); the child has left this memory
 *
 * Return: as st_clone_launch().
 */
pid_t st_clone_end(struct st_launch *l, pid_t pid)
{
	judge_filtered(l, pid);
	if (!launched(l->report)) {
		reap_failed(pid);
		drop_pidfd(l);
	}
	remember_lacks(l);
	return answer(l->report, pid);
}

/* ---- questions without a launch */

/*
 * Learns whether a core dump ends only the process that dumps. No call tells, and
 * to try it would dump core. Linux 5.16 has brought that, and also futex_waitv(2),
 * which answers EINVAL to no futexes; a kernel that has not got the call, or a
 * sandbox that denies it, is taken for an older one.
 */
void st_clone_learn(void)
{
	if (!(atomic_load(&lacks) & ST_LACKS_OWN_CORE))
		return;
	if (sys_call5(__NR_futex_waitv, NULL, 0, 0, NULL, 0) == -EINVAL)
		atomic_fetch_and(&lacks, ~ST_LACKS_OWN_CORE);
}

/**
 * st_clone_exec_check - ask the kernel whether a file may be executed now
 * @fd: the file
 *
 * A child asks. In a new pid namespace that child would be the init, and all later
 * ones would fail: then nobody is asked.
 *
 * Return: 0; -errno of execveat(2) with AT_EXECVE_CHECK, where -EINVAL means
 * that the kernel does not know this flag, and -ENOSYS that a sandbox denies it;
 * -ECHILD if the child was killed; -ENOTSUP if no child can be made to ask.
 */
int st_clone_exec_check(int fd)
{
	struct st_exec_check check = { .fd = fd, .ret = -ECHILD };
	uint64_t all = ~0ULL, mask;
	struct st_stack stack;
	int cancel, ret;
	long pid;

	if (st_init_of_children() != ST_INIT_THERE)
		return -ENOTSUP;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = st_stack_get(&stack);
	if (ret < 0)
		goto out;
	ret = sys_sigmask(&all, &mask);
	if (ret < 0)
		goto out_stack;
	/* share the fd table: a copy would hold a writer's fd open */
	pid = arch_clone(__NR_clone, CLONE_VM | CLONE_VFORK | CLONE_FILES,
			 (long)(stack.base + stack.size), 0, 0,
			 st_child_exec_check, &check);
	if (pid > 0)
		reap_failed((pid_t)pid);
	ret = pid > 0 ? check.ret : (int)pid;
	if (pid < 0 && st_call_is_missing(ST_CALL_CLONE_NO_SIGNAL, pid))
		ret = -ENOTSUP;
	sys_sigmask(&mask, NULL);
out_stack:
	st_stack_put(&stack);
out:
	pthread_setcancelstate(cancel, NULL);
	return ret;
}
