/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A job: the calling thread makes it, and a thread of the pool launches it.
 *
 * If a launch finds no fds, memory or processes, it is tried again here, as
 * others end, for a bounded time.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "copy.h"
#include "shared/clock.h"
#include "run/chunk.h"
#include "run/detach.h"
#include "run/feed.h"
#include "run/job.h"
#include "run/pool.h"
#include "run/reactor.h"
#include "run/ring.h"
#include "run/started.h"
#include "sys.h"

/* The time for which a launch waits in a shortage, in all and per try. */
#define SHORTAGE_MOST (1000 * ST_MS)
#define SHORTAGE_STEP (50 * ST_MS)

/* ---- the calling thread */

static void caller_of_this_thread(struct st_caller *caller)
{
	sys_call4(__NR_rt_sigprocmask, SIG_BLOCK, NULL, &caller->mask,
		  sizeof(caller->mask));
	caller->no_new_privs =
		sys_call5(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	caller->seccomp = sys_call5(__NR_prctl, PR_GET_SECCOMP, 0, 0, 0, 0);
	st_rights_get(&caller->rights, false);
}

/*
 * Tells whether this thread may launch for the caller. If the caller is in a
 * sandbox that this thread is not in, the thread's children would be outside of
 * it; and if the rights of the two differ, they would have those of this one.
 */
static bool is_as_restricted(const struct st_caller *caller)
{
	struct st_rights rights;

	st_rights_get(&rights, true);
	if (!st_rights_equal(&rights, &caller->rights))
		return false;
	if (caller->no_new_privs > 0 &&
	    sys_call5(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) <= 0)
		return false;
	return caller->seccomp <= 0 ||
	       sys_call5(__NR_prctl, PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
}

/* ---- state */

/* Claims a job for the launch, unless it is no longer queued. */
static bool claim_slot(struct st_job *job)
{
	uint64_t queued = job->queued;

	return atomic_compare_exchange_strong(&job->slot->state, &queued,
					      job->queued - ST_SLOT_QUEUED +
						      ST_SLOT_LAUNCHING);
}

/*
 * Goes on to a phase. If something else has happened meanwhile, the job stays
 * LAUNCHING, and the reactor has to look at it.
 */
static bool leave_launching(struct st_job *job, enum st_slot_phase phase)
{
	uint64_t use = job->queued - ST_SLOT_QUEUED;
	uint64_t state = use + ST_SLOT_LAUNCHING;

	return atomic_compare_exchange_strong(&job->slot->state, &state,
					      use + phase);
}

static bool is_cancelled(struct st_job *job)
{
	return atomic_load(&job->slot->state) & ST_SLOT_CANCELLED;
}

static void complete(struct st_job *job, int res,
		     const struct spawn_template_failure *failure)
{
	uint32_t flags = 0;

	if (res < 0)
		flags = failure->stage | failure->action << 8;
	st_job_complete(job, res, flags);
	st_job_free(job);
}

/* ---- launching */

static void prepare_spawn(struct st_job *job, struct st_spawn *spawn)
{
	*spawn = (struct st_spawn){
		.masked = true,
		.mask = job->caller.mask,
		.batch = st_pool_is_batch(),
		.close_now = true,
		.outlives = true,
		.watch = &job->watch,
	};
}

static int launch_spawn(struct st_job *job,
			struct spawn_template_failure *failure)
{
	struct st_spawn spawn;
	pid_t pid;

	prepare_spawn(job, &spawn);
	spawn.args = job->args.spawn;
	pid = st_spawn(job->tfd, &spawn, &job->run.pidfd, failure);
	if (pid < 0)
		return pid;
	job->run.pid = job->run.tree.pid = pid;
	job->run.tree.pidfd = job->run.pidfd;
	return 0;
}

/*
 * Makes the tree. If the place of cgroups was removed meanwhile, it is searched
 * for, or made, anew.
 */
static int make_tree(struct st_job *job, bool *fallback,
		     struct spawn_template_failure *failure)
{
	struct st_homes *homes = &job->ring->homes;
	const struct st_tree_home *home = NULL;
	struct st_tree *tree = &job->run.tree;
	const struct st_limits *limits = &job->run.limits;
	int ret = 0;

	*fallback = false;
	if (job->args.flags & SPAWN_TEMPLATE_RUN_CGROUP)
		ret = st_homes_get(homes, &job->args, &home, fallback, failure);
	if (ret == 0)
		ret = st_tree_make_limited(tree, home, limits, failure);
	if (ret == -ENOENT && home) {
		st_homes_gone(homes, home);
		ret = st_homes_get(homes, &job->args, &home, fallback, failure);
		if (ret == 0)
			ret = st_tree_make_limited(tree, home, limits, failure);
	}
	if (ret < 0 && home && *fallback)
		ret = st_tree_make_or_none(tree, home);
	return ret;
}

/*
 * Launches a run. From st_reactor_add() on the reactor has it, but for the
 * launch.
 */
static int launch_run(struct st_job *job,
		      struct spawn_template_failure *failure)
{
	struct spawn_template_ring *ring = job->ring;
	struct st_run *run = &job->run;
	struct st_io_ends ends;
	struct st_spawn spawn;
	bool fallback, is_fed;
	int ret;

	if (!st_ring_intact(ring))
		return -EBADF;
	prepare_spawn(job, &spawn);
	ret = st_run_open(run, &job->args, ring->devnull, job->feed, &ends);
	run->io.poller = &ring->poller;
	if (job->flow)
		st_flow_attach(job->flow, &run->io);
	is_fed = run->io.in < 0;
	if (ret == 0)
		ret = make_tree(job, &fallback, failure);
	if (ret == 0 && run->tree.cgroup < 0 && run->end_with_caller &&
	    !run->supervise)
		run->ward = st_sentinel_ward(
			&ring->sentinel,
			(unsigned int)(job->slot - ring->slots));
	if (ret == 0)
		ret = st_reactor_add(job);
	if (ret == 0)
		ret = st_run_launch(run, job->tfd, &job->args, &ends, fallback,
				    &spawn, failure);
	if (ret < 0) {
		st_reactor_remove(job);
		/* another try goes on with the same */
		if (job->feed)
			st_feed_open(job->feed, -1);
		run->io.feed = NULL;
		st_run_close(run);
	}
	st_io_close_ends(&ends, ring->devnull);
	if (ret == 0 && is_fed) {
		free(job->copy);
		job->copy = NULL;
	}
	return ret;
}

/*
 * Tells whether another launch, or a program's end, may relieve the shortage.
 */
static bool may_come_back(int ret, const struct spawn_template_failure *failure)
{
	if (failure->stage != SPAWN_TEMPLATE_STAGE_CLONE &&
	    failure->stage != SPAWN_TEMPLATE_STAGE_EXEC)
		return false;
	return sys_is_shortage(ret);
}

static int launch_when_possible(struct st_job *job,
				struct spawn_template_failure *failure)
{
	struct st_pool *pool = job->ring->pool;
	int64_t until = st_after(st_now(), SHORTAGE_MOST);
	int64_t step = ST_MS;

	if (!is_as_restricted(&job->caller))
		return -EACCES;
	for (;;) {
		uint32_t seen = st_pool_released(pool);
		int ret;

		if (is_cancelled(job))
			return -ECANCELED;
		failure->stage = SPAWN_TEMPLATE_STAGE_CLONE;
		ret = job->is_run ? launch_run(job, failure)
				  : launch_spawn(job, failure);
		if (is_cancelled(job) || !may_come_back(ret, failure) ||
		    st_now() >= until)
			return ret;
		st_pool_wait_release(pool, seen, step);
		if (step < SHORTAGE_STEP)
			step *= 2;
	}
}

/* The reactor has to learn of a time, or may read or write, only from now on. */
static bool needs_attention(const struct st_job *job)
{
	return job->run.idle_ns || job->feed || atomic_load(&job->winsize) ||
	       job->args.flags & SPAWN_TEMPLATE_RUN_PTY;
}

/*
 * Hands the job over to the reactor. A spawn that was cancelled too late, after
 * its launch, is ended there as a run whose result nobody wants.
 */
static void hand_over(struct st_job *job)
{
	if (!job->is_run)
		job->run.io.poller = &job->ring->poller;
	st_started_tell(job);
	job->unwatched = st_reactor_watch(job) < 0;
	if (job->unwatched || needs_attention(job) ||
	    !leave_launching(job, ST_SLOT_RUNNING))
		st_reactor_poke(job);
}

/* Launches a job and sees that it completes: the pool's threads call this. */
static void launch_job(struct st_work *work)
{
	struct st_job *job = (struct st_job *)work;
	struct spawn_template_failure failure = { .error = 0 };
	int ret;

	if (!claim_slot(job)) {
		st_job_free(job);
		return;
	}
	ret = launch_when_possible(job, &failure);
	if (ret < 0 && is_cancelled(job))
		ret = -ECANCELED;
	else if (ret < 0 && job->late)
		ret = -ETIMEDOUT;
	if (ret < 0)
		complete(job, ret, &failure);
	else if (!job->is_run && leave_launching(job, ST_SLOT_DONE))
		complete(job, 0, &failure);
	else
		hand_over(job);
}

/* ---- making */

/**
 * st_job_new - make a job
 * @job: set; it has no slot yet
 * @ring: counts the job from now on
 * @tfd: the template
 * @args: checked; for a spawn only .spawn is set
 * @is_run: a run to completion
 *
 * Return: 0, -ENOMEM, or -EINVAL if the arguments change meanwhile.
 */
int st_job_new(struct st_job **job, struct spawn_template_ring *ring, int tfd,
	       const struct spawn_template_run_args *args, bool is_run)
{
	struct st_job *j = calloc(1, sizeof(*j));
	int ret = -ENOMEM;

	if (!j)
		return ret;
	j->run = (struct st_run)ST_RUN_NONE;
	j->timer.due = ST_NEVER;
	j->args = *args;
	if (is_run)
		j->result = calloc(1, sizeof(*j->result));
	if (is_run && !j->result)
		goto fail;
	if (args->flags & SPAWN_TEMPLATE_RUN_STREAM) {
		j->drop_flow = st_flow_drop;
		j->flow = st_flow_new(ring, args->max_output);
		if (!j->flow)
			goto fail;
	}
	if (args->flags & SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT) {
		j->detached = st_detached_new();
		if (!j->detached)
			goto fail;
	}
	if (args->flags & SPAWN_TEMPLATE_RUN_TELL_START) {
		j->started = st_started_new();
		if (!j->started)
			goto fail;
	}
	if (args->flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT) {
		j->feed = st_feed_new();
		if (!j->feed)
			goto fail;
	}
	ret = st_copy_args(&j->args.spawn, &j->args.input, j->args.input_len, 0,
			   &j->copy);
	if (ret < 0)
		goto fail;
	j->work.fn = launch_job;
	j->ring = ring;
	j->is_run = is_run;
	j->tfd = tfd;
	caller_of_this_thread(&j->caller);
	pthread_mutex_init(&j->watch.lock, NULL);
	pthread_mutex_lock(&ring->lock);
	ring->jobs++;
	pthread_mutex_unlock(&ring->lock);
	*job = j;
	return 0;
fail:
	st_flow_drop(j->flow);
	st_feed_drop(j->feed);
	free(j->started);
	free(j->detached);
	free(j->result);
	free(j);
	return ret;
}
