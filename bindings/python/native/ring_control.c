/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls for the runs of a ring that are under way. The GIL keeps their entries. */
#include <errno.h>

#include "native.h"

PyObject *ring_cancel(struct py_ring *r, PyObject *args)
{
	struct entry *entry;
	PyObject *token;
	int forget = 0, n = 0;

	if (!PyArg_ParseTuple(args, "O|p:cancel", &token, &forget) ||
	    !ring_check_open(r))
		return NULL;
	for (entry = r->entries; entry; entry = entry->next) {
		int ret;

		if (entry->token != token)
			continue;
		ret = spawn_template_ring_cancel(r->ring, (uintptr_t)entry);
		if (ret < 0 && ret != -ENOENT)
			return ring_raise(-ret);
		n += ret > 0;
		/* a completed run stays, with its token */
		if (!forget || ret <= 0)
			continue;
		/* the caller holds another reference */
		entry->token = Py_None;
		Py_INCREF(Py_None);
		Py_DECREF(token);
	}
	return PyLong_FromLong(n);
}

/* Returns the entry with this token that was queued last, or NULL. */
static struct entry *entry_of(struct py_ring *r, const PyObject *token)
{
	for (struct entry *entry = r->entries; entry; entry = entry->next)
		if (entry->token == token)
			return entry;
	return NULL;
}

/* A run that is over reads nothing any more: the library's ENOENT is EPIPE here. */
static PyObject *told(int ret)
{
	if (ret >= 0)
		return PyLong_FromLong(ret);
	return ring_raise(ret == -ENOENT ? EPIPE : -ret);
}

PyObject *ring_write(struct py_ring *r, PyObject *args)
{
	PyObject *token, *data;
	struct entry *entry;
	Py_ssize_t from, n;
	int ret;

	if (!PyArg_ParseTuple(args, "OOn:write", &token, &data, &from) ||
	    !ring_check_open(r))
		return NULL;
	n = PyBytes_Size(data);
	if (n < 0)
		return NULL;
	if (from < 0 || from > n) {
		PyErr_SetString(PyExc_ValueError, "no such offset");
		return NULL;
	}
	/* what is taken is told in an int, and is little */
	n -= from;
	if (n > SPAWN_TEMPLATE_RING_MAX_INPUT)
		n = SPAWN_TEMPLATE_RING_MAX_INPUT;
	entry = entry_of(r, token);
	ret = entry ? spawn_template_ring_write(r->ring, (uintptr_t)entry,
						PyBytes_AsString(data) + from,
						(size_t)n)
		    : -EPIPE;
	return told(ret == -EAGAIN ? 0 : ret);
}

PyObject *ring_close_input(struct py_ring *r, PyObject *token)
{
	struct entry *entry;
	int ret = 0;

	if (!ring_check_open(r))
		return NULL;
	entry = entry_of(r, token);
	if (entry)
		ret = spawn_template_ring_close_input(r->ring,
						      (uintptr_t)entry);
	return told(ret == -ENOENT ? 0 : ret);
}

PyObject *ring_winsize(struct py_ring *r, PyObject *args)
{
	struct entry *entry;
	unsigned int winsize;
	PyObject *token;
	int ret = 0;

	if (!PyArg_ParseTuple(args, "OI:winsize", &token, &winsize) ||
	    !ring_check_open(r))
		return NULL;
	entry = entry_of(r, token);
	if (entry)
		ret = spawn_template_ring_winsize(r->ring, (uintptr_t)entry,
						  winsize);
	return told(ret == -ENOENT ? 0 : ret);
}
