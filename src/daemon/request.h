/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: what to do about the bytes that came over a connection, and about
 * what came with them. No input and output is done here.
 */
#ifndef ST_DAEMON_REQUEST_H
#define ST_DAEMON_REQUEST_H

#include "daemon/close.h"
#include "daemon/registry.h"

/*
 * All that a message may carry, though a request takes one at most: what found
 * no room the kernel would close, waiting if need be.
 */
#define REQUEST_FDS FOREIGN_FDS

/* What came with a message. */
struct request_facts {
	bool cut_off;			/* the message, or what came with it */
	bool has_creds;			/* SCM_CREDENTIALS, by the kernel */
	uint32_t pid, uid;
	unsigned int n_fds;
	int fds[REQUEST_FDS];
};

enum request_result {
	REQUEST_CLOSE,		/* the connection; peer->reason says why */
	REQUEST_ANSWER,
	REQUEST_ANSWER_STATES,	/* with the descriptor of the states */
	REQUEST_LIST,		/* items first: all that the peer may see */
	REQUEST_LIST_ONE,	/* the item of the answer's id first */
};

/*
 * Acts on a message of len bytes, which need not be aligned or whole. Descriptors
 * are closed. *answer is set unless the result is REQUEST_CLOSE.
 */
enum request_result request_handle(struct registry *registry, struct peer *peer,
				   const void *bytes, size_t len,
				   struct request_facts *facts,
				   struct st_msg *answer);

#endif
