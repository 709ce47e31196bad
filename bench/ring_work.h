/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work that every way of running programs is given, and the process that
 * does it.
 *
 * The work: run a program to its end with stdin from /dev/null, with an
 * environment of 20 variables, and with all that it writes to stdout and stderr
 * kept in memory; so many runs in flight, the end of one starting the next. Each
 * run must exit with 0 and have written exactly what is expected.
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
	PROGRAMS,
};

#define RUNS_MAX 65536
#define INFLIGHT_MAX 1024

struct program {
	const char *name; /* for people */
	char *argv[5]; /* argv[0] is absolute */
	size_t out_len; /* what it writes to stdout; nothing to stderr */
};

struct work {
	struct program programs[PROGRAMS];
	char **envp;
};

/* Finds the programs, and what each writes; tells what is wrong. */
int work_prepare(struct work *work);
/* The same as JSON, for processes in other languages; the caller's. */
char *work_json(const struct work *work);

/* The path of an executable along $PATH, the caller's; NULL if there is none. */
char *find_program(const char *name);

struct round {
	unsigned int program, inflight, runs;
};

/* One way, within the process that does the work; has state of its own. */
struct engine {
	const char *name;
	int (*start)(const struct work *work, unsigned int threads);
	/* @blocked_us: one for each run; NULL if nobody wants it. 0 or -errno. */
	int (*run)(const struct round *round, double *blocked_us);
};

extern const struct engine ring_engine, loop_engine;

/* Told once, by an engine or by the programs that it runs. Returns err. */
int work_failed(const char *what, int err);

/* The life of the process; returns its exit status. */
int work_serve(const struct engine *engine, unsigned int threads,
	       unsigned int gib);

#endif
