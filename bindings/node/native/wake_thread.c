/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bun and Deno: a thread polls the ring's descriptor, calls the environment's thread,
 * and waits until that has drained the ring.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "native.h"

#define STOP (1ULL << 32)

struct waiter {
	pthread_t thread;
	napi_threadsafe_function call;
	int ring_fd;
	int told;			/* eventfd: 1 drained, STOP end */
};

/* Waits for the environment's thread. Returns false at the end. */
static bool is_drained(struct waiter *w)
{
	uint64_t told;
	ssize_t n;

	do
		n = read(w->told, &told, sizeof(told));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(told) && told < STOP;
}

static void *wait_for_ring(void *data)
{
	struct waiter *w = data;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = w->ring_fd, .events = POLLIN },
			{ .fd = w->told, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		if (fds[1].revents)
			return NULL;
		if (napi_call_threadsafe_function(
			    w->call, NULL, napi_tsfn_nonblocking) != napi_ok ||
		    !is_drained(w))
			return NULL;
	}
}

static void tell(struct waiter *w, uint64_t what)
{
	ssize_t n;

	do
		n = write(w->told, &what, sizeof(what));
	while (n < 0 && errno == EINTR);
}

/* Runs in the environment's thread; without an environment at its end. */
static void on_call(napi_env napi, napi_value fn, void *context, void *data)
{
	struct wake *wake = context;

	(void)fn;
	(void)data;
	if (!napi || !wake->env)
		return;
	drain(wake->env);
	/* drain() may have ended the ring, and with it the thread */
	if (wake->env)
		tell(wake->thread, 1);
}

static void on_cleanup(void *data)
{
	struct wake *wake = data;

	if (wake->env)
		env_end(wake->env);
}

static void on_freed(napi_env napi, void *data, void *hint)
{
	(void)napi;
	(void)hint;
	free(data);
}

/* The thread handles no signal of the host. */
static int start_thread(struct waiter *w)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->thread, NULL, wait_for_ring, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

static int start_waiter(struct env *env, struct wake *wake, struct waiter *w)
{
	napi_value name;
	int ret;

	napi_create_string_utf8(env->napi, "SPAWN_TEMPLATE", NAPI_AUTO_LENGTH,
				&name);
	if (napi_create_threadsafe_function(env->napi, NULL, NULL, name, 0, 1,
					    wake, on_freed, wake, on_call,
					    &w->call) != napi_ok)
		return -ENOMEM;
	wake->shared = true;
	napi_unref_threadsafe_function(env->napi, w->call);
	ret = start_thread(w);
	if (ret < 0)
		napi_release_threadsafe_function(w->call, napi_tsfn_abort);
	return ret;
}

int wake_thread_start(struct env *env, struct wake *wake)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->ring_fd = spawn_template_ring_fd(env->ring);
	w->told = eventfd(0, EFD_CLOEXEC);
	ret = w->told < 0 ? -errno : start_waiter(env, wake, w);
	if (ret < 0) {
		if (w->told >= 0)
			close(w->told);
		free(w);
		return ret;
	}
	wake->thread = w;
	napi_add_env_cleanup_hook(env->napi, on_cleanup, wake);
	return 0;
}

void wake_thread_keep(struct wake *wake, bool on)
{
	struct waiter *w = wake->thread;

	if (!w)
		return;
	if (on)
		napi_ref_threadsafe_function(wake->napi, w->call);
	else
		napi_unref_threadsafe_function(wake->napi, w->call);
}

/* The memory of @wake is freed with the threadsafe function. */
void wake_thread_stop(struct wake *wake)
{
	struct waiter *w = wake->thread;

	napi_remove_env_cleanup_hook(wake->napi, on_cleanup, wake);
	tell(w, STOP);
	pthread_join(w->thread, NULL);
	close(w->told);
	wake->thread = NULL;
	napi_release_threadsafe_function(w->call, napi_tsfn_abort);
	free(w);
}
