/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs and their output as structured content, and as the result of a tool. */
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/clean.h"
#include "cli/mcp/mcp.h"

/* ---- output */

/* Join what is held, with a line about the gap if there is one. */
static char *joined(const struct log *log, size_t *n)
{
	size_t held = log->n_head + log->n_tail;
	char *text = malloc(held + 128);
	uint64_t lost = log_lost(log, log->n_head);
	size_t to;

	if (!text)
		return NULL;
	to = log_read(log, 0, text, log->n_head);
	if (lost)
		to += (size_t)sprintf(text + to,
				      "\n[... %llu bytes are left out ...]\n",
				      (unsigned long long)lost);
	to += log_read(log, log->total - log->n_tail, text + to, log->n_tail);
	*n = to;
	return text;
}

/* Return what a terminal would show; a byte that is no UTF-8 takes three there. */
static char *cleaned(const char *text, size_t n, size_t *length)
{
	struct clean *clean = clean_new(3 * n + 1, 0);
	struct clean_result result = { 0 };
	char *copy = NULL;

	if (!clean)
		return NULL;
	clean_add(clean, text, n);
	if (clean_end(clean, &result) == 0)
		copy = malloc(result.n + 1);
	if (copy)
		memcpy(copy, result.text, result.n);
	*length = result.n;
	clean_free(clean);
	return copy;
}

static int set_base64(json_t *object, const char *key, const char *bytes,
		      size_t n)
{
	size_t length;
	char *text = base64_encode(bytes, n, &length);
	json_t *value = text ? json_stringn_nocheck(text, length) : NULL;

	free(text);
	return json_object_set_new(object, key, value);
}

static int set_count(json_t *object, const char *key, uint64_t n)
{
	return json_object_set_new(object, key, json_integer((json_int_t)n));
}

static const struct names {
	const char *text, *base64, *total, *omitted, *replaced, *spill;
} names[2] = {
	{ "out", "out_base64", "out_total", "out_omitted", "out_replaced",
	  "out_spill" },
	{ "err", "err_base64", "err_total", "err_omitted", "err_replaced",
	  "err_spill" },
};

/* Bytes go as base64 only if none is left out. */
static int set_output(json_t *object, const struct mcp_run *run, int stream)
{
	const struct log *log = &run->log[stream];
	const struct names *name = &names[stream];
	uint64_t lost = log_lost(log, log->n_head);
	bool replaced = false;
	size_t n = 0;
	char *text = joined(log, &n), *shown;
	int err = !text;

	if (!err && run->clean) {
		shown = cleaned(text, n, &n);
		free(text);
		text = shown;
		err = !text;
	}
	if (!err && run->base64 && !lost)
		err = set_base64(object, name->base64, text, n);
	else if (!err)
		err = json_object_set_new(object, name->text,
					  text_of_bytes(text, n, &replaced));
	free(text);
	err |= set_count(object, name->total, log->total);
	if (lost)
		err |= set_count(object, name->omitted, lost);
	if (replaced)
		err |= json_object_set_new(object, name->replaced, json_true());
	if (lost && log->spilled)
		err |= json_object_set_new(
			object, name->spill,
			text_of_bytes(log->spill, strlen(log->spill), NULL));
	return err;
}

json_t *answer_read(const struct mcp_run *run, const struct mcp_call *call)
{
	const struct log *log = &run->log[call->stream];
	uint64_t at = call->cursor, lost;
	bool replaced = false;
	json_t *object;
	size_t n, cut;
	char *bytes;

	at = at < log->total ? at : log->total;
	lost = log_lost(log, at);
	at += lost;
	n = log->total - at < call->most ? (size_t)(log->total - at)
					 : call->most;
	bytes = malloc(n + 1);
	if (!bytes)
		return NULL;
	n = log_read(log, at, bytes, n);
	/* the rest of a character comes with the next part, unless there is none */
	cut = call->base64 || (run_is_over(run) && at + n == log->total)
		      ? 0
		      : result_cut_character(bytes, n);
	if (cut < n)
		n -= cut;
	object = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:b}", "handle", run->handle,
		"stream", call->stream == MCP_ERR ? "err" : "out", "cursor",
		(json_int_t)(at + n), "total", (json_int_t)log->total, "lost",
		(json_int_t)lost, "running", !run_is_over(run));
	if (object && call->base64)
		set_base64(object, "base64", bytes, n);
	else if (object)
		json_object_set_new(object, "text",
				    text_of_bytes(bytes, n, &replaced));
	if (object && replaced)
		json_object_set_new(object, "replaced", json_true());
	free(bytes);
	return object;
}

/* ---- runs */

static int set_end(json_t *object, const struct mcp_run *run)
{
	static const char *const keys[] = {
		"pid",	     "code", "signal",	  "timed_out",
		"idle",	     "oom",  "leftovers", "not_killed",
		"pipe_held", "warm", "total_ms",  "memory_peak",
	};
	int err = 0;

	for (size_t i = 0; i < COUNT(keys); i++)
		err |= json_object_set(object, keys[i],
				       json_object_get(run->facts, keys[i]));
	return err;
}

json_t *answer_run(const struct mcp_run *run, bool output)
{
	bool over = run_is_over(run);
	json_t *object = json_pack("{s:b}", "running", !over);
	int err = !object;

	if (run->kept && !err)
		err |= json_object_set_new(object, "handle",
					   json_string(run->handle));
	if (run->error && !err)
		err |= json_object_set(object, "error", run->error);
	if (run->facts && !err)
		err |= set_end(object, run);
	if (run->cancelled && !err)
		err |= json_object_set_new(object, "cancelled", json_true());
	for (int i = 0; i < 2 && output && !run->error && !err; i++)
		err |= set_output(object, run, i);
	if (!err)
		return object;
	json_decref(object);
	return NULL;
}

/* ---- results of tools */

json_t *answer_tool(json_t *structured, bool is_error)
{
	char *text = structured
			     ? json_dumps(structured,
					  JSON_COMPACT | JSON_REAL_PRECISION(9))
			     : NULL;
	json_t *result = text ? json_pack("{s:[{s:s, s:s}], s:O, s:b}",
					  "content", "type", "text", "text",
					  text, "structuredContent", structured,
					  "isError", is_error)
			      : NULL;

	free(text);
	json_decref(structured);
	return result;
}

json_t *answer_tool_run(const struct mcp_run *run)
{
	return answer_tool(answer_run(run, true), run->error != NULL);
}

json_t *answer_refused_call(const struct complaint *c)
{
	return answer_tool(
		json_pack("{s:o}", "error", error_json(c->error, c->text)),
		true);
}
