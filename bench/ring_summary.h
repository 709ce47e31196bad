/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is compared in the benchmark of the ring, what was measured of it, what
 * that says, and its three forms: JSON, markdown, and columns for the plot.
 */
#ifndef BENCH_RING_SUMMARY_H
#define BENCH_RING_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "machine.h"
#include "ring_memory.h"
#include "ring_ways.h"
#include "ring_work.h"

/* One comparison: all ways, or those in C if the parent is to be large. */
struct ring_cell {
	unsigned int program, inflight;
	bool large; /* memory touched by the process that launches */
	bool brief; /* part of the short run */
};

#define RING_CELLS 14

extern const struct ring_cell ring_cells[RING_CELLS];

/* How many runs make a round of the cell. */
unsigned int ring_cell_runs(const struct ring_cell *cell);

enum { AT_P50, AT_P90, AT_P99, PERCENTILES };

extern const double percentile_of[PERCENTILES];

struct ring_cell_summary {
	const struct ring_cell *cell;
	struct way_samples ways[WAYS]; /* empty if the way is not there */
	/* The ring's median by that of each way; NaN if unknown. */
	struct ratio rate_to[WAYS], cpu_to[WAYS];
	/* The same of the time blocked, at each percentile. */
	struct ratio blocked_to[WAYS][PERCENTILES];
	/* In a large parent: the ring's p50 by that in the small one. */
	struct ratio blocked_to_small;
};

struct ring_target {
	char what[64], where[64];
	const char *unit; /* "" for a ratio */
	struct ratio value;
	double least, most; /* one of them is 0: no such bound */
	bool quiet; /* only a quiet machine can tell */
	double gross_least, gross_most; /* the same, for --check */
};

#define RING_TARGETS_MAX 16

/* If others have more of the machine, throughput proves nothing. */
#define RING_OTHERS_MOST 0.05

struct ring_summary {
	unsigned int rounds;
	double seconds; /* that the rounds took */
	double others; /* had this part of the machine meanwhile, 0 to 1 */
	unsigned int large_gib;
	struct machine machine;
	const struct work *work;
	const struct worker *workers; /* WAYS, in small parents */
	const char *large_missing; /* why there was no large parent, or "" */
	struct ring_cell_summary cells[RING_CELLS];
	size_t n_cells;
	struct ring_memory memory;
	struct ring_target targets[RING_TARGETS_MAX];
	size_t n_targets;
};

/* The samples are complete, and so is all but .machine and .targets. */
int ring_summary_make(struct ring_summary *s);
void ring_summary_free(struct ring_summary *s);

const char *ring_verdict(const struct ring_summary *s,
			 const struct ring_target *t);
/* The number of targets missed by far and for certain, each told to @out. */
unsigned int ring_regressions(const struct ring_summary *s, FILE *out);

/* "0", "4 GiB": what the parent of the cell has touched. */
const char *ring_parent(const struct ring_summary *s,
			const struct ring_cell *cell);

int ring_json(const struct ring_summary *s, FILE *out);
void ring_markdown(const struct ring_summary *s, FILE *out);
void ring_columns(const struct ring_summary *s, FILE *out);

#endif
