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

static json_t *error_json(int error, const char *message)
{
	return json_pack("{s:{s:s, s:i, s:o}}", "error", "name",
			 name_errno(error), "errno", error, "message",
			 out_text(message));
}

void answer_complaint(struct batch *b, const struct request *r,
		      const struct complaint *c)
{
	answer(b, r->id, b->in.number, batch_keys[r->verb],
	       error_json(c->error, c->text));
}

void answer_refused(struct batch *b, const struct batch_job *job,
		    const struct complaint *c)
{
	answer(b, job->id, job->line, NULL, error_json(c->error, c->text));
}

void answer_failure(struct batch *b, const struct batch_job *job, int error,
		    uint32_t flags)
{
	static const char *const both[] = { "cwd", "RLIMIT_NOFILE" };
	static struct spawn_template_stat st;
	struct launch_error e = {
		.command = job->name,
		.path = "",
		.interpreter = "",
		.one_of_many = true,
		.error = error,
		.failure = {
			.error = error,
			.stage = SPAWN_TEMPLATE_CQE_STAGE(flags),
			.action = SPAWN_TEMPLATE_CQE_ACTION(flags),
		},
		.cwd = job->cwd,
		.actions = job->cwd ? both : both + 1,
		.n_actions = job->cwd ? 2 : 1,
		.sandboxed = job->sandbox,
	};

	if (job->tfd >= 0 &&
	    spawn_template_stat(job->tfd, &st, sizeof(st)) == 0) {
		e.path = st.path;
		e.interpreter = st.interpreter;
	}
	answer(b, job->id, job->line, NULL,
	       json_pack("{s:o}", "error", launch_error_json(&e)));
}

static json_t *cqe_json(const struct batch_job *job,
			const struct spawn_template_cqe *cqe)
{
	json_t *object = result_json(cqe->result, cqe->pid, &job->form);

	if (object)
		json_object_set_new(object, "cancelled",
				    json_boolean(cqe->res == -ECANCELED));
	return object;
}

/* ---- output as it comes */

static void answer_bytes(struct batch *b, const struct batch_job *job,
			 int stream, const char *bytes, size_t n)
{
	static const char *const keys[2][2] = { { "out", "out_base64" },
						{ "err", "err_base64" } };
	json_t *object = json_object();

	if (object && result_set_bytes(object, keys[stream], bytes, n)) {
		json_decref(object);
		object = NULL;
	}
	answer(b, job->id, job->line, keys[stream][0], object);
}

/* A character may be in two parts of the output: the second one brings it. */
void answer_output(struct batch *b, struct batch_job *job,
		   const struct spawn_template_cqe *cqe)
{
	int stream = cqe->kind == SPAWN_TEMPLATE_CQE_ERR;
	size_t before = job->n_cut[stream], n = before + cqe->data_len, cut;
	char *bytes = malloc(n);

	if (!bytes) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	memcpy(bytes, job->cut[stream], before);
	memcpy(bytes + before, cqe->data, cqe->data_len);
	cut = result_cut_character(bytes, n);
	memcpy(job->cut[stream], bytes + n - cut, cut);
	job->n_cut[stream] = cut;
	if (n > cut)
		answer_bytes(b, job, stream, bytes, n - cut);
	free(bytes);
}

/* Write what is left of the output. */
static void answer_cut(struct batch *b, struct batch_job *job)
{
	for (int stream = 0; stream < 2; stream++) {
		if (job->n_cut[stream])
			answer_bytes(b, job, stream, job->cut[stream],
				     job->n_cut[stream]);
		job->n_cut[stream] = 0;
	}
}

void answer_result(struct batch *b, struct batch_job *job,
		   const struct spawn_template_cqe *cqe)
{
	answer_cut(b, job);
	answer(b, job->id, job->line, NULL, cqe_json(job, cqe));
}

void answer_detached(struct batch *b, struct batch_job *job,
		     const struct spawn_template_cqe *cqe)
{
	answer(b, job->id, job->line, "detached", cqe_json(job, cqe));
}

/* ---- lines that are for a program */

void answer_control(struct batch *b, const char *id, uint64_t line,
		    enum batch_verb verb, int error, const char *message)
{
	answer(b, id, line, batch_keys[verb],
	       error ? error_json(error, message) : json_object());
}
