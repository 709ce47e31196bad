/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn-template stats: prints the guard's counts, in all and by executable. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/text_safe.h"
#include "cli/guard/guard.h"
#include "cli/guard/prom.h"

struct stats {
	struct st_msg_status status;
	struct guard_list list;
	struct guard_total *totals;
	size_t n;
};

/* ---- for people */

static void fill_table(struct text_table *table, const struct stats *stats)
{
	char text[NUMBER_TEXT];

	for (size_t i = 0; i < stats->n; i++) {
		const struct guard_total *t = &stats->totals[i];

		text_row(table, OUT_PLAIN);
		text_cell(table, "%s", t->path);
		text_cell(table, "%" PRIu64, t->templates);
		text_cell(table, "%" PRIu64, t->launches);
		text_cell(table, "%" PRIu64, t->stale);
		text_cell(table, "%" PRIu64, t->refused);
		text_cell(table, "%" PRIu64, t->write_denied);
		text_cell(table, "%s",
			  format_bound(text,
				       histogram_percentile(t->launch_us, 50)));
		text_cell(table, "%s",
			  format_bound(text,
				       histogram_percentile(t->launch_us, 99)));
	}
}

static int print_totals(const struct stats *stats)
{
	static const struct text_column columns[] = {
		{ .title = "EXECUTABLE", .keep_end = true, .min = 12 },
		{ .title = "TEMPLATES", .right = true, .drop = 1 },
		{ .title = "LAUNCHES", .right = true },
		{ .title = "STALE", .right = true, .drop = 5 },
		{ .title = "REFUSED", .right = true, .drop = 4 },
		{ .title = "WRITES DENIED", .right = true, .drop = 2 },
		{ .title = "P50", .right = true, .drop = 3 },
		{ .title = "P99", .right = true, .drop = 6 },
	};
	struct text_table table = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
	};
	int status;

	fill_table(&table, stats);
	status = text_table_print(out_stream(STDOUT_FILENO), &table,
				  terminal_columns(), stats->n);
	text_table_free(&table);
	return status;
}

static int print_stats(const struct stats *stats)
{
	const struct st_msg_status *s = &stats->status;

	out_styled(OUT_BOLD, "Since the guard was loaded");
	out_lines("\n");
	out_lines("  launches       %llu\n  stale          %llu\n"
		  "  refused        %llu\n  writes denied  %llu\n"
		  "  events lost    %llu\n",
		  s->launches, s->stale, s->refused, s->write_denied,
		  s->events_lost);
	if (!stats->n)
		return 0;
	out_lines("\n");
	out_styled(OUT_BOLD, "Of the templates that are there");
	out_lines("\n");
	return print_totals(stats);
}

/* ---- for programs */

static json_t *total_json(const struct guard_total *t)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "executable",
			 out_text(t->path), "templates",
			 (json_int_t)t->templates, "launches",
			 (json_int_t)t->launches, "stale", (json_int_t)t->stale,
			 "refused", (json_int_t)t->refused, "write_denied",
			 (json_int_t)t->write_denied, "launch",
			 histogram_json(t->launch_us));
}

static json_t *stats_json(const struct stats *stats)
{
	const struct st_msg_status *s = &stats->status;
	json_t *list = json_array();

	for (size_t i = 0; i < stats->n; i++)
		json_array_append_new(list, total_json(&stats->totals[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "launches",
			 (json_int_t)s->launches, "stale", (json_int_t)s->stale,
			 "refused", (json_int_t)s->refused, "write_denied",
			 (json_int_t)s->write_denied, "events_lost",
			 (json_int_t)s->events_lost, "executables", list);
}

enum form { FORM_TEXT, FORM_JSON, FORM_PROM };

static int print(const struct stats *stats, enum form form)
{
	switch (form) {
	case FORM_JSON:
		return out_json(STDOUT_FILENO, stats_json(stats),
				JSON_INDENT(2));
	case FORM_PROM:
		return print_prom(out_stream(STDOUT_FILENO), &stats->status,
				  stats->totals, stats->n);
	default:
		return print_stats(stats);
	}
}

static int ask_and_print(const struct guard_options *options, enum form form)
{
	struct guard_error error;
	struct stats stats;
	int status;

	if (guard_ask(options, &stats.status, &stats.list, 0, &error))
		return guard_say(&error);
	stats.totals = guard_totals(&stats.list, &stats.n);
	if (stats.list.n && !stats.totals) {
		out_error("out of memory");
		status = CLI_FAILED;
	} else {
		status = print(&stats, form);
	}
	free(stats.totals);
	guard_list_free(&stats.list);
	return status;
}

static int stats_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "prom", no_argument, NULL, 'p' },
		GUARD_LONG_OPTIONS,
		{ 0 },
	};
	struct guard_options options = { 0 };
	enum form form = FORM_TEXT;
	int c, status = -1;

	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == 'p')
			form = FORM_PROM;
		else
			status = guard_option(&options, c, argv);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return out_bad_usage("takes no arguments");
	if (options.json && form == FORM_PROM)
		return out_bad_usage("--prom and --json are two forms");
	return ask_and_print(&options, options.json ? FORM_JSON : form);
}

const struct command cmd_stats = {
	.name = "stats",
	.summary = "show the guard's counts",
	.help = "Usage: spawn-template stats [--prom | --json] [--socket "
		"PATH]\n"
		"\n"
		"Show the guard's counts since it was loaded, and the sums of "
		"the templates that\n"
		"you may see, by executable.\n"
		"\n"
		"  --prom         print OpenMetrics text, for Prometheus\n" GUARD_OPTIONS_HELP
		"\n"
		"Exit status: 0; 125 for errors, such as that no guard is "
		"running.\n",
	.main = stats_main,
};
