/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine code of prepared launches: it recognises ld.so's start, has a stopped
 * process make a system call, and leaves the stub for the program.
 */
#ifndef ST_WARM_ARCH_H
#define ST_WARM_ARCH_H

#if defined(__x86_64__) && defined(__LP64__)
#include "warm/arch_x86_64.h"
#else
#include "warm/arch_none.h"
#endif

#endif
