/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a tool the way an agent runtime does: a pipe each for standard output
 * and error, both read to their ends, then the exit status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

#define CHUNK 65536

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Returns the number of bytes read, 0 at the end, or -errno. */
static ssize_t read_more(struct text *t, int fd)
{
	ssize_t n;

	if (t->capacity - t->length < CHUNK) {
		char *grown = realloc(t->bytes, t->capacity + CHUNK);

		if (!grown)
			return -ENOMEM;
		t->bytes = grown;
		t->capacity += CHUNK;
	}
	n = read(fd, t->bytes + t->length, t->capacity - t->length);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	t->length += (size_t)n;
	return n;
}

static int read_both(struct capture *c, const int fds[2])
{
	struct text *texts[2] = { &c->out, &c->err };
	struct pollfd p[2] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (p[i].fd < 0 || !p[i].revents)
				continue;
			n = read_more(texts[i], p[i].fd);
			if (n < 0)
				return (int)n;
			if (!n)
				p[i].fd = -1;
		}
	}
	return 0;
}

static int launch_one(const struct launch_spec *spec, enum way way,
		      struct launched *l)
{
	enum launch_method method =
		way == WAY_TEMPLATE ? LAUNCH_TEMPLATE : LAUNCH_POSIX_SPAWN;
	struct launch_plan plan;
	int err = launch_prepare(&plan, spec);

	if (err)
		return err;
	err = launch(&plan, method, l);
	launch_unprepare(&plan);
	return err;
}

/*
 * Reads both outputs of a launched tool to their ends, then takes its status.
 */
static int follow(struct capture *c, const struct launched *l,
		  const int outputs[2])
{
	struct rusage usage;
	siginfo_t info = { 0 };
	int err, err_wait;

	err = read_both(c, outputs);
	if (err)
		kill(l->pid, SIGKILL);
	err_wait = launch_wait(l, &info, &usage);
	c->to_exit_ns = now_ns() - l->start_ns;
	c->blocked_ns = l->return_ns - l->start_ns;
	if (l->pidfd >= 0)
		close(l->pidfd);
	c->code = info.si_code;
	c->status = info.si_status;
	return err ? err : err_wait;
}

int capture_run(const struct launch_spec *spec, enum way way, struct capture *c)
{
	int out[2] = { -1, -1 }, err_pipe[2] = { -1, -1 }, err = 0;
	struct launch_spec s = *spec;
	struct launched l;

	c->out.length = 0;
	c->err.length = 0;
	if (pipe2(out, O_CLOEXEC) || pipe2(err_pipe, O_CLOEXEC)) {
		err = -errno;
		goto out;
	}
	s.stdio[1] = out[1];
	s.stdio[2] = err_pipe[1];
	err = launch_one(&s, way, &l);
	close_fd(&out[1]);
	close_fd(&err_pipe[1]);
	if (!err)
		err = follow(c, &l, (int[2]){ out[0], err_pipe[0] });
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&out[i]);
		close_fd(&err_pipe[i]);
	}
	return err;
}

void capture_free(struct capture *c)
{
	free(c->out.bytes);
	free(c->err.bytes);
	memset(c, 0, sizeof(*c));
}

static bool same_text(const struct text *a, const struct text *b)
{
	return a->length == b->length &&
	       (!a->length || !memcmp(a->bytes, b->bytes, a->length));
}

bool capture_same(const struct capture *a, const struct capture *b)
{
	return a->code == b->code && a->status == b->status &&
	       same_text(&a->out, &b->out) && same_text(&a->err, &b->err);
}

/* Prints at most ten lines from @at on, each behind @sign. */
static void print_lines(const struct text *t, size_t at, char sign, FILE *out)
{
	for (int n = 0; n < 10 && at < t->length; n++) {
		const char *line = t->bytes + at;
		const char *end = memchr(line, '\n', t->length - at);
		size_t length = end ? (size_t)(end - line) : t->length - at;

		fprintf(out, "%c%.*s\n", sign, (int)length, line);
		at += length + 1;
	}
}

static void print_text_difference(const char *what, const struct text *a,
				  const struct text *b, FILE *out)
{
	size_t at = 0, start = 0, line = 1;

	if (same_text(a, b))
		return;
	while (at < a->length && at < b->length && a->bytes[at] == b->bytes[at])
		if (a->bytes[at++] == '\n') {
			start = at;
			line++;
		}
	fprintf(out,
		"--- %s, posix_spawn (%zu bytes)\n"
		"+++ %s, template (%zu bytes)\n@@ from line %zu @@\n",
		what, b->length, what, a->length, line);
	print_lines(b, start, '-', out);
	print_lines(a, start, '+', out);
}

void capture_print_difference(const struct capture *template,
			      const struct capture *posix, FILE *out)
{
	fprintf(out, "posix_spawn: %s %d; template: %s %d\n",
		posix->code == CLD_EXITED ? "exit status" : "signal",
		posix->status,
		template->code == CLD_EXITED ? "exit status" : "signal",
		template->status);
	print_text_difference("standard output", &template->out, &posix->out,
			      out);
	print_text_difference("standard error", &template->err, &posix->err,
			      out);
}
