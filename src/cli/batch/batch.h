/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template batch: lines come in (io.c), are read as requests
 * (request.c, program.c, id.c), wait for their turn (list.c) and are launched from
 * templates out of a cache (job.c). Lines that are for a program under way are served at once
 * (control.c). Answers go out in the order in which programs end (answer.c). batch.c is
 * the loop, and room.c tells how many programs there is room for.
 *
 * One thread does that; the ring has its own. The thread waits in its poll
 * only, and in its write if the reader of the answers is slow: then it reads no
 * more lines, takes no more output from the ring, and so programs wait that stream.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/sandbox.h"
#include "cli/session.h"

#define BATCH_JOBS_MAX 1024
#define BATCH_JOBS_DEFAULT 64 /* fits tools that wait more than they compute */
#define BATCH_AHEAD \
	((size_t)96 << 10) /* bytes of lines that wait for their turn */
#define BATCH_INPUT_MAX \
	((size_t)1 << 20) /* bytes that wait for a program's stdin */
#define BATCH_LINE_MAX ((size_t)64 << 20)
#define BATCH_TOOLS_KNOWN 256
#define BATCH_POOLS_MOST 64 /* programs of each way with prepared processes */
#define BATCH_POOLS_FEW 8 /* if only single lines ask for that */

/* How the programs of a line are launched; the cache of each way has an index. */
enum batch_way { BATCH_COLD, BATCH_ONCE, BATCH_FORK, BATCH_PYTHON, BATCH_WAYS };
#define BATCH_UNSET (-1)

struct batch_options {
	unsigned int jobs; /* programs that run at a time; 0: the default */
	uint64_t max_output; /* 0: the default */
	int64_t timeout_ns, idle_timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint64_t held_quiet_ns, held_most_ns; /* 0: the default */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	bool keep_leftovers; /* of lines that say nothing else */
	const char *tree_parent; /* --cgroup-tree; NULL: search for one */
	enum batch_way way; /* of lines that have none of their own */
	const char *modules; /* the same, for Pythons; NULL: none */
	enum session session; /* the same */
};

/* Return the way of CREATE_WARM_* flags. */
static inline enum batch_way batch_way_of(uint64_t create_flags)
{
	if (create_flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)
		return BATCH_PYTHON;
	return create_flags == SPAWN_TEMPLATE_CREATE_WARM_ONCE ? BATCH_ONCE
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

/* The things that a line can do. The key of all but the first has an id as its value. */
enum batch_verb {
	BATCH_RUN,
	BATCH_CANCEL,
	BATCH_WRITE,
	BATCH_CLOSE,
	BATCH_WINSIZE,
	BATCH_VERBS
};

extern const char *const batch_keys[BATCH_VERBS]; /* "id", "cancel", ... */

/* The value of a key of batch_keys in a line; n is 0 if there is none. */
struct id_found {
	char *at;
	size_t n;
};

/*
 * Find the values of the keys in batch_keys, up to the first byte that is no JSON. A key
 * that comes twice has none.
 */
void id_find(char *line, size_t n, struct id_found found[BATCH_VERBS]);

/* Tell whether two ids are the same value, however they were written. */
bool id_is_same(const char *a, const char *b);

/* ---- request.c, and program.c for the second part */

/* The reason why a line was not understood. */
struct complaint {
	int error; /* positive errno */
	char text[448];
};

/* bytes.c: fill in a complaint. Return: -1 */
int batch_complain(struct complaint *c, int error, const char *fmt, ...)
	CLI_PRINTF(3, 4);

/*
 * One line, understood. Pointers lead into the JSON that was read, or to memory
 * that the request owns, where marked.
 */
struct request {
	json_t *json;
	size_t size; /* of the line */
	enum batch_verb verb;
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
	int64_t timeout_ns, idle_ns, detached_ns; /* -1: not given */
	uint64_t max_output, tail; /* 0: not given */
	const char *spill; /* NULL: not given */
	struct sandbox_wishes sandbox;
	struct limits limits;
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	uint32_t winsize; /* SPAWN_TEMPLATE_WINSIZE; 0: not given */
	int keep_leftovers; /* -1: not given */
	int way; /* enum batch_way; BATCH_UNSET: not given */
	enum session session;
	char *modules; /* owned: for a Python to import ahead; NULL: none */
	const char *preload; /* these, or a file for a shell to source */
	bool has_profile; /* it is a file */
	struct complaint *refused; /* owned; NULL: the line is right */
};

/*
 * Read a line, which is overwritten.
 * Return: 0, or -1 with the complaint filled in and no more than verb and id read.
 */
int request_read(struct request *r, char *line, size_t n,
		 struct complaint *complaint);
void request_free(struct request *r);

/* Make the environment, and name the program and its search path. Return: 0 or -1. */
int request_find_program(struct request *r, struct complaint *c);

/* ---- the state, which belongs to batch.c */

/* Something that waits until a program can take it: input, or the end of it. */
struct batch_input {
	struct batch_input *next;
	uint64_t line; /* the line to answer; 0: none */
	bool is_end;
	size_t at, n; /* the bytes that are not taken begin at .at */
	char bytes[];
};

/* A line whose program waits for its turn or runs. */
struct batch_job {
	struct batch_job *next,
		**link; /* in one of the lists of struct batch */
	uint64_t line;
	char *id; /* JSON; never NULL */
	struct request *request; /* NULL: it runs */
	struct spawn_template_cache *cache; /* the one that tfd is from */
	struct batch_session *session; /* the same; NULL: it is the cache's */
	int tfd; /* -1: none */
	char *name;
	char *cwd; /* NULL: that of the command */
	struct spawn_template_sandbox *sandbox; /* NULL: none */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	struct result_form form;
	int spill_fd; /* -1: none */
	bool input_ended; /* no more input may come */
	struct batch_input *input, **input_end; /* a queue */
	size_t input_size; /* bytes in it */
	char cut[2][4]; /* stdout, stderr: a character that is not whole yet */
	size_t n_cut[2];
};

struct batch {
	const struct batch_options *options;
	struct spawn_template_ring *ring;
	struct batch_job *running, *waiting, **waiting_end;
	unsigned int max_jobs, active, queued;
	size_t ahead; /* bytes of the lines that wait */
	bool input_waits; /* some program takes its input slowly */
	struct spawn_template_cache
		*caches[BATCH_WAYS]; /* NULL: not used yet */
	struct batch_session *sessions;
	unsigned int known; /* programs that the first one remembers */
	unsigned int pools; /* that each other one remembers */
	struct line_reader in;
	struct writer out;
	int tree_parent; /* -1: search for one */
	struct rlimit files; /* the limit found; programs get it */
	bool files_raised;
	bool sigpipe_ignored;
};

/* ---- answer.c */

/* Each writes the last line with the id of a job: that it was not understood, ... */
void answer_refused(struct batch *b, const struct batch_job *job,
		    const struct complaint *c);
/* ... that the launch failed, with the template if there is one, ... */
void answer_failure(struct batch *b, const struct batch_job *job, int error,
		    uint32_t flags);
/* ... or how the run has ended. */
void answer_result(struct batch *b, struct batch_job *job,
		   const struct spawn_template_cqe *cqe);

/* Each writes another line: that a deadline has come, and the run goes on; or output. */
void answer_detached(struct batch *b, struct batch_job *job,
		     const struct spawn_template_cqe *cqe);
void answer_output(struct batch *b, struct batch_job *job,
		   const struct spawn_template_cqe *cqe);

/* Answer a line that is for a job. error: 0, or a positive errno with a message. */
void answer_control(struct batch *b, const char *id, uint64_t line,
		    enum batch_verb verb, int error, const char *message);
/* Answer that such a line was not understood. */
void answer_complaint(struct batch *b, const struct request *r,
		      const struct complaint *c);

/* ---- list.c */

/*
 * Let the line of a program wait for its turn; one that is wrong, too, so that one job at
 * a time answers in the order of the lines. It takes over what r has.
 */
void job_add(struct batch *b, struct request *r);

/* Note that the program of a job, which is queued in the ring, runs. */
void job_set_running(struct batch *b, struct batch_job *job);

/* Free a job, which is in a list. */
void job_free(struct batch *b, struct batch_job *job);

/* ---- session.c */

/*
 * Get the template of the shell that sources the file, or of the Python that imports the
 * modules, for a job. program: a template of it.
 * Return: 0; -errno, and with a complaint if there can be no such template.
 */
int session_get(struct batch *b, struct batch_job *job, int program,
		const char *preload, struct complaint *c);
void session_drop(struct batch *b, struct batch_session *session);
void sessions_free(struct batch *b); /* no job has one */

/* ---- job.c */

/* Make the cache of a way. Return: 0 or -errno. */
int job_make_cache(struct batch *b, enum batch_way way);

/* Launch what waits, as long as there is room. */
void job_start_some(struct batch *b);

/* ---- control.c */

/* Serve a line that is for a job. */
void control_serve(struct batch *b, struct request *r);

/* Give programs the input that waits for them; at the end of the lines, its end, too. */
void control_give_input(struct batch *b);

/* Answer that input which waits for a job comes too late, and free it. */
void control_drop_input(struct batch *b, struct batch_job *job);

/* ---- room.c */

/* Return how many programs there is memory for by default. */
unsigned int room_for_jobs(uint64_t max_output);

/*
 * Raise the limit so that all jobs can have their descriptors; if that fails,
 * have fewer jobs and hold fewer templates of a guard. Programs get the old limit: those
 * that use select(2) need a low one.
 */
void room_raise_files(struct batch *b);

/* ---- batch.c. Return: the exit code; may end by a signal instead. */
int batch_run(const struct batch_options *options);

#endif
