/* SPDX-License-Identifier: BSD-2-Clause */
/* The caches of templates that runs, and children of child_process, look up by name. */
#include "native.h"

/* Prepared processes wait so long for the next launch of their program. */
#define HOLD_NS 60000000000ULL

static bool take_cache(napi_env napi, napi_value value, int32_t *which)
{
	return napi_get_value_int32(napi, value, which) == napi_ok &&
	       *which >= 0 && *which < CACHES;
}

static int cache_of(struct env *env, int which,
		    struct spawn_template_cache **cache)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	int ret = 0;

	params.create_flags = SPAWN_TEMPLATE_CREATE_SCRIPT |
			      SPAWN_TEMPLATE_CREATE_AUTO_REFRESH |
			      env->cache_flags[which];
	if (env->cache_flags[which])
		params.hold_ns = HOLD_NS;
	if (!env->caches[which])
		ret = spawn_template_cache_new(&params, sizeof(params),
					       &env->caches[which]);
	*cache = env->caches[which];
	return ret;
}

/* cache_get(cache, name, path): fd or -errno; cache_drop(cache, fd) gives it back */
napi_value cache_get(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	struct spawn_template_cache *cache = NULL;
	struct text name, path;
	napi_value args[3];
	size_t n = 3;
	int32_t which;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 3 || !take_cache(napi, args[0], &which))
		return throw_arguments(napi);
	ret = text_take(&name, napi, args[1]);
	ret = text_take(&path, napi, args[2]) < 0 ? -EINVAL : ret;
	if (ret == 0)
		ret = cache_of(env, which, &cache);
	if (ret == 0)
		ret = name.at ? spawn_template_cache_get(cache, name.at,
							 path.at)
			      : -EINVAL;
	text_free(&name);
	text_free(&path);
	if (ret >= 0 && owned_add(env, ret, which) < 0) {
		spawn_template_cache_drop(cache, ret);
		ret = -ENOMEM;
	}
	return number_value(napi, ret);
}

napi_value cache_drop(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2];
	int32_t which, tfd;
	size_t n = 2;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || !take_cache(napi, args[0], &which) ||
	    napi_get_value_int32(napi, args[1], &tfd) != napi_ok)
		return throw_arguments(napi);
	return number_value(napi, owned_close(env, tfd, which));
}

/*
 * cache_set(cache, flags): the cache's next templates have these flags, too. None of its
 * templates may be out.
 */
napi_value cache_set(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2];
	int32_t which;
	double flags;
	size_t n = 2;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || !take_cache(napi, args[0], &which) ||
	    napi_get_value_double(napi, args[1], &flags) != napi_ok)
		return throw_arguments(napi);
	env->cache_flags[which] = (uint64_t)flags;
	spawn_template_cache_free(env->caches[which]);
	env->caches[which] = NULL;
	return undefined_value(napi);
}

/* cache_stat(cache): [launches that were warm, files that had changed] */
napi_value cache_stat(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	struct spawn_template_cache_stat st = { 0 };
	napi_value args[1], value;
	int32_t which;
	size_t n = 1;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 1 || !take_cache(napi, args[0], &which))
		return throw_arguments(napi);
	if (env->caches[which])
		spawn_template_cache_stat(env->caches[which], &st, sizeof(st));
	napi_create_array_with_length(napi, 2, &value);
	napi_set_element(napi, value, 0, number_value(napi, (double)st.warm));
	napi_set_element(napi, value, 1,
			 number_value(napi, (double)st.changed));
	return value;
}
