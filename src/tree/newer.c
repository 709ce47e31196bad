/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the processes that have come since a moment, without a look at all of /proc,
 * which takes milliseconds where many processes live.
 *
 * The kernel gives out the numbers of a pid namespace in turn, so each process that has
 * come since has a number behind the last one of that moment, and each descendant has a
 * higher number than its parent. A process that has ended left its children behind it:
 * once no number behind the ones that were looked at is given out, none was missed.
 *
 * This holds until the numbers have gone round, and they go round in pid_max microseconds
 * at the soonest: no kernel makes a million processes in a second. A thread that looks
 * often sees whether they have. A privileged program can choose its number.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "shared/clock.h"
#include "shared/process/process.h"
#include "sys.h"
#include "tree/newer.h"

/* Looking at so many numbers costs as much as a look at /proc. */
#define MOST 1024

/* Times to go on behind what was looked at: other launches make numbers meanwhile. */
#define ROUNDS 64

/* Return: the number in a file of /proc/sys/kernel, or 0. */
static pid_t read_number(const char *path)
{
	char text[32];
	int got = sys_read_file(AT_FDCWD, path, text, sizeof(text));

	return got > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static pid_t last_number(void)
{
	return read_number("/proc/sys/kernel/ns_last_pid");
}

/* Returns the moment; its number is 0 if the kernel does not tell. */
struct st_moment st_moment_now(void)
{
	return (struct st_moment){ .last = last_number(), .at = st_now() };
}

/* The numbers that the thread has seen rise, with no gap in which they may go round. */
static __thread struct {
	int64_t since;
	struct st_moment latest;
} rise;

/* Tells whether the numbers may have gone round. */
static bool may_have_gone_round(const struct st_moment *since, pid_t last)
{
	int64_t round = read_number("/proc/sys/kernel/pid_max") * 1000LL;
	struct st_moment now = { .last = last, .at = st_now() };

	if (now.at - rise.latest.at >= round || last < rise.latest.last)
		rise.since = now.at;
	rise.latest = now;
	return since->at < rise.since && now.at - since->at >= round;
}

/* Tells whether a process is the caller's child, as other runs' programs are. */
static bool is_child(pid_t pid)
{
	siginfo_t info;

	return sys_call5(__NR_waitid, P_PID, pid, (long)&info,
			 WEXITED | WNOHANG | WNOWAIT | __WALL, 0) == 0;
}

/*
 * Adds a process that may be the leader's. Return: false if none with the number lives,
 * so that it may have left children.
 */
static bool look_at(pid_t pid, pid_t leader, struct st_processes *newer)
{
	long session = sys_call1(__NR_getsid, pid);

	if (session == -ESRCH)
		return false;
	if (pid == leader || (session != leader && is_child(pid)))
		return true;
	return st_processes_add(newer, pid) == 0 &&
	       !st_process_is_dead(&newer->list[newer->n - 1]);
}

/**
 * st_newer_look - read the processes that have come since a moment
 * @since: the moment
 * @leader: the caller's child, which has ended; its own children came since
 * @newer: filled in as by st_processes_look(), without the caller's other children
 *
 * Return: true; false if they cannot be told so, and all processes have to be read.
 */
bool st_newer_look(const struct st_moment *since, pid_t leader,
		   struct st_processes *newer)
{
	pid_t pid = since->last, last = pid ? last_number() : 0;
	bool gone = true;

	newer->n = 0;
	if (!pid || last < pid || leader > last)
		return false;
	for (int round = 0; gone && round < ROUNDS; round++) {
		if (last < pid || last - since->last > MOST)
			return false;
		gone = false;
		while (++pid <= last)
			gone |= !look_at(pid, leader, newer);
		pid = last;
		last = last_number();
		gone &= last != pid;
	}
	return !gone && !may_have_gone_round(since, last);
}
