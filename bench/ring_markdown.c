/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the tables for people and the columns for gnuplot: see ring_summary.h.
 */
#include <math.h>

#include "ring_summary.h"
#include "shared/measure/values.h"

static bool is_there(const struct ring_summary *s, int way)
{
	return !s->workers[way].missing[0];
}

static void print_head(const struct ring_summary *s, const char *first,
		       const char *last, unsigned int n_last, FILE *out)
{
	unsigned int columns = n_last;

	fprintf(out, "| %s | in flight |", first);
	for (int w = 0; w < WAYS; w++)
		if (is_there(s, w)) {
			fprintf(out, " %s |", way_title[w]);
			columns++;
		}
	fprintf(out, "%s\n|---|--:|", last);
	while (columns--)
		fprintf(out, "--:|");
	fprintf(out, "\n");
}

static void print_median(const struct samples *s, const char *format, FILE *out)
{
	if (!s->count)
		fprintf(out, " - |");
	else
		fprintf(out, format, samples_median(s));
}

static void print_rates(const struct ring_summary *s, FILE *out)
{
	fprintf(out, "### Runs per second, output captured\n\n");
	print_head(
		s, "program",
		" ring / posix_spawn + epoll | ring / asyncio | ring / Node |",
		3, out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct ring_cell_summary *c = &s->cells[i];

		if (c->cell->large)
			continue;
		fprintf(out, "| %s | %u |",
			s->work->programs[c->cell->program].name,
			c->cell->inflight);
		for (int w = 0; w < WAYS; w++)
			if (is_there(s, w))
				print_median(&c->ways[w].rate, " %.0f |", out);
		ratio_cell(c->rate_to[WAY_LOOP], 2, out);
		ratio_cell(c->rate_to[WAY_ASYNCIO], 2, out);
		ratio_cell(c->rate_to[WAY_NODE], 2, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static void print_percentiles(const struct samples *s, FILE *out)
{
	if (!s->count) {
		fprintf(out, " - |");
		return;
	}
	for (int p = 0; p < PERCENTILES; p++) {
		double value = samples_percentile(s, percentile_of[p]);

		fprintf(out, "%s%.*f", p ? " / " : " ", value < 20 ? 1 : 0,
			value);
	}
	fprintf(out, " |");
}

static void print_blocked(const struct ring_summary *s, FILE *out)
{
	fprintf(out, "### A launch of true blocks its caller: p50 / p90 / p99, "
		     "µs\n\n");
	print_head(s, "parent", " p50, ring / posix_spawn | p90 | p99 |", 3,
		   out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct ring_cell_summary *c = &s->cells[i];

		if (c->cell->program != PROGRAM_TRUE)
			continue;
		fprintf(out, "| %s | %u |", ring_parent(s, c->cell),
			c->cell->inflight);
		for (int w = 0; w < WAYS; w++)
			if (is_there(s, w))
				print_percentiles(&c->ways[w].blocked_us, out);
		for (int p = 0; p < PERCENTILES; p++)
			ratio_cell(c->blocked_to[WAY_LOOP][p], 3, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static void print_cost(const struct ring_summary *s, FILE *out)
{
	fprintf(out,
		"### Of one run: CPU, µs, of the launcher and the program; "
		"and context switches of the launcher\n\n");
	print_head(s, "program", " CPU, ring / posix_spawn + epoll |", 1, out);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct ring_cell_summary *c = &s->cells[i];

		if (c->cell->large)
			continue;
		fprintf(out, "| %s | %u |",
			s->work->programs[c->cell->program].name,
			c->cell->inflight);
		for (int w = 0; w < WAYS; w++) {
			const struct way_samples *of = &c->ways[w];

			if (is_there(s, w) && of->rate.count)
				fprintf(out, " %.0f; %.1f |",
					samples_median(&of->cpu_us),
					samples_median(&of->switches));
			else if (is_there(s, w))
				fprintf(out, " - |");
		}
		ratio_cell(c->cpu_to[WAY_LOOP], 2, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\n");
}

static void print_memory(const struct ring_memory *m, FILE *out)
{
	if (!m->runs)
		return;
	fprintf(out,
		"### Memory\n\nThe ring, empty: %.0f KiB, %.0f of it the "
		"stacks of its %u threads. A run in flight, with nothing "
		"captured: %.1f KiB and %.1f fds (%u at a time).\n\n",
		m->ring_kib, m->stacks_kib, m->threads, m->run_kib, m->run_fds,
		m->runs);
}

static void print_targets(const struct ring_summary *s, FILE *out)
{
	fprintf(out, "### Targets\n\n| target | where | value | | |\n"
		     "|---|---|--:|---|---|\n");
	for (size_t i = 0; i < s->n_targets; i++) {
		const struct ring_target *t = &s->targets[i];

		fprintf(out, "| %s | %s | ", t->what, t->where);
		if (*t->unit)
			fprintf(out, "%.1f%s", t->value.value, t->unit);
		else
			fprintf(out, "%.3f [%.3f, %.3f]", t->value.value,
				t->value.low, t->value.high);
		fprintf(out, " | %s %.4g%s | %s |\n",
			t->least > 0 ? ">=" : "<=",
			t->least > 0 ? t->least : t->most, t->unit,
			ring_verdict(s, t));
	}
	fprintf(out, "\n");
}

void ring_markdown(const struct ring_summary *s, FILE *out)
{
	fprintf(out,
		"Runs to completion on %ld x %s, %s, %s; other work had "
		"%.0f %% of it. %u rounds in %.0f s, all ways in turn, Node "
		"and asyncio in every second. Each is 128 runs, 256 with 64 in "
		"flight. Medians over the rounds; percentiles of single "
		"launches are of all rounds. Ratios with their 95 %% "
		"interval.\n\n",
		s->machine.processors, s->machine.processor, s->machine.kernel,
		s->machine.libc, s->others * 100, s->rounds, s->seconds);
	for (int w = 0; w < WAYS; w++)
		if (is_there(s, w))
			fprintf(out, "- %s: %s\n", way_title[w],
				s->workers[w].version);
		else
			fprintf(out, "- %s: missing: %s\n", way_title[w],
				s->workers[w].missing);
	if (s->large_missing[0])
		fprintf(out, "- large parent: missing: %s\n", s->large_missing);
	fprintf(out, "\n");
	print_rates(s, out);
	print_blocked(s, out);
	print_cost(s, out);
	print_memory(&s->memory, out);
	print_targets(s, out);
}

static void print_value(double value, FILE *out)
{
	if (isnan(value))
		fprintf(out, "\tNaN");
	else
		fprintf(out, "\t%.3f", value);
}

/* Prints a block of its own: runs per second, or the time blocked. */
static void print_columns(const struct ring_cell_summary *c, bool blocked,
			  FILE *out)
{
	fprintf(out, "%u", c->cell->inflight);
	for (int w = 0; w < WAYS; w++) {
		const struct way_samples *of = &c->ways[w];

		if (!blocked)
			print_value(samples_median(&of->rate), out);
		for (int p = 0; blocked && p < PERCENTILES; p++)
			print_value(samples_percentile(&of->blocked_us,
						       percentile_of[p]),
				    out);
	}
	fprintf(out, "\n");
}

/* Prints runs per second, then the time blocked: true from a small parent. */
void ring_columns(const struct ring_summary *s, FILE *out)
{
	for (int block = 0; block < 2; block++) {
		fprintf(out, "# in flight, then of each way %s:",
			block ? "p50, p90, p99 blocked, µs"
			      : "runs per second");
		for (int w = 0; w < WAYS; w++)
			fprintf(out, " %s", way_name[w]);
		fprintf(out, "\n");
		for (size_t i = 0; i < s->n_cells; i++) {
			const struct ring_cell *cell = s->cells[i].cell;

			if (!cell->large && cell->program == PROGRAM_TRUE)
				print_columns(&s->cells[i], block, out);
		}
		fprintf(out, "\n\n");
	}
}
