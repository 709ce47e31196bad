/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal that this tool shares with its program. The callers have SIGTTOU
 * blocked, which would stop this tool in the background.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "cli/run/run.h"

void terminal_open(struct run_terminal *t)
{
	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	for (int fd = 0; fd < 3 && t->fd < 0; fd++)
		if (tcgetpgrp(fd) >= 0) /* /dev may be empty */
			t->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	t->restorable = t->fd >= 0 && isatty(STDIN_FILENO) &&
			isatty(STDOUT_FILENO) &&
			tcgetattr(t->fd, &t->modes) == 0;
}

void terminal_close(struct run_terminal *t, bool restore)
{
	if (t->fd < 0)
		return;
	if (restore && t->restorable && tcgetpgrp(t->fd) == getpgrp())
		tcsetattr(t->fd, TCSADRAIN, &t->modes);
	close(t->fd);
	t->fd = -1;
}
