/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guard's daemon without a kernel behind it: a process that speaks the
 * protocol over a socket, notes its requests, and misbehaves as told. The test
 * writes the words in place of the kernel programs.
 *
 * It needs no harness. It ends with the process that started it.
 */
#ifndef TESTS_FAKE_GUARD_H
#define TESTS_FAKE_GUARD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/exec_cache.h"
#include "shared/proto.h"

#define FAKE_WORDS 4096
#define FAKE_CLIENTS 512

/* Ways to answer. */
enum fake_way {
	FAKE_WELL,
	FAKE_ERROR,		/* .error */
	FAKE_CHANGE,		/* well, but the file has changed meanwhile */
	FAKE_FLOOD,		/* well, after many INVALIDATED */
	FAKE_MUTE,		/* not at all */
	FAKE_HANG_UP,
	/* answers that no daemon gives */
	FAKE_SHORT,
	FAKE_LONG,
	FAKE_EMPTY,
	FAKE_MAGIC,
	FAKE_VERSION,
	FAKE_TYPE,
	FAKE_SEQUENCE,
	FAKE_BAD_ERROR,
	FAKE_FD,		/* adds an fd that nobody asked for */
	FAKE_FDS,		/* adds two such fds */
	FAKE_MANY_FDS,		/* adds more fds than fit */
	FAKE_ID,		/* REGISTER only: no id */
	FAKE_SLOT,		/* REGISTER only: beyond the words */
	FAKE_ASIDES,		/* INVALIDATED without end */
	FAKE_NO_FD,		/* HELLO only, as the ways below */
	FAKE_OTHER_FD,
	FAKE_NO_WORDS,
	FAKE_MANY_WORDS,
	FAKE_WAYS
};

struct fake_guard {
	/* set by the test */
	_Atomic int hello, reg;		/* enum fake_way */
	_Atomic int times;		/* how often, then FAKE_WELL; 0: always */
	_Atomic int error;
	_Atomic uint32_t why, last_why;	/* for the answer to LIST */
	char change[256];		/* the file to change */

	/* noted by the daemon */
	_Atomic int connections, now;	/* ever; at the moment */
	_Atomic int hellos, registers, unregisters, lists;
	_Atomic uint64_t last_id, unregistered;
	_Atomic int fd, fd_flags;	/* the last REGISTER sent it */
	struct st_msg request;		/* the last REGISTER */
	struct ucred sender;

	_Atomic uint64_t next_id;
	uint64_t *words;
	int words_fd;
	pid_t pid;
	char path[100];
};

static inline void fake_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fake guard: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- the daemon's process */

static inline void fake_send(int sock, const struct st_msg *msg, size_t size,
			     const int *fds, size_t n_fds)
{
	struct iovec iov = { (void *)msg, size };
	char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (n_fds) {
		hdr.msg_control = control;
		hdr.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&hdr);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	/* a client that does not read has gone, or will go */
	(void)!sendmsg(sock, &hdr, MSG_NOSIGNAL);
}

/* Return: the size, 0 at the end; *fd: the message's descriptor, or -1. */
static inline ssize_t fake_receive(int sock, struct st_msg *msg, int *fd,
				   struct ucred *sender)
{
	struct iovec iov = { msg, sizeof(*msg) };
	char control[256] = { 0 };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(sock, &hdr, MSG_CMSG_CLOEXEC);

	*fd = -1;
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&hdr); c;
	     c = CMSG_NXTHDR(&hdr, c)) {
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(c), sizeof(*fd));
		else if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(sender, CMSG_DATA(c), sizeof(*sender));
	}
	return n;
}

static inline void fake_invalidated(int sock, int n)
{
	struct st_msg msg = { .h = { .magic = ST_MSG_MAGIC,
				     .version = ST_MSG_VERSION,
				     .type = ST_MSG_INVALIDATED,
				     .id = 1 } };

	/* the client takes them meanwhile, or has closed */
	for (int i = 0; i < n; i++)
		fake_send(sock, &msg, sizeof(msg), NULL, 0);
}

static inline void fake_register(struct fake_guard *f, struct st_msg *msg,
				 int fd)
{
	uint64_t id = atomic_fetch_add(&f->next_id, 1);

	f->request = *msg;
	if (atomic_load(&f->fd) >= 0)
		close(atomic_load(&f->fd));
	atomic_store(&f->fd, fd);
	atomic_store(&f->fd_flags, fd < 0 ? -1 : fcntl(fd, F_GETFL));
	msg->h.id = id;
	msg->u.reg.slot = (uint32_t)(id % FAKE_WORDS);
	msg->u.reg.word = EXEC_STATE_WORD(id, EXEC_FRESH);
	__atomic_store_n(&f->words[id % FAKE_WORDS], msg->u.reg.word,
			 __ATOMIC_SEQ_CST);
	atomic_store(&f->last_id, id);
	atomic_fetch_add(&f->registers, 1);
}

/* Does the part of a way that comes before the answer. */
static inline void fake_meddle(struct fake_guard *f, int sock, int way)
{
	struct stat st;

	if (way == FAKE_CHANGE && stat(f->change, &st) == 0)
		(void)!chmod(f->change, (st.st_mode & 07777) ^ 022);
	if (way == FAKE_FLOOD)
		fake_invalidated(sock, 1000);
	if (way == FAKE_ASIDES)
		fake_invalidated(sock, 20000);
}

static inline void fake_spoil(struct fake_guard *f, int way, struct st_msg *msg)
{
	switch (way) {
	case FAKE_ERROR:
		msg->h.error = atomic_load(&f->error);
		break;
	case FAKE_MAGIC:
		msg->h.magic++;
		break;
	case FAKE_VERSION:
		msg->h.version++;
		break;
	case FAKE_TYPE:
		msg->h.type = ST_MSG_STATUS;
		break;
	case FAKE_SEQUENCE:
		msg->h.sequence++;
		break;
	case FAKE_BAD_ERROR:
		msg->h.error = -5;
		break;
	case FAKE_ID:
		msg->h.id = 0;
		break;
	case FAKE_SLOT:
		msg->u.reg.slot = FAKE_WORDS;
		break;
	case FAKE_NO_WORDS:
		msg->u.hello.words = 0;
		break;
	case FAKE_MANY_WORDS:
		msg->u.hello.words = 1U << 30;
		break;
	}
}

static inline size_t fake_size(int way)
{
	switch (way) {
	case FAKE_SHORT:
		return 24;
	case FAKE_LONG:
		return ST_MSG_SIZE + 8;
	case FAKE_EMPTY:
		return 0;
	default:
		return ST_MSG_SIZE;
	}
}

static inline size_t fake_n_fds(int way, size_t good)
{
	switch (way) {
	case FAKE_FD:
		return good + 1;
	case FAKE_FDS:
		return good + 2;
	case FAKE_MANY_FDS:
		return 16;
	case FAKE_NO_FD:
		return 0;
	default:
		return good;
	}
}

/* Answers this way. Return: true if the connection goes on. */
static inline bool fake_answer(struct fake_guard *f, int sock, int way,
			       struct st_msg *msg, int fd)
{
	struct {
		struct st_msg msg;
		char more[8];
	} big = { 0 };
	int fds[16];

	if (way == FAKE_MUTE || way == FAKE_HANG_UP)
		return way == FAKE_MUTE;
	for (int i = 0; i < 16; i++)
		fds[i] = fd >= 0 ? fd : f->words_fd;
	if (way == FAKE_OTHER_FD)
		fds[0] = sock;
	fake_meddle(f, sock, way);
	fake_spoil(f, way, msg);
	big.msg = *msg;
	fake_send(sock, &big.msg, fake_size(way), fds,
		  fake_n_fds(way, fd >= 0));
	return true;
}

/* Takes the way to answer this time. */
static inline int fake_way(struct fake_guard *f, _Atomic int *way)
{
	int now = atomic_load(way);

	if (now != FAKE_WELL && atomic_load(&f->times) &&
	    atomic_fetch_sub(&f->times, 1) == 1)
		atomic_store(way, FAKE_WELL);
	return now;
}

/* Return: true if the connection goes on. */
static inline bool fake_serve(struct fake_guard *f, int sock)
{
	struct ucred sender = { 0 };
	struct st_msg msg;
	int fd;
	ssize_t n = fake_receive(sock, &msg, &fd, &sender);

	if (n != ST_MSG_SIZE || msg.h.magic != ST_MSG_MAGIC)
		return false;
	f->sender = sender;
	switch (msg.h.type) {
	case ST_MSG_HELLO:
		atomic_fetch_add(&f->hellos, 1);
		msg.u.hello.words = FAKE_WORDS;
		return fake_answer(f, sock, fake_way(f, &f->hello), &msg,
				   f->words_fd);
	case ST_MSG_REGISTER:
		fake_register(f, &msg, fd);
		return fake_answer(f, sock, fake_way(f, &f->reg), &msg, -1);
	case ST_MSG_UNREGISTER:
		atomic_store(&f->unregistered, msg.h.id);
		atomic_fetch_add(&f->unregisters, 1);
		return fake_answer(f, sock, FAKE_WELL, &msg, -1);
	case ST_MSG_LIST:
		atomic_fetch_add(&f->lists, 1);
		msg.h.type = ST_MSG_ITEM;
		msg.u.item.why = atomic_load(&f->why);
		msg.u.item.last_why = atomic_load(&f->last_why);
		fake_send(sock, &msg, sizeof(msg), NULL, 0);
		msg.h.type = ST_MSG_LIST;
		return fake_answer(f, sock, FAKE_WELL, &msg, -1);
	default:
		return false;
	}
}

static inline void fake_accept(struct fake_guard *f, int listener,
			       struct pollfd *clients, int *n)
{
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0)
		return;
	fake_check(*n < FAKE_CLIENTS, "too many clients");
	clients[*n] = (struct pollfd){ .fd = sock, .events = POLLIN };
	++*n;
	atomic_fetch_add(&f->connections, 1);
	atomic_fetch_add(&f->now, 1);
}

static inline void fake_serve_for_ever(struct fake_guard *f, int listener)
{
	struct pollfd fds[FAKE_CLIENTS + 1];
	int n = 1;

	fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		if (poll(fds, (nfds_t)n, -1) < 0)
			continue;
		for (int i = n - 1; i > 0; i--) {
			if (!fds[i].revents || fake_serve(f, fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
			atomic_fetch_sub(&f->now, 1);
		}
		if (fds[0].revents)
			fake_accept(f, listener, fds, &n);
	}
}

static inline int fake_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1;

	fake_check(fd >= 0 && strlen(path) < sizeof(addr.sun_path), "socket");
	strcpy(addr.sun_path, path);
	unlink(path);
	fake_check(!setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) &&
			   !bind(fd, (void *)&addr, sizeof(addr)) &&
			   !chmod(path, 0666) && !listen(fd, 64),
		   path);
	return fd;
}

/* ---- the test's side */

/* Starts the daemon, or starts it again. uid: its user; -1: this process's. */
static inline void fake_start(struct fake_guard *f, int uid)
{
	pid_t parent = getpid(), pid;
	int ready[2], listener;
	char byte = 0;

	fake_check(!pipe2(ready, O_CLOEXEC), "pipe");
	pid = fork();
	fake_check(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		if (uid >= 0)
			fake_check(
				!setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid),
				"setresuid");
		atomic_store(&f->now, 0);
		atomic_store(&f->fd, -1);
		listener = fake_listen(f->path);
		fake_check(write(ready[1], &byte, 1) == 1, "write");
		close(ready[0]);
		close(ready[1]);
		fake_serve_for_ever(f, listener);
	}
	f->pid = pid;
	close(ready[1]);
	fake_check(read(ready[0], &byte, 1) == 1, "it did not start");
	close(ready[0]);
}

static inline void fake_kill(struct fake_guard *f)
{
	kill(f->pid, SIGKILL);
	fake_check(waitpid(f->pid, NULL, __WALL) == f->pid, "waitpid");
}

/* Names the socket to the library; the daemon does not run yet. */
static inline struct fake_guard *fake_new(const char *path)
{
	struct fake_guard *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	fake_check(f != MAP_FAILED && strlen(path) < sizeof(f->path), "mmap");
	strcpy(f->path, path);
	f->words_fd = memfd_create("words", MFD_CLOEXEC);
	fake_check(f->words_fd >= 0 && !ftruncate(f->words_fd, FAKE_WORDS * 8),
		   "memfd");
	f->words = mmap(NULL, FAKE_WORDS * 8, PROT_READ | PROT_WRITE,
			MAP_SHARED, f->words_fd, 0);
	fake_check(f->words != MAP_FAILED, "mmap");
	atomic_store(&f->next_id, 1000);
	fake_check(!setenv(ST_GUARD_SOCKET_ENV, path, 1), "setenv");
	return f;
}

/* Writes a word in place of the kernel programs. */
static inline void fake_set_word(struct fake_guard *f, uint64_t id,
				 uint64_t word)
{
	__atomic_store_n(&f->words[id % FAKE_WORDS], word, __ATOMIC_SEQ_CST);
}

static inline void fake_stale(struct fake_guard *f, uint64_t id, uint32_t why)
{
	atomic_store(&f->why, why);
	fake_set_word(f, id, EXEC_STATE_WORD(id, EXEC_STALE));
}

static inline void fake_unload(struct fake_guard *f)
{
	for (int i = 0; i < FAKE_WORDS; i++)
		fake_set_word(f, (uint64_t)i, 0);
}

#endif /* TESTS_FAKE_GUARD_H */
