/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template mcp, a Model Context Protocol server over the engine:
 * clients send lines of JSON-RPC (client.c, rpc.c), whose methods protocol.c answers.
 * Tools (tools.c has their schemas) are called by call.c and act on runs (run.c), whose
 * output is held within bounds (log.c). Calls that have to wait stay in their client's list
 * until poll_call() finds that they can be answered. server.c is the loop.
 *
 * All is bounded: lines, clients, calls, runs, the output held, the answers that a client
 * has not read. A client whose answers pile up is not read from, and its calls wait; others
 * go on.
 */
#ifndef MCP_H
#define MCP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cli/engine/engine.h"
#include "cli/engine/lines.h"
#include "cli/policy/policy.h"

#define MCP_LINE_MAX ((size_t)16 << 20)
#define MCP_CLIENTS_MAX 64
#define MCP_QUEUE_MAX ((size_t)1 << 20) /* bytes of answers before calls wait */
#define MCP_CALLS_MAX 256 /* a client's calls without an answer */
#define MCP_RUNS_MAX 1024 /* running, waiting or remembered */
#define MCP_BATCH_MAX 256 /* runs of one call */
#define MCP_ID_MAX 1024 /* bytes of a request's id or a progress token */
#define MCP_OUTPUT_DEFAULT ((uint64_t)256 << 10) /* bytes of each stream */
#define MCP_OUTPUT_MAX ((uint64_t)16 << 20)
#define MCP_OUTPUT_ALL ((size_t)256 << 20) /* bytes of all runs */
#define MCP_ANSWER_MAX ((uint64_t)32 << 20) /* bytes of output, as JSON */
#define MCP_SPILL_MAX ((uint64_t)1 << 30) /* bytes of a file of output */
#define MCP_WHAT_MAX \
	((size_t)1024) /* bytes of what is remembered of a command */
#define MCP_HANDLE_BYTES 16 /* random ones */

struct mcp_options {
	struct engine_options engine;
	const char *socket; /* a path; NULL: stdin and stdout */
	int64_t timeout_ns; /* deadline of runs that name none */
	int64_t timeout_most_ns; /* the latest deadline */
	int64_t wait_ns; /* how long calls wait by default */
	int64_t keep_ns; /* how long a run that has ended is remembered */
	struct policy *policy; /* NULL: none */
	bool cold; /* no program is prepared, whatever the policy says */
};

/* ---- log.c: the output of a run */

/* The first bytes and the last ones of a stream; more goes to a file, if there is one. */
struct log {
	char *head, *tail; /* .tail is a ring */
	size_t n_head, head_size, head_most;
	size_t n_tail, tail_size, tail_most, tail_end;
	uint64_t total; /* bytes that came */
	bool ended; /* no more will come */
	char *spill; /* the path of the file; NULL: none */
	int spill_fd; /* -1: not made yet, or no more */
	bool spilled; /* there is a file */
	bool spill_cut; /* it does not have all */
	int spill_folder; /* borrowed: what .spill counts from; or AT_FDCWD */
	size_t *held; /* bytes of all logs */
};

void log_begin(struct log *log, size_t most, size_t tail, size_t *held);
void log_add(struct log *log, const char *bytes, size_t n);
void log_end(struct log *log); /* no more will come: the file is closed */

/* Put all that is held and all that comes into the file, if there is to be one. */
void log_spill(struct log *log);
void log_free(struct log *log);

/* Return how many bytes from at on are gone, and cannot be read. */
uint64_t log_lost(const struct log *log, uint64_t at);

/*
 * Copy up to most bytes from at on, which are not lost.
 * Return: the number of bytes.
 */
size_t log_read(const struct log *log, uint64_t at, char *to, size_t most);

/* Tell whether bytes in the middle are gone. */
bool log_has_gap(const struct log *log);

/* ---- text.c */

/*
 * Make a string of any bytes. Those that are not UTF-8 become U+FFFD; replaced, which may
 * be NULL, tells.
 */
json_t *text_of_bytes(const char *bytes, size_t n, bool *replaced);

/* ---- run.c */

enum { MCP_OUT, MCP_ERR };

struct mcp_run {
	struct mcp_run *next, **link;
	char handle[2 * MCP_HANDLE_BYTES + 1];
	struct engine_job *job; /* NULL: it has ended, or never began */
	json_t *what; /* the beginning of its argv or command */
	json_t *facts; /* how it ended; NULL: not yet */
	json_t *error; /* why it did not begin; NULL: it did, or will */
	bool cancelled, base64, clean, kept, pty;
	bool is_shell; /* a string for the shell of the policy */
	int spill_folder; /* owned; -1: none */
	unsigned int calls; /* calls that refer to it */
	uint64_t tags; /* the last tag of input */
	uint64_t tags_done; /* the last tag that was taken, or never will be */
	int input_error; /* positive errno of that input */
	int64_t began_ns, ended_ns, deadline_ns;
	time_t began, ended; /* times by the wall clock */
	struct log log[2];
};

/* ---- client.c */

/* The versions of the protocol that this server speaks, by their names. */
enum mcp_version {
	MCP_NONE,
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28 /* without initialize: each request names it */
};

enum call_kind { CALL_RUN, CALL_BATCH, CALL_READ, CALL_WRITE, CALL_LISTEN };

/* A request that has no answer yet. */
struct mcp_call {
	struct mcp_call *next;
	enum call_kind kind;
	enum mcp_version version;
	bool tasks; /* the client knows the extension */
	bool own; /* its runs end if it is cancelled */
	bool by_end; /* results of a batch in the order of their ends */
	json_t *id, *token; /* .token: for progress; NULL: none */
	int64_t began_ns;
	int64_t until_ns; /* the end of its wait */
	int64_t progress_ns; /* the next progress; INT64_MAX: none */
	struct mcp_run **runs;
	size_t n_runs;
	uint64_t tag; /* the input that it waits for */
	uint64_t cursor; /* CALL_READ */
	size_t most;
	int stream;
	bool base64;
};

struct mcp_client {
	struct mcp_client *next;
	struct line_reader in;
	int out;
	char *queue; /* answers that were not written yet, from .at on */
	size_t at, n, size;
	enum mcp_version version; /* the one agreed by initialize */
	struct mcp_call *calls, **calls_end;
	unsigned int n_calls;
	int64_t linger_ns; /* when it is left, as it sends no more; 0: it does */
	bool unserved; /* lines of it may wait in .in */
	json_t *list; /* messages of one line, from .list_at on; NULL: none */
	size_t list_at;
	bool gone; /* it reads no more */
	bool is_socket;
};

struct mcp {
	struct engine engine;
	const struct mcp_options *options;
	struct mcp_client *clients;
	unsigned int n_clients;
	struct mcp_run *runs; /* the newest is first */
	unsigned int n_runs;
	size_t held; /* bytes of output */
	json_t *tools;
	const char **environment; /* by the policy; NULL: this process's */
	struct spawn_template_sandbox *sandbox; /* by the policy; NULL: none */
	int listener; /* -1: none */
	int64_t accept_ns; /* not to accept before then; 0: at once */
	bool changed; /* calls may be done that were not when they were last looked at */
};

struct mcp_client *client_new(struct mcp *m, int in, int out, bool is_socket);
void client_free(struct mcp *m, struct mcp_client *c);

/* Tell whether bytes or messages of a client were read that are not served yet. */
static inline bool client_has_line(const struct mcp_client *c)
{
	return c->list || c->in.start < c->in.end;
}

/* ---- send.c */

/* Send a message, and consume it. */
void client_send(struct mcp *m, struct mcp_client *c, json_t *message);

/* Write what can be written without waiting. */
void client_flush(struct mcp_client *c);

/* Tell whether answers can be made for a client: it reads those that it has. */
static inline bool client_has_room(const struct mcp_client *c)
{
	return c->n - c->at < MCP_QUEUE_MAX;
}

/* ---- rpc.c */

/* A request or notification. Pointers lead into .json. */
struct rpc {
	json_t *json, *id; /* .id NULL: a notification */
	const char *method;
	json_t *params; /* NULL: none */
	json_t *token; /* for progress; NULL: none */
	enum mcp_version version;
	bool tasks;
};

enum {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_NO_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_NO_CAPABILITY = -32021,
	RPC_NO_VERSION = -32022
};

/* Serve a line; of a list of messages, c->list is served by rpc_serve_next(). */
void rpc_serve(struct mcp *m, struct mcp_client *c, const char *line, size_t n);
void rpc_serve_next(struct mcp *m, struct mcp_client *c);

/* ---- reply.c */

/* Tell a client that a line was too long. */
void rpc_too_long(struct mcp *m, struct mcp_client *c);

/* Answer a request; object and data are consumed. id NULL: it could not be read. */
void rpc_result(struct mcp *m, struct mcp_client *c, enum mcp_version version,
		json_t *id, json_t *object);
void rpc_error(struct mcp *m, struct mcp_client *c, json_t *id, int code,
	       const char *message, json_t *data);

/* Send a notification; params is consumed. */
void rpc_notify(struct mcp *m, struct mcp_client *c, const char *method,
		json_t *params);

/* ---- version.c */

/* The name of a version, and the version of a name; MCP_NONE: unknown. */
const char *version_name(enum mcp_version version);
enum mcp_version version_of(const char *name);

/* Return this server's name and version. */
json_t *protocol_self(void);

/* ---- protocol.c: serve a request or notification */

void protocol_serve(struct mcp *m, struct mcp_client *c, const struct rpc *rpc);

/* ---- tools.c */

/* Return the tools as tools/list tells them; NULL: no memory. */
json_t *tools_make(void);

/*
 * Check the arguments of a tool, found by name.
 * Return: NULL if there is no such tool; else its name, and a complaint or none.
 */
const char *tools_check(const char *name, json_t *arguments,
			struct complaint *c);

/* ---- call.c */

/* Serve tools/call. */
void call_tool(struct mcp *m, struct mcp_client *c, const struct rpc *rpc);

/*
 * Begin a call that has no runs yet.
 * Return: NULL: the request was answered, or memory was short.
 */
struct mcp_call *call_new(struct mcp *m, struct mcp_client *c,
			  const struct rpc *rpc, enum call_kind kind);

/* Forget a call, without an answer; with end, its own runs end. */
void call_drop(struct mcp *m, struct mcp_client *c, struct mcp_call **link,
	       bool end);

/* End the call with this id, without an answer, if there is one. */
void call_cancel(struct mcp *m, struct mcp_client *c, const json_t *id);

/* ---- wait.c */

/* Answer the calls that can be answered, and tell of progress. */
void calls_poll(struct mcp *m, struct mcp_client *c, int64_t now);

/* Return when calls_poll() is due; INT64_MAX: when something happens. */
int64_t calls_due(const struct mcp_client *c);

/* ---- answer.c */

/*
 * Describe a run. weight is that of all runs of the answer, which share its room for
 * output; 0: without output. A run whose output is shortened has a handle from then on.
 */
json_t *answer_run(struct mcp_run *run, size_t weight);
size_t answer_weight(const struct mcp_run *run);

/* Describe a part of a run's output. */
json_t *answer_read(const struct mcp_run *run, const struct mcp_call *call);

/* Make the result of a tool, of structured content, which is consumed. */
json_t *answer_tool(json_t *structured, bool is_error);

/* Make that of a run, or of a call that was not understood. */
json_t *answer_tool_run(struct mcp_run *run);
json_t *answer_refused_call(const struct complaint *c);

/* ---- task.c */

/* Serve tasks/get, tasks/update and tasks/cancel. */
void task_serve(struct mcp *m, struct mcp_client *c, const struct rpc *rpc);

/* Describe a run as a task; with_result: and how it ended. */
json_t *task_of(const struct mcp *m, struct mcp_run *run, bool with_result);

/* ---- run.c */

extern const struct engine_events run_events;

/*
 * Begin a run of checked arguments, which it changes.
 * Return: NULL, with a complaint.
 */
struct mcp_run *run_begin(struct mcp *m, json_t *arguments,
			  struct complaint *c);
struct mcp_run *run_find(const struct mcp *m, const char *handle);
void run_cancel(struct mcp *m, struct mcp_run *run);

static inline bool run_is_over(const struct mcp_run *run)
{
	return run->facts || run->error;
}

/* Let a call refer to a run no more. It may be freed. */
void run_release(struct mcp *m, struct mcp_run *run);

/* Forget runs that have ended long ago. Return: when it is due again. */
int64_t runs_forget(struct mcp *m, int64_t now);
void runs_free(struct mcp *m);

/* Return the time of CLOCK_MONOTONIC in ns. */
int64_t mcp_now(void);

/* Read seconds or a duration out of arguments, without it. Return: 0 or -1. */
int take_duration(json_t *arguments, const char *key, int64_t *ns,
		  struct complaint *c);

/* ---- judge.c */

/* Judge a run whose turn has come: struct engine_events has more. */
int run_judge(struct engine *e, struct engine_job *job, struct complaint *c);

/*
 * Make what the policy has for all runs; judge_close() is due in any case.
 * Return: 0, or an exit code after a message.
 */
int judge_open(struct mcp *m);
void judge_close(struct mcp *m);

/* ---- socket.c */

/* Listen at a path. Return: 0 and m->listener; or an exit code after a message. */
int socket_listen(struct mcp *m, const char *path);
void socket_accept(struct mcp *m);
void socket_close(struct mcp *m);

/* ---- server.c. Return: the exit code; may end by a signal instead. */
int mcp_serve(const struct mcp_options *options);

#endif
