/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums up the samples of a run: percentiles and ratios by cell, the targets,
 * and their three forms: JSON, markdown, and columns for the plots.
 */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "cells.h"
#include "machine.h"
#include "shared/measure/stats.h"

struct cell_summary {
	const struct cell *cell;
	const char *skipped; /* why there are no samples, or NULL */
	struct samples samples[LAUNCH_METHODS][METRICS];
	/*
	 * the template's median divided by that of each method; NaN if unknown
	 */
	struct ratio template_to[LAUNCH_TEMPLATE][METRICS];
	/* the template's median divided by its own in the base cell */
	struct ratio to_base[METRICS];
};

#define TARGETS_MAX (3 * CELLS + 4)

struct target {
	const char *what;
	const struct cell *cell;
	struct ratio ratio;
	double least, most; /* bounds of the ratio */
};

struct summary {
	unsigned int rounds;
	double seconds; /* taken by the rounds */
	const char *program;
	struct machine machine;
	struct cell_summary cells[CELLS];
	size_t n_cells;
	struct target targets[TARGETS_MAX];
	size_t n_targets;
};

/* @samples: one for each of s->cells, whose .cell and .skipped are set. */
int summary_make(struct summary *s, struct cell_samples *const *samples);
void summary_free(struct summary *s);

/*
 * Returns "met" or "not met", with ", within the noise" behind it where the
 * interval reaches over a bound.
 */
const char *target_verdict(const struct target *t);

/*
 * Returns the number of ratios that have certainly become worse, and prints
 * each to @out. The bounds are far from the targets, so that a busy machine
 * does not fail by chance.
 */
unsigned int summary_regressions(const struct summary *s, FILE *out);

int summary_json(const struct summary *s, FILE *out);
void summary_markdown(const struct summary *s, FILE *out);
void summary_columns(const struct summary *s, FILE *out);

#endif
