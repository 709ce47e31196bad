/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds out how busy others kept the machine: see ring_load.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ring_load.h"

/*
 * Adds up the time of the process and of the children that it has waited for.
 */
static unsigned long long ticks_of(pid_t pid)
{
	unsigned long long own[4] = { 0 };
	char path[64], line[1024] = "", *name_end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	name_end = strrchr(line, ')');
	if (!name_end || sscanf(name_end + 1,
				" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				"%llu %llu %llu %llu",
				&own[0], &own[1], &own[2], &own[3]) != 4)
		return 0;
	return own[0] + own[1] + own[2] + own[3];
}

struct load load_now(const pid_t *pids, unsigned int n)
{
	unsigned long long user, nice, system, idle, iowait, irq, soft;
	struct load load = { 0 };
	FILE *f = fopen("/proc/stat", "re");

	if (f && fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user,
			&nice, &system, &idle, &iowait, &irq, &soft) == 7) {
		load.busy = user + nice + system + irq + soft;
		load.all = load.busy + idle + iowait;
	}
	if (f)
		fclose(f);
	load.ours = ticks_of(getpid());
	for (unsigned int i = 0; i < n; i++)
		if (pids[i])
			load.ours += ticks_of(pids[i]);
	return load;
}

double load_by_others(const struct load *before, const struct load *after)
{
	double all = (double)(after->all - before->all);
	double busy = (double)(after->busy - before->busy);
	double ours = (double)(after->ours - before->ours);

	return all > 0 && busy > ours ? (busy - ours) / all : 0;
}
