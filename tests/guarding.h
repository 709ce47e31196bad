/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A daemon with its maps in memory, and a client whose messages the test chooses.
 */
#ifndef TESTS_GUARDING_H
#define TESTS_GUARDING_H

#include "harness.h"

#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bpf/exec_cache.h"
#include "shared/proto.h"

#define GUARD_GROUP 64999	/* owns the socket, for other users */

struct guard {
	pid_t pid;
	int notify_fd, stderr_fd;
	char *socket;
};

/* ---- processes */

/* Becomes another user, in the group that may connect. */
static inline void guard_become(uid_t uid)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(GUARD_GROUP, GUARD_GROUP, GUARD_GROUP));
	CHECK_SYS(setresuid(uid, uid, uid));
}

/* A child's exit status, or 128 + signal. */
static inline int guard_reap(pid_t pid)
{
	int status = 0;

	CHECK_SYS(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs fn in a child of that user; it must return. */
static inline void guard_as(uid_t uid, void (*fn)(void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		guard_become(uid);
		fn(arg);
		_exit(0);
	}
	CHECK_EQ(guard_reap(pid), 0);
}

static inline void guard_wait_readable(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	test_doing("waiting for %s", what);
	CHECK_EQ(poll(&pfd, 1, 20000), 1);
}

/* ---- the daemon */

static inline int guard_bind(const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

/* Waits until the daemon sends this to its manager. */
static inline void guard_wait_notice(const struct guard *g, const char *want)
{
	char text[256] = "";
	ssize_t n;

	while (!strstr(text, want)) {
		guard_wait_readable(g->notify_fd, want);
		n = CHECK_SYS(recv(g->notify_fd, text, sizeof(text) - 1, 0));
		text[n] = 0;
	}
}

static inline void guard_exec(struct guard *g, char *program, int err,
			      char *const extra[])
{
	char *argv[32] = { program, "--socket", g->socket };
	int n = 3;

	for (; extra && *extra; extra++)
		argv[n++] = *extra;
	dup2(err, 2);
	execv(program, argv);
	_exit(126);
}

/* Starts the daemon, or a program that execs it with the same arguments. */
static inline void guard_begin_by(struct guard *g, char *program,
				  char *const extra[])
{
	static int count;
	char *notify = test_path("notify.%d", ++count);
	int err[2];

	g->socket = g->socket ? g->socket : test_path("run/guard.sock");
	g->notify_fd = guard_bind(notify, SOCK_DGRAM);
	CHECK_SYS(pipe2(err, O_CLOEXEC));
	g->stderr_fd = err[0];
	g->pid = CHECK_SYS(fork());
	if (!g->pid) {
		setenv("NOTIFY_SOCKET", notify, 1);
		guard_exec(g, program, err[1], extra);
	}
	CHECK_SYS(close(err[1]));
}

/* Starts the daemon, without waiting for it. */
static inline void guard_begin(struct guard *g, char *const extra[])
{
	guard_begin_by(g, test_fmt("%s", test_tool("../fake-templated")),
		       extra);
}

static inline struct guard guard_start(char *const extra[])
{
	struct guard g = { 0 };

	guard_begin(&g, extra);
	guard_wait_notice(&g, "READY=1");
	return g;
}

/* Runs the daemon until it ends by itself. Return: its stderr. */
static inline char *guard_run(char *const extra[], int *status)
{
	struct guard g = { 0 };
	char *text;

	guard_begin(&g, extra);
	text = test_read_fd(g.stderr_fd);
	*status = guard_reap(g.pid);
	return text;
}

/* Ends the daemon as a manager does; built with a sanitizer it reports leaks. */
static inline void guard_stop(struct guard *g)
{
	int status;

	CHECK_SYS(kill(g->pid, SIGTERM));
	status = guard_reap(g->pid);
	if (status)
		test_note("%s", test_read_fd(g->stderr_fd));
	CHECK_EQ(status, 0);
	close(g->stderr_fd);
	close(g->notify_fd);
}

static inline int guard_fds(const struct guard *g)
{
	DIR *dir = opendir(test_fmt("/proc/%d/fd", g->pid));
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Waits until the daemon has this many fds: it may notice a close late. */
static inline void guard_wait_fds(const struct guard *g, int want)
{
	int n = 0;

	for (int i = 0; i < 2000; i++) {
		n = guard_fds(g);
		if (n == want)
			return;
		usleep(5000);
	}
	CHECK_EQ(n, want);
}

/* ---- a client */

/* Return: a connection, or -errno. */
static inline int guard_try_connect(const struct guard *g)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", g->socket);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

static inline int guard_connect(const struct guard *g)
{
	return CHECK_OK(guard_try_connect(g));
}

static inline struct st_msg guard_msg(int type)
{
	static __u32 sequence;

	return (struct st_msg){
		.h = { .magic = ST_MSG_MAGIC,
		       .version = ST_MSG_VERSION,
		       .type = (__u16)type,
		       .sequence = ++sequence },
	};
}

/* Return: 0 or -errno. creds may be NULL: then the kernel fills them in. */
static inline int guard_send(int fd, const void *bytes, size_t len,
			     const int *fds, unsigned int n_fds,
			     const struct ucred *creds)
{
	char control[CMSG_SPACE(256 * sizeof(int)) +
		     CMSG_SPACE(sizeof(*creds))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;

	if (n_fds) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
		hdr.msg_controllen += CMSG_SPACE(n_fds * sizeof(int));
	}
	if (creds) {
		c = (struct cmsghdr *)(void *)(control + hdr.msg_controllen);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_CREDENTIALS;
		c->cmsg_len = CMSG_LEN(sizeof(*creds));
		memcpy(CMSG_DATA(c), creds, sizeof(*creds));
		hdr.msg_controllen += CMSG_SPACE(sizeof(*creds));
	}
	if (hdr.msg_controllen)
		hdr.msg_control = control;
	/* musl's sendmsg() has a lower limit than the kernel */
	return syscall(SYS_sendmsg, fd, &hdr, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Receives a message; *pass: its descriptor, or -1. Return: the length. */
static inline ssize_t guard_receive(int fd, struct st_msg *msg, int *pass)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { msg, sizeof(*msg) };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	guard_wait_readable(fd, "an answer");
	n = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	c = CMSG_FIRSTHDR(&hdr);
	if (pass) {
		*pass = -1;
		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(pass, CMSG_DATA(c), sizeof(int));
	}
	return n;
}

/* The daemon must have closed the connection, without an answer. */
static inline void guard_is_closed(int fd)
{
	struct st_msg msg;

	CHECK_EQ(guard_receive(fd, &msg, NULL), 0);
	CHECK_SYS(close(fd));
}

/* Asks, and waits for the answer behind any news. Return: 0 or its -errno. */
static inline int guard_call(int fd, struct st_msg *msg, int pass, int *got)
{
	const struct st_msg_header h = msg->h;

	CHECK_EQ(guard_send(fd, msg, sizeof(*msg), &pass, pass >= 0, NULL), 0);
	do {
		CHECK_EQ(guard_receive(fd, msg, got), sizeof(*msg));
	} while (msg->h.type == ST_MSG_INVALIDATED);
	CHECK_EQ(msg->h.magic, ST_MSG_MAGIC);
	CHECK_EQ(msg->h.version, ST_MSG_VERSION);
	CHECK_EQ(msg->h.sequence, h.sequence);
	if (msg->h.type != ST_MSG_ITEM)
		CHECK_EQ(msg->h.type, h.type);
	CHECK_GE(msg->h.error, 0);
	return -msg->h.error;
}

static inline struct st_msg_status guard_status(int fd)
{
	struct st_msg msg = guard_msg(ST_MSG_STATUS);

	CHECK_EQ(guard_call(fd, &msg, -1, NULL), 0);
	return msg.u.status;
}

/* Return: 0 or -errno. */
static inline int guard_register(int fd, const char *path, __u32 flags,
				 struct st_msg *answer)
{
	int file = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	int ret;

	*answer = guard_msg(ST_MSG_REGISTER);
	answer->u.reg.flags = flags;
	ret = guard_call(fd, answer, file, NULL);
	CHECK_SYS(close(file));
	return ret;
}

static inline uint64_t guard_add(int fd, const char *path)
{
	struct st_msg msg;

	CHECK_EQ(guard_register(fd, path, 0, &msg), 0);
	CHECK_NE(msg.h.id, 0);
	return msg.h.id;
}

static inline int guard_unregister(int fd, uint64_t id)
{
	struct st_msg msg = guard_msg(ST_MSG_UNREGISTER);

	msg.h.id = id;
	return guard_call(fd, &msg, -1, NULL);
}

#define ALICE 64001
#define BOB 64002

/*
 * Starts a daemon that ALICE and BOB may connect to, and a client. *fds: the
 * number of the daemon's descriptors then.
 */
static inline struct guard guard_with_client(int *fd, int *fds)
{
	char *const extra[] = { "--group", test_fmt("%d", GUARD_GROUP), NULL };
	struct guard g = guard_start(test_is_root() ? extra : NULL);

	*fd = guard_connect(&g);
	guard_status(*fd);
	*fds = guard_fds(&g);
	return g;
}

/* The item of one template. Return: 0 or -errno. */
static inline int guard_show(int fd, uint64_t id, struct st_msg_item *item)
{
	struct st_msg msg = guard_msg(ST_MSG_LIST), end;
	int ret;

	msg.h.id = id;
	ret = guard_call(fd, &msg, -1, NULL);
	if (ret < 0 || msg.h.type == ST_MSG_LIST)
		return ret < 0 ? ret : -ENODATA;
	CHECK_EQ(msg.h.id, id);
	CHECK_EQ(guard_receive(fd, &end, NULL), sizeof(end));
	CHECK_EQ(end.h.type, ST_MSG_LIST);
	*item = msg.u.item;
	return 0;
}

/* Checks that the ids of a list grow. Return: the number of its templates. */
static inline int guard_count(int fd)
{
	struct st_msg msg = guard_msg(ST_MSG_LIST);
	uint64_t last = 0;
	int n = 0;

	CHECK_EQ(guard_call(fd, &msg, -1, NULL), 0);
	while (msg.h.type == ST_MSG_ITEM) {
		CHECK_GT(msg.h.id, last);
		last = msg.h.id;
		n++;
		CHECK_EQ(guard_receive(fd, &msg, NULL), sizeof(msg));
	}
	CHECK_EQ(msg.h.type, ST_MSG_LIST);
	return n;
}

/* Waits until so many templates are there. */
static inline void guard_wait_templates(int fd, unsigned int want)
{
	unsigned int n = 0;

	for (int i = 0; i < 2000; i++) {
		n = guard_status(fd).templates;
		if (n == want)
			return;
		usleep(5000);
	}
	CHECK_EQ(n, want);
}

/* ---- events of the kernel: FAKE_LOADER_EVENTS must be set */

static inline void guard_events_at(void)
{
	setenv("FAKE_LOADER_EVENTS", test_path("events"), 1);
}

static inline void guard_event(struct exec_event event)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = CHECK_SYS(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
		 getenv("FAKE_LOADER_EVENTS"));
	CHECK_EQ(sendto(fd, &event, sizeof(event), 0, (struct sockaddr *)&addr,
			sizeof(addr)),
		 sizeof(event));
	CHECK_SYS(close(fd));
}

#endif
