/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program has left behind when it ended by itself, without a ring. This tool
 * adopts orphans (PR_SET_CHILD_SUBREAPER): whatever the program has started is below it,
 * also in a session of its own and after a double fork. If there is nothing, one system
 * call tells so.
 *
 * A filter at the end of a shell's line may outlive the shell for a moment, and have more
 * to write. So they all have a moment to end, which begins anew while one works or waits
 * for a processor, and then the grace period from TERM to KILL.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "shared/clock.h"

#define MOMENT (100 * ST_MS)
#define MOMENTS_MOST (1000 * ST_MS)
#define KILL_MOST (1000 * ST_MS) /* for one that waits for a device */
#define STEP_MOST_NS 20000000

/* Tell whether this tool has children. Those that have ended count, too. */
static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ==
	       0;
}

void left_adopt(struct run_tree *tree)
{
	/* a shell that has become this tool left it some: whose orphans would come? */
	if (has_children())
		return;
	tree->others = calloc(1, sizeof(*tree->others));
	if (tree->others)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Tell whether this tool was told to end. The program is gone, and gets no signal. */
static bool told_to_end(int signals)
{
	struct signalfd_siginfo info;
	bool told = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		told |= info.ssi_signo == SIGHUP || info.ssi_signo == SIGINT ||
			info.ssi_signo == SIGQUIT || info.ssi_signo == SIGTERM;
	return told;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * Look until none lives, until a time, or until this tool is told to end. While one is
 * busy the time moves on, up to another.
 * Return: how many live.
 */
static unsigned int wait_until(const struct run_tree *tree, int signals,
			       int64_t until, int64_t most, int kill_all)
{
	struct timespec step = { .tv_nsec = 1000000 };
	unsigned int n;
	bool busy;

	while ((n = tree_left(tree, kill_all, &busy)) && st_now() < most) {
		if (busy)
			until = later(until, st_after(st_now(), MOMENT));
		if (st_now() >= until || (told_to_end(signals) && !kill_all))
			break;
		nanosleep(&step, NULL);
		if (step.tv_nsec < STEP_MOST_NS)
			step.tv_nsec *= 2;
	}
	return n;
}

static unsigned int wait_for(const struct run_tree *tree, int signals,
			     uint64_t ns, int kill_all)
{
	int64_t until = st_after(st_now(), ns);

	return wait_until(tree, signals, until, until, kill_all);
}

unsigned int left_end(const struct run_tree *tree, int signals,
		      int64_t grace_ns, bool *killed)
{
	int64_t now = st_now();
	unsigned int n;
	bool busy;

	if (!tree->others || tree->n_others || !has_children())
		return 0;
	/* what has ended the program may have come here, too */
	told_to_end(signals);
	n = wait_until(tree, signals, st_after(now, MOMENT),
		       st_after(now, MOMENTS_MOST), 0);
	if (!n)
		return 0;
	tree_left(tree, SIGTERM, &busy);
	if (!grace_ns || wait_for(tree, signals, (uint64_t)grace_ns, 0)) {
		*killed = true;
		wait_for(tree, signals, KILL_MOST, SIGKILL);
	}
	return n;
}
