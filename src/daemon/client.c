/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections. No client can make the daemon wait, grow or work without limit:
 *
 * - In each round the daemon reads a few requests of a connection, then goes on
 *   to the next.
 * - It reads nothing more from a client before the last answer has gone out,
 *   and disconnects a client that does not take an answer for long.
 * - News waits in the registry, not in a queue, and answers go before news.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "daemon/client.h"
#include "daemon/close.h"
#include "shared/log/log.h"

#define ACCEPT_ROUND 16
#define REQUEST_ROUND 8
#define SEND_ROUND 32
#define PATIENCE (10 * 1000 * ST_MS)

#define UID_UNKNOWN UINT32_MAX

struct client {
	struct watch watch;
	struct peer peer;
	struct clients *clients;
	struct client *next, *previous;
	uint32_t interest; /* the last value given to epoll */

	/* The request being answered; nothing more is read before its end. */
	bool is_answering;
	bool with_words; /* the answer has a descriptor */
	bool is_listing;
	uint64_t list_after, list_last; /* ids: sent, the last to send */
	int64_t since; /* nothing has gone out since */
	struct st_msg *answer;
};

static struct client *of_peer(struct peer *peer)
{
	return (struct client *)(void *)((char *)peer -
					 offsetof(struct client, peer));
}

/* ---- the end */

static void free_client(struct watch *watch)
{
	struct client *c = WATCH_OWNER(struct client, watch);

	free(c->answer);
	free(c);
}

/* Closes a connection, whose unread messages may hold descriptors. */
static void close_connection(int fd, uint32_t person)
{
	if (socket_has_unread(fd))
		foreign_drop(fd, person);
	else
		close(fd);
}

static void close_client(struct client *c, const char *reason)
{
	struct registry *registry = c->clients->registry;
	uint32_t person = c->peer.user->person;

	log_verbose("process %u (uid %u) disconnected: %s",
		    c->peer.process->pid, c->peer.uid, reason);
	if (c->previous)
		c->previous->next = c->next;
	else
		c->clients->first = c->next;
	if (c->next)
		c->next->previous = c->previous;
	peer_close(registry, &c->peer);
	close_connection(loop_take(registry->loop, &c->watch), person);
}

static void hang_up(struct peer *peer)
{
	close_client(of_peer(peer), "the process has ended");
}

/* ---- sending */

static void set_interest(struct client *c)
{
	uint32_t interest = c->is_answering    ? EPOLLOUT
			    : c->peer.has_news ? EPOLLIN | EPOLLOUT
					       : EPOLLIN;

	if (interest == c->interest)
		return;
	if (!loop_change(c->clients->registry->loop, &c->watch, interest))
		c->interest = interest;
}

static void news(struct peer *peer)
{
	set_interest(of_peer(peer));
}

/*
 * Sends the next item of the list. Return: as socket_send(); -ENOENT: no more.
 */
static int send_item(struct client *c)
{
	const struct registry *registry = c->clients->registry;
	struct template *t = registry_after(registry, c->list_after);
	struct st_msg msg = { .h = c->answer->h };
	int ret;

	while (t && t->id <= c->list_last && !registry_may_see(&c->peer, t))
		t = registry_after(registry, t->id);
	if (!t || t->id > c->list_last)
		return -ENOENT;
	msg.h.type = ST_MSG_ITEM;
	msg.h.id = t->id;
	registry_item(registry, t, &msg.u.item);
	ret = socket_send(c->watch.fd, &msg, -1);
	if (!ret)
		c->list_after = t->id;
	return ret;
}

/* Return: 0: the answer is out; -EAGAIN: try again later; or -errno. */
static int send_answer(struct client *c)
{
	struct loader *loader = c->clients->registry->loader;
	int ret, sent = 0;

	while (c->is_listing) {
		ret = sent < SEND_ROUND ? send_item(c) : -EAGAIN;
		if (!ret)
			c->since = st_now();
		sent++;
		if (ret == -ENOENT)
			c->is_listing = false;
		else if (ret == -EPIPE)
			break;
		else if (ret < 0)
			return ret;
	}
	ret = socket_send(c->watch.fd, c->answer,
			  c->with_words ? loader_words_fd(loader) : -1);
	/* a client that has gone may have sent more requests, which count */
	if (ret < 0 && ret != -EPIPE)
		return ret;
	c->is_answering = false;
	c->with_words = false;
	return 0;
}

/* Return: 0, -EAGAIN or -errno. */
static int send_news(struct client *c)
{
	struct template *t;
	int ret;

	for (int i = 0; i < SEND_ROUND; i++) {
		struct st_msg msg = {
			.h = { .magic = ST_MSG_MAGIC,
			       .version = ST_MSG_VERSION,
			       .type = ST_MSG_INVALIDATED },
		};

		t = registry_next_news(&c->peer);
		if (!t)
			return 0;
		msg.h.id = t->id;
		msg.u.invalidated.why = t->why;
		ret = socket_send(c->watch.fd, &msg, -1);
		if (ret < 0)
			return ret;
		t->is_news = false;
	}
	return 0;
}

/* Sends as much as the socket takes. Return: false: the client was closed. */
static bool send_all(struct client *c)
{
	int ret = c->is_answering ? send_answer(c) : 0;

	if (!ret)
		ret = send_news(c);
	if (ret < 0 && ret != -EAGAIN) {
		close_client(c, "it cannot be answered");
		return false;
	}
	return true;
}

/* ---- receiving */

static void begin_answer(struct client *c, enum request_result result)
{
	c->is_answering = true;
	c->since = st_now();
	c->with_words = result == REQUEST_ANSWER_WORDS;
	c->is_listing = result == REQUEST_LIST || result == REQUEST_LIST_ONE;
	c->list_after = 0;
	c->list_last = UINT64_MAX;
	if (result == REQUEST_LIST_ONE) {
		c->list_last = c->answer->h.id;
		c->list_after = c->list_last - 1;
	}
}

/*
 * Takes a message that is at the front of the queue: a message that is refused
 * stays there with its descriptors. Return: a reason to close the connection;
 * NULL: none.
 */
static const char *take(struct client *c, unsigned char bytes[ST_MSG_SIZE],
			ssize_t *n, struct request_facts *facts)
{
	enum foreign_found found = FOREIGN_PATH;

	if (facts->has_fds) {
		c->peer.reason =
			request_judge(&c->peer, bytes, (size_t)*n, facts);
		if (c->peer.reason)
			return c->peer.reason;
		found = foreign_look(c->watch.fd);
	}
	if (found == FOREIGN_MANY)
		return "a message with too many descriptors";
	if (found == FOREIGN_UNKNOWN)
		return "its descriptor cannot be looked at";
	if (found == FOREIGN_OTHER)
		return NULL;
	*n = socket_receive(c->watch.fd, bytes, ST_MSG_SIZE, facts);
	if (*n < 0)
		return "it cannot be read from";
	/* the process that has looked holds a copy of a lost one */
	return facts->has_fds && facts->fd < 0 ? "out of descriptors" : NULL;
}

static bool handle(struct client *c, const unsigned char *bytes, size_t n,
		   const struct request_facts *facts)
{
	enum request_result result = request_handle(
		c->clients->registry, &c->peer, bytes, n, facts, c->answer);

	/* not the last close: see close.c */
	if (facts->fd >= 0)
		close(facts->fd);
	if (facts->has_fds)
		foreign_let_go(c->peer.user->person);
	if (result == REQUEST_CLOSE) {
		close_client(c, c->peer.reason);
		return false;
	}
	begin_answer(c, result);
	return send_all(c);
}

/* Handles one request. Return: false: no request, or the client was closed. */
static bool receive(struct client *c)
{
	unsigned char bytes[ST_MSG_SIZE];
	struct request_facts facts;
	const char *reason;
	ssize_t n;

	if (foreign_is_busy(c->peer.user->person)) {
		close_client(c, "descriptors of users take long to close");
		return false;
	}
	n = socket_peek(c->watch.fd, bytes, sizeof(bytes), &facts);
	if (n == -EAGAIN)
		return false;
	if (n == -ECONNRESET) /* reported once; messages follow it */
		return true;
	if (n < 0 || (n == 0 && !facts.has_creds && !facts.has_fds)) {
		close_client(c, n ? "it cannot be read from" : "by itself");
		return false;
	}
	reason = take(c, bytes, &n, &facts);
	if (!reason)
		return handle(c, bytes, (size_t)n, &facts);
	foreign_let_go(c->peer.user->person);
	close_client(c, reason);
	return false;
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct client *c = WATCH_OWNER(struct client, watch);

	if (events & EPOLLOUT && !send_all(c))
		return;
	/* read all that was sent before handling the end */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		for (int i = 0; i < REQUEST_ROUND && !c->is_answering; i++)
			if (!receive(c))
				break;
		if (watch->gone)
			return;
		if (c->is_answering && events & (EPOLLHUP | EPOLLERR)) {
			close_client(c, "by itself");
			return;
		}
	}
	set_interest(c);
}

/* ---- accepting */

/* Return: 0; -errno, with fd and pidfd still the caller's, or closed. */
static int add_client(struct clients *clients, int fd, uint32_t uid,
		      struct process *process)
{
	struct registry *registry = clients->registry;
	struct client *c = calloc(1, sizeof(*c));
	int ret = -ENOMEM;

	if (c)
		c->answer = malloc(sizeof(*c->answer));
	if (!c || !c->answer)
		goto fail;
	c->watch = (struct watch){ .fd = fd,
				   .ready = client_ready,
				   .free = free_client };
	c->clients = clients;
	c->interest = EPOLLIN;
	c->peer.process = process;
	ret = peer_open(registry, &c->peer, uid);
	if (ret < 0)
		goto fail;
	ret = loop_add(registry->loop, &c->watch, EPOLLIN);
	if (ret < 0) {
		process->holds++; /* the caller gives it up */
		peer_close(registry, &c->peer);
		goto fail;
	}
	c->next = clients->first;
	if (c->next)
		c->next->previous = c;
	clients->first = c;
	set_interest(c);
	return 0;
fail:
	if (c)
		free(c->answer);
	free(c);
	return ret;
}

static void take_up(struct clients *clients, int fd)
{
	struct process *process = NULL;
	uint32_t pid = 0, uid = UID_UNKNOWN;
	int pidfd, ret;

	ret = socket_peer(fd, &pid, &uid, &pidfd);
	if (!ret) {
		process = process_hold(clients->registry, pid, pidfd);
		ret = process ? add_client(clients, fd, uid, process) : -errno;
	}
	if (!ret) {
		log_verbose("process %u (uid %u) connected", pid, uid);
		return;
	}
	log_verbose("process %u (uid %u) was not connected: %s", pid, uid,
		    ret == -EUSERS ? "too many connections" : strerror(-ret));
	if (process)
		process_release(process);
	close_connection(fd, person_of(uid));
}

/* Stops accepting, until clients_go_on(). Return: false: it did not. */
static bool pause_accepting(struct clients *clients)
{
	if (!foreign_is_full() ||
	    loop_change(clients->registry->loop, &clients->watch, 0))
		return false;
	clients->is_paused = true;
	return true;
}

/*
 * Accepts a connection with the spare descriptor, as no other is left, and
 * closes it. Otherwise its process would wait, and the waiting connection would
 * wake the daemon for ever.
 */
static bool refuse_by_spare(struct clients *clients)
{
	int fd;

	if (clients->spare_fd < 0)
		return false;
	close(clients->spare_fd);
	fd = accept4(clients->watch.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close_connection(fd, UID_UNKNOWN);
	clients->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_verbose("out of descriptors: a connection was refused");
	return fd >= 0;
}

static void listener_ready(struct watch *watch, uint32_t events)
{
	struct clients *clients = WATCH_OWNER(struct clients, watch);

	(void)events;
	if (clients->spare_fd < 0)
		clients->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < ACCEPT_ROUND && !pause_accepting(clients); i++) {
		int fd = accept4(watch->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			take_up(clients, fd);
		else if (errno == EMFILE || errno == ENFILE) {
			if (!refuse_by_spare(clients))
				return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

int clients_open(struct clients *clients, struct registry *registry, int fd)
{
	*clients = (struct clients){
		.watch = { .fd = fd, .ready = listener_ready },
		.registry = registry,
		.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
	};
	registry->hang_up = hang_up;
	registry->news = news;
	return loop_add(registry->loop, &clients->watch, EPOLLIN);
}

void clients_close(struct clients *clients)
{
	while (clients->first)
		close_client(clients->first, "the daemon ends");
	if (clients->spare_fd >= 0)
		close(clients->spare_fd);
	clients->spare_fd = -1;
}

void clients_go_on(struct clients *clients)
{
	if (clients->is_paused && !foreign_is_full() &&
	    !loop_change(clients->registry->loop, &clients->watch, EPOLLIN))
		clients->is_paused = false;
}

void clients_check(struct clients *clients, int64_t now)
{
	struct client *next;

	for (struct client *c = clients->first; c; c = next) {
		next = c->next;
		if (c->is_answering && now - c->since > PATIENCE)
			close_client(c, "it does not read its answers");
	}
}
