/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of JSON-RPC 2.0 that go out: results, errors, notifications. */
#include <string.h>

#include "cli/mcp/mcp.h"

#define META "io.modelcontextprotocol/"

static json_t *message(json_t *id)
{
	json_t *m = json_pack("{s:s}", "jsonrpc", "2.0");

	if (m && id)
		json_object_set(m, "id", id);
	return m;
}

void rpc_result(struct mcp *m, struct mcp_client *c, enum mcp_version version,
		json_t *id, json_t *object)
{
	json_t *answer = message(id);

	if (version == MCP_2026_07_28 && object) {
		if (!json_object_get(object, "resultType"))
			json_object_set_new(object, "resultType",
					    json_string("complete"));
		json_object_set_new(
			object, "_meta",
			json_pack("{s:o}", META "serverInfo", protocol_self()));
	}
	if (!object || !answer || json_object_set_new(answer, "result", object))
		engine_no_memory(&m->engine);
	else
		client_send(m, c, json_incref(answer));
	json_decref(answer);
}

/* JSON-RPC says null for an id that could not be read, and later versions of MCP nothing. */
void rpc_error(struct mcp *m, struct mcp_client *c, json_t *id, int code,
	       const char *text, json_t *data)
{
	json_t *answer = message(id);
	json_t *error = json_pack("{s:i, s:o}", "code", code, "message",
				  text_of_bytes(text, strlen(text), NULL));

	if (error && data)
		json_object_set_new(error, "data", data);
	if (answer && !id && c->version != MCP_NONE &&
	    c->version < MCP_2025_11_25)
		json_object_set_new(answer, "id", json_null());
	if (answer)
		json_object_set_new(answer, "error", error);
	client_send(m, c, answer);
}

void rpc_notify(struct mcp *m, struct mcp_client *c, const char *method,
		json_t *params)
{
	client_send(m, c,
		    json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
			      method, "params", params));
}

void rpc_too_long(struct mcp *m, struct mcp_client *c)
{
	rpc_error(m, c, NULL, RPC_PARSE_ERROR,
		  "Parse error: the line is longer than 16 MiB", NULL);
}
