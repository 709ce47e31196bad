/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The methods of the protocol: the handshake of 2024-11-05 to 2025-11-25, the discovery of
 * 2026-07-28, and what both have. No state is taken from one request to another but the
 * version of a handshake.
 */
#include <string.h>

#include "cli/mcp/mcp.h"

#define TASKS "io.modelcontextprotocol/tasks"
#define LIST_TTL_MS 3600000

static const char instructions[] =
	"Runs programs. \"run\" waits for the end and returns output and exit "
	"code; if the program takes longer than \"wait\", it goes on, and the "
	"answer has a handle for \"wait\", \"read\", \"write\" and \"stop\". "
	"\"start\" returns the handle at once. \"batch\" runs many at a time. "
	"Every run has a deadline.";

/* A version that is unknown, or has no handshake: the latest that has one. */
static void initialize(struct mcp *m, struct mcp_client *c,
		       const struct rpc *rpc)
{
	enum mcp_version version = version_of(json_string_value(
		json_object_get(rpc->params, "protocolVersion")));

	if (version == MCP_NONE || version == MCP_2026_07_28)
		version = MCP_2025_11_25;
	c->version = version;
	rpc_result(m, c, version, rpc->id,
		   json_pack("{s:s, s:{s:{}}, s:o, s:s}", "protocolVersion",
			     version_name(version), "capabilities", "tools",
			     "serverInfo", protocol_self(), "instructions",
			     instructions));
}

static void discover(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	rpc_result(m, c, rpc->version, rpc->id,
		   json_pack("{s:[s], s:{s:{}, s:{s:{}}}, s:s, s:i, s:s}",
			     "supportedVersions", version_name(MCP_2026_07_28),
			     "capabilities", "tools", "extensions", TASKS,
			     "instructions", instructions, "ttlMs", LIST_TTL_MS,
			     "cacheScope", "private"));
}

static void list_tools(struct mcp *m, struct mcp_client *c,
		       const struct rpc *rpc)
{
	json_t *object;

	if (json_object_get(rpc->params, "cursor")) {
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
			  "Invalid params: there is one page of tools, and no "
			  "cursor",
			  NULL);
		return;
	}
	object = json_pack("{s:O}", "tools", m->tools);
	if (object && rpc->version == MCP_2026_07_28)
		json_object_update_new(
			object, json_pack("{s:i, s:s}", "ttlMs", LIST_TTL_MS,
					  "cacheScope", "private"));
	rpc_result(m, c, rpc->version, rpc->id, object);
}

/* Nothing that can be listened to changes here; the stream lasts until it is cancelled. */
static void listen_to(struct mcp *m, struct mcp_client *c,
		      const struct rpc *rpc)
{
	if (!json_is_object(json_object_get(rpc->params, "notifications"))) {
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
			  "Invalid params: \"notifications\" is no object",
			  NULL);
		return;
	}
	if (!call_new(m, c, rpc, CALL_LISTEN))
		return;
	rpc_notify(m, c, "notifications/subscriptions/acknowledged",
		   json_pack("{s:{s:O}, s:{}}", "_meta",
			     "io.modelcontextprotocol/subscriptionId", rpc->id,
			     "notifications"));
}

static void ping(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	rpc_result(m, c, rpc->version, rpc->id, json_object());
}

static const struct method {
	const char *name;
	void (*serve)(struct mcp *, struct mcp_client *, const struct rpc *);
	enum mcp_version from, to;
} methods[] = {
	{ "initialize", initialize, MCP_NONE, MCP_2025_11_25 },
	{ "ping", ping, MCP_NONE, MCP_2025_11_25 },
	{ "server/discover", discover, MCP_2026_07_28, MCP_2026_07_28 },
	{ "subscriptions/listen", listen_to, MCP_2026_07_28, MCP_2026_07_28 },
	{ "tasks/cancel", task_serve, MCP_2026_07_28, MCP_2026_07_28 },
	{ "tasks/get", task_serve, MCP_2026_07_28, MCP_2026_07_28 },
	{ "tasks/update", task_serve, MCP_2026_07_28, MCP_2026_07_28 },
	{ "tools/call", call_tool, MCP_2024_11_05, MCP_2026_07_28 },
	{ "tools/list", list_tools, MCP_2024_11_05, MCP_2026_07_28 },
};

static void notified(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	if (strcmp(rpc->method, "notifications/cancelled") == 0)
		call_cancel(m, c, json_object_get(rpc->params, "requestId"));
}

/* Tell why a method is not served. */
static void refuse(struct mcp *m, struct mcp_client *c, const struct rpc *rpc,
		   const struct method *method)
{
	if (method && rpc->version == MCP_NONE)
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
			  "Invalid params: _meta names no "
			  "\"io.modelcontextprotocol/protocolVersion\", and "
			  "there was no \"initialize\"",
			  NULL);
	else
		rpc_error(m, c, rpc->id, RPC_NO_METHOD, "Method not found",
			  NULL);
}

void protocol_serve(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	const struct method *method = NULL;

	if (!rpc->id) {
		notified(m, c, rpc);
		return;
	}
	for (size_t i = 0; i < COUNT(methods) && !method; i++)
		if (strcmp(methods[i].name, rpc->method) == 0)
			method = &methods[i];
	if (method && rpc->version >= method->from &&
	    rpc->version <= method->to)
		method->serve(m, c, rpc);
	else
		refuse(m, c, rpc, method);
}
