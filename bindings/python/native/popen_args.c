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

/*
 * Parses the first @n of @args, borrowed, and the launch from the other
 * arguments and @kwargs. On failure @error is the error; or NULL, with an
 * exception, if Python code may have run.
 */
int popen_args_parse(struct launch *l, PyObject *args, PyObject *kwargs,
		     PyObject **first, Py_ssize_t n, PyObject **error)
{
	PyObject *rest = NULL;
	struct request request;
	int ret = -1;

	*error = NULL;
	launch_begin(l);
	if (PyTuple_Size(args) < n)
		PyErr_SetString(PyExc_TypeError, "too few arguments");
	else
		rest = PyTuple_GetSlice(args, n, PyTuple_Size(args));
	if (!rest)
		return -1;
	for (Py_ssize_t i = 0; i < n; i++)
		first[i] = PyTuple_GetItem(args, i);
	if (spawn_args_parse(l, LAUNCH_ENVIRON_COPY, rest, kwargs, &request,
			     false) == 0)
		ret = check_names(l);
	if (ret < 0 && is_plain(rest, 3) && (!kwargs || is_plain(kwargs, 3)))
		*error = error_take();
	Py_DECREF(rest);
	return ret;
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
