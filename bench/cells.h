/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cells of the benchmark: each describes the launching process. One factor
 * at a time changes from the base cell, then come the corners. The samples of a
 * cell are in memory that the driver shares with the process of the cell.
 */
#ifndef BENCH_CELLS_H
#define BENCH_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/measure/launchers.h"

struct cell {
	const char *name;
	unsigned int gib; /* anonymous memory touched, in 4 KiB pages */
	unsigned int fds; /* open in all; the program needs low ones only */
	unsigned int variables; /* in the environment given to the program */
	unsigned int threads; /* in all; the others sleep */
	unsigned int fork_every; /* rounds from one fork to the next */
	bool brief; /* part of the short run */
};

enum {
	CELL_BASE,
	CELL_1_GIB,
	CELL_4_GIB,
	CELL_1000_FDS,
	CELL_10000_FDS,
	CELL_ENVIRONMENT,
	CELL_2_THREADS,
	CELL_8_THREADS,
	CELL_FDS_THREADS,
	CELL_RUNTIME,
	CELLS,
};

extern const struct cell cells[CELLS];

enum metric {
	METRIC_BLOCKED, /* how long the call blocks its caller */
	METRIC_FIRST, /* from the call to the program's first instruction */
	METRIC_TO_EXIT, /* from the call until the caller has seen the exit */
	METRIC_CPU, /* user and system time of parent and child */
	METRICS,
};

extern const char *const metric_name[METRICS]; /* in JSON */
extern const char *const metric_title[METRICS]; /* for people */

#define SAMPLES_MAX 4096

/* Samples in microseconds; a cell's process writes, the driver reads them. */
struct cell_samples {
	char skipped[128]; /* why the cell could not be made, or "" */
	char failed[128]; /* the error that stopped the measurement, or "" */
	uint32_t count[LAUNCH_METHODS][METRICS];
	double value[LAUNCH_METHODS][METRICS][SAMPLES_MAX];
};

/* The input of the process of a cell. */
struct cell_setup {
	const struct cell *cell;
	const char *program; /* the program to launch: /bin/true */
	const char *first_program; /* bench/first.c */
	struct cell_samples *samples;
	int requests; /* read end: uint32_t, rounds to run; EOF: stop */
	int responses; /* write end: a byte when set up, and one per request */
};

/* The life of the process of a cell; returns its exit status. */
int cell_process(const struct cell_setup *setup);

#endif
