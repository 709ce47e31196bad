/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines that are for a program that runs or waits for its turn: input, the end of it, the
 * size of its terminal, and its end.
 *
 * Each of them has an answer. That to input comes when the ring has taken all of it, so
 * that a client which waits for the answer never has more than one line of input here.
 */
#include <errno.h>
#include <string.h>

#include "cli/batch/batch.h"

/* ---- the job that a line is for */

/* Return how many jobs in a list have this id, and the last one found. */
static unsigned int find_in(struct engine_job *list, const char *id, bool bytes,
			    struct engine_job **found)
{
	unsigned int n = 0;

	for (; list; list = list->next) {
		const char *other = line_of(list)->id;

		if (bytes ? strcmp(other, id) != 0 : !id_is_same(other, id))
			continue;
		*found = list;
		n++;
	}
	return n;
}

static unsigned int find_jobs(const struct batch *b, const char *id,
			      struct engine_job **found)
{
	unsigned int n = find_in(b->engine.running, id, true, found) +
			 find_in(b->engine.waiting, id, true, found);

	if (n)
		return n;
	return find_in(b->engine.running, id, false, found) +
	       find_in(b->engine.waiting, id, false, found);
}

/* ---- input */

void control_end_input(struct batch *b)
{
	const char *message;

	for (struct engine_job *job = b->engine.running; job; job = job->next)
		if (job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT &&
		    !job->input_ended)
			input_end(&b->engine, job, 0, &message);
}

/* ---- each verb. Return: 0; or a positive errno with a message. */

static int take_input(struct batch *b, struct engine_job *job,
		      const struct request *r, const char **message)
{
	if (r->verb == REQUEST_CLOSE)
		return input_end(&b->engine, job, b->in.number, message);
	return input_add(&b->engine, job, r->input, r->input_len, b->in.number,
			 message);
}

static int serve(struct batch *b, struct engine_job *job,
		 const struct request *r, const char **message)
{
	if (r->verb == REQUEST_WINSIZE)
		return job_resize(&b->engine, job, r->winsize, message);
	return r->verb == REQUEST_CANCEL ? 0 : take_input(b, job, r, message);
}

void control_serve(struct batch *b, struct request *r)
{
	struct engine_job *job = NULL;
	unsigned int n = find_jobs(b, r->id, &job);
	const char *message = NULL;
	int err;

	if (n == 1) {
		err = serve(b, job, r, &message);
	} else if (n) {
		err = ENOTUNIQ;
		message = "several programs that run or wait have this id";
	} else {
		err = ENOENT;
		message = "no program that runs or waits has this id";
	}
	/* input is answered when it has been taken */
	if (err || r->verb == REQUEST_CANCEL || r->verb == REQUEST_WINSIZE)
		answer_control(b, r->id, b->in.number, r->verb, err, message);
	/* the job's own answer comes after that to the line */
	if (!err && r->verb == REQUEST_CANCEL)
		job_cancel(&b->engine, job);
}
