/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Talks to the service manager: sd_notify(3), sd_listen_fds(3),
 * sd_watchdog_enabled(3), without the library.
 */
#ifndef ST_SERVICE_H
#define ST_SERVICE_H

#include <stdint.h>

/* Tells the manager, if any. state: lines such as "READY=1". */
void service_notify(const char *state);

/*
 * Takes the listening descriptor that this process was started with, and
 * removes it from the environment.
 * Return: the descriptor, close-on-exec, owned by the caller; -ENOENT: none;
 * -EINVAL: more than one.
 */
int service_listen_fd(void);

/* Returns the interval for WATCHDOG=1, in ns; 0: never. */
uint64_t service_watchdog_ns(void);

#endif
