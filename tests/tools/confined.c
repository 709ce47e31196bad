/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program for tests of sandboxes: it tries what its arguments say, and writes for
 * each a line with 0, or the error's number. The words:
 *
 *	read PATH  write PATH  truncate PATH  make PATH  list PATH
 *	rename PATH TO			PATH to TO
 *	socket FAMILY  pair FAMILY	by number
 *	ring				io_uring
 *	connect PORT  bind PORT		TCP, on 127.0.0.1
 *	signal PID			signal 0
 *	abstract NAME  unix PATH	connects to a Unix socket
 *	x32				getpid of x32: 0 if it is there
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

static int open_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? fd : close(fd);
}

static int try_tcp(const char *port,
		   int (*fn)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ret, one = 1;

	in.sin_port = htons((uint16_t)atoi(port));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ret = fn(fd, (struct sockaddr *)&in, sizeof(in));
	close(fd);
	return ret;
}

static int try_unix(const char *name, int abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(name);
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + len + 1;

	if (fd < 0)
		return fd;
	memcpy(un.sun_path + abstract, name, len);
	return connect(fd, (struct sockaddr *)&un, size);
}

static int try_pair(int family)
{
	int fds[2];

	return socketpair(family, SOCK_STREAM, 0, fds);
}

static int try_ring(void)
{
	char params[120] = { 0 };

	return (int)syscall(SYS_io_uring_setup, 1, params);
}

static int try_x32(void)
{
#ifdef __x86_64__
	return (int)syscall(0x40000000 + SYS_getpid);
#else
	errno = ENOSYS;
	return -1;
#endif
}

/* Do one word with its arguments. Return: as the call; *used: how many words. */
static int do_word(char **w, int *used)
{
	const char *word = w[0], *arg = w[1] ? w[1] : "";

	*used = 2;
	if (!strcmp(word, "read"))
		return open_close(arg, O_RDONLY);
	if (!strcmp(word, "write"))
		return open_close(arg, O_WRONLY);
	if (!strcmp(word, "make"))
		return open_close(arg, O_WRONLY | O_CREAT);
	if (!strcmp(word, "list"))
		return open_close(arg, O_RDONLY | O_DIRECTORY);
	if (!strcmp(word, "truncate"))
		return truncate(arg, 0);
	if (!strcmp(word, "socket"))
		return socket(atoi(arg), SOCK_DGRAM, 0);
	if (!strcmp(word, "pair"))
		return try_pair(atoi(arg));
	if (!strcmp(word, "connect"))
		return try_tcp(arg, connect);
	if (!strcmp(word, "bind"))
		return try_tcp(arg, bind);
	if (!strcmp(word, "signal"))
		return kill(atoi(arg), 0);
	if (!strcmp(word, "abstract"))
		return try_unix(arg, 1);
	if (!strcmp(word, "unix"))
		return try_unix(arg, 0);
	*used = 1;
	if (!strcmp(word, "ring"))
		return try_ring();
	if (!strcmp(word, "x32"))
		return try_x32();
	*used = 3;
	if (!strcmp(word, "rename") && w[1] && w[2])
		return rename(w[1], w[2]);
	exit(99);
}

int main(int argc, char **argv)
{
	for (int i = 1, used; i < argc; i += used) {
		int ret = do_word(argv + i, &used);

		printf("%d\n", ret < 0 ? errno : 0);
	}
	return 0;
}
