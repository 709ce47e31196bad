/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that clients sent, and connections that may hold some. Closing one
 * may block for as long as its sender likes: a socket that lingers, a file whose
 * file system does not answer a flush. Only those of O_PATH never do. The main
 * thread closes none that may.
 */
#ifndef ST_DAEMON_CLOSE_H
#define ST_DAEMON_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

/* As many as a message may carry: SCM_MAX_FD of Linux. */
#define FOREIGN_FDS 253

/* To be called first of all, when hardly a descriptor is open: it takes all low
 * ones. Without it foreign_drop() takes a thread. */
void foreign_begin(void);

bool foreign_is_path(int fd);

/* Closes what was received, without waiting. uid: who sent it. */
void foreign_close(const int *fds, unsigned int n, uint32_t uid);

/*
 * Closes a connection with messages that were not received, and whatever these
 * hold, without waiting. uid: of its other end.
 */
void foreign_drop(int fd, uint32_t uid);

/* How many of a user's are still being closed. */
unsigned int foreign_pending(uint32_t uid);

/* Of a user with so many, nothing more is received. */
#define FOREIGN_MOST 8

#endif
