/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template batch: the loop between lines, ring and answers.
 *
 * Every line that is read gets an answer. While all jobs run, lines are read up to a
 * bound, so that this tool never holds more than the jobs, that bound and the reader's
 * buffer, however long the input is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch/batch.h"

#define INPUT_WAIT_MS 10
#define COMPLETIONS_AT_ONCE 64 /* before lines are read again */

/* ---- lines */

static bool is_blank(const char *text, size_t n)
{
	while (n && strchr(" \t\r", *text) && *text)
		text++, n--;
	return n == 0;
}

static void refuse_line(struct batch *b, struct request *r,
			const struct complaint *c)
{
	if (r->verb != BATCH_RUN) {
		answer_complaint(b, r, c);
		return;
	}
	r->refused = malloc(sizeof(*r->refused));
	if (!r->refused) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	*r->refused = *c;
	job_add(b, r);
	job_start_some(b);
}

static void take_line(struct batch *b, enum line found, char *text, size_t n)
{
	struct complaint complaint;
	struct request r = { 0 };

	if (found == LINE_TOO_LONG) {
		r.id_unknown = true;
		batch_complain(&complaint, E2BIG,
			       "the line is longer than %zu MiB",
			       BATCH_LINE_MAX >> 20);
		refuse_line(b, &r, &complaint);
	} else if (is_blank(text, n)) {
		return;
	} else if (request_read(&r, text, n, &complaint)) {
		refuse_line(b, &r, &complaint);
	} else if (r.verb != BATCH_RUN) {
		control_serve(b, &r);
	} else {
		job_add(b, &r);
		job_start_some(b);
	}
	request_free(&r);
}

/* ---- the loop */

static void take_end(struct batch *b, struct batch_job *job,
		     struct spawn_template_cqe *cqe)
{
	control_drop_input(b, job);
	if (cqe->result)
		answer_result(b, job, cqe);
	else
		answer_failure(b, job, -cqe->res, cqe->flags);
}

static void take_completion(struct batch *b, struct spawn_template_cqe *cqe)
{
	struct batch_job *job = (void *)(uintptr_t)cqe->user_data;
	bool ended = cqe->kind == SPAWN_TEMPLATE_CQE_END;

	if (ended)
		take_end(b, job, cqe);
	else if (cqe->kind == SPAWN_TEMPLATE_CQE_DETACHED)
		answer_detached(b, job, cqe);
	else
		answer_output(b, job, cqe);
	spawn_template_ring_seen(b->ring, cqe);
	if (ended)
		job_free(b, job);
}

static bool is_ending(const struct batch *b)
{
	return b->out.error || stop_signal();
}

/*
 * Lines are read while all programs run, too, because they may be for one of these. Those
 * that name a program wait then, up to a bound.
 */
static bool may_read(const struct batch *b)
{
	return b->active < b->max_jobs || b->ahead < BATCH_AHEAD;
}

static void take_all(struct batch *b)
{
	struct spawn_template_cqe *cqe;
	enum line found;
	char *text;
	size_t n;

	for (int i = 0; i < COMPLETIONS_AT_ONCE && !is_ending(b) &&
			spawn_template_ring_wait(b->ring, &cqe, 0) == 0;
	     i++)
		take_completion(b, cqe);
	job_start_some(b);
	while (!is_ending(b) && may_read(b)) {
		found = line_next(&b->in, &text, &n);
		if (found == LINE_NONE)
			break;
		take_line(b, found, text, n);
	}
	if (b->queued)
		spawn_template_ring_submit(b->ring);
	b->queued = 0;
	control_give_input(b);
	writer_flush(&b->out);
}

/*
 * Wait for lines if they may be read, for completions, and for the reader of the
 * answers to go away: nothing needs to run for it any more. The ring does not tell when a
 * program has read its input: that is asked from time to time.
 */
static void wait_and_read(struct batch *b)
{
	bool reading = !b->in.eof && may_read(b);
	struct pollfd fds[3] = {
		{ .fd = reading ? b->in.fd : -1, .events = POLLIN },
		{ .fd = spawn_template_ring_fd(b->ring), .events = POLLIN },
		{ .fd = b->out.fd },
	};

	if (poll(fds, 3, b->input_waits ? INPUT_WAIT_MS : -1) <= 0)
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

	for (struct batch_job *job = b->running; job; job = job->next)
		spawn_template_ring_cancel(b->ring, (uintptr_t)job);
	while (b->active && stop_count() < enough) {
		if (spawn_template_ring_wait(b->ring, &cqe, 0)) {
			poll(&fd, 1, -1);
			continue;
		}
		if (cqe->kind == SPAWN_TEMPLATE_CQE_END)
			job_free(b, (void *)(uintptr_t)cqe->user_data);
		spawn_template_ring_seen(b->ring, cqe);
	}
}

/* Return: the exit code. */
static int run_lines(struct batch *b)
{
	while (!is_ending(b)) {
		take_all(b);
		if (b->in.eof && !b->active && !b->waiting && !is_ending(b))
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

static int open_batch(struct batch *b)
{
	const struct batch_options *o = b->options;
	int err;

	room_raise_files(b);
	if (o->jobs && b->max_jobs < o->jobs) {
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
	if (job_make_cache(b, BATCH_COLD)) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	err = spawn_template_ring_init(b->max_jobs, NULL, 0, &b->ring);
	return err ? launch_no_ring(-err) : 0;
}

static void clean_up(struct batch *b)
{
	stop_unwatch();
	spawn_template_ring_exit(b->ring);
	while (b->running)
		job_free(b, b->running);
	while (b->waiting)
		job_free(b, b->waiting);
	sessions_free(b);
	for (int way = 0; way < BATCH_WAYS; way++)
		spawn_template_cache_free(b->caches[way]);
	line_free(&b->in);
	if (b->tree_parent >= 0)
		close(b->tree_parent);
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
	b->max_jobs = options->jobs ? options->jobs
				    : room_for_jobs(options->max_output);
	b->waiting_end = &b->waiting;
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
