/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches a program from a prepared process, for scripts:
 *
 *	launch_warm once|fork PROGRAM [ARGUMENT...]
 *
 * argv[0] is the program's name. The pid goes to $tmp/pid if the launch was warm.
 * Two launches before it have no arguments, and their output is dropped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_template.h"

extern char **environ;

static int launch(int tfd, char **argv,
		  const struct spawn_template_action *actions, uint64_t n)
{
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd = -1, pid;

	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)environ;
	args.actions = (uintptr_t)actions;
	args.actions_len = n;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	close(pidfd);
	return pid;
}

static void launch_quietly(int tfd, char *name)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawn_template_action actions[2] = {
		{ .type = SPAWN_TEMPLATE_ACTION_DUP2, .fd = null, .newfd = 1 },
		{ .type = SPAWN_TEMPLATE_ACTION_DUP2, .fd = null, .newfd = 2 },
	};
	char *argv[] = { name, NULL };
	int pid = launch(tfd, argv, actions, 2);

	close(null);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st = { 0 };

	spawn_template_stat(tfd, &st, sizeof(st));
	return st;
}

static int tell(int pid)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", getenv("tmp"));
	f = fopen(path, "we");
	if (!f)
		return -1;
	fprintf(f, "%d\n", pid);
	return fclose(f);
}

int main(int argc, char **argv)
{
	int tfd, pid, status;

	if (argc < 3 || !getenv("tmp"))
		return 2;
	tfd = spawn_template_open(
		argv[2], SPAWN_TEMPLATE_CREATE_CLOEXEC |
				 (strcmp(argv[1], "once") == 0
					  ? SPAWN_TEMPLATE_CREATE_WARM_ONCE
					  : SPAWN_TEMPLATE_CREATE_WARM_FORK));
	argv[2] = strrchr(argv[2], '/') + 1;
	for (int i = 0; i < 2; i++)
		launch_quietly(tfd, argv[2]);
	for (int i = 0; i < 2500 && !stat_of(tfd).warm_ready; i++)
		usleep(2000);
	pid = launch(tfd, argv + 2, NULL, 0);
	if (pid < 0 || stat_of(tfd).warm != 1)
		return 3;
	if (tell(pid) < 0 || waitpid(pid, &status, 0) != pid)
		return 4;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
