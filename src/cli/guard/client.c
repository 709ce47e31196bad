/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of the guard's daemon, for people. The daemon may be absent, of
 * another version, or hang: each case ends in an error that names the remedy.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/peer.h"
#include "cli/cli.h"
#include "cli/guard/account.h"
#include "cli/guard/client.h"

#define WAIT_SECONDS 5 /* for each message */
#define RETRY_NS 20000000 /* between attempts to connect */
#define ITEMS_MAX 65536 /* more than any daemon has */

CLI_PRINTF(3, 4)
static int guard_fail(struct guard_error *e, int error, const char *fmt, ...)
{
	va_list ap;

	e->error = error;
	e->missing = false;
	e->remedy[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -error;
}

CLI_PRINTF(2, 3)
static void remedy(struct guard_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->remedy, sizeof(e->remedy), fmt, ap);
	va_end(ap);
}

int guard_say(const struct guard_error *e)
{
	out_error("%s", e->text);
	if (*e->remedy)
		out_remedy("%s", e->remedy);
	return CLI_FAILED;
}

/* ---- facts that need no daemon */

int guard_pinned_links(void)
{
	DIR *dir = opendir(ST_GUARD_PINS "/links");
	int n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ---- reasons for having no connection */

static int no_daemon(struct guard_error *e, int error, const char *path)
{
	int ret, links = guard_pinned_links();

	ret = guard_fail(e, error, "no guard is running: %s: %s%s", path,
			 strerror(error),
			 links > 0 ? " (there are pins in " ST_GUARD_PINS
				     "; their effect is not proved)"
				   : "");
	remedy(e, "start it: sudo spawn-templated, or "
		  "systemctl start spawn-templated.socket");
	return ret;
}

/* Report an empty name, which means "no socket", as in the library. */
static int no_socket(struct guard_error *e)
{
	int ret = guard_fail(
		e, ENOENT,
		"no guard is to be asked: the socket's name is empty");

	remedy(e, "unset " ST_GUARD_SOCKET_ENV ", or name a socket by "
		  "--socket");
	return ret;
}

static int no_permission(struct guard_error *e, int error, const char *path)
{
	int ret = guard_fail(e, error, "%s: %s", path, strerror(error));
	char group[64];
	struct stat st;

	if (stat(path, &st) == 0 && st.st_gid != 0 &&
	    account_group(st.st_gid, group, sizeof(group)))
		remedy(e,
		       "join the group %s and log in again: "
		       "sudo usermod -aG %s \"$USER\"",
		       group, group);
	else
		remedy(e, "run as root, or have the daemon admit the group "
			  "spawn-template: create it, join it, and start "
			  "spawn-templated again");
	return ret;
}

static int not_connected(struct guard_error *e, int error, const char *path)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return no_daemon(e, error, path);
	case EACCES:
	case EPERM:
		return no_permission(e, error, path);
	case EPROTOTYPE:
	case ENOTSOCK:
		return guard_fail(e, error, "%s is not the socket of a guard",
				  path);
	default:
		return guard_fail(e, error, "%s: %s", path, strerror(error));
	}
}

static int other_version(struct guard_error *e, const char *what)
{
	int ret = guard_fail(e, EPROTO, "%s", what);

	remedy(e, "install tool and daemon of one version (this is " VERSION
		  ", the daemon's is told by spawn-templated --version), and "
		  "start the daemon again");
	return ret;
}

static int no_answer(struct guard_error *e)
{
	int ret = guard_fail(e, ETIMEDOUT,
			     "the daemon did not answer within %d s",
			     WAIT_SECONDS);

	remedy(e,
	       "read its messages, by journalctl -u spawn-templated, say, and "
	       "restart it");
	return ret;
}

/* ---- the connection */

/*
 * Wait until deadline, or for an event of fd; -1: none.
 * Return: 1, 0 if the time is up, or -errno.
 */
static int wait_for(const struct guard *guard, int fd, short events,
		    int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - st_now();
		struct timespec ts = { 0 };
		int n;

		if (left > 0) {
			ts.tv_sec = left / 1000000000;
			ts.tv_nsec = left % 1000000000;
		}
		n = ppoll(&pfd, 1, &ts, guard->mask);
		if (n >= 0)
			return n;
		if (errno != EINTR || guard->mask)
			return -errno;
	}
}

static int64_t deadline_from_now(void)
{
	return st_now() + WAIT_SECONDS * INT64_C(1000000000);
}

/* Connect, and retry while the daemon's queue is full. Return: 0 or -errno. */
static int connect_in_time(const struct guard *guard,
			   const struct sockaddr_un *address)
{
	int64_t deadline = deadline_from_now();

	while (connect(guard->fd, (const struct sockaddr *)address,
		       sizeof(*address)) < 0) {
		int err;

		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (st_now() >= deadline)
			return -ETIMEDOUT;
		err = wait_for(guard, -1, 0, st_now() + RETRY_NS);
		if (err < 0)
			return err;
	}
	return 0;
}

static int open_socket(struct guard *guard, const char *path,
		       struct guard_error *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return guard_fail(e, ENAMETOOLONG, "%s: the name is too long",
				  path);
	strcpy(address.sun_path, path);
	guard->fd = socket(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (guard->fd < 0)
		return guard_fail(e, errno, "socket: %s", strerror(errno));
	err = connect_in_time(guard, &address);
	if (!err)
		return 0;
	return err == -ETIMEDOUT ? no_answer(e) : not_connected(e, -err, path);
}

/*
 * Check the peer by the library's rule: anybody may listen at their own path.
 */
static int check_peer(const struct guard *guard, const char *path,
		      bool is_named, struct guard_error *e)
{
	int err = st_guard_check_peer(guard->fd, path, is_named);

	if (!err)
		return 0;
	if (err != -EACCES)
		return guard_fail(e, -err, "%s: %s", path, strerror(-err));
	guard_fail(e, EACCES, "%s: the process that listens there is %s", path,
		   is_named ? "neither root nor you" : "not root");
	remedy(e, "find that process: ss -xlp src %s", path);
	return err;
}

void guard_disconnect(struct guard *guard)
{
	if (guard->fd >= 0)
		close(guard->fd);
	guard->fd = -1;
}

/* ---- messages */

static int closed(const struct guard *guard, struct guard_error *e)
{
	if (guard->sequence > 1)
		return guard_fail(e, ECONNRESET,
				  "the daemon closed the connection");
	return other_version(e, "the daemon closed the connection, as it does "
				"with tools of another version, and when it "
				"has too many clients");
}

static int send_request(struct guard *guard, enum st_msg_type type, uint64_t id,
			struct guard_error *e)
{
	struct st_msg msg = {
		.h = {
			.magic = ST_MSG_MAGIC,
			.version = ST_MSG_VERSION,
			.type = (uint16_t)type,
			.sequence = ++guard->sequence,
			.id = id,
		},
	};
	int64_t deadline = deadline_from_now();

	while (send(guard->fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0) {
		int n = errno == EAGAIN ? 1 : -errno;

		if (n == 1)
			n = wait_for(guard, guard->fd, POLLOUT, deadline);
		if (n == 0)
			return no_answer(e);
		if (n == -EPIPE || n == -ECONNRESET)
			return closed(guard, e);
		if (n < 0 && (n != -EINTR || guard->mask))
			return guard_fail(e, -n, "cannot ask the daemon: %s",
					  strerror(-n));
	}
	return 0;
}

static int check_header(const struct st_msg *msg, ssize_t size,
			struct guard_error *e)
{
	char text[96];

	if (size < (ssize_t)sizeof(msg->h) || msg->h.magic != ST_MSG_MAGIC)
		return other_version(e, "the process that answers is not a "
					"guard, or has another version");
	if (msg->h.version == ST_MSG_VERSION && size == sizeof(*msg))
		return 0;
	snprintf(text, sizeof(text),
		 "the daemon speaks version %d of the protocol, this tool "
		 "version %d",
		 msg->h.version, ST_MSG_VERSION);
	return other_version(e, text);
}

/* Receive the next message for the request under way. */
static int receive(struct guard *guard, struct st_msg *msg,
		   struct guard_error *e)
{
	int64_t deadline = deadline_from_now();
	ssize_t size;
	int err;

	for (;;) {
		err = wait_for(guard, guard->fd, POLLIN, deadline);
		if (err == 0)
			return no_answer(e);
		size = err < 0 ? err
			       : recv(guard->fd, msg, sizeof(*msg), MSG_TRUNC);
		if (err >= 0 && size < 0)
			size = -errno;
		if (size == -EAGAIN)
			continue;
		if (size == 0 || size == -ECONNRESET)
			return closed(guard, e);
		if (size < 0)
			return guard_fail(e, (int)-size, "no answer: %s",
					  strerror((int)-size));
		err = check_header(msg, size, e);
		if (err)
			return err;
		if (msg->h.type != ST_MSG_INVALIDATED)
			return 0;
	}
}

static int mixed_up(struct guard_error *e)
{
	return other_version(e, "cannot understand the daemon's answer");
}

/* Check that this message answers the request under way. */
static int expect_answer(const struct guard *guard, const struct st_msg *msg,
			 enum st_msg_type type, struct guard_error *e)
{
	if (msg->h.type != type || msg->h.sequence != guard->sequence ||
	    msg->h.error < 0)
		return mixed_up(e);
	if (msg->h.error)
		return guard_fail(e, msg->h.error, "the daemon says: %s",
				  strerror(msg->h.error));
	return 0;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Check words of the daemon's own. */
static bool printable(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return n < size;
}

/* ---- the requests */

/* Send HELLO. The answer carries a descriptor, which is not received here. */
static int greet(struct guard *guard, struct guard_error *e)
{
	struct st_msg msg;
	int err = send_request(guard, ST_MSG_HELLO, 0, e);

	if (!err)
		err = receive(guard, &msg, e);
	return err ? err : expect_answer(guard, &msg, ST_MSG_HELLO, e);
}

int guard_connect(struct guard *guard, const char *path, struct guard_error *e)
{
	bool is_named;
	int err;

	guard->fd = -1;
	guard->sequence = 0;
	if (!path)
		path = secure_getenv(ST_GUARD_SOCKET_ENV);
	is_named = path != NULL;
	if (!path)
		path = ST_GUARD_SOCKET;
	if (!*path)
		return no_socket(e);
	err = open_socket(guard, path, e);
	if (!err)
		err = check_peer(guard, path, is_named, e);
	if (!err)
		err = greet(guard, e);
	if (err)
		guard_disconnect(guard);
	return err;
}

int guard_get_status(struct guard *guard, struct st_msg_status *status,
		     struct guard_error *e)
{
	struct st_msg msg;
	int err = send_request(guard, ST_MSG_STATUS, 0, e);

	if (!err)
		err = receive(guard, &msg, e);
	if (!err)
		err = expect_answer(guard, &msg, ST_MSG_STATUS, e);
	if (!err &&
	    (!printable(msg.u.status.version, sizeof(msg.u.status.version)) ||
	     !printable(msg.u.status.kernel, sizeof(msg.u.status.kernel))))
		err = mixed_up(e);
	if (err)
		guard_disconnect(guard);
	else
		*status = msg.u.status;
	return err;
}

static int add_item(struct guard_list *list, const struct st_msg *msg,
		    struct guard_error *e)
{
	const struct st_msg_item *item = &msg->u.item;
	struct guard_item *items = list->items;

	if (!msg->h.id || list->n >= ITEMS_MAX ||
	    !terminated(item->comm, sizeof(item->comm)) ||
	    !terminated(item->path, sizeof(item->path)))
		return mixed_up(e);
	/* at a power of two the array is full */
	if ((list->n & (list->n - 1)) == 0) {
		items = realloc(items,
				(list->n ? 2 * list->n : 1) * sizeof(*items));
		if (!items)
			return guard_fail(e, ENOMEM, "out of memory");
		list->items = items;
	}
	items[list->n].id = msg->h.id;
	items[list->n++].i = *item;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct guard_item *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Sort by id and keep each item once: the daemon may have sent some twice. */
static void sort_items(struct guard_list *list)
{
	size_t kept = 0;

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), by_id);
	for (size_t i = 0; i < list->n; i++)
		if (!kept || list->items[i].id != list->items[kept - 1].id)
			list->items[kept++] = list->items[i];
	list->n = kept;
}

static int collect_items(struct guard *guard, struct guard_list *list,
			 struct guard_error *e)
{
	struct st_msg msg;
	int err;

	for (;;) {
		err = receive(guard, &msg, e);
		if (err)
			return err;
		if (msg.h.type != ST_MSG_ITEM)
			return expect_answer(guard, &msg, ST_MSG_LIST, e);
		err = expect_answer(guard, &msg, ST_MSG_ITEM, e);
		if (!err)
			err = add_item(list, &msg, e);
		if (err)
			return err;
	}
}

int guard_get_list(struct guard *guard, uint64_t id, struct guard_list *list,
		   struct guard_error *e)
{
	int err = send_request(guard, ST_MSG_LIST, id, e);

	*list = (struct guard_list){ 0 };
	if (!err)
		err = collect_items(guard, list, e);
	if (err)
		guard_disconnect(guard);
	if (id && (err == -ENOENT || (!err && list->n == 0))) {
		err = guard_fail(
			e, ENOENT,
			"there is no template %llu, or it is not yours",
			(unsigned long long)id);
		e->missing = true;
	}
	if (err) {
		guard_list_free(list);
		return err;
	}
	sort_items(list);
	return 0;
}

void guard_list_free(struct guard_list *list)
{
	free(list->items);
	*list = (struct guard_list){ 0 };
}
