/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches for a subprocess.Popen.
 *
 * A signal handler may raise whenever Python code runs, so no Python code runs
 * between the making of a child and the moment when its Popen knows of it. An
 * error of the launch is returned, not raised: a raised exception comes from a
 * handler, or from code of the caller, and is no reason for another launch.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

/* ---- facts for a Popen */

static int set_int(PyObject *object, const char *name, long value)
{
	PyObject *number = PyLong_FromLong(value);
	int ret = -1;

	if (number) {
		ret = PyObject_SetAttrString(object, name, number);
		Py_DECREF(number);
	}
	return ret;
}

/* Ends a child that cannot be reported, because memory is short. */
static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int tell_pid(PyObject *popen, pid_t pid)
{
	int ret = set_int(popen, "pid", pid);

	if (ret == 0)
		ret = PyObject_SetAttrString(popen, "_child_created", Py_True);
	if (ret < 0)
		end_child(pid);
	return ret;
}

/* Gives the child to its owner. Takes @pidfd. */
static int give_child(struct py_template *t, PyObject *owner, pid_t pid,
		      int pidfd)
{
	PyObject *type, *child;
	int ret = -1;

	if (owner == Py_None) {
		close(pidfd);
		return 0;
	}
	type = types_pending(Py_TYPE(t));
	child = pending_of(type, pid, pidfd);
	if (child)
		ret = PyObject_SetAttrString(owner, "child", child);
	Py_XDECREF(child);
	Py_XDECREF(type);
	return ret;
}

static PyObject *tell_launch(struct py_template *t, const struct launch *l,
			     PyObject **first, int ret, int pidfd)
{
	struct error e;
	int told;

	if (ret < 0) {
		e = launch_error(l, -ret, t->path);
		return error_new(&e);
	}
	told = tell_pid(first[0], ret);
	if (give_child(t, first[2], ret, pidfd) < 0 || told < 0 ||
	    popen_close(first[0], first[1]) < 0)
		return NULL;
	Py_RETURN_NONE;
}

PyObject *popen_launch(struct py_template *t, PyObject *args, PyObject *kwargs)
{
	PyObject *first[3], *ret;
	struct launch l;
	int pidfd, pid;

	if (popen_args_parse(&l, args, kwargs, first, 3, &ret) == 0 &&
	    template_launch(t, &l, &pid, &pidfd) == 0)
		ret = tell_launch(t, &l, first, pid, pidfd);
	launch_free(&l);
	return ret;
}

/* ---- other calls that return errors instead of raising them */

static PyObject *process_getcwd(PyObject *module, PyObject *unused)
{
	char path[PATH_MAX];

	(void)module;
	(void)unused;
	if (getcwd(path, sizeof(path)))
		return PyBytes_FromString(path);
	Py_RETURN_NONE;
}

PyMethodDef popen_functions[] = {
	{ "getcwd", process_getcwd, METH_NOARGS,
	  "The working directory, as bytes; None: it has no name." },
	{ NULL, NULL, 0, NULL },
};
