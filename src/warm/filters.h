/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether two threads have the same seccomp filters. */
#ifndef ST_WARM_FILTERS_H
#define ST_WARM_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

bool st_filters_known(uint64_t count);

#endif
