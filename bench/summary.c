/* SPDX-License-Identifier: BSD-2-Clause */
/* Computes percentiles, ratios, targets and regressions: see summary.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>

#include "summary.h"

static int take_samples(struct cell_summary *c, const struct cell_samples *from)
{
	int err = 0;

	for (int m = 0; m < LAUNCH_METHODS; m++)
		for (int k = 0; k < METRICS; k++) {
			struct samples *to = &c->samples[m][k];

			for (uint32_t i = 0; i < from->count[m][k] && !err; i++)
				err = samples_add(to, from->value[m][k][i]);
			if (!err)
				err = samples_sort(to);
			if (err)
				return err;
		}
	return 0;
}

static int ratio_or_nan(const struct samples *a, const struct samples *b,
			struct ratio *ret)
{
	int err = samples_ratio(a, b, ret);

	if (err != -EINVAL)
		return err;
	*ret = (struct ratio){ NAN, NAN, NAN };
	return 0;
}

static int make_ratios(struct cell_summary *c, const struct cell_summary *base)
{
	int err = 0;

	for (int k = 0; k < METRICS && !err; k++)
		err = ratio_or_nan(&c->samples[LAUNCH_TEMPLATE][k],
				   &base->samples[LAUNCH_TEMPLATE][k],
				   &c->to_base[k]);
	for (int m = 0; m < LAUNCH_TEMPLATE; m++)
		for (int k = 0; k < METRICS && !err; k++) {
			const struct samples *t =
				&c->samples[LAUNCH_TEMPLATE][k];

			err = ratio_or_nan(t, &c->samples[m][k],
					   &c->template_to[m][k]);
		}
	return err;
}

static void add_target(struct summary *s, const char *what,
		       const struct cell *cell, struct ratio ratio,
		       double least, double most)
{
	if (!isnan(ratio.value))
		s->targets[s->n_targets++] =
			(struct target){ what, cell, ratio, least, most };
}

static void add_flat_target(struct summary *s, const struct cell_summary *c)
{
	struct ratio r = c->to_base[METRIC_TO_EXIT];

	if (c->cell == &cells[CELL_1_GIB] || c->cell == &cells[CELL_4_GIB])
		add_target(s, "launch to exit / that in the base cell", c->cell,
			   r, 0.95, 1.05);
	if (c->cell == &cells[CELL_1000_FDS] ||
	    c->cell == &cells[CELL_10000_FDS])
		add_target(s, "launch to exit / that in the base cell", c->cell,
			   r, 0.90, 1.10);
}

static void make_targets(struct summary *s)
{
	for (size_t i = 0; i < s->n_cells; i++) {
		struct cell_summary *c = &s->cells[i];
		struct ratio *posix = c->template_to[LAUNCH_POSIX_SPAWN];
		struct ratio *vfork = c->template_to[LAUNCH_VFORK];

		add_target(s, "caller blocked / posix_spawn's", c->cell,
			   posix[METRIC_BLOCKED], 0, 0.65);
		add_target(s, "caller blocked / hand-written vfork's", c->cell,
			   vfork[METRIC_BLOCKED], 0, 1.05);
		add_target(s, "launch to exit / posix_spawn's", c->cell,
			   posix[METRIC_TO_EXIT], 0, 1.00);
		add_flat_target(s, c);
	}
}

int summary_make(struct summary *s, struct cell_samples *const *samples)
{
	const struct cell_summary *base = NULL;
	int err = 0;

	machine_describe(&s->machine);
	for (size_t i = 0; i < s->n_cells && !err; i++) {
		err = take_samples(&s->cells[i], samples[i]);
		if (s->cells[i].cell == &cells[CELL_BASE])
			base = &s->cells[i];
	}
	if (!base && !err)
		base = &s->cells[0];
	for (size_t i = 0; i < s->n_cells && !err; i++)
		err = make_ratios(&s->cells[i], base);
	if (!err)
		make_targets(s);
	return err;
}

void summary_free(struct summary *s)
{
	for (size_t i = 0; i < s->n_cells; i++)
		for (int m = 0; m < LAUNCH_METHODS; m++)
			for (int k = 0; k < METRICS; k++)
				samples_free(&s->cells[i].samples[m][k]);
}

const char *target_verdict(const struct target *t)
{
	return ratio_verdict(t->ratio, t->least, t->most);
}

/* Prints a ratio whose whole interval is above @most. */
static unsigned int above(const struct cell *cell, const char *what,
			  struct ratio r, double most, FILE *out)
{
	if (isnan(r.low) || r.low <= most)
		return 0;
	fprintf(out,
		"regression: %s: %s is %.2f [%.2f, %.2f], at most %.2f is "
		"allowed\n",
		cell->name, what, r.value, r.low, r.high, most);
	return 1;
}

unsigned int summary_regressions(const struct summary *s, FILE *out)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell_summary *c = &s->cells[i];
		const struct ratio *posix = c->template_to[LAUNCH_POSIX_SPAWN];
		const struct ratio *vfork = c->template_to[LAUNCH_VFORK];

		n += above(c->cell, "caller blocked / posix_spawn's",
			   posix[METRIC_BLOCKED], 0.90, out);
		n += above(c->cell, "caller blocked / hand-written vfork's",
			   vfork[METRIC_BLOCKED], 1.30, out);
		n += above(c->cell, "launch to exit / posix_spawn's",
			   posix[METRIC_TO_EXIT], 1.10, out);
		n += above(c->cell, "launch to exit / that in the base cell",
			   c->to_base[METRIC_TO_EXIT], 1.50, out);
	}
	return n;
}
