/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells how busy others kept the machine during a benchmark. A busy machine
 * does not only add noise: it favours the way with more threads, which gets
 * more of it.
 */
#ifndef BENCH_RING_LOAD_H
#define BENCH_RING_LOAD_H

#include <sys/types.h>

/* Processor time since a fixed moment in the past, in clock ticks. */
struct load {
	unsigned long long all; /* all processors' time, idle or not */
	unsigned long long busy;
	unsigned long long ours; /* this process, given ones, their children */
};

/*
 * @pids: the processes that count as ours besides this one; 0 is skipped. All
 *        zero if the kernel does not tell.
 */
struct load load_now(const pid_t *pids, unsigned int n);

/* Returns the share of all time that others used, from 0 to 1; 0 if unknown. */
double load_by_others(const struct load *before, const struct load *after);

#endif
