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

/*
 * Return how many bytes at the end belong to a character that the limit cut
 * off. With them, all of the text would have to go as base64.
 */
static size_t cut_character(const char *bytes, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)bytes[n - back];

		if (c >= 0xc0) /* its leading ones: the length */
			return (c >= 0xf0   ? 4U
				: c >= 0xe0 ? 3U
					    : 2U) > back
				       ? back
				       : 0;
		if (c < 0x80)
			return 0;
	}
	return 0;
}

/* Set keys[0] to the text if it is UTF-8; else keys[1] to base64. */
static int set_output(json_t *object, const char *const keys[3],
		      const char *bytes, size_t *n, bool truncated)
{
	size_t cut = truncated ? cut_character(bytes, *n) : 0, length;
	json_t *text = json_stringn(bytes ? bytes : "", *n - cut);
	char *encoded;

	if (text) {
		*n -= cut;
		json_object_set_new(object, keys[0], text);
	} else {
		encoded = base64_encode(bytes, *n, &length);
		if (encoded)
			text = json_stringn_nocheck(encoded, length);
		free(encoded);
		if (json_object_set_new(object, keys[1], text))
			return -1;
	}
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
		"{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:{s:f, s:f, s:I}, s:f, "
		"s:f}",
		"out_truncated", has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED),
		"err_truncated", has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED),
		"tree_killed", has(r, SPAWN_TEMPLATE_RESULT_TREE_KILLED),
		"not_killed", has(r, SPAWN_TEMPLATE_RESULT_NOT_KILLED),
		"pipe_held", has(r, SPAWN_TEMPLATE_RESULT_PIPE_HELD),
		"status_lost", has(r, SPAWN_TEMPLATE_RESULT_STATUS_LOST),
		"cgroup", has(r, SPAWN_TEMPLATE_RESULT_CGROUP), "warm",
		has(r, SPAWN_TEMPLATE_RESULT_WARM), "usage", "user_s",
		(double)r->user_us / 1e6, "system_s",
		(double)r->system_us / 1e6, "max_rss_kib",
		(json_int_t)r->max_rss_kib, "spawn_ms",
		(double)r->spawn_ns / 1e6, "total_ms",
		(double)r->total_ns / 1e6);
}

json_t *result_json(struct spawn_template_result *r, int pid)
{
	static const char *const out[] = { "out", "out_base64", "out_len" };
	static const char *const err[] = { "err", "err_base64", "err_len" };
	json_t *object = ending_json(r, pid), *rest = circumstances_json(r);

	if (!object || !rest ||
	    set_output(object, out, r->out, &r->out_len,
		       has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED)) ||
	    set_output(object, err, r->err, &r->err_len,
		       has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED)) ||
	    json_object_update(object, rest)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(rest);
	return object;
}
