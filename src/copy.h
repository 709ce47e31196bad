/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_COPY_H
#define ST_COPY_H

#include <spawn_template.h>

int st_copy_args(struct spawn_template_spawn_args *args, uint64_t *input,
		 uint64_t input_len, size_t guess, void **copy);

#endif
