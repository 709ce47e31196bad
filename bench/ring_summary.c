/* SPDX-License-Identifier: BSD-2-Clause */
/* Computes the ring's ratios, targets and regressions: see ring_summary.h. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "ring_summary.h"

const struct ring_cell ring_cells[RING_CELLS] = {
	{ PROGRAM_TRUE, 1, false, true },
	{ PROGRAM_TRUE, 4, false, true },
	{ PROGRAM_TRUE, 16, false, true },
	{ PROGRAM_TRUE, 64, false, true },
	{ PROGRAM_TRUE, 1, true, true },
	{ PROGRAM_TRUE, 16, true, true },
	{ PROGRAM_64_KIB, 1, false, false },
	{ PROGRAM_64_KIB, 4, false, false },
	{ PROGRAM_64_KIB, 16, false, true },
	{ PROGRAM_64_KIB, 64, false, false },
	{ PROGRAM_GREP, 1, false, false },
	{ PROGRAM_GREP, 4, false, false },
	{ PROGRAM_GREP, 16, false, true },
	{ PROGRAM_GREP, 64, false, false },
};

const double percentile_of[PERCENTILES] = { 50, 90, 99 };

/* Returns enough runs to make filling and draining the flight a small part. */
unsigned int ring_cell_runs(const struct ring_cell *cell)
{
	return cell->inflight > 16 ? 256 : 128;
}

static int sort_samples(struct way_samples *s)
{
	int err = samples_sort(&s->rate);

	if (!err)
		err = samples_sort(&s->cpu_us);
	if (!err)
		err = samples_sort(&s->switches);
	return err ? err : samples_sort(&s->blocked_us);
}

static int known(int err, struct ratio *ret)
{
	if (err != -EINVAL)
		return err;
	*ret = (struct ratio){ NAN, NAN, NAN };
	return 0;
}

static int make_ratios(struct ring_cell_summary *c)
{
	const struct way_samples *ring = &c->ways[WAY_RING];
	unsigned int runs = ring_cell_runs(c->cell);
	int err = 0;

	for (int w = 0; w < WAYS && !err; w++) {
		const struct way_samples *s = &c->ways[w];

		err = known(
			samples_ratio(&ring->rate, &s->rate, &c->rate_to[w]),
			&c->rate_to[w]);
		if (!err)
			err = known(samples_ratio(&ring->cpu_us, &s->cpu_us,
						  &c->cpu_to[w]),
				    &c->cpu_to[w]);
		for (int p = 0; p < PERCENTILES && !err; p++)
			err = known(samples_ratio_at(&ring->blocked_us,
						     &s->blocked_us,
						     percentile_of[p], runs,
						     &c->blocked_to[w][p]),
				    &c->blocked_to[w][p]);
	}
	return err;
}

static const struct ring_cell_summary *small_twin(const struct ring_summary *s,
						  const struct ring_cell *cell)
{
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct ring_cell *other = s->cells[i].cell;

		if (!other->large && other->program == cell->program &&
		    other->inflight == cell->inflight)
			return &s->cells[i];
	}
	return NULL;
}

static int compare_with_small(const struct ring_summary *s,
			      struct ring_cell_summary *c)
{
	const struct ring_cell_summary *twin = small_twin(s, c->cell);

	c->blocked_to_small = (struct ratio){ NAN, NAN, NAN };
	if (!c->cell->large || !twin)
		return 0;
	return known(samples_ratio_at(&c->ways[WAY_RING].blocked_us,
				      &twin->ways[WAY_RING].blocked_us, 50,
				      ring_cell_runs(c->cell),
				      &c->blocked_to_small),
		     &c->blocked_to_small);
}

const char *ring_parent(const struct ring_summary *s,
			const struct ring_cell *cell)
{
	static char text[32];

	if (!cell->large)
		return "small";
	snprintf(text, sizeof(text), "%u GiB", s->large_gib);
	return text;
}

static void add_target(struct ring_summary *s, const struct ring_target *t)
{
	if (!isnan(t->value.value))
		s->targets[s->n_targets++] = *t;
}

static void add_blocked_targets(struct ring_summary *s,
				const struct ring_cell_summary *c)
{
	struct ring_target t = { .unit = "" };

	if (c->cell->program != PROGRAM_TRUE ||
	    (c->cell->inflight != 1 && c->cell->inflight != 16))
		return;
	snprintf(t.where, sizeof(t.where), "%s parent, %u in flight",
		 ring_parent(s, c->cell), c->cell->inflight);
	strcpy(t.what, "blocked p50 / posix_spawn's");
	t.value = c->blocked_to[WAY_LOOP][AT_P50];
	t.most = 1.0 / 20;
	t.gross_most = 0.25;
	add_target(s, &t);
	strcpy(t.what, "blocked p90 / posix_spawn's");
	t.value = c->blocked_to[WAY_LOOP][AT_P90];
	t.most = 1.0 / 10;
	t.gross_most = 0.5;
	add_target(s, &t);
	strcpy(t.what, "blocked p50 / that in a small parent");
	t.value = c->blocked_to_small;
	t.most = 1.25;
	t.gross_most = 4;
	add_target(s, &t);
}

static void add_rate_targets(struct ring_summary *s,
			     const struct ring_cell_summary *c)
{
	static const struct {
		enum way way;
		double least, gross_least;
	} wanted[] = {
		{ WAY_LOOP, 1.15, 0.9 },
		{ WAY_ASYNCIO, 2.5, 1.5 },
		{ WAY_NODE, 4, 2 },
	};

	if (c->cell->program != PROGRAM_TRUE || c->cell->large ||
	    c->cell->inflight != 16)
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct ring_target t = {
			.where = "16 in flight",
			.unit = "",
			.value = c->rate_to[wanted[i].way],
			.least = wanted[i].least,
			.gross_least = wanted[i].gross_least,
			.quiet = true,
		};

		snprintf(t.what, sizeof(t.what), "runs per second / %s",
			 way_title[wanted[i].way]);
		add_target(s, &t);
	}
}

static void add_memory_targets(struct ring_summary *s)
{
	double run = s->memory.run_kib, ring = s->memory.ring_kib;
	struct ring_target of_run = {
		.what = "memory of a run", .unit = " KiB",
		.value = { run, run, run }, .most = 16, .gross_most = 32,
	}, of_ring = {
		.what = "memory of the ring", .where = "empty", .unit = " KiB",
		.value = { ring, ring, ring }, .most = 1024,
		.gross_most = 2048,
	};

	if (!s->memory.runs)
		return;
	snprintf(of_run.where, sizeof(of_run.where), "%u in flight",
		 s->memory.runs);
	add_target(s, &of_run);
	add_target(s, &of_ring);
}

int ring_summary_make(struct ring_summary *s)
{
	int err = 0;

	machine_describe(&s->machine);
	for (size_t i = 0; i < s->n_cells && !err; i++) {
		for (int w = 0; w < WAYS && !err; w++)
			err = sort_samples(&s->cells[i].ways[w]);
		if (!err)
			err = make_ratios(&s->cells[i]);
	}
	for (size_t i = 0; i < s->n_cells && !err; i++) {
		err = compare_with_small(s, &s->cells[i]);
		add_blocked_targets(s, &s->cells[i]);
	}
	for (size_t i = 0; i < s->n_cells; i++)
		add_rate_targets(s, &s->cells[i]);
	add_memory_targets(s);
	return err;
}

void ring_summary_free(struct ring_summary *s)
{
	for (size_t i = 0; i < s->n_cells; i++)
		for (int w = 0; w < WAYS; w++) {
			struct way_samples *of = &s->cells[i].ways[w];

			samples_free(&of->rate);
			samples_free(&of->cpu_us);
			samples_free(&of->switches);
			samples_free(&of->blocked_us);
		}
}

static double bound(double most)
{
	return most > 0 ? most : INFINITY;
}

const char *ring_verdict(const struct ring_summary *s,
			 const struct ring_target *t)
{
	if (t->quiet && s->others > RING_OTHERS_MOST)
		return "unknown, the machine was busy";
	return ratio_verdict(t->value, t->least, bound(t->most));
}

unsigned int ring_regressions(const struct ring_summary *s, FILE *out)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->n_targets; i++) {
		const struct ring_target *t = &s->targets[i];
		double least = t->gross_least, most = bound(t->gross_most);

		if (t->value.low <= most && t->value.high >= least)
			continue;
		n++;
		fprintf(out, "regression: %s, %s: %.2f%s [%.2f, %.2f], ",
			t->what, t->where, t->value.value, t->unit,
			t->value.low, t->value.high);
		if (t->gross_least > 0)
			fprintf(out, "at least %.2f is needed\n", least);
		else
			fprintf(out, "at most %.2f is allowed\n", most);
	}
	return n;
}
