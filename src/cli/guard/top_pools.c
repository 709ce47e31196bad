/* SPDX-License-Identifier: BSD-2-Clause */
/* top --pools: frames of prepared processes. No guard is asked. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/guard/top.h"
#include "cli/text_safe.h"
#include "shared/clock.h"

int top_pools_sample(struct top *top)
{
	struct pools pools;
	int err = pools_look(&pools);

	if (err) {
		pools_free(&pools);
		top->error = (struct guard_error){ .error = -err };
		snprintf(top->error.text, sizeof(top->error.text), "/proc: %s",
			 strerror(-err));
		return err;
	}
	top->error.error = 0;
	pools_free(&top->pools);
	top->pools = pools;
	top->now.at_ns = st_now();
	return 0;
}

static void print_line(FILE *file, size_t width, enum out_style style,
		       const char *text)
{
	fputs(style == OUT_PLAIN ? "" : out_style(style), file);
	if (width && text_width(text) > width)
		text_fit(file, text, width, false, false);
	else
		fputs(text, file);
	fputs(style == OUT_PLAIN ? "" : out_style(OUT_PLAIN), file);
	fputc('\n', file);
}

int top_pools_frame(FILE *file, struct top *top, size_t width, size_t max_rows)
{
	char clock[16] = "", text[160], bytes[NUMBER_TEXT];
	time_t now = time(NULL);
	struct text_table table;
	struct tm tm;
	int status;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text),
		 "%s  %zu prepared processes in %zu pools, PSS %s%s", clock,
		 top->pools.parked.n, top->pools.n,
		 format_bytes(bytes, top->pools.pss),
		 top->paused ? ", paused" : "");
	print_line(file, width, OUT_BOLD, text);
	print_line(file, width, OUT_BAD,
		   top->error.error ? top->error.text : "");
	pools_table(&table, &top->pools);
	status = text_table_print(file, &table, width, max_rows);
	text_table_free(&table);
	return status;
}

json_t *top_pools_json(struct top *top)
{
	return json_pack("{s:I, s:i, s:I, s:o}", "time_ms",
			 (json_int_t)(top->now.at_ns / 1000000), "waiting",
			 (int)top->pools.parked.n, "pss_bytes",
			 (json_int_t)top->pools.pss, "pools",
			 pools_json(&top->pools));
}
