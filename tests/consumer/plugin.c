/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin that has the static library in it (-DPLUGIN), and a program that launches
 * by it, closes it, and has the thread that launched end after that.
 */
#ifdef PLUGIN
#include <spawn_template.h>
#include <sys/wait.h>
#include <unistd.h>

int launch(const char *path)
{
	int tfd = spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	char *argv[] = { (char *)path, NULL };
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd, status = -1;
	pid_t pid;

	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)argv;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (pid < 0)
		return pid;
	waitpid(pid, &status, 0);
	close(pidfd);
	spawn_template_close(tfd);
	return status;
}
#else
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static const char *plugin, *program;

static void *work(void *arg)
{
	void *handle = dlopen(plugin, RTLD_NOW);
	int (*launch)(const char *) =
		handle ? (int (*)(const char *))dlsym(handle, "launch") : NULL;

	if (!launch || launch(program) || dlclose(handle))
		return NULL;
	return arg;
}

int main(int argc, char **argv)
{
	void *launched = NULL;
	pthread_t thread;

	if (argc != 3)
		return 2;
	plugin = argv[1];
	program = argv[2];
	if (pthread_create(&thread, NULL, work, &thread))
		return 1;
	pthread_join(thread, &launched);
	return launched ? 0 : 1;
}
#endif
