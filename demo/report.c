/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the results of the demo: a table, JSON, and columns for the plot. */
#include <string.h>

#include "shared/measure/values.h"
#include "demo.h"

static const char *const way_name[WAYS] = {
	[WAY_TEMPLATE] = "template",
	[WAY_POSIX_SPAWN] = "posix_spawn",
};

int report_compute(struct demo *demo)
{
	int err = 0;

	for (size_t i = 0; i < n_tools && !err; i++) {
		struct job *j = &demo->jobs[i];

		if (j->left_out || !j->runs)
			continue;
		for (int w = 0; w < WAYS && !err; w++) {
			err = samples_sort(&j->blocked[w]);
			if (!err)
				err = samples_sort(&j->to_exit[w]);
		}
		if (!err)
			err = samples_ratio(&j->blocked[WAY_TEMPLATE],
					    &j->blocked[WAY_POSIX_SPAWN],
					    &j->blocked_ratio);
		if (!err)
			err = samples_ratio(&j->to_exit[WAY_TEMPLATE],
					    &j->to_exit[WAY_POSIX_SPAWN],
					    &j->to_exit_ratio);
	}
	return err;
}

/* The time of all tools together, in microseconds. */
struct totals {
	unsigned int launches;
	double blocked[WAYS], to_exit[WAYS];
};

static struct totals add_up(const struct demo *demo)
{
	struct totals t = { 0 };

	for (size_t i = 0; i < n_tools; i++) {
		const struct job *j = &demo->jobs[i];

		t.launches += j->runs * WAYS;
		for (int w = 0; w < WAYS; w++) {
			t.blocked[w] += samples_sum(&j->blocked[w]);
			t.to_exit[w] += samples_sum(&j->to_exit[w]);
		}
	}
	return t;
}

/* Prints p50 of both ways, their ratio, then p99 of both ways. */
static void print_group(const struct samples s[WAYS], struct ratio r,
			double unit, int decimals, FILE *out)
{
	const struct samples *t = &s[WAY_TEMPLATE], *p = &s[WAY_POSIX_SPAWN];

	fprintf(out, " %6.*f %6.*f %5.2f %6.*f %6.*f", decimals,
		samples_median(t) / unit, decimals, samples_median(p) / unit,
		r.value, decimals, samples_percentile(t, 99) / unit, decimals,
		samples_percentile(p, 99) / unit);
}

static void print_totals(const struct demo *demo, FILE *out)
{
	struct totals t = add_up(demo);
	const double *b = t.blocked, *e = t.to_exit;

	fprintf(out,
		"\n%u launches in %.0f s, half of them each way; each pair of "
		"outputs the same.\n",
		t.launches, demo->seconds);
	fprintf(out,
		"Caller blocked in all: template %.3f s, posix_spawn %.3f s, "
		"ratio %.2f\n",
		b[WAY_TEMPLATE] / 1e6, b[WAY_POSIX_SPAWN] / 1e6,
		b[WAY_TEMPLATE] / b[WAY_POSIX_SPAWN]);
	fprintf(out,
		"Launch to exit in all: template %.3f s, posix_spawn %.3f s, "
		"ratio %.2f\n",
		e[WAY_TEMPLATE] / 1e6, e[WAY_POSIX_SPAWN] / 1e6,
		e[WAY_TEMPLATE] / e[WAY_POSIX_SPAWN]);
}

void report_table(const struct demo *demo, FILE *out)
{
	static const char both[] = "  tmpl  posix ratio   tmpl  posix";

	fprintf(out,
		"                     caller blocked, µs               "
		" launch to exit, ms\n"
		"                    p50                p99     "
		"       p50                p99\n"
		"tool            n %s %s\n",
		both, both);
	for (size_t i = 0; i < n_tools; i++) {
		const struct job *j = &demo->jobs[i];

		fprintf(out, "%-12s", j->tool->name);
		if (j->left_out) {
			fprintf(out, "   left out: %s\n", j->left_out);
			continue;
		}
		fprintf(out, " %4u", j->runs * WAYS);
		print_group(j->blocked, j->blocked_ratio, 1, 0, out);
		print_group(j->to_exit, j->to_exit_ratio, 1e3, 2, out);
		fprintf(out, "\n");
	}
	print_totals(demo, out);
}

static json_t *group_json(const struct samples s[WAYS], struct ratio r)
{
	json_t *o = json_object();

	for (int w = 0; w < WAYS; w++)
		json_object_set_new(o, way_name[w],
				    json_pack("{s:f, s:f}", "p50",
					      samples_median(&s[w]), "p99",
					      samples_percentile(&s[w], 99)));
	json_object_set_new(o, "ratio",
			    json_pack("{s:f, s:f, s:f}", "value", r.value,
				      "low", r.low, "high", r.high));
	return o;
}

static json_t *job_json(const struct job *j)
{
	json_t *o = json_pack("{s:s}", "name", j->tool->name);

	if (j->left_out) {
		json_object_set_new(o, "left_out", json_string(j->left_out));
		return o;
	}
	json_object_set_new(o, "path", json_string(j->path));
	json_object_set_new(o, "launches", json_integer(j->runs * WAYS));
	json_object_set_new(o, "caller_blocked_us",
			    group_json(j->blocked, j->blocked_ratio));
	json_object_set_new(o, "to_exit_us",
			    group_json(j->to_exit, j->to_exit_ratio));
	return o;
}

int report_json(const struct demo *demo, FILE *out)
{
	struct totals t = add_up(demo);
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < n_tools; i++)
		json_array_append_new(list, job_json(&demo->jobs[i]));
	o = json_pack("{s:i, s:i, s:f, s:i, s:b, s:{s:f, s:f}, s:{s:f, s:f}, "
		      "s:o}",
		      "version", 1, "rounds", (int)demo->rounds, "seconds",
		      demo->seconds, "launches", (int)t.launches,
		      "outputs_identical", 1, "caller_blocked_total_us",
		      way_name[0], t.blocked[0], way_name[1], t.blocked[1],
		      "to_exit_total_us", way_name[0], t.to_exit[0],
		      way_name[1], t.to_exit[1], "tools", list);
	return value_write(o, out);
}

int report_columns(const struct demo *demo, FILE *out)
{
	fprintf(out, "# tool, caller blocked p50 in us: template, posix_spawn; "
		     "ratio, low, high; launch to exit in us: the same\n");
	for (size_t i = 0; i < n_tools; i++) {
		const struct job *j = &demo->jobs[i];
		const struct ratio *b = &j->blocked_ratio;
		const struct ratio *e = &j->to_exit_ratio;

		if (j->left_out)
			continue;
		fprintf(out,
			"%s\t%.3f\t%.3f\t%.4f\t%.4f\t%.4f\t%.3f\t%.3f\t%.4f\t"
			"%.4f\t%.4f\n",
			j->tool->name, samples_median(&j->blocked[0]),
			samples_median(&j->blocked[1]), b->value, b->low,
			b->high, samples_median(&j->to_exit[0]),
			samples_median(&j->to_exit[1]), e->value, e->low,
			e->high);
	}
	return 0;
}
