/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "pidfd.h"
#include "shared/calls.h"
#include "sys.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* Linux 5.4 */
#endif

static int send_signal(int pidfd, int sig, unsigned int flags)
{
	return sys_call4(__NR_pidfd_send_signal, pidfd, sig, 0, flags);
}

/**
 * st_pidfd_send - signal a process by its pidfd, and in no other way
 * @pidfd, @sig, @flags: as for pidfd_send_signal(2)
 *
 * Return: 0; -ENOSYS if the call is missing or a sandbox denies it; or -errno.
 */
int st_pidfd_send(int pidfd, int sig, unsigned int flags)
{
	int ret = send_signal(pidfd, sig, flags);

	/* it may also be the process that must not be signalled */
	if (st_call_is_missing(ST_CALL_PIDFD_SEND_SIGNAL, ret) &&
	    send_signal(-1, 0, 0) != -EBADF)
		return -ENOSYS;
	return ret;
}

/**
 * st_pidfd_wait - wait for a child, of any kind
 * @pidfd, @pid: the child; its number is used where the pidfd does not do
 * @info, @options, @usage: as for waitid(2); __WALL is added
 *
 * Return: 0 or -errno.
 */
int st_pidfd_wait(int pidfd, pid_t pid, siginfo_t *info, int options,
		  struct rusage *usage)
{
	int ret = sys_call5(__NR_waitid, P_PIDFD, pidfd, info, options | __WALL,
			    usage);

	if (!st_call_is_missing(ST_CALL_WAITID_PIDFD, ret))
		return ret;
	if (sys_fcntl(pidfd, F_GETFD, 0) < 0)
		return -EBADF;
	return sys_call5(__NR_waitid, P_PID, pid, info, options | __WALL,
			 usage);
}

/*
 * Signals a process that lives, or that is a zombie of ours: until it was waited
 * for, its number is its own.
 */
static int signal_by_number(int pidfd, pid_t pid, int sig)
{
	siginfo_t info = { .si_pid = 0 };
	int ret = st_pidfd_wait(pidfd, pid, &info, WEXITED | WNOHANG | WNOWAIT,
				NULL);

	if (ret == -EBADF || (ret == 0 && info.si_pid))
		return ret;
	return st_pidfd_alive(pidfd) ? sys_call2(__NR_kill, pid, sig) : -ESRCH;
}

/**
 * st_pidfd_signal - signal a process
 * @pidfd, @pid: the process; its number is used if a sandbox forbids the call, and
 *               then only while the process lives
 * @sig: the signal; 0: only check
 *
 * Return: 0, also for a child that has ended and was not waited for; -ESRCH if it
 * was; -EBADF; -EPERM if the process must not be signalled.
 */
int st_pidfd_signal(int pidfd, pid_t pid, int sig)
{
	int ret = st_pidfd_send(pidfd, sig, 0);

	return ret == -ENOSYS ? signal_by_number(pidfd, pid, sig) : ret;
}

/*
 * Tells whether a process lives. A zombie does not, though its last thread may
 * still be ending.
 */
bool st_pidfd_alive(int pidfd)
{
	const struct sys_timespec now = { 0, 0 };
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	/* a signal may end even a call that does not wait */
	return sys_call5(__NR_ppoll, &pfd, 1, &now, 0, 0) != 1;
}

/* ---- which process? */

/* Tells whether a line has the number, as "NSpid:\t100\t1\n" has 100 and 1. */
static bool line_has(const char *line, pid_t pid)
{
	while (*line && *line != '\n') {
		char *end;

		if (strtol(line, &end, 10) == pid && end != line)
			return true;
		line = end == line ? line + 1 : end;
	}
	return false;
}

static void fdinfo_path(int fd, char path[static 32])
{
	int at = 18, digits = 1;

	memcpy(path, "/proc/self/fdinfo/", 19);
	for (int n = fd; n >= 10; n /= 10)
		digits++;
	path[at + digits] = '\0';
	for (; digits--; fd /= 10)
		path[at + digits] = (char)('0' + fd % 10);
}

/**
 * st_pidfd_is - tell whether a number is still the pidfd of a process
 * @fd: it was when the process was made; the host may have closed it since
 * @pid: the process; it may have been waited for
 *
 * Where it cannot be found out, as without /proc, the number is believed.
 */
bool st_pidfd_is(int fd, pid_t pid)
{
	char path[32], text[512];
	const char *line;

	if (fd < 0 || sys_fcntl(fd, F_GETFD, 0) == -EBADF)
		return false;
	fdinfo_path(fd, path);
	if (sys_read_file(AT_FDCWD, path, text, sizeof(text)) < 0)
		return true;
	line = strstr(text, "NSpid:");
	if (!line)
		line = strstr(text, "\nPid:");
	/* -1 is that of a process that was waited for */
	return line && (line_has(strchr(line, ':') + 1, pid) ||
			line_has(strchr(line, ':') + 1, -1));
}
