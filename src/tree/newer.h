/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes that have come since a moment: see newer.c. */
#ifndef ST_TREE_NEWER_H
#define ST_TREE_NEWER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct st_processes;

/* The kernel gives out numbers in turn. This is the last one of a moment. */
struct st_moment {
	pid_t last;		/* 0: not known */
	int64_t at;
};

struct st_moment st_moment_now(void);
bool st_newer_look(const struct st_moment *since, pid_t leader,
		   struct st_processes *newer);

#endif
