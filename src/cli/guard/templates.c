/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates of the guard: sorted, as a table, and as JSON. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/guard/guard.h"

/* ---- sorting */

static const struct {
	const char *name;
	bool largest_first;
} fields[] = {
	[SORT_ID] = { "id", false },
	[SORT_PID] = { "pid", false },
	[SORT_USER] = { "user", false },
	[SORT_COMMAND] = { "command", false },
	[SORT_EXECUTABLE] = { "executable", false },
	[SORT_STATE] = { "state", true },
	[SORT_LAUNCHES] = { "launches", true },
	[SORT_STALE] = { "stale", true },
	[SORT_REFUSED] = { "refused", true },
	[SORT_P50] = { "p50", true },
	[SORT_P99] = { "p99", true },
	[SORT_RATE] = { "rate", true },
};

int guard_sort_field(const char *name)
{
	for (size_t i = 0; i < SORT_RATE; i++)
		if (strcmp(fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *guard_sort_name(enum guard_sort field)
{
	return fields[field].name;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_by_percentile(const struct st_msg_item *a,
				 const struct st_msg_item *b, unsigned int p)
{
	return compare_numbers(histogram_percentile(a->launch_us, p),
			       histogram_percentile(b->launch_us, p));
}

static int compare_rates(const struct guard_rate *a, const struct guard_rate *b)
{
	return (a->launches > b->launches) - (a->launches < b->launches);
}

static int compare_users(uint32_t a, uint32_t b)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", name_user(a));
	return strcmp(name, name_user(b));
}

static int compare_by(enum guard_sort field, const struct guard_row *x,
		      const struct guard_row *y)
{
	const struct st_msg_item *a = &x->item->i, *b = &y->item->i;

	switch (field) {
	case SORT_ID:
		return 0;
	case SORT_PID:
		return compare_numbers(a->pid, b->pid);
	case SORT_USER:
		return compare_users(a->uid, b->uid);
	case SORT_COMMAND:
		return strcmp(a->comm, b->comm);
	case SORT_EXECUTABLE:
		return strcmp(a->path, b->path);
	case SORT_STATE:
		return compare_numbers(a->state, b->state);
	case SORT_LAUNCHES:
		return compare_numbers(a->launches, b->launches);
	case SORT_STALE:
		return compare_numbers(a->stale, b->stale);
	case SORT_REFUSED:
		return compare_numbers(a->refused, b->refused);
	case SORT_P50:
		return compare_by_percentile(a, b, 50);
	case SORT_P99:
		return compare_by_percentile(a, b, 99);
	case SORT_RATE:
		return compare_rates(&x->rate, &y->rate);
	}
	return 0;
}

struct order {
	enum guard_sort field;
	int sign;
};

/* Keep equal rows in the order of their ids, so that they do not jump. */
static int compare_rows(const void *x, const void *y, void *arg)
{
	const struct guard_row *a = x, *b = y;
	const struct order *order = arg;
	int c = order->sign * compare_by(order->field, a, b);

	if (c)
		return c;
	c = compare_numbers(a->item->id, b->item->id);
	return order->field == SORT_ID ? order->sign * c : c;
}

void guard_sort(struct guard_row *rows, size_t n, enum guard_sort field,
		bool reverse)
{
	struct order order = {
		.field = field,
		.sign = fields[field].largest_first != reverse ? -1 : 1,
	};

	if (n)
		qsort_r(rows, n, sizeof(*rows), compare_rows, &order);
}

/* ---- the table */

static void add_rate(struct text_table *table, bool known, double rate)
{
	if (!known)
		text_cell(table, "-");
	else
		text_cell(table, "%.*f", rate < 99.95 ? 1 : 0, rate);
}

static void add_row(struct text_table *table, const struct guard_row *row)
{
	const struct st_msg_item *i = &row->item->i;
	char text[NUMBER_TEXT];

	text_row(table, i->state == EXEC_STALE ? OUT_WARN : OUT_PLAIN);
	text_cell(table, "%" PRIu64, row->item->id);
	text_cell(table, "%u", i->pid);
	text_cell(table, "%s", name_user(i->uid));
	text_cell(table, "%s", i->comm);
	text_cell(table, "%s", i->path);
	text_cell(table, "%s", name_guard_state(i->state));
	text_cell(table, "%s",
		  i->state == EXEC_STALE ? name_guard_why(i->why) : "-");
	text_cell(table, "%llu", i->launches);
	add_rate(table, row->rate.known, row->rate.launches);
	text_cell(table, "%llu", i->stale);
	add_rate(table, row->rate.known, row->rate.stale);
	text_cell(table, "%llu", i->refused);
	text_cell(table, "%s",
		  format_bound(text, histogram_percentile(i->launch_us, 50)));
	text_cell(table, "%s",
		  format_bound(text, histogram_percentile(i->launch_us, 99)));
	text_cell(table, "%s",
		  i->flags & ST_REGISTER_DENY_WRITE ? "denied" : "-");
}

void guard_table(struct text_table *table, const struct guard_row *rows,
		 size_t n, bool rates)
{
	static const struct text_column columns[] = {
		{ .title = "ID", .right = true },
		{ .title = "PID", .right = true, .drop = 5 },
		{ .title = "USER", .min = 4, .drop = 4 },
		{ .title = "COMMAND", .min = 8, .drop = 6 },
		{ .title = "EXECUTABLE", .keep_end = true, .min = 20 },
		{ .title = "STATE" },
		{ .title = "WHY", .drop = 7 },
		{ .title = "LAUNCHES", .right = true },
		{ .title = "LAUNCH/S", .right = true, .drop = 11 },
		{ .title = "STALE", .right = true, .drop = 9 },
		{ .title = "STALE/S", .right = true, .drop = 3 },
		{ .title = "REFUSED", .right = true, .drop = 8 },
		{ .title = "P50", .right = true, .drop = 1 },
		{ .title = "P99", .right = true, .drop = 10 },
		{ .title = "WRITES", .drop = 2 },
	};

	*table = (struct text_table){
		.columns = columns,
		.n_columns = COUNT(columns),
		.hidden = rates ? 0 : 1U << 8 | 1U << 10,
	};
	for (size_t i = 0; i < n; i++)
		add_row(table, &rows[i]);
}

/* ---- JSON */

static json_t *bound_json(uint64_t us)
{
	return us == 0 || us == UNBOUNDED ? json_null()
					  : json_integer((json_int_t)us);
}

json_t *histogram_json(const __u64 slots[ST_ITEM_SLOTS])
{
	json_t *list = json_array();

	for (int i = 0; i < ST_ITEM_SLOTS; i++)
		json_array_append_new(list, json_integer((json_int_t)slots[i]));
	return json_pack("{s:o, s:o, s:o}", "p50_us",
			 bound_json(histogram_percentile(slots, 50)), "p99_us",
			 bound_json(histogram_percentile(slots, 99)), "log2_us",
			 list);
}

/* Add the counts and times to the description. */
static json_t *add_counts(json_t *object, const struct st_msg_item *i)
{
	json_t *counts = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "launches",
		(json_int_t)i->launches, "stale", (json_int_t)i->stale,
		"refused", (json_int_t)i->refused, "write_denied",
		(json_int_t)i->write_denied, "launch_ns",
		(json_int_t)i->launch_ns, "run_ns", (json_int_t)i->run_ns,
		"launch", histogram_json(i->launch_us), "run",
		histogram_json(i->run_us));

	if (!object || !counts || json_object_update(object, counts)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(counts);
	return object;
}

json_t *guard_item_json(const struct guard_item *item)
{
	const struct st_msg_item *i = &item->i;
	char device[32];

	snprintf(device, sizeof(device), "%u:%u", i->dev_major, i->dev_minor);
	return add_counts(
		json_pack(
			"{s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:s?, s:s?, s:b, "
			"s:I, s:s, s:I, s:I, s:I}",
			"id", (json_int_t)item->id, "pid", (json_int_t)i->pid,
			"uid", (json_int_t)i->uid, "user",
			out_text(name_user(i->uid)), "command",
			out_text(i->comm), "executable", out_text(i->path),
			"state", name_guard_state(i->state), "why",
			i->state == EXEC_STALE ? name_guard_why(i->why) : NULL,
			"last_why",
			i->last_why ? name_guard_why(i->last_why) : NULL,
			"deny_write", (i->flags & ST_REGISTER_DENY_WRITE) != 0,
			"created_ns", (json_int_t)i->created_ns, "device",
			device, "ino", (json_int_t)i->ino, "generation",
			(json_int_t)i->generation, "fs_magic",
			(json_int_t)i->fs_magic),
		i);
}
