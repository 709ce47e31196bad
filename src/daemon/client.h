/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections: accept, read, answer and close them. */
#ifndef ST_DAEMON_CLIENT_H
#define ST_DAEMON_CLIENT_H

#include "daemon/socket.h"
#include "daemon/registry/registry.h"

struct clients {
	struct watch watch;	/* the listening socket's */
	struct registry *registry;
	struct client *first;
	int spare_fd; /* closed to accept a connection when no fd is left */
	bool is_paused;		/* too many connections wait to be closed */
};

/* Watches fd, a listening socket, which it takes over. Return: 0 or -errno. */
int clients_open(struct clients *clients, struct registry *registry, int fd);
void clients_close(struct clients *clients);

/* Accepts connections again if that was paused and need not be any more. */
void clients_go_on(struct clients *clients);

/* Closes clients that have not read an answer for long. now: ns. */
void clients_check(struct clients *clients, int64_t now);

#endif
