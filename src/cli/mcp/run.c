/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs: each has a handle that nobody can guess, a deadline, and its output within bounds.
 * A run whose handle was given away is remembered for a time after its end; others as
 * long as a call refers to them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cli/mcp/mcp.h"
#include "cli/mcp/words.h"

#define WAITING_MAX ((size_t)64 << 20) /* bytes of requests that wait */

int64_t mcp_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- events of the engine */

static struct mcp_run *run_of(const struct engine_job *job)
{
	return job->owner;
}

/* Have the calls of all clients looked at once more. */
static void note_change(struct engine *e)
{
	struct mcp *m = e->owner;

	m->changed = true;
}

static void close_spill(struct mcp_run *run)
{
	if (run->spill_folder < 0)
		return;
	close(run->spill_folder);
	run->spill_folder = -1;
	for (int i = 0; i < 2; i++)
		run->log[i].spill_folder = -1;
}

/* Tell whether an answer without room for all output may still make a file of it. */
static bool may_spill(const struct log *log)
{
	return log->total && !log->spilled && !log->spill_cut;
}

static void end_run(struct engine *e, struct mcp_run *run)
{
	run->ended_ns = mcp_now();
	run->ended = time(NULL);
	for (int i = 0; i < 2; i++)
		log_end(&run->log[i]);
	if (!may_spill(&run->log[MCP_OUT]) && !may_spill(&run->log[MCP_ERR]))
		close_spill(run);
	note_change(e);
	if (!run_is_over(run))
		engine_no_memory(e);
}

static void refused(struct engine *e, struct engine_job *job,
		    const struct complaint *c)
{
	run_of(job)->error = error_json(c->error, c->text);
	end_run(e, run_of(job));
}

static void failed(struct engine *e, struct engine_job *job, int error,
		   uint32_t flags)
{
	run_of(job)->error = job_failure_json(job, error, flags);
	end_run(e, run_of(job));
}

static void ended(struct engine *e, struct engine_job *job,
		  const struct spawn_template_cqe *cqe)
{
	struct mcp_run *run = run_of(job);

	run->facts = result_json(cqe->result, cqe->pid, &job->form);
	run->cancelled |= cqe->res == -ECANCELED;
	end_run(e, run);
}

static void detached(struct engine *e, struct engine_job *job,
		     const struct spawn_template_cqe *cqe)
{
	(void)e, (void)job, (void)cqe; /* no run asks for that */
}

static void output(struct engine *e, struct engine_job *job,
		   const struct spawn_template_cqe *cqe)
{
	(void)e;
	log_add(&run_of(job)->log[cqe->kind == SPAWN_TEMPLATE_CQE_ERR],
		cqe->data, cqe->data_len);
}

static void took_input(struct engine *e, struct engine_job *job,
		       const struct engine_input *input, int error,
		       const char *message)
{
	struct mcp_run *run = run_of(job);

	(void)message;
	note_change(e);
	run->tags_done = input->tag;
	if (error)
		run->input_error = error;
}

static void freed(struct engine_job *job)
{
	run_of(job)->job = NULL;
}

const struct engine_events run_events = {
	.judge = run_judge,
	.refused = refused,
	.failed = failed,
	.ended = ended,
	.detached = detached,
	.output = output,
	.input = took_input,
	.freed = freed,
};

/* ---- arguments that the engine does not know */

int take_duration(json_t *arguments, const char *key, int64_t *ns,
		  struct complaint *c)
{
	json_t *value = json_object_get(arguments, key);
	const char *text = json_string_value(value);
	double s = json_number_value(value);
	bool right = true;

	if (json_is_number(value) && s >= 0 && s < 1e9)
		*ns = whole_ns(s * 1e9);
	else if (value)
		right = text && !parse_duration(text, ns);
	if (!right)
		return complain(c, EINVAL,
				"\"%s\" must be seconds or a duration such as "
				"\"500ms\"",
				key);
	json_object_del(arguments, key);
	return 0;
}

static int take_size(json_t *arguments, const char *key, uint64_t *size,
		     struct complaint *c)
{
	json_t *value = json_object_get(arguments, key);
	const char *text = json_string_value(value);
	json_int_t n = json_integer_value(value);

	if (n > 0)
		*size = (uint64_t)n;
	else if (value && (!text || parse_size(text, size)))
		return complain(c, EINVAL,
				"\"%s\" must be bytes or a size such as "
				"\"64K\"",
				key);
	json_object_del(arguments, key);
	return 0;
}

static bool take_flag(json_t *arguments, const char *key)
{
	bool is_set = json_is_true(json_object_get(arguments, key));

	json_object_del(arguments, key);
	return is_set;
}

/* A shell sets PWD to the folder; the caller may have another in mind. */
static void set_folder(json_t *arguments, const char *cwd)
{
	json_t *set = json_object_get(arguments, "setenv");

	if (!cwd || json_object_get(json_object_get(arguments, "env"), "PWD") ||
	    json_object_get(set, "PWD"))
		return;
	if (!set && !json_object_set_new(arguments, "setenv", json_object()))
		set = json_object_get(arguments, "setenv");
	json_object_set_new(set, "PWD", json_string(cwd));
}

/*
 * Make an array of the words of a command, if it has nothing else and needs no shell.
 * Return: NULL: it is for a shell.
 */
static json_t *words_of(json_t *arguments, const json_t *command)
{
	const char *cwd = json_string_value(json_object_get(arguments, "cwd"));
	const char **words;
	json_t *argv;

	if ((cwd && *cwd != '/') ||
	    words_split(json_string_value(command), json_string_length(command),
			&words))
		return NULL;
	argv = json_array();
	for (size_t i = 0; words[i]; i++)
		json_array_append_new(argv, json_string(words[i]));
	free(words);
	set_folder(arguments, cwd);
	return argv;
}

/* Return the beginning of a text, and note how many bytes more may be kept. */
static json_t *begin_text(const json_t *text, size_t *left)
{
	size_t n = json_string_length(text);

	if (n > *left) {
		n = *left -
		    result_cut_character(json_string_value(text), *left);
		*left = 0;
	} else {
		*left -= n;
	}
	return json_stringn(json_string_value(text), n);
}

/* What list tells of a run: 16 MiB are not kept for each of those that are remembered. */
static json_t *what_runs(const json_t *command, const json_t *argv)
{
	size_t left = MCP_WHAT_MAX;
	json_t *words;

	if (command)
		return json_pack("{s:o}", "command",
				 begin_text(command, &left));
	words = json_array();
	for (size_t i = 0; i < json_array_size(argv) && left; i++) {
		json_array_append_new(
			words, begin_text(json_array_get(argv, i), &left));
		left -= left > 0; /* for empty ones */
	}
	return json_pack("{s:o}", "argv", words);
}

/* Make the argv of a command: its own words, or a shell's. */
static int take_command(const struct mcp *m, json_t *arguments,
			struct mcp_run *run, struct complaint *c)
{
	const struct policy *policy = m->options->policy;
	const char *own = policy ? policy_shell(policy) : "/bin/sh";
	json_t *command = json_object_get(arguments, "command");
	json_t *shell = json_object_get(arguments, "shell"), *argv = NULL;

	if (!command && shell)
		return complain(c, EINVAL, "\"shell\" needs \"command\"");
	if (!command == !json_object_get(arguments, "argv"))
		return complain(c, EINVAL,
				"either \"argv\" or \"command\" is needed");
	run->what = what_runs(command, json_object_get(arguments, "argv"));
	if (command && !shell)
		argv = words_of(arguments, command);
	run->is_shell = command && !argv &&
			(!shell || strcmp(json_string_value(shell), own) == 0);
	if (command && !argv)
		argv = json_pack("[s, s, O]",
				 shell ? json_string_value(shell) : own, "-c",
				 command);
	if (command)
		json_object_set_new(arguments, "argv", argv);
	json_object_del(arguments, "command");
	json_object_del(arguments, "shell");
	return run->what ? 0 : complain(c, ENOMEM, "out of memory");
}

/* A run without an end cannot be asked for. */
static int take_deadline(struct mcp *m, json_t *arguments, struct mcp_run *run,
			 struct complaint *c)
{
	int64_t timeout = m->options->timeout_ns;

	if (take_duration(arguments, "timeout", &timeout, c))
		return -1;
	if (m->options->policy && timeout > m->options->timeout_most_ns)
		timeout = m->options->timeout_most_ns;
	if (timeout <= 0 || timeout > m->options->timeout_most_ns)
		return complain(
			c, EINVAL,
			"\"timeout\" must be more than 0, and up to "
			"%lld seconds here",
			(long long)(m->options->timeout_most_ns / 1000000000));
	json_object_set_new(arguments, "timeout",
			    json_real((double)timeout / 1e9));
	run->deadline_ns = mcp_now() + timeout;
	return 0;
}

/* Open the folder that was judged, for the files to be made in that one. */
static int judge_spill(struct mcp *m, struct mcp_run *run, const char *folder,
		       struct complaint *c)
{
	struct policy_answer a;
	int err = policy_open_output(m->options->policy, folder,
				     &run->spill_folder, &a);

	if (err)
		complain(c, -err, "\"spill\": %s", a.text);
	policy_answer_free(&a);
	run->log[MCP_OUT].spill_folder = run->spill_folder;
	run->log[MCP_ERR].spill_folder = run->spill_folder;
	return err;
}

static int set_spill(struct mcp *m, struct mcp_run *run, const char *folder,
		     struct complaint *c)
{
	if (!folder)
		return 0;
	if (*folder != '/')
		return complain(c, EINVAL,
				"\"spill\" is no absolute directory");
	if (m->options->policy && judge_spill(m, run, folder, c))
		return -1;
	for (int i = 0; i < 2; i++)
		if (asprintf(&run->log[i].spill, "%s/%s.%s", folder,
			     run->handle, i == MCP_ERR ? "err" : "out") < 0) {
			run->log[i].spill = NULL;
			return complain(c, ENOMEM, "out of memory");
		}
	return 0;
}

static int take_output(struct mcp *m, json_t *arguments, struct mcp_run *run,
		       struct complaint *c)
{
	uint64_t most = MCP_OUTPUT_DEFAULT, tail = 0;
	uint64_t bound = m->options->engine.max_output;
	json_t *spill = json_object_get(arguments, "spill");

	bound = bound ? bound : MCP_OUTPUT_MAX;
	most = most < bound ? most : bound;
	if (take_size(arguments, "max_output", &most, c) ||
	    take_size(arguments, "tail", &tail, c))
		return -1;
	if (m->options->policy && most > bound) {
		most = bound;
		tail = tail < most ? tail : most;
	}
	if (most > bound)
		return complain(c, EINVAL,
				"\"max_output\" may be up to %llu here",
				(unsigned long long)bound);
	if (tail > most)
		return complain(c, EINVAL,
				"\"tail\" is more than \"max_output\"");
	tail = tail ? tail : most / 2;
	for (int i = 0; i < 2; i++)
		log_begin(&run->log[i], most, tail, &m->held);
	if (set_spill(m, run, json_string_value(spill), c))
		return -1;
	json_object_del(arguments, "spill");
	run->base64 = take_flag(arguments, "base64");
	run->clean = take_flag(arguments, "clean");
	if (run->base64 && run->clean)
		return complain(c, EINVAL,
				"\"clean\" and \"base64\" are not for the "
				"same run");
	return 0;
}

/* ---- beginning */

static int make_handle(char handle[2 * MCP_HANDLE_BYTES + 1])
{
	unsigned char bytes[MCP_HANDLE_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(handle + 2 * i, "%02x", bytes[i]);
	return 0;
}

static void free_run(struct mcp *m, struct mcp_run *run)
{
	if (run->link) {
		*run->link = run->next;
		if (run->next)
			run->next->link = run->link;
		m->n_runs--;
	}
	json_decref(run->what);
	json_decref(run->facts);
	json_decref(run->error);
	for (int i = 0; i < 2; i++)
		if (run->log[i].held)
			log_free(&run->log[i]);
	close_spill(run);
	free(run);
}

/* Forget the run that ended first, if one has. */
static void make_room(struct mcp *m)
{
	struct mcp_run *oldest = NULL;

	for (struct mcp_run *run = m->runs; run; run = run->next)
		if (run_is_over(run) && !run->calls && !run->job &&
		    (!oldest || run->ended_ns < oldest->ended_ns))
			oldest = run;
	if (oldest)
		free_run(m, oldest);
}

static struct mcp_run *new_run(struct mcp *m, struct complaint *c)
{
	struct mcp_run *run;

	if (m->n_runs >= MCP_RUNS_MAX)
		make_room(m);
	if (m->n_runs >= MCP_RUNS_MAX || m->engine.ahead > WAITING_MAX) {
		complain(c, EAGAIN,
			 "%u programs run or wait for their turn: wait for "
			 "some to end",
			 m->n_runs);
		return NULL;
	}
	run = calloc(1, sizeof(*run));
	if (run)
		run->spill_folder = -1;
	if (!run || make_handle(run->handle)) {
		free(run);
		complain(c, ENOMEM, "out of memory");
		return NULL;
	}
	return run;
}

static void link_run(struct mcp *m, struct mcp_run *run)
{
	run->next = m->runs;
	run->link = &m->runs;
	if (run->next)
		run->next->link = &run->next;
	m->runs = run;
	m->n_runs++;
}

/* Read the arguments and let the run wait for its turn. Return: 0 or -1. */
static int add_run(struct mcp *m, struct mcp_run *run, json_t *arguments,
		   struct complaint *c)
{
	struct request r;
	int err;

	request_begin(&r, json_dumpb(arguments, NULL, 0, JSON_COMPACT));
	r.json = json_incref(arguments);
	if (m->environment) {
		r.own = (char *const *)m->environment;
		r.fixed = policy_variables(m->options->policy);
	}
	err = request_read_object(&r, c);
	run->pty = r.run_flags & SPAWN_TEMPLATE_RUN_PTY;
	if (!err) {
		run->job = job_add(&m->engine, &r, run);
		if (!run->job)
			err = complain(c, ENOMEM, "out of memory");
	}
	request_free(&r);
	return err;
}

struct mcp_run *run_begin(struct mcp *m, json_t *arguments, struct complaint *c)
{
	struct mcp_run *run = new_run(m, c);

	if (!run)
		return NULL;
	if (take_command(m, arguments, run, c) ||
	    take_deadline(m, arguments, run, c) ||
	    take_output(m, arguments, run, c) ||
	    json_object_set_new(arguments, "stream", json_true()) ||
	    add_run(m, run, arguments, c)) {
		free_run(m, run);
		return NULL;
	}
	run->began_ns = mcp_now();
	run->began = time(NULL);
	run->calls = 1;
	link_run(m, run);
	job_start_some(&m->engine);
	return run;
}

/* ---- afterwards */

struct mcp_run *run_find(const struct mcp *m, const char *handle)
{
	for (struct mcp_run *run = m->runs; run; run = run->next)
		if (run->kept && strcmp(run->handle, handle) == 0)
			return run;
	return NULL;
}

void run_cancel(struct mcp *m, struct mcp_run *run)
{
	if (!run->job || run_is_over(run))
		return;
	run->cancelled = true;
	job_cancel(&m->engine, run->job);
}

static bool is_forgotten(const struct mcp *m, const struct mcp_run *run,
			 int64_t now)
{
	return !run->calls && !run->job && run_is_over(run) &&
	       (!run->kept || now - run->ended_ns >= m->options->keep_ns);
}

void run_release(struct mcp *m, struct mcp_run *run)
{
	run->calls--;
	if (is_forgotten(m, run, mcp_now()))
		free_run(m, run);
}

int64_t runs_forget(struct mcp *m, int64_t now)
{
	int64_t due = INT64_MAX;

	for (struct mcp_run *run = m->runs, *next; run; run = next) {
		next = run->next;
		if (is_forgotten(m, run, now))
			free_run(m, run);
		else if (run_is_over(run) && run->kept &&
			 run->ended_ns + m->options->keep_ns < due)
			due = run->ended_ns + m->options->keep_ns;
	}
	return due;
}

void runs_free(struct mcp *m)
{
	while (m->runs)
		free_run(m, m->runs);
}
