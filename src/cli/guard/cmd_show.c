/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn-template show: prints all that the guard knows of one template. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/text_safe.h"
#include "cli/guard/guard.h"

#define NO_SUCH_TEMPLATE 1 /* exit status */

static void print_file(const struct st_msg_item *i)
{
	const char *name = name_fs_magic(i->fs_magic);
	char number[32];

	snprintf(number, sizeof(number), "type 0x%x", i->fs_magic);
	out_row("executable", "%s", i->path);
	out_row("file",
		"device %u:%u, inode %llu, generation %u, file system %s",
		i->dev_major, i->dev_minor, i->ino, i->generation,
		name ? name : number);
	if (i->state == EXEC_STALE)
		out_row("state", "stale: %s", explain_guard_why(i->why));
	else
		out_row("state", "%s", name_guard_state(i->state));
	if (i->flags & ST_REGISTER_DENY_WRITE)
		out_row("writes", "denied; %llu so far", i->write_denied);
	else
		out_row("writes", "not denied: a writer makes it stale");
}

static void print_launches(const struct st_msg_item *i)
{
	out_row("launches", "%llu let through, %llu stale, %llu refused",
		i->launches, i->stale, i->refused);
	if (i->last_why)
		out_row("last failure", "%s", explain_guard_why(i->last_why));
}

static void print_histogram_row(const char *label,
				const __u64 slots[ST_ITEM_SLOTS],
				uint64_t sum_ns)
{
	char mean[NUMBER_TEXT], p50[NUMBER_TEXT], p99[NUMBER_TEXT];
	uint64_t n = histogram_count(slots);

	if (!n)
		out_row(label, "none yet");
	else
		out_row(label, "mean %s, p50 %s, p99 %s",
			format_duration(mean, (double)sum_ns / (double)n),
			format_bound(p50, histogram_percentile(slots, 50)),
			format_bound(p99, histogram_percentile(slots, 99)));
}

static void print_bar(int slot, uint64_t count, uint64_t most, int width)
{
	double ns = (double)(UINT64_C(1) << slot) * 1e3;
	int length = (int)((double)count / (double)most * width + 0.5);
	char from[NUMBER_TEXT] = "0", to[NUMBER_TEXT] = "more";

	if (slot > 0)
		format_duration(from, ns);
	if (slot < ST_ITEM_SLOTS - 1)
		format_bound(to, UINT64_C(2) << slot);
	out_lines("    %6s to %-6s %9" PRIu64 "%s", from, to, count,
		  count ? "  " : "");
	if (count && !length)
		length = 1;
	for (int i = 0; i < length; i++)
		out_styled(OUT_PLAIN, "#");
	out_lines("\n");
}

static void print_histogram(const char *title, const __u64 slots[ST_ITEM_SLOTS])
{
	size_t columns = terminal_columns();
	int first = -1, last = 0, width;
	uint64_t most = 0;

	for (int i = 0; i < ST_ITEM_SLOTS; i++) {
		if (!slots[i])
			continue;
		if (first < 0)
			first = i;
		last = i;
		if (slots[i] > most)
			most = slots[i];
	}
	if (first < 0)
		return;
	if (columns == 0)
		columns = 80;
	width = columns < 44 ? 4 : columns > 110 ? 70 : (int)columns - 40;
	out_lines("\n  %s\n", title);
	for (int i = first; i <= last; i++)
		print_bar(i, slots[i], most, width);
}

static void print_template(const struct guard_item *item)
{
	const struct st_msg_item *i = &item->i;
	char age[NUMBER_TEXT];

	out_styled(OUT_BOLD, "template %" PRIu64, item->id);
	out_lines("\n");
	out_row("creator", "pid %u (%s), user %s (%u)", i->pid, i->comm,
		name_user(i->uid), i->uid);
	out_row("created", "%s ago", format_age(age, age_ns(i->created_ns)));
	print_file(i);
	print_launches(i);
	print_histogram_row("launch", i->launch_us, i->launch_ns);
	print_histogram_row("run", i->run_us, i->run_ns);
	print_histogram("launch: from clone to exec", i->launch_us);
	print_histogram("run: from exec to exit", i->run_us);
}

static int show(const struct guard_options *options, uint64_t id)
{
	struct guard_error error;
	struct guard_list list;
	int status = 0;

	if (guard_ask(options, NULL, &list, id, &error)) {
		guard_say(&error);
		return error.missing ? NO_SUCH_TEMPLATE : CLI_FAILED;
	}
	if (options->json)
		status =
			out_json(STDOUT_FILENO, guard_item_json(&list.items[0]),
				 JSON_INDENT(2));
	else
		print_template(&list.items[0]);
	guard_list_free(&list);
	return status;
}

/* Parse a decimal id, as the maps show it. Return: the id, or 0. */
static uint64_t parse_id(const char *text)
{
	uint64_t id;
	char *end;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	id = strtoull(text, &end, 10);
	return errno || *end ? 0 : id;
}

static int show_main(int argc, char **argv)
{
	struct guard_options options = { 0 };
	int status = guard_only_options(&options, argc, argv);
	uint64_t id;

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return out_bad_usage("name one template by its number");
	id = parse_id(argv[optind]);
	if (!id)
		return out_bad_usage("%s: not the number of a template; 'list' "
				     "tells them",
				     argv[optind]);
	return show(&options, id);
}

const struct command cmd_show = {
	.name = "show",
	.summary = "show one template of the guard",
	.help = "Usage: spawn-template show [--json] [--socket PATH] ID\n"
		"\n"
		"Show the facts that the guard has of the template with this "
		"number: creator,\n"
		"executable, state, launches, and the times of launches and "
		"programs.\n"
		"\n" GUARD_OPTIONS_HELP "\n"
		"Exit status: 0; 1 if there is no such template, or it is not "
		"yours; 125 for\n"
		"other errors.\n",
	.main = show_main,
};
