/* SPDX-License-Identifier: BSD-2-Clause */
/* The pseudo-terminal of a run. */
#ifndef ST_PTY_H
#define ST_PTY_H

#include <stdbool.h>
#include <stdint.h>

int st_pty_open(int *ours, int *theirs, uint32_t winsize, bool echo);
int st_pty_resize(int ours, uint32_t winsize);

#endif
