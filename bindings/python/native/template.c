/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template: one of the library's templates, and launches from it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "native.h"
#include <structmember.h>

#define WARM_FLAGS \
	(SPAWN_TEMPLATE_CREATE_WARM_ONCE | SPAWN_TEMPLATE_CREATE_WARM_FORK | \
	 SPAWN_TEMPLATE_CREATE_WARM_RUNTIME)

static PyObject *raise_errno(struct py_template *t, int error)
{
	return error_raise(
		&(struct error){ .error = error, .filename = t->path });
}

static PyObject *template_close(struct py_template *t, PyObject *unused)
{
	(void)unused;
	t->closing = true;
	template_close_unused(t);
	Py_RETURN_NONE;
}

/* ---- making and freeing */

/* Copies $PATH, which any thread that has the GIL may change. */
static int copy_path(PyObject **path)
{
	const char *value = getenv("PATH");

	if (!value)
		return 0;
	*path = PyBytes_FromString(value);
	return *path ? 0 : -1;
}

/* Prepared launches: how many processes wait, 0: the default; a file to source. */
struct prepare {
	uint32_t target;
	const char *preload; /* NULL: none */
	PyObject *name; /* of it, for an error */
	bool failed; /* set: the program was found, and no such template made */
};

/* Makes another template of the file that a search has found. */
static int make_prepared(int found, uint64_t flags,
			 const struct prepare *prepare)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_stat st;
	int ret = spawn_template_stat(found, &st, sizeof(st));

	if (ret < 0)
		return ret;
	args.flags = flags;
	args.filename = (uintptr_t)st.path;
	args.warm_target = prepare->target;
	args.warm_preload = (uintptr_t)prepare->preload;
	return spawn_template_create(&args, sizeof(args));
}

static int search(const char *name, const char *path, uint64_t flags,
		  struct prepare *prepare)
{
	bool prepared = prepare->target || prepare->preload;
	int found = spawn_template_search(
		name, path, prepared ? flags & ~WARM_FLAGS : flags);
	int fd = found;

	if (found >= 0 && prepared) {
		fd = make_prepared(found, flags, prepare);
		prepare->failed = fd < 0;
		spawn_template_close(found);
	}
	return fd;
}

static int open_template(struct py_template *t, PyObject *name, PyObject *path,
			 uint64_t flags, struct prepare *prepare)
{
	const char *bytes = PyBytes_AsString(name);
	const char *along = path ? PyBytes_AsString(path) : NULL;
	int fd;

	Py_BEGIN_ALLOW_THREADS
	fd = search(bytes, along, flags | SPAWN_TEMPLATE_CREATE_CLOEXEC,
		    prepare);
	Py_END_ALLOW_THREADS
	t->fd = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static int take_path(struct py_template *t)
{
	struct spawn_template_stat st;
	int ret = spawn_template_stat(t->fd, &st, sizeof(st));

	if (ret < 0) {
		raise_errno(t, -ret);
		return -1;
	}
	Py_XDECREF(t->path);
	t->path = PyUnicode_DecodeFSDefault(st.path);
	return t->path ? 0 : -1;
}

static int template_init(struct py_template *t, PyObject *name, PyObject *path,
			 unsigned long long flags, struct prepare *prepare)
{
	PyObject *bytes, *along = NULL;
	int ret = 0;

	if (!PyUnicode_FSConverter(name, &bytes))
		return -1;
	if (!path || path == Py_None)
		ret = copy_path(&along);
	else if (!PyUnicode_FSConverter(path, &along))
		ret = -1;
	if (ret == 0) {
		ret = open_template(t, bytes, along, flags, prepare);
		if (ret < 0)
			error_raise(&(struct error){
				.error = -ret,
				.filename = prepare->preload && prepare->failed
						    ? prepare->name
						    : name });
	}
	Py_DECREF(bytes);
	Py_XDECREF(along);
	return ret < 0 ? -1 : take_path(t);
}

static PyObject *template_new(PyTypeObject *type, PyObject *args,
			      PyObject *kwargs)
{
	char *names[] = { "name",	 "flags",	 "search_path",
			  "warm_target", "warm_preload", NULL };
	PyObject *name, *path = NULL, *preload = Py_None, *file = NULL;
	struct prepare prepare = { 0 };
	unsigned long long flags = 0;
	struct py_template *t;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$KOIO:Template",
					 names, &name, &flags, &path,
					 &prepare.target, &preload))
		return NULL;
	if (preload != Py_None && !PyUnicode_FSConverter(preload, &file))
		return NULL;
	prepare.preload = file ? PyBytes_AsString(file) : NULL;
	prepare.name = preload;
	t = (struct py_template *)PyType_GenericAlloc(type, 0);
	if (t)
		t->fd = -1;
	if (t && template_init(t, name, path, flags, &prepare) < 0)
		Py_CLEAR(t);
	Py_XDECREF(file);
	return (PyObject *)t;
}

static void template_dealloc(struct py_template *t)
{
	PyTypeObject *type = Py_TYPE(t);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	template_close_unused(t);
	Py_CLEAR(t->cache);
	Py_CLEAR(t->path);
	release(t);
	Py_DECREF(type);
}

PyObject *template_of_cache(PyObject *type, PyObject *cache, int fd)
{
	struct py_template *t = NULL;

	if (type)
		t = (struct py_template *)PyType_GenericAlloc(
			(PyTypeObject *)type, 0);
	if (!t) {
		spawn_template_cache_drop(((struct py_cache *)cache)->cache,
					  fd);
		return NULL;
	}
	t->fd = fd;
	t->cache = cache;
	Py_INCREF(cache);
	if (take_path(t) == 0)
		return (PyObject *)t;
	Py_DECREF(t);
	return NULL;
}

/* ---- launching */

static PyObject *launch_result(struct py_template *t, const struct launch *l,
			       int ret, int pidfd)
{
	PyObject *child;
	struct error e;

	if (ret >= 0) {
		child = Py_BuildValue("ii", ret, pidfd);
		if (!child)
			close(pidfd);
		return child;
	}
	e = launch_error(l, -ret, t->path);
	return error_raise(&e);
}

static PyObject *template_spawn(struct py_template *t, PyObject *args,
				PyObject *kwargs)
{
	struct request request;
	struct launch l;
	PyObject *ret = NULL;
	int pid, pidfd;

	if (spawn_args_parse(&l, LAUNCH_ENVIRON_COPY, args, kwargs, &request,
			     false) == 0 &&
	    template_launch(t, &l, &pid, &pidfd) == 0)
		ret = launch_result(t, &l, pid, pidfd);
	launch_free(&l);
	return ret;
}

/* Tells the outcome of a run. An exception of its on_output is set already. */
static PyObject *ran(struct py_template *t, struct run *run, int ret,
		     struct spawn_template_result *result)
{
	PyObject *type, *object;
	struct error e;

	if (ret < 0) {
		e = launch_error(&run->launch, -ret, t->path);
		return error_raise(&e);
	}
	type = PyErr_Occurred() ? NULL : types_result(Py_TYPE(t));
	object = type ? result_new(type, result, -1) : NULL;
	Py_XDECREF(type);
	spawn_template_result_free(result);
	return object;
}

static PyObject *run_to_end(struct py_template *t, struct run *run)
{
	struct spawn_template_result result;
	int fd = template_hold(t), ret;

	if (fd < 0)
		return NULL;
	run->thread = PyEval_SaveThread();
	ret = spawn_template_run(fd, &run->args, sizeof(run->args), &result,
				 sizeof(result));
	PyEval_RestoreThread(run->thread);
	template_release(t);
	return ran(t, run, ret, &result);
}

static PyObject *template_run(struct py_template *t, PyObject *args,
			      PyObject *kwargs)
{
	struct request request;
	struct run run;
	PyObject *ret = NULL;

	if (run_args_parse(&run, LAUNCH_ENVIRON_COPY, args, kwargs, &request,
			   false) == 0)
		ret = run_to_end(t, &run);
	run_free(&run);
	return ret;
}

/* ---- other methods */

static PyObject *call_with_fd(struct py_template *t, int (*function)(int tfd))
{
	int fd = template_hold(t), ret;

	if (fd < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	ret = function(fd);
	Py_END_ALLOW_THREADS
	template_release(t);
	if (ret < 0)
		return raise_errno(t, -ret);
	Py_RETURN_NONE;
}

static PyObject *template_check(struct py_template *t, PyObject *unused)
{
	(void)unused;
	return call_with_fd(t, spawn_template_check);
}

static PyObject *template_refresh(struct py_template *t, PyObject *unused)
{
	(void)unused;
	return call_with_fd(t, spawn_template_refresh);
}

static PyObject *template_stat(struct py_template *t, PyObject *unused)
{
	struct spawn_template_stat st;
	int fd = template_hold(t), ret;

	(void)unused;
	if (fd < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	ret = spawn_template_stat(fd, &st, sizeof(st));
	Py_END_ALLOW_THREADS
	template_release(t);
	return ret < 0 ? raise_errno(t, -ret) : template_stat_dict(&st);
}

static PyObject *template_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	Py_INCREF(self);
	return self;
}

static PyObject *template_exit(struct py_template *t, PyObject *args)
{
	return template_close(t, args);
}

static PyObject *template_fd(struct py_template *t, void *closure)
{
	(void)closure;
	return PyLong_FromLong(t->closing ? -1 : t->fd);
}

static PyObject *template_repr(struct py_template *t)
{
	return PyUnicode_FromFormat("<Template %R%s>", t->path,
				    t->closing ? " closed" : "");
}

/* ---- the type */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
	{ "spawn", METHOD(template_spawn), METH_VARARGS | METH_KEYWORDS,
	  "Launch; return (pid, pidfd), which belong to the caller." },
	{ "run", METHOD(template_run), METH_VARARGS | METH_KEYWORDS,
	  "Run the program to its end; no signal ends the wait." },
	{ "check", METHOD(template_check), METH_NOARGS,
	  "Raise the error with which a launch would refuse the template." },
	{ "refresh", METHOD(template_refresh), METH_NOARGS,
	  "Take the file that is now at the path." },
	{ "stat", METHOD(template_stat), METH_NOARGS,
	  "Return a description of the template and its counts, as a dict." },
	{ "close", METHOD(template_close), METH_NOARGS,
	  "Close the template as soon as no call uses it any more." },
	{ "__enter__", template_enter, METH_NOARGS, NULL },
	{ "__exit__", METHOD(template_exit), METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
	{ "path", T_OBJECT, offsetof(struct py_template, path), READONLY,
	  "The absolute path that the template was made from." },
	{ NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getters[] = {
	{ "fd", (getter)template_fd, NULL,
	  "The template's descriptor; -1: closed.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc,
	  "Template(name, *, flags=0, search_path=None, warm_target=0, "
	  "warm_preload=None)" },
	{ Py_tp_new, template_new },
	{ Py_tp_dealloc, template_dealloc },
	{ Py_tp_repr, template_repr },
	{ Py_tp_methods, methods },
	{ Py_tp_members, members },
	{ Py_tp_getset, getters },
	{ 0, NULL },
};

PyType_Spec template_spec = {
	.name = "spawn_template._native.Template",
	.basicsize = sizeof(struct py_template),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
