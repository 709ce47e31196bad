/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures that grow: an argument of any accepted size becomes one of the
 * size that this library knows.
 */
#ifndef ST_ARGS_H
#define ST_ARGS_H

#include <stddef.h>

int st_args_copy(void *to, size_t known, const void *from, size_t size,
		 size_t oldest);

#endif
