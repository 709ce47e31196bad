/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers files with the guard's daemon without the library, and keeps them
 * until its standard input ends:
 *
 *	guard_register SOCKET [-w] FILE...
 *
 * -w denies writes to the files that follow. Prints "ID WORD" for each file, or
 * "error N". Exit status: 0; 1 if the daemon was not reached or refused a file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/proto.h"

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
			       sizeof(address)) == 0)
		return fd;
	perror(path);
	return -1;
}

/* Send a request, with a descriptor if passed is not -1, and take its answer. */
static int ask(int fd, struct st_msg *msg, int passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
			      .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
		      } };
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof(*msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	static __u32 sequence;

	msg->h.magic = ST_MSG_MAGIC;
	msg->h.version = ST_MSG_VERSION;
	msg->h.sequence = ++sequence;
	if (passed >= 0) {
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control.bytes);
	}
	if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		ssize_t n = recv(fd, msg, sizeof(*msg), 0);

		if (n != sizeof(*msg))
			return n < 0 ? -errno : -EPROTO;
	} while (msg->h.sequence != sequence);
	return -msg->h.error;
}

static int register_file(int fd, const char *path, __u32 flags)
{
	struct st_msg msg = {
		.h = { .type = ST_MSG_REGISTER },
		.u.reg = { .flags = flags },
	};
	int file = open(path, O_PATH | O_CLOEXEC), err;

	if (file < 0) {
		perror(path);
		return -1;
	}
	/* stays open: the template ends with its file */
	err = ask(fd, &msg, file);
	if (err)
		printf("error %d\n", -err);
	else
		printf("%llu %llu\n", msg.h.id, msg.u.reg.word);
	return err;
}

int main(int argc, char **argv)
{
	struct st_msg hello = { .h = { .type = ST_MSG_HELLO } };
	__u32 flags = 0;
	int fd, status = 0;
	char c;

	if (argc < 2)
		return 2;
	fd = connect_to(argv[1]);
	if (fd < 0 || ask(fd, &hello, -1))
		return 1;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-w") == 0)
			flags = ST_REGISTER_DENY_WRITE;
		else if (register_file(fd, argv[i], flags))
			status = 1;
	}
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return status;
}
