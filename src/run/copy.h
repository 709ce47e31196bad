/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_COPY_H
#define ST_COPY_H

#include <spawn_template.h>

int st_copy_args(struct spawn_template_run_args *args, void **copy);

#endif
