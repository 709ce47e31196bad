/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the arguments of a run to completion. */
#include "native.h"

struct run_options {
	PyObject *input, *timeout, *max_output, *cwd;
	int merge_stderr;
	PyObject *grace;
	int cgroup, supervise, capture;
	PyObject *held_quiet, *held_most, *sandbox;
};

/* Converts seconds to nanoseconds. No time left becomes the shortest time. */
static int take_time(PyObject *seconds, uint64_t *ns)
{
	double value;

	if (!is_given(seconds))
		return 0;
	value = PyFloat_AsDouble(seconds);
	if (value == -1.0 && PyErr_Occurred())
		return -1;
	if (value != value) {
		PyErr_SetString(PyExc_ValueError, "a time must not be NaN");
		return -1;
	}
	/* years, and still within an int64_t */
	if (value > 9e9)
		value = 9e9;
	*ns = value > 1e-9 ? (uint64_t)(value * 1e9) : 1;
	return 0;
}

/* Converts a bound that None takes away; one that is not given is the library's. */
static int take_bound(PyObject *seconds, uint64_t *ns)
{
	if (seconds == Py_None)
		*ns = UINT64_MAX;
	return take_time(seconds, ns);
}

static int take_max_output(PyObject *object, uint64_t *max)
{
	if (!is_given(object))
		return 0;
	*max = PyLong_AsUnsignedLongLong(object);
	if (PyErr_Occurred())
		return -1;
	if (*max)
		return 0;
	PyErr_SetString(PyExc_ValueError, "max_output must be positive");
	return -1;
}

/* Copies any buffer to bytes, because other threads may change the buffer. */
static PyObject *as_bytes(PyObject *object)
{
	PyObject *view, *bytes = NULL;

	if (PyBytes_Check(object)) {
		Py_INCREF(object);
		return object;
	}
	view = PyMemoryView_FromObject(object);
	if (view)
		bytes = PyBytes_FromObject(view);
	Py_XDECREF(view);
	return bytes;
}

static int take_input(struct run *run, PyObject *input)
{
	if (!is_given(input))
		return 0;
	run->input = as_bytes(input);
	if (!run->input)
		return -1;
	run->args.input = (uintptr_t)PyBytes_AsString(run->input);
	run->args.input_len = (uint64_t)PyBytes_Size(run->input);
	return 0;
}

static int take_options(struct run *run, const struct run_options *o)
{
	struct spawn_template_run_args *args = &run->args;

	if (o->merge_stderr)
		args->flags |= SPAWN_TEMPLATE_RUN_MERGE_STDERR;
	if (!o->capture)
		args->flags |= SPAWN_TEMPLATE_RUN_NO_CAPTURE;
	if (o->cgroup)
		args->flags |= SPAWN_TEMPLATE_RUN_CGROUP;
	if (o->supervise)
		args->flags |= SPAWN_TEMPLATE_RUN_SUPERVISE;
	if (take_time(o->timeout, &args->timeout_ns) < 0 ||
	    take_time(o->grace, &args->grace_ns) < 0 ||
	    take_bound(o->held_quiet, &args->held_quiet_ns) < 0 ||
	    take_bound(o->held_most, &args->held_most_ns) < 0 ||
	    take_max_output(o->max_output, &args->max_output) < 0 ||
	    take_input(run, o->input) < 0)
		return -1;
	return 0;
}

static int parse(struct run_options *o, PyObject *args, PyObject *kwargs,
		 struct request *request, bool of_ring)
{
	char *names[] = { "template",	"token",      "argv",
			  "env",	"input",      "timeout",
			  "max_output", "cwd",	      "merge_stderr",
			  "grace",	"cgroup",     "supervise",
			  "capture",	"held_quiet", "held_most",
			  "sandbox",	NULL };

	return request_parse(
		args, kwargs, of_ring, "OOO|OOOOOpOpppOOO:run", names,
		&request->template, &request->token, &request->argv,
		&request->env, &o->input, &o->timeout, &o->max_output, &o->cwd,
		&o->merge_stderr, &o->grace, &o->cgroup, &o->supervise,
		&o->capture, &o->held_quiet, &o->held_most, &o->sandbox);
}

int run_args_parse(struct run *run, enum launch_environ how, PyObject *args,
		   PyObject *kwargs, struct request *request, bool of_ring)
{
	struct run_options o = { .capture = 1 };

	*request = (struct request){ .argv = NULL };
	run->args =
		(struct spawn_template_run_args)SPAWN_TEMPLATE_RUN_ARGS_INIT;
	run->input = NULL;
	launch_begin(&run->launch);
	if (parse(&o, args, kwargs, request, of_ring) < 0)
		return -1;
	if (launch_strings(&run->launch, request->argv, request->env, how) <
		    0 ||
	    launch_cwd(&run->launch, o.cwd) < 0 ||
	    launch_sandbox(&run->launch, o.sandbox) < 0 ||
	    launch_signals(&run->launch, true) < 0 || take_options(run, &o) < 0)
		return -1;
	run->args.spawn = run->launch.args;
	return 0;
}

void run_free(struct run *run)
{
	launch_free(&run->launch);
	Py_CLEAR(run->input);
}
