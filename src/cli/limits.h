/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of a run as options and lines of JSON ask for them. */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include <stdbool.h>

#include "cli/cli.h"

enum limit {
	LIMIT_MEMORY,
	LIMIT_SWAP,
	LIMIT_PIDS,
	LIMIT_CPU,
	LIMIT_CPU_WEIGHT,
	LIMIT_IO_WEIGHT,
	LIMITS
};

/* 0: not given. The units are those of struct spawn_template_run_args. */
struct limits {
	uint64_t value[LIMITS];
	bool given; /* one of them, or none but the wish to know the usage */
};

/* The reason why a limit is not understood. */
struct limits_failure {
	char text[160];
};

/* Take the value of an option. Return: 0, or CLI_FAILED after a message. */
int limits_option(struct limits *limits, enum limit limit, const char *text);

/*
 * Read {"memory_max": "512M", "pids_max": 100, "cpu_max": "150%", ...}; {} asks for the
 * usage alone.
 * Return: 0 or -1.
 */
int limits_read(struct limits *limits, json_t *value,
		struct limits_failure *failure);

/* Set the fields and the flag of a run, if limits are given. */
void limits_apply(const struct limits *limits,
		  struct spawn_template_run_args *args);

#endif
