/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process: signalled, and looked at, by its pidfd.
 */
#ifndef ST_PIDFD_H
#define ST_PIDFD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Does a signal end a process that does nothing about it? Such a one is to reach
 * all of the tree at once. To others, a stop before would make a difference.
 */
static inline bool st_signal_ends(int sig)
{
	return sig > 0 && sig != SIGCHLD && sig != SIGCONT && sig != SIGSTOP &&
	       sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU &&
	       sig != SIGURG && sig != SIGWINCH;
}

int st_pidfd_signal(int pidfd, pid_t pid, int sig);
bool st_pidfd_alive(int pidfd);

#endif
