/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_GUARD_WORDS_H
#define ST_GUARD_WORDS_H

#include <stdatomic.h>
#include <stdint.h>

struct st_states {
	_Atomic uint32_t refs;
	uint32_t n;
	_Atomic uint64_t *words;
};

int st_states_map(int fd, uint32_t n, struct st_states **states);
void st_states_put(struct st_states *states);

#endif
