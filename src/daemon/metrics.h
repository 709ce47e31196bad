/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the registry's figures as OpenMetrics text. */
#ifndef ST_METRICS_H
#define ST_METRICS_H

#include "daemon/registry/registry.h"

/* Return: the text, which the caller frees; NULL: no memory. */
char *metrics_text(struct registry *registry);

/*
 * Replaces the file in a thread, as a disk may be slow. Does nothing while the
 * last thread still runs.
 */
void metrics_write(struct registry *registry, const char *file);

/* Waits for the thread of metrics_write(). */
void metrics_finish(void);

/* Replaces the file. Return: 0 or -errno; then the file is as it was. */
int metrics_replace(const char *file, const char *text);

#endif
