/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the extension module share.
 *
 * Rules: the limited API of CPython 3.9, so that one binary serves all later
 * versions; no writable static data; the GIL is released around every call that
 * may wait, and nothing of Python is touched meanwhile. Functions that return an
 * int give 0, or -1 with an exception set.
 */
#ifndef NATIVE_H
#define NATIVE_H

#define Py_LIMITED_API 0x03090000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

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
	bool closing;		/* by the last of them */
	PyObject *path;
};

extern PyType_Spec template_spec;

/* The fd, which stays open until given back; or -1 with an exception. */
int template_hold(struct py_template *t);
void template_release(struct py_template *t);

struct launch;

/* @pid: or -errno, of the launch. */
int template_launch(struct py_template *t, struct launch *launch, int *pid,
		    int *pidfd);

/* ---- template_stat.c */

PyObject *template_stat_dict(const struct spawn_template_stat *st);

/* ---- pending.c */

extern PyType_Spec pending_spec;

PyObject *pending_new(struct py_template *t, PyObject *args, PyObject *kwargs);
/* Of a launch that is over. Takes @pidfd, also when it fails. */
PyObject *pending_of(PyObject *type, int pid, int pidfd);

/* ---- ring.c */

extern PyType_Spec ring_spec;

/* ---- result.c */

extern PyType_Spec result_spec;

/* Takes nothing of @result: its output is copied. */
PyObject *result_new(PyObject *type, const struct spawn_template_result *result,
		     int pid);

/* ---- types.c: from a type, which all have, to what its methods make */

struct types {
	PyObject *result, *template, *pending;
};

/* Takes no reference; what is attached has its own. */
int types_attach(PyObject *type, const struct types *types);
/* New references, or NULL with an exception. */
PyObject *types_result(PyTypeObject *type);
PyObject *types_template(PyTypeObject *type);
PyObject *types_pending(PyTypeObject *type);

/* ---- error.c */

/* One of a failed launch; @filename may be NULL. */
struct error {
	int error;		/* positive errno */
	uint32_t stage;
	const char *action;	/* what it is called; NULL: none */
	PyObject *filename;	/* borrowed */
};

PyObject *error_new(const struct error *error);
/* The exception that is set, which then is not any more. */
PyObject *error_take(void);
/* Always NULL, for the caller to return. */
PyObject *error_raise(const struct error *error);

/* ---- strings.c */

/* A list of strings that ends with NULL, and what they are in. */
struct strings {
	char **list;
	PyObject *owner;	/* a list of bytes; or NULL: behind the list */
};

int strings_argv(struct strings *strings, PyObject *argv);
int strings_env(struct strings *strings, PyObject *env);
/* A copy of the environment of the process. */
int strings_environ(struct strings *strings);
void strings_free(struct strings *strings);

/* ---- launch.c */

/* A launch that is to be asked for, and all that it points to. */
struct launch {
	struct spawn_template_spawn_args args;
	struct spawn_template_failure failure;
	struct spawn_template_action actions[SPAWN_TEMPLATE_ACTIONS_MAX];
	struct spawn_template_sigset sigset;
	uint64_t signals;
	struct strings argv, env;
	PyObject *cwd;		/* as given; borrowed */
	PyObject *cwd_bytes;
	gid_t *groups;
	int spare[3];		/* copies of fds, to be closed */
	int n_spare;
};

/* How the environment of the process is passed on. */
enum launch_environ {
	LAUNCH_ENVIRON_COPY,	/* for a call without the GIL */
	LAUNCH_ENVIRON_SHARE,	/* for launch_environ_of() to tell */
};

/* To be followed by launch_free(), whatever fails. */
void launch_begin(struct launch *launch);
int launch_strings(struct launch *launch, PyObject *argv, PyObject *env,
		   enum launch_environ how);
/*
 * The envp of a launch whose environment is shared. What is converted may run code
 * of Python, which may change it: so this is to be asked last.
 */
uint64_t launch_environ_of(const struct launch *launch);
int launch_action(struct launch *launch, uint32_t type, int fd, int newfd,
		  const void *arg);
int launch_cwd(struct launch *launch, PyObject *cwd);
/* SIGPIPE and SIGXFSZ, which Python ignores. */
int launch_signals(struct launch *launch, bool restore);
void launch_free(struct launch *launch);

const char *launch_action_name(uint32_t type);
struct error launch_error(const struct launch *launch, int error,
			  PyObject *path);

/* ---- request.c */

/* What a method called spawn or run was given, borrowed. */
struct request {
	PyObject *template, *token;	/* of a ring's only */
	PyObject *argv, *env;
};

/*
 * As PyArg_ParseTupleAndKeywords(), but for the result. @format, @names and what
 * follows are of a ring's method, whose first two are left out of a template's.
 */
int request_parse(PyObject *args, PyObject *kwargs, bool of_ring,
		  const char *format, char **names, ...);

/* Of an option: None is as good as nothing. */
static inline bool is_given(PyObject *object)
{
	return object && object != Py_None;
}

/* ---- spawn_args.c */

/* To be followed by launch_free(), whatever fails. */
int spawn_args_parse(struct launch *launch, enum launch_environ how,
		     PyObject *args, PyObject *kwargs, struct request *request,
		     bool of_ring);

/* ---- popen.c */

extern PyMethodDef popen_functions[];

/* To be followed by launch_free(), whatever fails. */
int popen_args_parse(struct launch *launch, PyObject *args, PyObject *kwargs,
		     PyObject **first, Py_ssize_t n, PyObject **error);
/* Closes what the child alone needs, which is then no matter of @popen's. */
int popen_close(PyObject *popen, PyObject *fds);
PyObject *popen_launch(struct py_template *t, PyObject *args, PyObject *kwargs);

/* ---- run_args.c */

/* A run that is to be asked for, and all that it points to. */
struct run {
	struct launch launch;
	struct spawn_template_run_args args;
	PyObject *input;	/* bytes */
};

/* To be followed by run_free(), whatever fails. */
int run_args_parse(struct run *run, enum launch_environ how, PyObject *args,
		   PyObject *kwargs, struct request *request, bool of_ring);
void run_free(struct run *run);

/* ---- ring_entry.c */

/* What is in flight: the user_data of the ring is its address. */
struct entry {
	struct entry *next, *prev;
	PyObject *token;
	struct py_template *template;
	PyObject *cwd;		/* as given; or NULL */
	int spare[3];		/* copies of fds, to be closed */
	int n_spare;
	uint32_t n_actions;
	uint8_t actions[];	/* their types */
};

/* Takes the copies of fds from @launch. NULL with an exception. */
struct entry *entry_new(struct py_template *template, PyObject *token,
			struct launch *launch);
void entry_free(struct entry *entry);
struct error entry_error(const struct entry *entry, int error, uint32_t flags);

#endif
