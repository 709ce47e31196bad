/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_CLONE_H
#define ST_CLONE_H

#include <sys/types.h>

#include "launch.h"

pid_t st_clone_launch(struct st_launch *launch);
int st_clone_exec_check(int fd);

#endif
