/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples, percentiles and bootstrap intervals: see stats.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared/measure/stats.h"

#define RESAMPLES 1000
#define BLOCK 8 /* successive rounds drawn together */

int samples_add(struct samples *s, double value)
{
	if (s->count == s->capacity) {
		size_t more = s->capacity ? 2 * s->capacity : 64;
		double *grown = realloc(s->values, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->values = grown;
		s->capacity = more;
	}
	s->values[s->count++] = value;
	return 0;
}

void samples_free(struct samples *s)
{
	free(s->values);
	free(s->sorted);
	free(s->rank);
	memset(s, 0, sizeof(*s));
}

struct ranked {
	double value;
	size_t index; /* in the order of samples_add() */
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

int samples_sort(struct samples *s)
{
	struct ranked *order = malloc((s->count + 1) * sizeof(*order));
	double *sorted = malloc((s->count + 1) * sizeof(*sorted));
	size_t *rank = malloc((s->count + 1) * sizeof(*rank));

	if (!order || !sorted || !rank) {
		free(order);
		free(sorted);
		free(rank);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->count; i++)
		order[i] = (struct ranked){ s->values[i], i };
	qsort(order, s->count, sizeof(*order), by_value);
	for (size_t i = 0; i < s->count; i++) {
		sorted[i] = order[i].value;
		rank[order[i].index] = i;
	}
	free(order);
	free(s->sorted);
	free(s->rank);
	s->sorted = sorted;
	s->rank = rank;
	s->n_sorted = s->count;
	return 0;
}

double samples_percentile(const struct samples *s, double p)
{
	double rank;
	size_t i;

	if (!s->n_sorted)
		return NAN;
	rank = p / 100 * (double)(s->n_sorted - 1);
	i = (size_t)rank;
	if (i + 1 >= s->n_sorted)
		return s->sorted[s->n_sorted - 1];
	return s->sorted[i] +
	       (rank - (double)i) * (s->sorted[i + 1] - s->sorted[i]);
}

double samples_median(const struct samples *s)
{
	return samples_percentile(s, 50);
}

double samples_sum(const struct samples *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->values[i];
	return sum;
}

/* splitmix64: small, and good enough to draw indexes. */
static uint64_t draw_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*
 * Returns the percentile of blocks of @s, drawn until there are as many values
 * as in @s.
 * @drawn: scratch, how often each rank was drawn.
 */
static double resampled(const struct samples *s, double p, size_t block,
			uint32_t *drawn, uint64_t *state)
{
	size_t count = s->n_sorted, n = 0, below = 0, i;
	size_t wanted = (size_t)((double)count * p / 100);

	memset(drawn, 0, count * sizeof(*drawn));
	while (n < count) {
		size_t at = draw_random(state) % count;

		for (i = 0; i < block && n < count; i++, n++) {
			drawn[s->rank[at]]++;
			at = at + 1 < count ? at + 1 : 0;
		}
	}
	for (i = 0; i + 1 < count && below + drawn[i] <= wanted; i++)
		below += drawn[i];
	return s->sorted[i];
}

/* Fills @ratios with the ratios of RESAMPLES draws. */
static int draw_ratios(const struct samples *a, const struct samples *b,
		       double p, size_t block, struct samples *ratios)
{
	size_t longest = a->n_sorted > b->n_sorted ? a->n_sorted : b->n_sorted;
	uint32_t *scratch = malloc(longest * sizeof(*scratch));
	uint64_t state = 1, other = 2;
	int err = scratch ? 0 : -ENOMEM;

	for (int i = 0; i < RESAMPLES && !err; i++) {
		double x, y;

		if (a->n_sorted == b->n_sorted)
			other = state; /* draw the same rounds for both */
		x = resampled(a, p, block, scratch, &state);
		y = resampled(b, p, block, scratch, &other);
		err = samples_add(ratios, x / y);
	}
	free(scratch);
	return err ? err : samples_sort(ratios);
}

int samples_ratio_at(const struct samples *a, const struct samples *b, double p,
		     size_t block, struct ratio *ret)
{
	struct samples ratios = { 0 };
	int err;

	if (!a->n_sorted || !b->n_sorted)
		return -EINVAL;
	err = draw_ratios(a, b, p, block, &ratios);
	if (!err)
		*ret = (struct ratio){
			.value = samples_percentile(a, p) /
				 samples_percentile(b, p),
			.low = samples_percentile(&ratios, 2.5),
			.high = samples_percentile(&ratios, 97.5),
		};
	samples_free(&ratios);
	return err;
}

int samples_ratio(const struct samples *a, const struct samples *b,
		  struct ratio *ret)
{
	size_t fewest = a->n_sorted < b->n_sorted ? a->n_sorted : b->n_sorted;

	return samples_ratio_at(a, b, 50, fewest < 4 * BLOCK ? 1 : BLOCK, ret);
}

const char *ratio_verdict(struct ratio r, double least, double most)
{
	if (r.high <= most && r.low >= least)
		return "met";
	if (r.low > most || r.high < least)
		return "not met";
	if (r.value <= most && r.value >= least)
		return "met, within the noise";
	return "not met, within the noise";
}
