/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the results as JSON: see ring_summary.h. */
#include "ring_summary.h"
#include "shared/measure/values.h"

static json_t *percentiles_json(const struct samples *s)
{
	return json_pack("{s:I, s:o, s:o, s:o}", "count", (json_int_t)s->count,
			 "p50", value_json(samples_percentile(s, 50)), "p90",
			 value_json(samples_percentile(s, 90)), "p99",
			 value_json(samples_percentile(s, 99)));
}

static json_t *way_json(const struct ring_cell_summary *c, int w)
{
	const struct way_samples *s = &c->ways[w];
	json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "runs_per_second",
			      percentiles_json(&s->rate), "blocked_us",
			      percentiles_json(&s->blocked_us), "cpu_us",
			      percentiles_json(&s->cpu_us), "switches",
			      percentiles_json(&s->switches));

	if (w == WAY_RING)
		return o;
	json_object_set_new(o, "ring_runs_per_second_to_this",
			    ratio_json(c->rate_to[w]));
	json_object_set_new(o, "ring_cpu_to_this", ratio_json(c->cpu_to[w]));
	json_object_set_new(o, "ring_blocked_p50_to_this",
			    ratio_json(c->blocked_to[w][AT_P50]));
	json_object_set_new(o, "ring_blocked_p90_to_this",
			    ratio_json(c->blocked_to[w][AT_P90]));
	json_object_set_new(o, "ring_blocked_p99_to_this",
			    ratio_json(c->blocked_to[w][AT_P99]));
	return o;
}

static json_t *cell_json(const struct ring_summary *s,
			 const struct ring_cell_summary *c)
{
	const struct program *p = &s->work->programs[c->cell->program];
	json_t *ways = json_object();

	for (int w = 0; w < WAYS; w++)
		if (c->ways[w].rate.count)
			json_object_set_new(ways, way_name[w], way_json(c, w));
	return json_pack("{s:s, s:i, s:i, s:i, s:o}", "program", p->name,
			 "in_flight", (int)c->cell->inflight, "parent_gib",
			 c->cell->large ? (int)s->large_gib : 0,
			 "runs_per_round", (int)ring_cell_runs(c->cell), "ways",
			 ways);
}

static json_t *target_json(const struct ring_summary *s,
			   const struct ring_target *t)
{
	json_t *o = json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "what", t->what,
			      "where", t->where, "value", t->value.value, "low",
			      t->value.low, "high", t->value.high, "verdict",
			      ring_verdict(s, t));

	if (t->least > 0)
		json_object_set_new(o, "least", json_real(t->least));
	if (t->most > 0)
		json_object_set_new(o, "most", json_real(t->most));
	return o;
}

static json_t *memory_json(const struct ring_memory *m)
{
	if (!m->runs)
		return json_null();
	return json_pack("{s:i, s:i, s:f, s:f, s:f, s:f}", "runs_in_flight",
			 (int)m->runs, "threads", (int)m->threads, "ring_kib",
			 m->ring_kib, "of_that_stacks_kib", m->stacks_kib,
			 "run_kib", m->run_kib, "run_fds", m->run_fds);
}

static json_t *workers_json(const struct ring_summary *s)
{
	json_t *o = json_object();

	for (int w = 0; w < WAYS; w++) {
		const struct worker *worker = &s->workers[w];

		if (worker->missing[0])
			json_object_set_new(
				o, way_name[w],
				json_pack("{s:s}", "missing", worker->missing));
		else
			json_object_set_new(o, way_name[w],
					    json_string(worker->version));
	}
	return o;
}

int ring_json(const struct ring_summary *s, FILE *out)
{
	json_t *cells = json_array(), *targets = json_array(), *o;

	for (size_t i = 0; i < s->n_cells; i++)
		json_array_append_new(cells, cell_json(s, &s->cells[i]));
	for (size_t i = 0; i < s->n_targets; i++)
		json_array_append_new(targets, target_json(s, &s->targets[i]));
	o = json_pack(
		"{s:i, s:s, s:i, s:s, s:s, s:i, s:f, s:f, s:o, s:o, s:o, s:o}",
		"version", 1, "processor", s->machine.processor, "processors",
		(int)s->machine.processors, "kernel", s->machine.kernel, "libc",
		s->machine.libc, "rounds", (int)s->rounds, "seconds",
		s->seconds, "others_share", s->others, "ways", workers_json(s),
		"cells", cells, "memory", memory_json(&s->memory), "targets",
		targets);
	return value_write(o, out);
}
