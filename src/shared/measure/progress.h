/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A progress bar on standard error, if that is a terminal; otherwise nothing.
 * With NO_COLOR set, or TERM=dumb, it has no colour.
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
/* @done from 0 to 1; draws at most ten times a second. */
void progress_show(struct progress *p, double done, const char *what);
/* Clears the line. */
void progress_end(struct progress *p);

#endif
