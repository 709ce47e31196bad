/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines on standard error. Each line is one write. Bytes that do not go out at
 * once are dropped, which happens if the owner of a terminal or pipe has made
 * it non-blocking; a journal takes all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/log/log.h"

bool log_is_verbose;

static void write_line(const char *fmt, va_list ap)
{
	static const char name[] = "spawn-templated: ";
	char line[1024];
	size_t size = sizeof(line) - 1; /* room for the newline */
	size_t n = sizeof(name) - 1;
	int len;

	snprintf(line, sizeof(line), "%s", name);
	len = vsnprintf(line + n, size - n, fmt, ap);
	if (len < 0)
		return;
	n = (size_t)len < size - n ? n + (size_t)len : size - 1;
	/* clients choose their names */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}

void log_verbose(const char *fmt, ...)
{
	va_list ap;

	if (!log_is_verbose)
		return;
	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}
