/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides on requests: the bytes of a message, and the facts that came with it.
 * It does no input or output of its own.
 */
#ifndef ST_DAEMON_REQUEST_H
#define ST_DAEMON_REQUEST_H

#include "daemon/registry/registry.h"

/* The facts that came with a message. */
struct request_facts {
	bool cut_off;			/* the message is longer */
	bool has_creds;			/* SCM_CREDENTIALS, by the kernel */
	bool has_fds;			/* it carries descriptors */
	uint32_t pid, uid;
	int fd;				/* of O_PATH; -1: none was taken */
};

enum request_result {
	REQUEST_CLOSE,		/* close the connection for peer->reason */
	REQUEST_ANSWER,
	REQUEST_ANSWER_WORDS,	/* with the descriptor of the words */
	REQUEST_LIST,		/* first the items that the peer may see */
	REQUEST_LIST_ONE,	/* first the item with the answer's id */
};

/*
 * Judges a message of len bytes, which may be cut off or unaligned, by all but
 * its descriptors. Return: a reason to close the connection; NULL: none.
 */
const char *request_judge(const struct peer *peer, const void *bytes,
			  size_t len, const struct request_facts *facts);

/*
 * Judges a message and acts on it. The caller closes the descriptor. It sets
 * *answer unless the result is REQUEST_CLOSE.
 */
enum request_result request_handle(struct registry *registry, struct peer *peer,
				   const void *bytes, size_t len,
				   const struct request_facts *facts,
				   struct st_msg *answer);

#endif
