/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes results as JSON, and in tables of Markdown. */
#ifndef MEASURE_VALUES_H
#define MEASURE_VALUES_H

#include <jansson.h>
#include <stdio.h>

#include "shared/measure/stats.h"

/* Returns a number, or null for NaN, which JSON lacks. */
json_t *value_json(double value);

json_t *ratio_json(struct ratio r);

/* Writes the value and consumes it. Return: 0; -ENOMEM if it is NULL; -EIO. */
int value_write(json_t *value, FILE *out);

/* Writes the rest of a table's cell, with so many digits; "-" for no value. */
void ratio_cell(struct ratio r, int digits, FILE *out);

#endif
