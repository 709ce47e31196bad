/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenMetrics text of what the daemon has answered, by the names of the file that
 * it writes itself, where that has the same. Its own totals never fall, so they
 * are counters; what is added up over the templates that are there falls when one
 * goes, so those are gauges, and named apart.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stddef.h>

#include "guard_prom.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void print_escaped(FILE *file, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			putc('\\', file);
		putc(*p, file);
	}
}

static void family(FILE *file, const char *name, const char *type,
		   const char *help)
{
	fprintf(file,
		"# TYPE spawn_template_%s %s\n"
		"# HELP spawn_template_%s %s\n",
		name, type, name, help);
}

struct number {
	const char *name, *help;
	uint64_t value;
};

static void print_numbers(FILE *file, const char *type, const char *suffix,
			  const struct number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		family(file, numbers[i].name, type, numbers[i].help);
		fprintf(file, "spawn_template_%s%s %" PRIu64 "\n",
			numbers[i].name, suffix, numbers[i].value);
	}
}

static void print_guard(FILE *file, const struct st_msg_status *s)
{
	const struct number gauges[] = {
		{ "guard_proved",
		  "Whether enforcement was proved by denials at start.",
		  (s->proved & ST_PROVED_ALL) == ST_PROVED_ALL },
		{ "guard_adopted",
		  "Whether an earlier daemon's were taken over.",
		  s->adopted != 0 },
		{ "guard_pins_missing", "Pins that somebody removed.",
		  s->pins_missing },
		{ "guard_clients", "Connections.", s->clients },
		{ "guard_clients_limit", "Connections at most.",
		  s->clients_max },
		{ "guard_templates", "Templates registered.", s->templates },
		{ "guard_templates_limit", "Templates at most.",
		  s->templates_max },
		{ "guard_executables", "Executables watched.", s->executables },
		{ "guard_executables_limit", "Executables at most.",
		  s->executables_max },
		{ "guard_resident_bytes", "Memory of the daemon.",
		  s->rss_bytes },
	};

	family(file, "guard", "info", "The guard that is in force.");
	fprintf(file, "spawn_template_guard_info{version=\"");
	print_escaped(file, s->version);
	fprintf(file, "\",kernel=\"");
	print_escaped(file, s->kernel);
	fprintf(file, "\",mode=\"%s\"} 1\n", name_attached(s->attached));
	print_numbers(file, "gauge", "", gauges, COUNT(gauges));
}

static void print_counters(FILE *file, const struct st_msg_status *s)
{
	const struct number counters[] = {
		{ "guard_launches", "Launches that the guard let through.",
		  s->launches },
		{ "guard_stale_launches",
		  "Launches denied because the executable changed.", s->stale },
		{ "guard_refused_launches",
		  "Launches denied to who did not create the template.",
		  s->refused },
		{ "writes_denied", "Writes to pinned executables denied.",
		  s->write_denied },
		{ "events_lost", "Events that found no room.", s->events_lost },
	};

	print_numbers(file, "counter", "_total", counters, COUNT(counters));
}

static void sample(FILE *file, const char *name, const struct guard_total *t)
{
	fprintf(file, "spawn_template_live_%s{executable=\"", name);
	print_escaped(file, t->path);
	fputs("\"", file);
}

static void print_live(FILE *file, const struct guard_total *totals, size_t n)
{
#define FIELD(name) offsetof(struct guard_total, name)
	static const struct {
		const char *name;
		size_t offset;
		const char *help;
	} fields[] = {
		{ "templates", FIELD(templates), "Templates, by executable." },
		{ "launches", FIELD(launches),
		  "Launches by templates that are there." },
		{ "stale_launches", FIELD(stale),
		  "Launches denied because the executable changed, likewise." },
		{ "refused_launches", FIELD(refused),
		  "Launches denied to others, likewise." },
	};
#undef FIELD
	char name[32];

	for (size_t i = 0; i < COUNT(fields); i++) {
		snprintf(name, sizeof(name), "live_%s", fields[i].name);
		family(file, name, "gauge", fields[i].help);
		for (size_t j = 0; j < n; j++) {
			sample(file, fields[i].name, &totals[j]);
			fprintf(file, "} %" PRIu64 "\n",
				*(const uint64_t *)((const char *)&totals[j] +
						    fields[i].offset));
		}
	}
}

static void print_bounds(FILE *file, const struct guard_total *totals, size_t n)
{
	family(file, "live_launch_seconds", "gauge",
	       "Bound that so many launches stayed under, from clone to exec.");
	for (size_t i = 0; i < n; i++)
		for (unsigned int p = 50; p <= 99; p += 49) {
			uint64_t us =
				histogram_percentile(totals[i].launch_us, p);

			if (us == 0)
				continue;
			sample(file, "launch_seconds", &totals[i]);
			fprintf(file, ",percent=\"%u\"} ", p);
			if (us == UNBOUNDED)
				fputs("+Inf\n", file);
			else
				fprintf(file, "%.6f\n", (double)us / 1e6);
		}
}

int print_prom(FILE *file, const struct st_msg_status *status,
	       const struct guard_total *totals, size_t n)
{
	print_guard(file, status);
	print_counters(file, status);
	print_live(file, totals, n);
	print_bounds(file, totals, n);
	fputs("# EOF\n", file);
	return 0;
}
