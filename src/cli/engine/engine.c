/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's ring: what is made before it, its completions, and its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli/engine/engine.h"

/* ---- before and after */

int engine_open(struct engine *e, const struct engine_options *options,
		const struct engine_events *events, void *owner)
{
	int err;

	*e = (struct engine){
		.options = options,
		.events = events,
		.owner = owner,
		.max_jobs = options->jobs ? options->jobs
					  : room_for_jobs(options->max_output),
		.tree_parent = -1,
		.known = ENGINE_TOOLS_KNOWN,
		.pools = options->way == ENGINE_COLD ? ENGINE_POOLS_FEW
						     : ENGINE_POOLS_MOST,
	};
	e->waiting_end = &e->waiting;
	room_raise_files(e);
	if (options->jobs && e->max_jobs < options->jobs) {
		out_error("only %u jobs at a time: too few files may be open",
			  e->max_jobs);
		out_remedy("raise the hard limit (ulimit -Hn)");
	}
	if (options->tree_parent) {
		e->tree_parent = open_cgroup("--cgroup-tree",
					     options->tree_parent, true);
		if (e->tree_parent < 0)
			return CLI_FAILED;
	}
	if (job_make_cache(e, ENGINE_COLD)) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	err = spawn_template_ring_init(e->max_jobs, NULL, 0, &e->ring);
	return err ? launch_no_ring(-err) : 0;
}

void engine_close(struct engine *e)
{
	spawn_template_ring_exit(e->ring);
	while (e->running)
		job_free(e, e->running);
	while (e->waiting)
		job_free(e, e->waiting);
	sessions_free(e);
	for (int way = 0; way < ENGINE_WAYS; way++)
		spawn_template_cache_free(e->caches[way]);
	if (e->tree_parent >= 0)
		close(e->tree_parent);
}

/* ---- completions */

static void take_end(struct engine *e, struct engine_job *job,
		     struct spawn_template_cqe *cqe)
{
	input_drop(e, job);
	if (cqe->result)
		e->events->ended(e, job, cqe);
	else
		e->events->failed(e, job, -cqe->res, cqe->flags);
}

static void take_completion(struct engine *e, struct spawn_template_cqe *cqe)
{
	struct engine_job *job = (void *)(uintptr_t)cqe->user_data;
	bool ended = cqe->kind == SPAWN_TEMPLATE_CQE_END;

	if (ended && !cqe->result && cqe->res == -ESTALE && job_again(e, job))
		ended = false;
	else if (ended)
		take_end(e, job, cqe);
	else if (cqe->kind == SPAWN_TEMPLATE_CQE_DETACHED)
		e->events->detached(e, job, cqe);
	else
		e->events->output(e, job, cqe);
	spawn_template_ring_seen(e->ring, cqe);
	if (ended)
		job_free(e, job);
}

bool engine_take_one(struct engine *e)
{
	struct spawn_template_cqe *cqe;

	if (spawn_template_ring_wait(e->ring, &cqe, 0))
		return false;
	take_completion(e, cqe);
	return true;
}

void engine_submit(struct engine *e)
{
	if (e->queued)
		spawn_template_ring_submit(e->ring);
	e->queued = 0;
}

/*
 * spawn_template_ring_exit() is not called before, because it waits for a bounded time
 * only; after one signal more it ends the runs at once.
 */
void engine_end_all(struct engine *e, int stops)
{
	struct pollfd fd = { .fd = spawn_template_ring_fd(e->ring),
			     .events = POLLIN };
	struct spawn_template_cqe *cqe;

	for (struct engine_job *job = e->running; job; job = job->next)
		spawn_template_ring_cancel(e->ring, (uintptr_t)job);
	while (e->active && stop_count() < stops) {
		if (spawn_template_ring_wait(e->ring, &cqe, 0)) {
			poll(&fd, 1, -1);
			continue;
		}
		if (cqe->kind == SPAWN_TEMPLATE_CQE_END)
			job_free(e, (void *)(uintptr_t)cqe->user_data);
		spawn_template_ring_seen(e->ring, cqe);
	}
}
