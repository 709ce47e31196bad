/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A progress bar on standard error, if that is a terminal; otherwise nothing.
 * NO_COLOR or TERM=dumb in the environment turns colour off.
 */
#ifndef MEASURE_PROGRESS_H
#define MEASURE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown, colour;
	uint64_t drawn_ns; /* when it was last drawn */
};

struct progress progress_start(void);
/* Draws at most ten times a second. @done goes from 0 to 1. */
void progress_show(struct progress *p, double done, const char *what);
/* Clears the line. */
void progress_end(struct progress *p);

#endif
