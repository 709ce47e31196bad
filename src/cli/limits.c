/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of a run as options and lines of JSON ask for them: one table of names,
 * units and bounds for both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/limits.h"

#define WEIGHT_MOST 10000
#define CPU_LEAST_US 1000
#define US_PER_PERCENT 1000 /* of the 100 ms of one processor */

/* Parse a size; swap may be 0, which is the default, or without a limit. */
static int parse_swap(const char *text, uint64_t *value)
{
	*value = 0;
	if (strcmp(text, "0") == 0)
		return 0;
	*value = UINT64_MAX;
	return strcmp(text, "max") == 0 ? 0 : parse_size(text, value);
}

static int parse_within(const char *text, long min, long max, uint64_t *value)
{
	long n;

	if (parse_number(text, 10, min, max, &n))
		return -EINVAL;
	*value = (uint64_t)n;
	return 0;
}

static int parse_pids(const char *text, uint64_t *value)
{
	return parse_within(text, 1, INT_MAX, value);
}

static int parse_weight(const char *text, uint64_t *value)
{
	return parse_within(text, 1, WEIGHT_MOST, value);
}

/* Parse microseconds per 100 ms, or a percentage of one processor. */
static int parse_cpu(const char *text, uint64_t *value)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || strcmp(end, "%") != 0)
		return parse_within(text, CPU_LEAST_US, INT_MAX, value);
	if (!(percent >= 1 && percent <= 1e6))
		return -EINVAL;
	*value = (uint64_t)(percent * US_PER_PERCENT);
	return 0;
}

static const struct {
	const char *option, *key;
	int (*parse)(const char *, uint64_t *);
	const char *wanted;
} limit_kinds[LIMITS] = {
	[LIMIT_MEMORY] = { "--memory-max", "memory_max", parse_size,
			   "a size such as 512M" },
	[LIMIT_SWAP] = { "--memory-swap-max", "memory_swap_max", parse_swap,
			 "a size such as 512M, 0 or max" },
	[LIMIT_PIDS] = { "--pids-max", "pids_max", parse_pids,
			 "a number of processes, from 1" },
	[LIMIT_CPU] = { "--cpu-max", "cpu_max", parse_cpu,
			"a percentage such as 150%, from 1%, or microseconds "
			"per 100 ms, from 1000" },
	[LIMIT_CPU_WEIGHT] = { "--cpu-weight", "cpu_weight", parse_weight,
			       "from 1 to 10000" },
	[LIMIT_IO_WEIGHT] = { "--io-weight", "io_weight", parse_weight,
			      "from 1 to 10000" },
};

int limits_option(struct limits *limits, enum limit limit, const char *text)
{
	limits->given = true;
	if (limit_kinds[limit].parse(text, &limits->value[limit]) == 0)
		return 0;
	return out_bad_usage("%s %s: not %s", limit_kinds[limit].option, text,
			     limit_kinds[limit].wanted);
}

CLI_PRINTF(2, 3)
static int fail(struct limits_failure *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

static int read_one(struct limits *limits, enum limit limit, json_t *value,
		    struct limits_failure *f)
{
	char number[32];
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(value));
		text = number;
	}
	if (text && limit_kinds[limit].parse(text, &limits->value[limit]) == 0)
		return 0;
	return fail(f, "\"limits\": \"%s\" is not %s", limit_kinds[limit].key,
		    limit_kinds[limit].wanted);
}

int limits_read(struct limits *limits, json_t *value, struct limits_failure *f)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return fail(f, "\"limits\" is not an object");
	limits->given = true;
	json_object_foreach(value, key, item)
	{
		int i = 0;

		while (i < LIMITS && strcmp(key, limit_kinds[i].key) != 0)
			i++;
		if (i == LIMITS)
			return fail(f, "\"limits\": unknown key \"%.64s\"",
				    key);
		if (read_one(limits, (enum limit)i, item, f))
			return -1;
	}
	return 0;
}

void limits_apply(const struct limits *limits,
		  struct spawn_template_run_args *args)
{
	if (!limits->given)
		return;
	args->flags |= SPAWN_TEMPLATE_RUN_LIMITS;
	args->memory_max = limits->value[LIMIT_MEMORY];
	args->memory_swap_max = limits->value[LIMIT_SWAP];
	args->pids_max = (uint32_t)limits->value[LIMIT_PIDS];
	args->cpu_max_us = limits->value[LIMIT_CPU];
	args->cpu_weight = (uint32_t)limits->value[LIMIT_CPU_WEIGHT];
	args->io_weight = (uint32_t)limits->value[LIMIT_IO_WEIGHT];
}
