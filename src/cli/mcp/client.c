/* SPDX-License-Identifier: BSD-2-Clause */
/* A client: the lines that it sends, and its calls. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"

struct mcp_client *client_new(struct mcp *m, int in, int out, bool is_socket)
{
	struct mcp_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->in.fd = in;
	c->in.most = MCP_LINE_MAX;
	c->out = out;
	c->is_socket = is_socket;
	c->calls_end = &c->calls;
	c->next = m->clients;
	m->clients = c;
	m->n_clients++;
	return c;
}

void client_free(struct mcp *m, struct mcp_client *c)
{
	struct mcp_client **link = &m->clients;

	while (c->calls)
		call_drop(m, c, &c->calls, true);
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	m->n_clients--;
	if (c->is_socket)
		close(c->in.fd);
	line_free(&c->in);
	json_decref(c->list);
	free(c->queue);
	free(c);
}
