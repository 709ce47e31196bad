/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of JSON-RPC 2.0 that come in: a line is read in full before any of it is used,
 * and every request gets one answer, unless it is cancelled.
 */
#include <string.h>

#include "cli/mcp/mcp.h"

#define META "io.modelcontextprotocol/"

static bool is_short(const json_t *value)
{
	return json_is_integer(value) ||
	       (json_is_string(value) &&
		json_string_length(value) <= MCP_ID_MAX);
}

/*
 * Read the version of a request: that in its own metadata, or else that of initialize.
 * Return: false if the request was answered.
 */
static bool take_version(struct mcp *m, struct mcp_client *c, struct rpc *rpc,
			 json_t *meta)
{
	json_t *name = json_object_get(meta, META "protocolVersion");
	json_t *can = json_object_get(meta, META "clientCapabilities");
	const char *text = json_string_value(name);

	rpc->version = c->version;
	if (!name)
		return true;
	if (!text || !json_is_object(can)) {
		if (rpc->id)
			rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
				  "Invalid params: _meta needs the string "
				  "\"" META "protocolVersion\" and the object "
				  "\"" META "clientCapabilities\"",
				  NULL);
		return false;
	}
	rpc->version = version_of(text);
	if (rpc->version != MCP_2026_07_28) {
		if (rpc->id)
			rpc_error(m, c, rpc->id, RPC_NO_VERSION,
				  "Unsupported protocol version",
				  json_pack("{s:[s], s:O}", "supported",
					    version_name(MCP_2026_07_28),
					    "requested", name));
		return false;
	}
	rpc->tasks = json_is_object(json_object_get(
		json_object_get(can, "extensions"), META "tasks"));
	return true;
}

static void serve_one(struct mcp *m, struct mcp_client *c, json_t *json)
{
	struct rpc rpc = { .json = json, .id = json_object_get(json, "id") };
	const char *version =
		json_string_value(json_object_get(json, "jsonrpc"));
	json_t *params = json_object_get(json, "params");
	json_t *meta = json_object_get(params, "_meta");

	rpc.method = json_string_value(json_object_get(json, "method"));
	if (rpc.id && !is_short(rpc.id)) {
		rpc_error(m, c, NULL, RPC_INVALID_REQUEST,
			  "Invalid request: the id is no integer, and no "
			  "string of up to 1024 bytes",
			  NULL);
		return;
	}
	if (!rpc.method && rpc.id &&
	    (json_object_get(json, "result") || json_object_get(json, "error")))
		return; /* an answer; this server asks nothing */
	if (!rpc.method || !version || strcmp(version, "2.0") != 0 ||
	    (params && !json_is_object(params))) {
		rpc_error(m, c, rpc.id, RPC_INVALID_REQUEST,
			  "Invalid request: a message is an object with "
			  "\"jsonrpc\": \"2.0\", a string \"method\", and an "
			  "object \"params\" if it has any",
			  NULL);
		return;
	}
	rpc.params = params;
	rpc.token = json_object_get(meta, "progressToken");
	if (!is_short(rpc.token))
		rpc.token = NULL;
	if (take_version(m, c, &rpc, meta))
		protocol_serve(m, c, &rpc);
}

/*
 * Versions before 2025-06-18 have lists of messages. They are served one by one, as there
 * is room for their answers.
 */
static void take_list(struct mcp *m, struct mcp_client *c, json_t *list)
{
	if (c->version == MCP_NONE || c->version > MCP_2025_03_26 ||
	    json_array_size(list) == 0 ||
	    json_array_size(list) > MCP_CALLS_MAX) {
		rpc_error(m, c, NULL, RPC_INVALID_REQUEST,
			  "Invalid request: lists of up to 256 messages are of "
			  "2025-03-26 and before",
			  NULL);
		return;
	}
	c->list = json_incref(list);
	c->list_at = 0;
}

void rpc_serve_next(struct mcp *m, struct mcp_client *c)
{
	serve_one(m, c, json_array_get(c->list, c->list_at++));
	if (c->list_at < json_array_size(c->list))
		return;
	json_decref(c->list);
	c->list = NULL;
}

void rpc_serve(struct mcp *m, struct mcp_client *c, const char *line, size_t n)
{
	json_error_t error;
	json_t *json = json_loadb(line, n,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
					  JSON_DECODE_ANY,
				  &error);
	char text[sizeof(error.text) + 64];

	if (!json) {
		snprintf(text, sizeof(text), "Parse error: %s, at byte %d",
			 error.text, error.position);
		rpc_error(m, c, NULL, RPC_PARSE_ERROR, text, NULL);
		return;
	}
	if (json_is_array(json))
		take_list(m, c, json);
	else
		serve_one(m, c, json);
	json_decref(json);
}
