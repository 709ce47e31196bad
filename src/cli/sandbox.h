/* SPDX-License-Identifier: BSD-2-Clause */
/* Sandboxes as options and lines of JSON ask for them. */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

/* The lists are owned, and end with NULL; their strings are the caller's. */
struct sandbox_wishes {
	const char **read_only, **writable; /* NULL: not given */
	uint16_t *connect, *bind; /* TCP ports; owned */
	size_t n_connect, n_bind;
	uint64_t flags; /* SPAWN_TEMPLATE_SANDBOX_* */
};

/* The reason why there is no sandbox. */
struct sandbox_failure {
	int error; /* positive errno */
	char text[384];
	const char *remedy; /* NULL: none */
};

/* Add a path to a list. Return: 0 or -ENOMEM. */
int sandbox_add(const char ***list, const char *path);

/* Add a port to a list. Return: 0; -EINVAL: it is none; or -ENOMEM. */
int sandbox_add_port(uint16_t **list, size_t *n, int64_t port);

/*
 * Read {"ro": [...], "rw": [...], "net": false, "connect": [443], "bind": [], "signals":
 * false, "abstract": false, "devices": false, "best_effort": true}. Return: 0 or -1.
 */
int sandbox_read(struct sandbox_wishes *wishes, json_t *value,
		 struct sandbox_failure *failure);

bool sandbox_is_wanted(const struct sandbox_wishes *wishes);

/*
 * Make the sandbox. Relative paths count from cwd; NULL: the current directory.
 * Return: 0 or -1.
 */
int sandbox_make(const struct sandbox_wishes *wishes, const char *cwd,
		 struct spawn_template_sandbox **sandbox,
		 struct sandbox_failure *failure);

void sandbox_wishes_free(struct sandbox_wishes *wishes);

#endif
