/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_CLOCK_H
#define ST_CLOCK_H

#include <stdint.h>
#include <time.h>

#define ST_MS 1000000LL		/* in ns */
#define ST_NEVER INT64_MAX

static inline int64_t st_clock(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Returns CLOCK_MONOTONIC in ns. */
static inline int64_t st_now(void)
{
	return st_clock(CLOCK_MONOTONIC);
}

/* Returns ns since boot; time that the machine was suspended counts. */
static inline int64_t st_since_boot(void)
{
	return st_clock(CLOCK_BOOTTIME);
}

/* Returns from + ns, or ST_NEVER: a caller's ns may be beyond all time. */
static inline int64_t st_after(int64_t from, uint64_t ns)
{
	return ns >= (uint64_t)(ST_NEVER - from) ? ST_NEVER
						 : from + (int64_t)ns;
}

#endif
