/* SPDX-License-Identifier: BSD-2-Clause */
/* Compares the seccomp filters of two threads. */
#ifndef ST_WARM_FILTERS_H
#define ST_WARM_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

bool st_filters_known(uint64_t count);

#endif
