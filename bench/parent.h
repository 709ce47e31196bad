/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the calling process the parent that a cell asks for. */
#ifndef BENCH_PARENT_H
#define BENCH_PARENT_H

#include "cells.h"

/* What every launch of a cell uses; freed by the end of the process. */
struct parent {
	int null_fd; /* standard input and output of what is launched */
	int report[2]; /* pipe: standard output of the first program */
	char **envp;
};

/*
 * 0; or -errno with the reason in @why if this machine has not the memory or
 * the threads that @cell asks for.
 */
int parent_become(const struct cell *cell, struct parent *parent, char *why,
		  size_t why_size);

/*
 * The fds, as the last step, so that those in use are low; else as above. Opens
 * until the highest is cell->fds - 1.
 */
int parent_open_fds(const struct cell *cell, char *why, size_t why_size);

/* "VARIABLE_0000=the value of it" and so on; NULL if there is no memory. */
char **parent_environment(unsigned int variables);

/* Touches so much memory, in small pages; else as parent_become(). */
int parent_touch_memory(unsigned int gib, char *why, size_t why_size);

#endif
