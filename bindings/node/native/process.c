/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children for child_process: begun without waiting for exec, and watched until they
 * have ended. One epoll set has the launches that are under way and the pidfds.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "native.h"
#include "process.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#pragma weak uv_handle_size
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_close
#pragma weak uv_ref
#pragma weak uv_unref

#define TURN_EVENTS 32			/* in one turn of the loop */

struct kid {
	struct kid *next;
	double id;
	int pid, pidfd;
	struct spawn_template_begin *begin;	/* NULL: it has passed exec */
	bool keeps;				/* the loop alive */
};

struct kids {
	struct env *env;
	struct kid *list;
	size_t keepers;
	int epfd;
	uv_poll_t *poll;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	napi_ref on_exit;
};

/* ---- one child */

/*
 * Each change is told once. A pidfd is ready while a tracer, which may be any program that
 * the child lets trace it, keeps the child from being reaped; when the tracer lets go, the
 * kernel tells again.
 */
static int watch(struct kids *kids, struct kid *kid, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.ptr = kid };

	return epoll_ctl(kids->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno
								    : 0;
}

static void keep(struct kids *kids, struct kid *kid, bool on)
{
	if (kid->keeps == on)
		return;
	kid->keeps = on;
	if (on && kids->keepers++ == 0)
		uv_ref((uv_handle_t *)kids->poll);
	else if (!on && --kids->keepers == 0)
		uv_unref((uv_handle_t *)kids->poll);
}

static void forget(struct kids *kids, struct kid *kid)
{
	struct kid **at = &kids->list;

	while (*at != kid)
		at = &(*at)->next;
	*at = kid->next;
	keep(kids, kid, false);
	if (kid->pidfd >= 0) {
		/* a child that libuv forks may hold it open for a while */
		epoll_ctl(kids->epfd, EPOLL_CTL_DEL, kid->pidfd, NULL);
		close(kid->pidfd);
	}
	free(kid);
}

/*
 * Takes the child over when it has passed exec; blocks until then. Return: 0, or the
 * error of the launch, after which there is no child.
 */
static int settle(struct kids *kids, struct kid *kid)
{
	struct spawn_template_begin *begin = kid->begin;
	int ret;

	if (!begin)
		return 0;
	epoll_ctl(kids->epfd, EPOLL_CTL_DEL, spawn_template_begin_fd(begin),
		  NULL);
	kid->begin = NULL;
	ret = spawn_template_begin_wait(begin, &kid->pidfd, NULL, 0);
	return ret < 0 ? ret : watch(kids, kid, kid->pidfd);
}

/* ---- events */

static void call(struct kids *kids, double id, int code, int sig)
{
	napi_env napi = kids->env->napi;
	napi_value fn, self, args[3], exception;
	bool pending = false;

	napi_get_reference_value(napi, kids->on_exit, &fn);
	napi_get_undefined(napi, &self);
	args[0] = number_value(napi, id);
	args[1] = number_value(napi, code);
	args[2] = number_value(napi, sig);
	napi_call_function(napi, self, fn, 3, args, NULL);
	napi_is_exception_pending(napi, &pending);
	if (!pending)
		return;
	napi_get_and_clear_last_exception(napi, &exception);
	napi_fatal_exception(napi, exception);
}

/* Calls on_exit(id, code, signal); a negative code is the error of the launch. */
static void on_event(struct kids *kids, struct kid *kid)
{
	siginfo_t info = { .si_pid = 0 };
	double id = kid->id;
	int ret;

	if (kid->begin) {
		ret = settle(kids, kid);
		if (ret == 0)
			return;
		forget(kids, kid);
		call(kids, id, ret, 0);
		return;
	}
	do
		ret = waitid(P_PIDFD, (id_t)kid->pidfd, &info,
			     WEXITED | WNOHANG | __WALL);
	while (ret < 0 && errno == EINTR);
	if (ret == 0 && info.si_pid == 0)
		return;
	forget(kids, kid);
	if (ret < 0) /* other code has reaped it: that is no success */
		call(kids, id, 255, 0);
	else if (info.si_code == CLD_EXITED)
		call(kids, id, info.si_status, 0);
	else
		call(kids, id, 0, info.si_status);
}

/*
 * Delivers one event in each scope, as libuv does: ticks run between two exits. The loop
 * has its turn after some of them, since each may launch another child.
 */
static void on_kids(uv_poll_t *poll, int status, int events)
{
	struct kids *kids = poll->data;
	napi_env napi = kids->env->napi;
	struct epoll_event event;

	(void)status;
	(void)events;
	for (int n = 0; n < TURN_EVENTS && kids->epfd >= 0 &&
			epoll_wait(kids->epfd, &event, 1, 0) == 1;
	     n++) {
		napi_callback_scope callback;
		napi_handle_scope scope;
		napi_value resource;

		napi_open_handle_scope(napi, &scope);
		napi_create_object(napi, &resource);
		napi_open_callback_scope(napi, resource, kids->context,
					 &callback);
		on_event(kids, event.data.ptr);
		napi_close_callback_scope(napi, callback);
		napi_close_handle_scope(napi, scope);
	}
}

/* ---- begin and end */

static void on_closed(uv_handle_t *handle)
{
	struct kids *kids = handle->data;

	napi_remove_async_cleanup_hook(kids->hook);
	free(kids);
	free(handle);
}

/* The environment ends. The children live on, as those of child_process do. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct kids *kids = data;

	(void)hook;
	while (kids->list) {
		settle(kids, kids->list);
		forget(kids, kids->list);
	}
	kids->env->kids = NULL;
	uv_poll_stop(kids->poll);
	close(kids->epfd);
	kids->epfd = -1;
	uv_close((uv_handle_t *)kids->poll, on_closed);
}

static int start_poll(struct kids *kids)
{
	uv_loop_t *loop;
	int ret;

	kids->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (kids->epfd < 0)
		return -errno;
	kids->poll = calloc(1, uv_handle_size(UV_POLL));
	if (!kids->poll)
		return -ENOMEM;
	napi_get_uv_event_loop(kids->env->napi, &loop);
	ret = uv_poll_init(loop, kids->poll, kids->epfd);
	if (ret < 0)
		return ret;
	kids->poll->data = kids;
	uv_unref((uv_handle_t *)kids->poll);
	return uv_poll_start(kids->poll, UV_READABLE, on_kids);
}

/* process_start(onExit): said once. Return: 0 or -errno */
napi_value process_start(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	struct kids *kids;
	napi_value fn, name, resource;
	size_t n = 1;
	int ret;

	napi_get_cb_info(napi, info, &n, &fn, NULL, NULL);
	if (!uv_poll_init || env->kids)
		return number_value(napi, -ENOSYS);
	kids = calloc(1, sizeof(*kids));
	if (!kids)
		return number_value(napi, -ENOMEM);
	kids->env = env;
	ret = start_poll(kids);
	if (ret < 0) {
		free(kids->poll);
		if (kids->epfd >= 0)
			close(kids->epfd);
		free(kids);
		return number_value(napi, ret);
	}
	napi_create_reference(napi, fn, 1, &kids->on_exit);
	napi_create_object(napi, &resource);
	napi_create_string_utf8(napi, "SPAWN_TEMPLATE_PROCESS",
				NAPI_AUTO_LENGTH, &name);
	napi_async_init(napi, resource, name, &kids->context);
	napi_add_async_cleanup_hook(napi, on_cleanup, kids, &kids->hook);
	env->kids = kids;
	return number_value(napi, 0);
}

int kid_add(struct env *env, double id, int pid,
	    struct spawn_template_begin *begin)
{
	struct kids *kids = env->kids;
	struct kid *kid = calloc(1, sizeof(*kid));

	if (!kid)
		return -ENOMEM;
	*kid = (struct kid){ kids->list, id, pid, -1, begin, false };
	kids->list = kid;
	if (watch(kids, kid, spawn_template_begin_fd(begin)) < 0) {
		kids->list = kid->next;
		free(kid);
		return -ENOMEM;
	}
	keep(kids, kid, true);
	return 0;
}

/* ---- what child_process asks of a child */

static struct kid *find(struct env *env, double id)
{
	struct kid *kid = env->kids ? env->kids->list : NULL;

	while (kid && kid->id != id)
		kid = kid->next;
	return kid;
}

/* process_kill(id, signal): 0 or -errno. A signal comes after exec, as from libuv. */
napi_value process_kill(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2];
	struct kid *kid;
	size_t n = 2;
	int32_t sig;
	double id;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || napi_get_value_double(napi, args[0], &id) != napi_ok ||
	    napi_get_value_int32(napi, args[1], &sig) != napi_ok)
		return throw_arguments(napi);
	kid = find(env, id);
	if (!kid)
		return number_value(napi, -ESRCH);
	ret = settle(env->kids, kid);
	if (ret < 0) {
		forget(env->kids, kid);
		call(env->kids, id, ret, 0);
		return number_value(napi, -ESRCH);
	}
	if (syscall(SYS_pidfd_send_signal, kid->pidfd, sig, NULL, 0) < 0)
		return number_value(napi, -errno);
	return number_value(napi, 0);
}

/* process_ref(id, on) */
napi_value process_ref(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[2];
	struct kid *kid;
	size_t n = 2;
	double id;
	bool on;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || napi_get_value_double(napi, args[0], &id) != napi_ok ||
	    napi_get_value_bool(napi, args[1], &on) != napi_ok)
		return throw_arguments(napi);
	kid = find(env, id);
	if (kid)
		keep(env->kids, kid, on);
	return undefined_value(napi);
}
