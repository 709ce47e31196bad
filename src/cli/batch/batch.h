/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template batch: lines come in (batch_io.c), are read as
 * requests (batch_request.c), launched from templates that are kept
 * (batch_tools.c) and answered in the order in which they end (batch.c).
 *
 * One thread; the ring has its own. What waits is only this thread's poll, and
 * its write where the reader of the answers is slow: then no more is read either.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

#define BATCH_JOBS_MAX 1024
#define BATCH_LINE_MAX ((size_t)64 << 20)
#define BATCH_TOOLS_KEPT 256

struct batch_options {
	unsigned int jobs; /* at most so many in flight */
	uint64_t max_output; /* 0: the default */
	int64_t timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	const char *tree_parent; /* of --cgroup-tree; NULL: to be found */
};

/* ---- batch_io.c */

struct line_reader {
	int fd;
	char *buffer;
	size_t start, end, size; /* what is there, in what is allocated */
	size_t searched; /* from start on, no newline so far */
	uint64_t number; /* of the line that was given last */
	bool skipping; /* what is left of a line that was too long */
	bool eof;
	int error; /* of reading, a positive errno */
};

enum line { LINE_NONE, LINE_READ, LINE_TOO_LONG };

/* The next line in the buffer, without its newline; it is overwritten by the next
 * line_fill(). At the end of the file also one that has none. */
enum line line_next(struct line_reader *in, const char **text, size_t *n);

/* Read once; to be called only when line_next() found none. */
void line_fill(struct line_reader *in);
void line_free(struct line_reader *in);

/*
 * Output that is never lost unnoticed and whose writer can be asked to end: the
 * first error stays, and nothing is written any more.
 */
struct writer {
	int fd;
	size_t n;
	int error; /* positive errno; ECANCELED: stop_signal() */
	char buffer[65536];
};

void writer_text(struct writer *out, const char *text, size_t n);
void writer_json(struct writer *out, const json_t *value, size_t flags);
void writer_flush(struct writer *out);

/* ---- batch_tools.c */

/* A template, and how often it is in use. */
struct tool {
	struct tool *next;
	unsigned int users;
	int tfd;
	uint64_t used; /* when it was taken last */
	size_t key_size;
	char key[]; /* name, NUL, path, NUL */
};

struct tools {
	struct tool *buckets[256];
	unsigned int n, kept; /* there are, and may be beside those in use */
	uint64_t clock;
};

/*
 * A template of a name looked for along path. One with a slash is absolute, or
 * from the current directory. Return: 0 or -errno.
 */
int tool_take(struct tools *tools, const char *name, const char *path,
	      struct tool **tool);
void tool_give_back(struct tool *tool);
void tools_free(struct tools *tools);

/* ---- batch_request.c */

/*
 * One line, understood. Pointers are into the JSON that it was read from, or owned
 * as marked.
 */
struct request {
	json_t *json;
	const char *cwd; /* NULL: that of this tool */
	json_t *env, *setenv; /* NULL: not given */
	const char **argv; /* owned */
	char **envp; /* owned, as are its strings from n_kept on */
	size_t n_kept; /* strings of this tool's own environment */
	char *name; /* owned: argv[0], from cwd if it is relative */
	char *path; /* owned: to look along, from cwd */
	const void *input;
	void *decoded; /* owned: the input, if it was base64 */
	size_t input_len;
	int64_t timeout_ns; /* -1: not given */
	bool merge_stderr;
};

/* Why a line was not understood. */
struct complaint {
	int error; /* positive errno */
	char text[256];
};

/*
 * Return: 0, or -1 with the complaint filled in. *id is set in any case, to a new
 * reference: NULL if there is none, null if that cannot be told.
 */
int request_read(struct request *r, const char *text, size_t n, json_t **id,
		 struct complaint *complaint);
void request_free(struct request *r);

/* ---- batch.c. Return: the exit code; may end by a signal instead. */
int batch_run(const struct batch_options *options);

#endif
