/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program outside of this tree, built with the installed library: launches its
 * arguments, tells the exit status, and calls other functions once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn_template.h>

static int fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err));
	return 1;
}

/* Call functions that a launch does not need. */
static int ask_the_rest(int tfd)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_stat st;
	int ret, other;

	ret = spawn_template_check(tfd);
	if (ret == 0)
		ret = spawn_template_refresh(tfd);
	if (ret == 0)
		ret = spawn_template_stat(tfd, &st, sizeof(st));
	if (ret < 0)
		return ret;
	if (st.cold != 1)
		return -EINVAL;
	args.execfd = tfd;
	other = spawn_template_create(&args, sizeof(args));
	if (other < 0)
		return other;
	ret = spawn_template_close(other);
	if (ret < 0)
		return ret;
	other = spawn_template_open(st.path, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (other < 0)
		return other;
	return spawn_template_close(other);
}

int main(int argc, char **argv)
{
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	siginfo_t info = { 0 };
	int tfd, pidfd = -1, ret;
	pid_t pid;

	if (argc < 2)
		return 2;
	tfd = spawn_template_search(argv[1], NULL,
				    SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0)
		return fail(argv[1], -tfd);
	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)(argv + 1);
	args.envp = (uintptr_t)environ;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (pid < 0)
		return fail("launch", -pid);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		return fail("waitid", errno);
	close(pidfd);
	ret = ask_the_rest(tfd);
	if (ret < 0)
		return fail("the rest", -ret);
	ret = spawn_template_close(tfd);
	if (ret < 0)
		return fail("close", -ret);
	printf("status %d\n", info.si_status);
	return 0;
}
