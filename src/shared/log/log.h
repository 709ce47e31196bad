/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's messages, on standard error. */
#ifndef ST_LOG_H
#define ST_LOG_H

#include <stdbool.h>

extern bool log_is_verbose;

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints with --verbose only. */
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
