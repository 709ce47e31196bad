/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control for a program in a process group of its own. The callers have
 * SIGTTOU blocked, so that tcsetpgrp(3) works from the background.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/run.h"

/* Make a group whose leader is a zombie. Return: its number, or 0. */
static pid_t make_group(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0) {
		setpgid(0, 0);
		_exit(0);
	}
	if (pid < 0)
		return 0;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	return pid;
}

void terminal_open(struct run_terminal *t)
{
	t->holder = 0;
	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0)
		return;
	t->holder = make_group();
	if (t->holder && tcgetattr(t->fd, &t->modes) == 0) {
		terminal_give(t, t->holder);
		return;
	}
	close(t->fd);
	t->fd = -1;
}

bool terminal_give(const struct run_terminal *t, pid_t group)
{
	return t->fd >= 0 && tcgetpgrp(t->fd) == getpgrp() &&
	       tcsetpgrp(t->fd, group) == 0;
}

void terminal_take(const struct run_terminal *t, pid_t group)
{
	if (t->fd >= 0 && tcgetpgrp(t->fd) == group)
		tcsetpgrp(t->fd, getpgrp());
}

void terminal_close(struct run_terminal *t, pid_t group, bool restore)
{
	if (t->fd >= 0) {
		if (restore && tcgetpgrp(t->fd) == group)
			tcsetattr(t->fd, TCSADRAIN, &t->modes);
		terminal_take(t, group);
		close(t->fd);
		t->fd = -1;
	}
	if (t->holder)
		waitpid(t->holder, NULL, 0);
	t->holder = 0;
}
