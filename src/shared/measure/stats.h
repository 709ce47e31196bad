/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples, percentiles, and confidence intervals for the ratio of two medians.
 *
 * A set of samples keeps the order in which they were added, because a ratio is
 * computed from pairs: sample i of one set and sample i of the other were taken
 * in the same round and so under the same load. There is no global state;
 * functions return 0 or -errno.
 */
#ifndef MEASURE_STATS_H
#define MEASURE_STATS_H

#include <stddef.h>
#include <stdint.h>

struct samples {
	double *values; /* in the order of samples_add() */
	double *sorted; /* made by samples_sort() */
	size_t count, capacity;
	size_t *rank; /* each value's, in .sorted; made with it */
	size_t n_sorted; /* number of values when both were made */
};

struct ratio {
	double value; /* percentile of one / that of the other */
	double low, high; /* 95 % confidence interval */
};

int samples_add(struct samples *s, double value);
/* Frees the samples and leaves an empty set. */
void samples_free(struct samples *s);

/*
 * Sorts. Call it after the last samples_add() and before the functions below.
 */
int samples_sort(struct samples *s);
/*
 * Interpolates between the two nearest values; p from 0 to 100. NaN if empty.
 */
double samples_percentile(const struct samples *s, double p);
double samples_median(const struct samples *s);
double samples_sum(const struct samples *s);

/*
 * Computes median(a) / median(b) with its 95 % confidence interval, by a
 * bootstrap over blocks of successive rounds: neighbours share the load of
 * their moment, and drawing them one by one would make the interval too narrow.
 * Sets of equal size are paired by round; others are drawn independently. The
 * same samples always give the same answer. -EINVAL if a set is empty.
 */
int samples_ratio(const struct samples *a, const struct samples *b,
		  struct ratio *ret);
/*
 * Does the same for another percentile than the median, with blocks of @block
 * values, if every round has added @block values to each set.
 */
int samples_ratio_at(const struct samples *a, const struct samples *b, double p,
		     size_t block, struct ratio *ret);

/*
 * Returns "met" or "not met", with ", within the noise" behind it where the
 * interval reaches over a bound.
 */
const char *ratio_verdict(struct ratio r, double least, double most);

#endif
