/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for metrics collectors, which OpenMetrics parsers take and those of the
 * older Prometheus text format, too: only types that both know. To the latter a
 * counter, whose samples end in _total, is one without a type.
 *
 * What the daemon's file and 'spawn-template stats --prom' both have is here, so
 * that it has the same names. Names are given without the prefix.
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

/* A family of one number. The samples of a counter are called NAME_total. */
void metrics_gauge(FILE *f, const char *name, const char *help, uint64_t value);
void metrics_counter(FILE *f, const char *name, const char *help,
		     uint64_t value);

/* A label's value, which must be UTF-8, without the quotes. */
void metrics_value(FILE *f, const char *text);

/* The guard and its totals. */
void metrics_status(FILE *f, const struct st_msg_status *s);

#endif
