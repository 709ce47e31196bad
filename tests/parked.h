/* SPDX-License-Identifier: BSD-2-Clause */
/* Parked processes and other children, for tests of hosts. */
#ifndef TESTS_PARKED_H
#define TESTS_PARKED_H

#include "warming.h"

#include <dirent.h>

/* Lists the children of this process, also those without an exit signal. */
static inline int children(pid_t *pids, int most)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		FILE *f = fopen(
			test_fmt("/proc/self/task/%s/children", d->d_name),
			"re");

		while (f && n < most && fscanf(f, "%d", &pids[n]) == 1)
			n++;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

static inline void await_no_children(void)
{
	pid_t pids[16];

	for (int i = 0; i < 500 && children(pids, 16); i++)
		nap();
	CHECK_EQ(children(pids, 16), 0);
	CHECK(test_no_children());
}

#endif
