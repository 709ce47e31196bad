/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tasks extension of 2026-07-28: a run that outlasts the wait of its call is a task,
 * whose name is the handle of the run.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/mcp.h"

#define POLL_MS 1000

static void set_time(json_t *object, const char *key, time_t when)
{
	struct tm tm;
	char text[32] = "";

	if (gmtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(object, key, json_string(text));
}

json_t *task_of(const struct mcp *m, struct mcp_run *run, bool with_result)
{
	bool over = run_is_over(run);
	int64_t end = over ? run->ended_ns : run->deadline_ns;
	json_t *task = json_pack(
		"{s:s, s:s, s:I, s:i}", "taskId", run->handle, "status",
		!over		 ? "working"
		: run->cancelled ? "cancelled"
				 : "completed",
		"ttlMs",
		(json_int_t)((end - run->began_ns + m->options->keep_ns) /
			     1000000),
		"pollIntervalMs", POLL_MS);

	if (!task)
		return NULL;
	set_time(task, "createdAt", run->began);
	set_time(task, "lastUpdatedAt", over ? run->ended : run->began);
	if (with_result && over && !run->cancelled)
		json_object_set_new(task, "result", answer_tool_run(run));
	return task;
}

void task_serve(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	const char *id =
		json_string_value(json_object_get(rpc->params, "taskId"));
	struct mcp_run *run = id ? run_find(m, id) : NULL;
	json_t *result;

	if (!rpc->tasks) {
		rpc_error(m, c, rpc->id, RPC_NO_CAPABILITY,
			  "Missing required client capability",
			  json_pack("{s:{s:{s:{}}}}", "requiredCapabilities",
				    "extensions",
				    "io.modelcontextprotocol/tasks"));
		return;
	}
	if (!run) {
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
			  "Invalid params: no task has this \"taskId\"; it may "
			  "have ended some time ago",
			  NULL);
		return;
	}
	if (strcmp(rpc->method, "tasks/cancel") == 0)
		run_cancel(m, run);
	result = strcmp(rpc->method, "tasks/get") == 0 ? task_of(m, run, true)
						       : json_object();
	rpc_result(m, c, rpc->version, rpc->id, result);
}
