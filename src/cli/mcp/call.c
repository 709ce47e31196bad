/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools are called: what is asked for begins here, and wait.c answers. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/mcp.h"

#define READ_DEFAULT 65536
#define PROGRESS_NS INT64_C(1000000000)

/* ---- calls */

static bool is_under_way(const struct mcp_client *c, const json_t *id)
{
	for (const struct mcp_call *call = c->calls; call; call = call->next)
		if (json_equal(call->id, id))
			return true;
	return false;
}

/* Answer a request that cannot have a call. Return: whether it was answered. */
static bool refuse_call(struct mcp *m, struct mcp_client *c,
			const struct rpc *rpc)
{
	if (is_under_way(c, rpc->id))
		rpc_error(m, c, rpc->id, RPC_INVALID_REQUEST,
			  "Invalid request: a request with this id has no "
			  "answer yet",
			  NULL);
	else if (c->n_calls >= MCP_CALLS_MAX)
		rpc_error(m, c, rpc->id, RPC_INVALID_REQUEST,
			  "Too many requests: 256 have no answer yet", NULL);
	else
		return false;
	return true;
}

struct mcp_call *call_new(struct mcp *m, struct mcp_client *c,
			  const struct rpc *rpc, enum call_kind kind)
{
	struct mcp_call *call;

	if (refuse_call(m, c, rpc))
		return NULL;
	call = calloc(1, sizeof(*call));
	if (!call) {
		engine_no_memory(&m->engine);
		return NULL;
	}
	call->kind = kind;
	call->version = rpc->version;
	call->tasks = rpc->tasks;
	call->id = json_incref(rpc->id);
	call->token = json_incref(rpc->token);
	call->began_ns = mcp_now();
	call->until_ns = INT64_MAX;
	call->progress_ns =
		rpc->token ? call->began_ns + PROGRESS_NS : INT64_MAX;
	*c->calls_end = call;
	c->calls_end = &call->next;
	c->n_calls++;
	return call;
}

void call_drop(struct mcp *m, struct mcp_client *c, struct mcp_call **link,
	       bool end)
{
	struct mcp_call *call = *link;

	*link = call->next;
	if (!*link)
		c->calls_end = link;
	c->n_calls--;
	for (size_t i = 0; i < call->n_runs; i++) {
		if (end && call->own && !call->runs[i]->kept)
			run_cancel(m, call->runs[i]);
		run_release(m, call->runs[i]);
	}
	free(call->runs);
	json_decref(call->id);
	json_decref(call->token);
	free(call);
}

void call_cancel(struct mcp *m, struct mcp_client *c, const json_t *id)
{
	struct mcp_call **link = &c->calls;

	while (id && *link && !json_equal((*link)->id, id))
		link = &(*link)->next;
	if (id && *link)
		call_drop(m, c, link, true);
}

/* ---- parts of what is asked for */

/* A tool that is called: its arguments, a copy, and where to complain. */
struct asked {
	struct mcp *m;
	struct mcp_client *c;
	const struct rpc *rpc;
	json_t *arguments;
	struct complaint complaint;
};

static int no_memory(struct asked *a)
{
	return complain(&a->complaint, ENOMEM, "out of memory");
}

static int take_wait(struct asked *a, int64_t by_default, int64_t *until)
{
	int64_t wait = by_default;

	if (take_duration(a->arguments, "wait", &wait, &a->complaint))
		return -1;
	*until = mcp_now() + wait;
	return 0;
}

/* Begin a call that refers to runs, which it takes over. */
static struct mcp_call *begin_call(struct asked *a, enum call_kind kind,
				   struct mcp_run **runs, size_t n,
				   int64_t until)
{
	struct mcp_call *call = call_new(a->m, a->c, a->rpc, kind);

	if (call) {
		call->runs = runs;
		call->n_runs = n;
		call->until_ns = until;
		return call;
	}
	for (size_t i = 0; i < n; i++) {
		if (!runs[i]->kept)
			run_cancel(a->m, runs[i]);
		run_release(a->m, runs[i]);
	}
	free(runs);
	return NULL;
}

static struct mcp_run *find_run(struct asked *a)
{
	const char *handle =
		json_string_value(json_object_get(a->arguments, "handle"));
	struct mcp_run *run = run_find(a->m, handle);

	if (!run)
		complain(&a->complaint, ENOENT,
			 "no run has this handle; it may have ended some time "
			 "ago");
	return run;
}

/* Refer to one run. Return: NULL: no memory. */
static struct mcp_run **one_run(struct asked *a, struct mcp_run *run)
{
	struct mcp_run **runs = malloc(sizeof(*runs));

	if (runs)
		*runs = run;
	else
		no_memory(a);
	return runs;
}

/* ---- the tools. Return: 0; -1: with a complaint. */

static int ask_run(struct asked *a)
{
	struct mcp_run **runs = one_run(a, NULL);
	struct mcp_call *call;
	int64_t until;

	if (!runs)
		return -1;
	if (take_wait(a, a->m->options->wait_ns, &until) ||
	    !(*runs = run_begin(a->m, a->arguments, &a->complaint))) {
		free(runs);
		return -1;
	}
	call = begin_call(a, CALL_RUN, runs, 1, until);
	if (call)
		call->own = true;
	return 0;
}

static int ask_start(struct asked *a)
{
	struct mcp_run *run = run_begin(a->m, a->arguments, &a->complaint);

	if (!run)
		return -1;
	run->kept = !run->error;
	rpc_result(a->m, a->c, a->rpc->version, a->rpc->id,
		   run->error ? answer_tool_run(run)
			      : answer_tool(answer_run(run, 0), false));
	run_release(a->m, run);
	return 0;
}

/* One that cannot begin is told of in its place. */
static struct mcp_run *begin_one(struct asked *a, json_t *arguments)
{
	json_t *copy = json_copy(arguments);
	struct mcp_run *run = NULL;

	if (json_object_get(copy, "wait"))
		complain(&a->complaint, EINVAL,
			 "\"wait\" is for all runs, not for one of them");
	else if (tools_check("run", copy, &a->complaint) && !a->complaint.error)
		run = run_begin(a->m, copy, &a->complaint);
	json_decref(copy);
	return run;
}

static int ask_batch(struct asked *a)
{
	json_t *list = json_object_get(a->arguments, "runs");
	size_t n = json_array_size(list), begun = 0;
	struct mcp_run **runs = calloc(n, sizeof(*runs));
	const char *order =
		json_string_value(json_object_get(a->arguments, "order"));
	struct mcp_call *call;
	int64_t until = 0;
	char text[sizeof(a->complaint.text)];

	if (!runs)
		return no_memory(a);
	if (take_wait(a, a->m->options->wait_ns, &until) == 0)
		while (begun < n && (runs[begun] = begin_one(
					     a, json_array_get(list, begun))))
			begun++;
	if (begun == n) {
		call = begin_call(a, CALL_BATCH, runs, n, until);
		if (call) {
			call->own = true;
			call->by_end = order && strcmp(order, "end") == 0;
		}
		return 0;
	}
	/* all or none: a client that mends one would run the others twice */
	for (size_t i = 0; i < begun; i++) {
		run_cancel(a->m, runs[i]);
		run_release(a->m, runs[i]);
	}
	free(runs);
	memcpy(text, a->complaint.text, sizeof(text));
	return complain(&a->complaint, a->complaint.error,
			"\"runs\"[%zu]: %.380s", begun, text);
}

static int ask_read(struct asked *a)
{
	json_t *most = json_object_get(a->arguments, "max_bytes");
	json_int_t n = most ? json_integer_value(most) : READ_DEFAULT;
	const char *stream =
		json_string_value(json_object_get(a->arguments, "stream"));
	struct mcp_run *run = find_run(a), **runs;
	struct mcp_call *call;
	int64_t until;

	if (!run || take_wait(a, 0, &until))
		return -1;
	if (n < 4 || (uint64_t)n > MCP_OUTPUT_MAX)
		return complain(&a->complaint, EINVAL,
				"\"max_bytes\" is not from 4 to %llu",
				(unsigned long long)MCP_OUTPUT_MAX);
	runs = one_run(a, run);
	if (!runs)
		return -1;
	run->calls++;
	call = begin_call(a, CALL_READ, runs, 1, until);
	if (!call)
		return 0;
	call->most = (size_t)n;
	call->stream = stream && *stream == 'e' ? MCP_ERR : MCP_OUT;
	call->cursor = (uint64_t)json_integer_value(
		json_object_get(a->arguments, "cursor"));
	call->base64 = json_is_true(json_object_get(a->arguments, "base64"));
	return 0;
}

static int refuse_input(struct asked *a, int err, const char *message)
{
	return complain(&a->complaint, err, "%s",
			err == EINVAL ? "the run has no \"open_input\": true"
				      : message);
}

/* Queue what is to be written. Return: 0 and the tag to wait for; or -1. */
static int queue_input(struct asked *a, struct mcp_run *run, uint64_t *tag)
{
	json_t *close = json_object_get(a->arguments, "close");
	struct engine *e = &a->m->engine;
	const char *message = NULL;
	struct request r;
	int err = 0;

	request_begin(&r, 0);
	r.verb = REQUEST_WRITE;
	r.json = json_incref(a->arguments);
	json_object_del(a->arguments, "handle");
	if (json_is_true(close))
		close = json_true();
	json_object_del(a->arguments, "close");
	if (json_object_size(a->arguments) &&
	    request_read_object(&r, &a->complaint)) {
		request_free(&r);
		return -1;
	}
	if (r.input)
		err = input_add(e, run->job, r.input, r.input_len,
				run->tags + 1, &message);
	run->tags += r.input && !err;
	if (!err && close == json_true())
		err = input_end(e, run->job, ++run->tags, &message);
	*tag = run->tags;
	request_free(&r);
	return err ? refuse_input(a, err, message) : 0;
}

static int ask_write(struct asked *a)
{
	struct mcp_run *run = find_run(a), **runs;
	struct mcp_call *call;
	uint64_t tag;

	if (!run)
		return -1;
	if (!run->job)
		return complain(&a->complaint, EPIPE, "the run has ended");
	if (queue_input(a, run, &tag))
		return -1;
	runs = one_run(a, run);
	if (!runs)
		return -1;
	run->calls++;
	call = begin_call(a, CALL_WRITE, runs, 1,
			  mcp_now() + a->m->options->wait_ns);
	if (call)
		call->tag = tag;
	return 0;
}

static int ask_wait(struct asked *a, bool stop)
{
	struct mcp_run *run = find_run(a), **runs;
	int64_t until;

	if (!run || take_wait(a, a->m->options->wait_ns, &until))
		return -1;
	runs = one_run(a, run);
	if (!runs)
		return -1;
	run->calls++;
	if (stop)
		run_cancel(a->m, run);
	begin_call(a, CALL_RUN, runs, 1, until);
	return 0;
}

static int ask_resize(struct asked *a)
{
	struct mcp_run *run = find_run(a);
	json_int_t rows =
		json_integer_value(json_object_get(a->arguments, "rows"));
	json_int_t columns =
		json_integer_value(json_object_get(a->arguments, "columns"));
	const char *message = NULL;
	int err;

	if (!run)
		return -1;
	if (rows < 1 || rows > UINT16_MAX || columns < 1 ||
	    columns > UINT16_MAX)
		return complain(&a->complaint, EINVAL,
				"\"rows\" and \"columns\" are not from 1 to %d",
				UINT16_MAX);
	if (!run->job)
		return complain(&a->complaint, ESRCH, "the run has ended");
	err = job_resize(&a->m->engine, run->job,
			 (uint32_t)rows << 16 | (uint32_t)columns, &message);
	if (err)
		return complain(&a->complaint, err, "%s",
				run->pty ? message
					 : "the run has no \"pty\": true");
	rpc_result(a->m, a->c, a->rpc->version, a->rpc->id,
		   answer_tool(json_pack("{s:s, s:b}", "handle", run->handle,
					 "running", 1),
			       false));
	return 0;
}

static int ask_list(struct asked *a)
{
	json_t *list = json_array();

	for (struct mcp_run *run = a->m->runs; run && list; run = run->next) {
		json_t *one = run->kept ? answer_run(run, 0) : NULL;

		if (!one)
			continue;
		json_object_update(one, run->what);
		json_object_set_new(
			one, "out_total",
			json_integer((json_int_t)run->log[MCP_OUT].total));
		json_object_set_new(
			one, "err_total",
			json_integer((json_int_t)run->log[MCP_ERR].total));
		json_array_append_new(list, one);
	}
	rpc_result(a->m, a->c, a->rpc->version, a->rpc->id,
		   answer_tool(json_pack("{s:o}", "runs", list), false));
	return 0;
}

static int ask(struct asked *a, const char *tool)
{
	if (strcmp(tool, "run") == 0)
		return ask_run(a);
	if (strcmp(tool, "start") == 0)
		return ask_start(a);
	if (strcmp(tool, "batch") == 0)
		return ask_batch(a);
	if (strcmp(tool, "read") == 0)
		return ask_read(a);
	if (strcmp(tool, "write") == 0)
		return ask_write(a);
	if (strcmp(tool, "resize") == 0)
		return ask_resize(a);
	if (strcmp(tool, "list") == 0)
		return ask_list(a);
	return ask_wait(a, strcmp(tool, "stop") == 0);
}

void call_tool(struct mcp *m, struct mcp_client *c, const struct rpc *rpc)
{
	json_t *given = json_object_get(rpc->params, "arguments");
	const char *name =
		json_string_value(json_object_get(rpc->params, "name"));
	struct asked a = { .m = m, .c = c, .rpc = rpc };
	const char *tool;

	/* before anything is begun, written or ended for it */
	if (refuse_call(m, c, rpc))
		return;
	a.arguments =
		json_is_object(given) ? json_deep_copy(given) : json_object();
	tool = tools_check(name, a.arguments, &a.complaint);
	if (!tool || (given && !json_is_object(given)))
		rpc_error(m, c, rpc->id, RPC_INVALID_PARAMS,
			  tool ? "Invalid params: \"arguments\" is no object"
			       : "Invalid params: unknown tool",
			  NULL);
	else if (a.complaint.error || ask(&a, tool))
		rpc_result(m, c, rpc->version, rpc->id,
			   answer_refused_call(&a.complaint));
	json_decref(a.arguments);
}
