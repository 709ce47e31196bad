/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work that every way of running programs is given, and the process that
 * does it.
 *
 * The work: run a program to its end with stdin from /dev/null, with an
 * environment of 20 variables, and keep all that it writes to stdout and stderr
 * in memory; so many runs in flight, the end of one starting the next. Each run
 * must exit with 0 and must have written exactly the expected bytes.
 *
 * The process: reads requests on stdin and answers each on stdout.
 *
 *	when it is ready	{"ready": "what it is"}
 *	PROGRAM INFLIGHT WARM RUNS
 *				WARM runs that are not measured, then
 *				{"seconds": wall time of the runs,
 *				 "cpu_us": user and system, its own and children's,
 *				 "switches": its own context switches,
 *				 "blocked_us": [how long each launch took its
 *				 thread]}
 *	if anything is wrong	{"error": "what"}
 */
#ifndef BENCH_RING_WORK_H
#define BENCH_RING_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROGRAM_TRUE,
	PROGRAM_64_KIB,
	PROGRAM_GREP,
	/* for the benchmark of prepared launches only */
	PROGRAM_DASH,
	PROGRAM_CAT,
	PROGRAM_SED,
	PROGRAM_GIT,
	PROGRAM_BASH,
	PROGRAMS,
};

#define RUNS_MAX 65536
#define INFLIGHT_MAX 1024

struct program {
	const char *name; /* for people */
	char *argv[5]; /* argv[0] is absolute */
	size_t out_len; /* bytes that it writes to stdout; stderr: none */
};

struct work {
	struct program programs[PROGRAMS];
	char **envp;
};

/* Finds the programs, and how much each writes; prints what is wrong. */
int work_prepare(struct work *work);
/* Returns the work as JSON, for other languages; the caller frees it. */
char *work_json(const struct work *work);

/* Finds an executable along $PATH; the caller frees the path. NULL: none. */
char *find_program(const char *name);

struct round {
	unsigned int program, inflight, runs;
};

/* One way, inside the process that does the work. It keeps state of its own. */
struct engine {
	const char *name;
	int (*start)(const struct work *work, unsigned int threads);
	/* @blocked_us: one value for each run, or NULL. Returns 0 or -errno. */
	int (*run)(const struct round *round, double *blocked_us);
};

extern const struct engine ring_engine, prepared_engine, loop_engine;

/* Prints a failure of an engine, or of a program it runs, once; returns err. */
int work_failed(const char *what, int err);

/* The life of the process; returns its exit status. */
int work_serve(const struct engine *engine, unsigned int threads,
	       unsigned int gib);

#endif
