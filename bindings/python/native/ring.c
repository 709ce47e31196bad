/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring: many launches and runs without blocking, for an event loop.
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

struct py_ring {
	PyObject_HEAD
	struct spawn_template_ring *ring; /* NULL: closed */
	struct entry *entries; /* those in flight */
	PyObject *result_type, *template_type;
	unsigned int waiting; /* waiting threads, without the GIL */
	unsigned int users; /* calls that make objects out of a completion */
	bool closing; /* the last user ends the ring */
};

static PyObject *raise_errno(int error)
{
	return error_raise(&(struct error){ .error = error, .of_call = true });
}

static bool is_open(const struct py_ring *r)
{
	return r->ring && !r->closing;
}

static bool check_open(const struct py_ring *r)
{
	if (!is_open(r))
		PyErr_SetString(PyExc_ValueError, "the ring is closed");
	return is_open(r);
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

static void entry_unlink(struct py_ring *r, struct entry *entry)
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
	if (!r->template_type)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_ring_init(entries, &params, sizeof(params),
				       &r->ring);
	Py_END_ALLOW_THREADS
	if (ret < 0)
		raise_errno(-ret);
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
static void end(struct py_ring *r)
{
	struct spawn_template_ring *ring = r->ring;
	struct entry *entries = r->entries;

	r->closing = true;
	if (r->users)
		return;
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
	if (is_open(r) && add_tokens(tokens, r->entries) < 0) {
		Py_DECREF(tokens);
		return NULL;
	}
	end(r);
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
	end(r);
	Py_CLEAR(r->result_type);
	Py_CLEAR(r->template_type);
	release(r);
	Py_DECREF(type);
}

/* ---- submission */

static struct entry *begin_entry(struct py_ring *r,
				 const struct request *request,
				 struct launch *l, int *tfd)
{
	struct py_template *t = (struct py_template *)request->template;

	if (!check_open(r))
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
	if (!check_open(r))
		return NULL;
	ret = spawn_template_ring_submit(r->ring);
	return ret < 0 ? raise_errno(-ret) : PyLong_FromLong(ret);
}

/* ---- completion */

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

	entry_unlink(r, entry);
	r->users++;
	error = error_of(entry, cqe);
	value = error ? completion_value(r, cqe) : NULL;
	spawn_template_ring_seen(r->ring, cqe);
	r->users--;
	if (r->closing)
		end(r);
	if (value)
		tuple = PyTuple_Pack(3, entry->token, error, value);
	Py_XDECREF(error);
	Py_XDECREF(value);
	entry_free(entry);
	return tuple;
}

/*
 * Returns the completion. If memory is too short for it, that becomes its
 * error, so that nobody waits for it for ever.
 */
static PyObject *completion_or_error(struct py_ring *r,
				     struct spawn_template_cqe *cqe)
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

static int add_completion(struct py_ring *r, PyObject *list,
			  struct spawn_template_cqe *cqe)
{
	PyObject *tuple = completion_or_error(r, cqe);
	int ret = tuple ? PyList_Append(list, tuple) : -1;

	Py_XDECREF(tuple);
	return ret;
}

static PyObject *ring_reap(struct py_ring *r, PyObject *args)
{
	struct spawn_template_cqe *cqe;
	unsigned int most = UINT_MAX;
	PyObject *list;
	int ret = 0;

	if (!PyArg_ParseTuple(args, "|I:reap", &most) || !check_open(r))
		return NULL;
	list = PyList_New(0);
	while (list && most-- && is_open(r)) {
		ret = spawn_template_ring_wait(r->ring, &cqe, 0);
		if (ret == -EINTR)
			continue;
		if (ret < 0)
			break;
		if (add_completion(r, list, cqe) < 0)
			Py_CLEAR(list);
	}
	if (list && ret < 0 && ret != -ETIME) {
		raise_errno(-ret);
		Py_CLEAR(list);
	}
	return list;
}

static PyObject *ring_wait(struct py_ring *r, PyObject *args)
{
	struct spawn_template_cqe *cqe;
	int ms = -1, ret;

	if (!PyArg_ParseTuple(args, "|i:wait", &ms) || !check_open(r))
		return NULL;
	r->waiting++;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_ring_wait(r->ring, &cqe, ms);
	Py_END_ALLOW_THREADS
	r->waiting--;
	if (ret == 0)
		return completion_or_error(r, cqe);
	if (ret != -ETIME && ret != -EINTR)
		return raise_errno(-ret);
	if (ret == -EINTR && PyErr_CheckSignals() < 0)
		return NULL;
	Py_RETURN_NONE;
}

/* ---- cancelling */

static PyObject *ring_cancel(struct py_ring *r, PyObject *args)
{
	struct entry *entry;
	PyObject *token;
	int forget = 0, n = 0;

	if (!PyArg_ParseTuple(args, "O|p:cancel", &token, &forget) ||
	    !check_open(r))
		return NULL;
	for (entry = r->entries; entry; entry = entry->next) {
		int ret;

		if (entry->token != token)
			continue;
		ret = spawn_template_ring_cancel(r->ring, (uintptr_t)entry);
		if (ret < 0 && ret != -ENOENT)
			return raise_errno(-ret);
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

static PyObject *ring_fileno(struct py_ring *r, PyObject *unused)
{
	int fd;

	(void)unused;
	if (!check_open(r))
		return NULL;
	fd = spawn_template_ring_fd(r->ring);
	return fd < 0 ? raise_errno(-fd) : PyLong_FromLong(fd);
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
	  "Take the completions so far: (token, error, value)." },
	{ "wait", METHOD(ring_wait), METH_VARARGS,
	  "Wait for one completion; None if none came in time." },
	{ "cancel", METHOD(ring_cancel), METH_VARARGS,
	  "Cancel the entries with this token; return how many were not complete." },
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
