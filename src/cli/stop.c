/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notes the signals that ask this tool to end, for commands that have to end
 * trees first.
 *
 * A handler does it, not a signalfd, because it also interrupts a write that
 * nobody reads. A signal just before a system call that waits would be noted
 * too late to interrupt it; so from the first signal on, a timer interrupts
 * every wait. Programs are launched with these signals at default, as if there
 * were no handler, and with the mask of this tool, which is not changed.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "cli/cli.h"

static const int asking[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static volatile sig_atomic_t first, count;

static void interrupt(int sig)
{
	(void)sig;
}

static void note(int sig)
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = interrupt };
	int err = errno;

	if (!first)
		first = sig;
	count++;
	sigaction(SIGALRM, &action, NULL); /* without SA_RESTART */
	setitimer(ITIMER_REAL, &often, NULL);
	errno = err;
}

void stop_watch(void)
{
	struct sigaction action;

	for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
		if (sigaction(asking[i], NULL, &action) ||
		    action.sa_handler == SIG_IGN)
			continue;
		memset(&action, 0, sizeof(action));
		action.sa_handler = note;
		sigaction(asking[i], &action, NULL);
	}
}

int stop_signal(void)
{
	return first;
}

int stop_count(void)
{
	return count;
}

void stop_unwatch(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

/*
 * End by a signal. The program has written its own core dump; this tool must
 * write none. core_pattern may name a program that ignores the limit, hence the
 * prctl.
 */
int end_by_signal(int sig)
{
	const struct rlimit none = { 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 128 + sig; /* the init of a pid namespace does not die */
}
