/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: a small process that waits until its caller has ended, then
 * kills all processes in a cgroup and removes it.
 *
 * It is forked, and must not hold on to the caller's memory. So it unmaps all
 * but the pages of this code and one mapping, which has its stack and all its
 * data. From then on it can reach nothing else: no libc, no constant, no jump
 * table. The compiler is told to make none (CHILD_CFLAGS), all functions are
 * inlined, and the build checks that this object consists of its one section.
 *
 * No signal but SIGKILL and SIGSTOP has an effect on it: all are blocked, and
 * it has a session of its own.
 */
#include <poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#define INLINE static inline __attribute__((always_inline))
#define WALK_FN INLINE
#define IN_SECTION \
	__attribute__((section(ST_SUPERVISOR_CODE), flatten, noinline))

#include "dents.h"
#include "tree/supervisor_child.h"
#include "tree/walk.h"

/* Attempts to remove a directory in which nothing lives. */
#define REMOVE_TRIES 100

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

INLINE void unmap_all(const struct st_supervisor *s)
{
	uintptr_t page = s->page, end = find_end(page);
	bool code_first = s->code < s->stack;

	unmap(page, code_first ? s->code : s->stack, page);
	unmap(code_first ? s->code_end : s->stack_end,
	      code_first ? s->stack : s->code, page);
	unmap(code_first ? s->stack_end : s->code_end, end, page);
	sys_call2(__NR_munmap, end, page);
}

/* Return: 0; -errno: it cannot do its work. */
INLINE int settle(const struct st_supervisor *s)
{
	int ret = close_fds(s);

	if (ret < 0)
		return ret;
	sys_call0(__NR_setsid);
	sys_call1(__NR_chdir, s->root);
	sys_call5(__NR_prctl, PR_SET_NAME, s->comm, 0, 0, 0);
	spare_from_oom(s);
	unmap_all(s);
	return 0;
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
	v.busy = v.saw_self = v.saw_child = false;
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

IN_SECTION static void supervise(void *supervisor)
{
	const struct st_supervisor *s = supervisor;
	int ret = settle(s);

	sys_call3(__NR_write, s->lifeline, &ret, sizeof(ret));
	if (ret == 0) {
		wait_for_end(s);
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
