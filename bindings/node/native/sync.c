/* SPDX-License-Identifier: BSD-2-Clause */
/* A run that blocks the thread, as child_process.spawnSync does. */
#include "native.h"

/* Hands a part of the output to JavaScript while the program runs. */
struct stream {
	napi_env napi;
	napi_value fn;
};

static int on_output(void *data, uint32_t kind, const void *bytes, size_t len)
{
	struct stream *s = data;
	napi_value args[2], self;
	napi_handle_scope scope;
	int ret;

	napi_open_handle_scope(s->napi, &scope);
	napi_create_buffer_copy(s->napi, len, bytes, NULL, &args[0]);
	args[1] = number_value(s->napi, kind);
	napi_get_undefined(s->napi, &self);
	/* what it throws ends the run, and then run_sync() throws it */
	ret = napi_call_function(s->napi, self, s->fn, 2, args, NULL) == napi_ok
		      ? 0
		      : 1;
	napi_close_handle_scope(s->napi, scope);
	return ret;
}

static napi_value outputs(struct env *env, struct spawn_template_result *r,
			  bool as_text)
{
	napi_value list;

	tell_result(env, r);
	napi_create_array_with_length(env->napi, 2, &list);
	napi_set_element(env->napi, list, 0,
			 output_value(env->napi, &r->out, r->out_len, as_text));
	napi_set_element(env->napi, list, 1,
			 output_value(env->napi, &r->err, r->err_len, as_text));
	spawn_template_result_free(r);
	return list;
}

/*
 * run_sync(asText, onOutput, tfd, argv, env, cwd, input, numbers, sandbox): [out, err];
 * undefined if there is no result. The array of numbers has the rest.
 */
napi_value run_sync(napi_env napi, napi_callback_info info)
{
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_result result;
	struct env *env = env_of(napi);
	napi_value args[3 + RUN_VALUES];
	size_t n = COUNT(args);
	struct stream stream;
	napi_valuetype type;
	struct run run;
	bool as_text;
	int32_t tfd;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != COUNT(args) || !env->deliver ||
	    napi_get_value_bool(napi, args[0], &as_text) != napi_ok ||
	    napi_typeof(napi, args[1], &type) != napi_ok ||
	    napi_get_value_int32(napi, args[2], &tfd) != napi_ok)
		return throw_arguments(napi);
	ret = run_take(&run, napi, args + 3);
	stream = (struct stream){ .napi = napi, .fn = args[1] };
	if (type == napi_function) {
		run.args.on_output = (uintptr_t)on_output;
		run.args.on_output_data = (uintptr_t)&stream;
	}
	run.args.spawn.failure = (uintptr_t)&failure;
	if (ret == 0)
		ret = spawn_template_run(tfd, &run.args, sizeof(run.args),
					 &result, sizeof(result));
	run_free(&run);
	tell_failure(env, ret, failure.stage, failure.action);
	return ret < 0 ? undefined_value(napi) : outputs(env, &result, as_text);
}
