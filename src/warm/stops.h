/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A traced program that runs on from ld.so as after a cold exec, until it comes
 * to one of some places in its code, or to a system call.
 */
#ifndef ST_WARM_STOPS_H
#define ST_WARM_STOPS_H

#include "warm/tracer.h"

#if WARM_ARCH

#define WARM_STOPS_MOST 4

struct st_stops {
	struct tracer *t;
	int n;
	uint64_t at[WARM_STOPS_MOST]; /* addresses of breakpoints */
	uint64_t code[WARM_STOPS_MOST]; /* the code that they replace */
	int64_t deadline; /* seconds */
	/*
	 * Is called at a breakpoint, and with which == n at any other trap.
	 * Return: 1: the program stays there; 0: it goes on; -errno.
	 */
	int (*take)(struct st_stops *s, int which,
		    const struct user_regs_struct *regs);
	/* The same, at each start and each end of a system call; NULL: at none. */
	int (*call)(struct st_stops *s, const struct user_regs_struct *regs);
};

/* Has the program run, for so many seconds; n, at and take are set. */
int st_stops_begin(struct st_stops *s, int seconds);
/* Return: 0, with the registers in t->regs, once take or call has returned 1; -errno. */
int st_stops_run(struct st_stops *s);
/* Allows so many seconds from now on. */
void st_stops_allow(struct st_stops *s, int seconds);
/* Makes remote calls possible again, and blocks all signals. */
int st_stops_hold(struct st_stops *s);

/* Notes the registers, with which forks go on. */
void st_stops_note(struct tracer *t);

/* Puts the breakpoints in, or takes them out. */
int st_stops_set(const struct st_stops *s, pid_t pid, bool on);

/* ---- the state that is left behind */

bool st_stops_has_children(struct tracer *t);
/* Return: the number of entries of such a directory of /proc/PID; -errno. */
int st_stops_count(struct tracer *t, const char *directory);

#endif

#endif
