/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much of the machine others had meanwhile. A busy machine does not only add
 * noise: it favours the way that has more threads, which gets more of it.
 */
#ifndef BENCH_RING_LOAD_H
#define BENCH_RING_LOAD_H

#include <sys/types.h>

/* Processor time since some time in the past, in clock ticks. */
struct load {
	unsigned long long all; /* of all processors, idle or not */
	unsigned long long busy;
	unsigned long long ours; /* this process, the others, their children */
};

/* @pids: of the others; 0 is none. All zero if the kernel does not tell. */
struct load load_now(const pid_t *pids, unsigned int n);

/* Which part of all was busy for others, from 0 to 1; 0 if unknown. */
double load_by_others(const struct load *before, const struct load *after);

#endif
