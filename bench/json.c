/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the results as JSON: see summary.h. */
#include "summary.h"
#include "shared/measure/values.h"

static json_t *samples_json(const struct samples *s)
{
	double mean = samples_sum(s) / (double)s->count;

	return json_pack("{s:I, s:o, s:o, s:o}", "count", (json_int_t)s->count,
			 "p50", value_json(samples_median(s)), "p99",
			 value_json(samples_percentile(s, 99)), "mean",
			 value_json(mean));
}

static json_t *method_json(const struct cell_summary *c, int m)
{
	json_t *o = json_object();

	for (int k = 0; k < METRICS; k++) {
		json_t *of = samples_json(&c->samples[m][k]);

		if (m == LAUNCH_TEMPLATE)
			json_object_set_new(of, "to_base",
					    ratio_json(c->to_base[k]));
		else
			json_object_set_new(of, "template_to_this",
					    ratio_json(c->template_to[m][k]));
		json_object_set_new(o, metric_name[k], of);
	}
	return o;
}

static json_t *cell_json(const struct cell_summary *c)
{
	const struct cell *cell = c->cell;
	json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i}", "name", cell->name,
			      "gib", cell->gib, "fds", cell->fds, "variables",
			      cell->variables, "threads", cell->threads);

	if (c->skipped) {
		json_object_set_new(o, "skipped", json_string(c->skipped));
		return o;
	}
	for (int m = 0; m < LAUNCH_METHODS; m++)
		json_object_set_new(o, launch_name(m), method_json(c, m));
	return o;
}

static json_t *target_json(const struct target *t)
{
	json_t *o = ratio_json(t->ratio);

	json_object_set_new(o, "what", json_string(t->what));
	json_object_set_new(o, "cell", json_string(t->cell->name));
	json_object_set_new(o, "least", json_real(t->least));
	json_object_set_new(o, "most", json_real(t->most));
	json_object_set_new(o, "verdict", json_string(target_verdict(t)));
	return o;
}

int summary_json(const struct summary *s, FILE *out)
{
	json_t *all_cells = json_array(), *targets = json_array(), *o;

	for (size_t i = 0; i < s->n_cells; i++)
		json_array_append_new(all_cells, cell_json(&s->cells[i]));
	for (size_t i = 0; i < s->n_targets; i++)
		json_array_append_new(targets, target_json(&s->targets[i]));
	o = json_pack("{s:i, s:s, s:s, s:i, s:s, s:s, s:i, s:f, s:o, s:o}",
		      "version", 1, "program", s->program, "processor",
		      s->machine.processor, "processors",
		      (int)s->machine.processors, "kernel", s->machine.kernel,
		      "libc", s->machine.libc, "rounds", (int)s->rounds,
		      "seconds", s->seconds, "cells", all_cells, "targets",
		      targets);
	return value_write(o, out);
}
