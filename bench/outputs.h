/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a benchmark writes: NAME.json, NAME.md and NAME.dat. */
#ifndef BENCH_OUTPUTS_H
#define BENCH_OUTPUTS_H

#include <stdio.h>

struct outputs {
	FILE *json, *markdown, *columns;
};

/* Return: 0, or -EIO with what fails told; outputs_close() is due in any case. */
int outputs_open(struct outputs *o, const char *dir, const char *name);

/* Return: 0, or -EIO if something was not written. */
int outputs_close(struct outputs *o);

#endif
