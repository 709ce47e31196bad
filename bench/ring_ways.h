/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways that are compared, each in a process of its own, as ring_work.h tells.
 * What differs between them, and to whose benefit:
 *
 *	ring	a deadline and a bound of the output could be set; looks for held
 *		pipes; checks the identity of the file; own process group
 *	loop	none of these but the process group; knows what it waits for
 *	node	no process group, no close of fds in the child; no rusage
 *	asyncio, asyncio_threads	no process group; no rusage
 *
 * What counts as blocked is the call that launches: for the ring, to queue and to
 * submit; for the loop, to make two pipes, to launch, and to close their other
 * ends, but not to open the pidfd and to have all three watched; for Node, spawn();
 * for asyncio, the part of create_subprocess_exec() that stops the event loop.
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
	WAYS,
};

extern const char *const way_name[WAYS]; /* in JSON, and of --serve */
extern const char *const way_title[WAYS]; /* for people */

struct worker {
	enum way way;
	pid_t pid; /* 0: none */
	FILE *requests, *answers;
	char version[64]; /* what it has said of itself */
	char missing[128]; /* why there is none, or "" */
};

struct worker_options {
	const char *self; /* this program: it is the process of two ways */
	const char *peers; /* directory of those in other languages */
	const char *work; /* work_json() */
	unsigned int threads; /* of the ring; 0: its default */
	unsigned int gib; /* touched by the process; C only */
};

/* All of a way in a cell, a value for each round; of blocked one for each run. */
struct way_samples {
	struct samples rate; /* runs per second */
	struct samples cpu_us; /* per run */
	struct samples switches; /* per run */
	struct samples blocked_us;
};

/* 0 with worker->missing set, if the way is not there; errors are told. */
int worker_start(struct worker *w, enum way way,
		 const struct worker_options *options);
/* @samples: what is measured is added; NULL: it is not kept. */
int worker_ask(struct worker *w, const struct round *round, unsigned int warm,
	       struct way_samples *samples);
void worker_stop(struct worker *w);

#endif
