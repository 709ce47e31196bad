/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completions of a ring, as (token, error, value) at the end of a launch or run; or
 * before that as (token, kind, value), where the kind is a number and the value is a
 * Chunk of output, a Result for CQE_DETACHED, or None for CQE_ROOM.
 */
#include <errno.h>
#include <unistd.h>

#include "native.h"

/* ---- parts of a run that goes on */

static PyObject *part_value(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	PyObject *value;

	switch (cqe->kind) {
	case SPAWN_TEMPLATE_CQE_DETACHED:
		value = result_new(r->result_type, cqe->result, cqe->pid);
		break;
	case SPAWN_TEMPLATE_CQE_ROOM:
		value = Py_None;
		Py_INCREF(value);
		break;
	default:
		return chunk_new(r, cqe);
	}
	spawn_template_ring_seen(r->ring, cqe);
	return value;
}

/* Ends a run whose output has got a gap, unless another call has taken its end. */
static void spoil(struct py_ring *r, const struct entry *spoilt)
{
	for (struct entry *e = r->entries; e; e = e->next) {
		if (e != spoilt)
			continue;
		e->spoilt = true;
		spawn_template_ring_cancel(r->ring, (uintptr_t)e);
		return;
	}
}

/*
 * Returns (token, kind, value), and takes @cqe. NULL without an exception: memory was
 * short, and the run ends with that error.
 */
static PyObject *part(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	struct entry *entry = (void *)(uintptr_t)cqe->user_data;
	PyObject *token = entry->token, *value, *tuple = NULL;
	int kind = (int)cqe->kind;

	Py_INCREF(token);
	r->users++;
	value = part_value(r, cqe);
	if (value)
		tuple = Py_BuildValue("(OiO)", token, kind, value);
	Py_XDECREF(value);
	if (!tuple) {
		PyErr_Clear();
		spoil(r, entry);
	}
	r->users--;
	if (r->closing)
		ring_end(r);
	Py_DECREF(token);
	return tuple;
}

/* ---- ends */

/* Returns what the launch or run has made, or None. */
static PyObject *completion_value(struct py_ring *r,
				  const struct spawn_template_cqe *cqe)
{
	PyObject *child;

	if (cqe->result)
		return result_new(r->result_type, cqe->result, cqe->pid);
	if (cqe->res < 0)
		Py_RETURN_NONE;
	child = Py_BuildValue("ii", cqe->pid, cqe->pidfd);
	if (!child)
		close(cqe->pidfd);
	return child;
}

static PyObject *error_of(const struct entry *entry,
			  const struct spawn_template_cqe *cqe)
{
	struct error e;

	if (entry->spoilt)
		return PyErr_NoMemory();
	if (cqe->res >= 0)
		Py_RETURN_NONE;
	e = entry_error(entry, -cqe->res, cqe->flags);
	return error_new(&e);
}

/*
 * Returns the completion as (token, error, value), or NULL; gives @cqe back. While
 * it makes objects, the entry is its own, and the ring has a user more.
 */
static PyObject *completion(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	struct entry *entry = (void *)(uintptr_t)cqe->user_data;
	PyObject *error, *value, *tuple = NULL;

	ring_unlink(r, entry);
	r->users++;
	error = error_of(entry, cqe);
	value = error ? completion_value(r, cqe) : NULL;
	spawn_template_ring_seen(r->ring, cqe);
	r->users--;
	if (r->closing)
		ring_end(r);
	if (value)
		tuple = PyTuple_Pack(3, entry->token, error, value);
	Py_XDECREF(error);
	Py_XDECREF(value);
	entry_free(entry);
	return tuple;
}

/*
 * Returns the end of a launch or run. If memory is too short for it, that becomes its
 * error, so that nobody waits for it for ever.
 */
static PyObject *end_or_error(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	struct entry *entry = (void *)(uintptr_t)cqe->user_data;
	PyObject *token = entry->token, *tuple, *error;

	Py_INCREF(token);
	tuple = completion(r, cqe);
	if (!tuple) {
		error = error_take();
		tuple = PyTuple_Pack(3, token, error, Py_None);
		Py_XDECREF(error);
	}
	Py_DECREF(token);
	return tuple;
}

/* ---- completions */

/* Returns a tuple; NULL: without an exception there is nothing to tell. */
static PyObject *taken(struct py_ring *r, struct spawn_template_cqe *cqe)
{
	if (cqe->kind != SPAWN_TEMPLATE_CQE_END)
		return part(r, cqe);
	return end_or_error(r, cqe);
}

static int add_completion(struct py_ring *r, PyObject *list,
			  struct spawn_template_cqe *cqe)
{
	PyObject *tuple = taken(r, cqe);
	int ret = tuple ? PyList_Append(list, tuple) : 0;

	Py_XDECREF(tuple);
	return !tuple && PyErr_Occurred() ? -1 : ret;
}

PyObject *ring_reap(struct py_ring *r, PyObject *args)
{
	struct spawn_template_cqe *cqe;
	unsigned int most = UINT_MAX;
	PyObject *list;
	int ret = 0;

	if (!PyArg_ParseTuple(args, "|I:reap", &most) || !ring_check_open(r))
		return NULL;
	list = PyList_New(0);
	while (list && most-- && ring_is_open(r)) {
		ret = spawn_template_ring_wait(r->ring, &cqe, 0);
		if (ret == -EINTR)
			continue;
		if (ret < 0)
			break;
		if (add_completion(r, list, cqe) < 0)
			Py_CLEAR(list);
	}
	if (list && ret < 0 && ret != -ETIME) {
		ring_raise(-ret);
		Py_CLEAR(list);
	}
	return list;
}

PyObject *ring_wait(struct py_ring *r, PyObject *args)
{
	struct spawn_template_cqe *cqe;
	int ms = -1, ret;

	if (!PyArg_ParseTuple(args, "|i:wait", &ms) || !ring_check_open(r))
		return NULL;
	r->waiting++;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_ring_wait(r->ring, &cqe, ms);
	Py_END_ALLOW_THREADS
	r->waiting--;
	if (ret == 0) {
		PyObject *tuple = taken(r, cqe);

		if (tuple || PyErr_Occurred())
			return tuple;
		Py_RETURN_NONE;
	}
	if (ret != -ETIME && ret != -EINTR)
		return ring_raise(-ret);
	if (ret == -EINTR && PyErr_CheckSignals() < 0)
		return NULL;
	Py_RETURN_NONE;
}
