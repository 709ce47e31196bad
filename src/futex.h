/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_FUTEX_H
#define ST_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>

#include "sys.h"

/* Sleeps while *word is value; ns < 0: until woken. It may return early. */
static inline void st_futex_wait(_Atomic uint32_t *word, uint32_t value,
				 int64_t ns)
{
	struct sys_timespec ts = { ns / 1000000000LL, ns % 1000000000LL };

	sys_call4(__NR_futex, word, FUTEX_WAIT_PRIVATE, value,
		  ns < 0 ? NULL : &ts);
}

static inline void st_futex_wake(_Atomic uint32_t *word, int n)
{
	sys_call3(__NR_futex, word, FUTEX_WAKE_PRIVATE, n);
}

#endif
