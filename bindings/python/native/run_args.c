/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the arguments of a run to completion. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "native.h"

struct run_options {
	PyObject *input, *timeout, *max_output, *cwd;
	int merge_stderr;
	PyObject *grace;
	int cgroup, supervise, capture;
	PyObject *held_quiet, *held_most, *sandbox;
	int stream, open_input, pty, echo, raw, detach;
	PyObject *idle_timeout, *tail, *spill, *detached_timeout, *on_output;
	unsigned int winsize;
	int keep_leftovers;
	PyObject *limits;
	int die_with_parent;
	const char *session;
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

/* True keeps half of all for the last bytes, a number so many of them. */
static int take_tail(struct run *run, PyObject *tail)
{
	if (!is_given(tail) || tail == Py_False)
		return 0;
	run->args.flags |= SPAWN_TEMPLATE_RUN_TAIL;
	if (tail == Py_True)
		return 0;
	run->args.tail_output = PyLong_AsUnsignedLongLong(tail);
	if (PyErr_Occurred())
		return -1;
	if (run->args.tail_output)
		return 0;
	PyErr_SetString(PyExc_ValueError, "tail must be positive");
	return -1;
}

static int open_folder(PyObject *path)
{
	PyObject *bytes;
	int fd, error;

	if (!PyUnicode_FSConverter(path, &bytes))
		return -1;
	Py_BEGIN_ALLOW_THREADS
	fd = open(PyBytes_AsString(bytes), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = errno;
	Py_END_ALLOW_THREADS
	Py_DECREF(bytes);
	if (fd < 0)
		error_raise(&(struct error){
			.error = error, .filename = path, .of_call = true });
	return fd;
}

static int copy_fd(PyObject *file)
{
	int fd = PyObject_AsFileDescriptor(file), copy;

	if (fd < 0)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		ring_raise(errno);
	return copy;
}

/* Opens a folder, or copies a descriptor, for as long as the run lasts. */
static int take_spill(struct run *run, PyObject *spill)
{
	int fd;

	if (!is_given(spill))
		return 0;
	if (PyLong_Check(spill) || PyObject_HasAttrString(spill, "fileno"))
		fd = copy_fd(spill);
	else
		fd = open_folder(spill);
	if (fd < 0)
		return -1;
	run->launch.spare[run->launch.n_spare++] = fd;
	run->args.spill_fd = fd;
	run->args.flags |= SPAWN_TEMPLATE_RUN_SPILL;
	return 0;
}

static int call_on_output(void *arg, uint32_t kind, const void *data,
			  size_t len)
{
	struct run *run = arg;
	PyObject *answer;
	int ret;

	PyEval_RestoreThread(run->thread);
	answer = PyObject_CallFunction(run->on_output, "iy#", (int)kind, data,
				       (Py_ssize_t)len);
	ret = answer ? 0 : -1;
	Py_XDECREF(answer);
	run->thread = PyEval_SaveThread();
	return ret;
}

static void take_on_output(struct run *run, PyObject *on_output)
{
	if (!is_given(on_output))
		return;
	run->on_output = on_output;
	run->args.on_output = (uintptr_t)call_on_output;
	run->args.on_output_data = (uintptr_t)run;
	run->args.flags |= SPAWN_TEMPLATE_RUN_STREAM;
}

/* Takes the tuple that limits.py makes; 0 stands for no limit. */
static int take_limits(struct run *run, PyObject *limits)
{
	struct spawn_template_run_args *args = &run->args;
	unsigned long long memory, swap, cpu;
	unsigned int pids, cpu_weight, io_weight;

	if (!is_given(limits))
		return 0;
	if (!PyArg_ParseTuple(limits, "KKKIII:limits", &memory, &swap, &cpu,
			      &pids, &cpu_weight, &io_weight))
		return -1;
	args->flags |= SPAWN_TEMPLATE_RUN_LIMITS;
	args->memory_max = memory;
	args->memory_swap_max = swap;
	args->cpu_max_us = cpu;
	args->pids_max = pids;
	args->cpu_weight = cpu_weight;
	args->io_weight = io_weight;
	return 0;
}

static uint32_t flags_of(const struct run_options *o)
{
	const struct {
		int given;
		uint32_t flag;
	} flags[] = {
		{ o->merge_stderr, SPAWN_TEMPLATE_RUN_MERGE_STDERR },
		{ !o->capture, SPAWN_TEMPLATE_RUN_NO_CAPTURE },
		{ o->cgroup, SPAWN_TEMPLATE_RUN_CGROUP },
		{ o->supervise, SPAWN_TEMPLATE_RUN_SUPERVISE },
		{ !o->keep_leftovers, SPAWN_TEMPLATE_RUN_END_LEFTOVERS },
		{ o->stream, SPAWN_TEMPLATE_RUN_STREAM },
		{ o->open_input, SPAWN_TEMPLATE_RUN_OPEN_INPUT |
					 SPAWN_TEMPLATE_RUN_TELL_ROOM },
		{ o->pty, SPAWN_TEMPLATE_RUN_PTY },
		{ !o->echo, SPAWN_TEMPLATE_RUN_NO_ECHO },
		{ o->raw, SPAWN_TEMPLATE_RUN_RAW },
		{ o->detach, SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT },
	};
	uint32_t all = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].given)
			all |= flags[i].flag;
	return all;
}

static int take_options(struct run *run, const struct run_options *o)
{
	struct spawn_template_run_args *args = &run->args;

	args->flags |= flags_of(o);
	args->winsize = o->winsize;
	take_on_output(run, o->on_output);
	if (take_time(o->idle_timeout, &args->idle_timeout_ns) < 0 ||
	    take_bound(o->detached_timeout, &args->detached_timeout_ns) < 0 ||
	    take_tail(run, o->tail) < 0 || take_spill(run, o->spill) < 0 ||
	    take_limits(run, o->limits) < 0)
		return -1;
	if (take_time(o->timeout, &args->timeout_ns) < 0 ||
	    take_time(o->grace, &args->grace_ns) < 0 ||
	    take_bound(o->held_quiet, &args->held_quiet_ns) < 0 ||
	    take_bound(o->held_most, &args->held_most_ns) < 0 ||
	    take_max_output(o->max_output, &args->max_output) < 0 ||
	    take_input(run, o->input) < 0)
		return -1;
	return 0;
}

/* Takes the session; without a word the program has one of its own. */
static int take_session(struct run *run, const char *word)
{
	if (!word || strcmp(word, "own") == 0)
		return 0;
	if (strcmp(word, "group") == 0)
		run->args.spawn.flags |= SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	else if (strcmp(word, "caller") == 0)
		run->args.flags |= SPAWN_TEMPLATE_RUN_SAME_GROUP;
	else
		PyErr_SetString(PyExc_ValueError, "session is neither 'own', "
						  "'group' nor 'caller'");
	return PyErr_Occurred() ? -1 : 0;
}

static int parse(struct run_options *o, PyObject *args, PyObject *kwargs,
		 struct request *request, bool of_ring)
{
	char *names[] = { "template",
			  "token",
			  "argv",
			  "env",
			  "input",
			  "timeout",
			  "max_output",
			  "cwd",
			  "merge_stderr",
			  "grace",
			  "cgroup",
			  "supervise",
			  "capture",
			  "held_quiet",
			  "held_most",
			  "sandbox",
			  "stream",
			  "open_input",
			  "pty",
			  "echo",
			  "detach",
			  "winsize",
			  "idle_timeout",
			  "tail",
			  "spill",
			  "detached_timeout",
			  "on_output",
			  "keep_leftovers",
			  "limits",
			  "die_with_parent",
			  "session",
			  "raw",
			  NULL };

	return request_parse(
		args, kwargs, of_ring, "OOO|OOOOOpOpppOOOpppppIOOOOOpOpzp:run",
		names, &request->template, &request->token, &request->argv,
		&request->env, &o->input, &o->timeout, &o->max_output, &o->cwd,
		&o->merge_stderr, &o->grace, &o->cgroup, &o->supervise,
		&o->capture, &o->held_quiet, &o->held_most, &o->sandbox,
		&o->stream, &o->open_input, &o->pty, &o->echo, &o->detach,
		&o->winsize, &o->idle_timeout, &o->tail, &o->spill,
		&o->detached_timeout, &o->on_output, &o->keep_leftovers,
		&o->limits, &o->die_with_parent, &o->session, &o->raw);
}

int run_args_parse(struct run *run, enum launch_environ how, PyObject *args,
		   PyObject *kwargs, struct request *request, bool of_ring)
{
	struct run_options o = {
		.capture = 1,
		.echo = 1,
		.die_with_parent = 1,
	};

	*request = (struct request){ .argv = NULL };
	run->args =
		(struct spawn_template_run_args)SPAWN_TEMPLATE_RUN_ARGS_INIT;
	run->input = NULL;
	run->on_output = NULL;
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
	/* a call that waits has no sentinel, and what is to live on needs none */
	if (o.die_with_parent && of_ring && !o.keep_leftovers)
		run->args.flags |= SPAWN_TEMPLATE_RUN_END_WITH_CALLER;
	else if (o.die_with_parent)
		run->args.spawn.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	return take_session(run, o.session);
}

void run_free(struct run *run)
{
	launch_free(&run->launch);
	Py_CLEAR(run->input);
}
