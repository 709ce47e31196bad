/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs and their output as structured content, and as the result of a tool. */
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/clean.h"
#include "cli/mcp/mcp.h"

/* ---- output */

/* Return how many bytes of JSON a byte of output takes at most. */
static size_t cost(char byte)
{
	unsigned char c = (unsigned char)byte;

	if (c >= 0x80)
		return 3; /* U+FFFD in its place */
	if (c >= ' ')
		return c == '"' || c == '\\' ? 2 : 1;
	return c >= '\b' && c <= '\r' && c != '\v' ? 2 : 6;
}

/* Return how many of the first bytes cost no more than room. */
static size_t first_that_fit(const char *text, size_t n, size_t room)
{
	size_t i = 0;

	while (i < n && cost(text[i]) <= room)
		room -= cost(text[i++]);
	return i;
}

static size_t last_that_fit(const char *text, size_t n, size_t room)
{
	size_t i = n;

	while (i > 0 && cost(text[i - 1]) <= room)
		room -= cost(text[--i]);
	return n - i;
}

/* A stream as an answer has it: the first bytes and the last ones. */
struct shown {
	char *text; /* .head bytes, then .tail */
	size_t head, tail;
	uint64_t lost; /* bytes that are not held */
	uint64_t omitted; /* these, and others for which there is no room */
};

/* Leave out bytes in the middle, whole characters. gap: where bytes are lost, or n. */
static void shorten(struct shown *s, size_t n, size_t gap, size_t room)
{
	size_t after = gap < n ? n - gap : n;

	s->head = first_that_fit(s->text, gap, room / 2);
	s->head -= result_cut_character(s->text, s->head);
	after = after < n - s->head ? after : n - s->head;
	s->tail = last_that_fit(s->text + n - after, after, room / 2);
	for (int i = 0;
	     i < 3 && s->tail && (s->text[n - s->tail] & 0xc0) == 0x80; i++)
		s->tail--;
	memmove(s->text + s->head, s->text + n - s->tail, s->tail);
}

/* Tell whether bytes take no more than room, each by its cost, or all as base64. */
static bool fits(const struct shown *s, size_t n, size_t room, bool base64)
{
	if (base64 && !s->lost)
		return n == 0 || n / 3 * 4 + 4 <= room;
	return first_that_fit(s->text, n, room) == n;
}

/* Read what is held of a stream, as far as it takes no more than room in an answer. */
static int show(struct shown *s, const struct log *log, size_t room,
		bool base64)
{
	size_t n = log->n_head + log->n_tail;

	*s = (struct shown){ .text = malloc(n + 1) };
	if (!s->text)
		return -1;
	s->lost = log_lost(log, log->n_head);
	s->head = log_read(log, 0, s->text, log->n_head);
	s->tail = log_read(log, log->total - log->n_tail, s->text + s->head,
			   log->n_tail);
	if (!fits(s, n, room, base64))
		shorten(s, n, s->lost ? s->head : n, room);
	s->omitted = log->total - s->head - s->tail;
	return 0;
}

/* Join both parts, with a line about the gap if there is one. */
static char *joined(const struct shown *s, size_t *n)
{
	char *text = malloc(s->head + s->tail + 128);
	size_t to = s->head;

	if (!text)
		return NULL;
	memcpy(text, s->text, s->head);
	if (s->omitted)
		to += (size_t)sprintf(text + to,
				      "\n[... %llu bytes are left out ...]\n",
				      (unsigned long long)s->omitted);
	memcpy(text + to, s->text + s->head, s->tail);
	*n = to + s->tail;
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
	const char *text, *base64, *total, *omitted, *shortened, *replaced,
		*spill;
} names[2] = {
	{ "out", "out_base64", "out_total", "out_omitted", "out_shortened",
	  "out_replaced", "out_spill" },
	{ "err", "err_base64", "err_total", "err_omitted", "err_shortened",
	  "err_replaced", "err_spill" },
};

static int set_flag(json_t *object, const char *key)
{
	return json_object_set_new(object, key, json_true());
}

/* Bytes go as base64 only if none is left out. */
static int set_text(json_t *object, const struct mcp_run *run,
		    const struct names *name, const struct shown *s)
{
	bool replaced = false;
	size_t n = 0;
	char *text = joined(s, &n), *clean;
	int err = !text;

	if (!err && run->clean) {
		clean = cleaned(text, n, &n);
		free(text);
		text = clean;
		err = !text;
	}
	if (!err && run->base64 && !s->omitted)
		err = set_base64(object, name->base64, text, n);
	else if (!err)
		err = json_object_set_new(object, name->text,
					  text_of_bytes(text, n, &replaced));
	free(text);
	if (replaced)
		err |= set_flag(object, name->replaced);
	return err;
}

/*
 * Output for which an answer has no room is not gone: the run gets a handle, by which it is
 * read, and all is in the file if there is to be one.
 */
static int set_output(json_t *object, struct mcp_run *run, int stream,
		      size_t room)
{
	struct log *log = &run->log[stream];
	const struct names *name = &names[stream];
	struct shown s;
	int err = show(&s, log, room, run->base64);

	if (err)
		return err;
	err = set_text(object, run, name, &s);
	free(s.text);
	err |= set_count(object, name->total, log->total);
	if (s.omitted)
		err |= set_count(object, name->omitted, s.omitted);
	if (s.omitted > s.lost) {
		run->kept = true;
		log_spill(log);
		err |= set_flag(object, name->shortened);
	}
	if (s.omitted && log->spilled)
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
	if (!call->base64)
		n = first_that_fit(bytes, n, MCP_ANSWER_MAX);
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

size_t answer_weight(const struct mcp_run *run)
{
	size_t n = 1;

	for (int i = 0; i < 2; i++)
		n += run->log[i].n_head + run->log[i].n_tail;
	return n;
}

/* Each stream has its part of the answer. */
static int set_streams(json_t *object, struct mcp_run *run, size_t weight)
{
	int err = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t held = run->log[i].n_head + run->log[i].n_tail;

		err |= set_output(object, run, i,
				  (size_t)(held * MCP_ANSWER_MAX / weight));
	}
	return err;
}

json_t *answer_run(struct mcp_run *run, size_t weight)
{
	bool over = run_is_over(run);
	json_t *object = json_pack("{s:b}", "running", !over);
	int err = !object;

	if (run->error && !err)
		err |= json_object_set(object, "error", run->error);
	if (run->facts && !err)
		err |= set_end(object, run);
	if (run->cancelled && !err)
		err |= set_flag(object, "cancelled");
	if (weight && !run->error && !err)
		err |= set_streams(object, run, weight);
	if (run->kept && !err)
		err |= json_object_set_new(object, "handle",
					   json_string(run->handle));
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

json_t *answer_tool_run(struct mcp_run *run)
{
	return answer_tool(answer_run(run, answer_weight(run)),
			   run->error != NULL);
}

json_t *answer_refused_call(const struct complaint *c)
{
	return answer_tool(
		json_pack("{s:o}", "error", error_json(c->error, c->text)),
		true);
}
