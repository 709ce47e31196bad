/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Nodes: the launches that one may serve, and the command line with which
 * one is started, so that its strings have room for that of a launch.
 *
 * Each serves one launch. It has threads, which began with what the process had then:
 * a launch that would change something of each thread alone is cold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "warm/node.h"
#include "warm/shell.h"
#include "warm/warm.h"

#define NODE_COLD_FLAGS              \
	(SPAWN_TEMPLATE_SPAWN_NICE | SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS)

bool st_node_is_name(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (strcmp(name, "nodejs") == 0)
		return true;
	return strncmp(name, "node", 4) == 0 &&
	       strspn(name + 4, "0123456789.-") == strlen(name + 4);
}

/* ---- the launches */

static unsigned int judge_action(const struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_DUP2:
	case SPAWN_TEMPLATE_ACTION_OPEN:
		/* higher numbers are its own */
		return a->newfd > 2 ? SPAWN_TEMPLATE_COLD_DESCRIPTORS
				    : ST_COLD_NONE;
	case SPAWN_TEMPLATE_ACTION_KEEP:
		return a->fd > 2 ? SPAWN_TEMPLATE_COLD_DESCRIPTORS
				 : ST_COLD_NONE;
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
		return SPAWN_TEMPLATE_COLD_FLAGS;
	default:
		return ST_COLD_NONE;
	}
}

unsigned int st_node_judge(const struct st_launch *l)
{
	unsigned int reason = ST_COLD_NONE;

	if (l->args->flags & NODE_COLD_FLAGS)
		return SPAWN_TEMPLATE_COLD_FLAGS;
	for (uint32_t i = 0; i < l->n_actions && reason == ST_COLD_NONE; i++)
		reason = judge_action(&l->actions[i]);
	return reason;
}

/* ---- parking */

/*
 * Writes a text of this length. It tells its index throughout: memory that has been freed
 * may have a part of another one.
 */
static char *put_text(char *to, const char *name, size_t index, size_t len)
{
	memset(to, (int)(ST_NODE_INDEX + index), len);
	memcpy(to, name, strlen(name));
	to[len] = '\0';
	return to + len + 1;
}

/* Returns the command line in one block of memory; NULL: there is none. */
static char **make_argv(const char *argv0, char *const *options)
{
	size_t n = 0, size = WARM_NODE_CODE_LEN + 1;
	char **argv, *to;

	while (options[n])
		n++;
	size += WARM_NODE_ARGUMENTS *
		(WARM_NODE_ARGUMENT_LEN + WARM_NODE_ARGUMENTS + 1);
	argv = malloc((n + 3 + WARM_NODE_ARGUMENTS) * sizeof(*argv) + size);
	if (!argv)
		return NULL;
	to = (char *)&argv[n + 3 + WARM_NODE_ARGUMENTS];
	argv[0] = (char *)argv0;
	memcpy(argv + 1, options, n * sizeof(*argv));
	n++;
	if (n > 1 && st_node_evaluates(argv[n - 1])) {
		argv[n++] = to;
		to = put_text(to, ST_NODE_CODE, 0, WARM_NODE_CODE_LEN);
	}
	for (size_t i = 0; i < WARM_NODE_ARGUMENTS; i++) {
		argv[n++] = to;
		to = put_text(to, ST_NODE_ARGUMENT, i,
			      WARM_NODE_ARGUMENT_LEN + i);
	}
	argv[n] = NULL;
	return argv;
}

int st_node_open(char *const *options, char *const *envp,
		 struct warm_seat *seat, struct st_park *park)
{
	struct st_shell_start start = { .in = -1, .out = -1, .node = true };
	char **argv = envp ? make_argv(park->argv0, options) : NULL;
	int ret;

	start.argv = argv;
	start.envp = envp;
	ret = argv ? st_session_park(&start, seat, park) : -ENOMEM;
	free(argv);
	return ret;
}
