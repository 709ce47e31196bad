/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>

#include "sys.h"
#include "tree/pidfd.h"

/* pid is for sandboxes that do not know the call, and the process's own still. */
int st_pidfd_signal(int pidfd, pid_t pid, int sig)
{
	int ret = sys_call4(__NR_pidfd_send_signal, pidfd, sig, 0, 0);

	if (ret == -ENOSYS)
		ret = sys_call2(__NR_kill, pid, sig);
	return ret;
}

/* A zombie is not alive, though its last thread may still be ending. */
bool st_pidfd_alive(int pidfd)
{
	const struct sys_timespec now = { 0, 0 };
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	/* a signal may end even a call that does not wait */
	return sys_call5(__NR_ppoll, &pfd, 1, &now, 0, 0) != 1;
}
