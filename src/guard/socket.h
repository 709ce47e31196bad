/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to the guard's daemon that carries whole messages. Its user
 * holds a lock; only fd is read without one, by a forked child.
 */
#ifndef ST_GUARD_SOCKET_H
#define ST_GUARD_SOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "shared/proto.h"

struct st_guard_socket {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none */
	bool is_named;		/* the environment has named it */
	_Atomic int fd;		/* -1: none */
	uint64_t ino;		/* the socket's, in case the host closes fd */
	uid_t uid;		/* the caller's at the connect */
};

void st_guard_socket_init(struct st_guard_socket *s);

/* Tells whether the connection can be used, and closes it otherwise. */
bool st_guard_socket_is_open(struct st_guard_socket *s);

/* Closes the fd if it is still the socket; also in a forked child. */
void st_guard_socket_close(struct st_guard_socket *s);

int st_guard_socket_open(struct st_guard_socket *s, int64_t deadline);

int st_guard_socket_send(struct st_guard_socket *s, const struct st_msg *msg,
			 int fd, int64_t deadline);
int st_guard_socket_receive(struct st_guard_socket *s, struct st_msg *msg,
			    int *fd, int64_t deadline);

#endif
