/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that wait: each is answered when what it waits for is there or its time is up, in
 * so far as the client reads its answers.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli/mcp/mcp.h"

#define PROGRESS_NS INT64_C(1000000000)

/* ---- conditions of calls */

static bool all_over(const struct mcp_call *call)
{
	for (size_t i = 0; i < call->n_runs; i++)
		if (!run_is_over(call->runs[i]))
			return false;
	return true;
}

static bool is_done(const struct mcp_call *call)
{
	const struct mcp_run *run = call->n_runs ? call->runs[0] : NULL;

	switch (call->kind) {
	case CALL_READ:
		return run_is_over(run) ||
		       run->log[call->stream].total > call->cursor;
	case CALL_WRITE:
		return run_is_over(run) || run->tags_done >= call->tag;
	case CALL_LISTEN:
		return false;
	default:
		return all_over(call);
	}
}

/* ---- answers */

static json_t *answer_one(const struct mcp *m, const struct mcp_call *call)
{
	struct mcp_run *run = call->runs[0];
	json_t *task;

	if (!run_is_over(run))
		run->kept = true;
	if (run_is_over(run) || !call->tasks || !call->own)
		return answer_tool_run(run);
	task = task_of(m, run, false);
	if (task)
		json_object_set_new(task, "resultType", json_string("task"));
	return task;
}

static int by_end(const void *a, const void *b)
{
	const struct mcp_run *x = *(struct mcp_run *const *)a;
	const struct mcp_run *y = *(struct mcp_run *const *)b;

	if (run_is_over(x) != run_is_over(y))
		return run_is_over(x) ? -1 : 1;
	return (x->ended_ns > y->ended_ns) - (x->ended_ns < y->ended_ns);
}

/* Runs that go on have a handle from now on. */
static json_t *answer_batch(const struct mcp_call *call)
{
	struct mcp_run **order = calloc(call->n_runs, sizeof(struct mcp_run *));
	json_t *list = json_array();
	size_t weight = 0;

	for (size_t i = 0; order && i < call->n_runs; i++) {
		order[i] = call->runs[i];
		weight += answer_weight(order[i]);
		if (!run_is_over(order[i]))
			order[i]->kept = true;
	}
	if (order && call->by_end)
		qsort(order, call->n_runs, sizeof(struct mcp_run *), by_end);
	for (size_t i = 0; order && i < call->n_runs; i++) {
		json_t *one = answer_run(order[i], weight);
		size_t index = 0;

		while (call->runs[index] != order[i])
			index++;
		json_object_set_new(one, "index",
				    json_integer((json_int_t)index));
		json_array_append_new(list, one);
	}
	free(order);
	return answer_tool(json_pack("{s:o}", "results", list), false);
}

static json_t *answer_write(const struct mcp_call *call)
{
	struct mcp_run *run = call->runs[0];
	struct complaint c = { 0 };

	if (run->tags_done < call->tag && !run_is_over(run))
		complain(&c, EAGAIN,
			 "the program has not read all of it yet; the rest "
			 "waits for it");
	else if (run->input_error)
		complain(&c, run->input_error,
			 "nobody reads the program's input");
	if (c.error)
		return answer_refused_call(&c);
	return answer_tool(json_pack("{s:s, s:b}", "handle", run->handle,
				     "running", !run_is_over(run)),
			   false);
}

static json_t *make_answer(const struct mcp *m, const struct mcp_call *call)
{
	switch (call->kind) {
	case CALL_BATCH:
		return answer_batch(call);
	case CALL_READ:
		return answer_tool(answer_read(call->runs[0], call), false);
	case CALL_WRITE:
		return answer_write(call);
	default:
		return answer_one(m, call);
	}
}

/* ---- progress: seconds, and bytes of output in words */

static void tell_progress(struct mcp *m, struct mcp_client *c,
			  struct mcp_call *call, int64_t now)
{
	unsigned long long bytes = 0;
	char text[64];

	for (size_t i = 0; i < call->n_runs; i++)
		bytes += call->runs[i]->log[0].total +
			 call->runs[i]->log[1].total;
	snprintf(text, sizeof(text), "%llu bytes of output", bytes);
	rpc_notify(m, c, "notifications/progress",
		   json_pack("{s:O, s:f, s:s}", "progressToken", call->token,
			     "progress",
			     (double)((now - call->began_ns) / 1000000) / 1e3,
			     "message", text));
	call->progress_ns = now + PROGRESS_NS;
}

void calls_poll(struct mcp *m, struct mcp_client *c, int64_t now)
{
	struct mcp_call **link = &c->calls;

	while (*link && client_has_room(c) && !m->engine.error) {
		struct mcp_call *call = *link;

		if (is_done(call) || now >= call->until_ns) {
			rpc_result(m, c, call->version, call->id,
				   make_answer(m, call));
			call_drop(m, c, link, false);
			continue;
		}
		if (now >= call->progress_ns)
			tell_progress(m, c, call, now);
		link = &call->next;
	}
}

int64_t calls_due(const struct mcp_client *c)
{
	int64_t due = INT64_MAX;

	for (const struct mcp_call *call = c->calls; call && client_has_room(c);
	     call = call->next) {
		due = call->until_ns < due ? call->until_ns : due;
		due = call->progress_ns < due ? call->progress_ns : due;
	}
	return due;
}
