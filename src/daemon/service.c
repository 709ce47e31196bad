/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol of service managers: datagrams to $NOTIFY_SOCKET, and
 * descriptors from 3 on, all described by the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/service.h"

#define LISTEN_FDS_START 3

/* Never waits: a manager that does not read must not stop the service. */
void service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len;
	size_t n;
	int fd;

	if (!path || (*path != '/' && *path != '@'))
		return;
	n = strlen(path);
	if (n >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, n);
	if (*path == '@')
		addr.sun_path[0] = 0;
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			  (*path == '/'));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		      (struct sockaddr *)&addr, len);
	close(fd);
}

/* Tells whether the variable names this process, or is not set. */
static int is_for_this(const char *name)
{
	const char *pid = getenv(name);

	return !pid || strtol(pid, NULL, 10) == getpid();
}

int service_listen_fd(void)
{
	const char *fds = getenv("LISTEN_FDS");
	long n = fds ? strtol(fds, NULL, 10) : 0;
	int ret = -ENOENT;

	if (n > 0 && getenv("LISTEN_PID") && is_for_this("LISTEN_PID"))
		ret = n == 1 ? LISTEN_FDS_START : -EINVAL;
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	if (ret >= 0 && fcntl(ret, F_SETFD, FD_CLOEXEC) < 0)
		ret = -errno;
	return ret;
}

uint64_t service_watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC");

	if (!usec || !is_for_this("WATCHDOG_PID"))
		return 0;
	/* twice in the time that the manager allows */
	return strtoull(usec, NULL, 10) * 1000 / 2;
}
