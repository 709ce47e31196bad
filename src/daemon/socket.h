/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket: where it is, who holds it, and messages over it.
 */
#ifndef ST_DAEMON_SOCKET_H
#define ST_DAEMON_SOCKET_H

#include <stdbool.h>

#include "daemon/options.h"
#include "daemon/request.h"

struct listener {
	int fd, lock_fd;	/* -1: none */
	char path[108];		/* empty: an abstract one, or none */
	bool is_ours;		/* made here, and to be removed */
};

/*
 * Takes the lock that only one daemon of this path has, and makes the folder.
 * Return: 0; -errno after a message.
 */
int listener_lock(struct listener *listener, const struct options *options);

/* Listens. Return: 0; -errno after a message. */
int listener_open(struct listener *listener, const struct options *options);
void listener_close(struct listener *listener);

/*
 * Who connected, and a pidfd of that process. Return: 0; -errno, as where it has
 * ended, or is in no pid namespace that is seen from here.
 */
int socket_peer(int fd, uint32_t *pid, uint32_t *uid, int *pidfd);

/* Return: length; 0: the end (or an empty message); -EAGAIN or other -errno. */
ssize_t socket_receive(int fd, void *bytes, size_t size,
		       struct request_facts *facts);

/*
 * Takes no more from the connection. Return: whether messages are left: closing
 * it closes the descriptors that they carry.
 */
bool socket_has_unread(int fd);

/* pass: a descriptor to go with it; -1: none. Return: 0; -EAGAIN, -errno. */
int socket_send(int fd, const struct st_msg *msg, int pass);

#endif
