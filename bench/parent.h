/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the calling process the parent that a cell asks for. */
#ifndef BENCH_PARENT_H
#define BENCH_PARENT_H

#include "cells.h"

/*
 * Things that every launch of a cell uses; the end of the process frees them.
 */
struct parent {
	int null_fd; /* stdin and stdout of the launched programs */
	int report[2]; /* pipe: stdout of the first program */
	char **envp;
};

/*
 * Return: 0; or -errno with the reason in @why if this machine lacks the memory
 * or the threads that @cell asks for.
 */
int parent_become(const struct cell *cell, struct parent *parent, char *why,
		  size_t why_size);

/*
 * Opens fds until the highest is cell->fds - 1: the last step, so that the fds
 * in use have low numbers. Return: as parent_become().
 */
int parent_open_fds(const struct cell *cell, char *why, size_t why_size);

/*
 * Returns "VARIABLE_0000=the value of it" and so on; NULL if memory is short.
 */
char **parent_environment(unsigned int variables);

/* Touches so much memory, in small pages. Return: as parent_become(). */
int parent_touch_memory(unsigned int gib, char *why, size_t why_size);

#endif
