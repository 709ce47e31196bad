/* SPDX-License-Identifier: BSD-2-Clause */
/* Families of metrics, for the daemon and the command line tool. */
#include <inttypes.h>
#include <stddef.h>

#include "shared/guard_names.h"
#include "shared/metrics/format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void metrics_family(FILE *f, const char *name, const char *type,
		    const char *unit, const char *help)
{
	fprintf(f, "# TYPE " METRICS_PREFIX "%s %s\n", name, type);
	if (*unit)
		fprintf(f, "# UNIT " METRICS_PREFIX "%s %s\n", name, unit);
	fprintf(f, "# HELP " METRICS_PREFIX "%s %s\n", name, help);
}

void metrics_gauge(FILE *f, const char *name, const char *help, uint64_t value)
{
	metrics_family(f, name, "gauge", "", help);
	fprintf(f, METRICS_PREFIX "%s %" PRIu64 "\n", name, value);
}

void metrics_counter(FILE *f, const char *name, const char *help,
		     uint64_t value)
{
	metrics_family(f, name, "counter", "", help);
	fprintf(f, METRICS_PREFIX "%s_total %" PRIu64 "\n", name, value);
}

void metrics_value(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', f);
		if (*text == '\n')
			fputs("\\n", f);
		else
			putc(*text, f);
	}
}

/* Uses a gauge, since the older format does not know the type info. */
static void put_info(FILE *f, const struct st_msg_status *s)
{
	metrics_family(f, "guard_info", "gauge", "",
		       "The guard that is in force.");
	fputs(METRICS_PREFIX "guard_info{version=\"", f);
	metrics_value(f, s->version);
	fputs("\",kernel=\"", f);
	metrics_value(f, s->kernel);
	fprintf(f, "\",mode=\"%s\"} 1\n", st_name_attached(s->attached));
}

struct number {
	const char *name, *help;
	uint64_t value;
};

static void put_gauges(FILE *f, const struct st_msg_status *s)
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
	};

	for (size_t i = 0; i < COUNT(gauges); i++)
		metrics_gauge(f, gauges[i].name, gauges[i].help,
			      gauges[i].value);
	metrics_family(f, "guard_resident_bytes", "gauge", "bytes",
		       "Memory of the daemon.");
	fprintf(f, METRICS_PREFIX "guard_resident_bytes %" PRIu64 "\n",
		(uint64_t)s->rss_bytes);
}

static void put_counters(FILE *f, const struct st_msg_status *s)
{
	const struct number counters[] = {
		{ "guard_launches", "Launches that the guard let through.",
		  s->launches },
		{ "guard_stale_launches",
		  "Launches denied because the executable changed.", s->stale },
		{ "guard_refused_launches",
		  "Launches denied to others than the template's creator.",
		  s->refused },
		{ "writes_denied", "Writes to pinned executables denied.",
		  s->write_denied },
		{ "events_lost", "Events that found no room.", s->events_lost },
	};

	for (size_t i = 0; i < COUNT(counters); i++)
		metrics_counter(f, counters[i].name, counters[i].help,
				counters[i].value);
}

void metrics_status(FILE *f, const struct st_msg_status *s)
{
	put_info(f, s);
	put_gauges(f, s);
	put_counters(f, s);
}
