/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arguments of a launch for a subprocess.Popen, and the fds that only its child
 * needs.
 */
#include <unistd.h>

#include "native.h"

/* Tells whether all its conversions run without Python code. */
static bool is_plain(PyObject *object, int depth)
{
	PyObject *key, *value;
	Py_ssize_t i = 0;

	if (object == Py_None || PyBool_Check(object) ||
	    PyLong_CheckExact(object) || PyUnicode_Check(object) ||
	    PyBytes_Check(object))
		return true;
	if (!depth)
		return false;
	if (PyDict_CheckExact(object)) {
		while (PyDict_Next(object, &i, &key, &value))
			if (!is_plain(key, depth - 1) ||
			    !is_plain(value, depth - 1))
				return false;
		return true;
	}
	if (PyList_CheckExact(object)) {
		for (; i < PyList_Size(object); i++)
			if (!is_plain(PyList_GetItem(object, i), depth - 1))
				return false;
		return true;
	}
	if (!PyTuple_CheckExact(object))
		return false;
	for (; i < PyTuple_Size(object); i++)
		if (!is_plain(PyTuple_GetItem(object, i), depth - 1))
			return false;
	return true;
}

/*
 * Refuses a name with "=", as Popen does; a launch would accept a leading one.
 */
static int check_names(const struct launch *l)
{
	for (char **s = l->env.list; s && *s; s++) {
		if (**s != '=')
			continue;
		PyErr_SetString(PyExc_ValueError,
				"illegal environment variable name");
		return -1;
	}
	return 0;
}

static int take_args(struct launch *l, PyObject *args, struct popen_args *a)
{
	struct spawn_options o;
	struct request r;

	if (!PyArg_ParseTuple(args, "OOOOOOOiiiOpOiOOOpip", &a->names,
			      &a->audit, &a->popen, &a->fds, &a->owner, &r.argv,
			      &r.env, &o.std[0], &o.std[1], &o.std[2],
			      &o.pass_fds, &o.close_fds, &o.cwd, &o.umask,
			      &o.uid, &o.gid, &o.groups, &o.new_session,
			      &o.process_group, &o.restore_signals))
		return -1;
	if (spawn_args_take(l, LAUNCH_ENVIRON_COPY, &r, &o) < 0)
		return -1;
	return check_names(l);
}

#define BESIDE 5 /* arguments that are not the launch's */

int popen_args_parse(struct launch *l, PyObject *args, struct popen_args *a,
		     PyObject **error)
{
	PyObject *rest;

	*error = NULL;
	launch_begin(l);
	if (take_args(l, args, a) == 0)
		return 0;
	for (Py_ssize_t i = BESIDE; i < PyTuple_Size(args); i++) {
		rest = PyTuple_GetItem(args, i);
		if (!is_plain(rest, 2))
			return -1;
	}
	*error = error_take();
	return -1;
}

int popen_close(PyObject *popen, PyObject *fds)
{
	if (!PyTuple_Check(fds)) {
		PyErr_SetString(PyExc_TypeError, "fds must be a tuple");
		return -1;
	}
	if (PyObject_SetAttrString(popen, "_closed_child_pipe_fds", Py_True) <
	    0)
		return -1;
	for (Py_ssize_t i = 0; i < PyTuple_Size(fds); i++)
		close((int)PyLong_AsLong(PyTuple_GetItem(fds, i)));
	return PyErr_Occurred() ? -1 : 0;
}
