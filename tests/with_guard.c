/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a command that finds a guard without a kernel behind it:
 *
 *	with_guard SOCKET COMMAND [ARGUMENT]...
 *
 * The guard ends with the command.
 */
#include "fake_guard.h"

int main(int argc, char **argv)
{
	struct fake_guard *f;
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	f = fake_new(argv[1]);
	fake_start(f, -1);
	pid = fork();
	fake_check(pid >= 0, "fork");
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		fake_check(false, argv[2]);
	}
	fake_check(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
