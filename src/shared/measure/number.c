/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads numbers on the command lines of the benchmark and the demo. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/measure/number.h"

int number_parse(const char *who, const char *text, unsigned int most,
		 unsigned int *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !value || value > most) {
		fprintf(stderr, "%s: not a number from 1 to %u: %s\n", who,
			most, text);
		return -EINVAL;
	}
	*ret = (unsigned int)value;
	return 0;
}
