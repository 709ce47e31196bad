/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command as process 1 of a container. Whatever loses its parent there becomes a child
 * of process 1, and keeps its number until that waits for it. A command cannot: it
 * would take the exit statuses of its own programs. So a child does the work, and
 * process 1 reaps, passes signals on, and ends as the child ends. All that is left ends
 * with it.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

/* Reap all that have ended. Return: the worker's exit code, or -1 while it works. */
static int reap(pid_t worker)
{
	int code = -1, status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == worker)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
						   : WEXITSTATUS(status);
	return code;
}

/* The worker has got a terminal's signals itself: it is in the same group. */
static int attend(pid_t worker, const sigset_t *signals)
{
	siginfo_t info;
	int code = -1;

	while (code < 0) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			code = reap(worker);
		else if (info.si_code != SI_KERNEL)
			kill(worker, info.si_signo);
	}
	return code;
}

int init_main(const struct command *command, int argc, char **argv)
{
	sigset_t all, before;
	pid_t worker = -1;

	if (getpid() != 1)
		return command->main(argc, argv);
	signal(SIGCHLD, SIG_DFL); /* what is ignored is not told */
	sigfillset(&all);
	/* a signal that process 1 does not block is lost to it */
	if (sigprocmask(SIG_BLOCK, &all, &before) == 0)
		worker = fork();
	if (worker > 0)
		return attend(worker, &all);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return command->main(argc, argv);
}
