/* SPDX-License-Identifier: BSD-2-Clause */
/* Sandboxes of runs: an object each, which JavaScript keeps during the runs. */
#include "native.h"

/* Tells a sandbox from any other object. */
static const napi_type_tag tag = { 0x5c0de5a9d1b04f2eULL,
				   0xb2f7c3a86e914d05ULL };

struct lists {
	struct vector ro, rw;
	uint16_t *connect, *bind;
	size_t n_connect, n_bind;
};

static int take_ports(napi_env napi, napi_value value, uint16_t **ports,
		      size_t *n)
{
	napi_typedarray_type type;
	napi_valuetype kind;
	void *data;

	napi_typeof(napi, value, &kind);
	if (kind == napi_null || kind == napi_undefined)
		return 0;
	if (napi_get_typedarray_info(napi, value, &type, n, &data, NULL,
				     NULL) != napi_ok ||
	    type != napi_uint16_array)
		return -EINVAL;
	*ports = data;
	return 0;
}

/* values: flags, ro, rw, connect ports, bind ports */
static int take_lists(struct lists *l, struct spawn_template_sandbox_args *args,
		      napi_env napi, const napi_value *values)
{
	double flags;
	int ret;

	if (napi_get_value_double(napi, values[0], &flags) != napi_ok)
		return -EINVAL;
	ret = vector_take(&l->ro, napi, values[1]);
	if (ret == 0)
		ret = vector_take(&l->rw, napi, values[2]);
	if (ret == 0)
		ret = take_ports(napi, values[3], &l->connect, &l->n_connect);
	if (ret == 0)
		ret = take_ports(napi, values[4], &l->bind, &l->n_bind);
	args->flags = (uint64_t)flags;
	args->read_only = (uintptr_t)l->ro.list;
	args->writable = (uintptr_t)l->rw.list;
	args->connect_ports = l->n_connect ? (uintptr_t)l->connect : 0;
	args->n_connect_ports = l->n_connect;
	args->bind_ports = l->n_bind ? (uintptr_t)l->bind : 0;
	args->n_bind_ports = l->n_bind;
	return ret;
}

static void free_sandbox(napi_env napi, void *data, void *hint)
{
	(void)napi;
	(void)hint;
	spawn_template_sandbox_free(data);
}

static napi_value wrap(napi_env napi, struct spawn_template_sandbox *s)
{
	napi_value value = NULL;

	if (napi_create_object(napi, &value) != napi_ok ||
	    napi_wrap(napi, value, s, free_sandbox, NULL, NULL) != napi_ok) {
		spawn_template_sandbox_free(s);
		return throw_arguments(napi);
	}
	napi_type_tag_object(napi, value, &tag);
	return value;
}

/* The answer of a failure: [-errno, path]. */
static napi_value failed_answer(napi_env napi, int ret, const char *failed)
{
	napi_value list, path;

	napi_create_array_with_length(napi, 2, &list);
	napi_set_element(napi, list, 0, number_value(napi, ret));
	if (failed)
		napi_create_string_utf8(napi, failed, NAPI_AUTO_LENGTH, &path);
	else
		path = undefined_value(napi);
	napi_set_element(napi, list, 1, path);
	return list;
}

static napi_value call(napi_env napi, napi_callback_info info, bool lost)
{
	struct spawn_template_sandbox_args args =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;
	struct lists lists = { .n_bind = 0 };
	struct spawn_template_sandbox *sandbox = NULL;
	const char *failed = NULL;
	napi_value values[5], value;
	size_t n = 5;
	int ret;

	napi_get_cb_info(napi, info, &n, values, NULL, NULL);
	ret = n == 5 ? take_lists(&lists, &args, napi, values) : -EINVAL;
	args.failed = lost ? 0 : (uintptr_t)&failed;
	if (ret == 0)
		ret = lost ? spawn_template_sandbox_lost(&args, sizeof(args))
			   : spawn_template_sandbox_new(&args, sizeof(args),
							&sandbox);
	if (lost)
		value = number_value(napi, ret);
	else
		value = ret < 0 ? failed_answer(napi, ret, failed)
				: wrap(napi, sandbox);
	vector_free(&lists.ro);
	vector_free(&lists.rw);
	return value;
}

/* sandbox_new(flags, ro, rw, connect, bind): an object, or [-errno, path] */
napi_value sandbox_new(napi_env napi, napi_callback_info info)
{
	return call(napi, info, false);
}

/* sandbox_lost(the same): LOST_*, or -errno */
napi_value sandbox_lost(napi_env napi, napi_callback_info info)
{
	return call(napi, info, true);
}

int sandbox_use(napi_env napi, napi_value value,
		struct spawn_template_spawn_args *args)
{
	napi_valuetype type;
	bool ours = false;
	void *sandbox;

	napi_typeof(napi, value, &type);
	if (type == napi_null || type == napi_undefined)
		return 0;
	if (type != napi_object ||
	    napi_check_object_type_tag(napi, value, &tag, &ours) != napi_ok ||
	    !ours || napi_unwrap(napi, value, &sandbox) != napi_ok)
		return -EINVAL;
	return spawn_template_sandbox_apply(sandbox, args, sizeof(*args));
}
