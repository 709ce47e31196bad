/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the guard's daemon: each has a time limit, its answer is checked,
 * and an error names its remedy.
 */
#ifndef GUARD_CLIENT_H
#define GUARD_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/proto.h"

#define GUARD_PINS_REMEDY \
	"stop the daemon, run spawn-templated --unload, start it again"

struct guard {
	int fd; /* -1: not connected */
	uint32_t sequence; /* the last request's; the first is HELLO */
	/*
	 * The signal mask to wait with: a signal then ends the request with
	 * -EINTR. NULL: waiting goes on.
	 */
	const sigset_t *mask;
};

struct guard_error {
	int error; /* positive errno */
	bool missing; /* the template does not exist; all else is well */
	char text[384];
	char remedy[384]; /* "": none is known */
};

struct guard_item {
	uint64_t id;
	struct st_msg_item i;
};

struct guard_list {
	struct guard_item *items; /* sorted by id */
	size_t n;
};

/*
 * All return 0, or -errno with *e filled in and the connection closed, so that
 * a late answer cannot be taken for that of another request. guard_connect()
 * takes the path of the socket; NULL: from the environment, or the default.
 */
int guard_connect(struct guard *guard, const char *path, struct guard_error *e);
int guard_get_status(struct guard *guard, struct st_msg_status *status,
		     struct guard_error *e);

/* id 0: all templates that the caller may see. -ENOENT: no such template. */
int guard_get_list(struct guard *guard, uint64_t id, struct guard_list *list,
		   struct guard_error *e);

void guard_disconnect(struct guard *guard);
void guard_list_free(struct guard_list *list);

/*
 * Count the pinned links of kernel programs; only a daemon can say more about
 * them.
 * Return: their number; -EACCES: this account cannot see them.
 */
int guard_pinned_links(void);

/* Print the error. Return: CLI_FAILED */
int guard_say(const struct guard_error *e);

#endif
