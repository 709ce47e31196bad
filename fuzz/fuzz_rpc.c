/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the lines that a client of mcp sends: the input is what it sends, in each version
 * of the protocol, and is read as the server reads it. No program is run: what calls of
 * tools do is replaced, but for the check of their arguments.
 *
 * Each message has at most one answer, all that goes out are messages of JSON-RPC, each on
 * a line, and an answer has the id of its request.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"
#include "fuzz.h"

#define LINE_MOST 4096

static struct mcp mcp;

/* ---- replaced parts of the server and of the command */

void engine_no_memory(struct engine *e)
{
	(void)e;
	MUST(!"out of memory");
}

int complain(struct complaint *c, int error, const char *fmt, ...)
{
	(void)fmt;
	c->error = error;
	return -1;
}

void call_tool(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	json_t *given = json_object_get(rpc->params, "arguments");
	const char *name =
		json_string_value(json_object_get(rpc->params, "name"));
	struct complaint complaint = { 0 };
	const char *tool = tools_check(name, given, &complaint);

	MUST(!tool || strcmp(tool, name) == 0);
	if (tool && !complaint.error)
		rpc_result(m, c, rpc->version, rpc->id, json_object());
	else
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS, "refused", NULL);
}

void task_serve(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	rpc_result(m, c, rpc->version, rpc->id, json_object());
}

struct mcp_call *call_new(struct mcp *m, struct mcp_client *c,
			  const struct rpc *rpc, enum call_kind kind)
{
	(void)m, (void)c;
	MUST(rpc->id && kind == CALL_LISTEN);
	return NULL;
}

void call_cancel(struct mcp *m, struct mcp_client *c, const json_t *id)
{
	(void)m, (void)c;
	json_decref(json_deep_copy(id));
}

/* ---- messages out */

static void check_message(const char *text, size_t n)
{
	json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	json_t *result, *error;

	MUST(json_is_object(json));
	MUST(strcmp(json_string_value(json_object_get(json, "jsonrpc")),
		    "2.0") == 0);
	result = json_object_get(json, "result");
	error = json_object_get(json, "error");
	MUST(!result != !error);
	MUST(!result || json_object_get(json, "id"));
	MUST(!error || (json_is_integer(json_object_get(error, "code")) &&
			json_is_string(json_object_get(error, "message"))));
	json_decref(json);
}

/* Take the answer to one message, if there is one. */
static void take_answer(struct mcp_client *c)
{
	size_t n = c->n;
	const char *text = c->queue;

	c->n = 0; /* nothing was written, so .at is 0 */
	if (!n)
		return;
	MUST(memchr(text, '\n', n) == text + n - 1);
	check_message(text, n - 1);
}

/* ---- lines in */

static void serve(struct mcp_client *c)
{
	enum line found;
	char *text;
	size_t n;

	while ((found = line_next(&c->in, &text, &n)) != LINE_NONE) {
		MUST(found == LINE_TOO_LONG || n <= LINE_MOST);
		if (found == LINE_TOO_LONG)
			rpc_too_long(&mcp, c);
		else
			rpc_serve(&mcp, c, text, n);
		take_answer(c);
		while (c->list) {
			rpc_serve_next(&mcp, c);
			take_answer(c);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mcp_client c = { .in.most = LINE_MOST };

	if (!mcp.tools)
		mcp.tools = tools_make();
	MUST(mcp.tools);
	input = data;
	left = size;
	c.version = (enum mcp_version)(byte() % MCP_2026_07_28);
	c.in.fd = memfd_create("lines", MFD_CLOEXEC);
	MUST(c.in.fd >= 0);
	MUST(write(c.in.fd, input, left) == (ssize_t)left);
	MUST(lseek(c.in.fd, 0, SEEK_SET) == 0);
	while (!c.in.eof) {
		line_fill(&c.in);
		serve(&c);
	}
	close(c.in.fd);
	line_free(&c.in);
	free(c.queue);
	return 0;
}
