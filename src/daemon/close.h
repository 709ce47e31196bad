/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that clients sent, and connections that may hold some. Their last
 * close may take as long as the sender likes: on a socket that lingers, on a
 * file whose file system does not answer a flush, or on the last O_PATH
 * descriptor of a large mount that was detached. So the daemon closes none of
 * them last: each is also held by a process, which ends after the daemon has
 * closed its own copy.
 */
#ifndef ST_DAEMON_CLOSE_H
#define ST_DAEMON_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

/* Users are known here by the numbers that person_of() gives them. */

/* The most descriptors that a message can carry: SCM_MAX_FD of Linux. */
#define FOREIGN_FDS 253

/*
 * At this number of pending closes, the daemon reads nothing more from a user.
 */
#define FOREIGN_MOST 8

/* The most processes that close, for all users; the last eighth is root's. */
#define FOREIGN_PROCESSES 128

/*
 * Takes all low descriptors, and closes those that it finds in the upper half
 * of them. Call it first. Return: 0 or -errno.
 */
int foreign_begin(void);

/* The descriptors of a connection's next message. */
enum foreign_found {
	FOREIGN_PATH,		/* one, of O_PATH */
	FOREIGN_OTHER,		/* one of another kind; the message is gone */
	FOREIGN_MANY,
	FOREIGN_UNKNOWN,	/* they could not be looked at */
};

/*
 * Has a process look at the descriptors of the connection's next message. It
 * holds copies of them until foreign_let_go(), which must follow in any case.
 */
enum foreign_found foreign_look(int connection);

/*
 * Ends that process, so that its copies are closed. Waits for that, but only
 * for a moment: an honest client finds its file closed when it has the answer.
 * user: the sender.
 */
void foreign_let_go(uint32_t user);

/*
 * Closes a connection with unread messages, and the descriptors in them,
 * without waiting. user: the client.
 */
void foreign_drop(int fd, uint32_t user);

/* Tells whether so much is being closed that this user must not send more. */
bool foreign_is_busy(uint32_t user);

/* Tells whether no further connection can be dropped for now. */
bool foreign_is_full(void);

/*
 * Goes on with what waits for a process. Call it in each round of the event
 * loop. Return: something is pending.
 */
bool foreign_work(void);

#endif
