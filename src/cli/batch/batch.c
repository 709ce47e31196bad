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

static char *number_text(uint64_t n)
{
	char *text;

	return asprintf(&text, "%llu", (unsigned long long)n) < 0 ? NULL : text;
}

/* Return the id of a line: what it says, or its number. */
static char *take_id(struct batch *b, struct request *r)
{
	char *id = r->id;

	r->id = NULL;
	if (id)
		return id;
	return r->id_unknown ? strdup("null") : number_text(b->in.number);
}

/* Let a line wait for its turn; one that is wrong, too. */
static void add_line(struct batch *b, struct request *r)
{
	struct batch_line *line = calloc(1, sizeof(*line));
	struct engine_job *job = NULL;

	if (line) {
		line->number = b->in.number;
		line->id = take_id(b, r);
	}
	if (line && line->id)
		job = job_add(&b->engine, r, line);
	if (!job) {
		if (line)
			free(line->id);
		free(line);
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	job_start_some(&b->engine);
}

static void refuse_line(struct batch *b, struct request *r,
			const struct complaint *c)
{
	if (r->verb != REQUEST_RUN) {
		answer_complaint(b, r, c);
		return;
	}
	r->refused = malloc(sizeof(*r->refused));
	if (!r->refused) {
		b->out.error = b->out.error ? b->out.error : ENOMEM;
		return;
	}
	*r->refused = *c;
	add_line(b, r);
}

static void take_line(struct batch *b, enum line found, char *text, size_t n)
{
	struct complaint complaint;
	struct request r = { 0 };

	if (found == LINE_TOO_LONG) {
		r.id_unknown = true;
		complain(&complaint, E2BIG, "the line is longer than %zu MiB",
			 BATCH_LINE_MAX >> 20);
		refuse_line(b, &r, &complaint);
	} else if (is_blank(text, n)) {
		return;
	} else if (line_read(&r, text, n, &complaint)) {
		refuse_line(b, &r, &complaint);
	} else if (r.verb != REQUEST_RUN) {
		control_serve(b, &r);
	} else {
		add_line(b, &r);
	}
	request_free(&r);
}

/* ---- the loop */

static bool is_ending(const struct batch *b)
{
	return b->out.error || b->engine.error || stop_signal();
}

/*
 * Lines are read while all programs run, too, because they may be for one of these. Those
 * that name a program wait then, up to a bound.
 */
static bool may_read(const struct batch *b)
{
	return b->engine.active < b->engine.max_jobs ||
	       b->engine.ahead < BATCH_AHEAD;
}

static void take_all(struct batch *b)
{
	struct engine *e = &b->engine;
	enum line found;
	char *text;
	size_t n;

	for (int i = 0; i < COMPLETIONS_AT_ONCE && !is_ending(b); i++)
		if (!engine_take_one(e))
			break;
	job_start_some(e);
	while (!is_ending(b) && may_read(b)) {
		found = line_next(&b->in, &text, &n);
		if (found == LINE_NONE)
			break;
		take_line(b, found, text, n);
	}
	engine_submit(e);
	if (b->in.eof)
		control_end_input(b);
	input_give(e);
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
		{ .fd = spawn_template_ring_fd(b->engine.ring),
		  .events = POLLIN },
		{ .fd = b->out.fd },
	};

	if (poll(fds, 3, b->engine.input_waits ? INPUT_WAIT_MS : -1) <= 0)
		return;
	if (fds[2].revents & (POLLERR | POLLHUP))
		b->out.error = EPIPE;
	else if (fds[0].revents)
		line_fill(&b->in);
}

/* Return: the exit code. */
static int run_lines(struct batch *b)
{
	while (!is_ending(b)) {
		take_all(b);
		if (b->in.eof && !b->engine.active && !b->engine.waiting &&
		    !is_ending(b))
			break;
		if (!is_ending(b))
			wait_and_read(b);
	}
	/* on a signal, or because nobody reads the answers; runs get none now */
	engine_end_all(&b->engine, stop_signal() ? 2 : 1);
	if (b->engine.error && !b->out.error)
		b->out.error = b->engine.error;
	if (b->out.error && b->out.error != EPIPE && !stop_signal())
		out_error("cannot write the output: %s",
			  strerror(b->out.error));
	if (b->in.error)
		out_error("cannot read the input: %s", strerror(b->in.error));
	return b->out.error || b->in.error ? CLI_FAILED : 0;
}

/* ---- before and after */

int batch_run(const struct engine_options *options)
{
	struct batch *b = calloc(1, sizeof(*b));
	bool reader_gone;
	int status;

	if (!b) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	b->in.fd = STDIN_FILENO;
	b->in.most = BATCH_LINE_MAX;
	b->out.fd = STDOUT_FILENO;
	/* if SIGCHLD were ignored, the exit statuses would be lost */
	signal(SIGCHLD, SIG_DFL);
	b->sigpipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	stop_watch();
	status = engine_open(&b->engine, options, &answer_events, b);
	if (!status)
		status = run_lines(b);
	stop_unwatch();
	engine_close(&b->engine);
	line_free(&b->in);
	reader_gone = b->out.error == EPIPE && !b->sigpipe_ignored;
	free(b);
	if (stop_signal())
		return end_by_signal(stop_signal());
	return reader_gone ? end_by_signal(SIGPIPE) : status;
}
