/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients at a Unix socket: those of this server's user. Any other is let go at once, as
 * the programs that run here have this user's rights.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"

#define ACCEPT_NS INT64_C(100000000) /* between tries that fail */

static int fail(const char *path, int err)
{
	out_error("cannot listen at '%s': %s", path, strerror(err));
	return CLI_FAILED;
}

/*
 * Remove a socket that no server listens at. One that has clients in plenty is not waited
 * for.
 * Return: 0 or a positive errno.
 */
static int remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const void *)address, sizeof(*address)) == 0)
		err = EADDRINUSE;
	else if (errno != ECONNREFUSED)
		err = EADDRINUSE;
	close(fd);
	if (!err && (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode) ||
		     st.st_uid != geteuid()))
		err = EADDRINUSE;
	if (!err && unlink(address->sun_path))
		err = errno;
	return err;
}

static int bind_at(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0077);
	int err = bind(fd, (const void *)address, sizeof(*address)) ? errno : 0;

	umask(mask);
	return err;
}

int socket_listen(struct mcp *m, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(path, ENAMETOOLONG);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(path, errno);
	err = bind_at(fd, &address);
	if (err == EADDRINUSE) {
		err = remove_stale(&address);
		if (!err)
			err = bind_at(fd, &address);
	}
	if (!err && listen(fd, MCP_CLIENTS_MAX))
		err = errno;
	if (err) {
		close(fd);
		return fail(path, err);
	}
	m->listener = fd;
	return 0;
}

void socket_accept(struct mcp *m)
{
	int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (fd < 0) {
		/* too few descriptors, maybe: the client would wake the poll at once */
		m->accept_ns = mcp_now() + ACCEPT_NS;
		return;
	}
	m->accept_ns = 0;
	if (m->n_clients >= MCP_CLIENTS_MAX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) ||
	    peer.uid != geteuid() || !client_new(m, fd, fd, true))
		close(fd);
}

void socket_close(struct mcp *m)
{
	if (m->listener < 0)
		return;
	unlink(m->options->socket);
	close(m->listener);
}
