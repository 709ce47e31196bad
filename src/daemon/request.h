/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides on requests: the bytes of a message, and the facts that came with it.
 * It does no input or output of its own.
 */
#ifndef ST_DAEMON_REQUEST_H
#define ST_DAEMON_REQUEST_H

#include "daemon/close.h"
#include "daemon/registry/registry.h"

/*
 * Room for all that a message may carry, though a request has at most one: the
 * kernel would close descriptors without room, and might wait for that.
 */
#define REQUEST_FDS FOREIGN_FDS

/* The facts that came with a message. */
struct request_facts {
	bool cut_off;			/* the message or its control data */
	bool has_creds;			/* SCM_CREDENTIALS, by the kernel */
	uint32_t pid, uid;
	unsigned int n_fds;
	int fds[REQUEST_FDS];
};

enum request_result {
	REQUEST_CLOSE,		/* close the connection for peer->reason */
	REQUEST_ANSWER,
	REQUEST_ANSWER_WORDS,	/* with the descriptor of the words */
	REQUEST_LIST,		/* first the items that the peer may see */
	REQUEST_LIST_ONE,	/* first the item with the answer's id */
};

/*
 * Acts on a message of len bytes, which may be cut off or unaligned. It closes
 * the descriptors. It sets *answer unless the result is REQUEST_CLOSE.
 */
enum request_result request_handle(struct registry *registry, struct peer *peer,
				   const void *bytes, size_t len,
				   struct request_facts *facts,
				   struct st_msg *answer);

#endif
