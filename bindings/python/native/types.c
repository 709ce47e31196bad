/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types that the methods of other types make and expect. In the limited API of
 * CPython 3.9 no call leads from a type to its module, and there are no
 * globals. So each type carries these types in a capsule, which cannot be mistaken
 * for another object.
 */
#include "native.h"

#define ATTRIBUTE "_types"
#define NAME "spawn_template._native._types"

static void free_types(struct types *types)
{
	Py_XDECREF(types->result);
	Py_XDECREF(types->template);
	Py_XDECREF(types->pending);
	Py_XDECREF(types->chunk);
	PyMem_Free(types);
}

static void free_capsule(PyObject *capsule)
{
	struct types *types = PyCapsule_GetPointer(capsule, NAME);

	if (types)
		free_types(types);
}

int types_attach(PyObject *type, const struct types *types)
{
	struct types *own = PyMem_Malloc(sizeof(*own));
	PyObject *capsule;
	int ret;

	if (!own) {
		PyErr_NoMemory();
		return -1;
	}
	*own = *types;
	Py_XINCREF(own->result);
	Py_XINCREF(own->template);
	Py_XINCREF(own->pending);
	Py_XINCREF(own->chunk);
	capsule = PyCapsule_New(own, NAME, free_capsule);
	if (!capsule) {
		free_types(own);
		return -1;
	}
	ret = PyObject_SetAttrString(type, ATTRIBUTE, capsule);
	Py_DECREF(capsule);
	return ret;
}

/* Returns a new reference to the type at @offset, or NULL with an exception. */
static PyObject *find_type(PyTypeObject *type, size_t offset)
{
	PyObject *capsule = PyObject_GetAttrString((PyObject *)type, ATTRIBUTE);
	PyObject *found = NULL;
	char *types;

	if (!capsule)
		return NULL;
	types = PyCapsule_GetPointer(capsule, NAME);
	if (types) {
		found = *(PyObject **)(types + offset);
		Py_XINCREF(found);
	}
	Py_DECREF(capsule);
	return found;
}

PyObject *types_result(PyTypeObject *type)
{
	return find_type(type, offsetof(struct types, result));
}

PyObject *types_template(PyTypeObject *type)
{
	return find_type(type, offsetof(struct types, template));
}

PyObject *types_pending(PyTypeObject *type)
{
	return find_type(type, offsetof(struct types, pending));
}

PyObject *types_chunk(PyTypeObject *type)
{
	return find_type(type, offsetof(struct types, chunk));
}
