/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Converts argv and environment from Python's objects to C's lists.
 *
 * The strings are those of bytes objects, which never change and which the list
 * keeps. Only the environment of the process is copied: any thread that has the
 * GIL may change its strings.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "native.h"

/* musl's unistd.h declares it with _GNU_SOURCE only */
extern char **environ;

static int list_alloc(struct strings *s, Py_ssize_t n)
{
	s->list = PyMem_Malloc(((size_t)n + 1) * sizeof(char *));
	if (!s->list) {
		PyErr_NoMemory();
		return -1;
	}
	s->list[0] = NULL;
	return 0;
}

/* Keeps @bytes, whose reference it takes, as string number @i. */
static int set_string(struct strings *s, Py_ssize_t i, PyObject *bytes)
{
	char *text = PyBytes_AsString(bytes);

	if (!text || PyList_SetItem(s->owner, i, bytes) < 0)
		return -1;
	s->list[i] = text;
	s->list[i + 1] = NULL;
	return 0;
}

static int begin_list(struct strings *s, Py_ssize_t n)
{
	s->owner = PyList_New(n);
	return s->owner ? list_alloc(s, n) : -1;
}

static PyObject *fs_encode(PyObject *object)
{
	PyObject *bytes;

	return PyUnicode_FSConverter(object, &bytes) ? bytes : NULL;
}

/*
 * Tells a string or path from a sequence: each is one, but never meant as one.
 */
static bool is_string(PyObject *object)
{
	return PyUnicode_Check(object) || PyBytes_Check(object);
}

int strings_argv(struct strings *s, PyObject *argv)
{
	PyObject *items, *bytes;
	Py_ssize_t n;
	int ret;

	if (is_string(argv)) {
		PyErr_SetString(PyExc_TypeError,
				"argv must be a sequence of strings");
		return -1;
	}
	/* copy: a conversion may run code that changes the original */
	items = PySequence_Tuple(argv);
	if (!items)
		return -1;
	n = PyTuple_Size(items);
	ret = begin_list(s, n);
	if (ret == 0 && n == 0) {
		PyErr_SetString(PyExc_ValueError, "argv must not be empty");
		ret = -1;
	}
	for (Py_ssize_t i = 0; ret == 0 && i < n; i++) {
		bytes = fs_encode(PyTuple_GetItem(items, i));
		ret = bytes ? set_string(s, i, bytes) : -1;
	}
	Py_DECREF(items);
	return ret;
}

/* ---- environment */

static PyObject *join(PyObject *key, PyObject *value)
{
	const char *k = PyBytes_AsString(key);

	/* a name may begin with "=" */
	if (!*k || strchr(k + 1, '=')) {
		PyErr_SetString(PyExc_ValueError,
				"illegal environment variable name");
		return NULL;
	}
	return PyBytes_FromFormat("%s=%s", k, PyBytes_AsString(value));
}

/* Makes a new "key=value" from a pair. */
static PyObject *variable(PyObject *pair)
{
	PyObject *key, *value, *bytes = NULL;

	if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
		PyErr_SetString(PyExc_TypeError,
				"env.items() must yield pairs");
		return NULL;
	}
	key = fs_encode(PyTuple_GetItem(pair, 0));
	value = key ? fs_encode(PyTuple_GetItem(pair, 1)) : NULL;
	if (value)
		bytes = join(key, value);
	Py_XDECREF(key);
	Py_XDECREF(value);
	return bytes;
}

static PyObject *ready_variable(PyObject *item)
{
	char *text;

	/* with a NULL length it rejects a NUL inside */
	if (PyBytes_AsStringAndSize(item, &text, NULL) < 0)
		return NULL;
	Py_INCREF(item);
	return item;
}

int strings_env(struct strings *s, PyObject *env)
{
	bool ready = PyList_Check(env) || PyTuple_Check(env);
	PyObject *items = ready ? PySequence_Tuple(env) : PyMapping_Items(env);
	PyObject *item, *bytes;
	Py_ssize_t n;
	int ret;

	if (!items)
		return -1;
	n = PySequence_Size(items);
	ret = n < 0 ? -1 : begin_list(s, n);
	for (Py_ssize_t i = 0; ret == 0 && i < n; i++) {
		item = PySequence_GetItem(items, i);
		if (item)
			bytes = ready ? ready_variable(item) : variable(item);
		ret = item && bytes ? set_string(s, i, bytes) : -1;
		Py_XDECREF(item);
	}
	Py_DECREF(items);
	return ret;
}

int strings_environ(struct strings *s)
{
	size_t n = 0, size = 0;
	char *text;

	while (environ && environ[n])
		size += strlen(environ[n++]) + 1;
	s->list = PyMem_Malloc((n + 1) * sizeof(char *) + size);
	if (!s->list) {
		PyErr_NoMemory();
		return -1;
	}
	text = (char *)(s->list + n + 1);
	for (size_t i = 0; i < n; i++) {
		s->list[i] = text;
		text = stpcpy(text, environ[i]) + 1;
	}
	s->list[n] = NULL;
	return 0;
}

void strings_free(struct strings *s)
{
	Py_CLEAR(s->owner);
	PyMem_Free(s->list);
	s->list = NULL;
}
