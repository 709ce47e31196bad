/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of jobs: those that wait, in the order of their requests, and those that run. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/engine/engine.h"

static void unlink_job(struct engine *e, struct engine_job *job)
{
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	else if (e->waiting_end == &job->next)
		e->waiting_end = job->link;
	if (job->request)
		e->ahead -= job->request->size;
	else
		e->active--;
}

static void free_request(struct engine_job *job)
{
	if (!job->request)
		return;
	request_free(job->request);
	free(job->request);
	job->request = NULL;
}

void job_free(struct engine *e, struct engine_job *job)
{
	unlink_job(e, job);
	free_request(job);
	while (job->input) {
		struct engine_input *input = job->input;

		job->input = input->next;
		free(input);
	}
	if (job->session)
		session_drop(e, job->session);
	else if (job->tfd >= 0)
		spawn_template_cache_drop(job->cache, job->tfd);
	if (job->spill_fd >= 0)
		close(job->spill_fd);
	spawn_template_sandbox_free(job->sandbox);
	if (e->events->freed)
		e->events->freed(job);
	free(job->name);
	free(job->cwd);
	free(job);
}

struct engine_job *job_add(struct engine *e, struct request *r, void *owner)
{
	struct engine_job *job = calloc(1, sizeof(*job));
	struct request *own = job ? malloc(sizeof(*own)) : NULL;
	char *cwd = own && r->cwd ? strdup(r->cwd) : NULL;

	if (!own || (r->cwd && !cwd)) {
		free(own);
		free(job);
		return NULL;
	}
	*own = *r;
	own->id = NULL;
	*r = (struct request){ .id = r->id };
	job->owner = owner;
	job->request = own;
	job->tfd = job->spill_fd = -1;
	job->name = own->name;
	job->cwd = cwd;
	own->name = NULL;
	job->run_flags = e->options->run_flags | own->run_flags;
	if (own->keep_leftovers == 0 ||
	    (own->keep_leftovers < 0 && !e->options->keep_leftovers))
		job->run_flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS;
	job->input_end = &job->input;
	job->link = e->waiting_end;
	*e->waiting_end = job;
	e->waiting_end = &job->next;
	e->ahead += own->size;
	return job;
}

void job_set_running(struct engine *e, struct engine_job *job)
{
	unlink_job(e, job);
	free_request(job);
	job->next = e->running;
	if (job->next)
		job->next->link = &job->next;
	job->link = &e->running;
	e->running = job;
	e->active++;
	e->queued++;
}
