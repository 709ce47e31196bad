/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn-template list: prints the templates that the guard keeps. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "cli/text_safe.h"
#include "cli/guard/guard.h"

struct list_options {
	struct guard_options guard;
	enum guard_sort sort;
	bool reverse;
};

static int print_json(const struct guard_row *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list,
					  guard_item_json(rows[i].item))) {
			json_decref(list);
			list = NULL;
			break;
		}
	return out_json(STDOUT_FILENO, list, JSON_INDENT(2));
}

static int print_templates(const struct guard_row *rows, size_t n)
{
	struct text_table table;
	int status;

	guard_table(&table, rows, n, false);
	status = text_table_print(out_stream(STDOUT_FILENO), &table,
				  terminal_columns(), n);
	text_table_free(&table);
	return status;
}

static int list_templates(const struct list_options *options)
{
	struct guard_error error;
	struct guard_list list;
	struct guard_row *rows;
	int status;

	if (guard_ask(&options->guard, NULL, &list, 0, &error))
		return guard_say(&error);
	rows = calloc(list.n + 1, sizeof(*rows));
	if (!rows) {
		out_error("out of memory");
		guard_list_free(&list);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < list.n; i++)
		rows[i].item = &list.items[i];
	guard_sort(rows, list.n, options->sort, options->reverse);
	status = options->guard.json ? print_json(rows, list.n)
				     : print_templates(rows, list.n);
	free(rows);
	guard_list_free(&list);
	return status;
}

static int set_sort(struct list_options *options, const char *name)
{
	int field = guard_sort_field(name);

	if (field < 0)
		return out_bad_usage("--sort %s: not one of id, pid, user, "
				     "command, executable, state, launches, "
				     "stale, refused, p50, p99",
				     name);
	options->sort = (enum guard_sort)field;
	return -1;
}

static int list_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "sort", required_argument, NULL, 's' },
		{ "reverse", no_argument, NULL, 'r' },
		GUARD_LONG_OPTIONS,
		{ 0 },
	};
	struct list_options options = { .sort = SORT_ID };
	int c, status = -1;

	while ((c = getopt_long(argc, argv, ":hr", longs, NULL)) != -1) {
		if (c == 's')
			status = set_sort(&options, optarg);
		else if (c == 'r')
			options.reverse = true;
		else
			status = guard_option(&options.guard, c, argv);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return out_bad_usage("takes no arguments");
	return list_templates(&options);
}

const struct command cmd_list = {
	.name = "list",
	.summary = "list the templates that the guard keeps",
	.help = "Usage: spawn-template list [--sort FIELD] [-r] [--json]\n"
		"                           [--socket PATH]\n"
		"\n"
		"List your templates that the guard keeps; root sees those of "
		"all users. COMMAND\n"
		"is the creator's name. P50 and P99 are bounds: 50 and 99 of "
		"a hundred launches\n"
		"took less time from clone to exec. WRITES tells whether the "
		"executable may be\n"
		"written. On a terminal the table fits the width; elsewhere "
		"it is complete.\n"
		"\n"
		"  --sort FIELD   id, pid, user, command, executable, state, "
		"launches, stale,\n"
		"                 refused, p50 or p99; counts and times are "
		"sorted with\n"
		"                 the largest first\n"
		"  -r, --reverse  sort in the other direction\n" GUARD_OPTIONS_HELP
		"\n"
		"Exit status: 0; 125 for errors, such as that no guard is "
		"running.\n",
	.main = list_main,
};
