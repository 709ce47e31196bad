/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the arguments of a launch whose child is the caller's. They mean what
 * they mean to subprocess, and apply in the order in which its child applies
 * them.
 */
#include <errno.h>
#include <fcntl.h>

#include "native.h"

#define N_STD SPAWN_N_STD

/* ---- descriptors */

/*
 * Returns the number to duplicate to @target. If that number is a lower target,
 * another file will have replaced it by then: so a copy is made now, while the
 * numbers above the targets are known to be free.
 */
static int source(struct launch *l, const int *std, int target)
{
	int fd = std[target];

	if (fd < 0 || fd >= target || std[fd] < 0 || std[fd] == fd)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, N_STD);
	if (fd < 0) {
		error_raise(&(struct error){ .error = errno, .of_call = true });
		return -2;
	}
	l->spare[l->n_spare++] = fd;
	return fd;
}

static int place_std(struct launch *l, const int *std)
{
	for (int target = 0; target < N_STD; target++) {
		int fd = source(l, std, target), ret = 0;

		if (fd == -2)
			return -1;
		/* already in its place, but maybe close-on-exec */
		if (fd == target)
			ret = launch_action(l, SPAWN_TEMPLATE_ACTION_KEEP, fd,
					    0, NULL);
		else if (fd >= 0)
			ret = launch_action(l, SPAWN_TEMPLATE_ACTION_DUP2, fd,
					    target, NULL);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int pass(struct launch *l, PyObject *fds)
{
	PyObject *items = PySequence_Tuple(fds);
	Py_ssize_t n = items ? PyTuple_Size(items) : 0;
	int ret = items ? 0 : -1;

	for (Py_ssize_t i = 0; ret == 0 && i < n; i++) {
		long fd = PyLong_AsLong(PyTuple_GetItem(items, i));

		if (fd == -1 && PyErr_Occurred()) {
			ret = -1;
		} else if (fd < 0 || fd > INT_MAX) {
			PyErr_SetString(PyExc_ValueError,
					"bad value(s) in pass_fds");
			ret = -1;
		} else {
			ret = launch_action(l, SPAWN_TEMPLATE_ACTION_KEEP,
					    (int)fd, 0, NULL);
		}
	}
	Py_XDECREF(items);
	return ret;
}

/* ---- ids */

static int take_id(PyObject *object, uint32_t *id)
{
	unsigned long value = PyLong_AsUnsignedLong(object);

	if (PyErr_Occurred())
		return -1;
	if (value >= UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError, "id out of range");
		return -1;
	}
	*id = (uint32_t)value;
	return 0;
}

static int take_groups(struct launch *l, PyObject *object)
{
	PyObject *items = PySequence_Tuple(object);
	Py_ssize_t n;
	int ret = 0;

	if (!items)
		return -1;
	n = PyTuple_Size(items);
	l->groups = PyMem_Malloc((size_t)(n ? n : 1) * sizeof(gid_t));
	if (!l->groups) {
		PyErr_NoMemory();
		ret = -1;
	}
	for (Py_ssize_t i = 0; ret == 0 && i < n; i++)
		ret = take_id(PyTuple_GetItem(items, i), &l->groups[i]);
	l->args.groups = (uintptr_t)l->groups;
	l->args.n_groups = (uint64_t)n;
	Py_DECREF(items);
	return ret;
}

static int take_ids(struct launch *l, const struct spawn_options *o)
{
	struct spawn_template_spawn_args *args = &l->args;

	if (is_given(o->uid)) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETUID;
		if (take_id(o->uid, &args->uid) < 0)
			return -1;
	}
	if (is_given(o->gid)) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETGID;
		if (take_id(o->gid, &args->gid) < 0)
			return -1;
	}
	if (!is_given(o->groups))
		return 0;
	args->flags |= SPAWN_TEMPLATE_SPAWN_SETGROUPS;
	return take_groups(l, o->groups);
}

/* ---- the whole launch */

static void take_attributes(struct launch *l, const struct spawn_options *o)
{
	struct spawn_template_spawn_args *args = &l->args;

	if (!o->close_fds)
		args->flags |= SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	if (o->new_session)
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
	if (o->process_group >= 0) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETPGROUP;
		args->pgroup = o->process_group;
	}
	if (o->umask >= 0) {
		args->flags |= SPAWN_TEMPLATE_SPAWN_UMASK;
		args->umask = (uint32_t)o->umask & 0777;
	}
}

static int take_options(struct launch *l, const struct spawn_options *o)
{
	take_attributes(l, o);
	if (place_std(l, o->std) < 0 || launch_cwd(l, o->cwd) < 0 ||
	    launch_signals(l, o->restore_signals) < 0 || take_ids(l, o) < 0)
		return -1;
	return o->pass_fds ? pass(l, o->pass_fds) : 0;
}

static int parse(struct spawn_options *o, PyObject *args, PyObject *kwargs,
		 struct request *request, bool of_ring)
{
	char *names[] = {
		"template",	 "token",	    "argv",
		"env",		 "stdin",	    "stdout",
		"stderr",	 "pass_fds",	    "close_fds",
		"cwd",		 "umask",	    "uid",
		"gid",		 "groups",	    "start_new_session",
		"process_group", "restore_signals", NULL
	};

	return request_parse(
		args, kwargs, of_ring, "OOO|O$iiiOpOiOOOpip:spawn", names,
		&request->template, &request->token, &request->argv,
		&request->env, &o->std[0], &o->std[1], &o->std[2], &o->pass_fds,
		&o->close_fds, &o->cwd, &o->umask, &o->uid, &o->gid, &o->groups,
		&o->new_session, &o->process_group, &o->restore_signals);
}

int spawn_args_take(struct launch *l, enum launch_environ how,
		    const struct request *request,
		    const struct spawn_options *o)
{
	if (launch_strings(l, request->argv, request->env, how) < 0)
		return -1;
	return take_options(l, o);
}

int spawn_args_parse(struct launch *l, enum launch_environ how, PyObject *args,
		     PyObject *kwargs, struct request *request, bool of_ring)
{
	struct spawn_options o = {
		.std = { -1, -1, -1 },
		.close_fds = 1,
		.umask = -1,
		.process_group = -1,
		.restore_signals = 1,
	};

	*request = (struct request){ .argv = NULL };
	launch_begin(l);
	if (parse(&o, args, kwargs, request, of_ring) < 0)
		return -1;
	return spawn_args_take(l, how, request, &o);
}
