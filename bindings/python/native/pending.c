/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pending: a launch that the thread has begun and does not wait for.
 */
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

struct py_pending {
	PyObject_HEAD
	struct spawn_template_begin *begin; /* NULL: it is over */
	struct launch *launch; /* the facts that its error tells */
	PyObject *cwd; /* the object passed; or NULL */
	PyObject *path; /* the executable's */
	PyObject *answer; /* the result of end() */
	int pid;
	int pidfd; /* once it is known; else -1 */
};

static void free_launch(struct launch *l)
{
	launch_free(l);
	PyMem_Free(l);
}

/*
 * Takes the launch out, so that code which runs meanwhile (another thread, or a
 * finalizer of garbage that an allocation collects) finds it over.
 */
static struct spawn_template_begin *take(struct py_pending *p,
					 struct launch **l)
{
	struct spawn_template_begin *begin = p->begin;

	*l = p->launch;
	p->begin = NULL;
	p->launch = NULL;
	return begin;
}

/* ---- begun */

static int begin(int tfd, struct launch *l, void *handle)
{
	struct spawn_template_begin **begin = handle;

	return spawn_template_begin(tfd, &l->args, sizeof(l->args), begin);
}

/* Returns a launch that has begun, or why there is none. Takes @l if it has. */
static PyObject *begin_launch(struct py_cache *c, PyTypeObject *type,
			      struct launch *l, const struct popen_args *a)
{
	struct py_pending *p =
		(struct py_pending *)PyType_GenericAlloc(type, 0);
	PyObject *error = NULL;
	struct found f;

	if (!p)
		return NULL;
	p->pidfd = -1;
	if (cache_launch(c, a, l, begin, &p->begin, &f, &p->pid) < 0)
		error = NULL;
	else if (!f.launched)
		error = found_refusal(&f);
	else if (p->pid < 0)
		error = found_error(&f, l, -p->pid);
	else
		p->path = found_path(&f);
	if (!p->path) {
		/* a child that nobody can be told of */
		if (p->begin)
			spawn_template_begin_drop(p->begin);
		p->begin = NULL;
		Py_DECREF(p);
		return error;
	}
	/* the library has copied all of it */
	launch_free(l);
	p->launch = l;
	p->cwd = l->cwd;
	Py_XINCREF(p->cwd);
	return (PyObject *)p;
}

static bool is_begun(PyObject *object, PyObject *type)
{
	return object && (PyObject *)Py_TYPE(object) == type;
}

/* Returns the launch, or drops it if its Popen cannot be told. */
static PyObject *told(PyObject *pending, PyObject *popen, PyObject *fds)
{
	if (popen_close(popen, fds) == 0)
		return pending;
	Py_DECREF(pending);
	return NULL;
}

/* Waits for the launch. Returns None or an error; NULL if memory is short. */
static PyObject *learn(struct py_pending *p)
{
	PyObject *answer = Py_None;
	struct launch *l;
	struct spawn_template_begin *begin = take(p, &l);
	struct error e;
	pid_t pid;

	pid = spawn_template_begin_wait(begin, &p->pidfd, &l->failure,
					sizeof(l->failure));
	if (pid > 0) {
		Py_INCREF(answer);
	} else {
		e = launch_error(l, -pid, p->path);
		answer = error_new(&e);
	}
	free_launch(l);
	return answer;
}

/* Tells whether the launch is over, as one by a prepared process is from the start. */
static bool is_over(const struct py_pending *p)
{
	struct pollfd entry = { .events = POLLIN };

	entry.fd = spawn_template_begin_fd(p->begin);
	return poll(&entry, 1, 0) == 1;
}

/*
 * Gives the child of a launch that is over to its Popen, and the launch to its owner.
 * Return: None, an error of the launch, or NULL with an exception.
 */
static PyObject *hand_over(struct py_pending *p, const struct popen_args *a)
{
	PyObject *answer = learn(p);

	if (answer == Py_None &&
	    (popen_tell_pid(a->popen, p->pid) < 0 ||
	     PyObject_SetAttrString(a->owner, "child", (PyObject *)p) < 0))
		Py_CLEAR(answer);
	Py_DECREF(p);
	return answer;
}

static PyObject *new_pending(struct py_cache *c, PyObject *type,
			     struct launch *l, PyObject *args)
{
	struct popen_args a;
	PyObject *ret;

	if (popen_args_parse(l, args, &a, &ret) == 0)
		ret = begin_launch(c, (PyTypeObject *)type, l, &a);
	if (!is_begun(ret, type)) {
		free_launch(l);
		return ret;
	}
	ret = told(ret, a.popen, a.fds);
	if (ret && a.owner != Py_None && is_over((struct py_pending *)ret))
		ret = hand_over((struct py_pending *)ret, &a);
	return ret;
}

PyObject *pending_new(struct py_cache *c, PyObject *args)
{
	PyObject *type = types_pending(Py_TYPE((PyObject *)c)), *ret = NULL;
	struct launch *l;

	if (!type)
		return NULL;
	l = PyMem_Malloc(sizeof(*l));
	if (l)
		ret = new_pending(c, type, l, args);
	else
		PyErr_NoMemory();
	Py_DECREF(type);
	return ret;
}

/* ---- for a child that was launched in another way */

PyObject *pending_of(PyObject *type, int pid, int pidfd)
{
	struct py_pending *p = NULL;

	if (type)
		p = (struct py_pending *)PyType_GenericAlloc(
			(PyTypeObject *)type, 0);
	if (!p) {
		close(pidfd);
		return NULL;
	}
	p->pid = pid;
	p->pidfd = pidfd;
	return (PyObject *)p;
}

static PyObject *pending_open(PyObject *type, PyObject *args)
{
	int pid, pidfd;

	if (!PyArg_ParseTuple(args, "i:open", &pid))
		return NULL;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0)
		return pending_of(type, pid, pidfd);
	Py_RETURN_NONE;
}

/* ---- until it is over */

static int check_open(const struct py_pending *p)
{
	if (p->begin)
		return 0;
	PyErr_SetString(PyExc_ValueError, "the launch is over");
	return -1;
}

static PyObject *pending_refuse(PyTypeObject *type, PyObject *args,
				PyObject *kwargs)
{
	(void)type;
	(void)args;
	(void)kwargs;
	PyErr_SetString(PyExc_TypeError, "a Pending comes from Cache.begin()");
	return NULL;
}

static PyObject *pending_fileno(struct py_pending *p, PyObject *unused)
{
	(void)unused;
	if (check_open(p) < 0)
		return NULL;
	return PyLong_FromLong(spawn_template_begin_fd(p->begin));
}

static PyObject *pending_pid(struct py_pending *p, void *closure)
{
	(void)closure;
	return PyLong_FromLong(p->pid);
}

static PyObject *pending_kill(struct py_pending *p, PyObject *unused)
{
	(void)unused;
	if (p->begin)
		spawn_template_begin_kill(p->begin);
	Py_RETURN_NONE;
}

/*
 * Ends the launch while holding the GIL: the caller has seen that no wait is
 * needed. If it is called again, because a signal handler has raised meanwhile,
 * it returns the same.
 */
static PyObject *pending_end(struct py_pending *p, PyObject *unused)
{
	(void)unused;
	if (!p->answer) {
		if (check_open(p) < 0)
			return NULL;
		p->answer = learn(p);
	}
	Py_XINCREF(p->answer);
	return p->answer;
}

static PyObject *pending_pidfd(struct py_pending *p, void *closure)
{
	(void)closure;
	return PyLong_FromLong(p->pidfd);
}

/* Drops the launch, unless it is over. */
static void drop(struct py_pending *p)
{
	struct spawn_template_begin *begin;
	struct launch *l;

	if (!p->begin)
		return;
	begin = take(p, &l);
	Py_BEGIN_ALLOW_THREADS
	spawn_template_begin_drop(begin);
	Py_END_ALLOW_THREADS
	free_launch(l);
}

static PyObject *pending_drop(struct py_pending *p, PyObject *unused)
{
	(void)unused;
	drop(p);
	Py_RETURN_NONE;
}

static void pending_dealloc(struct py_pending *p)
{
	PyTypeObject *type = Py_TYPE(p);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	drop(p);
	if (p->pidfd >= 0)
		close(p->pidfd);
	Py_CLEAR(p->answer);
	Py_CLEAR(p->cwd);
	Py_CLEAR(p->path);
	release(p);
	Py_DECREF(type);
}

/* ---- the type */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
	{ "open", METHOD(pending_open), METH_CLASS | METH_VARARGS,
	  "Return a Pending for a child of this pid; None: no pidfd." },
	{ "fileno", METHOD(pending_fileno), METH_NOARGS,
	  "Return a descriptor that is readable once the launch is over." },
	{ "end", METHOD(pending_end), METH_NOARGS,
	  "Wait until the launch is over; return None or an error." },
	{ "kill", METHOD(pending_kill), METH_NOARGS,
	  "Kill the child, unless the launch is over." },
	{ "drop", METHOD(pending_drop), METH_NOARGS,
	  "Kill the child and wait for its end, unless the launch is over." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef getters[] = {
	{ "pid", (getter)pending_pid, NULL, "The child's pid.", NULL },
	{ "pidfd", (getter)pending_pidfd, NULL,
	  "The child's pidfd, from the launch to the end of this object.",
	  NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "A launch that Cache.begin() has begun." },
	{ Py_tp_new, pending_refuse },
	{ Py_tp_dealloc, pending_dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, getters },
	{ 0, NULL },
};

PyType_Spec pending_spec = {
	.name = "spawn_template._native.Pending",
	.basicsize = sizeof(struct py_pending),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
