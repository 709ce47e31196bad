/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for metrics collectors that parsers of OpenMetrics accept, and those of
 * the older Prometheus text format, too: it uses only types that both know. The
 * older parsers see a counter, whose samples end in _total, as one without a
 * type.
 *
 * The daemon's file and 'spawn-template stats --prom' share this code for the
 * metrics that both have, so that the names agree. Callers give names without
 * the prefix.
 */
#ifndef ST_METRICS_FORMAT_H
#define ST_METRICS_FORMAT_H

#include <stdint.h>
#include <stdio.h>

#include "shared/proto.h"

#define METRICS_PREFIX "spawn_template_"

/* type: gauge, counter or histogram; unit: "" for none. */
void metrics_family(FILE *f, const char *name, const char *type,
		    const char *unit, const char *help);

/* Prints a family of one number. A counter's sample is called NAME_total. */
void metrics_gauge(FILE *f, const char *name, const char *help, uint64_t value);
void metrics_counter(FILE *f, const char *name, const char *help,
		     uint64_t value);

/* Prints a label's value, which must be UTF-8, without the quotes. */
void metrics_value(FILE *f, const char *text);

/* Prints the state of the guard and its totals. */
void metrics_status(FILE *f, const struct st_msg_status *s);

#endif
