/* SPDX-License-Identifier: BSD-2-Clause */
/* The pseudo-terminal of a run. */
#ifndef ST_PTY_H
#define ST_PTY_H

#include <stdint.h>

enum st_pty_mode {
	ST_PTY_ECHO,	/* a new terminal's */
	ST_PTY_NO_ECHO,
	ST_PTY_RAW,	/* it changes no byte, and none is a signal */
};

int st_pty_open(int *ours, int *theirs, uint32_t winsize,
		enum st_pty_mode mode);
int st_pty_resize(int ours, uint32_t winsize);

#endif
