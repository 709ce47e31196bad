/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: a small process that waits until its caller has ended, then
 * kills all processes in a cgroup and removes it. A keeper has one run in the place of
 * a cgroup, and a sentinel (ward_child.h) a table of trees.
 *
 * It is forked, and must not hold on to the caller's memory. So it unmaps all
 * but the pages of this code, one mapping, which has its stack and all its data, and
 * a sentinel's table. From then on it can reach nothing else: no libc, no constant, no jump
 * table. The compiler is told to make none (CHILD_CFLAGS), all functions are
 * inlined, and the build checks that this object consists of its one section.
 *
 * No signal but SIGKILL and SIGSTOP has an effect on it: all are blocked, and
 * it has a session of its own.
 */
#include <poll.h>
#include <sys/wait.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#define INLINE static inline __attribute__((always_inline))
#define WALK_FN INLINE
#define IN_SECTION \
	__attribute__((section(ST_SUPERVISOR_CODE), flatten, noinline))

#include "dents.h"
#include "tree/supervisor_child.h"
#include "tree/walk.h"
#include "tree/ward_child.h"

/* Attempts to remove a directory in which nothing lives. */
#define REMOVE_TRIES 100

/* The most processes that are reaped before the next ones are killed. */
#define REAP_MOST 256

/* Milliseconds between looks for the program's end, if no event tells of it. */
#define LOOK_MS 10

/* ---- leaving the caller's resources */

INLINE bool is_kept(const struct st_supervisor *s, int fd)
{
	for (int i = 0; i < ST_SUPERVISOR_FDS; i++)
		if (s->keep[i] == fd)
			return true;
	return false;
}

/* Closes the fds that /proc lists, if close_range(2) is not allowed. */
INLINE int close_by_proc(const struct st_supervisor *s)
{
	char buf[1024] __attribute__((aligned(8)));
	const struct st_dent *e;
	struct st_dents dents;
	int dir = walk_open_dir(AT_FDCWD, s->fds);

	if (dir < 0)
		return dir;
	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while ((e = st_dents_next(&dents))) {
		int fd = st_dent_number(e);

		if (fd >= 0 && fd != dir && !is_kept(s, fd))
			sys_close(fd);
	}
	sys_close(dir);
	return dents.got;
}

/*
 * Closes all other fds: the caller's pipes would never end if they stayed open.
 */
INLINE int close_fds(const struct st_supervisor *s)
{
	unsigned int first = 0;
	int ret = 0;

	for (int i = 0; i < ST_SUPERVISOR_FDS && ret == 0; i++) {
		if (s->keep[i] < 0)
			continue;
		if ((unsigned int)s->keep[i] > first)
			ret = sys_close_range(first, s->keep[i] - 1, 0);
		first = s->keep[i] + 1;
	}
	if (ret == 0)
		ret = sys_close_range(first, ~0U, 0);
	return ret == 0 ? 0 : close_by_proc(s);
}

/* Asks the kernel, if allowed, not to kill it when memory is short. */
INLINE void spare_from_oom(const struct st_supervisor *s)
{
	int fd = sys_openat(AT_FDCWD, s->oom, O_WRONLY | O_CLOEXEC, 0);
	int len = 0;

	if (fd < 0)
		return;
	while (s->oom_value[len])
		len++;
	sys_call3(__NR_write, fd, s->oom_value, len);
	sys_close(fd);
}

/*
 * Unmaps a range page by page, and leaves what may not be unmapped: the kernel
 * refuses a whole range for one sealed page (mseal(2), Linux 6.10).
 */
INLINE void unmap(uintptr_t from, uintptr_t to, uintptr_t page)
{
	uintptr_t size = to > from ? to - from : 0;

	while (from < to) {
		if (size > to - from)
			size = to - from;
		if (sys_call2(__NR_munmap, from, size) == 0) {
			from += size;
			size *= 2;
		} else if (size <= page) {
			from += page;
		} else {
			size = size / 2 & ~(page - 1);
		}
	}
}

/* Finds the end of the address space, which differs by processor and kernel. */
INLINE uintptr_t find_end(uintptr_t page)
{
	int bits = 57;

	while (bits > 32 && sys_call2(__NR_munmap, (1UL << bits) - 2 * page,
				      page) == -EINVAL)
		bits--;
	return (1UL << bits) - page;
}

/* Finds the first range to keep that begins at an address or behind it. */
INLINE void next_kept(const struct st_supervisor *s, uintptr_t from,
		      uintptr_t *start, uintptr_t *end)
{
	if (s->code >= from && s->code < *start) {
		*start = s->code;
		*end = s->code_end;
	}
	if (s->stack >= from && s->stack < *start) {
		*start = s->stack;
		*end = s->stack_end;
	}
	if (s->wards && (uintptr_t)s->wards >= from &&
	    (uintptr_t)s->wards < *start) {
		*start = (uintptr_t)s->wards;
		*end = s->wards_end;
	}
}

INLINE void unmap_all(const struct st_supervisor *s)
{
	uintptr_t page = s->page, last = find_end(page), from = page;

	while (from < last) {
		uintptr_t start = last, end = last;

		next_kept(s, from, &start, &end);
		unmap(from, start, page);
		from = end;
	}
	sys_call2(__NR_munmap, last, page);
}

/* Leaves the caller's session, directory and memory. */
INLINE void leave_caller(const struct st_supervisor *s)
{
	sys_call0(__NR_setsid);
	sys_call1(__NR_chdir, s->root);
	sys_call5(__NR_prctl, PR_SET_NAME, s->comm, 0, 0, 0);
	spare_from_oom(s);
	unmap_all(s);
}

/* Return: 0; -errno: it cannot do its work. */
INLINE int settle(const struct st_supervisor *s)
{
	int ret = close_fds(s);

	if (ret == 0)
		leave_caller(s);
	return ret;
}

/* ---- wait for the caller's end, then end what it leaves */

INLINE void wait_for_end(const struct st_supervisor *s)
{
	struct pollfd fds[2];
	int ret;

	do {
		fds[0].fd = s->lifeline;
		fds[1].fd = s->caller;
		fds[0].events = fds[1].events = POLLIN;
		fds[0].revents = fds[1].revents = 0;
		ret = sys_call5(__NR_ppoll, fds, 2, 0, 0, 0);
		if (ret < 0 && ret != -EINTR)
			sys_sleep_ms(100);
	} while (!fds[0].revents && !fds[1].revents);
}

INLINE void kill_all(const struct st_supervisor *s)
{
	struct walk_visit v;
	char one = '1';
	bool thaw;

	if (s->kill >= 0 && sys_call3(__NR_write, s->kill, &one, 1) == 1)
		return;
	v.to = -1;
	v.sig = SIGKILL;
	v.self = v.child = 0;
	v.done = v.refused = 0;
	v.busy = v.saw_self = v.saw_child = v.short_of_fds = false;
	thaw = walk_freeze(s->dir, &s->names);
	walk_visit(&v, s->dir, &s->names);
	if (thaw)
		walk_thaw(s->dir, &s->names);
}

INLINE bool removed(const struct st_supervisor *s)
{
	int ret;

	walk_remove_below(s->dir, &s->names);
	ret = sys_call3(__NR_unlinkat, s->parent, s->name, AT_REMOVEDIR);
	return ret == 0 || ret == -ENOENT;
}

/*
 * Ends all processes. One in an uninterruptible sleep is waited for, however
 * long that takes: nobody else would remove the cgroup. The first pauses are
 * short.
 */
INLINE void end_all(const struct st_supervisor *s)
{
	unsigned int ms = 1;
	int tries = 0;

	while (tries < REMOVE_TRIES) {
		kill_all(s);
		walk_wait_event(s->dir, &s->names, 'p', 0, ms < 100 ? 20 : 0);
		if (walk_event(s->dir, &s->names, 'p') != 1) {
			if (removed(s))
				return;
			tries++;
		}
		sys_sleep_ms(ms);
		ms = ms < 500 ? ms * 2 : 1000;
	}
}

/* ---- the keeper of one run */

INLINE void reap_child(pid_t pid)
{
	while (sys_call4(__NR_wait4, pid, 0, __WALL, 0) == -EINTR)
		;
}

/*
 * Makes the program, in this copy of the caller's memory.
 * Return: 0; -errno; or -ECANCELED, and the child's report tells why.
 */
INLINE int launch_program(struct st_supervisor *s)
{
	struct st_kept *k = &s->kept;
	int ret = sys_call5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

	if (ret < 0)
		return ret;
	*k->parent = sys_call0(__NR_getpid);
	ret = arch_clone(__NR_clone, (long)k->flags, (long)k->stack,
			 (long)k->told, 0, k->child, k->launch);
	if (ret < 0)
		return ret;
	k->program = ret;
	/* a child that has passed exec has its exit signal, and is not found */
	if (k->filtered && *k->in_exec && !*k->error &&
	    sys_call5(__NR_waitid, P_PID, ret, 0, WEXITED | WNOWAIT | __WCLONE,
		      0) == 0)
		*k->error = -ECHILD;
	if (*k->in_exec && !*k->error)
		return 0;
	reap_child(k->program);
	return -ECANCELED;
}

/* Calls kill(2) for each child, and for the group that it may lead; 0: only counts. */
INLINE int visit_listed(const char *list, int got, int sig)
{
	int n = 0, pid = 0;

	for (int i = 0; i < got; i++) {
		if (list[i] >= '0' && list[i] <= '9') {
			pid = pid * 10 + (list[i] - '0');
			continue;
		}
		if (pid && sig) {
			sys_call2(__NR_kill, -pid, sig);
			sys_call2(__NR_kill, pid, sig);
		}
		n += pid != 0;
		pid = 0;
	}
	return n;
}

/* Returns the parent that /proc/N/stat tells: the second word behind the name. */
INLINE int parent_in(const char *stat, int got)
{
	int at = got - 1, pid = 0;

	while (at > 0 && stat[at] != ')')
		at--;
	for (at += 4; at < got && stat[at] >= '0' && stat[at] <= '9'; at++)
		pid = pid * 10 + (stat[at] - '0');
	return pid;
}

/* Looks at all processes, where the kernel has no list of children. */
INLINE int visit_by_proc(const struct st_supervisor *s, int sig)
{
	char buf[1024] __attribute__((aligned(8)));
	int self = sys_call0(__NR_getpid), n = 0;
	const struct st_dent *e;
	struct st_dents dents;
	int proc = walk_open_dir(AT_FDCWD, s->kept.proc);

	if (proc < 0)
		return -1;
	st_dents_begin(&dents, proc, buf, sizeof(buf));
	while ((e = st_dents_next(&dents))) {
		int pid = st_dent_number(e), dir, got;
		char stat[256];

		if (pid <= 0)
			continue;
		dir = walk_open_dir(proc, e->name);
		got = sys_read_file(dir, s->kept.stat, stat, sizeof(stat));
		if (dir >= 0)
			sys_close(dir);
		if (got <= 0 || parent_in(stat, got) != self)
			continue;
		if (sig) {
			sys_call2(__NR_kill, -pid, sig);
			sys_call2(__NR_kill, pid, sig);
		}
		n++;
	}
	sys_close(proc);
	return n;
}

/* Return: how many children there are, or -1. */
INLINE int visit_children(const struct st_supervisor *s, int sig)
{
	char list[1024];
	int got = sys_read_file(AT_FDCWD, s->kept.children, list, sizeof(list));

	return got < 0 ? visit_by_proc(s, sig) : visit_listed(list, got, sig);
}

/*
 * Tells the program's end, and leaves it a zombie: its number, and that of its group,
 * stay its own until the run is over.
 */
INLINE bool told_end(struct st_supervisor *s)
{
	struct st_kept_end *end = &s->kept.end;
	siginfo_t info;

	info.si_pid = 0;
	if (sys_call5(__NR_waitid, P_PID, s->kept.program, &info,
		      WEXITED | WNOHANG | WNOWAIT | __WALL, &end->usage) < 0)
		return true;
	if (!info.si_pid)
		return false;
	end->code = info.si_code;
	end->status = info.si_status;
	end->others = visit_children(s, 0);
	if (end->others > 0)
		end->others--;
	sys_call3(__NR_write, s->lifeline, end, sizeof(*end));
	return true;
}

/* Reaps orphans, until the program is the next to be reaped. */
INLINE void reap_orphans(const struct st_supervisor *s)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (sys_call5(__NR_waitid, P_ALL, 0, &info,
			      WEXITED | WNOHANG | WNOWAIT | __WALL, 0) < 0 ||
		    !info.si_pid || info.si_pid == s->kept.program)
			return;
		reap_child(info.si_pid);
	}
}

INLINE void keep_run(struct st_supervisor *s)
{
	uint64_t child = 1ULL << (17 /* SIGCHLD */ - 1);
	struct sys_timespec look;
	char event[128];
	struct pollfd fds[3];
	bool told = false;
	int ret;

	s->kept.events = sys_call4(__NR_signalfd4, -1, &child, sizeof(child),
				   O_CLOEXEC | O_NONBLOCK);
	do {
		if (!told)
			told = told_end(s);
		if (!told)
			reap_orphans(s);
		fds[0].fd = s->lifeline;
		fds[1].fd = s->caller;
		fds[2].fd = told ? -1 : s->kept.events;
		for (int i = 0; i < 3; i++) {
			fds[i].events = POLLIN;
			fds[i].revents = 0;
		}
		look.sec = 0;
		look.nsec = LOOK_MS * 1000000;
		ret = sys_call5(__NR_ppoll, fds, 3,
				told || s->kept.events >= 0 ? 0 : &look, 0, 0);
		if (ret < 0 && ret != -EINTR)
			sys_sleep_ms(100);
		if (fds[2].revents)
			sys_call3(__NR_read, s->kept.events, event,
				  sizeof(event));
	} while (!fds[0].revents && !fds[1].revents);
}

/*
 * Kills all children, and those that become children thereby, until there are none.
 * The program's group gets the signal first: it may fork faster than it is found.
 */
INLINE void end_children(const struct st_supervisor *s)
{
	unsigned int ms = 1;
	long ret;

	sys_call2(__NR_kill, -s->kept.program, SIGKILL);
	for (;;) {
		bool reaped = false;

		visit_children(s, SIGKILL);
		for (int i = 0; i < REAP_MOST; i++) {
			ret = sys_call4(__NR_wait4, -1, 0, WNOHANG | __WALL, 0);
			if (ret <= 0 && ret != -EINTR)
				break;
			reaped = true;
		}
		if (ret < 0 && ret != -EINTR)
			return;
		/* there may be more where these came from, which fork meanwhile */
		ms = reaped ? 1 : ms < 50 ? ms * 2 : 50;
		sys_sleep_ms(ms);
	}
}

/*
 * The caller goes on when its fds are closed here: the run's pipes would seem to be held
 * by a process that the program has left.
 */
INLINE void keep(struct st_supervisor *s)
{
	int ret = launch_program(s);
	bool runs = ret == 0;

	if (runs)
		ret = close_fds(s);
	sys_call3(__NR_write, s->lifeline, &ret, sizeof(ret));
	if (!runs)
		return;
	if (ret == 0) {
		leave_caller(s);
		keep_run(s);
	}
	end_children(s);
}

IN_SECTION static void supervise(void *supervisor)
{
	struct st_supervisor *s = supervisor;
	int ret;

	if (s->kept.child) {
		keep(s);
		sys_exit(0);
	}
	ret = settle(s);
	sys_call3(__NR_write, s->lifeline, &ret, sizeof(ret));
	if (ret == 0) {
		wait_for_end(s);
		if (s->wards)
			ward_end_all(s->wards, s->n_wards, s->kept.proc,
				     s->kept.stat);
		else
			end_all(s);
	}
	sys_exit(0);
}

/*
 * Clones the supervisor, as an intermediate step in the caller's memory. The
 * clone has none of the addresses that the caller's thread had told the kernel
 * to write to at any moment (rseq(2)), and is still the caller's child.
 */
IN_SECTION void st_supervisor_clone(void *supervisor)
{
	struct st_supervisor *s = supervisor;

	s->pid = arch_clone(__NR_clone, CLONE_PARENT,
			    (long)(s->stack + (s->stack_end - s->stack) / 2), 0,
			    0, supervise, s);
	sys_exit(0);
}
