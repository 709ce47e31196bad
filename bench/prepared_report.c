/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the results of prepared launches: see prepared.h. */
#include <math.h>

#include "prepared.h"
#include "shared/measure/values.h"

const char *const measure_title[MEASURES] = {
	[BLOCKED] = "blocked_us",
	[TO_EXIT] = "to_exit_us",
	[CHILD_CPU] = "child_cpu_us",
};

static double share(const struct ease_row *row, int method)
{
	return row->launches[method] ? 100. * (double)row->warm[method] /
					       (double)row->launches[method]
				     : 0;
}

static void print_ease(const struct prepared *p, FILE *out)
{
	fprintf(out,
		"### One launch at a time, from the call until the end is seen\n"
		"\n| program | posix_spawn, µs | template | once | fork | "
		"target | met | CPU, fork | blocked, fork / cold | served warm "
		"|\n|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n");
	for (int i = 0; i < EASE_PROGRAMS; i++) {
		const struct ease_row *r = &p->ease[i];

		if (!r->argv[0]) {
			fprintf(out, "| %s | not installed | | | | | | | | |\n",
				r->name);
			continue;
		}
		fprintf(out, "| %s | %.0f |", r->name,
			samples_median(&r->us[BY_POSIX_SPAWN][TO_EXIT]));
		for (int m = BY_COLD; m < METHODS; m++)
			ratio_cell(r->ratio[m][TO_EXIT], 2, out);
		fprintf(out, " %.2f | %s |", r->most,
			ratio_verdict(r->ratio[BY_FORK][TO_EXIT], 0, r->most));
		ratio_cell(r->ratio[BY_FORK][CHILD_CPU], 2, out);
		ratio_cell(r->blocked_to_cold, 2, out);
		fprintf(out, " %.0f %% |\n", share(r, BY_FORK));
	}
	fprintf(out,
		"\nRatios are to posix_spawn, of medians, with 95 %% "
		"intervals; %u rounds.\n\n",
		p->ease_rounds);
}

static void print_session(const struct prepared *p, FILE *out)
{
	const struct session_row *r = &p->session;

	if (!r->rounds)
		return;
	fprintf(out,
		"### A command with a file of 200 functions, one at a time\n\n"
		"| bash -lc, µs | session shell, µs | ratio | target | met | "
		"served warm |\n|--:|--:|--:|--:|---|--:|\n| %.0f | %.0f |",
		samples_median(&r->us[SESSION_LOGIN]),
		samples_median(&r->us[SESSION_FORK]));
	ratio_cell(r->ratio, 3, out);
	fprintf(out, " %.2f | %s | %.0f %% |\n\n", SESSION_TARGET,
		ratio_verdict(r->ratio, 0, SESSION_TARGET), r->served);
}

static void print_flight(const struct prepared *p, FILE *out)
{
	fprintf(out,
		"### %d runs in flight, output captured: runs per second\n\n"
		"| program | posix_spawn + epoll | ring | ring, prepared | "
		"target | met | CPU, prepared |\n"
		"|---|--:|--:|--:|--:|---|--:|\n",
		FLIGHT);
	for (int i = 0; i < FLIGHT_PROGRAMS; i++) {
		const struct flight_row *r = &p->flight[i];

		fprintf(out, "| %s | %.0f |", p->work.programs[r->program].name,
			samples_median(&r->ways[FLIGHT_LOOP].rate));
		ratio_cell(r->rate[FLIGHT_RING], 2, out);
		ratio_cell(r->rate[FLIGHT_PREPARED], 2, out);
		fprintf(out, " %.1f | %s |", r->least,
			ratio_verdict(r->rate[FLIGHT_PREPARED], r->least,
				      INFINITY));
		ratio_cell(r->cpu[FLIGHT_PREPARED], 2, out);
		fprintf(out, "\n");
	}
	fprintf(out, "\nRatios are to posix_spawn + epoll; %u rounds.\n\n",
		p->flight_rounds);
}

void prepared_markdown(const struct prepared *p, FILE *out)
{
	const struct machine *m = &p->machine;

	fprintf(out, "%ld x %s, %s, %s\n\n", m->processors, m->processor,
		m->kernel, m->libc);
	print_ease(p, out);
	print_session(p, out);
	print_flight(p, out);
}

/* Index 0: at ease, ratios to exit. Index 1: in flight, ratios of the rate. */
void prepared_columns(const struct prepared *p, FILE *out)
{
	fprintf(out, "# program\ttemplate\tonce\tfork\n");
	for (int i = 0; i < EASE_PROGRAMS; i++) {
		const struct ease_row *r = &p->ease[i];

		if (!r->argv[0])
			continue;
		fprintf(out, "%s", r->name);
		for (int m = BY_COLD; m < METHODS; m++)
			fprintf(out, "\t%.4f", r->ratio[m][TO_EXIT].value);
		fprintf(out, "\n");
	}
	fprintf(out, "\n\n# program\tring\tprepared\n");
	for (int i = 0; i < FLIGHT_PROGRAMS; i++) {
		const struct flight_row *r = &p->flight[i];

		fprintf(out, "%s\t%.4f\t%.4f\n",
			p->work.programs[r->program].name,
			r->rate[FLIGHT_RING].value,
			r->rate[FLIGHT_PREPARED].value);
	}
}

static json_t *method_json(const struct ease_row *r, int m)
{
	json_t *o = json_object();

	for (int k = 0; k < MEASURES; k++) {
		const struct samples *s = &r->us[m][k];
		json_t *of = json_pack(
			"{s:I, s:o, s:o, s:o}", "count", (json_int_t)s->count,
			"p50", value_json(samples_median(s)), "p99",
			value_json(samples_percentile(s, 99)), "to_posix_spawn",
			ratio_json(r->ratio[m][k]));

		json_object_set_new(o, measure_title[k], of);
	}
	json_object_set_new(o, "served_warm",
			    json_integer((json_int_t)r->warm[m]));
	json_object_set_new(o, "launches",
			    json_integer((json_int_t)r->launches[m]));
	return o;
}

static json_t *ease_json(const struct prepared *p)
{
	json_t *all = json_array();

	for (int i = 0; i < EASE_PROGRAMS; i++) {
		const struct ease_row *r = &p->ease[i];
		json_t *methods = json_object();

		if (!r->argv[0]) {
			json_decref(methods);
			continue;
		}
		for (int m = 0; m < METHODS; m++)
			json_object_set_new(methods, method_title[m],
					    method_json(r, m));
		json_array_append_new(
			all,
			json_pack("{s:s, s:f, s:s, s:o, s:o}", "program",
				  r->name, "target_to_exit", r->most, "verdict",
				  ratio_verdict(r->ratio[BY_FORK][TO_EXIT], 0,
						r->most),
				  "blocked_fork_to_cold",
				  ratio_json(r->blocked_to_cold), "methods",
				  methods));
	}
	return all;
}

static json_t *session_json(const struct prepared *p)
{
	const struct session_row *r = &p->session;

	if (!r->rounds)
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:o, s:f, s:s, s:f}", "rounds",
			 (int)r->rounds, "login_to_exit_us",
			 value_json(samples_median(&r->us[SESSION_LOGIN])),
			 "session_to_exit_us",
			 value_json(samples_median(&r->us[SESSION_FORK])),
			 "ratio", ratio_json(r->ratio), "target_to_exit",
			 SESSION_TARGET, "verdict",
			 ratio_verdict(r->ratio, 0, SESSION_TARGET),
			 "served_warm_percent", r->served);
}

static json_t *flight_json(const struct prepared *p)
{
	json_t *all = json_array();

	for (int i = 0; i < FLIGHT_PROGRAMS; i++) {
		const struct flight_row *r = &p->flight[i];
		json_t *ways = json_object();

		for (int w = 0; w < FLIGHT_WAYS; w++)
			json_object_set_new(
				ways, way_name[flight_way[w]],
				json_pack("{s:o, s:o, s:o}", "runs_per_second",
					  value_json(samples_median(
						  &r->ways[w].rate)),
					  "rate_to_loop",
					  ratio_json(r->rate[w]), "cpu_to_loop",
					  ratio_json(r->cpu[w])));
		json_array_append_new(
			all, json_pack("{s:s, s:f, s:s, s:o}", "program",
				       p->work.programs[r->program].name,
				       "target_rate", r->least, "verdict",
				       ratio_verdict(r->rate[FLIGHT_PREPARED],
						     r->least, INFINITY),
				       "ways", ways));
	}
	return all;
}

int prepared_json(const struct prepared *p, FILE *out)
{
	const struct machine *m = &p->machine;

	return value_write(json_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:o, s:o, "
				     "s:o}",
				     "processor", m->processor, "kernel",
				     m->kernel, "libc", m->libc, "processors",
				     (json_int_t)m->processors, "ease_rounds",
				     (int)p->ease_rounds, "flight_rounds",
				     (int)p->flight_rounds, "at_ease",
				     ease_json(p), "session", session_json(p),
				     "in_flight", flight_json(p)),
			   out);
}

unsigned int prepared_regressions(const struct prepared *p, FILE *out)
{
	unsigned int n = 0;

	for (int i = 0; i < EASE_PROGRAMS; i++) {
		const struct ease_row *r = &p->ease[i];

		if (!r->argv[0] || r->ratio[BY_FORK][TO_EXIT].low <= 0.9)
			continue;
		fprintf(out,
			"prepared: %s: to exit %.2f of posix_spawn's: over "
			"0.9\n",
			r->name, r->ratio[BY_FORK][TO_EXIT].value);
		n++;
	}
	for (int i = 0; i < EASE_PROGRAMS; i++) {
		const struct ease_row *r = &p->ease[i];

		if (!r->argv[0] || share(r, BY_FORK) >= 50)
			continue;
		fprintf(out,
			"prepared: %s: %.0f %% of the launches were warm\n",
			r->name, share(r, BY_FORK));
		n++;
	}
	if (p->session.rounds && p->session.ratio.low > SESSION_MOST) {
		fprintf(out,
			"prepared: session shell: %.2f of bash -lc's time\n",
			p->session.ratio.value);
		n++;
	}
	return n;
}
