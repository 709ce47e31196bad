/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hands completions to JavaScript: those that wait, in one turn of the loop. The numbers
 * of a completion go through an array that both sides see, so that a completion makes
 * no JavaScript value but its output.
 */
#include "native.h"

/* Output from this size on is handed over, and not copied, where that is allowed. */
#define EXTERNAL_SIZE (64U << 10)

/*
 * One turn of the loop hands over no more than this, since a program may write faster
 * than JavaScript takes.
 */
#define TURN_BYTES (1U << 20)
#define TURN_COMPLETIONS 256

/* A piece of output that JavaScript has yet to use: its room is given back then. */
struct chunk {
	struct chunk *next;
	struct spawn_template_cqe *cqe;
	double id;
};

/* ---- numbers */

enum told {
	TOLD_RES,
	TOLD_STAGE,
	TOLD_ACTION,
	TOLD_DONE,
	TOLD_CODE,
	TOLD_SIGNAL,
	TOLD_FLAGS,
	TOLD_PID,
	TOLD_SPAWN_NS,
	TOLD_TOTAL_NS,
	TOLD_OUT_TOTAL,
	TOLD_ERR_TOTAL,
	TOLD_USER_US,
	TOLD_SYSTEM_US,
	TOLD_MAX_RSS_KIB,
	TOLD_MINOR_FAULTS,
	TOLD_MAJOR_FAULTS,
	TOLD_BLOCK_INPUTS,
	TOLD_BLOCK_OUTPUTS,
	TOLD_VOLUNTARY,
	TOLD_INVOLUNTARY,
	TOLD_MEMORY_PEAK,
	TOLD_CPU_US,
	TOLD_LEFTOVERS,
};

static const char *const told[] = {
	[TOLD_RES] = "res",
	[TOLD_STAGE] = "stage",
	[TOLD_ACTION] = "action",
	[TOLD_DONE] = "done",		/* there is a result */
	[TOLD_CODE] = "code",
	[TOLD_SIGNAL] = "signal",
	[TOLD_FLAGS] = "flags",
	[TOLD_PID] = "pid",
	[TOLD_SPAWN_NS] = "spawnNs",
	[TOLD_TOTAL_NS] = "totalNs",
	[TOLD_OUT_TOTAL] = "outTotal",
	[TOLD_ERR_TOTAL] = "errTotal",
	[TOLD_USER_US] = "userUs",
	[TOLD_SYSTEM_US] = "systemUs",
	[TOLD_MAX_RSS_KIB] = "maxRssKib",
	[TOLD_MINOR_FAULTS] = "minorFaults",
	[TOLD_MAJOR_FAULTS] = "majorFaults",
	[TOLD_BLOCK_INPUTS] = "blockInputs",
	[TOLD_BLOCK_OUTPUTS] = "blockOutputs",
	[TOLD_VOLUNTARY] = "voluntary",
	[TOLD_INVOLUNTARY] = "involuntary",
	[TOLD_MEMORY_PEAK] = "memoryPeak",
	[TOLD_CPU_US] = "cpuUs",
	[TOLD_LEFTOVERS] = "leftovers",
};

napi_value told_names(napi_env napi)
{
	napi_value list, name;

	napi_create_array(napi, &list);
	for (uint32_t i = 0; i < COUNT(told); i++) {
		napi_create_string_utf8(napi, told[i], NAPI_AUTO_LENGTH, &name);
		napi_set_element(napi, list, i, name);
	}
	return list;
}

void tell_failure(struct env *env, int res, uint32_t stage, uint32_t action)
{
	env->numbers[TOLD_RES] = res;
	env->numbers[TOLD_STAGE] = stage;
	env->numbers[TOLD_ACTION] = action;
	env->numbers[TOLD_DONE] = 0;
	env->numbers[TOLD_PID] = -1;
}

void tell_result(struct env *env, const struct spawn_template_result *r)
{
	double *to = env->numbers;

	to[TOLD_DONE] = 1;
	to[TOLD_CODE] = r->code;
	to[TOLD_SIGNAL] = r->signal;
	to[TOLD_FLAGS] = r->flags;
	to[TOLD_SPAWN_NS] = (double)r->spawn_ns;
	to[TOLD_TOTAL_NS] = (double)r->total_ns;
	to[TOLD_OUT_TOTAL] = (double)r->out_total;
	to[TOLD_ERR_TOTAL] = (double)r->err_total;
	to[TOLD_USER_US] = (double)r->user_us;
	to[TOLD_SYSTEM_US] = (double)r->system_us;
	to[TOLD_MAX_RSS_KIB] = (double)r->max_rss_kib;
	to[TOLD_MINOR_FAULTS] = (double)r->minor_faults;
	to[TOLD_MAJOR_FAULTS] = (double)r->major_faults;
	to[TOLD_BLOCK_INPUTS] = (double)r->block_inputs;
	to[TOLD_BLOCK_OUTPUTS] = (double)r->block_outputs;
	to[TOLD_VOLUNTARY] = (double)r->voluntary_switches;
	to[TOLD_INVOLUNTARY] = (double)r->involuntary_switches;
	to[TOLD_MEMORY_PEAK] = (double)r->memory_peak;
	to[TOLD_CPU_US] = (double)r->cpu_us;
	to[TOLD_LEFTOVERS] = r->leftovers;
}

/* ---- output */

static void free_text(napi_env napi, void *data, void *hint)
{
	(void)napi;
	(void)hint;
	free(data);
}

/*
 * Makes a value of output, null if it was not captured. A large Buffer takes the
 * memory over, and sets *text to NULL.
 */
napi_value output_value(napi_env napi, char **text, size_t len, bool as_text)
{
	napi_value value = NULL;

	if (!*text) {
		napi_get_null(napi, &value);
	} else if (as_text) {
		/* longer than a string may be: a Buffer, which JavaScript refuses */
		if (napi_create_string_utf8(napi, *text, len, &value) ==
		    napi_ok)
			return value;
		as_text = false;
	}
	if (value)
		return value;
	if (len >= EXTERNAL_SIZE &&
	    napi_create_external_buffer(napi, len, *text, free_text, NULL,
					&value) == napi_ok) {
		*text = NULL;
		return value;
	}
	napi_create_buffer_copy(napi, len, *text, NULL, &value);
	return value;
}

/* ---- chunks */

/* There may be thousands for each stream that nobody reads, if a program writes by bytes. */
static struct chunk **chunk_list(struct env *env, double id)
{
	return &env->chunks[(uint64_t)id % CHUNK_LISTS];
}

static double chunk_keep(struct env *env, struct spawn_template_cqe *cqe)
{
	static _Atomic uint64_t last;
	struct chunk **list, *chunk = malloc(sizeof(*chunk));

	if (!chunk)
		return 0;
	chunk->cqe = cqe;
	chunk->id = (double)++last;
	list = chunk_list(env, chunk->id);
	chunk->next = *list;
	*list = chunk;
	return chunk->id;
}

void chunks_free(struct env *env)
{
	for (size_t i = 0; i < CHUNK_LISTS; i++) {
		while (env->chunks[i]) {
			struct chunk *chunk = env->chunks[i];

			env->chunks[i] = chunk->next;
			spawn_template_ring_seen(env->ring, chunk->cqe);
			free(chunk);
		}
	}
}

/* ring_release(id): the output with this number was used */
napi_value ring_release(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value arg;
	size_t n = 1;
	double id;

	napi_get_cb_info(napi, info, &n, &arg, NULL, NULL);
	if (napi_get_value_double(napi, arg, &id) != napi_ok ||
	    !(id >= 0 && id < 9e15))
		return throw_arguments(napi);
	for (struct chunk **at = chunk_list(env, id); *at; at = &(*at)->next) {
		struct chunk *chunk = *at;

		if (chunk->id != id)
			continue;
		*at = chunk->next;
		spawn_template_ring_seen(env->ring, chunk->cqe);
		free(chunk);
		break;
	}
	return undefined_value(napi);
}

/* ---- completions */

/* Calls deliver(id, kind, out, err, held). It throws only if it has a bug. */
static void call(struct env *env, napi_value *args)
{
	napi_value fn, self, exception;
	bool pending = false;

	napi_get_reference_value(env->napi, env->deliver, &fn);
	napi_get_undefined(env->napi, &self);
	napi_call_function(env->napi, self, fn, 5, args, NULL);
	napi_is_exception_pending(env->napi, &pending);
	if (!pending)
		return;
	napi_get_and_clear_last_exception(env->napi, &exception);
	napi_fatal_exception(env->napi, exception);
}

static void deliver_output(struct env *env, struct spawn_template_cqe *cqe,
			   napi_value *args)
{
	double held = 0;

	napi_create_buffer_copy(env->napi, cqe->data_len, cqe->data, NULL,
				&args[2]);
	args[3] = undefined_value(env->napi);
	if (cqe->user_data & ID_HOLD)
		held = chunk_keep(env, cqe);
	args[4] = number_value(env->napi, held);
	if (held == 0)
		spawn_template_ring_seen(env->ring, cqe);
	call(env, args);
}

static void deliver_result(struct env *env, struct spawn_template_cqe *cqe,
			   napi_value *args)
{
	struct spawn_template_result *r = cqe->result;
	bool as_text = cqe->user_data & ID_TEXT;

	tell_failure(env, cqe->res, SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
		     SPAWN_TEMPLATE_CQE_ACTION(cqe->flags));
	env->numbers[TOLD_PID] = cqe->pid;
	args[2] = args[3] = args[4] = undefined_value(env->napi);
	if (r) {
		tell_result(env, r);
		args[2] = output_value(env->napi, &r->out, r->out_len, as_text);
		args[3] = output_value(env->napi, &r->err, r->err_len, as_text);
	}
	if (cqe->kind == SPAWN_TEMPLATE_CQE_END)
		env_release(env);
	spawn_template_ring_seen(env->ring, cqe);
	call(env, args);
}

void drain(struct env *env)
{
	struct spawn_template_cqe *cqe;
	napi_handle_scope scope;
	napi_value args[5];
	size_t n = 0, bytes = 0;

	/* a callback may end the ring; what is left keeps its descriptor readable */
	while (n++ < TURN_COMPLETIONS && bytes < TURN_BYTES && env->ring &&
	       spawn_template_ring_wait(env->ring, &cqe, 0) == 0) {
		bytes += cqe->data_len;
		napi_open_handle_scope(env->napi, &scope);
		args[0] = number_value(env->napi, (double)cqe->user_data);
		args[1] = number_value(env->napi, cqe->kind);
		if (cqe->kind == SPAWN_TEMPLATE_CQE_OUT ||
		    cqe->kind == SPAWN_TEMPLATE_CQE_ERR)
			deliver_output(env, cqe, args);
		else
			deliver_result(env, cqe, args);
		napi_close_handle_scope(env->napi, scope);
	}
}
