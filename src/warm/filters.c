/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells whether two threads of this process have the same seccomp filters.
 *
 * Nobody can read a thread's filters, only their number, and two threads may
 * each have installed one of their own. But a thread never loses a filter, and
 * starts with those of its creator. So a thread that has as many as the process
 * had while it was one thread has exactly these.
 */
#include <stdbool.h>
#include <string.h>
#include <linux/prctl.h>

#include "sys.h"
#include "warm/filters.h"

#define TEXT_SIZE 8192

/* The number when the library was loaded; -1: not known. */
static int64_t first;

static int64_t value_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	int64_t n = 0;

	if (!at)
		return -1;
	for (at += strlen(name); *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (*at - '0');
	return n;
}

/* Returns the number of filters if this process is one thread; else -1. */
static int64_t count_alone(void)
{
	char text[TEXT_SIZE];
	int fd = sys_openat(AT_FDCWD, "/proc/thread-self/status",
			    O_RDONLY | O_CLOEXEC, 0);
	long len;

	if (fd < 0)
		return -1;
	len = sys_call3(__NR_read, fd, text, sizeof(text) - 1);
	sys_close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (value_of(text, "\nThreads:\t") != 1)
		return -1;
	return value_of(text, "\nSeccomp_filters:\t");
}

/* Runs before main, when most programs have one thread. */
static __attribute__((constructor)) void note_first(void)
{
	if (sys_call5(__NR_prctl, PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
		first = count_alone();
}

/* Tells whether all threads with so many filters have the same ones. */
bool st_filters_known(uint64_t count)
{
	return count == 0 || (int64_t)count == first;
}
