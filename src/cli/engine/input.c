/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input for programs that run or wait for their turn, in the order in which it came. The
 * ring does not tell when a program can take more: the owner asks from time to time while
 * some waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/engine/engine.h"

/* bytes NULL: the end. Return: 0 or a positive errno. */
static int add(struct engine *e, struct engine_job *job, const void *bytes,
	       size_t n, uint64_t tag)
{
	struct engine_input *input = malloc(sizeof(*input) + n);

	if (!input) {
		engine_no_memory(e);
		return 0;
	}
	*input = (struct engine_input){ .tag = tag, .is_end = !bytes, .n = n };
	if (n)
		memcpy(input->bytes, bytes, n);
	*job->input_end = input;
	job->input_end = &input->next;
	job->input_size += n;
	job->inputs++;
	job->input_ended |= input->is_end;
	return 0;
}

/* Return: 0 if the job can have input; or a positive errno, and with a message. */
static int check(const struct engine_job *job, const char **message)
{
	if (!(job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT)) {
		*message = "the program's line has no \"open_input\": true";
		return EINVAL;
	}
	if (job->input_ended) {
		*message = "the program's input was closed before";
		return EPIPE;
	}
	return 0;
}

int input_add(struct engine *e, struct engine_job *job, const void *bytes,
	      size_t n, uint64_t tag, const char **message)
{
	int err = check(job, message);

	if (err)
		return err;
	if (job->inputs >= ENGINE_INPUTS_MAX ||
	    (job->input_size && job->input_size + n > ENGINE_INPUT_MAX)) {
		*message = "the program has not read what was written before: "
			   "wait for the answers, and write this again";
		return EAGAIN;
	}
	return add(e, job, bytes, n, tag);
}

int input_end(struct engine *e, struct engine_job *job, uint64_t tag,
	      const char **message)
{
	int err = check(job, message);

	return err ? err : add(e, job, NULL, 0, tag);
}

/* Tell of the first input that waits, and free it. */
static void finish(struct engine *e, struct engine_job *job, int error,
		   const char *message)
{
	struct engine_input *input = job->input;

	if (input->tag)
		e->events->input(e, job, input, error, message);
	job->input = input->next;
	if (!job->input)
		job->input_end = &job->input;
	job->input_size -= input->n;
	job->inputs--;
	free(input);
}

void input_drop(struct engine *e, struct engine_job *job)
{
	while (job->input)
		finish(e, job, EPIPE, "the program has ended");
}

/* Return: false if the rest has to wait for the program. */
static bool give_first(struct engine *e, struct engine_job *job)
{
	struct engine_input *input = job->input;
	uint64_t user_data = (uintptr_t)job;
	int ret = 0;

	if (input->is_end)
		ret = spawn_template_ring_close_input(e->ring, user_data);
	else if (input->at < input->n)
		ret = spawn_template_ring_write(e->ring, user_data,
						input->bytes + input->at,
						input->n - input->at);
	if (ret == -EAGAIN)
		return false;
	if (ret == -ENOENT)
		ret = input->is_end ? 0 : -EPIPE;
	if (ret > 0)
		input->at += (size_t)ret;
	if (ret < 0)
		finish(e, job, -ret,
		       ret == -EPIPE ? "nobody reads the program's input"
				     : strerror(-ret));
	else if (input->at == input->n)
		finish(e, job, 0, NULL);
	return true;
}

void input_give(struct engine *e)
{
	e->input_waits = false;
	for (struct engine_job *job = e->running; job; job = job->next) {
		if (!(job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT))
			continue;
		while (job->input && give_first(e, job))
			;
		e->input_waits |= job->input != NULL;
	}
}
