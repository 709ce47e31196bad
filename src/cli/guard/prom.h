/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GUARD_PROM_H
#define GUARD_PROM_H

#include "cli/guard/guard.h"

/* Print OpenMetrics text. Return: 0 */
int print_prom(FILE *file, const struct st_msg_status *status,
	       const struct guard_total *totals, size_t n);

#endif
