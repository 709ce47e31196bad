/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of one environment: its ring, made at the first run, and what must happen
 * when the environment ends. A Worker that is terminated runs no JavaScript any more,
 * but its cleanup hook. process.exit() runs no cleanup hook, but JavaScript's listeners
 * of 'exit', which call ring_end().
 */
#include "native.h"

/* JavaScript starts 128 runs at a time. Those that have detached are not among these. */
#define ENTRIES 1024

struct env *env_of(napi_env napi)
{
	void *data = NULL;

	napi_get_instance_data(napi, &data);
	return data;
}

int env_ring(struct env *env)
{
	int ret;

	if (env->ring)
		return 0;
	if (env->ended)
		return -ECANCELED;
	ret = spawn_template_ring_init(ENTRIES, NULL, 0, &env->ring);
	if (ret < 0)
		return ret;
	ret = wake_start(env);
	if (ret == 0)
		return 0;
	spawn_template_ring_exit(env->ring);
	env->ring = NULL;
	return ret;
}

void env_hold(struct env *env)
{
	if (env->in_flight++ == 0)
		wake_keep(env->wake, true);
}

void env_release(struct env *env)
{
	if (--env->in_flight == 0)
		wake_keep(env->wake, false);
}

void env_end(struct env *env)
{
	env->ended = true;
	if (!env->ring)
		return;
	chunks_free(env);
	wake_stop(env->wake);
	env->wake = NULL;
	spawn_template_ring_exit(env->ring);
	env->ring = NULL;
	env->in_flight = 0;
}

/* ring_start(deliver, told, useUv): said once, before the first run */
napi_value ring_start(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_typedarray_type type;
	napi_value args[3];
	size_t n = 3, len;
	void *data;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 3 || env->deliver ||
	    napi_get_typedarray_info(napi, args[1], &type, &len, &data, NULL,
				     NULL) != napi_ok ||
	    type != napi_float64_array ||
	    napi_get_value_bool(napi, args[2], &env->use_uv) != napi_ok)
		return throw_arguments(napi);
	env->numbers = data;
	napi_create_reference(napi, args[0], 1, &env->deliver);
	napi_create_reference(napi, args[1], 1, &env->told);
	return undefined_value(napi);
}

napi_value ring_end(napi_env napi, napi_callback_info info)
{
	(void)info;
	env_end(env_of(napi));
	return undefined_value(napi);
}
