/* SPDX-License-Identifier: BSD-2-Clause */
/* The addon's functions, constants, and its state for each environment. */
#include "native.h"
#include "process.h"

#define FN(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	napi_callback fn;
} functions[] = {
	FN(ring_start),	    FN(ring_run),	  FN(ring_submit),
	FN(ring_cancel),    FN(ring_write),	  FN(ring_close_input),
	FN(ring_winsize),   FN(ring_release),	  FN(ring_end),
	FN(run_sync),	    FN(template_make),	  FN(template_close),
	FN(template_check), FN(template_refresh), FN(template_stat),
	FN(cache_get),	    FN(cache_drop),	  FN(cache_set),
	FN(cache_stat),	    FN(terminal_open),	  FN(terminal_resize),
	FN(failure_text),   FN(sandbox_new),	  FN(sandbox_lost),
	FN(process_start),  FN(process_spawn),	  FN(process_kill),
	FN(process_ref),    FN(process_pidfd),	  FN(process_sync),
};

#define RUN(name) \
	{ \
		"RUN_" #name, SPAWN_TEMPLATE_RUN_##name \
	}
#define RESULT(name) \
	{ \
		"RESULT_" #name, SPAWN_TEMPLATE_RESULT_##name \
	}
#define CREATE(name) \
	{ \
		"CREATE_" #name, SPAWN_TEMPLATE_CREATE_##name \
	}
#define SANDBOX(name) \
	{ \
		"SANDBOX_" #name, SPAWN_TEMPLATE_SANDBOX_##name \
	}
#define LOST(name) \
	{ \
		"LOST_" #name, SPAWN_TEMPLATE_SANDBOX_LOST_##name \
	}
/* Flags of launches stand above bit 31, too high for JavaScript's bitwise operators. */
#define SPAWN(name) \
	{ \
		"SPAWN_" #name, SPAWN_TEMPLATE_SPAWN_##name >> 32 \
	}

static const struct {
	const char *name;
	uint64_t value;
} constants[] = {
	RUN(MERGE_STDERR),
	RUN(NO_CAPTURE),
	RUN(CGROUP),
	RUN(SUPERVISE),
	RUN(STREAM),
	RUN(OPEN_INPUT),
	RUN(TELL_ROOM),
	RUN(PTY),
	RUN(NO_ECHO),
	RUN(RAW),
	RUN(END_WITH_CALLER),
	RUN(TAIL),
	RUN(SPILL),
	RUN(DETACH_ON_TIMEOUT),
	RUN(END_LEFTOVERS),
	RUN(LIMITS),
	RESULT(TIMED_OUT),
	RESULT(OUT_TRUNCATED),
	RESULT(ERR_TRUNCATED),
	RESULT(TREE_KILLED),
	RESULT(PIPE_HELD),
	RESULT(STATUS_LOST),
	RESULT(CGROUP),
	RESULT(IDLE),
	RESULT(DETACHED),
	RESULT(NOT_KILLED),
	RESULT(SPILLED),
	RESULT(LEFTOVERS),
	RESULT(UNSEEN),
	RESULT(OOM),
	RESULT(WARM),
	CREATE(SCRIPT),
	CREATE(DENY_WRITE),
	CREATE(GUARD),
	CREATE(NO_GUARD),
	CREATE(WARM_ONCE),
	CREATE(WARM_FORK),
	CREATE(AUTO_REFRESH),
	CREATE(WARM_RUNTIME),
	{ "CACHE_RUNS", CACHE_RUNS },
	{ "CACHE_CHILDREN", CACHE_CHILDREN },
	{ "LAUNCH_SESSION", LAUNCH_SESSION },
	{ "LAUNCH_TERMINAL", LAUNCH_TERMINAL },
	{ "LAUNCH_STDIO_ONLY", LAUNCH_STDIO_ONLY },
	SPAWN(NO_NEW_PRIVS),
	SPAWN(DIE_WITH_PARENT),
	SANDBOX(NO_NET),
	SANDBOX(CONNECT),
	SANDBOX(BIND),
	SANDBOX(SIGNALS),
	SANDBOX(ABSTRACT),
	SANDBOX(NO_DEVICES),
	SANDBOX(BEST_EFFORT),
	LOST(FILES),
	LOST(TRUNCATE),
	LOST(TCP),
	LOST(SIGNALS),
	LOST(ABSTRACT),
	LOST(NET),
	LOST(RENAME),
	LOST(IOCTL),
	LOST(SOCKETS),
};

/* The last thing that happens in an environment, also in a terminated Worker. */
static void finalize(napi_env napi, void *data, void *hint)
{
	struct env *env = data;

	(void)napi;
	(void)hint;
	env_end(env);
	owned_close_all(env);
	for (size_t i = 0; i < CACHES; i++)
		spawn_template_cache_free(env->caches[i]);
	free(env);
}

static bool set_all(napi_env napi, napi_value exports)
{
	napi_value value;

	for (size_t i = 0; i < COUNT(functions); i++) {
		if (napi_create_function(napi, functions[i].name,
					 NAPI_AUTO_LENGTH, functions[i].fn,
					 NULL, &value) != napi_ok ||
		    napi_set_named_property(napi, exports, functions[i].name,
					    value) != napi_ok)
			return false;
	}
	for (size_t i = 0; i < COUNT(constants); i++)
		if (napi_set_named_property(
			    napi, exports, constants[i].name,
			    number_value(napi, (double)constants[i].value)) !=
		    napi_ok)
			return false;
	return napi_set_named_property(napi, exports, "run_numbers",
				       run_number_names(napi)) == napi_ok &&
	       napi_set_named_property(napi, exports, "told_numbers",
				       told_names(napi)) == napi_ok;
}

NAPI_MODULE_INIT()
{
	struct env *state = calloc(1, sizeof(*state));

	if (!state) {
		napi_throw_error(env, "ENOMEM",
				 "spawn_template: out of memory");
		return NULL;
	}
	state->napi = env;
	if (napi_set_instance_data(env, state, finalize, NULL) != napi_ok) {
		free(state);
		return throw_arguments(env);
	}
	return set_all(env, exports) ? exports : throw_arguments(env);
}
