/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's answers as text for metrics collectors. Its totals never fall,
 * so they are counters, as in the file that it writes itself. Sums over living
 * templates fall when one goes, so they are gauges, with other names.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stddef.h>

#include "shared/metrics/format.h"
#include "cli/guard/prom.h"

static void sample(FILE *file, const char *name, const struct guard_total *t)
{
	fprintf(file, METRICS_PREFIX "live_%s{executable=\"", name);
	metrics_value(file, t->path);
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
		metrics_family(file, name, "gauge", "", fields[i].help);
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
	static const char help[] =
		"Bound that so many launches stayed under, from clone to exec.";

	metrics_family(file, "live_launch_seconds", "gauge", "seconds", help);
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
	metrics_status(file, status);
	print_live(file, totals, n);
	print_bounds(file, totals, n);
	fputs("# EOF\n", file);
	return 0;
}
