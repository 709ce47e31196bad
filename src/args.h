/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments as structures have them: sizes that grow, and pointers in 64 bits.
 */
#ifndef ST_ARGS_H
#define ST_ARGS_H

#include <stddef.h>
#include <stdint.h>

/* Inlined, as code between clone and exec needs it. */
static inline __attribute__((always_inline)) const void *
st_pointer(uint64_t value)
{
	return (const void *)(uintptr_t)value;
}

/* An argument of any accepted size becomes one of the size that we know. */
int st_args_copy(void *to, const void *from, size_t size,
		 const size_t *versions, int n);

#endif
