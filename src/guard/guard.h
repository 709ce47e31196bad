/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard for the rest of the library: it registers templates with the
 * daemon. A word in memory that the kernel programs write tells whether a
 * template's file is unchanged.
 */
#ifndef ST_GUARD_H
#define ST_GUARD_H

#include <stdint.h>

#include "guard/words.h"

int st_guard_register(int fd, uint64_t flags, const uint8_t *header,
		      struct st_guarded *guarded);
void st_guard_unregister(uint64_t id);
uint32_t st_guard_why(struct st_guarded *guarded);

#endif
