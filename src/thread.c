/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "pin.h"
#include "sys.h"
#include "thread.h"

/* Address space; little of it is touched. */
#define STACK_SIZE (256 * 1024)

static __thread bool ours;

#define LONG_TURN 20000000ULL /* ns; the kernel's own is 1 to 3 ms */

int st_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	sigset_t all, mine;
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	st_pin();
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/*
	 * libc leaves out its own two signals, which change ids in all threads
	 */
	sigfillset(&all);
	ret = pthread_sigmask(SIG_SETMASK, &all, &mine);
	if (ret == 0) {
		ret = pthread_create(thread, &attr, fn, arg);
		pthread_sigmask(SIG_SETMASK, &mine, NULL);
	}
	pthread_attr_destroy(&attr);
	return -ret;
}

/* Chooses SCHED_BATCH, unless the host has chosen a policy of its own. */
bool st_thread_begin(const char *name)
{
	const int priority = 0;

	ours = true;
	prctl(PR_SET_NAME, name);
	/* raw calls: musl's wrappers fail, as POSIX has these per process */
	return sys_call1(__NR_sched_getscheduler, 0) == SCHED_OTHER &&
	       sys_call3(__NR_sched_setscheduler, 0, SCHED_BATCH, &priority) ==
		       0;
}

bool st_thread_is_ours(void)
{
	return ours;
}

void st_thread_take_long_turns(void)
{
	const struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {
		.size = sizeof(attr),
		.policy = SCHED_BATCH,
		.nice = 20 - sys_call2(__NR_getpriority, PRIO_PROCESS, 0),
		.runtime = LONG_TURN,
	};

	/* an older kernel ignores it; where a sandbox denies it, all turns are alike */
	sys_call3(__NR_sched_setattr, 0, &attr, 0);
}
