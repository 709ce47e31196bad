/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of the stub: gives a prepared Node the command line, the environment and the
 * standard descriptors of a launch. Node itself does the rest.
 */
#ifndef ST_WARM_NODE_STUB_H
#define ST_WARM_NODE_STUB_H

/* Points the initial array at the strings that the launch has put there. */
INLINE void node_take_environ(const struct warm_node *n,
			      const struct warm_node_command *c)
{
	char **variable = (char **)n->environ, *at = (char *)c->variables;

	for (uint64_t i = 0; i < n->n_environ; i++) {
		variable[i] = at;
		while (*at++)
			;
	}
}

/* Node keeps a terminal's state, and opens what is closed: only at its start. */
INLINE bool node_may_go_on(void)
{
	uint64_t termios[8], stat[18];

	for (int fd = 0; fd <= 2; fd++)
		if (sys_call2(__NR_fstat, fd, stat) < 0 ||
		    sys_call3(__NR_ioctl, fd, 0x5401 /* TCGETS */, termios) ==
			    0)
			return false;
	return true;
}

/* Becomes the Node of a cold launch. It sets the signals that it ignores itself. */
_Noreturn INLINE void node_exec(const struct warm_node *n,
				const struct warm_node_command *c,
				uint64_t mask)
{
	struct sys_sigaction act;

	act.handler = 0;
	act.flags = 0;
	act.restorer = 0;
	act.mask = 0;
	sys_sigaction(SIGPIPE, &act, 0);
	sys_sigaction(SIGXFSZ, &act, 0);
	sys_sigmask(&mask, 0);
	sys_execve((const char *)c->path, (char **)c->argv,
		   (char **)n->environ);
	sys_exit(127);
}

/* A string: its bytes, with a NUL behind them, and its length. */
struct node_string {
	char *bytes;
	uint64_t len, room[2];
};

INLINE void node_set(struct node_string *to, const char *from)
{
	uint64_t len = 0;

	for (; from && from[len]; len++)
		to->bytes[len] = from[len];
	to->bytes[len] = '\0';
	to->len = len;
}

INLINE const char *node_text(const struct warm_node_command *c, uint32_t index)
{
	char **arguments = (char **)c->arguments;

	if (index == WARM_NODE_CODE)
		return (const char *)c->code;
	return index < c->n_arguments ? arguments[index] : 0;
}

INLINE void node_take_strings(const struct warm_node *n,
			      const struct warm_node_command *c)
{
	for (uint32_t i = 0; i < n->n_runs; i++) {
		const struct warm_node_run *run = &n->run[i];
		struct node_string *s = (struct node_string *)run->at;

		for (uint32_t k = 0; k < run->n; k++)
			node_set(&s[k], node_text(c, run->first + k));
	}
	for (uint32_t i = 0; i < n->n_ends; i++)
		*(uint64_t *)n->end[i].end =
			n->end[i].strings + c->n_arguments * WARM_NODE_STRING;
}

/* Notes what node restores at its end, and marks the descriptors as node does. */
INLINE void node_take_standard(const struct warm_node *n)
{
	for (int fd = 0; fd <= 2; fd++) {
		sys_call2(__NR_fstat, fd, n->stat[fd]);
		*(int32_t *)(n->stat[fd] - 8) = sys_fcntl(fd, F_GETFL, 0);
		sys_fcntl(fd, F_SETFD, (long)n->marks[fd]);
	}
}

/* Returns with all done but to go on. */
INLINE void become_node(const struct warm_node *n,
			const struct warm_node_command *c, uint64_t mask)
{
	node_take_environ(n, c);
	if (!node_may_go_on())
		node_exec(n, c, mask);
	node_take_strings(n, c);
	node_take_standard(n);
	*(uint64_t *)n->title = c->title_size;
	for (int i = 0; i < WARM_NODE_TIMES && c->time[i].at; i++)
		*(uint64_t *)c->time[i].at = c->time[i].bits;
}

#endif
