/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark of the ring: the comparisons, the measured values, the verdict,
 * and its three forms: JSON, markdown, and columns for the plot.
 */
#ifndef BENCH_RING_SUMMARY_H
#define BENCH_RING_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "machine.h"
#include "ring_memory.h"
#include "ring_ways.h"
#include "ring_work.h"

/*
 * One comparison: all ways, or only those in C if the parent has to be large.
 */
struct ring_cell {
	unsigned int program, inflight;
	bool large; /* the launching process has touched much memory */
	bool brief; /* part of the short run */
};

#define RING_CELLS 14

extern const struct ring_cell ring_cells[RING_CELLS];

/* Returns the number of runs in a round of the cell. */
unsigned int ring_cell_runs(const struct ring_cell *cell);

enum { AT_P50, AT_P90, AT_P99, PERCENTILES };

extern const double percentile_of[PERCENTILES];

struct ring_cell_summary {
	const struct ring_cell *cell;
	struct way_samples ways[WAYS]; /* empty if the way is not there */
	/* the ring's median divided by that of each way; NaN if unknown */
	struct ratio rate_to[WAYS], cpu_to[WAYS];
	/* the same for the time blocked, at each percentile */
	struct ratio blocked_to[WAYS][PERCENTILES];
	/* the ring's p50 in a large parent, divided by that in the small one */
	struct ratio blocked_to_small;
};

struct ring_target {
	char what[64], where[64];
	const char *unit; /* "" for a ratio */
	struct ratio value;
	double least, most; /* one of them is 0: no such bound */
	bool quiet; /* meaningful on a quiet machine only */
	double gross_least, gross_most; /* the bounds that --check uses */
};

#define RING_TARGETS_MAX 16

/* Above this share of the machine used by others, throughput proves nothing. */
#define RING_OTHERS_MOST 0.05

struct ring_summary {
	unsigned int rounds;
	double seconds; /* taken by the rounds */
	double others; /* share of the machine that others used, 0 to 1 */
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

/* Fills in the ratios, .machine and .targets; the rest must be set already. */
int ring_summary_make(struct ring_summary *s);
void ring_summary_free(struct ring_summary *s);

const char *ring_verdict(const struct ring_summary *s,
			 const struct ring_target *t);
/* Returns how many targets are missed by far and for certain, each printed. */
unsigned int ring_regressions(const struct ring_summary *s, FILE *out);

/* Returns the memory that the parent of the cell has touched: "0", "4 GiB". */
const char *ring_parent(const struct ring_summary *s,
			const struct ring_cell *cell);

int ring_json(const struct ring_summary *s, FILE *out);
void ring_markdown(const struct ring_summary *s, FILE *out);
void ring_columns(const struct ring_summary *s, FILE *out);

#endif
