/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds out which machine a benchmark runs on: see machine.h. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "machine.h"

static void describe_processor(char *name, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *value;

	snprintf(name, size, "unknown processor");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10))
			continue;
		value = strchr(line, ':');
		if (!value)
			continue;
		value[strcspn(value, "\n")] = 0;
		snprintf(name, size, "%s", value + 2);
		break;
	}
	fclose(f);
}

void machine_describe(struct machine *m)
{
	struct utsname u;

	uname(&u);
	snprintf(m->kernel, sizeof(m->kernel), "%.60s %.60s", u.sysname,
		 u.release);
	if (!confstr(_CS_GNU_LIBC_VERSION, m->libc, sizeof(m->libc)))
		snprintf(m->libc, sizeof(m->libc), "unknown libc");
	describe_processor(m->processor, sizeof(m->processor));
	m->processors = sysconf(_SC_NPROCESSORS_ONLN);
}
