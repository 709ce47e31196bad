/* SPDX-License-Identifier: BSD-2-Clause */
/* How results are written: as JSON, and in tables of Markdown. */
#ifndef MEASURE_VALUES_H
#define MEASURE_VALUES_H

#include <jansson.h>
#include <stdio.h>

#include "shared/measure/stats.h"

/* A number, or null where there is none: JSON has no NaN. */
json_t *value_json(double value);

json_t *ratio_json(struct ratio r);

/* Consumes it. Return: 0; -ENOMEM if it is NULL; -EIO. */
int value_write(json_t *value, FILE *out);

/* The rest of a table's cell, with so many digits; "-" where there is none. */
void ratio_cell(struct ratio r, int digits, FILE *out);

#endif
