/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addon: what its files share. Everything here runs in the thread of one JavaScript
 * environment (the main thread, or a Worker), and belongs to that environment.
 */
#ifndef BINDINGS_NODE_NATIVE_H
#define BINDINGS_NODE_NATIVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <node_api.h>
#include <spawn_template.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- env.c: the state of one environment */

struct wake;

#define CHUNK_LISTS 1024

/* The caches of templates; NOT_CACHED is a template of JavaScript's own. */
enum cache { NOT_CACHED = -1, CACHE_RUNS, CACHE_CHILDREN, CACHES };

struct env {
	napi_env napi;
	struct spawn_template_ring *ring; /* NULL: none yet */
	struct spawn_template_cache *caches[CACHES];
	uint64_t
		cache_flags[CACHES]; /* SPAWN_TEMPLATE_CREATE_*, for new ones */
	struct wake *wake;
	napi_ref deliver; /* the function that takes completions */
	napi_ref told; /* a Float64Array for their numbers */
	double *numbers; /* its memory */
	size_t in_flight; /* runs that keep the loop alive */
	struct chunk *
		chunks[CHUNK_LISTS]; /* output that JavaScript has yet to use */
	struct owned *owned;
	struct kids *kids; /* children of child_process */
	bool use_uv, ended;
};

struct env *env_of(napi_env napi);
int env_ring(struct env *env); /* makes the ring at its first use */
void env_hold(struct env *env); /* one run more, or one less, is in flight */
void env_release(struct env *env);
void env_end(struct env *env); /* ends all trees; no run starts afterwards */

/* ---- owned.c: the templates that the environment has open */

int owned_add(struct env *env, int tfd, enum cache cache);
int owned_close(struct env *env, int tfd, enum cache cache);
void owned_close_all(struct env *env);

/* ---- wake.c: calls drain() in the environment's thread when completions wait */

int wake_start(struct env *env);
void wake_keep(struct wake *wake, bool on); /* does it keep the loop alive? */
void wake_stop(struct wake *wake);

/* wake_uv.c, under Node: by the loop's own poll */
int wake_uv_start(struct env *env, struct wake *wake);
void wake_uv_keep(struct wake *wake, bool on);
void wake_uv_stop(struct wake *wake);

/* wake_thread.c, elsewhere: by a thread that polls */
int wake_thread_start(struct env *env, struct wake *wake);
void wake_thread_keep(struct wake *wake, bool on);
void wake_thread_stop(struct wake *wake);

/* Every way to wake has its own part of this. */
struct wake {
	struct env *env; /* NULL: it has stopped */
	napi_env napi;
	bool uv;
	bool shared; /* another owner frees the memory */
	void *poll; /* uv_poll_t */
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
	void *thread; /* struct waiter */
};

/* ---- deliver.c: completions, and output that comes before them */

/* A completion's user_data: the number that JavaScript gave, and what it wants. */
#define ID_TEXT 1U /* output as strings, not as Buffers */
#define ID_HOLD 2U /* output is used later: release() */

void drain(struct env *env);
void chunks_free(struct env *env);
napi_value output_value(napi_env napi, char **text, size_t len, bool as_text);
void tell_result(struct env *env, const struct spawn_template_result *r);
void tell_failure(struct env *env, int res, uint32_t stage, uint32_t action);

/* ---- values.c: JavaScript values */

napi_value number_value(napi_env napi, double n);
napi_value undefined_value(napi_env napi);
/* Throws for what index.cjs and the like have not checked, which is a bug there. */
napi_value throw_arguments(napi_env napi);

/* A string or a path as UTF-8: NULL for null and undefined. */
struct text {
	char *at;
	size_t len;
	char room[512];
};
int text_take(struct text *t, napi_env napi, napi_value value);
void text_free(struct text *t);

/* Strings with a NUL behind each, in one JavaScript string or Buffer. */
struct vector {
	struct text text;
	char **list;
	char *room[64];
};
int vector_take(struct vector *v, napi_env napi, napi_value value);
void vector_free(struct vector *v);

/* ---- options.c: the arguments of a run */

struct run {
	struct spawn_template_run_args args;
	struct spawn_template_action actions[3];
	struct vector argv, envp;
	struct text cwd;
};

/* argv, env, cwd, input, numbers, sandbox; run_free() whatever it returns */
#define RUN_VALUES 6
int run_take(struct run *run, napi_env napi, const napi_value *values);
void run_free(struct run *run);
napi_value run_number_names(napi_env napi);
napi_value told_names(napi_env napi);

/* ---- the functions that JavaScript calls */

typedef napi_value native_fn(napi_env napi, napi_callback_info info);

native_fn ring_start, ring_run, ring_submit, ring_cancel, ring_write,
	ring_close_input, ring_winsize, ring_release, ring_end;
native_fn run_sync;
native_fn template_make, template_close, template_check, template_refresh,
	template_stat, failure_text;
native_fn cache_get, cache_drop, cache_set, cache_stat;
native_fn terminal_open, terminal_resize;
native_fn sandbox_new, sandbox_lost;
native_fn process_start, process_spawn, process_kill, process_pidfd,
	process_ref, process_sync;

/* sandbox.c */
int sandbox_use(napi_env napi, napi_value value,
		struct spawn_template_spawn_args *args);

#endif /* BINDINGS_NODE_NATIVE_H */
