/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that clients sent, and connections that may hold some. A close
 * may block for as long as the sender likes: on a socket that lingers, or on a
 * file whose file system does not answer a flush. Closing an O_PATH descriptor
 * never blocks. The main thread closes no descriptor that may block.
 */
#ifndef ST_DAEMON_CLOSE_H
#define ST_DAEMON_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

/* The most descriptors that a message can carry: SCM_MAX_FD of Linux. */
#define FOREIGN_FDS 253

/*
 * Takes all low descriptors. Call it first, when few are open. Without it,
 * foreign_drop() uses a thread.
 */
void foreign_begin(void);

bool foreign_is_path(int fd);

/* Closes received descriptors without waiting. uid: the sender's. */
void foreign_close(const int *fds, unsigned int n, uint32_t uid);

/*
 * Closes a connection with unread messages, and the descriptors in them,
 * without waiting. uid: the client's.
 */
void foreign_drop(int fd, uint32_t uid);

/* Returns how many of a user's descriptors are still being closed. */
unsigned int foreign_pending(uint32_t uid);

/*
 * At this number of pending closes, the daemon reads nothing more from a user.
 */
#define FOREIGN_MOST 8

#endif
