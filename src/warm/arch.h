/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine code of prepared launches: how ld.so's start is recognised, how a stopped
 * process is made to make a system call, and how the stub leaves for the program.
 */
#ifndef ST_WARM_ARCH_H
#define ST_WARM_ARCH_H

#if defined(__x86_64__) && defined(__LP64__)
#include "warm/arch_x86_64.h"
#else
#include "warm/arch_none.h"
#endif

#endif
