/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a benchmark writes: NAME.json, NAME.md and NAME.dat. */
#ifndef BENCH_OUTPUTS_H
#define BENCH_OUTPUTS_H

#include <stdio.h>

struct outputs {
	FILE *json, *markdown, *columns;
};

/* Return: 0, or -EIO after a message. Call outputs_close() in either case. */
int outputs_open(struct outputs *o, const char *dir, const char *name);

/* Return: 0, or -EIO if something could not be written. */
int outputs_close(struct outputs *o);

#endif
