/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module spawn_template._native: its types and constants.
 */
#include "native.h"

/*
 * Refuses subinterpreters, rather than serve them by half: a ring has threads
 * of the process behind it, and one GIL counts its completions.
 */
static int refuse_subinterpreter(void)
{
	if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0)
		return 0;
	PyErr_SetString(PyExc_ImportError,
			"spawn_template works in the main interpreter only, "
			"not in subinterpreters");
	return -1;
}

/* Adds a type. Returns a new reference; the module has another one. */
static PyObject *add_type(PyObject *module, const char *name, PyType_Spec *spec)
{
	PyObject *type = PyType_FromSpec(spec);

	if (!type)
		return NULL;
	Py_INCREF(type);
	if (PyModule_AddObject(module, name, type) < 0) {
		Py_DECREF(type);
		Py_CLEAR(type);
	}
	return type;
}

static int add_types(PyObject *module)
{
	const struct types types = {
		.result = add_type(module, "Result", &result_spec),
		.template = add_type(module, "Template", &template_spec),
		.pending = add_type(module, "Pending", &pending_spec),
		.chunk = add_type(module, "Chunk", &chunk_spec),
	};
	PyObject *ring = add_type(module, "Ring", &ring_spec);
	PyObject *cache = add_type(module, "Cache", &cache_spec);
	int ret = -1;

	if (types.result && types.template && types.pending && types.chunk &&
	    ring && cache && types_attach(types.template, &types) == 0 &&
	    types_attach(cache, &types) == 0)
		ret = types_attach(ring, &types);
	Py_XDECREF(types.result);
	Py_XDECREF(types.template);
	Py_XDECREF(types.pending);
	Py_XDECREF(types.chunk);
	Py_XDECREF(ring);
	Py_XDECREF(cache);
	return ret;
}

static int add_flag(PyObject *module, const char *name, uint64_t flag)
{
	PyObject *value = PyLong_FromUnsignedLongLong(flag);

	if (value && PyModule_AddObject(module, name, value) == 0)
		return 0;
	Py_XDECREF(value);
	return -1;
}

static int add_constants(PyObject *module)
{
	static const struct {
		const char *name;
		uint64_t value;
	} constants[] = {
		{ "CREATE_SCRIPT", SPAWN_TEMPLATE_CREATE_SCRIPT },
		{ "CREATE_DENY_WRITE", SPAWN_TEMPLATE_CREATE_DENY_WRITE },
		{ "CREATE_GUARD", SPAWN_TEMPLATE_CREATE_GUARD },
		{ "CREATE_NO_GUARD", SPAWN_TEMPLATE_CREATE_NO_GUARD },
		{ "CREATE_WARM_ONCE", SPAWN_TEMPLATE_CREATE_WARM_ONCE },
		{ "CREATE_WARM_FORK", SPAWN_TEMPLATE_CREATE_WARM_FORK },
		{ "CREATE_WARM_RUNTIME", SPAWN_TEMPLATE_CREATE_WARM_RUNTIME },
		{ "CREATE_AUTO_REFRESH", SPAWN_TEMPLATE_CREATE_AUTO_REFRESH },
		{ "STAGE_ARGS", SPAWN_TEMPLATE_STAGE_ARGS },
		{ "STAGE_CLONE", SPAWN_TEMPLATE_STAGE_CLONE },
		{ "STAGE_ATTR", SPAWN_TEMPLATE_STAGE_ATTR },
		{ "STAGE_ACTION", SPAWN_TEMPLATE_STAGE_ACTION },
		{ "STAGE_CLOSE", SPAWN_TEMPLATE_STAGE_CLOSE },
		{ "STAGE_EXEC", SPAWN_TEMPLATE_STAGE_EXEC },
		{ "RING_ENTRIES_MAX", SPAWN_TEMPLATE_RING_ENTRIES_MAX },
		{ "CQE_OUT", SPAWN_TEMPLATE_CQE_OUT },
		{ "CQE_ERR", SPAWN_TEMPLATE_CQE_ERR },
		{ "CQE_DETACHED", SPAWN_TEMPLATE_CQE_DETACHED },
		{ "CQE_ROOM", SPAWN_TEMPLATE_CQE_ROOM },
		{ "SANDBOX_NO_NET", SPAWN_TEMPLATE_SANDBOX_NO_NET },
		{ "SANDBOX_CONNECT", SPAWN_TEMPLATE_SANDBOX_CONNECT },
		{ "SANDBOX_BIND", SPAWN_TEMPLATE_SANDBOX_BIND },
		{ "SANDBOX_SIGNALS", SPAWN_TEMPLATE_SANDBOX_SIGNALS },
		{ "SANDBOX_ABSTRACT", SPAWN_TEMPLATE_SANDBOX_ABSTRACT },
		{ "SANDBOX_NO_DEVICES", SPAWN_TEMPLATE_SANDBOX_NO_DEVICES },
		{ "SANDBOX_BEST_EFFORT", SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT },
		{ "SANDBOX_LOST_FILES", SPAWN_TEMPLATE_SANDBOX_LOST_FILES },
		{ "SANDBOX_LOST_TRUNCATE",
		  SPAWN_TEMPLATE_SANDBOX_LOST_TRUNCATE },
		{ "SANDBOX_LOST_TCP", SPAWN_TEMPLATE_SANDBOX_LOST_TCP },
		{ "SANDBOX_LOST_SIGNALS", SPAWN_TEMPLATE_SANDBOX_LOST_SIGNALS },
		{ "SANDBOX_LOST_ABSTRACT",
		  SPAWN_TEMPLATE_SANDBOX_LOST_ABSTRACT },
		{ "SANDBOX_LOST_NET", SPAWN_TEMPLATE_SANDBOX_LOST_NET },
		{ "SANDBOX_LOST_RENAME", SPAWN_TEMPLATE_SANDBOX_LOST_RENAME },
		{ "SANDBOX_LOST_IOCTL", SPAWN_TEMPLATE_SANDBOX_LOST_IOCTL },
		{ "SANDBOX_LOST_SOCKETS", SPAWN_TEMPLATE_SANDBOX_LOST_SOCKETS },
	};

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (add_flag(module, constants[i].name, constants[i].value) < 0)
			return -1;
	return PyModule_AddStringConstant(module, "__version__",
					  NATIVE_VERSION);
}

static int module_exec(PyObject *module)
{
	if (refuse_subinterpreter() < 0 || add_types(module) < 0)
		return -1;
	return add_constants(module);
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, module_exec },
	{ 0, NULL },
};

static PyMethodDef methods[] = {
	{ "sandbox_new", sandbox_new, METH_VARARGS,
	  "sandbox_new(ro, rw, flags, connect, bind): return a sandbox for runs." },
	{ "sandbox_lost", sandbox_lost, METH_VARARGS,
	  "sandbox_lost(ro, rw, flags, connect, bind): return what the kernel cannot hold." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
	.m_base = PyModuleDef_HEAD_INIT,
	.m_name = "spawn_template._native",
	.m_doc = "The native part of the package spawn_template; not public.",
	.m_methods = methods,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void)
{
	return PyModuleDef_Init(&definition);
}
