/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats that binfmt_misc runs: see binfmt_misc in the kernel's documentation. */
#ifndef ST_BINFMT_H
#define ST_BINFMT_H

#include <stdbool.h>

#include "elf.h"

bool st_binfmt_may_run(const char *path, const struct st_elf *elf);

#endif
