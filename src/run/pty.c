/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <spawn_template.h>

#include "run/pty.h"
#include "sys.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* The size of a terminal whose caller names none. */
#define ROWS 24
#define COLUMNS 80

/* Sets the size: rows above columns in a word. Return: 0 or -errno. */
int st_pty_resize(int ours, uint32_t winsize)
{
	const struct winsize size = {
		.ws_row = (unsigned short)(winsize >> 16),
		.ws_col = (unsigned short)winsize,
	};

	return sys_call3(__NR_ioctl, ours, TIOCSWINSZ, &size);
}

/* Sets what a program finds that asks nothing of its terminal. Return: 0 or -errno. */
static int set_mode(int theirs, enum st_pty_mode mode)
{
	struct termios termios;

	if (tcgetattr(theirs, &termios) < 0)
		return -errno;
	if (mode == ST_PTY_RAW)
		cfmakeraw(&termios);
	else
		termios.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	return tcsetattr(theirs, TCSANOW, &termios) < 0 ? -errno : 0;
}

/**
 * st_pty_open - make a pseudo-terminal
 * @ours: set to the end that does not block; -1: it could not be opened
 * @theirs: set to the terminal
 * @winsize: 0: 24 rows of 80 columns
 * @mode: what the terminal does with the bytes
 *
 * The terminal is nobody's controlling terminal. Its end is opened through ours, so
 * that no path is looked up in a file system that somebody else has mounted.
 * Return: 0; or -errno, and what was opened must still be closed.
 */
int st_pty_open(int *ours, int *theirs, uint32_t winsize, enum st_pty_mode mode)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	int ret, unlock = 0;

	ret = sys_openat(AT_FDCWD, "/dev/ptmx", flags | O_NONBLOCK, 0);
	*ours = ret < 0 ? -1 : ret;
	if (ret >= 0)
		ret = sys_call3(__NR_ioctl, *ours, TIOCSPTLCK, &unlock);
	if (ret >= 0)
		ret = sys_call3(__NR_ioctl, *ours, TIOCGPTPEER, flags);
	*theirs = ret < 0 ? -1 : ret;
	if (ret < 0)
		return ret;
	if (!winsize)
		winsize = SPAWN_TEMPLATE_WINSIZE(ROWS, COLUMNS);
	ret = st_pty_resize(*ours, winsize);
	return ret < 0 || mode == ST_PTY_ECHO ? ret : set_mode(*theirs, mode);
}
