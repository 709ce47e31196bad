/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits on a cgroup: the controllers that they need, and the figures of the kernel.
 */
#ifndef ST_LIMITS_H
#define ST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct spawn_template_failure;

struct st_limits {
	bool wanted;		/* also if all of them are 0: tells the usage */
	uint64_t memory_max;	/* 0, here and below: no limit */
	uint64_t memory_swap_max; /* 0: none, if memory_max is set */
	uint64_t cpu_max_us;	/* per 100 ms */
	uint32_t pids_max, cpu_weight, io_weight;
};

/* The usage of a tree; 0: not known. */
struct st_usage {
	uint64_t memory_peak, cpu_us;
	bool oom;		/* the kernel ended a process for lack of memory */
};

/* Controllers, as bits. */
#define ST_MEMORY (1U << 0)
#define ST_PIDS (1U << 1)
#define ST_CPU (1U << 2)
#define ST_IO (1U << 3)

unsigned int st_limits_controllers(const struct st_limits *limits);
int st_limits_enable(int dir, unsigned int controllers,
		     struct spawn_template_failure *failure);
int st_limits_refuse(unsigned int controllers, int ret,
		     struct spawn_template_failure *failure);
int st_limits_write(int dir, const struct st_limits *limits,
		    struct spawn_template_failure *failure);
void st_limits_read(int dir, struct st_usage *usage);

#endif
