/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The output of a run within bounds: the first bytes, and the last ones in a ring. When
 * the first byte would get lost, all that is held goes to a file if the run has one, and
 * all that comes after it.
 *
 * A file that cannot be written ends with what it has, and the run goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"

#define LEAST ((size_t)4096)

void log_begin(struct log *log, size_t most, size_t tail, size_t *held)
{
	*log = (struct log){
		.head_most = most - tail,
		.tail_most = tail,
		.spill_fd = -1,
		.spill_folder = AT_FDCWD,
		.held = held,
	};
}

void log_free(struct log *log)
{
	*log->held -= log->head_size + log->tail_size;
	free(log->head);
	free(log->tail);
	free(log->spill);
	log_end(log);
	*log = (struct log){
		.spill_fd = -1,
		.spill_folder = AT_FDCWD,
		.held = log->held,
	};
}

/*
 * Make room for n more bytes behind used ones, up to most. All logs together have a bound:
 * then there is no more room than there is.
 */
static void grow(struct log *log, char **bytes, size_t *size, size_t used,
		 size_t n, size_t most)
{
	size_t want = *size ? *size : LEAST;
	char *more;

	if (used + n <= *size || *size >= most)
		return;
	while (want < used + n && want < most)
		want *= 2;
	want = want < most ? want : most;
	if (*log->held + want - *size > MCP_OUTPUT_ALL)
		return;
	more = realloc(*bytes, want);
	if (!more)
		return;
	*log->held += want - *size;
	*bytes = more;
	*size = want;
}

/* ---- the file */

static void write_spill(struct log *log, const char *bytes, size_t n)
{
	while (n && log->spill_fd >= 0) {
		ssize_t done = write(log->spill_fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			close(log->spill_fd);
			log->spill_fd = -1;
			log->spill_cut = true;
			return;
		}
		bytes += done;
		n -= (size_t)done;
	}
}

static void open_spill(struct log *log)
{
	char *at = log->tail ? log->tail + log->tail_end : NULL;
	const char *name = log->spill;
	size_t before;

	if (log->spill_folder != AT_FDCWD)
		name = strrchr(name, '/') + 1;
	log->spill_fd = openat(
		log->spill_folder, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	log->spilled = log->spill_fd >= 0;
	log->spill_cut = !log->spilled;
	write_spill(log, log->head, log->n_head);
	if (!log->n_tail)
		return;
	before = log->tail_end < log->n_tail ? log->n_tail - log->tail_end : 0;
	write_spill(log, log->tail + log->tail_size - before, before);
	write_spill(log, at - (log->n_tail - before), log->n_tail - before);
}

/* Write bytes that come behind what is held, of which some get lost. */
static void spill(struct log *log, const char *bytes, size_t n)
{
	if (!log->spill || log->spill_cut)
		return;
	if (log->total + n > MCP_SPILL_MAX) {
		log->spill_cut = true;
		return;
	}
	if (log->spill_fd < 0)
		open_spill(log);
	write_spill(log, bytes, n);
}

void log_spill(struct log *log)
{
	if (!log->spill || log->spilled || log->spill_cut || log_has_gap(log))
		return;
	open_spill(log);
	if (log->ended)
		log_end(log);
}

void log_end(struct log *log)
{
	log->ended = true;
	if (log->spill_fd >= 0)
		close(log->spill_fd);
	log->spill_fd = -1;
}

/* ---- adding */

static size_t add_head(struct log *log, const char *bytes, size_t n)
{
	size_t fit;

	if (log->total !=
	    log->n_head) /* a byte behind it is in the tail, or lost */
		return 0;
	grow(log, &log->head, &log->head_size, log->n_head, n, log->head_most);
	fit = log->head_size - log->n_head;
	fit = fit < n ? fit : n;
	if (fit)
		memcpy(log->head + log->n_head, bytes, fit);
	log->n_head += fit;
	return fit;
}

static void add_tail(struct log *log, const char *bytes, size_t n)
{
	size_t part;

	if (n > log->tail_size) {
		bytes += n - log->tail_size;
		n = log->tail_size;
	}
	while (n) {
		part = log->tail_size - log->tail_end;
		part = part < n ? part : n;
		memcpy(log->tail + log->tail_end, bytes, part);
		log->tail_end = (log->tail_end + part) % log->tail_size;
		bytes += part;
		n -= part;
		log->n_tail = log->n_tail + part < log->tail_size
				      ? log->n_tail + part
				      : log->tail_size;
	}
}

/* A ring grows as long as it has not turned: its bytes are in order then. */
static void grow_tail(struct log *log, size_t n)
{
	if (log->n_tail == log->tail_end || !log->n_tail)
		grow(log, &log->tail, &log->tail_size, log->n_tail, n,
		     log->tail_most);
	else if (log->n_tail == log->tail_size && log->tail_end == 0) {
		size_t size = log->tail_size;

		grow(log, &log->tail, &log->tail_size, log->n_tail, n,
		     log->tail_most);
		if (log->tail_size > size)
			log->tail_end = size;
	}
}

void log_add(struct log *log, const char *bytes, size_t n)
{
	size_t fit = add_head(log, bytes, n), rest = n - fit;

	if (rest)
		grow_tail(log, rest);
	if (log->spill_fd >= 0 ||
	    (rest && log->n_tail + rest > log->tail_size)) {
		/* the file gets what the head has just taken with the head */
		bool fresh = log->spill_fd < 0;

		spill(log, fresh ? bytes + fit : bytes, fresh ? rest : n);
	}
	log->total += fit;
	if (log->tail_size)
		add_tail(log, bytes + fit, rest);
	log->total += rest;
}

/* ---- reading */

static uint64_t tail_start(const struct log *log)
{
	return log->total - log->n_tail;
}

bool log_has_gap(const struct log *log)
{
	return tail_start(log) > log->n_head;
}

uint64_t log_lost(const struct log *log, uint64_t at)
{
	if (at < log->n_head || at >= tail_start(log))
		return 0;
	return tail_start(log) - at;
}

size_t log_read(const struct log *log, uint64_t at, char *to, size_t most)
{
	size_t n = 0, from, part;

	if (at < log->n_head) {
		n = log->n_head - (size_t)at;
		n = n < most ? n : most;
		memcpy(to, log->head + at, n);
		at += n;
	}
	while (n < most && at >= tail_start(log) && at < log->total) {
		from = log->tail_end + log->tail_size -
		       (size_t)(log->total - at);
		from %= log->tail_size;
		part = (size_t)(log->total - at);
		if (part > log->tail_size - from)
			part = log->tail_size - from;
		part = part < most - n ? part : most - n;
		memcpy(to + n, log->tail + from, part);
		n += part;
		at += part;
	}
	return n;
}
