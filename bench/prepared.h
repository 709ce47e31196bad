/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark of prepared launches, in three parts.
 *
 * At ease: one launch at a time. A turn of a program is one launch by each method;
 * before each launch the templates have their processes ready again, so that no
 * refill stands in the way of the launch that is measured.
 *
 * A session shell: the same, for a command that needs a file of functions.
 *
 * In flight: 16 runs at a time, by the ways of ring_ways.h.
 */
#ifndef BENCH_PREPARED_H
#define BENCH_PREPARED_H

#include <stdbool.h>
#include <stdio.h>

#include "machine.h"
#include "ring_ways.h"
#include "shared/measure/stats.h"

enum method {
	BY_POSIX_SPAWN,
	BY_COLD, /* a template without prepared processes */
	BY_ONCE, /* CREATE_WARM_ONCE */
	BY_FORK, /* CREATE_WARM_FORK */
	METHODS,
};

enum measure {
	BLOCKED, /* the call that launches */
	TO_EXIT, /* from that call until the end is seen */
	CHILD_CPU, /* the program's user and system time */
	MEASURES,
};

/* Waits until the template has a process ready, if it ever has any: @most_ms at most. */
void await_prepared(int tfd, int most_ms);

extern const char *const method_title[METHODS];
extern const char *const measure_title[MEASURES];

#define EASE_PROGRAMS 9
#define FLIGHT_PROGRAMS 8
#define FLIGHT 16

struct ease_row {
	const char *name;
	char *argv[4]; /* argv[0] is absolute; NULL: not installed */
	double most; /* target: BY_FORK's to exit, of posix_spawn's */
	struct samples us[METHODS][MEASURES];
	unsigned long long warm[METHODS], launches[METHODS];
	/* of posix_spawn's; and BY_FORK's blocked time of BY_COLD's */
	struct ratio ratio[METHODS][MEASURES], blocked_to_cold;
};

enum flight_way { FLIGHT_LOOP, FLIGHT_RING, FLIGHT_PREPARED, FLIGHT_WAYS };

extern const enum way flight_way[FLIGHT_WAYS];

struct flight_row {
	unsigned int program; /* of struct work */
	double least; /* target: prepared, of the loop's rate */
	struct way_samples ways[FLIGHT_WAYS];
	/* of the loop's */
	struct ratio rate[FLIGHT_WAYS], cpu[FLIGHT_WAYS];
};

/* A command with a file of functions: by `bash -lc`, and in a session shell. */
enum session_way { SESSION_LOGIN, SESSION_FORK, SESSION_WAYS };

#define SESSION_MOST 0.15 /* with --check */
#define SESSION_TARGET 0.05 /* of bash -lc's time to exit */

struct session_row {
	unsigned int rounds; /* 0: bash is not installed */
	struct samples
		us[SESSION_WAYS]; /* from the call until the end is seen */
	struct ratio ratio;
	double served; /* percent that was warm */
};

struct prepared {
	struct machine machine;
	unsigned int ease_rounds, flight_rounds;
	struct ease_row ease[EASE_PROGRAMS];
	struct session_row session;
	struct work work;
	struct flight_row flight[FLIGHT_PROGRAMS];
};

/* Each measures for so long at most, and then computes the ratios. 0 or -errno. */
int ease_measure(struct prepared *p, double seconds);
int session_measure(struct prepared *p, double seconds);
int flight_measure(struct prepared *p, double seconds);

/*
 * Writes a table for people, JSON, or columns for the plot. Return of
 * prepared_json(): 0 or -errno.
 */
void prepared_markdown(const struct prepared *p, FILE *out);
void prepared_columns(const struct prepared *p, FILE *out);
int prepared_json(const struct prepared *p, FILE *out);

/*
 * Returns how many ratios are far beyond their targets for certain, each printed: a
 * prepared launch that is no faster than a cold one, a session shell over SESSION_MOST.
 */
unsigned int prepared_regressions(const struct prepared *p, FILE *out);

#endif
