/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template batch: lines come in (io.c), are read as requests
 * (request.c, id.c), launched from templates out of a cache and answered in the order
 * in which they end (batch.c).
 *
 * One thread does that; the ring has its own. The thread waits in its poll
 * only, and in its write if the reader of the answers is slow: then it reads no
 * more lines, either.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/sandbox.h"

#define BATCH_JOBS_MAX 1024
#define BATCH_LINE_MAX ((size_t)64 << 20)
#define BATCH_TOOLS_KNOWN 256
#define BATCH_POOLS_MOST 64 /* programs of each way with prepared processes */
#define BATCH_POOLS_FEW 8 /* if only single lines ask for that */

/* How the programs of a line are launched; the cache of each way has an index. */
enum batch_way { BATCH_COLD, BATCH_ONCE, BATCH_FORK, BATCH_WAYS };
#define BATCH_UNSET (-1)

struct batch_options {
	unsigned int jobs; /* in flight at most */
	uint64_t max_output; /* 0: the default */
	int64_t timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint64_t held_quiet_ns, held_most_ns; /* 0: the default */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	const char *tree_parent; /* --cgroup-tree; NULL: search for one */
	enum batch_way way; /* of lines that have none of their own */
};

/* Return the way of a CREATE_WARM_* flag. */
static inline enum batch_way batch_way_of(uint64_t create_flag)
{
	return create_flag == SPAWN_TEMPLATE_CREATE_WARM_ONCE ? BATCH_ONCE
							      : BATCH_FORK;
}

/* ---- io.c */

struct line_reader {
	int fd;
	char *buffer;
	size_t start, end, size; /* the bytes held, and the size allocated */
	size_t searched; /* bytes from start on that have no newline */
	uint64_t number; /* number of the last line returned */
	bool skipping; /* the rest of a line that was too long */
	bool eof;
	int error; /* the error of read(2), a positive errno */
};

enum line { LINE_NONE, LINE_READ, LINE_TOO_LONG };

/*
 * Return the next line in the buffer, without its newline; the next line_fill()
 * overwrites it. The last line of the file may have no newline.
 */
enum line line_next(struct line_reader *in, char **text, size_t *n);

/* Read once. Call it only when line_next() found no line. */
void line_fill(struct line_reader *in);
void line_free(struct line_reader *in);

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

/*
 * Find the value of "id" in a line.
 * Return: its bytes, with *id at the first one; 0 if the line has none, or two, or if
 * something before its end is no JSON.
 */
size_t id_find(char *line, size_t n, char **id);

/* ---- request.c */

/*
 * One line, understood. Pointers lead into the JSON that was read, or to memory
 * that the request owns, where marked.
 */
struct request {
	json_t *json;
	char *id; /* owned: JSON, as it was written; NULL: none */
	bool id_unknown; /* the line may have one, but it cannot be told */
	const char *cwd; /* NULL: this tool's */
	char *cwd_decoded; /* owned: cwd, if it was base64 */
	json_t *env, *setenv, *setenv_decoded; /* NULL: not given */
	const char **argv; /* owned */
	char **envp; /* owned, as are its strings from n_kept on */
	size_t n_kept; /* strings of this tool's own environment */
	char *name; /* owned: argv[0], from cwd if it is relative */
	char *path; /* owned: the search path, from cwd; "" if name has a slash */
	const void *input;
	void *decoded; /* owned: the input, if it was base64 */
	size_t input_len;
	int64_t timeout_ns; /* -1: not given */
	struct sandbox_wishes sandbox;
	bool merge_stderr;
	int way; /* enum batch_way; BATCH_UNSET: not given */
};

/* The reason why a line was not understood. */
struct complaint {
	int error; /* positive errno */
	char text[448];
};

/*
 * Read a line, which is overwritten.
 * Return: 0, or -1 with the complaint filled in and no more than the id read.
 */
int request_read(struct request *r, char *line, size_t n,
		 struct complaint *complaint);
void request_free(struct request *r);

/* ---- batch.c. Return: the exit code; may end by a signal instead. */
int batch_run(const struct batch_options *options);

#endif
