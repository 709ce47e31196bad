/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of launches: an OSError, which turns into FileNotFoundError and the
 * like by its errno, with the stage and the action of the failure as
 * attributes.
 */
#include <string.h>

#include "native.h"

static int set_attribute(PyObject *object, const char *name, PyObject *value)
{
	int ret = -1;

	if (value) {
		ret = PyObject_SetAttrString(object, name, value);
		Py_DECREF(value);
	}
	return ret;
}

static PyObject *action_name(const char *name)
{
	if (name)
		return PyUnicode_FromString(name);
	Py_RETURN_NONE;
}

static PyObject *os_error(const struct error *e)
{
	/* strerror() uses the locale's language and encoding */
	PyObject *text =
		PyUnicode_DecodeLocale(strerror(e->error), "surrogateescape");
	PyObject *exception;

	if (!text)
		return NULL;
	exception = e->filename
			    ? PyObject_CallFunction(PyExc_OSError, "iOO",
						    e->error, text, e->filename)
			    : PyObject_CallFunction(PyExc_OSError, "iO",
						    e->error, text);
	Py_DECREF(text);
	return exception;
}

PyObject *error_new(const struct error *e)
{
	PyObject *exception = os_error(e);

	if (!exception)
		return NULL;
	if (set_attribute(exception, "stage",
			  PyLong_FromUnsignedLong(e->stage)) < 0 ||
	    set_attribute(exception, "action", action_name(e->action)) < 0) {
		Py_DECREF(exception);
		return NULL;
	}
	return exception;
}

PyObject *error_take(void)
{
	PyObject *type, *error, *traceback;

	PyErr_Fetch(&type, &error, &traceback);
	PyErr_NormalizeException(&type, &error, &traceback);
	Py_XDECREF(type);
	Py_XDECREF(traceback);
	return error;
}

PyObject *error_raise(const struct error *e)
{
	PyObject *exception = error_new(e);

	if (exception) {
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
		Py_DECREF(exception);
	}
	return NULL;
}
