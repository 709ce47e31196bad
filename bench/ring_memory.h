/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ring takes of its process's memory, by /proc/self/smaps_rollup: private
 * pages that were written. The kernel's part, as pipes and processes, is not in.
 */
#ifndef BENCH_RING_MEMORY_H
#define BENCH_RING_MEMORY_H

struct ring_memory {
	unsigned int runs; /* so many were in flight; 0: not measured */
	unsigned int threads; /* started with the ring */
	double ring_kib; /* the ring, with no run in it; its stacks included */
	double stacks_kib; /* the stacks of its threads */
	double run_kib; /* more, for each run in flight; nothing captured */
	double run_fds;
};

/* @self: this program, which is run for it. 0 or -errno, told. */
int memory_measure(const char *self, unsigned int threads,
		   struct ring_memory *ret);

/* The life of that process; returns its exit status. */
int memory_serve(unsigned int threads);

#endif
