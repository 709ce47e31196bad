/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon says, on standard error. */
#ifndef ST_LOG_H
#define ST_LOG_H

#include <stdbool.h>

extern bool log_is_verbose;

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Only with --verbose. */
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
