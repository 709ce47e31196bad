/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals a process, and checks whether it lives, by its pidfd. */
#ifndef ST_PIDFD_H
#define ST_PIDFD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/*
 * Tells whether a signal ends a process that does not handle it. Such a signal
 * should reach all of the tree at once. For other signals the tree is not
 * stopped first, since a stop could be noticed.
 */
static inline bool st_signal_ends(int sig)
{
	return sig > 0 && sig != SIGCHLD && sig != SIGCONT && sig != SIGSTOP &&
	       sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU &&
	       sig != SIGURG && sig != SIGWINCH;
}

int st_pidfd_send(int pidfd, int sig, unsigned int flags);
int st_pidfd_signal(int pidfd, pid_t pid, int sig);
bool st_pidfd_alive(int pidfd);
bool st_pidfd_is(int fd, pid_t pid);
int st_pidfd_wait(int pidfd, pid_t pid, siginfo_t *info, int options,
		  struct rusage *usage);

#endif
