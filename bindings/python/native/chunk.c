/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunk: output of a run that goes on. It stays in the memory of the ring until it is
 * taken, so that the ring stops reading for a consumer that falls behind. A ring has a
 * list of its chunks, and takes them back when it ends.
 */
#include "native.h"

struct chunk {
	PyObject_HEAD
	struct py_ring *ring;		/* borrowed */
	struct spawn_template_cqe *cqe;	/* NULL: given back */
	struct chunk *next, *prev;
};

static void give_back(struct chunk *c)
{
	struct spawn_template_cqe *cqe = c->cqe;
	struct py_ring *r = c->ring;

	if (!cqe)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else
		r->chunks = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->cqe = NULL;
	spawn_template_ring_seen(r->ring, cqe);
}

PyObject *chunk_new(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	PyTypeObject *type = (PyTypeObject *)r->chunk_type;
	struct chunk *c = (struct chunk *)PyType_GenericAlloc(type, 0);

	if (!c) {
		spawn_template_ring_seen(r->ring, cqe);
		return NULL;
	}
	c->ring = r;
	c->cqe = cqe;
	c->next = r->chunks;
	if (r->chunks)
		r->chunks->prev = c;
	r->chunks = c;
	return (PyObject *)c;
}

void chunks_give_back(struct py_ring *r)
{
	while (r->chunks)
		give_back(r->chunks);
}

static void chunk_dealloc(struct chunk *c)
{
	PyTypeObject *type = Py_TYPE(c);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	give_back(c);
	release(c);
	Py_DECREF(type);
}

static PyObject *chunk_refuse(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	(void)type;
	(void)args;
	(void)kwargs;
	PyErr_SetString(PyExc_TypeError, "a Chunk comes from a ring");
	return NULL;
}

static PyObject *chunk_take(struct chunk *c, PyObject *unused)
{
	PyObject *bytes;

	(void)unused;
	if (!c->cqe) {
		PyErr_SetString(PyExc_ValueError,
				"the chunk was taken, or its ring is closed");
		return NULL;
	}
	bytes = PyBytes_FromStringAndSize(c->cqe->data,
					  (Py_ssize_t)c->cqe->data_len);
	if (bytes)
		give_back(c);
	return bytes;
}

static PyMethodDef methods[] = {
	{ "take", (PyCFunction)(void (*)(void))chunk_take, METH_NOARGS,
	  "Return the bytes, and make room for others." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "A part of the output of a run." },
	{ Py_tp_new, chunk_refuse },
	{ Py_tp_dealloc, chunk_dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec chunk_spec = {
	.name = "spawn_template._native.Chunk",
	.basicsize = sizeof(struct chunk),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
