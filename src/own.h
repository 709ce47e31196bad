/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that the library keeps while the host's code runs. The host may close
 * any number, as daemons and sandboxes do, and open another file there: so before
 * such a number is used, and before it is closed, it must still be the same file.
 *
 * Some hosts close 0, 1 or 2 for a moment and open them again. The library keeps none
 * of these numbers, see st_own_raise(): a thread of its own would close the host's file.
 *
 * Eventfds, timers and epoll sets share one inode, which tells them from other files
 * but not from each other: see poller.h. For pidfds see st_pidfd_is().
 */
#ifndef ST_OWN_H
#define ST_OWN_H

#include <stdbool.h>
#include <stdint.h>

/* A file: major and minor number of its device, and its inode; 0: none. */
struct st_own {
	uint32_t major, minor;
	uint64_t ino;
};

void st_own_take(struct st_own *own, int fd);
bool st_own_is(const struct st_own *own, int fd);
void st_own_close(const struct st_own *own, int *fd);
int st_own_raise(int fd);
int st_own_keep(struct st_own *own, int *to, int fd);

#endif
