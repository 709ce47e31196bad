/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to the guard's daemon that carries whole messages. Who uses one
 * holds a lock, but for fd, which a forked child reads without.
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
	bool is_named;		/* by the environment */
	_Atomic int fd;		/* -1: none */
	uint64_t ino;		/* of the socket, should the host close fd */
	uid_t uid;		/* the caller's when it was connected */
};

void st_guard_socket_init(struct st_guard_socket *s);

/* Is there a connection that may be used? One that may not is closed. */
bool st_guard_socket_is_open(struct st_guard_socket *s);

/* Closes what an fd that was taken over from another process is. */
void st_guard_socket_close(struct st_guard_socket *s);

int st_guard_socket_open(struct st_guard_socket *s, int64_t deadline);

int st_guard_socket_send(struct st_guard_socket *s, const struct st_msg *msg,
			 int fd, int64_t deadline);
int st_guard_socket_receive(struct st_guard_socket *s, struct st_msg *msg,
			    int *fd, int64_t deadline);

#endif
