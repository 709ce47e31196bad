/* SPDX-License-Identifier: BSD-2-Clause */
/* Describes the machine that a benchmark ran on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

struct machine {
	char processor[128], kernel[128], libc[32];
	long processors;
};

void machine_describe(struct machine *m);

#endif
