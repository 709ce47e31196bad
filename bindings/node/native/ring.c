/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that do not block: queued in the environment's ring. */
#include "native.h"

/* Reads the number of a run. Returns whether it is one. */
static bool take_id(napi_env napi, napi_value value, uint64_t *id)
{
	double number;

	if (napi_get_value_double(napi, value, &number) != napi_ok ||
	    !(number >= 0 && number < 9e15))
		return false;
	*id = (uint64_t)number;
	return true;
}

/* ring_run(id, tfd, argv, env, cwd, input, numbers, sandbox): 0 or -errno */
napi_value ring_run(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2 + RUN_VALUES];
	size_t n = COUNT(args);
	struct run run;
	uint64_t id;
	int32_t tfd;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != COUNT(args) || !take_id(napi, args[0], &id) ||
	    napi_get_value_int32(napi, args[1], &tfd) != napi_ok)
		return throw_arguments(napi);
	ret = env_ring(env);
	if (ret < 0)
		return number_value(napi, ret);
	ret = run_take(&run, napi, args + 2);
	if (ret == 0)
		ret = spawn_template_ring_run(env->ring, tfd, &run.args,
					      sizeof(run.args), id);
	run_free(&run);
	if (ret == 0)
		env_hold(env);
	return number_value(napi, ret);
}

napi_value ring_submit(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);

	(void)info;
	return number_value(
		napi, env->ring ? spawn_template_ring_submit(env->ring) : 0);
}

/* Calls a function of the ring that takes the number of a run: name(id). */
static napi_value by_id(napi_env napi, napi_callback_info info,
			int (*fn)(struct spawn_template_ring *, uint64_t))
{
	struct env *env = env_of(napi);
	napi_value arg;
	size_t n = 1;
	uint64_t id;

	napi_get_cb_info(napi, info, &n, &arg, NULL, NULL);
	if (!take_id(napi, arg, &id))
		return throw_arguments(napi);
	return number_value(napi, env->ring ? fn(env->ring, id) : -ENOENT);
}

napi_value ring_cancel(napi_env napi, napi_callback_info info)
{
	return by_id(napi, info, spawn_template_ring_cancel);
}

napi_value ring_close_input(napi_env napi, napi_callback_info info)
{
	return by_id(napi, info, spawn_template_ring_close_input);
}

/* ring_write(id, Buffer, from): the number of bytes taken, or -errno */
napi_value ring_write(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[3];
	size_t n = 3, len;
	uint32_t from;
	uint64_t id;
	void *data;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 3 || !take_id(napi, args[0], &id) ||
	    napi_get_buffer_info(napi, args[1], &data, &len) != napi_ok ||
	    napi_get_value_uint32(napi, args[2], &from) != napi_ok ||
	    from >= len)
		return throw_arguments(napi);
	if (!env->ring)
		return number_value(napi, -ENOENT);
	return number_value(napi, spawn_template_ring_write(env->ring, id,
							    (char *)data + from,
							    len - from));
}

/* ring_winsize(id, winsize): 0 or -errno */
napi_value ring_winsize(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2];
	uint32_t winsize;
	size_t n = 2;
	uint64_t id;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || !take_id(napi, args[0], &id) ||
	    napi_get_value_uint32(napi, args[1], &winsize) != napi_ok)
		return throw_arguments(napi);
	if (!env->ring)
		return number_value(napi, -ENOENT);
	return number_value(
		napi, spawn_template_ring_winsize(env->ring, id, winsize));
}
