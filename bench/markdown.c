/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the tables for people and the columns for gnuplot: see summary.h. */
#include "summary.h"
#include "shared/measure/values.h"

static void print_percentiles(const struct samples *s, FILE *out)
{
	if (s->count)
		fprintf(out, " %.0f / %.0f |", samples_median(s),
			samples_percentile(s, 99));
	else
		fprintf(out, " - |");
}

static void print_row(const struct cell_summary *c, enum metric metric,
		      FILE *out)
{
	fprintf(out, "| %s |", c->cell->name);
	for (int m = 0; m < LAUNCH_METHODS; m++)
		print_percentiles(&c->samples[m][metric], out);
	ratio_cell(c->template_to[LAUNCH_POSIX_SPAWN][metric], 2, out);
	ratio_cell(c->template_to[LAUNCH_VFORK][metric], 2, out);
	fprintf(out, "\n");
}

static void print_metric(const struct summary *s, enum metric metric, FILE *out)
{
	fprintf(out, "### %s: p50 / p99, µs\n\n| parent |",
		metric_title[metric]);
	for (int m = 0; m < LAUNCH_METHODS; m++)
		fprintf(out, " %s |", launch_name(m));
	fprintf(out, " template / posix_spawn | template / vfork |\n|---|");
	for (int m = 0; m < LAUNCH_METHODS + 2; m++)
		fprintf(out, "--:|");
	fprintf(out, "\n");
	for (size_t i = 0; i < s->n_cells; i++)
		if (!s->cells[i].skipped)
			print_row(&s->cells[i], metric, out);
	fprintf(out, "\n");
}

static void print_targets(const struct summary *s, FILE *out)
{
	fprintf(out, "### Targets\n\n| target | parent | ratio | | |\n"
		     "|---|---|--:|---|---|\n");
	for (size_t i = 0; i < s->n_targets; i++) {
		const struct target *t = &s->targets[i];

		fprintf(out, "| %s | %s |", t->what, t->cell->name);
		ratio_cell(t->ratio, 2, out);
		if (t->least > 0)
			fprintf(out, " %.2f to %.2f |", t->least, t->most);
		else
			fprintf(out, " <= %.2f |", t->most);
		fprintf(out, " %s |\n", target_verdict(t));
	}
	fprintf(out, "\n");
}

void summary_markdown(const struct summary *s, FILE *out)
{
	fprintf(out,
		"Launches of %s on %ld x %s, %s, %s. %u rounds in %.0f s, all "
		"cells in turn. The base cell: nothing touched, 3 fds, 20 "
		"variables, 1 thread. Each measured launch follows one by the "
		"same method. Ratios are of medians, with their 95 %% "
		"interval.\n\n",
		s->program, s->machine.processors, s->machine.processor,
		s->machine.kernel, s->machine.libc, s->rounds, s->seconds);
	for (size_t i = 0; i < s->n_cells; i++)
		if (s->cells[i].skipped)
			fprintf(out, "Left out: %s: %s\n\n",
				s->cells[i].cell->name, s->cells[i].skipped);
	for (int k = 0; k < METRICS; k++)
		print_metric(s, k, out);
	print_targets(s, out);
}

/* Prints a block for each metric: cell, then p50 and p99 of each method. */
void summary_columns(const struct summary *s, FILE *out)
{
	for (int k = 0; k < METRICS; k++) {
		fprintf(out, "# %s: parent", metric_name[k]);
		for (int m = 0; m < LAUNCH_METHODS; m++)
			fprintf(out, ", p50 and p99 of %s", launch_title(m));
		fprintf(out, ", template / posix_spawn with its interval\n");
		for (size_t i = 0; i < s->n_cells; i++) {
			const struct cell_summary *c = &s->cells[i];
			struct ratio r = c->template_to[LAUNCH_POSIX_SPAWN][k];

			if (c->skipped)
				continue;
			fprintf(out, "\"%s\"", c->cell->name);
			for (int m = 0; m < LAUNCH_METHODS; m++)
				fprintf(out, "\t%.3f\t%.3f",
					samples_median(&c->samples[m][k]),
					samples_percentile(&c->samples[m][k],
							   99));
			fprintf(out, "\t%.4f\t%.4f\t%.4f\n", r.value, r.low,
				r.high);
		}
		fprintf(out, "\n\n");
	}
}
