/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_CLOCK_H
#define ST_CLOCK_H

#include <stdint.h>
#include <time.h>

#define ST_MS 1000000LL		/* in ns */
#define ST_NEVER INT64_MAX

/* Returns CLOCK_MONOTONIC in ns. */
static inline int64_t st_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Returns from + ns, or ST_NEVER: a caller's ns may be beyond all time. */
static inline int64_t st_after(int64_t from, uint64_t ns)
{
	return ns >= (uint64_t)(ST_NEVER - from) ? ST_NEVER
						 : from + (int64_t)ns;
}

#endif
