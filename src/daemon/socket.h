/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket: its path, its lock, and messages over it. */
#ifndef ST_DAEMON_SOCKET_H
#define ST_DAEMON_SOCKET_H

#include <stdbool.h>

#include "daemon/options.h"
#include "daemon/request.h"

struct listener {
	int fd, lock_fd;	/* -1: none */
	char path[108];		/* empty: an abstract socket, or none */
	bool is_ours;		/* made here, so removed here */
};

/*
 * Takes the lock that one daemon for this path can hold, and makes the
 * directory.
 * Return: 0; -errno after a message.
 */
int listener_lock(struct listener *listener, const struct options *options);

/* Listens. Return: 0; -errno after a message. */
int listener_open(struct listener *listener, const struct options *options);
void listener_close(struct listener *listener);

/*
 * Reads the peer of a connection, with a pidfd of it. Return: 0; -errno, also
 * if the process has ended or is in a pid namespace invisible from here.
 */
int socket_peer(int fd, uint32_t *pid, uint32_t *uid, int *pidfd);

/*
 * Looks at the next message, which stays, and takes none of its descriptors.
 * Return: length; 0: the end (or an empty message); -EAGAIN or other -errno.
 */
ssize_t socket_peek(int fd, void *bytes, size_t size,
		    struct request_facts *facts);

/*
 * Receives a message that has no descriptor, or one of O_PATH, which the caller
 * closes. The kernel closes any other at once. Return: as socket_peek().
 */
ssize_t socket_receive(int fd, void *bytes, size_t size,
		       struct request_facts *facts);

/*
 * Ends the connection. Return: messages are left; a close would
 * close their descriptors, too.
 */
bool socket_has_unread(int fd);

/*
 * Sends a message. pass: a descriptor to send with it; -1: none.
 * Return: 0; -EAGAIN or other -errno.
 */
int socket_send(int fd, const struct st_msg *msg, int pass);

#endif
