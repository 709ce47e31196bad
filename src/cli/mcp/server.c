/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template mcp: the loop between clients, engine and calls. It waits in its poll
 * only.
 *
 * At the end of its input a client may read the answers that it waits for, for a bounded
 * time; the server on stdin and stdout ends then, and so do all runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"

#define INPUT_WAIT_MS 10
#define COMPLETIONS_AT_ONCE 64
#define LINES_AT_ONCE 64
#define LINGER_NS INT64_C(1000000000) /* for calls whose client sends no more */

static bool is_ending(const struct mcp *m)
{
	return m->engine.error || stop_signal() ||
	       (!m->clients && m->listener < 0);
}

/* ---- clients */

/* Serve lines that have come, as long as there is room for answers. */
static void serve_lines(struct mcp *m, struct mcp_client *c)
{
	enum line found;
	char *text;
	size_t n;

	c->unserved = true;
	for (int i = 0; i < LINES_AT_ONCE; i++) {
		if (!client_has_room(c) || m->engine.error)
			return;
		if (c->list) {
			rpc_serve_next(m, c);
			continue;
		}
		found = line_next(&c->in, &text, &n);
		if (found == LINE_NONE) {
			c->unserved = false;
			return;
		}
		if (found == LINE_TOO_LONG)
			rpc_too_long(m, c);
		else if (n && strspn(text, " \t\r") < n)
			rpc_serve(m, c, text, n);
	}
}

/* A client that sends no more is freed when its calls are answered, or its time is up. */
static bool is_left(struct mcp_client *c, int64_t now)
{
	if (c->gone)
		return true;
	if (!c->in.eof || (!c->n_calls && c->at == c->n && !client_has_line(c)))
		return c->in.eof;
	if (!c->linger_ns)
		c->linger_ns = now + LINGER_NS;
	return now >= c->linger_ns;
}

/*
 * Serve each client. One that has no room for answers is told of by the poll when it reads,
 * unless it has read all of them by now.
 * Return: whether there is more to do.
 */
static bool serve_clients(struct mcp *m)
{
	int64_t now = mcp_now();
	bool more = false, was_full;

	for (struct mcp_client *c = m->clients, *next; c; c = next) {
		next = c->next;
		serve_lines(m, c);
		calls_poll(m, c, now);
		was_full = !client_has_room(c);
		client_flush(c);
		more |= client_has_room(c) && (was_full || c->unserved);
		if (is_left(c, now))
			client_free(m, c);
	}
	return more;
}

/* ---- waiting */

static int milliseconds_to(int64_t due)
{
	int64_t left;

	if (due == INT64_MAX)
		return -1;
	left = due - mcp_now();
	if (left <= 0)
		return 0;
	return left > INT64_C(60000000000) ? 60000 : (int)(left / 1000000) + 1;
}

static int timeout_of(struct mcp *m)
{
	int64_t due = runs_forget(m, mcp_now());
	int timeout;

	for (struct mcp_client *c = m->clients; c; c = c->next) {
		int64_t calls = calls_due(c);

		due = calls < due ? calls : due;
		if (c->linger_ns && c->linger_ns < due)
			due = c->linger_ns;
	}
	if (m->accept_ns && m->accept_ns < due)
		due = m->accept_ns > mcp_now() ? m->accept_ns : due;
	timeout = milliseconds_to(due);
	if (m->engine.input_waits && (timeout < 0 || timeout > INPUT_WAIT_MS))
		timeout = INPUT_WAIT_MS;
	return timeout;
}

static void heed(struct mcp_client *c, const struct pollfd fds[2])
{
	if (fds[0].revents)
		line_fill(&c->in);
	if (fds[1].revents & (POLLERR | POLLHUP))
		c->gone = true;
	else if (fds[1].revents & POLLOUT)
		client_flush(c);
}

static bool may_accept(const struct mcp *m)
{
	return m->n_clients < MCP_CLIENTS_MAX && mcp_now() >= m->accept_ns;
}

static void wait_for_something(struct mcp *m, int timeout)
{
	struct pollfd fds[2 + 2 * MCP_CLIENTS_MAX] = {
		{ .fd = spawn_template_ring_fd(m->engine.ring),
		  .events = POLLIN },
		{ .fd = may_accept(m) ? m->listener : -1, .events = POLLIN },
	};
	nfds_t n = 2;

	for (struct mcp_client *c = m->clients; c; c = c->next, n += 2) {
		bool reads = !c->in.eof && !c->unserved && client_has_room(c);

		fds[n] = (struct pollfd){ .fd = reads ? c->in.fd : -1,
					  .events = POLLIN };
		fds[n + 1] = (struct pollfd){
			.fd = c->out,
			.events = c->at < c->n ? POLLOUT : 0,
		};
	}
	if (poll(fds, n, timeout) <= 0)
		return;
	n = 2;
	for (struct mcp_client *c = m->clients; c; c = c->next, n += 2)
		heed(c, fds + n);
	if (fds[1].revents)
		socket_accept(m);
}

static void serve(struct mcp *m)
{
	bool more;

	while (!is_ending(m)) {
		for (int i = 0; i < COMPLETIONS_AT_ONCE; i++)
			if (!engine_take_one(&m->engine))
				break;
		job_start_some(&m->engine);
		m->changed = false;
		more = serve_clients(m);
		engine_submit(&m->engine);
		input_give(&m->engine);
		more |= m->changed; /* for a client that was served before */
		if (!is_ending(m))
			wait_for_something(m, more ? 0 : timeout_of(m));
	}
}

/* ---- before and after */

static int open_server(struct mcp *m)
{
	int status =
		engine_open(&m->engine, &m->options->engine, &run_events, m);

	if (!status)
		status = judge_open(m);
	if (status)
		return status;
	m->engine.sandbox = m->sandbox;
	m->tools = tools_make();
	if (!m->tools || (!m->options->socket &&
			  !client_new(m, STDIN_FILENO, STDOUT_FILENO, false))) {
		out_error("out of memory");
		return CLI_FAILED;
	}
	return m->options->socket ? socket_listen(m, m->options->socket) : 0;
}

static void close_server(struct mcp *m)
{
	socket_close(m);
	while (m->clients)
		client_free(m, m->clients);
	if (m->engine.ring)
		engine_end_all(&m->engine, stop_signal() ? 2 : 1);
	stop_unwatch();
	engine_close(&m->engine);
	runs_free(m);
	judge_close(m);
	json_decref(m->tools);
}

int mcp_serve(const struct mcp_options *options)
{
	struct mcp m = { .options = options, .listener = -1 };
	int status;

	/* if SIGCHLD were ignored, the exit statuses would be lost */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	stop_watch();
	status = open_server(&m);
	if (!status)
		serve(&m);
	close_server(&m);
	if (m.engine.error) {
		out_error("%s", strerror(m.engine.error));
		status = CLI_FAILED;
	}
	return stop_signal() ? end_by_signal(stop_signal()) : status;
}
