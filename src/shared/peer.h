/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides which process may be the guard's daemon. */
#ifndef ST_PEER_H
#define ST_PEER_H

#include <stdbool.h>

int st_guard_check_peer(int fd, const char *path, bool is_named);

#endif
