/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface between the parts of the extension module.
 *
 * Rules: use the limited API of CPython 3.9, so that one binary serves all
 * later versions; have no writable static data; release the GIL around every
 * call that may wait, and touch no Python object meanwhile. Functions that
 * return an int return 0, or -1 with an exception set.
 */
#ifndef NATIVE_H
#define NATIVE_H

#define Py_LIMITED_API 0x03090000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spawn_template.h"

#ifdef Py_GIL_DISABLED
#error "spawn_template has no support for free-threaded builds of Python"
#endif

/* ---- template.c */

struct py_template {
	PyObject_HEAD
	int fd;			/* -1: closed */
	int users;		/* calls that use the number without the GIL */
	bool closing;		/* the last user closes it */
	PyObject *path;
	PyObject *cache;	/* owns the fd, which is dropped; or NULL */
};

extern PyType_Spec template_spec;

/*
 * Returns a Template of a cache; NULL with an exception. It takes @fd, even if it
 * fails.
 */
PyObject *template_of_cache(PyObject *type, PyObject *cache, int fd);

/* ---- template_fd.c */

/* Returns the fd, which stays open until released; or -1 with an exception. */
int template_hold(struct py_template *t);
void template_release(struct py_template *t);
/* Closes the fd, unless a call uses it. */
void template_close_unused(struct py_template *t);

struct launch;

/* @pid: set to the launch's pid or -errno. */
int template_launch(struct py_template *t, struct launch *launch, int *pid,
		    int *pidfd);

/* ---- template_stat.c */

PyObject *template_stat_dict(const struct spawn_template_stat *st);

/* ---- cache.c */

extern PyType_Spec cache_spec;

/* ---- cache_launch.c */

struct py_cache {
	PyObject_HEAD
	struct spawn_template_cache *cache;
	unsigned long long stale;	/* found so by a launch */
};

/* The first of some names that exists, and what became of it. */
struct found {
	int tfd;		/* -1: no template */
	const char *refusal;	/* the reason; NULL: see error */
	int error;		/* positive errno of making the template */
	bool launched;		/* a launch was tried */
	const char *path;	/* absolute; one of the names or the buffer */
	char buffer[PATH_MAX];
};

struct popen_args;

/*
 * Finds a template and launches from it by @how, which returns a pid or -errno; both
 * without the GIL. Raises the audit event between them. Does all but that once more if
 * the template turns out to be no good. Return: 0, and if @f says that @how was called
 * @ret is its answer, else @f has the reason; -1 with an exception of an audit hook.
 */
int cache_launch(struct py_cache *c, const struct popen_args *a,
		 struct launch *launch,
		 int (*how)(int tfd, struct launch *launch, void *arg),
		 void *arg, struct found *f, int *ret);
PyObject *found_path(const struct found *f);
/* Returns a str, or the errno as an int. */
PyObject *found_refusal(const struct found *f);
/* Returns the error of a launch that was tried. */
PyObject *found_error(const struct found *f, const struct launch *launch,
		      int error);

/* ---- pending.c */

extern PyType_Spec pending_spec;

PyObject *pending_new(struct py_cache *c, PyObject *args);
/* Wraps a launch that is over. Takes @pidfd, even if it fails. */
PyObject *pending_of(PyObject *type, int pid, int pidfd);

/* ---- ring.c */

struct chunk;
struct entry;

struct py_ring {
	PyObject_HEAD
	struct spawn_template_ring *ring; /* NULL: closed */
	struct entry *entries;	/* those in flight */
	struct chunk *chunks;	/* those not given back */
	PyObject *result_type, *template_type, *chunk_type;
	unsigned int waiting;	/* waiting threads, without the GIL */
	unsigned int users;	/* calls that make objects out of a completion */
	bool closing;		/* the last user ends the ring */
};

extern PyType_Spec ring_spec;

PyObject *ring_raise(int error);
bool ring_is_open(const struct py_ring *r);
/* Sets an exception if the ring is closed. */
bool ring_check_open(const struct py_ring *r);
void ring_unlink(struct py_ring *r, struct entry *entry);
void ring_end(struct py_ring *r);

/* ---- ring_take.c: methods */

PyObject *ring_reap(struct py_ring *r, PyObject *args);
PyObject *ring_wait(struct py_ring *r, PyObject *args);

/* ---- ring_control.c: methods */

PyObject *ring_cancel(struct py_ring *r, PyObject *args);
PyObject *ring_write(struct py_ring *r, PyObject *args);
PyObject *ring_close_input(struct py_ring *r, PyObject *token);
PyObject *ring_winsize(struct py_ring *r, PyObject *args);

/* ---- chunk.c */

extern PyType_Spec chunk_spec;

/* Takes @cqe, even if it fails. */
PyObject *chunk_new(struct py_ring *r, struct spawn_template_cqe *cqe);
/* Gives back all chunks of a ring, which lose their output. */
void chunks_give_back(struct py_ring *r);

/* ---- result.c */

extern PyType_Spec result_spec;

/* Copies the output: @result stays the caller's. */
PyObject *result_new(PyObject *type, const struct spawn_template_result *result,
		     int pid);

/* ---- types.c: the types that the methods of any type need */

struct types {
	PyObject *result, *template, *pending, *chunk;
};

/* Takes no references: the type gets its own. */
int types_attach(PyObject *type, const struct types *types);
/* Return: new references, or NULL with an exception. */
PyObject *types_result(PyTypeObject *type);
PyObject *types_template(PyTypeObject *type);
PyObject *types_pending(PyTypeObject *type);
PyObject *types_chunk(PyTypeObject *type);

/* ---- error.c */

/* A failed launch, or template; @filename may be NULL. */
struct error {
	int error;		/* positive errno */
	uint32_t stage;
	uint32_t index;		/* of the action */
	const char *action;	/* its name; NULL: none */
	PyObject *filename;	/* borrowed */
	bool of_call;		/* only of a system call, or of a ring */
};

PyObject *error_new(const struct error *error);
/* Takes the exception that is set, and clears it. */
PyObject *error_take(void);
/* Return: always NULL, for the caller to return. */
PyObject *error_raise(const struct error *error);

/* ---- strings.c */

/* A list of strings that ends with NULL, and the owner of their memory. */
struct strings {
	char **list;
	PyObject *owner; /* a list of bytes; NULL: memory behind the list */
};

int strings_argv(struct strings *strings, PyObject *argv);
int strings_env(struct strings *strings, PyObject *env);
/* Copies the environment of the process. */
int strings_environ(struct strings *strings);
void strings_free(struct strings *strings);

/* ---- launch.c */

/* The arguments of a launch, and all that they point to. */
struct launch {
	struct spawn_template_spawn_args args;
	struct spawn_template_failure failure;
	struct spawn_template_action actions[SPAWN_TEMPLATE_ACTIONS_MAX];
	struct spawn_template_sigset sigset;
	uint64_t signals;
	struct strings argv, env;
	PyObject *cwd;		/* the object passed; borrowed */
	PyObject *cwd_bytes;
	PyObject *sandbox;	/* a capsule; borrowed */
	gid_t *groups;
	int spare[3];		/* copies of fds, to close */
	int n_spare;
};

/* Ways to pass on the environment of the process. */
enum launch_environ {
	LAUNCH_ENVIRON_COPY,	/* for a call without the GIL */
	LAUNCH_ENVIRON_SHARE,	/* launch_environ_of() returns it */
};

/* Call launch_free() after it, even if a later call fails. */
void launch_begin(struct launch *launch);
int launch_strings(struct launch *launch, PyObject *argv, PyObject *env,
		   enum launch_environ how);
/*
 * Returns the envp of a launch that shares the environment. Call it last: a
 * conversion may run Python code, which may change the environment.
 */
uint64_t launch_environ_of(const struct launch *launch);
int launch_action(struct launch *launch, uint32_t type, int fd, int newfd,
		  const void *arg);
int launch_cwd(struct launch *launch, PyObject *cwd);
/* Handles SIGPIPE and SIGXFSZ, which Python ignores. */
int launch_signals(struct launch *launch, bool restore);
void launch_free(struct launch *launch);

const char *launch_action_name(uint32_t type);
struct error launch_error(const struct launch *launch, int error,
			  PyObject *path);

/* ---- sandbox.c: functions of the module, and the use of what they return */

PyObject *sandbox_new(PyObject *module, PyObject *args);
PyObject *sandbox_lost(PyObject *module, PyObject *args);
/* The sandbox must live until the launch is complete. */
int launch_sandbox(struct launch *launch, PyObject *sandbox);

/* ---- request.c */

/* Arguments of a method called spawn or run; borrowed. */
struct request {
	PyObject *template, *token;	/* in a ring's only */
	PyObject *argv, *env;
};

/*
 * Does as PyArg_ParseTupleAndKeywords(), but returns 0 or -1. @format, @names
 * and the arguments behind them are a ring's; a template's method lacks the
 * first two.
 */
int request_parse(PyObject *args, PyObject *kwargs, bool of_ring,
		  const char *format, char **names, ...);

/* Tells whether an option is given: None counts as nothing. */
static inline bool is_given(PyObject *object)
{
	return object && object != Py_None;
}

/* ---- spawn_args.c */

#define SPAWN_N_STD 3

/* All but the strings; objects are borrowed, and may be NULL or None. */
struct spawn_options {
	int std[SPAWN_N_STD];
	PyObject *pass_fds;
	int close_fds;
	PyObject *cwd;
	int umask;
	PyObject *uid, *gid, *groups;
	int new_session;
	int process_group;
	int restore_signals;
};

/* Call launch_free() after these, even if they fail; launch_begin() before the first. */
int spawn_args_take(struct launch *launch, enum launch_environ how,
		    const struct request *request,
		    const struct spawn_options *options);
int spawn_args_parse(struct launch *launch, enum launch_environ how,
		     PyObject *args, PyObject *kwargs, struct request *request,
		     bool of_ring);

/* ---- popen_args.c */

/* Beside the launch, borrowed. */
struct popen_args {
	PyObject *names;	/* a tuple of bytes */
	PyObject *audit;	/* an event's arguments, or None */
	PyObject *popen, *fds, *owner;
};

/*
 * Parses a launch for a Popen. On failure @error is the error; or NULL, with an
 * exception, if Python code may have run. Call launch_free() after it, even if it
 * fails.
 */
int popen_args_parse(struct launch *launch, PyObject *args,
		     struct popen_args *a, PyObject **error);
/* Closes the fds that only the child needs, and has @popen forget them. */
int popen_close(PyObject *popen, PyObject *fds);

/* ---- popen.c */

PyObject *popen_launch(struct py_cache *c, PyObject *args);
/* Sets the pid of a Popen's child, and _child_created; or ends the child. */
int popen_tell_pid(PyObject *popen, pid_t pid);

/* ---- run_args.c */

/* The arguments of a run, and all that they point to. */
struct run {
	struct launch launch;
	struct spawn_template_run_args args;
	PyObject *input;	/* bytes */
	PyObject *on_output;	/* borrowed; NULL: none */
	PyThreadState *thread;	/* that runs it, while it is without the GIL */
};

/* Call run_free() after it, even if it fails. The GIL may be released meanwhile. */
int run_args_parse(struct run *run, enum launch_environ how, PyObject *args,
		   PyObject *kwargs, struct request *request, bool of_ring);
void run_free(struct run *run);

/* ---- ring_entry.c */

/* A launch or run in flight: its address is the user_data for the ring. */
struct entry {
	struct entry *next, *prev;
	PyObject *token;
	struct py_template *template;
	PyObject *cwd;		/* the object passed; or NULL */
	PyObject *sandbox;	/* a capsule; or NULL */
	int spare[3];		/* copies of fds, to close */
	int n_spare;
	bool spoilt;		/* its output has a gap: memory was short */
	uint32_t n_actions;
	uint8_t actions[];	/* their types */
};

/*
 * Makes an entry, which takes @launch's copies of fds. NULL with an exception.
 */
struct entry *entry_new(struct py_template *template, PyObject *token,
			struct launch *launch);
void entry_free(struct entry *entry);
struct error entry_error(const struct entry *entry, int error, uint32_t flags);

#endif
