/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The needs of a preparation, each tried in processes of its own: a sandbox may kill
 * what tries.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/warm/warm.h"
#include "shared/text.h"

#define SCOPE_FILE "/proc/sys/kernel/yama/ptrace_scope"

/* ---- a process to look into, which allows it as a prepared one does */

static volatile long word = 0x77; /* at the same address in a forked process */

static pid_t start_target(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	(void)!read(ready[0], &byte,
		    1); /* ends when the target has closed it */
	close(ready[0]);
	return pid;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	/* a sandbox that kills does not allow it */
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

/* ---- the needs; they return a positive errno, and run beside a target */

static int try_machine(pid_t target)
{
	struct utsname name;

	(void)target;
	if (uname(&name) < 0)
		return errno;
	return strcmp(name.machine, "x86_64") == 0 && sizeof(void *) == 8
		       ? 0
		       : EOPNOTSUPP;
}

static int try_proc(pid_t target)
{
	(void)target;
	return access("/proc/self/maps", R_OK) < 0 ? errno : 0;
}

static int try_trace(pid_t target)
{
	return ptrace(PTRACE_SEIZE, target, 0, 0) < 0 ? errno : 0;
}

static int try_memory(pid_t target)
{
	off_t at = (off_t)(uintptr_t)&word;
	char path[32];
	long copy = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &copy, sizeof(copy), at) < 0 ||
	    pwrite(fd, &copy, sizeof(copy), at) < 0)
		return errno;
	return copy == word ? 0 : EFAULT;
}

static int try_map(pid_t target)
{
	unsigned int size;

	(void)target;
	return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0 ? errno
								     : 0;
}

static int try_close_range(pid_t target)
{
	(void)target;
	return syscall(SYS_close_range, ~0U, ~0U, 0) < 0 ? errno : 0;
}

static int try_pidfd_open(pid_t target)
{
	return syscall(SYS_pidfd_open, target, 0) < 0 ? errno : 0;
}

/* The process that traces ends without a signal, which its parent might see. */
static int try_no_signal(pid_t target)
{
	long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);

	(void)target;
	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid((pid_t)pid, NULL, __WALL) < 0 ? errno : 0;
}

static void *do_nothing(void *data)
{
	return data;
}

/* Processes are prepared by a thread. */
static int try_thread(pid_t target)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, do_nothing, NULL);

	(void)target;
	return err ? err : pthread_join(thread, NULL);
}

int warm_ask(enum warm_need need)
{
	static int (*const tries[WARM_NEEDS])(pid_t) = {
		[NEED_MACHINE] = try_machine,
		[NEED_PROC] = try_proc,
		[NEED_TRACE] = try_trace,
		[NEED_MEMORY] = try_memory,
		[NEED_MAP] = try_map,
		[NEED_THREAD] = try_thread,
		[NEED_NO_SIGNAL] = try_no_signal,
		[NEED_CLOSE_RANGE] = try_close_range,
		[NEED_PIDFD_OPEN] = try_pidfd_open,
	};
	pid_t target = start_target(), pid;
	int ret;

	if (target < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		_exit(tries[need](target));
	ret = pid < 0 ? -errno : reap(pid);
	kill(target, SIGKILL);
	reap(target);
	return ret;
}

enum warm_need warm_lacking(int *error)
{
	for (int need = 0; need < WARM_NEEDS; need++) {
		*error = warm_ask((enum warm_need)need);
		if (*error < 0)
			return (enum warm_need)need;
	}
	return WARM_NEEDS;
}

int warm_ptrace_scope(void)
{
	char text[16];

	return st_read_text(SCOPE_FILE, text, sizeof(text)) > 0 ? atoi(text)
								: -1;
}

/* ---- words */

const char *warm_need_name(enum warm_need need)
{
	static const char *const names[WARM_NEEDS] = {
		[NEED_MACHINE] = "a processor that it was written for",
		[NEED_PROC] = "/proc",
		[NEED_TRACE] = "ptrace",
		[NEED_MEMORY] = "/proc/PID/mem",
		[NEED_MAP] = "PR_SET_MM_MAP",
		[NEED_THREAD] = "a thread of its own",
		[NEED_NO_SIGNAL] = "clone(2) without a signal",
		[NEED_CLOSE_RANGE] = "close_range(2)",
		[NEED_PIDFD_OPEN] = "pidfd_open(2)",
	};

	return names[need];
}

const char *warm_need_remedy(enum warm_need need, int error)
{
	bool refused = error == -EPERM || error == -EACCES;

	switch (need) {
	case NEED_MACHINE:
		return "use a 64-bit x86 machine and program";
	case NEED_PROC:
		return "mount it";
	case NEED_TRACE:
	case NEED_MEMORY:
		if (refused && warm_ptrace_scope() > 1)
			return "as root: sysctl kernel.yama.ptrace_scope=1 (3 "
			       "stays until the next boot)";
		return "allow ptrace in the sandbox around this process";
	case NEED_THREAD:
	case NEED_NO_SIGNAL:
	case NEED_CLOSE_RANGE:
	case NEED_PIDFD_OPEN:
		return "allow the call in the sandbox around this process";
	default:
		return "use a kernel with CONFIG_CHECKPOINT_RESTORE; allow "
		       "prctl in the sandbox around this process";
	}
}
