/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a child, also when other code has reaped it. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* The layout of Linux 6.15; most headers are older. See ioctl_pidfd(2). */
struct pidfd_info_exit {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};

#define INFO_EXIT (1ULL << 3)
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_exit)

/* Makes each call on this process, which is no child of its own. */
static int try_calls(void)
{
	siginfo_t info;
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0), ret = 0;

	if (fd < 0)
		return errno == EPERM ? -ENOSYS : -errno;
	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 ||
	    (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 &&
	     errno != ECHILD))
		ret = -ENOSYS;
	close(fd);
	return ret;
}

int child_end_try(void)
{
	static atomic_bool works;
	int ret = works ? 0 : try_calls();

	if (ret == 0)
		works = true;
	return ret;
}

bool child_end_reaped(int pidfd, struct child_end *end)
{
	struct pidfd_info_exit info = { .mask = INFO_EXIT };

	if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
		return false;
	end->signal = info.exit_code & 0x7f;
	end->code = end->signal ? 0 : WEXITSTATUS(info.exit_code);
	return true;
}

bool child_end_reap(int pidfd, struct child_end *end)
{
	siginfo_t info = { .si_pid = 0 };
	int ret;

	do
		ret = waitid(P_PIDFD, (id_t)pidfd, &info,
			     WEXITED | WNOHANG | __WALL);
	while (ret < 0 && errno == EINTR);
	if (ret == 0 && info.si_pid == 0)
		return false;
	if (ret == 0)
		*end = info.si_code == CLD_EXITED
			       ? (struct child_end){ info.si_status, 0 }
			       : (struct child_end){ 0, info.si_status };
	else if (!child_end_reaped(pidfd, end))
		/* the status is lost: that is no success */
		*end = (struct child_end){ 255, 0 };
	return true;
}
