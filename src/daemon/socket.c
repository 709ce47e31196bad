/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket's file is made under a lock beside it, so that a second daemon
 * neither takes the first one's place nor removes its file. A file that a
 * killed daemon has left is replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/log/log.h"
#include "daemon/folder.h"
#include "daemon/service.h"
#include "daemon/socket.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define BACKLOG 128

/* ---- directory and lock */

static int failed(const char *what, const char *path, const char *remedy)
{
	int err = errno;

	log_line("cannot %s %s: %s%s%s", what, path, strerror(err),
		 *remedy ? "; " : "", remedy);
	return -err;
}

static void say_who_holds(int fd, const char *path)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = 0;
	pid[strcspn(pid, "\n")] = 0;
	log_line("another daemon runs on this socket (process %s, lock %s); "
		 "stop it first: systemctl stop spawn-templated, or kill it",
		 *pid ? pid : "?", path);
}

static int take_lock(struct listener *l, const char *path)
{
	struct stat st;
	char pid[16];
	int fd, n;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed("open the lock", path,
			      errno == EACCES ? "run as root" : "");
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		log_line("%s is no lock: remove it", path);
		close(fd);
		return -EINVAL;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno;

		if (err == EWOULDBLOCK)
			say_who_holds(fd, path);
		else
			failed("lock", path, "");
		close(fd);
		return -err;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	/* the pid is for people: the daemon works without it */
	if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n)
		log_line("cannot write %s: %s", path, strerror(errno));
	l->lock_fd = fd;
	return 0;
}

int listener_lock(struct listener *l, const struct options *options)
{
	const char *path =
		options->socket_path ? options->socket_path : ST_GUARD_SOCKET;
	char lock[sizeof(l->path) + 8];
	int ret;

	*l = (struct listener){ .fd = -1, .lock_fd = -1 };
	if (!*path || strlen(path) >= sizeof(l->path)) {
		log_line("the socket's path '%s' is %s", path,
			 *path ? "too long: at most 107 bytes" : "empty");
		return -ENAMETOOLONG;
	}
	snprintf(l->path, sizeof(l->path), "%s", path);
	ret = folder_make(l->path, sizeof(l->path));
	if (ret < 0)
		return ret;
	snprintf(lock, sizeof(lock), "%s.lock", l->path);
	return take_lock(l, lock);
}

/* ---- listening */

/*
 * Asks for credentials. Accepted sockets inherit this, so that they also come
 * with messages sent before the accept.
 */
static int pass_credentials(int fd)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	return 0;
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

static int use_given(struct listener *l, int fd)
{
	struct sockaddr_un addr = { 0 };
	socklen_t len = sizeof(addr);

	if (option(fd, SO_DOMAIN) != AF_UNIX ||
	    option(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    option(fd, SO_ACCEPTCONN) != 1) {
		log_line("the service manager passed no listening socket of "
			 "AF_UNIX and SOCK_SEQPACKET; use "
			 "ListenSequentialPacket= in its unit");
		return -EINVAL;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK) < 0 ||
	    pass_credentials(fd) < 0)
		return failed("set up", "the socket", "");
	l->fd = fd;
	l->is_ours = false;
	if (!getsockname(fd, (struct sockaddr *)&addr, &len) &&
	    addr.sun_path[0])
		log_verbose("listening at %s, a socket of the service manager",
			    addr.sun_path);
	return 0;
}

/* Binds with mode 0600: nobody may connect before the socket has its group. */
static int bind_private(int fd, const struct sockaddr_un *addr)
{
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));

	ret = ret ? -errno : 0;
	umask(mask);
	return ret;
}

/* Changes the file itself, not whatever its name means by now. */
static int open_to_group(const char *path, int gid)
{
	char itself[32];
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return failed("open", path, "");
	snprintf(itself, sizeof(itself), "/proc/self/fd/%d", fd);
	if (gid >= 0 && chown(itself, (uid_t)-1, (gid_t)gid))
		ret = failed("give to its group", path,
			     "run as root, or leave out --group");
	else if (chmod(itself, 0660))
		ret = failed("chmod", path, "");
	close(fd);
	return ret;
}

static int make_socket(struct listener *l, int gid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int ret;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", l->path);
	if (!lstat(l->path, &st)) {
		errno = EEXIST;
		if (!S_ISSOCK(st.st_mode))
			return failed("listen at", l->path,
				      "it is not a socket: remove it");
		if (unlink(l->path))
			return failed("remove", l->path, "");
	}
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (l->fd < 0)
		return failed("make", "a socket", "");
	ret = bind_private(l->fd, &addr);
	if (ret < 0) {
		errno = -ret;
		return failed("listen at", l->path, "");
	}
	l->is_ours = true;
	ret = open_to_group(l->path, gid);
	if (ret < 0)
		return ret;
	if (pass_credentials(l->fd) < 0 || listen(l->fd, BACKLOG))
		return failed("listen at", l->path, "");
	return 0;
}

int listener_open(struct listener *l, const struct options *options)
{
	int fd = service_listen_fd(), ret;

	if (fd >= 0)
		return use_given(l, fd);
	if (fd != -ENOENT) {
		log_line("started with more than one socket; one ListenSequent"
			 "ialPacket= is what the unit takes");
		return fd;
	}
	ret = make_socket(l, options->gid);
	if (ret < 0)
		listener_close(l);
	return ret;
}

/*
 * Gives up the lock last, and keeps its file, for which another daemon may
 * wait. The listening socket stays open until the process ends, since
 * connections that were never accepted may hold descriptors, too: see close.c.
 */
void listener_close(struct listener *l)
{
	if (l->is_ours)
		unlink(l->path);
	l->is_ours = false;
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	l->fd = l->lock_fd = -1;
}

/* ---- connections */

int socket_peer(int fd, uint32_t *pid, uint32_t *uid, int *pidfd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*uid = cred.uid;
	if (cred.pid <= 0)
		return -ESRCH;
	*pid = (uint32_t)cred.pid;
	len = sizeof(*pidfd);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, pidfd, &len))
		return 0;
	if (errno != ENOPROTOOPT)
		return -errno;
	/* it may name another process: see registry/process.c */
	*pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	return *pidfd < 0 ? -errno : 0;
}

static void take_control(struct msghdr *hdr, struct request_facts *facts)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c;
	     c = CMSG_NXTHDR(hdr, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS &&
		    size == sizeof(struct ucred)) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			facts->has_creds = true;
			facts->pid = (uint32_t)cred.pid;
			facts->uid = cred.uid;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			memcpy(&facts->fd, CMSG_DATA(c), sizeof(facts->fd));
		}
	}
}

static ssize_t receive(int fd, struct msghdr *hdr, int flags,
		       struct request_facts *facts)
{
	ssize_t n;

	*facts = (struct request_facts){ .fd = -1 };
	do {
		n = recvmsg(fd, hdr, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_control(hdr, facts);
	facts->cut_off = hdr->msg_flags & MSG_TRUNC;
	/* all but the descriptors has room */
	facts->has_fds = facts->fd >= 0 || hdr->msg_flags & MSG_CTRUNC;
	return n;
}

/* Returns the header of a message in one part, with so much room for control data. */
static struct msghdr header(struct iovec *iov, void *control, size_t size)
{
	return (struct msghdr){
		.msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = size,
	};
}

ssize_t socket_peek(int fd, void *bytes, size_t size,
		    struct request_facts *facts)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	struct msghdr hdr = header(&iov, control.buf, sizeof(control.buf));

	return receive(fd, &hdr, MSG_PEEK, facts);
}

ssize_t socket_receive(int fd, void *bytes, size_t size,
		       struct request_facts *facts)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred)) +
			 CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	struct msghdr hdr = header(&iov, control.buf,
				   CMSG_SPACE(sizeof(struct ucred)) +
					   CMSG_LEN(sizeof(int)));

	return receive(fd, &hdr, 0, facts);
}

bool socket_has_unread(int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr hdr = header(&iov, control.buf, sizeof(control.buf));

	/*
	 * no message can come after this, and the client need not wait for the
	 * last close, which a process may make late
	 */
	shutdown(fd, SHUT_RDWR);
	if (recvmsg(fd, &hdr, MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC) < 0)
		return errno != ENOTCONN;
	/* an empty message has credentials; the end has none */
	return hdr.msg_controllen || hdr.msg_flags & MSG_CTRUNC;
}

int socket_send(int fd, const struct st_msg *msg, int pass)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg,
			     .iov_len = sizeof(*msg) };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (pass >= 0) {
		control.align = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.align), &pass, sizeof(pass));
		hdr.msg_control = control.buf;
		hdr.msg_controllen = sizeof(control.buf);
	}
	do {
		n = sendmsg(fd, &hdr, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
