/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry's figures as OpenMetrics text. */
#ifndef ST_METRICS_H
#define ST_METRICS_H

#include "daemon/registry.h"

/* Return: the text, which the caller frees; NULL: no memory. */
char *metrics_text(struct registry *registry);

/*
 * Writes them in the place of the file, in a thread, as a disk may be slow.
 * Nothing is done as long as the last one is not finished.
 */
void metrics_write(struct registry *registry, const char *file);

/* Waits for what metrics_write() began. */
void metrics_finish(void);

/* Return: 0 or -errno; the file is then as it was. */
int metrics_replace(const char *file, const char *text);

#endif
