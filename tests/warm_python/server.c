/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches a python3 for those that stand in for it, while a command runs:
 *
 *	server cold|warm SOCKET PYTHON COMMAND [ARGUMENT...]
 *
 * Each start, that is options and environment, has a template of its own, which is
 * made ready first: tests use many environments. At the end the counts of launches
 * go to stderr. Exit status: the command's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_template.h"
#include "tests/warm_python/message.h"

#define STARTS 16
#define OPTIONS_MOST 32

struct start {
	uint64_t hash, used;
	int tfd; /* 0: none */
	/* launches that made it ready */
	uint64_t warm, cold;
};

static struct start starts[STARTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t turn, warm, cold;
static const char *python;
static uint64_t flags;

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st = { 0 };

	spawn_template_stat(tfd, &st, sizeof(st));
	return st;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	do {
		hash = hash * 33 + (unsigned char)*text;
	} while (*text++);
	return hash;
}

/* Copies the options in front of -c, -m or a script, and adds "-c pass". */
static void take_options(char **to, char **argv)
{
	int n = 0, i = 1;

	to[n++] = argv[0];
	while (argv[i] && argv[i][0] == '-' && argv[i][1] &&
	       strcmp(argv[i], "-c") != 0 && strcmp(argv[i], "-m") != 0 &&
	       n < OPTIONS_MOST - 5) {
		bool value = !strcmp(argv[i], "-X") || !strcmp(argv[i], "-W");

		to[n++] = argv[i++];
		if (value && argv[i])
			to[n++] = argv[i++];
	}
	to[n++] = (char *)"-c";
	to[n++] = (char *)"pass";
	to[n] = NULL;
}

static void forget(struct start *s)
{
	struct spawn_template_stat st;

	if (!s->tfd)
		return;
	st = stat_of(s->tfd);
	warm += st.warm - s->warm;
	cold += st.cold - s->cold;
	spawn_template_close(s->tfd);
	s->tfd = 0;
}

/* Launches twice, which has a Python prepared, unless this start is cold. */
static void make_ready(struct start *s, char **argv, char **envp)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result result;
	struct spawn_template_stat st;

	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)envp;
	args.timeout_ns = 5000000000;
	for (int n = 0; n < 2; n++)
		if (spawn_template_run(s->tfd, &args, sizeof(args), &result,
				       sizeof(result)) >= 0)
			spawn_template_result_free(&result);
	for (int n = 0; n < 400; n++) {
		st = stat_of(s->tfd);
		if (st.warm_ready ||
		    st.cold_reasons[SPAWN_TEMPLATE_COLD_ENVIRONMENT] > 1 ||
		    st.cold_reasons[SPAWN_TEMPLATE_COLD_COMMAND] > 1)
			break;
		usleep(5000);
	}
	s->warm = st.warm;
	s->cold = st.cold;
}

static int create(void)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC | flags;
	args.filename = (uintptr_t)python;
	args.warm_target = flags ? 2 : 0;
	return spawn_template_create(&args, sizeof(args));
}

static int template_for(char **argv, char **envp)
{
	struct start *s = &starts[0];
	char *options[OPTIONS_MOST];
	uint64_t hash = 5381;

	take_options(options, argv);
	for (char **at = options; *at; at++)
		hash = add_text(hash, *at);
	for (char **at = envp; *at; at++)
		if (strncmp(*at, "PWD=", 4) != 0 && strncmp(*at, "_=", 2) != 0)
			hash = add_text(hash, *at);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < STARTS && s->hash != hash; i++)
		if (starts[i].hash == hash || starts[i].used < s->used)
			s = &starts[i];
	if (s->hash != hash || !s->tfd) {
		forget(s);
		s->hash = hash;
		s->tfd = create();
		if (flags)
			make_ready(s, options, envp);
	}
	s->used = ++turn;
	pthread_mutex_unlock(&lock);
	return s->tfd;
}

static pid_t launch(const int *fds, char **argv, char **envp)
{
	struct spawn_template_action actions[MESSAGE_FDS] = {
		{ .type = SPAWN_TEMPLATE_ACTION_FCHDIR, .fd = fds[0] },
	};
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd = -1;
	pid_t pid;

	for (int i = 1; i < MESSAGE_FDS; i++)
		actions[i] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_DUP2,
			.fd = fds[i],
			.newfd = i - 1,
		};
	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)envp;
	args.actions = (uintptr_t)actions;
	args.actions_len = MESSAGE_FDS;
	args.pidfd = (uintptr_t)&pidfd;
	pid = spawn_template_spawn(template_for(argv, envp), &args,
				   sizeof(args));
	if (pid > 0)
		close(pidfd);
	return pid;
}

static char **list_of(char **at, int n)
{
	char **list = calloc((size_t)n + 1, sizeof(*list));

	for (int i = 0; i < n && list; i++) {
		list[i] = *at;
		*at += strlen(*at) + 1;
	}
	return list;
}

static void serve_message(int s, struct message *m, const int *fds)
{
	char *at = m->strings, **argv = list_of(&at, m->argc);
	char **envp = list_of(&at, m->envc);
	int status = 125 << 8;
	pid_t pid;

	argv[0] = (char *)python;
	pid = launch(fds, argv, envp);
	for (int i = 0; i < MESSAGE_FDS; i++)
		close(fds[i]);
	send(s, &pid, sizeof(pid), MSG_NOSIGNAL);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		;
	send(s, &status, sizeof(status), MSG_NOSIGNAL);
	free(argv);
	free(envp);
}

static void *serve(void *arg)
{
	struct message *m = malloc(sizeof(*m));
	struct iovec iov = { m, sizeof(*m) };
	union message_control control;
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int s = (int)(intptr_t)arg, fds[MESSAGE_FDS];

	if (m && recvmsg(s, &h, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&h)) {
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(fds));
		serve_message(s, m, fds);
	}
	close(s);
	free(m);
	return NULL;
}

static void *accept_all(void *arg)
{
	int listener = (int)(intptr_t)arg, s;
	pthread_t thread;

	while ((s = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)s) ==
		    0)
			pthread_detach(thread);
	return NULL;
}

static int start_server(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	pthread_t thread;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (bind(s, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(s, 64) < 0)
		return -1;
	return pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)s);
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t pid;

	if (argc < 5)
		return 2;
	flags = strcmp(argv[1], "warm") == 0
			? SPAWN_TEMPLATE_CREATE_WARM_RUNTIME
			: 0;
	python = argv[3];
	if (start_server(argv[2]) != 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		execv(argv[4], argv + 4);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < STARTS; i++)
		forget(&starts[i]);
	fprintf(stderr, "%s: %llu warm, %llu cold launches\n", argv[1],
		(unsigned long long)warm, (unsigned long long)cold);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
