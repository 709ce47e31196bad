/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures that grow: an argument of any accepted size becomes one of the
 * size that this library knows.
 */
#ifndef ST_ARGS_H
#define ST_ARGS_H

#include <stddef.h>

int st_args_copy(void *to, const void *from, size_t size,
		 const size_t *versions, int n);

#endif
