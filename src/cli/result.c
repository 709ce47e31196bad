/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Describes a captured run as JSON, alike for one program (the command run) and
 * for many (batch).
 */
#include <stdlib.h>

#include "cli/cli.h"

static bool has(const struct spawn_template_result *r, uint32_t flag)
{
	return (r->flags & flag) != 0;
}

size_t result_cut_character(const char *bytes, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)bytes[n - back];

		if (c < 0x80 || c > 0xf4)
			return 0;
		if (c >= 0xc0) /* its leading ones: the length */
			return (c >= 0xf0   ? 4U
				: c >= 0xe0 ? 3U
					    : 2U) > back
				       ? back
				       : 0;
	}
	return 0;
}

int result_set_bytes(json_t *object, const char *const keys[2],
		     const char *bytes, size_t n)
{
	json_t *text = json_stringn(n ? bytes : "", n);
	size_t length;
	char *encoded;

	if (text)
		return json_object_set_new(object, keys[0], text);
	encoded = base64_encode(bytes, n, &length);
	if (encoded)
		text = json_stringn_nocheck(encoded, length);
	free(encoded);
	return json_object_set_new(object, keys[1], text);
}

/*
 * Set the text or base64, and the length. With a character that truncation cut off, all
 * of the text would have to go as base64.
 */
static int set_output(json_t *object, const char *const keys[3],
		      const char *bytes, size_t *n, bool truncated)
{
	size_t cut = truncated ? result_cut_character(bytes, *n) : 0;
	json_t *text = cut ? json_stringn(bytes, *n - cut) : NULL;

	if (text)
		*n -= cut;
	json_decref(text);
	if (result_set_bytes(object, keys, bytes, *n))
		return -1;
	return json_object_set_new(object, keys[2],
				   json_integer((json_int_t)*n));
}

static json_t *ending_json(const struct spawn_template_result *r, int pid)
{
	return json_pack("{s:o, s:o, s:s?, s:o, s:b}", "pid", out_number(pid),
			 "code", out_number(r->code), "signal",
			 r->signal >= 0 ? name_signal(r->signal) : NULL,
			 "signal_number", out_number(r->signal), "timed_out",
			 has(r, SPAWN_TEMPLATE_RESULT_TIMED_OUT));
}

static json_t *circumstances_json(const struct spawn_template_result *r)
{
	return json_pack(
		"{s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:I, s:b, s:b, "
		"s:{s:f, s:f, s:I}, s:f, s:f}",
		"out_total", (json_int_t)r->out_total, "err_total",
		(json_int_t)r->err_total, "idle",
		has(r, SPAWN_TEMPLATE_RESULT_IDLE), "detached",
		has(r, SPAWN_TEMPLATE_RESULT_DETACHED), "spilled",
		has(r, SPAWN_TEMPLATE_RESULT_SPILLED),
		"out_truncated", has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED),
		"err_truncated", has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED),
		"tree_killed", has(r, SPAWN_TEMPLATE_RESULT_TREE_KILLED),
		"not_killed", has(r, SPAWN_TEMPLATE_RESULT_NOT_KILLED),
		"pipe_held", has(r, SPAWN_TEMPLATE_RESULT_PIPE_HELD),
		"status_lost", has(r, SPAWN_TEMPLATE_RESULT_STATUS_LOST),
		"leftovers", (json_int_t)r->leftovers, "cgroup",
		has(r, SPAWN_TEMPLATE_RESULT_CGROUP), "warm",
		has(r, SPAWN_TEMPLATE_RESULT_WARM), "usage", "user_s",
		(double)r->user_us / 1e6, "system_s",
		(double)r->system_us / 1e6, "max_rss_kib",
		(json_int_t)r->max_rss_kib, "spawn_ms",
		(double)r->spawn_ns / 1e6, "total_ms",
		(double)r->total_ns / 1e6);
}

static int set_outputs(json_t *object, struct spawn_template_result *r)
{
	static const char *const out[] = { "out", "out_base64", "out_len" };
	static const char *const err[] = { "err", "err_base64", "err_len" };

	return set_output(object, out, r->out, &r->out_len,
			  has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED)) ||
	       set_output(object, err, r->err, &r->err_len,
			  has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED));
}

json_t *result_json(struct spawn_template_result *r, int pid, bool streamed)
{
	json_t *object = ending_json(r, pid), *rest = circumstances_json(r);

	if (!object || !rest || (!streamed && set_outputs(object, r)) ||
	    json_object_update(object, rest)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(rest);
	return object;
}
