/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Result: the outcome of a run, with the fields of struct
 * spawn_template_result.
 */
#include "native.h"
#include <structmember.h>

struct result {
	PyObject_HEAD
	struct spawn_template_result told; /* without out and err */
	int pid;
	PyObject *out, *err;
};

static PyObject *output(const char *text, size_t n)
{
	if (text)
		return PyBytes_FromStringAndSize(text, (Py_ssize_t)n);
	Py_RETURN_NONE;
}

PyObject *result_new(PyObject *type, const struct spawn_template_result *from,
		     int pid)
{
	struct result *r;

	r = (struct result *)PyType_GenericAlloc((PyTypeObject *)type, 0);
	if (!r)
		return NULL;
	r->told = *from;
	r->told.out = r->told.err = NULL; /* the caller frees them */
	r->pid = pid;
	r->out = output(from->out, from->out_len);
	r->err = output(from->err, from->err_len);
	if (!r->out || !r->err) {
		Py_DECREF(r);
		return NULL;
	}
	return (PyObject *)r;
}

static void result_dealloc(struct result *r)
{
	PyTypeObject *type = Py_TYPE(r);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	Py_CLEAR(r->out);
	Py_CLEAR(r->err);
	release(r);
	Py_DECREF(type);
}

static PyObject *result_refuse(PyTypeObject *type, PyObject *args,
			       PyObject *kwargs)
{
	(void)type;
	(void)args;
	(void)kwargs;
	PyErr_SetString(PyExc_TypeError, "a Result comes from a run");
	return NULL;
}

/* ---- computed fields */

static PyObject *result_flag(struct result *r, void *closure)
{
	return PyBool_FromLong(r->told.flags & *(const unsigned int *)closure);
}

/*
 * Returns subprocess's number for the end; None if another wait has taken it.
 */
static PyObject *result_returncode(struct result *r, void *closure)
{
	(void)closure;
	if (r->told.code >= 0)
		return PyLong_FromLong(r->told.code);
	if (r->told.signal >= 0)
		return PyLong_FromLong(-r->told.signal);
	Py_RETURN_NONE;
}

/*
 * Builds the rusage only on request: most callers do not want it. Linux counts no
 * more than what a result has.
 */
static PyObject *result_usage(struct result *r, void *closure)
{
	PyObject *module = PyImport_ImportModule("resource"), *usage;
	const struct spawn_template_result *u = &r->told;

	(void)closure;
	if (!module)
		return NULL;
	usage = PyObject_CallMethod(
		module, "struct_rusage", "((ddKiiiKKiKKiiiKK))",
		(double)u->user_us * 1e-6, (double)u->system_us * 1e-6,
		u->max_rss_kib, 0, 0, 0, u->minor_faults, u->major_faults, 0,
		u->block_inputs, u->block_outputs, 0, 0, 0,
		u->voluntary_switches, u->involuntary_switches);
	Py_DECREF(module);
	return usage;
}

static PyObject *result_stdout(struct result *r, void *closure)
{
	(void)closure;
	Py_INCREF(r->out);
	return r->out;
}

static PyObject *result_stderr(struct result *r, void *closure)
{
	(void)closure;
	Py_INCREF(r->err);
	return r->err;
}

static PyObject *result_repr(struct result *r)
{
	return PyUnicode_FromFormat(
		"<Result code=%d signal=%d out=%zd bytes err=%zd bytes%s%s%s>",
		r->told.code, r->told.signal,
		r->out == Py_None ? 0 : PyBytes_Size(r->out),
		r->err == Py_None ? 0 : PyBytes_Size(r->err),
		r->told.flags & SPAWN_TEMPLATE_RESULT_TIMED_OUT ? " timed out"
								: "",
		r->told.flags & (SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED |
				 SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED)
			? " truncated"
			: "",
		r->told.flags & SPAWN_TEMPLATE_RESULT_PIPE_HELD ? " pipe held"
								: "");
}

/* ---- the type */

static const unsigned int timed_out = SPAWN_TEMPLATE_RESULT_TIMED_OUT;
static const unsigned int out_truncated = SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED;
static const unsigned int err_truncated = SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED;
static const unsigned int tree_killed = SPAWN_TEMPLATE_RESULT_TREE_KILLED;
static const unsigned int not_killed = SPAWN_TEMPLATE_RESULT_NOT_KILLED;
static const unsigned int pipe_held = SPAWN_TEMPLATE_RESULT_PIPE_HELD;
static const unsigned int status_lost = SPAWN_TEMPLATE_RESULT_STATUS_LOST;
static const unsigned int idle = SPAWN_TEMPLATE_RESULT_IDLE;
static const unsigned int detached = SPAWN_TEMPLATE_RESULT_DETACHED;
static const unsigned int spilled = SPAWN_TEMPLATE_RESULT_SPILLED;
static const unsigned int cgroup = SPAWN_TEMPLATE_RESULT_CGROUP;
static const unsigned int oom = SPAWN_TEMPLATE_RESULT_OOM;
static const unsigned int unseen = SPAWN_TEMPLATE_RESULT_UNSEEN;
static const unsigned int warm = SPAWN_TEMPLATE_RESULT_WARM;

#define FLAG(flag, text)                                        \
	.name = #flag, .get = (getter)result_flag, .doc = text, \
	.closure = (void *)(uintptr_t)&flag

static PyGetSetDef getters[] = {
	{ FLAG(timed_out, "The time was up, and the library ended the tree.") },
	{ FLAG(out_truncated, "The program wrote more to stdout.") },
	{ FLAG(err_truncated, "The program wrote more to stderr.") },
	{ FLAG(tree_killed, "A process of the tree got SIGKILL.") },
	{ FLAG(not_killed,
	       "The program lives on: this process may not signal it.") },
	{ FLAG(pipe_held, "Another process held the output open.") },
	{ FLAG(status_lost, "Other code took the exit status.") },
	{ FLAG(idle, "There was no output for idle_timeout.") },
	{ FLAG(detached, "The program went on after its timeout.") },
	{ FLAG(spilled, "Files have the whole output.") },
	{ FLAG(cgroup, "The run had a cgroup of its own.") },
	{ FLAG(oom, "The kernel ended the tree: it had no memory left.") },
	{ FLAG(unseen, "Nobody knows what the program has left.") },
	{ FLAG(warm, "A prepared process became the program.") },
	{ "stdout", (getter)result_stdout, NULL,
	  "The same as out, by subprocess's name.", NULL },
	{ "stderr", (getter)result_stderr, NULL,
	  "The same as err, by subprocess's name.", NULL },
	{ "returncode", (getter)result_returncode, NULL,
	  "The exit code, or the negated signal, as subprocess has it.", NULL },
	{ "usage", (getter)result_usage, NULL,
	  "A resource.struct_rusage of the program and the children it waited for.",
	  NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

#define MEMBER_AT(kind, field, at, text)                                       \
	.name = #field, .type = (kind), .offset = offsetof(struct result, at), \
	.flags = READONLY, .doc = text
#define MEMBER(kind, field, text) MEMBER_AT(kind, field, field, text)
#define TOLD(kind, field, text) MEMBER_AT(kind, field, told.field, text)

static PyMemberDef members[] = {
	{ TOLD(T_INT, code, "The exit code, or -1.") },
	{ TOLD(T_INT, signal, "The signal that ended the program, or -1.") },
	{ MEMBER(T_INT, pid, "The pid that the program had; -1: unknown.") },
	{ MEMBER(T_OBJECT, out, "The output on stdout; None: not captured.") },
	{ MEMBER(T_OBJECT, err, "The output on stderr; None: not captured.") },
	{ TOLD(T_ULONGLONG, out_total,
	       "The bytes read from stdout, kept or not.") },
	{ TOLD(T_ULONGLONG, err_total,
	       "The bytes read from stderr, kept or not.") },
	{ TOLD(T_UINT, leftovers,
	       "How many processes it left behind, which were ended.") },
	{ TOLD(T_ULONGLONG, memory_peak,
	       "With limits: the most bytes that the tree had; 0: unknown.") },
	{ TOLD(T_ULONGLONG, cpu_us,
	       "With limits: the CPU time of the tree; 0: unknown.") },
	{ TOLD(T_ULONGLONG, spawn_ns,
	       "The time until the program had passed exec.") },
	{ TOLD(T_ULONGLONG, total_ns, "The time until the run was over.") },
	{ NULL, 0, 0, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "The result of a run." },
	{ Py_tp_new, result_refuse },
	{ Py_tp_dealloc, result_dealloc },
	{ Py_tp_repr, result_repr },
	{ Py_tp_members, members },
	{ Py_tp_getset, getters },
	{ 0, NULL },
};

PyType_Spec result_spec = {
	.name = "spawn_template._native.Result",
	.basicsize = sizeof(struct result),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
