/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The children are known by number and start time, and not by pidfd: a program that
 * leaves many behind must not use up the caller's descriptors. The time tells a
 * child that the caller has reaped itself from another that has its number now.
 *
 * There is no lock, which a fork might find taken. In a forked child waiting answers
 * ECHILD, which empties the slots.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>

#include "run/leftover.h"
#include "shared/process/process.h"
#include "sys.h"

#define MOST 256
#define BUSY (-1)

static struct leftover {
	_Atomic pid_t pid;	/* 0: none; BUSY: a thread has the slot */
	uint64_t start;
} slots[MOST];
static _Atomic int n_kept;

/* Return: 0 if it cannot be read. */
static uint64_t start_of(pid_t pid)
{
	struct st_process p;

	return st_process_read(pid, &p) == 0 ? p.start : 0;
}

/**
 * st_leftover_keep - remember a child that was not reaped
 * @pid: the child
 *
 * When all slots are taken, or the start time cannot be read, it is forgotten.
 */
void st_leftover_keep(pid_t pid)
{
	uint64_t start = start_of(pid);

	for (int i = 0; start && i < MOST; i++) {
		pid_t none = 0;

		if (!atomic_compare_exchange_strong(&slots[i].pid, &none, BUSY))
			continue;
		slots[i].start = start;
		atomic_store(&slots[i].pid, pid);
		atomic_fetch_add(&n_kept, 1);
		return;
	}
}

/* Return: whether there is nothing more to do for the child. */
static bool try_to_reap(pid_t pid, uint64_t start)
{
	siginfo_t info = { .si_pid = 0 };
	int ret = sys_call5(__NR_waitid, P_PID, pid, &info,
			    WEXITED | WNOHANG | WNOWAIT | __WALL, 0);

	if (ret < 0)
		return ret == -ECHILD;
	if (!info.si_pid)
		return false;
	if (start_of(pid) == start)
		sys_call5(__NR_waitid, P_PID, pid, &info,
			  WEXITED | WNOHANG | __WALL, 0);
	return true;
}

/* Reaps children that were kept and have ended. It waits for none. */
void st_leftover_reap(void)
{
	if (!atomic_load_explicit(&n_kept, memory_order_relaxed))
		return;
	for (int i = 0; i < MOST; i++) {
		pid_t pid = atomic_load(&slots[i].pid);

		if (pid <= 0 ||
		    !atomic_compare_exchange_strong(&slots[i].pid, &pid, BUSY))
			continue;
		if (try_to_reap(pid, slots[i].start)) {
			atomic_fetch_sub(&n_kept, 1);
			pid = 0;
		}
		atomic_store(&slots[i].pid, pid);
	}
}
