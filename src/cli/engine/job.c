/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests that name a program: they wait for their turn, and are launched. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/engine/engine.h"

#define HOLD_NS 1000000000 /* of templates that the guard knows */
#define HOLD_POOL_NS INT64_C(30000000000) /* as long as processes wait */

/* ---- launches */

/* Return: the number of actions. */
static size_t make_actions(const struct engine *e, const struct engine_job *job,
			   const struct request *r,
			   struct spawn_template_action actions[2])
{
	size_t n = 0;

	if (job->verdict.cwd >= 0)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_FCHDIR,
			.fd = job->verdict.cwd,
		};
	else if (r->cwd)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_CHDIR,
			.arg = (uintptr_t)r->cwd,
		};
	if (e->files_raised)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_RLIMIT,
			.fd = RLIMIT_NOFILE,
			.arg = (uintptr_t)&e->files,
		};
	return n;
}

static int64_t timeout_of(const struct engine *e, const struct request *r)
{
	return r->timeout_ns >= 0 ? r->timeout_ns : e->options->timeout_ns;
}

static int64_t idle_of(const struct engine *e, const struct request *r)
{
	return r->idle_ns >= 0 ? r->idle_ns : e->options->idle_timeout_ns;
}

/* A terminal of its own is a session of its own. */
static enum session session_for(const struct engine *e, const struct request *r)
{
	if (r->session || r->run_flags & SPAWN_TEMPLATE_RUN_PTY)
		return r->session;
	return e->options->session;
}

/* Return: 0 or -errno. */
static int queue_job(struct engine *e, struct engine_job *job,
		     const struct request *r)
{
	const struct engine_options *o = e->options;
	struct spawn_template_action actions[2];
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	const struct spawn_template_sandbox *sandbox =
		job->sandbox ? job->sandbox : e->sandbox;
	const char *own = r->argv[0];
	int ret;

	/* what is to live on has no sentinel, but the program ends with this tool */
	if (!(job->run_flags & SPAWN_TEMPLATE_RUN_END_WITH_CALLER))
		args.spawn.flags = SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	args.spawn.argv = (uintptr_t)r->argv;
	args.spawn.envp = (uintptr_t)r->envp;
	args.spawn.actions = (uintptr_t)actions;
	args.spawn.actions_len = make_actions(e, job, r, actions);
	job->sandboxed = sandbox;
	if (sandbox)
		spawn_template_sandbox_apply(sandbox, &args.spawn,
					     sizeof(args.spawn));
	args.input = (uintptr_t)r->input;
	args.input_len = r->input_len;
	args.max_output = r->max_output ? r->max_output : o->max_output;
	args.timeout_ns = (uint64_t)timeout_of(e, r);
	args.idle_timeout_ns = (uint64_t)idle_of(e, r);
	if (r->detached_ns >= 0) /* of the library, 0 has another meaning */
		args.detached_timeout_ns =
			r->detached_ns ? (uint64_t)r->detached_ns : UINT64_MAX;
	args.winsize = r->winsize;
	args.tail_output = r->tail;
	args.spill_fd = job->spill_fd;
	args.grace_ns = (uint64_t)o->grace_ns;
	args.held_quiet_ns = o->held_quiet_ns;
	args.held_most_ns = o->held_most_ns;
	args.flags = job->run_flags;
	session_apply(session_for(e, r), &args);
	limits_apply(&r->limits, &args);
	args.cgroup_parent_fd = e->tree_parent;
	/* the request keeps its own, to be judged again */
	if (job->verdict.name)
		r->argv[0] = job->verdict.name;
	ret = spawn_template_ring_run(e->ring, job->tfd, &args, sizeof(args),
				      (uintptr_t)job);
	r->argv[0] = own;
	return ret;
}

/*
 * A launch takes today's file, also if that is replaced at the last moment, unless the file
 * that was judged is to be launched. Only what
 * the guard knows and what has prepared processes stays open, and not for long, so that
 * this tool keeps no deleted file and no mount in use.
 */
int job_make_cache(struct engine *e, enum engine_way way)
{
	static const uint64_t flags[ENGINE_WAYS] = {
		[ENGINE_ONCE] = SPAWN_TEMPLATE_CREATE_WARM_ONCE,
		[ENGINE_FORK] = SPAWN_TEMPLATE_CREATE_WARM_FORK,
		[ENGINE_PYTHON] = SPAWN_TEMPLATE_CREATE_WARM_RUNTIME |
				  SPAWN_TEMPLATE_CREATE_WARM_FORK,
	};
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;

	params.create_flags = SPAWN_TEMPLATE_CREATE_SCRIPT | flags[way];
	if (!e->options->exact)
		params.create_flags |= SPAWN_TEMPLATE_CREATE_AUTO_REFRESH;
	params.hold_ns = way == ENGINE_COLD ? HOLD_NS : HOLD_POOL_NS;
	params.entries = way == ENGINE_COLD ? e->known : e->pools;
	if (way == ENGINE_PYTHON)
		params.warm_preload = (uintptr_t)e->options->modules;
	return spawn_template_cache_new(&params, sizeof(params),
					&e->caches[way]);
}

/* Get the template of the file that was judged. Return: 0 or more; or -errno. */
static int get_judged(struct engine_job *job)
{
	struct stat judged, found;

	job->tfd = spawn_template_cache_get(job->cache, job->verdict.path, "");
	if (job->tfd < 0)
		return job->tfd;
	if (fstat(job->verdict.program, &judged) || fstat(job->tfd, &found))
		return -errno;
	return judged.st_dev == found.st_dev && judged.st_ino == found.st_ino
		       ? 0
		       : -ESTALE;
}

/*
 * Get the template of a job, from the cache of its way.
 * Return: 0 or more; -errno, and maybe with a complaint.
 */
static int get_template(struct engine *e, struct engine_job *job,
			const struct request *r, struct complaint *c)
{
	enum engine_way way = r->way == ENGINE_UNSET ? e->options->way
						     : (enum engine_way)r->way;
	int ret = 0, tfd;

	if (job->verdict.path)
		way = job->verdict.way;
	if (r->preload)
		way = ENGINE_COLD;
	if (!e->caches[way])
		ret = job_make_cache(e, way);
	if (ret)
		return ret;
	job->cache = e->caches[way];
	if (job->verdict.path)
		return get_judged(job);
	tfd = spawn_template_cache_get(job->cache, job->name, r->path);
	tfd = launch_searched(tfd, job->name, r->path);
	job->tfd = tfd;
	if (tfd >= 0 && r->preload) {
		job->tfd = -1;
		ret = session_get(e, job, tfd, r->preload, c);
		spawn_template_cache_drop(job->cache, tfd);
		return ret;
	}
	return tfd;
}

/* Make the sandbox of a request. Return: 0; or -1 with a complaint. */
static int make_sandbox(struct engine_job *job, struct complaint *c)
{
	const struct request *r = job->request;
	struct sandbox_failure failure;

	if (!sandbox_is_wanted(&r->sandbox) ||
	    sandbox_make(&r->sandbox, r->cwd, &job->sandbox, &failure) == 0)
		return 0;
	return complain(c, failure.error, "sandbox: %s", failure.text);
}

/* ---- starting */

/* Open the directory for output that is not kept. Return: 0; or -1 with a complaint. */
static int open_spill(struct engine_job *job, struct complaint *c)
{
	const char *name = job->request->spill;
	int cwd = AT_FDCWD, err;

	if (!name)
		return 0;
	if (job->cwd && *name != '/')
		cwd = open(job->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd != -1)
		job->spill_fd =
			openat(cwd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = errno;
	if (cwd >= 0)
		close(cwd);
	if (job->spill_fd >= 0)
		return 0;
	return complain(c, err, "\"spill\": %.256s: %s", name, strerror(err));
}

/* Note the form of the result. Return: 0; or -1 with a complaint. */
static int check_output(const struct engine *e, struct engine_job *job,
			struct complaint *c)
{
	const struct request *r = job->request;
	uint64_t most = r->max_output ? r->max_output : e->options->max_output;

	job->form.streamed = job->run_flags & SPAWN_TEMPLATE_RUN_STREAM;
	if (job->form.streamed && (r->tail || r->spill))
		return complain(c, EINVAL,
				"\"tail\" and \"spill\" are not for a "
				"line with \"stream\"");
	if (!r->tail)
		return 0;
	if (r->tail > (most ? most : SPAWN_TEMPLATE_RUN_MAX_OUTPUT))
		return complain(c, EINVAL,
				"\"tail\" is more than \"max_output\"");
	result_set_tail(&job->form, most, r->tail);
	return 0;
}

/* Return: 0; or -1 with a complaint. */
static int check_job(const struct engine *e, struct engine_job *job,
		     struct complaint *c)
{
	const struct complaint *refused = job->request->refused;

	if (refused) {
		*c = *refused;
		return -1;
	}
	if (job->run_flags & SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT &&
	    !timeout_of(e, job->request))
		return complain(c, EINVAL, "\"detach\" needs a \"timeout\"");
	if (check_output(e, job, c) || open_spill(job, c))
		return -1;
	return make_sandbox(job, c);
}

/*
 * Judge a job and launch what was judged. If that is another file by then, so once more.
 * Return: 0; -errno, and maybe with a complaint.
 */
static int launch_judged(struct engine *e, struct engine_job *job,
			 struct complaint *c)
{
	int err;

	for (;;) {
		if (e->events->judge && e->events->judge(e, job, c))
			return -c->error;
		err = get_template(e, job, job->request, c);
		if (err >= 0)
			err = queue_job(e, job, job->request);
		if (err != -ESTALE || !job->verdict.path || job->judged_twice)
			return err;
		job_forget_program(e, job);
		job->judged_twice = true;
	}
}

static void start_job(struct engine *e, struct engine_job *job)
{
	struct complaint complaint = { 0 };
	int err = check_job(e, job, &complaint);

	if (!err)
		err = launch_judged(e, job, &complaint);
	if (err) {
		input_drop(e, job);
		if (complaint.error)
			e->events->refused(e, job, &complaint);
		else
			e->events->failed(e, job, -err,
					  SPAWN_TEMPLATE_STAGE_ARGS);
		job_free(e, job);
		return;
	}
	job_set_running(e, job);
}

void job_start_some(struct engine *e)
{
	while (e->waiting && e->active < e->max_jobs)
		start_job(e, e->waiting);
}

/* ---- a job under way */

void job_cancel(struct engine *e, struct engine_job *job)
{
	if (!job->request) {
		spawn_template_ring_cancel(e->ring, (uintptr_t)job);
		return;
	}
	input_drop(e, job);
	e->events->failed(e, job, ECANCELED, SPAWN_TEMPLATE_STAGE_ARGS);
	job_free(e, job);
}

int job_resize(struct engine *e, struct engine_job *job, uint32_t winsize,
	       const char **message)
{
	int err = 0;

	if (!(job->run_flags & SPAWN_TEMPLATE_RUN_PTY)) {
		*message = "the program's line has no \"pty\": true";
		return EINVAL;
	}
	if (job->request)
		job->request->winsize = winsize;
	else
		err = -spawn_template_ring_winsize(e->ring, (uintptr_t)job,
						   winsize);
	*message = err == ENOENT ? "the program has ended" : strerror(err);
	return err;
}
