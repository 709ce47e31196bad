/* SPDX-License-Identifier: BSD-2-Clause */
/* Prepares no launch on this machine: every launch is cold. */
#ifndef ST_WARM_ARCH_NONE_H
#define ST_WARM_ARCH_NONE_H

#define WARM_ARCH 0

static inline void warm_relax(void)
{
}

#endif
