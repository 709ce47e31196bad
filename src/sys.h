/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw system calls: the answer is the kernel's, a negated errno on failure.
 *
 * Code between clone and exec shares the caller's memory, so it may not touch
 * libc's state: no errno, no lock, no cancellation point. The parent uses these
 * calls, too, where libc would do more than asked (signals 32 and 33,
 * cancellation) or has no wrapper.
 */
#ifndef ST_SYS_H
#define ST_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#if defined(__x86_64__) && defined(__LP64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__)
#include "arch/aarch64.h"
#else
#error "spawn_template: no src/arch/*.h for this architecture"
#endif

/* Missing in the headers of older systems. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000 /* Linux 6.14 */
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U /* Linux 6.8 */
#endif

#define SYS_L(x) ((long)(x))
#define sys_call0(n) sys_call6((n), 0, 0, 0, 0, 0, 0)
#define sys_call1(n, a) sys_call6((n), SYS_L(a), 0, 0, 0, 0, 0)
#define sys_call2(n, a, b) sys_call6((n), SYS_L(a), SYS_L(b), 0, 0, 0, 0)
#define sys_call3(n, a, b, c) \
	sys_call6((n), SYS_L(a), SYS_L(b), SYS_L(c), 0, 0, 0)
#define sys_call4(n, a, b, c, d) \
	sys_call6((n), SYS_L(a), SYS_L(b), SYS_L(c), SYS_L(d), 0, 0)
#define sys_call5(n, a, b, c, d, e) \
	sys_call6((n), SYS_L(a), SYS_L(b), SYS_L(c), SYS_L(d), SYS_L(e), 0)

/*
 * Tells an error of the moment from an error of this place or these arguments.
 */
static inline bool sys_is_shortage(int ret)
{
	return ret == -EMFILE || ret == -ENFILE || ret == -ENOMEM ||
	       ret == -EAGAIN;
}

/* The kernel's own struct sigaction; its mask is 64 bits wide. */
struct sys_sigaction {
	unsigned long handler; /* SIG_DFL is 0, SIG_IGN is 1 */
	unsigned long flags;
	unsigned long restorer;
	uint64_t mask;
};

#define SYS_SIG_DFL 0UL
#define SYS_SIG_IGN 1UL
#define SYS_NSIG 64

static inline int sys_close(int fd)
{
	return sys_call1(__NR_close, fd);
}

/* Closes an fd that its variable owns, unless that is empty. */
static inline void sys_close_own(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

static inline int sys_close_range(unsigned int first, unsigned int last,
				  unsigned int flags)
{
	return sys_call3(__NR_close_range, first, last, flags);
}

static inline int sys_fcntl(int fd, int cmd, long arg)
{
	return sys_call3(__NR_fcntl, fd, cmd, arg);
}

static inline int sys_dup3(int fd, int newfd, int flags)
{
	return sys_call3(__NR_dup3, fd, newfd, flags);
}

static inline int sys_openat(int dirfd, const char *path, int flags, int mode)
{
	return sys_call4(__NR_openat, dirfd, path, flags, mode);
}

/* Reads the beginning of a file, and puts a NUL behind it. Return: its length. */
static inline int sys_read_file(int dirfd, const char *path, char *buf,
				int size)
{
	int fd = sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC, 0), got;

	if (fd < 0)
		return fd;
	got = sys_call3(__NR_read, fd, buf, size - 1);
	sys_close(fd);
	if (got >= 0)
		buf[got] = 0;
	return got;
}

static inline int sys_openat2(int dirfd, const char *path,
			      const struct open_how *how)
{
	return sys_call4(__NR_openat2, dirfd, path, how, sizeof(*how));
}

static inline int sys_statx(int dirfd, const char *path, int flags,
			    unsigned int mask, struct statx *stx)
{
	return sys_call5(__NR_statx, dirfd, path, flags, mask, stx);
}

static inline int sys_sigaction(int sig, const struct sys_sigaction *act,
				struct sys_sigaction *old)
{
	return sys_call4(__NR_rt_sigaction, sig, act, old, sizeof(act->mask));
}

/* Sets the calling thread's whole mask (SIG_SETMASK, which is 2 here). */
static inline int sys_sigmask(const uint64_t *set, uint64_t *old)
{
	return sys_call4(__NR_rt_sigprocmask, 2, set, old, sizeof(*set));
}

static inline int sys_execveat(int fd, const char *path, char *const argv[],
			       char *const envp[], int flags)
{
	return sys_call5(__NR_execveat, fd, path, argv, envp, flags);
}

static inline int sys_execve(const char *path, char *const argv[],
			     char *const envp[])
{
	return sys_call3(__NR_execve, path, argv, envp);
}

struct sys_timespec {
	int64_t sec;
	int64_t nsec;
};

static inline void sys_sleep_ms(unsigned int ms)
{
	struct sys_timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	/* an interrupted sleep goes on for the remaining time */
	while (sys_call2(__NR_nanosleep, &ts, &ts) == -EINTR)
		;
}

static inline _Noreturn void sys_exit(int status)
{
	/* a filter of this task's may deny the calls; a fault it cannot */
	for (;;) {
		sys_call1(__NR_exit_group, status);
		sys_call1(__NR_exit, status);
		__builtin_trap();
	}
}

#endif /* ST_SYS_H */
