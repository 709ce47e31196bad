/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children for child_process: begun without waiting for exec, and watched until they
 * have ended. One epoll set has the launches that are under way and the pidfds of all, so
 * that nothing that can fail is left to do when a launch turns out well.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "native.h"
#include "process.h"

#pragma weak uv_handle_size
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_check_init
#pragma weak uv_check_start
#pragma weak uv_check_stop
#pragma weak uv_close
#pragma weak uv_ref
#pragma weak uv_unref

#define TURN_EVENTS 32			/* in one turn of the loop */

/* An event's data: the child, and one of these. */
enum { ENDED = 0, BEGUN = 1 };

struct kid {
	struct kid *next;
	double id;
	int pid, pidfd;
	struct spawn_template_begin *begin;	/* NULL: it has passed exec */
	bool keeps;				/* the loop alive */
	int sent;				/* a signal, before exec */
};

struct kids {
	struct env *env;
	napi_env napi;
	struct kid *list;
	size_t keepers;
	int epfd;
	uv_poll_t *poll;
	uv_check_t *check;
	uint64_t ready[TURN_EVENTS];		/* events to be told next; or 0 */
	int n_ready;
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
static int watch(struct kids *kids, struct kid *kid, int fd, uint64_t what)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.u64 = (uintptr_t)kid | what };

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
	for (int i = 0; i < kids->n_ready; i++)
		if ((kids->ready[i] & ~(uint64_t)BEGUN) == (uintptr_t)kid)
			kids->ready[i] = 0;
	keep(kids, kid, false);
	/* a child that libuv forks may hold it open for a while */
	epoll_ctl(kids->epfd, EPOLL_CTL_DEL, kid->pidfd, NULL);
	close(kid->pidfd);
	free(kid);
}

/*
 * Takes the child over when it has passed exec; blocks until then. Return: 0, or the
 * error of the launch, after which there is no child. If a signal has ended the child
 * before exec, that is no error of the launch, but the child's end: end->signal is set.
 */
static int settle(struct kids *kids, struct kid *kid, struct child_end *end)
{
	struct spawn_template_begin *begin = kid->begin;
	int ret;

	*end = (struct child_end){ 0, 0 };
	if (!begin)
		return 0;
	epoll_ctl(kids->epfd, EPOLL_CTL_DEL, spawn_template_begin_fd(begin),
		  NULL);
	kid->begin = NULL;
	ret = spawn_template_begin_wait(begin, NULL, NULL, 0);
	if (ret == -ECHILD && !child_end_reaped(kid->pidfd, end))
		end->signal = kid->sent ? kid->sent : SIGKILL;
	return ret < 0 ? ret : 0;
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

/* Tells that there is no child: the error of the launch, or the signal that ended it. */
static void call_unlaunched(struct kids *kids, struct kid *kid, int ret,
			    const struct child_end *end)
{
	double id = kid->id;

	forget(kids, kid);
	call(kids, id, end->signal ? 0 : ret, end->signal);
}

/*
 * Calls on_exit(id, code, signal); a negative code is the error of the launch. Of a child
 * that has passed exec the end is not asked for: output may be there to be read before.
 */
static void on_event(struct kids *kids, uint64_t event)
{
	struct kid *kid = (struct kid *)(uintptr_t)(event & ~(uint64_t)BEGUN);
	struct child_end end;
	double id = kid->id;
	int ret = settle(kids, kid, &end);

	if (ret < 0) {
		call_unlaunched(kids, kid, ret, &end);
	} else if (!(event & BEGUN) && child_end_reap(kid->pidfd, &end)) {
		forget(kids, kid);
		call(kids, id, end.code, end.signal);
	}
}

/* Delivers one event in each scope, as libuv does: ticks run between two exits. */
static void deliver(struct kids *kids, uint64_t event)
{
	napi_env napi = kids->napi;
	napi_callback_scope callback;
	napi_handle_scope scope;
	napi_value resource;

	napi_open_handle_scope(napi, &scope);
	napi_create_object(napi, &resource);
	napi_open_callback_scope(napi, resource, kids->context, &callback);
	on_event(kids, event);
	napi_close_callback_scope(napi, callback);
	napi_close_handle_scope(napi, scope);
}

static void collect(struct kids *kids)
{
	struct epoll_event events[TURN_EVENTS];
	int n = epoll_wait(kids->epfd, events, TURN_EVENTS, 0);

	for (int i = 0; i < n; i++)
		kids->ready[i] = events[i].data.u64;
	kids->n_ready = n > 0 ? n : 0;
}

/*
 * Runs after the loop has read what is ready, as libuv looks after its own children last:
 * the output of a child comes before its exit, at which Node drops what nobody has begun
 * to read. Those that end meanwhile have their turn in the next round.
 */
static void on_kids(uv_check_t *check)
{
	struct kids *kids = check->data;

	uv_check_stop(check);
	for (int i = 0; i < kids->n_ready; i++)
		if (kids->ready[i])
			deliver(kids, kids->ready[i]);
	kids->n_ready = 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct kids *kids = poll->data;

	(void)status;
	(void)events;
	if (kids->n_ready == 0)
		collect(kids);
	uv_check_start(kids->check, on_kids);
}

/* ---- begin and end */

static void on_handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void on_closed(uv_handle_t *handle)
{
	struct kids *kids = handle->data;

	napi_async_destroy(kids->napi, kids->context);
	napi_remove_async_cleanup_hook(kids->hook);
	free(kids);
	free(handle);
}

/* The environment ends. The children live on, as those of child_process do. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct kids *kids = data;
	struct child_end end;

	(void)hook;
	while (kids->list) {
		settle(kids, kids->list, &end);
		forget(kids, kids->list);
	}
	kids->env->kids = NULL;
	uv_poll_stop(kids->poll);
	close(kids->epfd);
	kids->epfd = -1;
	uv_close((uv_handle_t *)kids->check, on_handle_closed);
	uv_close((uv_handle_t *)kids->poll, on_closed);
}

/* Once it is initialised, a handle is the loop's until that has closed it. */
static int init_poll(struct kids *kids)
{
	uv_loop_t *loop;
	int ret;

	kids->poll = calloc(1, uv_handle_size(UV_POLL));
	kids->check = calloc(1, uv_handle_size(UV_CHECK));
	ret = !kids->poll || !kids->check ? -ENOMEM : 0;
	if (ret == 0 &&
	    napi_get_uv_event_loop(kids->env->napi, &loop) != napi_ok)
		ret = -EIO;
	if (ret == 0)
		ret = uv_poll_init(loop, kids->poll, kids->epfd);
	if (ret < 0) {
		free(kids->poll);
		free(kids->check);
		return ret;
	}
	/* it cannot fail */
	uv_check_init(loop, kids->check);
	uv_unref((uv_handle_t *)kids->check);
	kids->check->data = kids;
	kids->poll->data = kids;
	uv_unref((uv_handle_t *)kids->poll);
	return 0;
}

/* On failure nothing is left but what the loop frees. */
static int start_poll(struct kids *kids)
{
	int ret;

	kids->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (kids->epfd < 0)
		return -errno;
	ret = init_poll(kids);
	if (ret == 0) {
		ret = uv_poll_start(kids->poll, UV_READABLE, on_ready);
		if (ret == 0)
			return 0;
		uv_close((uv_handle_t *)kids->check, on_handle_closed);
		uv_close((uv_handle_t *)kids->poll, on_handle_closed);
	}
	close(kids->epfd);
	return ret;
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
	kids->napi = napi;
	ret = start_poll(kids);
	if (ret < 0) {
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

/* The pid is that of a child which nobody has waited for yet. */
static int watch_both(struct kids *kids, struct kid *kid)
{
	int ret;

	kid->pidfd = (int)syscall(SYS_pidfd_open, kid->pid, 0);
	if (kid->pidfd < 0)
		return -errno;
	ret = watch(kids, kid, kid->pidfd, ENDED);
	if (ret == 0)
		ret = watch(kids, kid, spawn_template_begin_fd(kid->begin),
			    BEGUN);
	if (ret < 0) {
		epoll_ctl(kids->epfd, EPOLL_CTL_DEL, kid->pidfd, NULL);
		close(kid->pidfd);
	}
	return ret;
}

int kid_add(struct env *env, double id, int pid,
	    struct spawn_template_begin *begin)
{
	struct kids *kids = env->kids;
	struct kid *kid = calloc(1, sizeof(*kid));
	int ret;

	if (!kid)
		return -ENOMEM;
	*kid = (struct kid){ kids->list, id, pid, -1, begin, false, 0 };
	ret = watch_both(kids, kid);
	if (ret < 0) {
		free(kid);
		return ret;
	}
	kids->list = kid;
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

/* Before exec the child's memory is the host's, and so would the core be. */
static bool dumps_core(int sig)
{
	switch (sig) {
	case SIGQUIT:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGSEGV:
	case SIGXCPU:
	case SIGXFSZ:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

/*
 * Tells whether a signal has to wait for exec: one that would stop the child, since a
 * launch that has stopped may be waited for; one that dumps core; and one that this
 * process ignores, because so does the child until it has reset it.
 */
static bool waits_for_exec(int sig)
{
	struct sigaction now;

	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	       sig == SIGTTOU || dumps_core(sig) ||
	       (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
}

/*
 * Sends a signal. One that comes before exec ends the child there, which nobody can tell
 * from an end at the program's first instruction.
 */
static int send_signal(struct kids *kids, struct kid *kid, int sig)
{
	struct child_end end;
	int ret = waits_for_exec(sig) ? settle(kids, kid, &end) : 0;

	if (ret < 0) {
		call_unlaunched(kids, kid, ret, &end);
		return -ESRCH;
	}
	if (kid->begin && sig != 0 && kid->sent != SIGKILL)
		kid->sent = sig;
	ret = (int)syscall(SYS_pidfd_send_signal, kid->pidfd, sig, NULL, 0);
	return ret < 0 ? -errno : 0;
}

/* A launch whose exec nobody has waited for may have begun a tree already. */
static int send_tree(struct kids *kids, struct kid *kid, int sig)
{
	struct spawn_template_child child = SPAWN_TEMPLATE_CHILD_INIT;
	struct child_end end;
	int ret = settle(kids, kid, &end);

	if (ret < 0) {
		call_unlaunched(kids, kid, ret, &end);
		return -ESRCH;
	}
	child.pid = kid->pid;
	child.pidfd = kid->pidfd;
	return spawn_template_kill(&child, sig, SPAWN_TEMPLATE_KILL_TREE);
}

/* process_kill(id, signal, tree): 0 or -errno */
napi_value process_kill(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[3];
	struct kid *kid;
	size_t n = 3;
	int32_t sig;
	double id;
	bool tree;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 3 || napi_get_value_double(napi, args[0], &id) != napi_ok ||
	    napi_get_value_int32(napi, args[1], &sig) != napi_ok ||
	    napi_get_value_bool(napi, args[2], &tree) != napi_ok)
		return throw_arguments(napi);
	kid = find(env, id);
	if (!kid)
		ret = -ESRCH;
	else if (tree)
		ret = send_tree(env->kids, kid, sig);
	else
		ret = send_signal(env->kids, kid, sig);
	return number_value(napi, ret);
}

/* process_pidfd(id): a descriptor that stays this file's, or -ESRCH */
napi_value process_pidfd(napi_env napi, napi_callback_info info)
{
	napi_value arg;
	struct kid *kid;
	size_t n = 1;
	double id;

	napi_get_cb_info(napi, info, &n, &arg, NULL, NULL);
	if (n != 1 || napi_get_value_double(napi, arg, &id) != napi_ok)
		return throw_arguments(napi);
	kid = find(env_of(napi), id);
	return number_value(napi, kid ? kid->pidfd : -ESRCH);
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
