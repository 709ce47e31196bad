/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine of the commands that run programs for a client, batch and mcp: requests are
 * read from JSON (request.c, bytes.c, program.c), wait for their turn (list.c) and are
 * launched from templates out of a cache (job.c, session.c). Input goes to programs as they
 * take it (input.c). engine.c takes the completions of the ring, and room.c tells how many
 * programs there is room for.
 *
 * The engine knows no protocol: it tells its owner what becomes of a job by the calls in
 * struct engine_events, from the thread that calls it. It never waits, but in
 * engine_end_all().
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/sandbox.h"
#include "cli/session.h"

#define ENGINE_JOBS_MAX 1024
#define ENGINE_JOBS_DEFAULT 64 /* fits tools that wait more than they compute */
#define ENGINE_INPUT_MAX \
	((size_t)1 << 20) /* bytes that wait for a program's stdin */
#define ENGINE_INPUTS_MAX 16384 /* parts, which may be short, that do */
#define ENGINE_TOOLS_KNOWN 256
#define ENGINE_POOLS_MOST 64 /* programs of each way with prepared processes */
#define ENGINE_POOLS_FEW 8 /* if only single requests ask for that */

/* How the programs of a request are launched; the cache of each way has an index. */
enum engine_way {
	ENGINE_COLD,
	ENGINE_ONCE,
	ENGINE_FORK,
	ENGINE_PYTHON,
	ENGINE_WAYS
};
#define ENGINE_UNSET (-1)

struct engine_options {
	unsigned int jobs; /* programs that run at a time; 0: the default */
	uint64_t max_output; /* 0: the default */
	int64_t timeout_ns, idle_timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint64_t held_quiet_ns, held_most_ns; /* 0: the default */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	bool keep_leftovers; /* of requests that say nothing else */
	const char *tree_parent; /* --cgroup-tree; NULL: search for one */
	enum engine_way way; /* of requests that have none of their own */
	const char *modules; /* the same, for Pythons; NULL: none */
	enum session session; /* the same */
	/*
	 * Launch the file that was found, or fail with ESTALE; else a launch takes the file
	 * that is at the path at the last moment.
	 */
	bool exact;
};

/* Return the way of CREATE_WARM_* flags. */
static inline enum engine_way engine_way_of(uint64_t create_flags)
{
	if (create_flags & SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)
		return ENGINE_PYTHON;
	return create_flags == SPAWN_TEMPLATE_CREATE_WARM_ONCE ? ENGINE_ONCE
							       : ENGINE_FORK;
}

/* ---- request.c, and bytes.c and program.c for parts of it */

/*
 * The things that a request can do. In a line of batch, the key of all but the first has an
 * id as its value.
 */
enum request_verb {
	REQUEST_RUN,
	REQUEST_CANCEL,
	REQUEST_WRITE,
	REQUEST_CLOSE,
	REQUEST_WINSIZE,
	REQUEST_VERBS
};

extern const char *const request_keys[REQUEST_VERBS]; /* "id", "cancel", ... */

/* The reason why a request was not understood. */
struct complaint {
	int error; /* positive errno */
	char text[800];
};

/* bytes.c: fill in a complaint. Return: -1 */
int complain(struct complaint *c, int error, const char *fmt, ...)
	CLI_PRINTF(3, 4);

/*
 * One request, understood. Pointers lead into the JSON that was read, or to memory
 * that the request owns, where marked.
 */
struct request {
	json_t *json;
	size_t size; /* of its text */
	enum request_verb verb;
	char *id; /* owned: JSON, as it was written; NULL: none */
	bool id_unknown; /* the line may have one, but it cannot be told */
	const char *cwd; /* NULL: this tool's */
	char *cwd_decoded; /* owned: cwd, if it was base64 */
	json_t *env, *setenv, *setenv_decoded; /* NULL: not given */
	char *const
		*own; /* variables in place of this tool's own; NULL: none */
	char *const *fixed; /* those of them that "env" does not replace */
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
	int way; /* enum engine_way; ENGINE_UNSET: not given */
	enum session session;
	char *modules; /* owned: for a Python to import ahead; NULL: none */
	const char *preload; /* these, or a file for a shell to source */
	bool has_profile; /* it is a file */
	struct complaint *refused; /* owned; NULL: the request is right */
};

/* Make a request that has nothing yet but its verb. */
void request_begin(struct request *r, size_t size);

/*
 * Read the object r->json, for r->verb.
 * Return: 0, or -1 with the complaint filled in.
 */
int request_read_object(struct request *r, struct complaint *c);
void request_free(struct request *r);

/* Return the PATH that the program is searched along, of the request's environment. */
const char *request_search_path(const struct request *r);

/* Make the environment, and name the program and its search path. Return: 0 or -1. */
int request_find_program(struct request *r, struct complaint *c);

/* ---- the state, which belongs to engine.c */

/* Something that waits until a program can take it: input, or the end of it. */
struct engine_input {
	struct engine_input *next;
	uint64_t tag; /* the owner's name for it; 0: it is not told of it */
	bool is_end;
	size_t at, n; /* the bytes that are not taken begin at .at */
	char bytes[];
};

/* The program and the folder that a judge has found, which are those that are launched. */
struct engine_verdict {
	char *path; /* owned; NULL: nobody has judged */
	char *name; /* owned: argv[0]; NULL: that of the request */
	int program, cwd; /* owned descriptors; -1: none */
	enum engine_way way;
};

/* A request whose program waits for its turn or runs. */
struct engine_job {
	struct engine_job *next,
		**link; /* in one of the lists of struct engine */
	void *owner; /* the protocol's own; NULL: none */
	struct request *request; /* NULL: it runs */
	struct spawn_template_cache *cache; /* the one that tfd is from */
	struct engine_session *session; /* the same; NULL: it is the cache's */
	int tfd; /* -1: none */
	char *name;
	char *cwd; /* NULL: that of the command */
	struct engine_verdict verdict;
	struct request *again; /* owned, to be judged again; NULL: none */
	bool judged_twice, sandboxed;
	struct spawn_template_sandbox *sandbox; /* NULL: none */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	struct result_form form;
	int spill_fd; /* -1: none */
	bool input_ended; /* no more input may come */
	struct engine_input *input, **input_end; /* a queue */
	size_t input_size; /* bytes in it */
	unsigned int inputs; /* parts in it */
};

struct engine;

/* Tells the owner of a job. Each may be called from the functions below. */
struct engine_events {
	/*
	 * Judge a job whose turn has come, and may lower what it asks for; NULL: all may run.
	 * Return: 0, with job->verdict or without; or -1 with a complaint.
	 */
	int (*judge)(struct engine *e, struct engine_job *job,
		     struct complaint *c);
	/* the last of a job: it was not understood, its launch failed, or it has ended */
	void (*refused)(struct engine *e, struct engine_job *job,
			const struct complaint *c);
	void (*failed)(struct engine *e, struct engine_job *job, int error,
		       uint32_t flags);
	void (*ended)(struct engine *e, struct engine_job *job,
		      const struct spawn_template_cqe *cqe);
	/* a deadline has come, and the run goes on; output */
	void (*detached)(struct engine *e, struct engine_job *job,
			 const struct spawn_template_cqe *cqe);
	void (*output)(struct engine *e, struct engine_job *job,
		       const struct spawn_template_cqe *cqe);
	/* input with a tag was taken, or never will be; error 0, or a positive errno */
	void (*input)(struct engine *e, struct engine_job *job,
		      const struct engine_input *input, int error,
		      const char *message);
	/* the job is freed now: so is what the protocol has for it */
	void (*freed)(struct engine_job *job);
};

struct engine {
	const struct engine_options *options;
	const struct engine_events *events;
	void *owner;
	struct spawn_template_ring *ring;
	struct engine_job *running, *waiting, **waiting_end;
	unsigned int max_jobs, active, queued;
	size_t ahead; /* bytes of the requests that wait */
	bool input_waits; /* some program takes its input slowly */
	int error; /* positive errno: memory was short; 0: none so far */
	struct spawn_template_cache
		*caches[ENGINE_WAYS]; /* NULL: not used yet */
	struct engine_session *sessions;
	unsigned int known; /* programs that the first one remembers */
	unsigned int pools; /* that each other one remembers */
	int tree_parent; /* -1: search for one */
	const struct spawn_template_sandbox
		*sandbox; /* of all jobs without their own; NULL: none */
	struct rlimit files; /* the limit found; programs get it */
	bool files_raised;
};

/* ---- options.c: of the command line. Return: 0, or an exit code after a message. */

int engine_read_jobs(struct engine_options *o, const char *text);
int engine_read_way(struct engine_options *o, const char *text);

/* ---- engine.c */

/*
 * Make a ring and what goes with it; engine_close() is due in any case.
 * Return: 0, or an exit code after a message.
 */
int engine_open(struct engine *e, const struct engine_options *options,
		const struct engine_events *events, void *owner);
void engine_close(struct engine *e);

/* Note that memory was short. */
void engine_no_memory(struct engine *e);

/* Take a completion, if one waits. Return: false if none does. */
bool engine_take_one(struct engine *e);

/* Launch what was queued. */
void engine_submit(struct engine *e);

/*
 * End all runs: TERM to all trees, and KILL after the grace period. Nobody is told of
 * their ends. It gives up after so many signals that ask this tool to end.
 */
void engine_end_all(struct engine *e, int stops);

/* ---- list.c */

/*
 * Let a request wait for its turn; one that is wrong, too, so that one job at a time is
 * answered in the order of the requests. It takes over what r has, but not its id.
 * Return: NULL if memory is short: nothing is taken over.
 */
struct engine_job *job_add(struct engine *e, struct request *r, void *owner);

/* Note that the program of a job, which is queued in the ring, runs. */
void job_set_running(struct engine *e, struct engine_job *job);

/*
 * Let a job that runs wait once more, before all others, if its request was kept.
 * Return: false if not.
 */
bool job_again(struct engine *e, struct engine_job *job);

/* Give back a job's template, and what a judge has found. */
void job_forget_program(struct engine *e, struct engine_job *job);

/* Free a job, which is in a list. */
void job_free(struct engine *e, struct engine_job *job);

/* ---- session.c */

/*
 * Get the template of the shell that sources the file, or of the Python that imports the
 * modules, for a job. program: a template of it.
 * Return: 0; -errno, and with a complaint if there can be no such template.
 */
int session_get(struct engine *e, struct engine_job *job, int program,
		const char *preload, struct complaint *c);
void session_drop(struct engine *e, struct engine_session *session);
void sessions_free(struct engine *e); /* no job has one */

/* ---- job.c */

/* Make the cache of a way. Return: 0 or -errno. */
int job_make_cache(struct engine *e, enum engine_way way);

/* Launch what waits, as long as there is room. */
void job_start_some(struct engine *e);

/*
 * End a job; one that waits is told as failed with ECANCELED, and freed, at once.
 */
void job_cancel(struct engine *e, struct engine_job *job);

/*
 * Set the size of a job's terminal.
 * Return: 0; or a positive errno, and with a message.
 */
int job_resize(struct engine *e, struct engine_job *job, uint32_t winsize,
	       const char **message);

/* ---- input.c */

/*
 * Queue bytes for a job, or the end of its input; at most ENGINE_INPUT_MAX wait, in
 * ENGINE_INPUTS_MAX parts.
 * Return: 0; or a positive errno, and with a message.
 */
int input_add(struct engine *e, struct engine_job *job, const void *bytes,
	      size_t n, uint64_t tag, const char **message);
int input_end(struct engine *e, struct engine_job *job, uint64_t tag,
	      const char **message);

/* Give programs the input that waits for them. */
void input_give(struct engine *e);

/* Tell that input which waits for a job comes too late, and free it. */
void input_drop(struct engine *e, struct engine_job *job);

/* ---- failure.c */

/* Describe an error, of a positive errno, or the failed launch of a job. */
json_t *error_json(int error, const char *message);
json_t *job_failure_json(const struct engine_job *job, int error,
			 uint32_t flags);

/* ---- room.c */

/* Return how many programs there is memory for by default. */
unsigned int room_for_jobs(uint64_t max_output);

/*
 * Raise the limit so that all jobs can have their descriptors; if that fails,
 * have fewer jobs and hold fewer templates of a guard. Programs get the old limit: those
 * that use select(2) need a low one.
 */
void room_raise_files(struct engine *e);

#endif
