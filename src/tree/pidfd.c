/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>

#include "sys.h"
#include "tree/pidfd.h"

/*
 * Signals a process. pid is used if a sandbox does not know the call; it must
 * not be reused yet.
 */
int st_pidfd_signal(int pidfd, pid_t pid, int sig)
{
	int ret = sys_call4(__NR_pidfd_send_signal, pidfd, sig, 0, 0);

	if (ret == -ENOSYS)
		ret = sys_call2(__NR_kill, pid, sig);
	return ret;
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
