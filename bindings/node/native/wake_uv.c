/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Node: the loop itself polls the ring's descriptor. Other runtimes lack these
 * functions, or abort in them, so they are looked up weakly and called under Node only.
 */
#include <uv.h>

#include "native.h"

#pragma weak uv_handle_size
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_close
#pragma weak uv_ref
#pragma weak uv_unref

/* Runs all completions in one scope, so that promises are resolved once. */
static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct wake *wake = poll->data;
	struct env *env = wake->env;
	napi_env napi = env->napi;
	napi_callback_scope callback;
	napi_handle_scope scope;
	napi_value resource;

	(void)status;
	(void)events;
	napi_open_handle_scope(napi, &scope);
	napi_create_object(napi, &resource);
	if (napi_open_callback_scope(napi, resource, wake->context,
				     &callback) == napi_ok) {
		drain(env);
		napi_close_callback_scope(napi, callback);
	}
	napi_close_handle_scope(napi, scope);
}

static void on_closed(uv_handle_t *handle)
{
	struct wake *wake = handle->data;

	napi_async_destroy(wake->napi, wake->context);
	if (wake->hook)
		napi_remove_async_cleanup_hook(wake->hook);
	free(wake);
	free(handle);
}

/* The environment ends, in a Worker that was terminated for example. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct wake *wake = data;

	(void)hook;
	if (wake->env)
		env_end(wake->env);
}

static void on_unstarted_closed(uv_handle_t *handle)
{
	free(handle);
}

static int start_poll(struct env *env, struct wake *wake)
{
	uv_poll_t *poll = calloc(1, uv_handle_size(UV_POLL));
	uv_loop_t *loop;
	int ret;

	if (!poll)
		return -ENOMEM;
	ret = napi_get_uv_event_loop(env->napi, &loop) == napi_ok ? 0 : -EIO;
	if (ret == 0)
		ret = uv_poll_init(loop, poll,
				   spawn_template_ring_fd(env->ring));
	if (ret < 0) {
		free(poll);
		return ret;
	}
	poll->data = wake;
	wake->poll = poll;
	uv_unref((uv_handle_t *)poll);
	ret = uv_poll_start(poll, UV_READABLE, on_ring);
	/* once it is initialised, it is the loop's until that has closed it */
	if (ret < 0)
		uv_close((uv_handle_t *)poll, on_unstarted_closed);
	return ret;
}

int wake_uv_start(struct env *env, struct wake *wake)
{
	napi_value name, resource;
	int ret;

	if (!uv_poll_init)
		return -ENOSYS;
	napi_create_string_utf8(env->napi, "SPAWN_TEMPLATE", NAPI_AUTO_LENGTH,
				&name);
	napi_create_object(env->napi, &resource);
	if (napi_async_init(env->napi, resource, name, &wake->context) !=
	    napi_ok)
		return -ENOMEM;
	ret = start_poll(env, wake);
	if (ret < 0) {
		napi_async_destroy(env->napi, wake->context);
		return ret;
	}
	napi_add_async_cleanup_hook(env->napi, on_cleanup, wake, &wake->hook);
	return 0;
}

void wake_uv_keep(struct wake *wake, bool on)
{
	if (on)
		uv_ref(wake->poll);
	else
		uv_unref(wake->poll);
}

void wake_uv_stop(struct wake *wake)
{
	uv_poll_stop(wake->poll);
	uv_close(wake->poll, on_closed);
}
