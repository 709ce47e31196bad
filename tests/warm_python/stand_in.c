/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for a python3: has the server beside it launch the real one with the
 * same arguments, environment, directory and standard streams, and ends as that
 * does. The socket has the name "socket" in the folder of this program.
 *
 * Where one of 0 to 2 is closed, it executes the real one, "real" in that folder.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/warm_python/message.h"

#define FAILED 125

extern char **environ;

static pid_t child;
static struct message message;

static void forward(int sig)
{
	if (child > 0)
		kill(child, sig);
}

/* Returns the path of a file in the folder of this program. */
static char *beside(const char *name)
{
	static char path[256];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (len < 0)
		_exit(FAILED);
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, name);
	return path;
}

static char *add(char *to, const char *text)
{
	size_t len = strlen(text) + 1;

	if (len > (size_t)(message.strings + MESSAGE_MOST - to))
		_exit(FAILED);
	return (char *)memcpy(to, text, len) + len;
}

static size_t fill(char **argv)
{
	char *to = message.strings;

	for (; argv[message.argc]; message.argc++)
		to = add(to, argv[message.argc]);
	for (; environ[message.envc]; message.envc++)
		to = add(to, environ[message.envc]);
	return (size_t)(to - (char *)&message);
}

static int connect_server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int size = 2 * MESSAGE_MOST;

	strncpy(address.sun_path, beside("socket"),
		sizeof(address.sun_path) - 1);
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(FAILED);
	return s;
}

static void ask(int s, size_t len)
{
	int fds[MESSAGE_FDS] = { open(".", O_PATH | O_CLOEXEC), 0, 1, 2 };
	struct iovec iov = { &message, len };
	union message_control control;
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	control.h.cmsg_len = CMSG_LEN(sizeof(fds));
	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.h), fds, sizeof(fds));
	if (sendmsg(s, &m, 0) < 0 || recv(s, &child, sizeof(child), 0) <= 0)
		_exit(FAILED);
}

static void forward_signals(void)
{
	struct sigaction act;

	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGCHLD && sigaction(sig, NULL, &act) == 0 &&
		    act.sa_handler != SIG_IGN)
			signal(sig, forward);
}

static int end(int status)
{
	const struct rlimit none = { 0, 0 };
	int sig = status & 0x7f;
	sigset_t set;

	if (!sig)
		return status >> 8;
	setrlimit(RLIMIT_CORE, &none);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(sig, SIG_DFL);
	raise(sig);
	return FAILED;
}

int main(int argc, char **argv)
{
	int s, status;
	ssize_t got;

	(void)argc;
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return execv(beside("real"), argv);
	s = connect_server();
	ask(s, fill(argv));
	forward_signals();
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	do {
		got = recv(s, &status, sizeof(status), 0);
	} while (got < 0 && errno == EINTR);
	return got == sizeof(status) ? end(status) : FAILED;
}
