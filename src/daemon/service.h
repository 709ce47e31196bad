/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service manager and its service say to each other: sd_notify(3),
 * sd_listen_fds(3), sd_watchdog_enabled(3), without the library.
 */
#ifndef ST_SERVICE_H
#define ST_SERVICE_H

#include <stdint.h>

/* Tells the manager, if there is one. state: lines such as "READY=1". */
void service_notify(const char *state);

/*
 * The descriptor to listen at that this process was started with. The
 * environment is cleared of it. Return: the descriptor, close-on-exec, which is
 * the caller's; -ENOENT: none; -EINVAL: more than one.
 */
int service_listen_fd(void);

/* How often WATCHDOG=1 must be told, in ns; 0: never. */
uint64_t service_watchdog_ns(void);

#endif
