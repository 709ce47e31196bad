/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines that are for a program that runs or waits for its turn: input, the end of it, the
 * size of its terminal, and its end.
 *
 * Each of them has an answer. That to input comes when the ring has taken all of it, so
 * that a client which waits for the answer never has more than one line of input here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch/batch.h"

/* ---- the job that a line is for */

/* Return how many jobs in a list have this id, and the last one found. */
static unsigned int find_in(struct batch_job *list, const char *id, bool bytes,
			    struct batch_job **found)
{
	unsigned int n = 0;

	for (; list; list = list->next) {
		if (bytes ? strcmp(list->id, id) != 0
			  : !id_is_same(list->id, id))
			continue;
		*found = list;
		n++;
	}
	return n;
}

static unsigned int find_jobs(const struct batch *b, const char *id,
			      struct batch_job **found)
{
	unsigned int n = find_in(b->running, id, true, found) +
			 find_in(b->waiting, id, true, found);

	if (n)
		return n;
	return find_in(b->running, id, false, found) +
	       find_in(b->waiting, id, false, found);
}

/* ---- input */

static void add_input(struct batch *b, struct batch_job *job, uint64_t line,
		      const struct request *r)
{
	size_t n = r ? r->input_len : 0;
	struct batch_input *input = malloc(sizeof(*input) + n);

	if (!input) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	*input = (struct batch_input){ .line = line, .is_end = !r, .n = n };
	if (n)
		memcpy(input->bytes, r->input, n);
	*job->input_end = input;
	job->input_end = &input->next;
	job->input_size += n;
	job->input_ended |= input->is_end;
}

/* Answer the first input that waits, and free it. */
static void end_input(struct batch *b, struct batch_job *job, int error,
		      const char *message)
{
	struct batch_input *input = job->input;

	if (input->line)
		answer_control(b, job->id, input->line,
			       input->is_end ? BATCH_CLOSE : BATCH_WRITE, error,
			       message);
	job->input = input->next;
	if (!job->input)
		job->input_end = &job->input;
	job->input_size -= input->n;
	free(input);
}

void control_drop_input(struct batch *b, struct batch_job *job)
{
	while (job->input)
		end_input(b, job, EPIPE, "the program has ended");
}

/* Return: false if the rest has to wait for the program. */
static bool give_first(struct batch *b, struct batch_job *job)
{
	struct batch_input *input = job->input;
	uint64_t user_data = (uintptr_t)job;
	int ret = 0;

	if (input->is_end)
		ret = spawn_template_ring_close_input(b->ring, user_data);
	else if (input->at < input->n)
		ret = spawn_template_ring_write(b->ring, user_data,
						input->bytes + input->at,
						input->n - input->at);
	if (ret == -EAGAIN)
		return false;
	if (ret == -ENOENT)
		ret = input->is_end ? 0 : -EPIPE;
	if (ret > 0)
		input->at += (size_t)ret;
	if (ret < 0)
		end_input(b, job, -ret,
			  ret == -EPIPE ? "nobody reads the program's input"
					: strerror(-ret));
	else if (input->at == input->n)
		end_input(b, job, 0, NULL);
	return true;
}

void control_give_input(struct batch *b)
{
	b->input_waits = false;
	for (struct batch_job *job = b->running; job; job = job->next) {
		if (!(job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT))
			continue;
		/* no line can bring more */
		if (b->in.eof && !job->input_ended)
			add_input(b, job, 0, NULL);
		while (job->input && give_first(b, job))
			;
		b->input_waits |= job->input != NULL;
	}
}

/* ---- each verb. Return: 0; or a positive errno with a message. */

static int take_input(struct batch *b, struct batch_job *job,
		      const struct request *r, const char **message)
{
	if (!(job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT)) {
		*message = "the program's line has no \"open_input\": true";
		return EINVAL;
	}
	if (job->input_ended) {
		*message = "the program's input was closed before";
		return EPIPE;
	}
	if (r->verb == BATCH_WRITE && job->input_size &&
	    job->input_size + r->input_len > BATCH_INPUT_MAX) {
		*message = "the program has not read what was written before: "
			   "wait for the answers, and write this again";
		return EAGAIN;
	}
	add_input(b, job, b->in.number, r->verb == BATCH_WRITE ? r : NULL);
	return 0;
}

static int resize(struct batch *b, struct batch_job *job,
		  const struct request *r, const char **message)
{
	int err = 0;

	if (!(job->run_flags & SPAWN_TEMPLATE_RUN_PTY)) {
		*message = "the program's line has no \"pty\": true";
		return EINVAL;
	}
	if (job->request)
		job->request->winsize = r->winsize;
	else
		err = -spawn_template_ring_winsize(b->ring, (uintptr_t)job,
						   r->winsize);
	*message = err == ENOENT ? "the program has ended" : strerror(err);
	return err;
}

/* The job's own answer comes after that to the line. */
static void cancel(struct batch *b, struct batch_job *job)
{
	if (!job->request) {
		spawn_template_ring_cancel(b->ring, (uintptr_t)job);
		return;
	}
	control_drop_input(b, job);
	answer_failure(b, job, ECANCELED, SPAWN_TEMPLATE_STAGE_ARGS);
	job_free(b, job);
}

static int serve(struct batch *b, struct batch_job *job,
		 const struct request *r, const char **message)
{
	if (r->verb == BATCH_WINSIZE)
		return resize(b, job, r, message);
	return r->verb == BATCH_CANCEL ? 0 : take_input(b, job, r, message);
}

void control_serve(struct batch *b, struct request *r)
{
	struct batch_job *job = NULL;
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
	if (err || r->verb == BATCH_CANCEL || r->verb == BATCH_WINSIZE)
		answer_control(b, r->id, b->in.number, r->verb, err, message);
	if (!err && r->verb == BATCH_CANCEL)
		cancel(b, job);
}
