/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection to the guard's daemon.
 *
 * - Nothing waits longer than its deadline, whatever the daemon does.
 * - Nothing received is trusted: a malformed message, or one with more than one
 *   descriptor, is an error, after which the caller closes the connection.
 * - The host may close any fd, and open another file at its number: so before
 *   it is used, and before it is closed, the number must still be the socket.
 * - The system calls are raw, because libc's would be cancellation points.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/peer.h"
#include "guard/socket.h"
#include "own.h"
#include "sys.h"

#define FDS_MAX 4	/* the kernel drops further ones */
#define ERRNO_MAX 4095

/* Data beside a message. */
union control {
	char bytes[CMSG_SPACE(sizeof(struct ucred)) +
		   CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

void st_guard_socket_init(struct st_guard_socket *s)
{
	const char *path = secure_getenv(ST_GUARD_SOCKET_ENV);

	s->is_named = path != NULL;
	if (!path)
		path = ST_GUARD_SOCKET;
	if (strlen(path) < sizeof(s->path))
		strcpy(s->path, path);
	atomic_init(&s->fd, -1);
}

/* ---- closing */

static int inode_of_socket(int fd, uint64_t *ino)
{
	struct statx stx;
	int ret =
		sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &stx);

	if (ret < 0)
		return ret;
	*ino = stx.stx_ino;
	return S_ISSOCK(stx.stx_mode) ? 0 : -ENOTSOCK;
}

void st_guard_socket_close(struct st_guard_socket *s)
{
	int fd = atomic_exchange(&s->fd, -1);
	uint64_t ino;

	if (fd >= 0 && inode_of_socket(fd, &ino) == 0 && ino == s->ino)
		sys_close(fd);
}

/*
 * Tells whether the connection can be used. The daemon knows this process by
 * the ids that it had when it connected.
 */
bool st_guard_socket_is_open(struct st_guard_socket *s)
{
	int fd = atomic_load(&s->fd);
	uint64_t ino;

	if (fd < 0)
		return false;
	if (s->uid == geteuid() && inode_of_socket(fd, &ino) == 0 &&
	    ino == s->ino)
		return true;
	st_guard_socket_close(s);
	return false;
}

/* ---- waiting */

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t left = deadline - st_now();
	struct sys_timespec ts;
	int ret;

	if (left <= 0)
		return -ETIMEDOUT;
	ts = (struct sys_timespec){ left / 1000000000, left % 1000000000 };
	ret = sys_call5(__NR_ppoll, &pfd, 1, &ts, NULL, sizeof(uint64_t));
	if (ret == 0)
		return -ETIMEDOUT;
	return ret > 0 || ret == -EINTR ? 0 : ret;
}

/* ---- opening */

/*
 * Looks for a socket first: if there is no guard, a sandbox that forbids
 * sockets should not see the attempt.
 */
static bool is_socket(const char *path)
{
	struct statx stx;

	return *path && sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &stx) == 0 &&
	       S_ISSOCK(stx.stx_mode);
}

/*
 * Makes a socket above 2: a host that has closed 0 to 2 expects no file there.
 */
static int make_socket(void)
{
	return st_own_raise(
		sys_call3(__NR_socket, AF_UNIX,
			  SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/*
 * Connects. A full queue at the daemon cannot be waited for, only tried again.
 */
static int connect_to(int fd, const char *path, int64_t deadline)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int ret;

	strcpy(addr.sun_path, path);
	for (unsigned int ms = 1;; ms = ms < 16 ? ms * 2 : ms) {
		ret = sys_call3(__NR_connect, fd, &addr, sizeof(addr));
		if (ret == -EINTR)
			continue;
		if (ret != -EAGAIN)
			return ret;
		if (deadline - st_now() < ms * ST_MS)
			return -ETIMEDOUT;
		sys_sleep_ms(ms);
	}
}

/**
 * st_guard_socket_open - connect
 * @s: without a connection
 * @deadline: by st_now()
 *
 * Return: 0; -ETIMEDOUT; -EMFILE, -ENFILE, -ENOMEM; or another error, if no
 * trusted process listens.
 */
int st_guard_socket_open(struct st_guard_socket *s, int64_t deadline)
{
	int fd, ret;

	if (!is_socket(s->path))
		return -ENOENT;
	fd = make_socket();
	if (fd < 0)
		return fd;
	ret = inode_of_socket(fd, &s->ino);
	if (ret < 0) {
		sys_close(fd);
		return ret;
	}
	s->uid = geteuid();
	atomic_store(&s->fd, fd);
	ret = connect_to(fd, s->path, deadline);
	if (ret == 0)
		ret = st_guard_check_peer(fd, s->path, s->is_named);
	if (ret < 0)
		st_guard_socket_close(s);
	return ret;
}

/* ---- messages */

/* Adds an item; *size is the size so far. */
static void add_control(union control *control, size_t *size, int type,
			const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(control->bytes + *size);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	*size += CMSG_SPACE(len);
}

/*
 * Adds the credentials and the fd. The daemon knows the effective user from the
 * connection, but the kernel adds the real one to a message, unless told
 * otherwise.
 */
static void put_control(struct msghdr *hdr, union control *control, int fd)
{
	struct ucred self = { getpid(), geteuid(), getegid() };
	size_t size = 0;

	memset(control, 0, sizeof(*control));
	if (self.uid != getuid())
		add_control(control, &size, SCM_CREDENTIALS, &self,
			    sizeof(self));
	if (fd >= 0)
		add_control(control, &size, SCM_RIGHTS, &fd, sizeof(fd));
	hdr->msg_control = size ? control->bytes : NULL;
	hdr->msg_controllen = size;
}

/**
 * st_guard_socket_send - send a message
 * @s: connected
 * @msg: the whole message
 * @fd: to send with it; -1: none
 * @deadline: by st_now(); 0: do not wait
 *
 * Return: 0; -ETIMEDOUT; -EPIPE, -ECONNRESET or another error of sendmsg(2).
 */
int st_guard_socket_send(struct st_guard_socket *s, const struct st_msg *msg,
			 int fd, int64_t deadline)
{
	struct iovec iov = { (void *)msg, sizeof(*msg) };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	int sock = atomic_load(&s->fd), ret;
	union control control;

	put_control(&hdr, &control, fd);
	for (;;) {
		ret = sys_call3(__NR_sendmsg, sock, &hdr,
				MSG_NOSIGNAL | MSG_DONTWAIT);
		if (ret == sizeof(*msg))
			return 0;
		if (ret >= 0)
			return -EPROTO;
		if (ret == -EAGAIN)
			ret = wait_for(sock, POLLOUT, deadline);
		else if (ret == -EINTR)
			ret = 0;
		if (ret < 0)
			return ret;
	}
}

/* Takes the received descriptors. Return: their number. */
static int take_received(struct msghdr *hdr, int fds[FDS_MAX])
{
	int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c;
	     c = CMSG_NXTHDR(hdr, c)) {
		const int *fd = (const int *)CMSG_DATA(c);
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (; len >= sizeof(*fd) && n < FDS_MAX; len -= sizeof(*fd))
			fds[n++] = *fd++;
	}
	return n;
}

static int receive_once(int sock, struct st_msg *msg, struct msghdr *hdr,
			union control *control)
{
	struct iovec iov = { msg, sizeof(*msg) };

	memset(control, 0, sizeof(*control));
	*hdr = (struct msghdr){
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control->bytes,
		.msg_controllen = CMSG_SPACE(FDS_MAX * sizeof(int)),
	};
	return sys_call3(__NR_recvmsg, sock, hdr,
			 MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

static bool is_message(const struct st_msg *msg, int size, int flags)
{
	return size == ST_MSG_SIZE && !(flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	       msg->h.magic == ST_MSG_MAGIC &&
	       msg->h.version == ST_MSG_VERSION && msg->h.error >= 0 &&
	       msg->h.error <= ERRNO_MAX;
}

/**
 * st_guard_socket_receive - take the next message
 * @s: connected
 * @msg: filled in
 * @fd: set to the descriptor that came with it, or -1
 * @deadline: by st_now(); 0: do not wait
 *
 * Return: 0; -ETIMEDOUT if none came; -EPROTO for a malformed one; -ECONNRESET
 * if the other end is closed; or an error of recvmsg(2).
 */
int st_guard_socket_receive(struct st_guard_socket *s, struct st_msg *msg,
			    int *fd, int64_t deadline)
{
	int sock = atomic_load(&s->fd), fds[FDS_MAX], size, n, ret;
	union control control;
	struct msghdr hdr;

	for (;;) {
		size = receive_once(sock, msg, &hdr, &control);
		if (size == -EINTR)
			continue;
		if (size != -EAGAIN)
			break;
		ret = wait_for(sock, POLLIN, deadline);
		if (ret < 0)
			return ret;
	}
	if (size < 0)
		return size;
	n = take_received(&hdr, fds);
	ret = size ? -EPROTO : -ECONNRESET;
	if (is_message(msg, size, hdr.msg_flags) && n <= 1) {
		*fd = n ? fds[0] : -1;
		return 0;
	}
	while (n)
		sys_close(fds[--n]);
	return ret;
}
