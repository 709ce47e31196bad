/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of launches: an OSError, which turns into FileNotFoundError and the
 * like by its errno, with the library's sentence as its text, and the stage and
 * the action of the failure as attributes.
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

/* Returns the library's sentence for a launch, else the C library's words. */
static PyObject *text_of(const struct error *e)
{
	const struct spawn_template_failure failure = {
		.error = e->error,
		.stage = e->stage,
		.action = e->index,
	};
	char text[512];

	/* strerror() uses the locale's language and encoding */
	if (e->of_call)
		return PyUnicode_DecodeLocale(strerror(e->error),
					      "surrogateescape");
	if (spawn_template_strerror(&failure, text, sizeof(text)) < 0)
		*text = '\0';
	return PyUnicode_FromString(text);
}

static PyObject *os_error(const struct error *e)
{
	PyObject *text = text_of(e), *exception;

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
