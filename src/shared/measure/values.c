/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes results: see values.h. */
#include <errno.h>
#include <math.h>

#include "shared/measure/values.h"

json_t *value_json(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

json_t *ratio_json(struct ratio r)
{
	return json_pack("{s:o, s:o, s:o}", "ratio", value_json(r.value), "low",
			 value_json(r.low), "high", value_json(r.high));
}

int value_write(json_t *value, FILE *out)
{
	int err;

	if (!value)
		return -ENOMEM;
	err = json_dumpf(value, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	fputc('\n', out);
	json_decref(value);
	return err ? -EIO : 0;
}

void ratio_cell(struct ratio r, int digits, FILE *out)
{
	if (isnan(r.value))
		fprintf(out, " - |");
	else
		fprintf(out, " %.*f [%.*f, %.*f] |", digits, r.value, digits,
			r.low, digits, r.high);
}
