/* SPDX-License-Identifier: BSD-2-Clause */
/* The contents of top: two samples, the changes between them, and a frame. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "shared/clock.h"
#include "shared/guard_names.h"
#include "cli/text_safe.h"
#include "cli/guard/top.h"

/* ---- sampling */

static void sample_free(struct top_sample *sample)
{
	guard_list_free(&sample->list);
	*sample = (struct top_sample){ 0 };
}

void top_free(struct top *top)
{
	guard_disconnect(&top->guard);
	sample_free(&top->now);
	sample_free(&top->before);
	free(top->rows);
	top->rows = NULL;
	pools_free(&top->pools);
}

static double per_second(uint64_t now, uint64_t before, int64_t ns)
{
	return now < before ? 0 : (double)(now - before) * 1e9 / (double)ns;
}

/* Add rates from two lists sorted by id. A new template has none. */
static void add_rates(struct top *top)
{
	const struct guard_list *before = &top->before.list;
	int64_t ns = top->now.at_ns - top->before.at_ns;
	size_t j = 0;

	for (size_t i = 0; i < top->now.list.n; i++) {
		const struct guard_item *item = &top->now.list.items[i];
		struct guard_rate *rate = &top->rows[i].rate;

		top->rows[i] = (struct guard_row){ .item = item };
		while (j < before->n && before->items[j].id < item->id)
			j++;
		if (!top->before.at_ns || ns <= 0 || j == before->n ||
		    before->items[j].id != item->id)
			continue;
		rate->known = true;
		rate->launches = per_second(item->i.launches,
					    before->items[j].i.launches, ns);
		rate->stale =
			per_second(item->i.stale, before->items[j].i.stale, ns);
	}
}

static int take_answers(struct top *top, struct top_sample *sample)
{
	int err = 0;

	if (top->guard.fd < 0)
		err = guard_connect(&top->guard, top->options.socket,
				    &top->error);
	if (!err)
		err = guard_get_status(&top->guard, &sample->status,
				       &top->error);
	if (!err)
		err = guard_get_list(&top->guard, 0, &sample->list,
				     &top->error);
	sample->at_ns = st_now();
	return err;
}

int top_sample(struct top *top)
{
	struct top_sample sample = { 0 };
	struct guard_row *rows;
	int err;

	if (top->of_pools)
		return top_pools_sample(top);
	err = take_answers(top, &sample);
	if (err)
		return err;
	top->error.error = 0;
	rows = calloc(sample.list.n + 1, sizeof(*rows));
	if (!rows) {
		sample_free(&sample);
		top->error = (struct guard_error){ .error = ENOMEM,
						   .text = "out of memory" };
		return -ENOMEM;
	}
	free(top->rows);
	top->rows = rows;
	sample_free(&top->before);
	top->before = top->now;
	top->now = sample;
	add_rates(top);
	return 0;
}

/* ---- a frame */

/* Print a line, cut off at the terminal's edge. */
static void print_summary_line(FILE *file, size_t width, enum out_style style,
			       const char *text)
{
	if (style != OUT_PLAIN)
		fputs(out_style(style), file);
	if (width && text_width(text) > width)
		text_fit(file, text, width, false, false);
	else
		fputs(text, file);
	if (style != OUT_PLAIN)
		fputs(out_style(OUT_PLAIN), file);
	fputc('\n', file);
}

static void print_clock(FILE *file, size_t width, const struct top *top)
{
	const struct st_msg_status *s = &top->now.status;
	char clock[16] = "", age[NUMBER_TEXT], text[160];
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s  guard %s (%s), up %s%s", clock,
		 s->version, st_name_attached(s->attached),
		 format_age(age, age_ns(s->started_ns)),
		 top->paused ? ", paused" : "");
	print_summary_line(file, width, OUT_BOLD, text);
}

static void print_totals(FILE *file, size_t width, const struct top *top)
{
	const struct st_msg_status *s = &top->now.status;
	char rate[NUMBER_TEXT] = "-", text[256];

	if (top->before.at_ns && top->now.at_ns > top->before.at_ns)
		snprintf(rate, sizeof(rate), "%.1f",
			 per_second(s->launches, top->before.status.launches,
				    top->now.at_ns - top->before.at_ns));
	snprintf(text, sizeof(text),
		 "%u templates of %u executables; %llu launches (%s/s), "
		 "%llu stale, %llu refused, %llu writes denied",
		 s->templates, s->executables, s->launches, rate, s->stale,
		 s->refused, s->write_denied);
	print_summary_line(file, width, OUT_PLAIN, text);
}

int top_frame(FILE *file, struct top *top, size_t width, size_t max_rows)
{
	size_t n = top->now.list.n;
	struct text_table table;
	int status;

	if (top->of_pools)
		return top_pools_frame(file, top, width, max_rows);
	print_clock(file, width, top);
	print_totals(file, width, top);
	/* without an answer, print why: the rows below are old then */
	print_summary_line(file, width, OUT_BAD,
			   top->error.error ? top->error.text : "");
	guard_sort(top->rows, n, top->sort, top->reverse);
	guard_table(&table, top->rows, n, true);
	status = text_table_print(file, &table, width, max_rows);
	text_table_free(&table);
	return status;
}

static json_t *rate_json(bool known, double rate)
{
	return known ? json_real(rate) : json_null();
}

json_t *top_json(struct top *top)
{
	const struct st_msg_status *s = &top->now.status;
	size_t n = top->now.list.n;
	json_t *list;

	if (top->of_pools)
		return top_pools_json(top);
	list = json_array();
	guard_sort(top->rows, n, top->sort, top->reverse);
	for (size_t i = 0; i < n; i++) {
		const struct guard_rate *rate = &top->rows[i].rate;
		json_t *item = guard_item_json(top->rows[i].item);

		json_object_set_new(item, "launches_per_s",
				    rate_json(rate->known, rate->launches));
		json_object_set_new(item, "stale_per_s",
				    rate_json(rate->known, rate->stale));
		json_array_append_new(list, item);
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "time_ms",
			 (json_int_t)(top->now.at_ns / 1000000), "launches",
			 (json_int_t)s->launches, "stale", (json_int_t)s->stale,
			 "refused", (json_int_t)s->refused, "write_denied",
			 (json_int_t)s->write_denied, "templates", list);
}
