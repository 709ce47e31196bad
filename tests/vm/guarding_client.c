/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of the daemon that believes each answer.
 */
#include "guarding.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MS 20000

/* ---- messages */

int client_send(struct client *c, const struct st_msg *msg, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg, sizeof(*msg) };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		hdr.msg_control = control.buf;
		hdr.msg_controllen = sizeof(control.buf);
	}
	if (sendmsg(c->sock, &hdr, MSG_NOSIGNAL) != sizeof(*msg))
		return -ECONNRESET;
	return 0;
}

/* Return: 0; -ETIMEDOUT; -ECONNRESET. */
int client_receive(struct client *c, struct st_msg *msg, int ms, int *fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct pollfd pfd = { .fd = c->sock, .events = POLLIN };
	struct iovec iov = { msg, sizeof(*msg) };
	struct msghdr hdr = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *with;

	if (poll(&pfd, 1, ms) == 0)
		return -ETIMEDOUT;
	if (recvmsg(c->sock, &hdr, MSG_CMSG_CLOEXEC) != sizeof(*msg))
		return -ECONNRESET;
	with = CMSG_FIRSTHDR(&hdr);
	*fd = -1;
	if (with && with->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(with), sizeof(*fd));
	return 0;
}

static void keep_news(struct client *c, const struct st_msg *msg)
{
	if (c->n_news < TEST_COUNT(c->news))
		c->news[c->n_news++] = *msg;
}

/* Return: 0, or -errno of the connection. */
static int await_answer(struct client *c, struct st_msg *msg, int *fd)
{
	int ret;

	do {
		ret = client_receive(c, msg, ANSWER_MS, fd);
		if (ret < 0)
			return ret;
		if (msg->h.type == ST_MSG_INVALIDATED)
			keep_news(c, msg);
	} while (msg->h.type == ST_MSG_INVALIDATED);
	return msg->h.sequence == c->sequence ? 0 : -EPROTO;
}

static int ask(struct client *c, struct st_msg *msg, int fd, int *with)
{
	int ret;

	msg->h.magic = ST_MSG_MAGIC;
	msg->h.version = ST_MSG_VERSION;
	msg->h.sequence = ++c->sequence;
	ret = client_send(c, msg, fd);
	if (ret == 0)
		ret = await_answer(c, msg, with);
	return ret < 0 ? ret : -msg->h.error;
}

int client_ask(struct client *c, struct st_msg *msg, int fd)
{
	int with;

	return ask(c, msg, fd, &with);
}

/* ---- a connection */

static int say_hello(struct client *c)
{
	struct st_msg msg = { .h.type = ST_MSG_HELLO };
	int fd = -1, ret = ask(c, &msg, -1, &fd);
	void *words;

	if (ret < 0)
		return ret;
	if (fd < 0)
		return -EPROTO;
	c->n_words = msg.u.hello.words;
	words = mmap(NULL, c->n_words * sizeof(uint64_t), PROT_READ, MAP_SHARED,
		     fd, 0);
	close(fd);
	if (words == MAP_FAILED)
		return -errno;
	c->words = words;
	return 0;
}

int client_try(struct client *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
				    .sun_path = ST_GUARD_SOCKET };
	int ret;

	memset(c, 0, sizeof(*c));
	c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->sock < 0)
		return -errno;
	ret = connect(c->sock, (struct sockaddr *)&addr, sizeof(addr))
		      ? -errno
		      : say_hello(c);
	if (ret < 0)
		close(c->sock);
	return ret;
}

void client_open(struct client *c)
{
	CHECK_OK(client_try(c));
}

void client_close(struct client *c)
{
	munmap((void *)(uintptr_t)c->words, c->n_words * sizeof(uint64_t));
	close(c->sock);
}

/* ---- templates */

int client_register(struct client *c, int fd, uint32_t flags, struct reg *r)
{
	struct st_msg msg = { .h.type = ST_MSG_REGISTER };
	int ret;

	msg.u.reg.flags = flags;
	ret = client_ask(c, &msg, fd);
	if (ret < 0)
		return ret;
	r->fd = fd;
	r->id = msg.h.id;
	r->slot = msg.u.reg.slot;
	r->word = msg.u.reg.word;
	return 0;
}

int client_unregister(struct client *c, uint64_t id)
{
	struct st_msg msg = { .h.type = ST_MSG_UNREGISTER, .h.id = id };

	return client_ask(c, &msg, -1);
}

struct reg client_template(struct client *c, const char *path, uint32_t flags)
{
	struct reg r = { .fd = -1 };

	CHECK_OK(client_register(c, guard_open(path), flags, &r));
	CHECK_NE(r.id, 0);
	CHECK_LT(r.slot, c->n_words);
	CHECK(client_fresh(c, &r));
	return r;
}

bool client_fresh(const struct client *c, const struct reg *r)
{
	return c->words[r->slot] == r->word;
}

uint32_t client_news(struct client *c, uint64_t id)
{
	struct st_msg msg;
	int fd;

	for (;;) {
		for (unsigned int i = 0; i < c->n_news; i++) {
			uint32_t why = c->news[i].u.invalidated.why;

			if (c->news[i].h.id != id)
				continue;
			c->news[i] = c->news[--c->n_news];
			return why;
		}
		if (client_receive(c, &msg, 5000, &fd) < 0)
			return 0;
		CHECK_EQ(msg.h.type, ST_MSG_INVALIDATED);
		keep_news(c, &msg);
	}
}

/* ---- its templates */

/* Return: the number of items; *item is the last. */
static unsigned int list(struct client *c, uint64_t id,
			 struct st_msg_item *item)
{
	struct st_msg msg = { .h.type = ST_MSG_LIST, .h.id = id };
	unsigned int n = 0;
	int fd;

	CHECK_OK(client_ask(c, &msg, -1));
	for (; msg.h.type == ST_MSG_ITEM; n++) {
		*item = msg.u.item;
		CHECK_OK(await_answer(c, &msg, &fd));
	}
	CHECK_EQ(msg.h.type, ST_MSG_LIST);
	return n;
}

int client_find(struct client *c, uint64_t id, struct st_msg_item *item)
{
	struct st_msg msg = { .h.type = ST_MSG_LIST, .h.id = id };
	int ret = client_ask(c, &msg, -1), fd;

	if (ret < 0)
		return ret;
	if (msg.h.type != ST_MSG_ITEM)
		return -ENOENT;
	*item = msg.u.item;
	CHECK_OK(await_answer(c, &msg, &fd));
	return 0;
}

struct st_msg_item client_item(struct client *c, uint64_t id)
{
	struct st_msg_item item;

	CHECK_OK(client_find(c, id, &item));
	return item;
}

unsigned int client_list(struct client *c)
{
	struct st_msg_item item;

	return list(c, 0, &item);
}

struct st_msg_status client_status(struct client *c)
{
	struct st_msg msg = { .h.type = ST_MSG_STATUS };

	if (client_ask(c, &msg, -1) < 0)
		memset(&msg.u.status, 0, sizeof(msg.u.status));
	return msg.u.status;
}
