/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cache: the library's cache of templates, for launches of subprocess and asyncio.
 */
#include "native.h"

/* ---- telling */

static PyObject *cache_stat(struct py_cache *c, PyObject *unused)
{
	struct spawn_template_cache_stat st;
	int ret = spawn_template_cache_stat(c->cache, &st, sizeof(st));

	(void)unused;
	if (ret < 0)
		return error_raise(&(struct error){ .error = -ret });
	return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:I,s:I,s:I,s:K,s:K}",
			     "shared", (unsigned long long)st.shared, "revived",
			     (unsigned long long)st.revived, "made",
			     (unsigned long long)st.made, "changed",
			     (unsigned long long)st.changed + c->stale,
			     "refused", (unsigned long long)st.refused, "known",
			     st.known, "out", st.out, "held", st.held, "cold",
			     (unsigned long long)st.cold, "warm",
			     (unsigned long long)st.warm);
}

/* ---- templates for other uses than a Popen */

static PyObject *cache_get(struct py_cache *c, PyObject *args)
{
	const char *name, *path;
	PyObject *object, *type, *template;
	int fd;

	if (!PyArg_ParseTuple(args, "yy:get", &name, &path))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	fd = spawn_template_cache_get(c->cache, name, path);
	Py_END_ALLOW_THREADS
	if (fd < 0) {
		object = PyUnicode_DecodeFSDefault(name);
		if (object)
			error_raise(&(struct error){ .error = -fd,
						     .filename = object });
		Py_XDECREF(object);
		return NULL;
	}
	type = types_template(Py_TYPE((PyObject *)c));
	template = template_of_cache(type, (PyObject *)c, fd);
	Py_XDECREF(type);
	return template;
}

/* ---- making and freeing */

static PyObject *cache_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	char *names[] = { "entries",	 "negative",	 "flags", "hold",
			  "warm_target", "warm_preload", NULL };
	unsigned long long flags = 0;
	const char *modules = NULL;
	double negative = 0, hold = 0;
	struct py_cache *c;
	int ret;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "I|$dKdIz:Cache", names,
					 &params.entries, &negative, &flags,
					 &hold, &params.warm_target, &modules))
		return NULL;
	params.warm_preload = (uintptr_t)modules;
	params.create_flags = SPAWN_TEMPLATE_CREATE_SCRIPT | flags;
	params.negative_ns = (uint64_t)(negative * 1e9);
	params.hold_ns = (uint64_t)(hold * 1e9);
	c = (struct py_cache *)PyType_GenericAlloc(type, 0);
	if (!c)
		return NULL;
	ret = spawn_template_cache_new(&params, sizeof(params), &c->cache);
	if (ret == 0)
		return (PyObject *)c;
	Py_DECREF(c);
	return error_raise(&(struct error){ .error = -ret });
}

static void cache_dealloc(struct py_cache *c)
{
	PyTypeObject *type = Py_TYPE(c);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	spawn_template_cache_free(c->cache);
	release(c);
	Py_DECREF(type);
}

/* ---- the type */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
	{ "launch", METHOD(popen_launch), METH_VARARGS,
	  "Launch for a Popen, and set its pid; return None, an error or a reason." },
	{ "begin", METHOD(pending_new), METH_VARARGS,
	  "Launch without waiting for exec; return a Pending, an error or a reason." },
	{ "get", METHOD(cache_get), METH_VARARGS,
	  "Return a Template of the file of this name along this path." },
	{ "stat", METHOD(cache_stat), METH_NOARGS,
	  "Return the counts of the cache, as a dict." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "Cache(entries, *, negative=0.0, flags=0, hold=0.0, "
		     "warm_target=0, warm_preload=None)" },
	{ Py_tp_new, cache_new },
	{ Py_tp_dealloc, cache_dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec cache_spec = {
	.name = "spawn_template._native.Cache",
	.basicsize = sizeof(struct py_cache),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
