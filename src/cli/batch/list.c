/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of jobs: those that wait, in the order of their lines, and those that run. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch/batch.h"

static void unlink_job(struct batch *b, struct batch_job *job)
{
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	else if (b->waiting_end == &job->next)
		b->waiting_end = job->link;
	if (job->request)
		b->ahead -= job->request->size;
	else
		b->active--;
}

static void free_request(struct batch_job *job)
{
	if (!job->request)
		return;
	request_free(job->request);
	free(job->request);
	job->request = NULL;
}

void job_free(struct batch *b, struct batch_job *job)
{
	unlink_job(b, job);
	free_request(job);
	while (job->input) {
		struct batch_input *input = job->input;

		job->input = input->next;
		free(input);
	}
	if (job->session)
		session_drop(b, job->session);
	else if (job->tfd >= 0)
		spawn_template_cache_drop(job->cache, job->tfd);
	if (job->spill_fd >= 0)
		close(job->spill_fd);
	spawn_template_sandbox_free(job->sandbox);
	free(job->id);
	free(job->name);
	free(job->cwd);
	free(job);
}

static char *number_text(uint64_t n)
{
	char *text;

	return asprintf(&text, "%llu", (unsigned long long)n) < 0 ? NULL : text;
}

void job_add(struct batch *b, struct request *r)
{
	struct batch_job *job = calloc(1, sizeof(*job));
	struct request *own = job ? malloc(sizeof(*own)) : NULL;

	if (!own) {
		free(job);
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	*own = *r;
	*r = (struct request){ 0 };
	job->request = own;
	job->tfd = job->spill_fd = -1;
	job->line = b->in.number;
	if (own->id)
		job->id = own->id;
	else
		job->id = own->id_unknown ? strdup("null")
					  : number_text(job->line);
	job->name = own->name;
	job->cwd = own->cwd ? strdup(own->cwd) : NULL;
	own->id = own->name = NULL;
	job->run_flags = b->options->run_flags | own->run_flags;
	if (own->keep_leftovers == 0 ||
	    (own->keep_leftovers < 0 && !b->options->keep_leftovers))
		job->run_flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS;
	job->input_end = &job->input;
	job->link = b->waiting_end;
	*b->waiting_end = job;
	b->waiting_end = &job->next;
	b->ahead += own->size;
	if (!job->id || (own->cwd && !job->cwd))
		b->out.error = b->out.error ? b->out.error : ENOMEM;
}

void job_set_running(struct batch *b, struct batch_job *job)
{
	unlink_job(b, job);
	free_request(job);
	job->next = b->running;
	if (job->next)
		job->next->link = &job->next;
	job->link = &b->running;
	b->running = job;
	b->active++;
	b->queued++;
}
