/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Describes a captured run as JSON, alike for one program (the command run) and
 * for many (batch).
 */
#include <stdlib.h>
#include <string.h>

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

/* One of the two streams, and its keys. */
struct output {
	const char *bytes;
	size_t *n;
	bool truncated;
	const char *keys[2], *length, *gap;
};

static int set_number(json_t *object, const char *key, size_t n)
{
	return json_object_set_new(object, key, json_integer((json_int_t)n));
}

/*
 * Set the text or base64, and the length. With a character that truncation cut off, all
 * of the text would have to go as base64.
 */
static int set_output(json_t *object, const struct output *o)
{
	size_t cut = o->truncated ? result_cut_character(o->bytes, *o->n) : 0;
	json_t *text = cut ? json_stringn(o->bytes, *o->n - cut) : NULL;

	if (text)
		*o->n -= cut;
	json_decref(text);
	if (result_set_bytes(object, o->keys, o->bytes, *o->n))
		return -1;
	return set_number(object, o->length, *o->n);
}

/* Return how many bytes at the start are of a character that began before them. */
static size_t rest_of_character(const char *bytes, size_t n)
{
	size_t rest = 0;

	while (rest < 3 && rest < n &&
	       ((unsigned char)bytes[rest] & 0xc0) == 0x80)
		rest++;
	return rest;
}

/* Do the same for the first and the last bytes of output, with a gap behind the head. */
static int set_output_with_gap(json_t *object, const struct output *o,
			       size_t head)
{
	size_t cut = result_cut_character(o->bytes, head);
	size_t rest = rest_of_character(o->bytes + head, *o->n - head);
	size_t n = *o->n - cut - rest;
	char *joined = malloc(n + 1);
	json_t *text;

	if (!joined)
		return -1;
	memcpy(joined, o->bytes, head - cut);
	memcpy(joined + head - cut, o->bytes + head + rest,
	       *o->n - head - rest);
	text = json_stringn(joined, n);
	free(joined);
	if (text) {
		*o->n = n;
		head -= cut;
		json_object_set_new(object, o->keys[0], text);
	} else if (result_set_bytes(object, o->keys, o->bytes, *o->n)) {
		return -1;
	}
	return set_number(object, o->gap, head) |
	       set_number(object, o->length, *o->n);
}

static json_t *ending_json(const struct spawn_template_result *r, int pid)
{
	return json_pack("{s:o, s:o, s:s?, s:o, s:b}", "pid", out_number(pid),
			 "code", out_number(r->code), "signal",
			 r->signal >= 0 ? name_signal(r->signal) : NULL,
			 "signal_number", out_number(r->signal), "timed_out",
			 has(r, SPAWN_TEMPLATE_RESULT_TIMED_OUT));
}

/* Make a number; null if it is not known. */
static json_t *known_json(uint64_t n)
{
	return n ? json_integer((json_int_t)n) : json_null();
}

static json_t *circumstances_json(const struct spawn_template_result *r)
{
	return json_pack(
		"{s:b, s:o, s:o, "
		"s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:I, s:b, s:b, s:b, "
		"s:{s:f, s:f, s:I}, s:f, s:f}",
		"oom", has(r, SPAWN_TEMPLATE_RESULT_OOM), "memory_peak",
		known_json(r->memory_peak), "cpu_us", known_json(r->cpu_us),
		"out_total", (json_int_t)r->out_total, "err_total",
		(json_int_t)r->err_total, "idle",
		has(r, SPAWN_TEMPLATE_RESULT_IDLE), "detached",
		has(r, SPAWN_TEMPLATE_RESULT_DETACHED), "spilled",
		has(r, SPAWN_TEMPLATE_RESULT_SPILLED), "out_truncated",
		has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED), "err_truncated",
		has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED), "tree_killed",
		has(r, SPAWN_TEMPLATE_RESULT_TREE_KILLED), "not_killed",
		has(r, SPAWN_TEMPLATE_RESULT_NOT_KILLED), "pipe_held",
		has(r, SPAWN_TEMPLATE_RESULT_PIPE_HELD), "status_lost",
		has(r, SPAWN_TEMPLATE_RESULT_STATUS_LOST), "leftovers",
		(json_int_t)r->leftovers, "unseen",
		has(r, SPAWN_TEMPLATE_RESULT_UNSEEN), "cgroup",
		has(r, SPAWN_TEMPLATE_RESULT_CGROUP), "warm",
		has(r, SPAWN_TEMPLATE_RESULT_WARM), "usage", "user_s",
		(double)r->user_us / 1e6, "system_s",
		(double)r->system_us / 1e6, "max_rss_kib",
		(json_int_t)r->max_rss_kib, "spawn_ms",
		(double)r->spawn_ns / 1e6, "total_ms",
		(double)r->total_ns / 1e6);
}

/* Add exact times and the rest of the usage; user_s and so on are the names of 0.3. */
static int add_numbers(json_t *object, const struct spawn_template_result *r)
{
	json_t *usage = json_object_get(object, "usage");
	const struct {
		json_t *object;
		const char *key;
		uint64_t n;
	} numbers[] = {
		{ object, "spawn_ns", r->spawn_ns },
		{ object, "total_ns", r->total_ns },
		{ usage, "user_us", r->user_us },
		{ usage, "system_us", r->system_us },
		{ usage, "minor_faults", r->minor_faults },
		{ usage, "major_faults", r->major_faults },
		{ usage, "block_inputs", r->block_inputs },
		{ usage, "block_outputs", r->block_outputs },
		{ usage, "voluntary_switches", r->voluntary_switches },
		{ usage, "involuntary_switches", r->involuntary_switches },
	};
	int err = 0;

	for (size_t i = 0; i < COUNT(numbers) && !err; i++)
		err = json_object_set_new(
			numbers[i].object, numbers[i].key,
			json_integer((json_int_t)numbers[i].n));
	return err;
}

static int set_outputs(json_t *object, struct spawn_template_result *r,
		       const struct result_form *form)
{
	const struct output outputs[] = {
		{ r->out,
		  &r->out_len,
		  has(r, SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED),
		  { "out", "out_base64" },
		  "out_len",
		  "out_gap" },
		{ r->err,
		  &r->err_len,
		  has(r, SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED),
		  { "err", "err_base64" },
		  "err_len",
		  "err_gap" },
	};
	int err = 0;

	for (size_t i = 0; i < COUNT(outputs) && !err; i++) {
		const struct output *o = &outputs[i];

		if (form->tailed && o->truncated && *o->n >= form->head)
			err = set_output_with_gap(object, o, form->head);
		else
			err = set_output(object, o);
	}
	return err;
}

void result_set_tail(struct result_form *form, uint64_t max_output,
		     uint64_t tail)
{
	if (!max_output)
		max_output = SPAWN_TEMPLATE_RUN_MAX_OUTPUT;
	form->tailed = true;
	form->head = (size_t)(max_output - (tail ? tail : max_output / 2));
}

json_t *result_json(struct spawn_template_result *r, int pid,
		    const struct result_form *form)
{
	json_t *object = ending_json(r, pid), *rest = circumstances_json(r);

	if (!object || !rest || add_numbers(rest, r) ||
	    (!form->streamed && set_outputs(object, r, form)) ||
	    json_object_update(object, rest)) {
		json_decref(object);
		object = NULL;
	}
	json_decref(rest);
	return object;
}
