/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demo: the work that an agent does all day, through templates and through
 * posix_spawn, side by side. tools.c has the command lines, capture.c runs one
 * of them, report.c prints the results, demo.c goes round.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/measure/launchers.h"
#include "shared/measure/stats.h"

enum way {
	WAY_TEMPLATE,
	WAY_POSIX_SPAWN,
	WAYS,
};

#define TOOL_ARGS_MAX 16

struct tool {
	const char *name; /* in the table */
	const char *program; /* absolute, or a name to search along PATH */
	const char *directory; /* below the workspace; NULL: the workspace */
	unsigned int every; /* 4: takes part in every 4th round */
	const char *argv[TOOL_ARGS_MAX];
};

extern const struct tool tools[];
extern const size_t n_tools;

/* The environment of the tools, but for "HOME=<workspace>", put in front. */
extern const char *const tool_environment[];

struct text {
	char *bytes;
	size_t length, capacity;
};

/* One run, as its caller sees it. */
struct capture {
	struct text out, err;
	int code, status; /* as in siginfo_t: si_code, si_status */
	uint64_t blocked_ns, to_exit_ns;
};

/* @spec: all but .stdio. Return: 0 or -errno. @capture may be used again. */
int capture_run(const struct launch_spec *spec, enum way way,
		struct capture *capture);
void capture_free(struct capture *capture);
bool capture_same(const struct capture *a, const struct capture *b);
/* Prints where two captures differ. */
void capture_print_difference(const struct capture *template,
			      const struct capture *posix, FILE *out);

/* A tool that is there, and its measurements. */
struct job {
	const struct tool *tool;
	char *left_out; /* why the tool takes no part, or NULL */
	char *path;
	char *directory;
	int tfd; /* -1: none */
	unsigned int runs;
	struct samples blocked[WAYS], to_exit[WAYS]; /* microseconds */
	struct ratio blocked_ratio, to_exit_ratio;
	struct capture last[WAYS];
};

struct demo {
	const char *workspace, *out;
	unsigned int rounds_wanted, seconds_wanted;
	bool json;
	char **envp;
	int null_fd;
	struct job *jobs; /* one for each of tools[] */
	unsigned int rounds;
	double seconds;
};

/* Call it after the last round. */
int report_compute(struct demo *demo);
void report_table(const struct demo *demo, FILE *out);
int report_json(const struct demo *demo, FILE *out);
/* Writes a line for each tool, for gnuplot. */
int report_columns(const struct demo *demo, FILE *out);

#endif
