/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and ends the supervisor: a process that kills everything in a cgroup
 * when this process ends, by exit, exec or SIGKILL. supervisor_child.c has its
 * code.
 *
 * The supervisor is a child without an exit signal: no SIGCHLD handler and no
 * waitpid(-1) of the host sees it. It stays in the caller's cgroup. It learns
 * of the caller's end in two ways: by a pidfd; and by the lifeline, a socket
 * whose other end the caller has, which exec closes, and which is shut down
 * when the home is closed.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>

#include "shared/clock.h"
#include "shared/namespaces.h"
#include "sys.h"
#include "tree/cgroup.h"
#include "tree/supervisor.h"
#include "tree/supervisor_child.h"
#include "tree/walk.h"

/* Its stack and data, and above them the stack of the intermediate step. */
#define STACK_SIZE (64 * 1024)

/* The time that it may take to get ready, and to end. */
#define READY_MOST (10000 * ST_MS)
#define END_MOST (2000 * ST_MS)

/* Set by the linker: the section of supervisor_child.c. */
extern const char __start_st_supervisor[] __attribute__((visibility("hidden")));
extern const char __stop_st_supervisor[] __attribute__((visibility("hidden")));

/* ---- start */

static void sort_kept(struct st_supervisor *s)
{
	const int fds[ST_SUPERVISOR_FDS] = { s->lifeline, s->caller, s->dir,
					     s->parent, s->kill };

	for (int i = 0; i < ST_SUPERVISOR_FDS; i++) {
		int at = i;

		for (; at > 0 && s->keep[at - 1] > fds[i]; at--)
			s->keep[at] = s->keep[at - 1];
		s->keep[at] = fds[i];
	}
}

/* Return: a supervisor that is not begun; NULL if memory is short. */
struct st_supervisor *st_supervisor_new(const struct st_tree_home *home)
{
	static const struct st_supervisor model = {
		.caller = -1,
		.kill = -1,
		.lifeline = -1,
		.names = WALK_NAMES,
		.comm = "spawn-template",
		.root = "/",
		.fds = "/proc/self/fd",
		.oom = "/proc/self/oom_score_adj",
		.oom_value = "-1000",
		.kept = { .children = "/proc/thread-self/children",
			  .proc = "/proc",
			  .stat = "stat",
			  .events = -1 },
	};
	struct st_supervisor *s =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	*s = model;
	s->dir = home->dir;
	s->parent = home->parent;
	memcpy(s->name, home->name, sizeof(s->name));
	s->page = (uintptr_t)sysconf(_SC_PAGESIZE);
	s->code = (uintptr_t)__start_st_supervisor & ~(s->page - 1);
	s->code_end = ((uintptr_t)__stop_st_supervisor + s->page - 1) &
		      ~(s->page - 1);
	s->stack = (uintptr_t)s;
	s->stack_end = s->stack + STACK_SIZE;
	return s;
}

/* Frees the caller's copy. */
void st_supervisor_free(struct st_supervisor *s)
{
	const int fds[] = { s->lifeline, s->caller, s->kill };

	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			sys_close(fds[i]);
	munmap(s, STACK_SIZE);
}

/*
 * Opens fds for the supervisor only. A kernel may lack these: see there.
 * Return: 0; -errno if there can be no pidfd.
 */
static int open_own_fds(struct st_supervisor *s)
{
	int fd = sys_openat(s->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC, 0);

	s->kill = fd < 0 ? -1 : fd;
	fd = sys_call2(__NR_pidfd_open, sys_call0(__NR_getpid), 0);
	s->caller = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static long reap_supervisor(pid_t pid, int options)
{
	long ret;

	do {
		ret = sys_call4(__NR_wait4, pid, 0, __WCLONE | options, 0);
	} while (ret == -EINTR);
	return ret;
}

/*
 * Clones the supervisor with all signals blocked, which it inherits.
 * Return: pid or -errno.
 */
static pid_t clone_supervisor(struct st_supervisor *s)
{
	uint64_t all = ~0ULL, mask;
	long pid;
	int ret = sys_sigmask(&all, &mask);

	if (ret < 0)
		return ret;
	s->pid = -ECHILD;
	pid = arch_clone(__NR_clone, CLONE_VM | CLONE_VFORK | CLONE_FILES,
			 (long)s->stack_end, 0, 0, st_supervisor_clone, s);
	if (pid > 0)
		reap_supervisor((pid_t)pid, 0);
	sys_sigmask(&mask, NULL);
	return (pid_t)(pid < 0 ? pid : s->pid);
}

/* Return: its answer; -ECHILD if it has ended or does not answer. */
int st_supervisor_ready(int lifeline)
{
	struct pollfd pfd = { .fd = lifeline, .events = POLLIN };
	int64_t most = st_now() + READY_MOST, left;
	int ret = -EINTR, answer;

	while (ret == -EINTR) {
		struct sys_timespec ts;

		left = most - st_now();
		ts.sec = left > 0 ? left / 1000000000 : 0;
		ts.nsec = left > 0 ? left % 1000000000 : 0;
		ret = sys_call5(__NR_ppoll, &pfd, 1, &ts, 0, 0);
	}
	if (ret == 1 && sys_call3(__NR_read, lifeline, &answer,
				  sizeof(answer)) == sizeof(answer))
		return answer;
	return -ECHILD;
}

/**
 * st_supervisor_begin - make the process of a supervisor
 * @s: new; freed by the caller, also afterwards
 * @lifeline: set to the caller's end, if there is one, also on failure
 *
 * Return: its pid or -errno.
 */
int st_supervisor_begin(struct st_supervisor *s, int *lifeline)
{
	int fds[2], ret;

	if (st_init_of_children() == ST_INIT_NONE)
		return -EOPNOTSUPP;
	ret = sys_call4(__NR_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			fds);
	if (ret < 0)
		return ret;
	*lifeline = fds[0];
	s->lifeline = fds[1];
	ret = open_own_fds(s);
	/* the program's pidfd takes the place of this one, once it runs */
	if (ret < 0 && s->kept.child)
		return sys_is_shortage(ret) ? ret : -EOPNOTSUPP;
	sort_kept(s);
	ret = clone_supervisor(s);
	sys_close(s->lifeline);
	s->lifeline = -1;
	return ret;
}

/**
 * st_supervisor_start - make the supervisor of a home
 * @home: dir, parent and name are set; lifeline and supervisor are set here
 *
 * It costs what fork(2) costs, and returns when the supervisor has left the
 * caller's memory.
 *
 * Return: 0; -EOPNOTSUPP in a new pid namespace, in which the first child must be a
 * program; or -errno, after which st_supervisor_end() is due.
 */
int st_supervisor_start(struct st_tree_home *home)
{
	struct st_supervisor *s = st_supervisor_new(home);
	int ret;

	if (!s)
		return -ENOMEM;
	ret = st_supervisor_begin(s, &home->lifeline);
	if (ret >= 0) {
		home->supervisor = ret;
		ret = st_supervisor_ready(home->lifeline);
	}
	st_supervisor_free(s);
	return ret;
}

/*
 * Tells whether it lives. A host that waits for any child may have reaped it.
 */
bool st_supervisor_lives(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return sys_call5(__NR_waitid, P_PID, pid, &info,
			 WEXITED | WNOHANG | WNOWAIT | __WCLONE, 0) == 0 &&
	       !info.si_pid;
}

/* ---- end */

/* Reaps it within a time: it may be slow, as its victims may be slow to end. */
bool st_supervisor_reap(pid_t pid, int64_t ns)
{
	struct sys_timespec pause = { 0, 200000 };
	int64_t most = st_now() + ns;

	while (reap_supervisor(pid, WNOHANG) == 0) {
		if (st_now() > most)
			return false;
		sys_call2(__NR_nanosleep, &pause, 0);
		if (pause.nsec < 5000000)
			pause.nsec *= 2;
	}
	return true;
}

/* Does the work that a killed supervisor has left. */
static void end_orphans(const struct st_tree_home *home)
{
	bool reached;

	if (sys_call3(__NR_unlinkat, home->parent, home->name, AT_REMOVEDIR) ==
	    -ENOENT)
		return;
	st_cgroup_signal(home->dir, 0, SIGKILL, &reached);
	if (walk_wait_event(home->dir, &st_walk_names, 'p', 0, 200))
		st_cgroup_remove(home->parent, home->name, home->dir);
}

/* Ends a supervisor, if any, and all in its cgroup; removes the cgroup. */
void st_supervisor_end(struct st_tree_home *home)
{
	if (home->lifeline >= 0) {
		/* effective even if a forked child holds a copy */
		sys_call2(__NR_shutdown, home->lifeline, SHUT_RDWR);
		sys_close(home->lifeline);
		home->lifeline = -1;
	}
	if (home->supervisor > 0 &&
	    !st_supervisor_reap(home->supervisor, END_MOST)) {
		sys_call2(__NR_kill, home->supervisor, SIGKILL);
		/* in an uninterruptible sleep it will not end, either */
		st_supervisor_reap(home->supervisor, END_MOST);
	}
	home->supervisor = -1;
	end_orphans(home);
}
