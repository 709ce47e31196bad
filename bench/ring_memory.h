/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures how much of its process's memory a ring takes: private pages that
 * were written, as /proc/self/smaps_rollup counts them. The kernel's memory,
 * for pipes and processes, does not count.
 */
#ifndef BENCH_RING_MEMORY_H
#define BENCH_RING_MEMORY_H

struct ring_memory {
	unsigned int runs; /* in flight while measuring; 0: not measured */
	unsigned int threads; /* started with the ring */
	double ring_kib; /* the ring without runs, its stacks included */
	double stacks_kib; /* the stacks of its threads */
	double run_kib; /* added by each run in flight; nothing captured */
	double run_fds;
};

/* @self: this program, which is started anew. 0, or -errno after a message. */
int memory_measure(const char *self, unsigned int threads,
		   struct ring_memory *ret);

/* The life of the started process; returns its exit status. */
int memory_serve(unsigned int threads);

#endif
