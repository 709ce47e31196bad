/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes each run of the table in behaviour.json, by spawn_template_run() and by a ring,
 * and compares. README.md beside this file describes the table.
 *
 *	behaviour TABLE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "behaviour.h"

static unsigned int failures;	/* of the case at hand */

static void differs(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void differs(const char *fmt, ...)
{
	va_list ap;

	printf("    ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	failures++;
}

/* ---- comparing */

static void compare_number(const json_t *expect, const char *name, int got)
{
	const json_t *value = json_object_get(expect, name);
	int want = json_is_null(value) ? -1 : (int)json_integer_value(value);

	if (value && got != want)
		differs("%s is %d, not %d", name, got, want);
}

static void compare_text(const json_t *expect, const char *name,
			 const char *got, size_t len)
{
	const json_t *value = json_object_get(expect, name);
	const char *want = json_string_value(value);

	if (!value)
		return;
	if (!want != !got)
		differs("%s is %s", name, got ? "captured" : "not captured");
	else if (want &&
		 (len != json_string_length(value) || memcmp(got, want, len)))
		differs("%s is \"%.*s\", not \"%s\"", name, (int)len, got,
			want);
}

static void compare_size(const json_t *expect, const char *name, uint64_t got)
{
	const json_t *value = json_object_get(expect, name);

	if (value && got != (uint64_t)json_integer_value(value))
		differs("%s is %llu, not %lld", name, (unsigned long long)got,
			(long long)json_integer_value(value));
}

/* Each line is there, and no other byte. */
static void compare_lines(const json_t *expect, const char *got, size_t len)
{
	const json_t *lines = json_object_get(expect, "stdout_lines"), *line;
	size_t i, sum = 0;

	if (!lines)
		return;
	json_array_foreach(lines, i, line)
	{
		const char *want = json_string_value(line);
		const char *at = strstr(got, want);

		sum += strlen(want) + 1;
		if (!at || (at != got && at[-1] != '\n') ||
		    at[strlen(want)] != '\n')
			differs("stdout has no line \"%s\"", want);
	}
	if (len != sum)
		differs("stdout has %zu bytes, not %zu", len, sum);
}

static void compare_flags(const json_t *expect, uint32_t got)
{
	const json_t *flags = json_object_get(expect, "flags"), *flag;
	uint32_t want = 0;
	size_t i;

	if (!flags)
		return;
	json_array_foreach(flags, i, flag)
	{
		want |= behaviour_flag(json_string_value(flag));
	}
	got &= behaviour_flag(NULL);
	if (got != want)
		differs("flags are %#x, not %#x", got, want);
}

static void compare_time(const json_t *expect, uint64_t ns)
{
	const json_t *least = json_object_get(expect, "at_least_ms");
	const json_t *most = json_object_get(expect, "at_most_ms");
	long long ms = (long long)(ns / 1000000);

	if ((least && ms < json_integer_value(least)) ||
	    (most && ms > json_integer_value(most)))
		differs("the run took %lld ms", ms);
}

static void compare_result(const json_t *expect,
			   const struct spawn_template_result *r)
{
	const char *error = json_string_value(json_object_get(expect, "error"));

	if (error) {
		differs("there is a result, not %s", error);
		return;
	}
	compare_number(expect, "code", r->code);
	compare_number(expect, "signal", r->signal);
	compare_text(expect, "stdout", r->out, r->out_len);
	compare_text(expect, "stderr", r->err, r->err_len);
	compare_size(expect, "stdout_bytes", r->out_len);
	compare_size(expect, "stdout_total", r->out_total);
	compare_lines(expect, r->out, r->out_len);
	compare_flags(expect, r->flags);
	compare_time(expect, r->total_ns);
}

static void compare_error(const json_t *expect, int error, unsigned int stage)
{
	static const char *const stages[] = { "args",	"clone", "attr",
					      "action", "close", "exec" };
	const char *want = json_string_value(json_object_get(expect, "error"));
	const char *at = json_string_value(json_object_get(expect, "stage"));
	const char *name = strerrorname_np(error);

	if (!want || !name || strcmp(want, name) != 0)
		differs("the error is %s, not %s", name ? name : "unknown",
			want ? want : "a result");
	if (at && (stage >= 6 || strcmp(at, stages[stage]) != 0))
		differs("the stage is %u, not %s", stage, at);
}

/* ---- running */

static void run_blocking(int tfd, struct behaviour_run *run,
			 const json_t *expect)
{
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_result result;
	int ret;

	run->args.spawn.failure = (uintptr_t)&failure;
	ret = spawn_template_run(tfd, &run->args, sizeof(run->args), &result,
				 sizeof(result));
	run->args.spawn.failure = 0;
	if (ret < 0) {
		compare_error(expect, -ret, failure.stage);
		return;
	}
	compare_result(expect, &result);
	spawn_template_result_free(&result);
}

static void run_by_ring(struct spawn_template_ring *ring, int tfd,
			struct behaviour_run *run, const json_t *expect)
{
	struct spawn_template_cqe *cqe;
	int ret = spawn_template_ring_run(ring, tfd, &run->args,
					  sizeof(run->args), 1);

	if (ret < 0) {
		compare_error(expect, -ret, SPAWN_TEMPLATE_STAGE_ARGS);
		return;
	}
	ret = spawn_template_ring_wait(ring, &cqe, -1);
	if (ret < 0) {
		differs("ring_wait: %s", strerror(-ret));
		return;
	}
	if (cqe->res < 0)
		compare_error(expect, -cqe->res,
			      SPAWN_TEMPLATE_CQE_STAGE(cqe->flags));
	else
		compare_result(expect, cqe->result);
	spawn_template_ring_seen(ring, cqe);
}

/* Returns whether both ways of the case behave as the table says. */
static bool run_case(struct spawn_template_ring *ring, const json_t *entry)
{
	const json_t *expect = json_object_get(entry, "expect");
	struct behaviour_run run;
	int tfd;

	failures = 0;
	behaviour_take(&run, entry);
	tfd = spawn_template_search(run.program, NULL,
				    SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0) {
		compare_error(expect, -tfd, SPAWN_TEMPLATE_STAGE_ARGS);
	} else {
		run_blocking(tfd, &run, expect);
		run_by_ring(ring, tfd, &run, expect);
		spawn_template_close(tfd);
	}
	behaviour_free(&run);
	return failures == 0;
}

static int run_table(const json_t *cases)
{
	struct spawn_template_ring *ring;
	int ret = spawn_template_ring_init(1, NULL, 0, &ring);
	unsigned int passed = 0, failed = 0;
	const json_t *entry;
	size_t i;

	if (ret < 0) {
		fprintf(stderr, "behaviour: ring_init: %s\n", strerror(-ret));
		return 2;
	}
	json_array_foreach(cases, i, entry)
	{
		if (run_case(ring, entry)) {
			passed++;
			continue;
		}
		failed++;
		printf("  not ok %s\n",
		       json_string_value(json_object_get(entry, "name")));
	}
	spawn_template_ring_exit(ring);
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *table;
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: behaviour TABLE\n");
		return 2;
	}
	table = json_load_file(argv[1], 0, &error);
	if (!table) {
		fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
		return 2;
	}
	ret = run_table(json_object_get(table, "cases"));
	json_decref(table);
	return ret;
}
