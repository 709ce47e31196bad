/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template batch, a protocol of lines over the engine: lines are
 * read as requests (line.c, id.c), which the engine runs. Lines that are for
 * a program under way are served at once (control.c). Answers go out in the order in which
 * programs end (answer.c). batch.c is the loop.
 *
 * One thread does that; the ring has its own. The thread waits in its poll
 * only, and in its write if the reader of the answers is slow: then it reads no
 * more lines, takes no more output from the ring, and so programs wait that stream.
 */
#ifndef BATCH_H
#define BATCH_H

#include "cli/engine/engine.h"
#include "cli/engine/lines.h"

#define BATCH_AHEAD \
	((size_t)96 << 10) /* bytes of lines that wait for their turn */
#define BATCH_LINE_MAX ((size_t)64 << 20)

/* ---- io.c */

/*
 * Output whose errors are never lost, and whose waits a signal can end: the
 * first error stays, and nothing more is written.
 */
struct writer {
	int fd;
	size_t n;
	int error; /* positive errno; ECANCELED: stop_signal() */
	char buffer[65536];
};

void writer_text(struct writer *out, const char *text, size_t n);
/* Write JSON as it is; on a terminal, with characters beyond ASCII escaped. */
void writer_raw(struct writer *out, const char *json);
void writer_json(struct writer *out, const json_t *value, size_t flags);
void writer_flush(struct writer *out);

/* ---- id.c */

/* The value of a key of request_keys in a line; n is 0 if there is none. */
struct id_found {
	char *at;
	size_t n;
};

/*
 * Find the values of the keys in request_keys, up to the first byte that is no JSON. A key
 * that comes twice has none.
 */
void id_find(char *line, size_t n, struct id_found found[REQUEST_VERBS]);

/* Tell whether two ids are the same value, however they were written. */
bool id_is_same(const char *a, const char *b);

/* ---- line.c */

/*
 * Read a line, which is overwritten.
 * Return: 0, or -1 with the complaint filled in and no more than verb and id read.
 */
int line_read(struct request *r, char *line, size_t n, struct complaint *c);

/* ---- the state, which belongs to batch.c */

/* The line of a job. */
struct batch_line {
	uint64_t number;
	char *id; /* JSON; never NULL */
	char cut[2][4]; /* stdout, stderr: a character that is not whole yet */
	size_t n_cut[2];
};

/* Return the line of a job. */
static inline struct batch_line *line_of(const struct engine_job *job)
{
	return job->owner;
}

struct batch {
	struct engine engine;
	struct line_reader in;
	struct writer out;
	bool sigpipe_ignored;
};

/* ---- answer.c */

/* Writes the last line with the id of a job, or one more about it. */
extern const struct engine_events answer_events;

/* Answer a line that is for a job. error: 0, or a positive errno with a message. */
void answer_control(struct batch *b, const char *id, uint64_t line,
		    enum request_verb verb, int error, const char *message);
/* Answer that such a line was not understood. */
void answer_complaint(struct batch *b, const struct request *r,
		      const struct complaint *c);

/* ---- control.c */

/* Serve a line that is for a job. */
void control_serve(struct batch *b, struct request *r);

/* No line can bring more input: close that of all programs. */
void control_end_input(struct batch *b);

/* ---- batch.c. Return: the exit code; may end by a signal instead. */
int batch_run(const struct engine_options *options);

#endif
