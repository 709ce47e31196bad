/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a failure into words, for the person who started the daemon. */
#include <stdarg.h>
#include <stdio.h>

#include "loader/error.h"

int loader_fail(struct loader_error *e, int error, const char *remedy,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	snprintf(e->remedy, sizeof(e->remedy), "%s", remedy);
	return -error;
}
