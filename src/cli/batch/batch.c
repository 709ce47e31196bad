/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template batch: the loop between lines, ring and answers.
 *
 * Every line that is read gets one answer. A line is taken only while a job is
 * free, so that this tool never holds more than the jobs and the reader's
 * buffer, however long the input is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/batch/batch.h"

#define FDS_PER_JOB 10 /* pidfd, pipes, cgroup, template; more in the launch */
#define FDS_BESIDES 64
#define HOLD_NS 1000000000 /* of templates that the guard knows */
#define HOLD_POOL_NS INT64_C(30000000000) /* as long as processes wait */
#define FDS_PER_POOL 8 /* a template and what connects it with its processes */

/* A line whose program runs. */
struct batch_job {
	bool active;
	uint64_t line;
	char *id; /* JSON; NULL: the line */
	struct spawn_template_cache *cache; /* the one that tfd is from */
	int tfd; /* the cache's; -1: none */
	char *name;
	char *cwd; /* NULL: that of the command */
	struct spawn_template_sandbox *sandbox; /* NULL: none */
};

struct batch {
	const struct batch_options *options;
	struct spawn_template_ring *ring;
	struct batch_job *jobs;
	unsigned int max_jobs, active, queued;
	unsigned int *unused; /* a stack of max_jobs - active indices */
	struct spawn_template_cache
		*caches[BATCH_WAYS]; /* NULL: not used yet */
	unsigned int known; /* programs that the first one remembers */
	unsigned int pools; /* that each other one remembers */
	struct line_reader in;
	struct writer out;
	int tree_parent; /* -1: search for one */
	struct rlimit files; /* the limit found; programs get it */
	bool files_raised;
	bool sigpipe_ignored;
};

/* ---- answers */

/* Print {"id": ..., "line": ..., and the members of object}; consume object. */
static void answer(struct batch *b, const char *id, uint64_t line,
		   json_t *object)
{
	char number[64];
	int n = snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)line);

	if (!object) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	writer_text(&b->out, "{\"id\":", 6);
	writer_raw(&b->out, id ? id : number);
	writer_text(&b->out, ",\"line\":", 8);
	writer_text(&b->out, number, (size_t)n);
	writer_text(&b->out, ",", 1);
	writer_json(&b->out, object,
		    JSON_COMPACT | JSON_EMBED | JSON_REAL_PRECISION(9));
	writer_text(&b->out, "}\n", 2);
	json_decref(object);
}

static void answer_complaint(struct batch *b, const char *id,
			     const struct complaint *c)
{
	answer(b, id, b->in.number,
	       json_pack("{s:{s:s, s:i, s:o}}", "error", "name",
			 name_errno(c->error), "errno", c->error, "message",
			 out_text(c->text)));
}

/* Answer that a launch failed, and name its template if there is one. */
static void answer_failure(struct batch *b, const struct batch_job *job,
			   int error, uint32_t flags)
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
	answer(b, job->id, job->line,
	       json_pack("{s:o}", "error", launch_error_json(&e)));
}

/* ---- launches */

static void free_job(struct batch *b, struct batch_job *job)
{
	if (job->tfd >= 0)
		spawn_template_cache_drop(job->cache, job->tfd);
	free(job->id);
	free(job->name);
	free(job->cwd);
	spawn_template_sandbox_free(job->sandbox);
	if (job->active)
		b->unused[b->max_jobs - b->active--] =
			(unsigned int)(job - b->jobs);
	*job = (struct batch_job){ 0 };
}

/* Return: the number of actions. */
static size_t make_actions(const struct batch *b, const struct request *r,
			   struct spawn_template_action actions[2])
{
	size_t n = 0;

	if (r->cwd)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_CHDIR,
			.arg = (uintptr_t)r->cwd,
		};
	if (b->files_raised)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_RLIMIT,
			.fd = RLIMIT_NOFILE,
			.arg = (uintptr_t)&b->files,
		};
	return n;
}

/* Return: 0 or -errno. */
static int queue_job(struct batch *b, const struct request *r, int tfd,
		     unsigned int index)
{
	const struct batch_options *o = b->options;
	struct spawn_template_action actions[2];
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;

	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	args.spawn.argv = (uintptr_t)r->argv;
	args.spawn.envp = (uintptr_t)r->envp;
	args.spawn.actions = (uintptr_t)actions;
	args.spawn.actions_len = make_actions(b, r, actions);
	if (b->jobs[index].sandbox)
		spawn_template_sandbox_apply(b->jobs[index].sandbox,
					     &args.spawn, sizeof(args.spawn));
	args.input = (uintptr_t)r->input;
	args.input_len = r->input_len;
	args.max_output = o->max_output;
	args.timeout_ns =
		(uint64_t)(r->timeout_ns >= 0 ? r->timeout_ns : o->timeout_ns);
	args.grace_ns = (uint64_t)o->grace_ns;
	args.held_quiet_ns = o->held_quiet_ns;
	args.held_most_ns = o->held_most_ns;
	args.flags = o->run_flags;
	args.cgroup_parent_fd = b->tree_parent;
	if (r->merge_stderr)
		args.flags |= SPAWN_TEMPLATE_RUN_MERGE_STDERR;
	return spawn_template_ring_run(b->ring, tfd, &args, sizeof(args),
				       index);
}

/*
 * A launch takes today's file, also if that is replaced at the last moment. Only what
 * the guard knows and what has prepared processes stays open, and not for long, so that
 * batch keeps no deleted file and no mount in use.
 */
static int make_cache(struct batch *b, enum batch_way way)
{
	static const uint64_t flags[BATCH_WAYS] = {
		[BATCH_ONCE] = SPAWN_TEMPLATE_CREATE_WARM_ONCE,
		[BATCH_FORK] = SPAWN_TEMPLATE_CREATE_WARM_FORK,
	};
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;

	params.create_flags = SPAWN_TEMPLATE_CREATE_SCRIPT |
			      SPAWN_TEMPLATE_CREATE_AUTO_REFRESH | flags[way];
	params.hold_ns = way == BATCH_COLD ? HOLD_NS : HOLD_POOL_NS;
	params.entries = way == BATCH_COLD ? b->known : b->pools;
	return spawn_template_cache_new(&params, sizeof(params),
					&b->caches[way]);
}

/* Get the template of a job from the cache of its way. Return: the fd, or -errno. */
static int get_template(struct batch *b, struct batch_job *job,
			const struct request *r)
{
	enum batch_way way = r->way == BATCH_UNSET ? b->options->way
						   : (enum batch_way)r->way;
	int ret = b->caches[way] ? 0 : make_cache(b, way);

	if (ret)
		return ret;
	job->cache = b->caches[way];
	job->tfd = spawn_template_cache_get(job->cache, job->name, r->path);
	job->tfd = launch_searched(job->tfd, job->name, r->path);
	return job->tfd;
}

/* Make the sandbox of a line. Return: 0; or -1 after an answer. */
static int make_sandbox(struct batch *b, struct batch_job *job,
			const struct request *r)
{
	struct sandbox_failure failure;
	struct complaint complaint;

	if (!sandbox_is_wanted(&r->sandbox) ||
	    sandbox_make(&r->sandbox, r->cwd, &job->sandbox, &failure) == 0)
		return 0;
	complaint.error = failure.error;
	snprintf(complaint.text, sizeof(complaint.text), "sandbox: %s",
		 failure.text);
	answer_complaint(b, job->id, &complaint);
	return -1;
}

static void start_job(struct batch *b, struct request *r)
{
	unsigned int index = b->unused[b->max_jobs - b->active - 1];
	struct batch_job *job = &b->jobs[index];
	int err;

	*job = (struct batch_job){
		.tfd = -1,
		.line = b->in.number,
		.id = r->id,
		.name = r->name,
		.cwd = r->cwd ? strdup(r->cwd) : NULL,
	};
	r->id = NULL;
	r->name = NULL;
	if (make_sandbox(b, job, r)) {
		free_job(b, job);
		return;
	}
	err = get_template(b, job, r);
	if (err >= 0)
		err = queue_job(b, r, job->tfd, index);
	if (err) {
		answer_failure(b, job, -err, SPAWN_TEMPLATE_STAGE_ARGS);
		free_job(b, job);
		return;
	}
	job->active = true;
	b->active++;
	b->queued++;
}

static bool is_blank(const char *text, size_t n)
{
	while (n && strchr(" \t\r", *text) && *text)
		text++, n--;
	return n == 0;
}

static void take_line(struct batch *b, enum line found, char *text, size_t n)
{
	struct complaint complaint;
	struct request r = { 0 };

	if (found == LINE_TOO_LONG) {
		complaint.error = E2BIG;
		snprintf(complaint.text, sizeof(complaint.text),
			 "the line is longer than %zu MiB",
			 BATCH_LINE_MAX >> 20);
		answer_complaint(b, "null", &complaint);
	} else if (is_blank(text, n)) {
		return;
	} else if (request_read(&r, text, n, &complaint)) {
		answer_complaint(b, r.id_unknown ? "null" : r.id, &complaint);
	} else {
		start_job(b, &r);
	}
	request_free(&r);
}

/* ---- the loop */

static void take_completion(struct batch *b, struct spawn_template_cqe *cqe)
{
	struct batch_job *job = &b->jobs[cqe->user_data];

	if (cqe->result)
		answer(b, job->id, job->line,
		       result_json(cqe->result, cqe->pid));
	else
		answer_failure(b, job, -cqe->res, cqe->flags);
	spawn_template_ring_seen(b->ring, cqe);
	free_job(b, job);
}

static bool is_ending(const struct batch *b)
{
	return b->out.error || stop_signal();
}

static void take_all(struct batch *b)
{
	struct spawn_template_cqe *cqe;
	enum line found;
	char *text;
	size_t n;

	while (!is_ending(b) && spawn_template_ring_wait(b->ring, &cqe, 0) == 0)
		take_completion(b, cqe);
	while (!is_ending(b) && b->active < b->max_jobs) {
		found = line_next(&b->in, &text, &n);
		if (found == LINE_NONE)
			break;
		take_line(b, found, text, n);
	}
	if (b->queued)
		spawn_template_ring_submit(b->ring);
	b->queued = 0;
	writer_flush(&b->out);
}

/*
 * Wait for lines if a job is free, for completions, and for the reader of the
 * answers to go away: nothing needs to run for it any more.
 */
static void wait_and_read(struct batch *b)
{
	bool reading = !b->in.eof && b->active < b->max_jobs;
	struct pollfd fds[3] = {
		{ .fd = reading ? b->in.fd : -1, .events = POLLIN },
		{ .fd = spawn_template_ring_fd(b->ring), .events = POLLIN },
		{ .fd = b->out.fd },
	};

	if (poll(fds, 3, -1) < 0)
		return;
	if (fds[2].revents & (POLLERR | POLLHUP))
		b->out.error = EPIPE;
	else if (fds[0].revents)
		line_fill(&b->in);
}

/*
 * End all runs, on a signal or because nobody reads the answers: TERM to all
 * trees, and KILL after the grace period. Runs that end now get no answer. One
 * more signal makes spawn_template_ring_exit() end them at once. It is not
 * called before, because it waits for a bounded time only.
 */
static void end_all(struct batch *b)
{
	struct pollfd fd = { .fd = spawn_template_ring_fd(b->ring),
			     .events = POLLIN };
	int enough = stop_signal() ? 2 : 1;
	struct spawn_template_cqe *cqe;

	for (unsigned int i = 0; i < b->max_jobs; i++)
		if (b->jobs[i].active)
			spawn_template_ring_cancel(b->ring, i);
	while (b->active && stop_count() < enough) {
		if (spawn_template_ring_wait(b->ring, &cqe, 0)) {
			poll(&fd, 1, -1);
			continue;
		}
		free_job(b, &b->jobs[cqe->user_data]);
		spawn_template_ring_seen(b->ring, cqe);
	}
}

/* Return: the exit code. */
static int run_lines(struct batch *b)
{
	while (!is_ending(b)) {
		take_all(b);
		if (b->in.eof && !b->active && !is_ending(b))
			break;
		if (!is_ending(b))
			wait_and_read(b);
	}
	end_all(b);
	if (b->out.error && b->out.error != EPIPE && !stop_signal())
		out_error("cannot write the output: %s",
			  strerror(b->out.error));
	if (b->in.error)
		out_error("cannot read the input: %s", strerror(b->in.error));
	return b->out.error || b->in.error ? CLI_FAILED : 0;
}

/* ---- before and after */

/*
 * Raise the limit so that all jobs can have their descriptors; if that fails,
 * have fewer jobs and hold fewer templates of a guard. Programs get the old limit: those
 * that use select(2) need a low one.
 */
static void raise_files(struct batch *b)
{
	rlim_t want = FDS_BESIDES + BATCH_TOOLS_KNOWN +
		      (rlim_t)b->pools * FDS_PER_POOL +
		      (rlim_t)b->max_jobs * FDS_PER_JOB;
	struct rlimit more;
	rlim_t fit;

	if (getrlimit(RLIMIT_NOFILE, &b->files) || b->files.rlim_cur >= want)
		return;
	more = b->files;
	more.rlim_cur = want < more.rlim_max ? want : more.rlim_max;
	if (more.rlim_cur > b->files.rlim_cur)
		b->files_raised = setrlimit(RLIMIT_NOFILE, &more) == 0;
	if (more.rlim_cur >= want)
		return;
	b->known = (unsigned int)more.rlim_cur / 8;
	b->pools = b->known / 2 / FDS_PER_POOL + 1;
	fit = more.rlim_cur - b->known;
	fit = fit > FDS_BESIDES ? (fit - FDS_BESIDES) / FDS_PER_JOB : 0;
	if (fit < b->max_jobs)
		b->max_jobs = fit ? (unsigned int)fit : 1;
}

static int open_batch(struct batch *b)
{
	const struct batch_options *o = b->options;
	unsigned int asked = b->max_jobs;
	int err;

	raise_files(b);
	if (b->max_jobs < asked) {
		out_error("only %u jobs at a time: too few files may be open",
			  b->max_jobs);
		out_remedy("raise the hard limit (ulimit -Hn)");
	}
	if (o->tree_parent) {
		b->tree_parent =
			open_cgroup("--cgroup-tree", o->tree_parent, true);
		if (b->tree_parent < 0)
			return CLI_FAILED;
	}
	b->jobs = calloc(b->max_jobs, sizeof(*b->jobs));
	b->unused = calloc(b->max_jobs, sizeof(*b->unused));
	if (!b->jobs || !b->unused || make_cache(b, BATCH_COLD)) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	for (unsigned int i = 0; i < b->max_jobs; i++)
		b->unused[i] = b->max_jobs - 1 - i;
	err = spawn_template_ring_init(b->max_jobs, NULL, 0, &b->ring);
	return err ? launch_no_ring(-err) : 0;
}

static void clean_up(struct batch *b)
{
	stop_unwatch();
	spawn_template_ring_exit(b->ring);
	for (unsigned int i = 0; b->jobs && i < b->max_jobs; i++)
		if (b->jobs[i].active)
			free_job(b, &b->jobs[i]);
	for (int way = 0; way < BATCH_WAYS; way++)
		spawn_template_cache_free(b->caches[way]);
	line_free(&b->in);
	if (b->tree_parent >= 0)
		close(b->tree_parent);
	free(b->jobs);
	free(b->unused);
}

int batch_run(const struct batch_options *options)
{
	struct batch *b = calloc(1, sizeof(*b));
	bool reader_gone;
	int status;

	if (!b) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	b->options = options;
	b->max_jobs = options->jobs;
	b->tree_parent = -1;
	b->known = BATCH_TOOLS_KNOWN;
	b->pools =
		options->way == BATCH_COLD ? BATCH_POOLS_FEW : BATCH_POOLS_MOST;
	b->in.fd = STDIN_FILENO;
	b->out.fd = STDOUT_FILENO;
	/* if SIGCHLD were ignored, the exit statuses would be lost */
	signal(SIGCHLD, SIG_DFL);
	b->sigpipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	stop_watch();
	status = open_batch(b);
	if (!status)
		status = run_lines(b);
	clean_up(b);
	reader_gone = b->out.error == EPIPE && !b->sigpipe_ignored;
	free(b);
	if (stop_signal())
		return end_by_signal(stop_signal());
	return reader_gone ? end_by_signal(SIGPIPE) : status;
}
