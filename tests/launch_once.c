/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One launch for a tracer to watch, between two markers, which are writes to fd -1.
 *
 *	launch_once [-n FDS] [-a] [-b] PROGRAM
 *
 * -n opens that many fds first; -a takes actions of seven kinds and five
 * attributes; -b does not wait for the launch while it is watched. In the two
 * launches before the watched one, the library makes the thread's stack and probes
 * the kernel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_template.h"

static void die(const char *what, int err)
{
	fprintf(stderr, "launch_once: %s: %s\n", what, strerror(err));
	exit(1);
}

static void mark(void)
{
	if (write(-1, "MARK", 4) >= 0)
		exit(1);
}

static const uint64_t signals = 1 << (SIGUSR1 - 1);

static void ask_for_more(struct spawn_template_spawn_args *args)
{
	static struct spawn_template_sigset set = { (uintptr_t)&signals, 8 };
	static struct rlimit limit;
	static struct spawn_template_action actions[] = {
		{ .type = SPAWN_TEMPLATE_ACTION_DUP2, .fd = 0, .newfd = 10 },
		{ .type = SPAWN_TEMPLATE_ACTION_CLOSE, .fd = 10 },
		{ .type = SPAWN_TEMPLATE_ACTION_CLOSE_RANGE,
		  .fd = 50,
		  .newfd = 60 },
		{ .type = SPAWN_TEMPLATE_ACTION_CHDIR, .arg = (uintptr_t) "/" },
		{ .type = SPAWN_TEMPLATE_ACTION_SIGDEFAULT,
		  .arg = (uintptr_t)&set },
		{ .type = SPAWN_TEMPLATE_ACTION_KEEP, .fd = 0 },
		{ .type = SPAWN_TEMPLATE_ACTION_RLIMIT,
		  .fd = RLIMIT_CORE,
		  .arg = (uintptr_t)&limit },
	};

	args->flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP |
		      SPAWN_TEMPLATE_SPAWN_UMASK | SPAWN_TEMPLATE_SPAWN_NICE |
		      SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |
		      SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	args->umask = 022;
	args->nice = 19;
	args->actions = (uintptr_t)actions;
	args->actions_len = sizeof(actions) / sizeof(*actions);
}

static void launch(int tfd, struct spawn_template_spawn_args *args, bool begin,
		   bool watch)
{
	struct spawn_template_begin *begun = NULL;
	int pidfd = -1;
	pid_t pid;

	args->pidfd = (uintptr_t)&pidfd;
	if (watch)
		mark();
	if (begin)
		pid = spawn_template_begin(tfd, args, sizeof(*args), &begun);
	else
		pid = spawn_template_spawn(tfd, args, sizeof(*args));
	if (watch)
		mark();
	if (begun)
		pid = spawn_template_begin_wait(begun, &pidfd, NULL, 0);
	if (pid < 0)
		die("launch", -pid);
	waitpid(pid, NULL, 0);
	close(pidfd);
}

static void open_fds(int n)
{
	struct rlimit limit = { (rlim_t)n + 64, (rlim_t)n + 64 };

	if (n > 512)
		setrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 3; fd < n; fd++)
		if (fcntl(fd, F_GETFD) < 0 && dup2(0, fd) < 0)
			exit(1);
}

int main(int argc, char **argv)
{
	char *program_argv[] = { "program", NULL };
	struct spawn_template_spawn_args args = {
		.argv = (uintptr_t)program_argv,
	};
	int opt, tfd, fds = 0;
	bool begin = false;

	while ((opt = getopt(argc, argv, "abn:")) > 0) {
		if (opt == 'n')
			fds = atoi(optarg);
		else if (opt == 'a')
			ask_for_more(&args);
		else if (opt == 'b')
			begin = true;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	tfd = spawn_template_open(argv[optind], SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0)
		die(argv[optind], -tfd);
	open_fds(fds);
	for (int i = 0; i < 3; i++)
		launch(tfd, &args, begin, i == 2);
	return 0;
}
