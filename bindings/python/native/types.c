/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which types the methods of other types make and expect. The limited API of
 * CPython 3.9 has no way from a type to its module, and there are no globals; so
 * each type carries this, in a capsule that nothing else can be taken for.
 */
#include "native.h"

#define ATTRIBUTE "_types"
#define NAME "spawn_template._native._types"

struct types {
	PyObject *result, *template;
};

static void forget(PyObject *capsule)
{
	struct types *types = PyCapsule_GetPointer(capsule, NAME);

	if (!types)
		return;
	Py_DECREF(types->result);
	Py_DECREF(types->template);
	PyMem_Free(types);
}

int types_attach(PyObject *type, PyObject *result, PyObject *template)
{
	struct types *types = PyMem_Malloc(sizeof(*types));
	PyObject *capsule;
	int ret;

	if (!types) {
		PyErr_NoMemory();
		return -1;
	}
	capsule = PyCapsule_New(types, NAME, forget);
	if (!capsule) {
		PyMem_Free(types);
		return -1;
	}
	Py_INCREF(result);
	Py_INCREF(template);
	*types = (struct types){ .result = result, .template = template };
	ret = PyObject_SetAttrString(type, ATTRIBUTE, capsule);
	Py_DECREF(capsule);
	return ret;
}

/*
 * Return: the types as the capsule has them, which is a new reference and keeps
 * them; or NULL with an exception.
 */
static PyObject *find(PyTypeObject *type, struct types **types)
{
	PyObject *capsule = PyObject_GetAttrString((PyObject *)type, ATTRIBUTE);

	if (!capsule)
		return NULL;
	*types = PyCapsule_GetPointer(capsule, NAME);
	if (!*types)
		Py_CLEAR(capsule);
	return capsule;
}

PyObject *types_result(PyTypeObject *type)
{
	struct types *types;
	PyObject *result = NULL, *capsule = find(type, &types);

	if (capsule) {
		result = types->result;
		Py_INCREF(result);
		Py_DECREF(capsule);
	}
	return result;
}

PyObject *types_template(PyTypeObject *type)
{
	struct types *types;
	PyObject *template = NULL, *capsule = find(type, &types);

	if (capsule) {
		template = types->template;
		Py_INCREF(template);
		Py_DECREF(capsule);
	}
	return template;
}
