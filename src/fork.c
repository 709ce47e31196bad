/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the child of a launch by a plain fork, where nothing else is possible: the
 * emulators of another machine's programs (qemu-user) make a fork of a vfork, and
 * refuse a child without SIGCHLD as its exit signal.
 *
 * - The child has a copy of the memory, so its report is in a page that both map.
 * - Nobody keeps this thread waiting until exec. So the child holds one end of a
 *   socket, which exec and exit close, and this thread reads from the other end.
 *   The number of the child's end is one that no action names, and no range closes.
 * - The child waits for a byte before it begins, until this process has its pidfd:
 *   a host that ignores SIGCHLD would lose a child that ends at once.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/sched.h>

#include "child.h"
#include "fork.h"
#include "no_fork.h"
#include "pidfd.h"
#include "sys.h"

/* ---- the socket */

/*
 * Copies an fd to a number out of the way of the actions: above all that they name
 * or, if the limit on open files forbids that, to any above 2 that none names.
 */
static int copy_away(const struct st_launch *l, int fd)
{
	int from = l->plan.highest < INT32_MAX ? l->plan.highest + 1 : 3;
	int copy = sys_fcntl(fd, F_DUPFD_CLOEXEC, from > 2 ? from : 3);

	if (copy != -EINVAL && copy != -EMFILE &&
	    (copy < 0 || !st_launch_names(l, copy)))
		return copy;
	if (copy >= 0)
		sys_close(copy);
	for (from = 3;; from = copy + 1) {
		copy = sys_fcntl(fd, F_DUPFD_CLOEXEC, from);
		if (copy < 0 || !st_launch_names(l, copy))
			return copy;
		sys_close(copy);
	}
}

/* Sets l->wait_fd, the child's end, and l->go_fd. Return: 0 or -errno. */
static int open_line(struct st_launch *l)
{
	int fds[2];
	int ret = sys_call4(__NR_socketpair, AF_UNIX,
			    SOCK_STREAM | SOCK_CLOEXEC, 0, fds);

	if (ret < 0)
		return ret;
	ret = copy_away(l, fds[1]);
	sys_close(fds[1]);
	if (ret < 0) {
		sys_close(fds[0]);
		return ret;
	}
	l->wait_fd = ret;
	l->go_fd = fds[0];
	return 0;
}

/* ---- the child */

static long fork_child(struct st_launch *l, const struct st_stack *stack)
{
	long flags = SIGCHLD | (l->mark.id ? CLONE_CHILD_CLEARTID : 0), pid;

	st_no_fork_begin();
	pid = open_line(l);
	if (pid == 0) {
		pid = arch_clone(__NR_clone, flags,
				 (long)(stack->base + stack->size), 0,
				 l->mark.id ? (long)&l->mark : 0, st_child, l);
		sys_close(l->wait_fd);
		if (pid < 0)
			sys_close(l->go_fd);
	}
	st_no_fork_end();
	return pid;
}

static void reap_forked(const struct st_launch *l, pid_t pid)
{
	int ret;

	do {
		ret = l->pidfd < 0 ? sys_call4(__NR_wait4, pid, 0, __WALL, 0)
				   : st_pidfd_wait(l->pidfd, pid, NULL, WEXITED,
						   NULL);
	} while (ret == -EINTR);
}

/* Lets the child begin, and waits until it has exec'ed or is gone. */
static void follow(struct st_launch *l, pid_t pid)
{
	int pidfd = sys_call2(__NR_pidfd_open, pid, 0);
	char go = 1;

	if (pidfd < 0) {
		l->report->error = pidfd;
	} else {
		l->report->fallbacks |= 1U << SPAWN_TEMPLATE_FALLBACK_PIDFD;
		__atomic_store_n(&l->pidfd, pidfd, __ATOMIC_RELEASE);
		sys_call6(__NR_sendto, l->go_fd, (long)&go, 1, MSG_NOSIGNAL, 0,
			  0);
		while (sys_call3(__NR_read, l->go_fd, &go, 1) == -EINTR)
			;
	}
	sys_close(l->go_fd);
	if (!l->report->in_exec || l->report->error)
		reap_forked(l, pid);
}

/**
 * st_fork - make the child of a launch by a plain fork
 * @l: as for the other ways in clone.c; its report is in a page that the child shares,
 *     and all signals are blocked
 * @stack: the child's
 *
 * Return: pid, of a child that has exec'ed or was reaped, as the report tells; or
 * -errno if there is none.
 */
long st_fork(struct st_launch *l, const struct st_stack *stack)
{
	long pid;

	l->report->fallbacks |= 1U << SPAWN_TEMPLATE_FALLBACK_FORK;
	l->reset_handlers = true;
	l->open_pidfd = l->shared_files = l->catch_cores = false;
	pid = fork_child(l, stack);
	if (pid > 0)
		follow(l, (pid_t)pid);
	return pid;
}
