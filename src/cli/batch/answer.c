/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines that batch writes. A line with "event" is about a program that runs or waits,
 * and more lines with its id follow; a line without is the last one with its id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch/batch.h"

/*
 * Print {"id": ..., "line": ..., "event": ..., and the members of object}; consume
 * object. event NULL: it has none.
 */
static void answer(struct batch *b, const char *id, uint64_t line,
		   const char *event, json_t *object)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)line);

	if (!object) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	writer_text(&b->out, "{\"id\":", 6);
	writer_raw(&b->out, id);
	writer_text(&b->out, ",\"line\":", 8);
	writer_text(&b->out, number, (size_t)n);
	if (event) {
		writer_text(&b->out, ",\"event\":\"", 10);
		writer_text(&b->out, event, strlen(event));
		writer_text(&b->out, "\"", 1);
	}
	if (json_object_size(object))
		writer_text(&b->out, ",", 1);
	writer_json(&b->out, object,
		    JSON_COMPACT | JSON_EMBED | JSON_REAL_PRECISION(9));
	writer_text(&b->out, "}\n", 2);
	json_decref(object);
}

static void answer_job(struct batch *b, const struct engine_job *job,
		       const char *event, json_t *object)
{
	answer(b, line_of(job)->id, line_of(job)->number, event, object);
}

void answer_complaint(struct batch *b, const struct request *r,
		      const struct complaint *c)
{
	answer(b, r->id, b->in.number, request_keys[r->verb],
	       json_pack("{s:o}", "error", error_json(c->error, c->text)));
}

/* ---- the last line of a job */

static void answer_refused(struct engine *e, struct engine_job *job,
			   const struct complaint *c)
{
	answer_job(e->owner, job, NULL,
		   json_pack("{s:o}", "error", error_json(c->error, c->text)));
}

static void answer_failure(struct engine *e, struct engine_job *job, int error,
			   uint32_t flags)
{
	answer_job(e->owner, job, NULL,
		   json_pack("{s:o}", "error",
			     job_failure_json(job, error, flags)));
}

static json_t *cqe_json(const struct engine_job *job,
			const struct spawn_template_cqe *cqe)
{
	json_t *object = result_json(cqe->result, cqe->pid, &job->form);

	if (object)
		json_object_set_new(object, "cancelled",
				    json_boolean(cqe->res == -ECANCELED));
	return object;
}

/* ---- output as it comes */

static void answer_bytes(struct batch *b, const struct engine_job *job,
			 int stream, const char *bytes, size_t n)
{
	static const char *const keys[2][2] = { { "out", "out_base64" },
						{ "err", "err_base64" } };
	json_t *object = json_object();

	if (object && result_set_bytes(object, keys[stream], bytes, n)) {
		json_decref(object);
		object = NULL;
	}
	answer_job(b, job, keys[stream][0], object);
}

/* A character may be in two parts of the output: the second one brings it. */
static void answer_output(struct engine *e, struct engine_job *job,
			  const struct spawn_template_cqe *cqe)
{
	struct batch *b = e->owner;
	struct batch_line *line = line_of(job);
	int stream = cqe->kind == SPAWN_TEMPLATE_CQE_ERR;
	size_t before = line->n_cut[stream], n = before + cqe->data_len, cut;
	char *bytes = malloc(n);

	if (!bytes) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	memcpy(bytes, line->cut[stream], before);
	memcpy(bytes + before, cqe->data, cqe->data_len);
	cut = result_cut_character(bytes, n);
	memcpy(line->cut[stream], bytes + n - cut, cut);
	line->n_cut[stream] = cut;
	if (n > cut)
		answer_bytes(b, job, stream, bytes, n - cut);
	free(bytes);
}

/* Write what is left of the output. */
static void answer_cut(struct batch *b, struct engine_job *job)
{
	struct batch_line *line = line_of(job);

	for (int stream = 0; stream < 2; stream++) {
		if (line->n_cut[stream])
			answer_bytes(b, job, stream, line->cut[stream],
				     line->n_cut[stream]);
		line->n_cut[stream] = 0;
	}
}

static void answer_result(struct engine *e, struct engine_job *job,
			  const struct spawn_template_cqe *cqe)
{
	answer_cut(e->owner, job);
	answer_job(e->owner, job, NULL, cqe_json(job, cqe));
}

static void answer_detached(struct engine *e, struct engine_job *job,
			    const struct spawn_template_cqe *cqe)
{
	answer_job(e->owner, job, "detached", cqe_json(job, cqe));
}

/* ---- lines that are for a program */

void answer_control(struct batch *b, const char *id, uint64_t line,
		    enum request_verb verb, int error, const char *message)
{
	answer(b, id, line, request_keys[verb],
	       error ? json_pack("{s:o}", "error", error_json(error, message))
		     : json_object());
}

static void answer_input(struct engine *e, struct engine_job *job,
			 const struct engine_input *input, int error,
			 const char *message)
{
	answer_control(e->owner, line_of(job)->id, input->tag,
		       input->is_end ? REQUEST_CLOSE : REQUEST_WRITE, error,
		       message);
}

static void free_line(struct engine_job *job)
{
	struct batch_line *line = line_of(job);

	free(line->id);
	free(line);
}

const struct engine_events answer_events = {
	.refused = answer_refused,
	.failed = answer_failure,
	.ended = answer_result,
	.detached = answer_detached,
	.output = answer_output,
	.input = answer_input,
	.freed = free_line,
};
