/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways that are compared, each in a process of its own, as ring_work.h
 * describes. They differ in this, each to its cost or benefit:
 *
 *	ring	a deadline and a bound of the output could be set; looks for held
 *		pipes; checks the identity of the file; own process group
 *	prepared	the same, from templates with CREATE_WARM_FORK
 *	loop	none of these but the process group; knows what it waits for
 *	node	no process group, no close of fds in the child; no rusage
 *	asyncio, asyncio_threads	no process group; no rusage
 *
 * The call that launches counts as blocked: for the ring, to queue and to
 * submit; for the loop, to make two pipes, to launch, and to close the child's
 * ends, but not to open the pidfd and to have all three watched; for Node,
 * spawn(); for asyncio, the part of create_subprocess_exec() that stops the
 * event loop.
 */
#ifndef BENCH_RING_WAYS_H
#define BENCH_RING_WAYS_H

#include <stdio.h>
#include <sys/types.h>

#include "ring_work.h"
#include "shared/measure/stats.h"

enum way {
	WAY_RING,
	WAY_LOOP,
	WAY_NODE,
	WAY_ASYNCIO,
	WAY_ASYNCIO_THREADS,
	WAY_PREPARED,
	WAYS,
};

extern const char *const way_name[WAYS]; /* in JSON, and for --serve */
extern const char *const way_title[WAYS]; /* for people */

struct worker {
	enum way way;
	pid_t pid; /* 0: none */
	FILE *requests, *answers;
	char version[64]; /* its own answer */
	char missing[128]; /* why the way is missing, or "" */
};

struct worker_options {
	const char *self; /* this program, which serves the ways in C */
	const char *peers; /* directory of the ways in other languages */
	const char *work; /* work_json() */
	unsigned int threads; /* the ring's threads; 0: its default */
	unsigned int gib; /* touched by the process; C only */
};

/* The samples of a way in a cell: one a round, but in blocked one a run. */
struct way_samples {
	struct samples rate; /* runs per second */
	struct samples cpu_us; /* per run */
	struct samples switches; /* per run */
	struct samples blocked_us;
};

/* Returns whether a way is served by ways_serve(). */
bool way_is_in_c(enum way way);
/*
 * Is the process of the way of that name, as ring_work.h describes. Returns its exit
 * status; 2, after a message, if there is no such way in C.
 */
int ways_serve(const char *name, unsigned int threads, unsigned int gib);

/* Returns 0 with worker->missing set if the way is missing; prints errors. */
int worker_start(struct worker *w, enum way way,
		 const struct worker_options *options);
/* @samples: the measured values are added; NULL: they are dropped. */
int worker_ask(struct worker *w, const struct round *round, unsigned int warm,
	       struct way_samples *samples);
void worker_stop(struct worker *w);

#endif
