/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree in flight, as a ring and its sentinel share it. */
#ifndef ST_WARD_H
#define ST_WARD_H

#include <stdint.h>
#include <sys/types.h>

struct st_ward {
	volatile pid_t pid;	/* of the program; 0: there is none */
	/*
	 * Clock ticks since boot when the program ran already: a process that started
	 * later has its number from another. 0: not known yet.
	 */
	volatile uint64_t since;
};

#endif
