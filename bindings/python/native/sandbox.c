/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sandboxes of runs. In Python one is a capsule, which cannot be mistaken for another
 * object, inside of spawn_template.Sandbox.
 */
#include <errno.h>

#include "native.h"

#define NAME "spawn_template._native.sandbox"

/* A list of paths: what the library reads, and the bytes behind it. */
struct paths {
	PyObject *owner;	/* a list of bytes; NULL: not given */
	const char **list;
};

static int take_path(struct paths *p, Py_ssize_t i)
{
	PyObject *bytes;

	if (!PyUnicode_FSConverter(PyList_GetItem(p->owner, i), &bytes))
		return -1;
	p->list[i] = PyBytes_AsString(bytes);
	return PyList_SetItem(p->owner, i, bytes);
}

static int take_paths(struct paths *p, PyObject *given)
{
	Py_ssize_t n;

	*p = (struct paths){ .owner = NULL };
	if (!is_given(given))
		return 0;
	p->owner = PySequence_List(given);
	if (!p->owner)
		return -1;
	n = PyList_Size(p->owner);
	p->list = PyMem_Calloc((size_t)n + 1, sizeof(*p->list));
	if (!p->list) {
		PyErr_NoMemory();
		return -1;
	}
	for (Py_ssize_t i = 0; i < n; i++)
		if (take_path(p, i) < 0)
			return -1;
	return 0;
}

static void free_paths(struct paths *p)
{
	PyMem_Free(p->list);
	Py_XDECREF(p->owner);
}

/* A list of TCP ports. */
struct ports {
	uint16_t *list;
	size_t n;
};

static int take_port(struct ports *p, PyObject *item)
{
	unsigned long port = PyLong_AsUnsignedLong(item);

	if (port == (unsigned long)-1 && PyErr_Occurred())
		return -1;
	if (port > UINT16_MAX) {
		PyErr_SetString(PyExc_ValueError, "a port is at most 65535");
		return -1;
	}
	p->list[p->n++] = (uint16_t)port;
	return 0;
}

static int take_ports(struct ports *p, PyObject *given)
{
	PyObject *items;
	Py_ssize_t n;
	int ret = 0;

	if (!is_given(given))
		return 0;
	items = PySequence_Tuple(given);
	if (!items)
		return -1;
	n = PyTuple_Size(items);
	p->list = PyMem_Calloc((size_t)n + 1, sizeof(*p->list));
	if (!p->list) {
		PyErr_NoMemory();
		ret = -1;
	}
	for (Py_ssize_t i = 0; ret == 0 && i < n; i++)
		ret = take_port(p, PyTuple_GetItem(items, i));
	Py_DECREF(items);
	return ret;
}

static void free_sandbox(PyObject *capsule)
{
	spawn_template_sandbox_free(PyCapsule_GetPointer(capsule, NAME));
}

static PyObject *raise_error(int error, const char *failed)
{
	PyObject *path = NULL;

	if (failed)
		path = PyUnicode_DecodeFSDefault(failed);
	if (path || !failed)
		error_raise(&(struct error){
			.error = error, .filename = path, .of_call = true });
	Py_XDECREF(path);
	return NULL;
}

/* Opening the paths may take long, so the GIL is released meanwhile. */
static PyObject *make(struct spawn_template_sandbox_args *args)
{
	struct spawn_template_sandbox *sandbox = NULL;
	const char *failed = NULL;
	PyObject *capsule;
	int ret;

	args->failed = (uintptr_t)&failed;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_sandbox_new(args, sizeof(*args), &sandbox);
	Py_END_ALLOW_THREADS
	if (ret < 0)
		return raise_error(-ret, failed);
	capsule = PyCapsule_New(sandbox, NAME, free_sandbox);
	if (!capsule)
		spawn_template_sandbox_free(sandbox);
	return capsule;
}

/* The lists of a sandbox, as they are given, and as the library reads them. */
struct wishes {
	struct spawn_template_sandbox_args args;
	struct paths ro, rw;
	struct ports connect, bind;
};

static int take_wishes(struct wishes *w, PyObject *given)
{
	PyObject *ro, *rw, *connect = NULL, *bind = NULL;
	unsigned long long flags;

	if (!PyArg_ParseTuple(given, "OOK|OO", &ro, &rw, &flags, &connect,
			      &bind) ||
	    take_paths(&w->ro, ro) < 0 || take_paths(&w->rw, rw) < 0 ||
	    take_ports(&w->connect, connect) < 0 ||
	    take_ports(&w->bind, bind) < 0)
		return -1;
	w->args.flags = flags;
	w->args.read_only = (uintptr_t)w->ro.list;
	w->args.writable = (uintptr_t)w->rw.list;
	w->args.connect_ports = (uintptr_t)w->connect.list;
	w->args.n_connect_ports = w->connect.n;
	w->args.bind_ports = (uintptr_t)w->bind.list;
	w->args.n_bind_ports = w->bind.n;
	return 0;
}

/* sandbox_new(ro, rw, flags, connect, bind), or with @lost: sandbox_lost() of these */
static PyObject *call(PyObject *given, bool lost)
{
	struct wishes w = { .args = SPAWN_TEMPLATE_SANDBOX_ARGS_INIT };
	PyObject *result = NULL;

	if (take_wishes(&w, given) == 0)
		result = lost ? PyLong_FromLong(spawn_template_sandbox_lost(
					&w.args, sizeof(w.args)))
			      : make(&w.args);
	free_paths(&w.ro);
	free_paths(&w.rw);
	PyMem_Free(w.connect.list);
	PyMem_Free(w.bind.list);
	return result;
}

PyObject *sandbox_new(PyObject *module, PyObject *args)
{
	(void)module;
	return call(args, false);
}

PyObject *sandbox_lost(PyObject *module, PyObject *args)
{
	(void)module;
	return call(args, true);
}

int launch_sandbox(struct launch *l, PyObject *sandbox)
{
	struct spawn_template_sandbox *s;

	if (!is_given(sandbox))
		return 0;
	s = PyCapsule_GetPointer(sandbox, NAME);
	if (!s)
		return -1;
	l->sandbox = sandbox;
	if (spawn_template_sandbox_apply(s, &l->args, sizeof(l->args)) == 0)
		return 0;
	error_raise(&(struct error){ .error = EINVAL });
	return -1;
}
