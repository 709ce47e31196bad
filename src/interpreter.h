/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_INTERPRETER_H
#define ST_INTERPRETER_H

#include <stdbool.h>
#include <stdint.h>

bool st_interpreter_may_run(const char *path, uint32_t format);

#endif
