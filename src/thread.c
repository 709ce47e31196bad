/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "sys.h"
#include "thread.h"

/* Address space, of which little is touched. */
#define STACK_SIZE (256 * 1024)

int st_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	sigset_t all, mine;
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* libc keeps its own two signals, by which it changes ids everywhere */
	sigfillset(&all);
	ret = pthread_sigmask(SIG_SETMASK, &all, &mine);
	if (ret == 0) {
		ret = pthread_create(thread, &attr, fn, arg);
		pthread_sigmask(SIG_SETMASK, &mine, NULL);
	}
	pthread_attr_destroy(&attr);
	return -ret;
}

/* A host that has chosen another policy than the usual one keeps it. */
bool st_thread_begin(const char *name)
{
	const int priority = 0;

	prctl(PR_SET_NAME, name);
	/* by hand: musl's wrappers refuse, as they are not by thread in POSIX */
	return sys_call1(__NR_sched_getscheduler, 0) == SCHED_OTHER &&
	       sys_call3(__NR_sched_setscheduler, 0, SCHED_BATCH, &priority) ==
		       0;
}
