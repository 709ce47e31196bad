/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of the helper that traces a process: see tracer.h. */
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "own.h"
#include "sys.h"
#include "warm/tracer.h"

#if WARM_ARCH

/* Notes the step that failed, if it did. */
int st_park_at(struct tracer *t, enum warm_step step, int ret)
{
	if (ret < 0)
		t->park->step = step;
	return ret;
}

/* Return: the status of a stop; -errno, and -ESRCH if the process has ended. */
int st_trace_wait_stop(const struct tracer *t)
{
	int status = 0;
	long ret;

	do {
		ret = sys_call4(__NR_wait4, t->pid, &status, __WALL, 0);
	} while (ret == -EINTR);
	if (ret < 0)
		return (int)ret;
	return WIFSTOPPED(status) ? status : -ESRCH;
}

int st_trace_get_regs(const struct tracer *t, struct user_regs_struct *regs)
{
	return sys_call4(__NR_ptrace, PTRACE_GETREGS, t->pid, 0, regs);
}

int st_trace_set_regs(const struct tracer *t,
		      const struct user_regs_struct *regs)
{
	return sys_call4(__NR_ptrace, PTRACE_SETREGS, t->pid, 0, regs);
}

int st_trace_resume(const struct tracer *t)
{
	return sys_call4(__NR_ptrace, PTRACE_CONT, t->pid, 0, 0);
}

int st_trace_poke(const struct tracer *t, uint64_t at, uint64_t word)
{
	return sys_call4(__NR_ptrace, PTRACE_POKETEXT, t->pid, at, word);
}

/* ---- files of /proc */

static void put_number(char *to, unsigned int n)
{
	char digits[12];
	int len = 0;

	do {
		digits[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (len)
		*to++ = digits[--len];
	*to = '\0';
}

/*
 * Tells whether /proc has the numbers that processes have here. With those of
 * another pid namespace, other processes would be read and written.
 */
bool st_trace_has_proc(const struct tracer *t)
{
	char there[16], here[16];
	int len = sys_call4(__NR_readlinkat, AT_FDCWD, "/proc/self", there,
			    sizeof(there) - 1);

	put_number(here, (unsigned int)t->helper);
	there[len > 0 ? len : 0] = '\0';
	return strcmp(there, here) == 0;
}

int st_trace_open_proc(const struct tracer *t, const char *file, int flags)
{
	char path[40] = "/proc/";
	int at = 6;

	put_number(path + at, (unsigned int)t->pid);
	while (path[at])
		at++;
	path[at++] = '/';
	while ((path[at++] = *file++))
		;
	return st_own_raise(sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0));
}

/*
 * Copies between memory of the process and this one. It goes by the file mem of
 * /proc: the filters of containers often forbid process_vm_readv(2).
 */
static int copy(const struct tracer *t, long nr, int flags, uint64_t there,
		const void *here, size_t len)
{
	int fd = st_trace_open_proc(t, "mem", flags);
	long ret = fd;

	if (fd < 0)
		return fd;
	do {
		ret = sys_call4(nr, fd, (long)here, (long)len, (long)there);
	} while (ret == -EINTR);
	sys_close(fd);
	return ret == (long)len ? 0 : ret < 0 ? (int)ret : -EFAULT;
}

int st_trace_copy_in(const struct tracer *t, uint64_t from, void *to,
		     size_t len)
{
	return copy(t, __NR_pread64, O_RDONLY, from, to, len);
}

int st_trace_copy_out(const struct tracer *t, uint64_t to, const void *from,
		      size_t len)
{
	return copy(t, __NR_pwrite64, O_RDWR, to, from, len);
}

int st_trace_expect_trap(const struct tracer *t, struct user_regs_struct *regs)
{
	int status = st_trace_wait_stop(t);

	if (status < 0)
		return status;
	if (WSTOPSIG(status) != SIGTRAP)
		return -ENOEXEC;
	return st_trace_get_regs(t, regs);
}

/* Has the stopped process make a system call. Return: its answer. */
long st_trace_remote(struct tracer *t, long nr, uint64_t a, uint64_t b,
		     uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct user_regs_struct regs = t->regs;
	int ret;

	regs.rax = (unsigned long)nr;
	regs.orig_rax = -1UL;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	regs.rip = t->call_at;
	ret = st_trace_set_regs(t, &regs);
	if (ret == 0)
		ret = st_trace_resume(t);
	if (ret == 0)
		ret = st_trace_expect_trap(t, &regs);
	return ret < 0 ? ret : (long)regs.rax;
}

/*
 * Reads a file of /proc.
 * Return: bytes, with a NUL behind the last; -E2BIG if there are more.
 */
int st_trace_read_proc(const struct tracer *t, const char *file, char *to,
		       int size)
{
	int fd = st_trace_open_proc(t, file, O_RDONLY), len = 0, got = fd;

	if (fd < 0)
		return fd;
	do {
		got = sys_call3(__NR_read, fd, to + len, size - 1 - len);
		if (got > 0)
			len += got;
	} while (got > 0 || got == -EINTR);
	sys_close(fd);
	if (got < 0)
		return got;
	to[len] = '\0';
	return len < size - 1 ? len : -E2BIG;
}

uint64_t st_trace_number(const char **at, unsigned int base)
{
	uint64_t n = 0;

	for (;; (*at)++) {
		unsigned int digit;

		if (**at >= '0' && **at <= '9')
			digit = (unsigned int)(**at - '0');
		else if (base == 16 && **at >= 'a' && **at <= 'f')
			digit = (unsigned int)(**at - 'a') + 10;
		else
			return n;
		n = n * base + digit;
	}
}

#endif
