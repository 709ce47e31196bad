/* SPDX-License-Identifier: BSD-2-Clause */
/* The stdio of a child of child_process, as libuv would make it. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

/* The flags by which libuv's child opens it: for 0, and for other numbers. */
static const struct spawn_template_open null_in = {
	.path = (uintptr_t) "/dev/null",
	.how = { .flags = O_RDONLY },
};
static const struct spawn_template_open null_out = {
	.path = (uintptr_t) "/dev/null",
	.how = { .flags = O_RDWR },
};

/* Moves a descriptor above the numbers that the child's stdio takes. */
static int lift(struct stdio *io, size_t i)
{
	int fd = fcntl(io->theirs[i], F_DUPFD_CLOEXEC, (int)io->n);

	if (fd < 0)
		return -errno;
	if (io->made[i])
		close(io->theirs[i]);
	io->theirs[i] = fd;
	io->made[i] = true;
	return 0;
}

static int make_pipe(struct stdio *io, size_t i)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	io->ours[i] = pair[0];
	io->theirs[i] = pair[1];
	io->made[i] = true;
	fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK);
	return (size_t)pair[1] < io->n ? lift(io, i) : 0;
}

/* libuv's child clears O_NONBLOCK of what it inherits as 0 to 2. */
static int take_fd(struct stdio *io, size_t i)
{
	int fd = io->given[i], flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (i <= 2 && (flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	io->theirs[i] = fd;
	return (size_t)fd < io->n && (size_t)fd != i ? lift(io, i) : 0;
}

int stdio_open(struct stdio *io)
{
	int ret = 0;

	for (size_t i = 0; i < io->n; i++) {
		io->ours[i] = io->theirs[i] = -1;
		io->made[i] = false;
	}
	for (size_t i = 0; i < io->n && ret == 0; i++) {
		if (io->given[i] == STDIO_PIPE)
			ret = make_pipe(io, i);
		else if (io->given[i] >= 0)
			ret = take_fd(io, i);
	}
	return ret;
}

void stdio_close(struct stdio *io, bool failed)
{
	for (size_t i = 0; i < io->n; i++) {
		if (io->made[i])
			close(io->theirs[i]);
		if (failed && io->ours[i] >= 0) {
			close(io->ours[i]);
			io->ours[i] = -1;
		}
	}
}

size_t stdio_actions(const struct stdio *io, struct spawn_template_action *a)
{
	size_t n = 0;

	for (int i = 0; i < (int)io->n; i++) {
		if (io->given[i] == STDIO_NULL)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_OPEN,
				.fd = AT_FDCWD,
				.newfd = i,
				.arg = (uintptr_t)(i ? &null_out : &null_in),
			};
		else if (io->given[i] != STDIO_NONE && io->theirs[i] != i)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_DUP2,
				.fd = io->theirs[i],
				.newfd = i,
			};
		else if (io->given[i] != STDIO_NONE)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_KEEP,
				.fd = i,
			};
	}
	return n;
}
