/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring: many launches and runs without blocking, for an event loop. ring_take.c takes
 * its completions, and ring_control.c talks to its runs.
 *
 * Only wait() and close() release the GIL: no other call on the ring waits, so
 * none is under way when another thread closes the ring.
 *
 * An allocation of an object may collect garbage (before Python 3.12), and so run
 * finalizers, which may call any method here. So nothing that they could free is
 * used across an allocation. A call that needs the ring itself counts as a user of
 * the ring, and close() leaves the end of the ring to that user.
 */
#include <errno.h>
#include <unistd.h>

#include "native.h"
#include <structmember.h>

PyObject *ring_raise(int error)
{
	return error_raise(&(struct error){ .error = error, .of_call = true });
}

bool ring_is_open(const struct py_ring *r)
{
	return r->ring && !r->closing;
}

bool ring_check_open(const struct py_ring *r)
{
	if (!ring_is_open(r))
		PyErr_SetString(PyExc_ValueError, "the ring is closed");
	return ring_is_open(r);
}

/* ---- entries */

static void entry_link(struct py_ring *r, struct entry *entry)
{
	entry->prev = NULL;
	entry->next = r->entries;
	if (r->entries)
		r->entries->prev = entry;
	r->entries = entry;
}

void ring_unlink(struct py_ring *r, struct entry *entry)
{
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		r->entries = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
}

/* Frees entries. A token may run code when it is freed. */
static void free_entries(struct entry *entry)
{
	while (entry) {
		struct entry *next = entry->next;

		entry_free(entry);
		entry = next;
	}
}

/* Runs no Python code: a list grows without a collection of garbage. */
static int add_tokens(PyObject *tokens, const struct entry *entry)
{
	for (; entry; entry = entry->next)
		if (PyList_Append(tokens, entry->token) < 0)
			return -1;
	return 0;
}

/* ---- making and freeing */

static int ring_init(struct py_ring *r, PyTypeObject *type,
		     unsigned int entries, unsigned int threads)
{
	struct spawn_template_ring_params params =
		SPAWN_TEMPLATE_RING_PARAMS_INIT;
	int ret;

	params.threads = threads;
	r->result_type = types_result(type);
	if (r->result_type)
		r->template_type = types_template(type);
	if (r->template_type)
		r->chunk_type = types_chunk(type);
	if (!r->chunk_type)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_ring_init(entries, &params, sizeof(params),
				       &r->ring);
	Py_END_ALLOW_THREADS
	if (ret < 0)
		ring_raise(-ret);
	return ret < 0 ? -1 : 0;
}

static PyObject *ring_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	char *names[] = { "entries", "threads", NULL };
	unsigned int entries, threads = 0;
	struct py_ring *r;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "I|$I:Ring", names,
					 &entries, &threads))
		return NULL;
	r = (struct py_ring *)PyType_GenericAlloc(type, 0);
	if (!r)
		return NULL;
	if (ring_init(r, type, entries, threads) < 0) {
		Py_DECREF(r);
		return NULL;
	}
	return (PyObject *)r;
}

/*
 * Ends the ring, or leaves that to its last user. A second caller has nothing to do,
 * even without the GIL.
 */
void ring_end(struct py_ring *r)
{
	struct spawn_template_ring *ring = r->ring;
	struct entry *entries = r->entries;

	r->closing = true;
	if (r->users)
		return;
	chunks_give_back(r);
	r->ring = NULL;
	r->entries = NULL;
	if (ring) {
		Py_BEGIN_ALLOW_THREADS
		spawn_template_ring_exit(ring);
		Py_END_ALLOW_THREADS
	}
	free_entries(entries);
}

static PyObject *ring_close(struct py_ring *r, PyObject *unused)
{
	PyObject *tokens = PyList_New(0);

	(void)unused;
	if (!tokens)
		return NULL;
	/* after fork, threads that waited in the parent are not in the child */
	if (r->waiting && r->ring && spawn_template_ring_fd(r->ring) >= 0) {
		PyErr_SetString(PyExc_RuntimeError,
				"another thread waits for the ring");
		Py_DECREF(tokens);
		return NULL;
	}
	if (ring_is_open(r) && add_tokens(tokens, r->entries) < 0) {
		Py_DECREF(tokens);
		return NULL;
	}
	ring_end(r);
	return tokens;
}

static int ring_traverse(struct py_ring *r, visitproc visit, void *arg)
{
	for (struct entry *entry = r->entries; entry; entry = entry->next) {
		Py_VISIT(entry->token);
		Py_VISIT((PyObject *)entry->template);
		Py_VISIT(entry->cwd);
	}
	Py_VISIT(r->result_type);
	Py_VISIT(r->template_type);
	Py_VISIT(r->chunk_type);
	Py_VISIT((PyObject *)Py_TYPE(r));
	return 0;
}

/* Drops the tokens; runs in flight still need their entries. */
static int ring_clear(struct py_ring *r)
{
	struct entry *entry = r->entries;

	while (entry) {
		PyObject *token = entry->token;

		if (token == Py_None) {
			entry = entry->next;
			continue;
		}
		Py_INCREF(Py_None);
		entry->token = Py_None;
		Py_DECREF(token);
		/* the token's code may have changed the list */
		entry = r->entries;
	}
	return 0;
}

static void ring_dealloc(struct py_ring *r)
{
	PyTypeObject *type = Py_TYPE(r);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	PyObject_GC_UnTrack(r);
	ring_end(r);
	Py_CLEAR(r->result_type);
	Py_CLEAR(r->template_type);
	Py_CLEAR(r->chunk_type);
	release(r);
	Py_DECREF(type);
}

/* ---- submission */

static struct entry *begin_entry(struct py_ring *r,
				 const struct request *request,
				 struct launch *l, int *tfd)
{
	struct py_template *t = (struct py_template *)request->template;

	if (!ring_check_open(r))
		return NULL;
	if ((PyObject *)Py_TYPE(t) != r->template_type) {
		PyErr_SetString(PyExc_TypeError, "template must be a Template");
		return NULL;
	}
	*tfd = template_hold(t);
	if (*tfd < 0)
		return NULL;
	/* the entry holds the template itself */
	template_release(t);
	return entry_new(t, request->token, l);
}

static PyObject *queued(struct py_ring *r, struct entry *entry, int ret)
{
	if (ret < 0) {
		struct error e = { .error = -ret,
				   .filename = entry->template->path };

		/* a full ring is no matter of a file */
		if (ret == -EAGAIN || ret == -EACCES) {
			e.filename = NULL;
			e.of_call = true;
		}
		error_raise(&e);
		entry_free(entry);
		return NULL;
	}
	entry_link(r, entry);
	Py_RETURN_NONE;
}

static PyObject *ring_run(struct py_ring *r, PyObject *args, PyObject *kwargs)
{
	struct request request;
	struct entry *entry;
	struct run run;
	PyObject *none = NULL;
	int tfd, ret;

	if (run_args_parse(&run, LAUNCH_ENVIRON_SHARE, args, kwargs, &request,
			   true) == 0) {
		entry = begin_entry(r, &request, &run.launch, &tfd);
		if (entry) {
			run.args.spawn.envp = launch_environ_of(&run.launch);
			ret = spawn_template_ring_run(r->ring, tfd, &run.args,
						      sizeof(run.args),
						      (uintptr_t)entry);
			none = queued(r, entry, ret);
		}
	}
	run_free(&run);
	return none;
}

static PyObject *ring_spawn(struct py_ring *r, PyObject *args, PyObject *kwargs)
{
	struct request request;
	struct entry *entry;
	struct launch l;
	PyObject *none = NULL;
	int tfd, ret;

	if (spawn_args_parse(&l, LAUNCH_ENVIRON_SHARE, args, kwargs, &request,
			     true) == 0) {
		entry = begin_entry(r, &request, &l, &tfd);
		if (entry) {
			l.args.envp = launch_environ_of(&l);
			ret = spawn_template_ring_spawn(r->ring, tfd, &l.args,
							sizeof(l.args),
							(uintptr_t)entry);
			none = queued(r, entry, ret);
		}
	}
	launch_free(&l);
	return none;
}

static PyObject *ring_submit(struct py_ring *r, PyObject *unused)
{
	int ret;

	(void)unused;
	if (!ring_check_open(r))
		return NULL;
	ret = spawn_template_ring_submit(r->ring);
	return ret < 0 ? ring_raise(-ret) : PyLong_FromLong(ret);
}

static PyObject *ring_fileno(struct py_ring *r, PyObject *unused)
{
	int fd;

	(void)unused;
	if (!ring_check_open(r))
		return NULL;
	fd = spawn_template_ring_fd(r->ring);
	return fd < 0 ? ring_raise(-fd) : PyLong_FromLong(fd);
}

/* ---- the type */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
	{ "fileno", METHOD(ring_fileno), METH_NOARGS,
	  "The descriptor to poll for completions." },
	{ "run", METHOD(ring_run), METH_VARARGS | METH_KEYWORDS,
	  "Queue a run to completion." },
	{ "spawn", METHOD(ring_spawn), METH_VARARGS | METH_KEYWORDS,
	  "Queue a launch." },
	{ "submit", METHOD(ring_submit), METH_NOARGS,
	  "Start the queued launches and runs; return how many." },
	{ "reap", METHOD(ring_reap), METH_VARARGS,
	  "Take the completions so far: (token, error or kind, value)." },
	{ "wait", METHOD(ring_wait), METH_VARARGS,
	  "Wait for one completion; None if none came in time." },
	{ "cancel", METHOD(ring_cancel), METH_VARARGS,
	  "Cancel the entries with this token; return how many were not complete." },
	{ "write", METHOD(ring_write), METH_VARARGS,
	  "Write to the stdin of a run; return how much there was room for." },
	{ "close_input", METHOD(ring_close_input), METH_O,
	  "End the stdin of a run." },
	{ "winsize", METHOD(ring_winsize), METH_VARARGS,
	  "Set the size of a run's terminal." },
	{ "close", METHOD(ring_close), METH_NOARGS,
	  "Kill the runs in flight and end the ring; return the tokens." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "Ring(entries, *, threads=0)" },
	{ Py_tp_new, ring_new },
	{ Py_tp_dealloc, ring_dealloc },
	{ Py_tp_traverse, ring_traverse },
	{ Py_tp_clear, ring_clear },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec ring_spec = {
	.name = "spawn_template._native.Ring",
	.basicsize = sizeof(struct py_ring),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.slots = slots,
};
