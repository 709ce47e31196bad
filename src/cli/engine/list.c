/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of jobs: those that wait, in the order of their requests, and those that run. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/engine/engine.h"

#define REQUEST_KEPT_MAX ((size_t)64 << 10)

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

static void free_request(struct request **request)
{
	if (!*request)
		return;
	request_free(*request);
	free(*request);
	*request = NULL;
}

/*
 * Keep the request of a job that was judged: its file may be another one at the launch. Large
 * ones are not kept, nor those whose input would be lost.
 */
static void keep_request(struct engine_job *job)
{
	if (!job->verdict.path || job->judged_twice || job->spill_fd >= 0 ||
	    job->request->size > REQUEST_KEPT_MAX ||
	    job->run_flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT)
		return;
	job->again = job->request;
	job->request = NULL;
}

void job_forget_program(struct engine *e, struct engine_job *job)
{
	struct engine_verdict *v = &job->verdict;

	if (job->session)
		session_drop(e, job->session);
	else if (job->tfd >= 0)
		spawn_template_cache_drop(job->cache, job->tfd);
	job->session = NULL;
	job->tfd = -1;
	if (v->program >= 0)
		close(v->program);
	if (v->cwd >= 0)
		close(v->cwd);
	free(v->path);
	free(v->name);
	*v = (struct engine_verdict){ .program = -1, .cwd = -1 };
}

bool job_again(struct engine *e, struct engine_job *job)
{
	if (!job->again)
		return false;
	unlink_job(e, job);
	job_forget_program(e, job);
	spawn_template_sandbox_free(job->sandbox);
	job->sandbox = NULL;
	job->request = job->again;
	job->again = NULL;
	job->judged_twice = true;
	job->next = e->waiting;
	if (job->next)
		job->next->link = &job->next;
	else
		e->waiting_end = &job->next;
	job->link = &e->waiting;
	e->waiting = job;
	e->ahead += job->request->size;
	return true;
}

void job_free(struct engine *e, struct engine_job *job)
{
	unlink_job(e, job);
	free_request(&job->request);
	free_request(&job->again);
	while (job->input) {
		struct engine_input *input = job->input;

		job->input = input->next;
		free(input);
	}
	job_forget_program(e, job);
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
	job->verdict.program = job->verdict.cwd = -1;
	job->name = own->name;
	job->cwd = cwd;
	own->name = NULL;
	job->run_flags = e->options->run_flags | own->run_flags;
	if (own->keep_leftovers == 0 ||
	    (own->keep_leftovers < 0 && !e->options->keep_leftovers))
		job->run_flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS |
				  SPAWN_TEMPLATE_RUN_END_WITH_CALLER;
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
	keep_request(job);
	free_request(&job->request);
	job->next = e->running;
	if (job->next)
		job->next->link = &job->next;
	job->link = &e->running;
	e->running = job;
	e->active++;
	e->queued++;
}
