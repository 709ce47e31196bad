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

int popen_tell_pid(PyObject *popen, pid_t pid)
{
	int ret = set_int(popen, "pid", pid);

	if (ret == 0)
		ret = PyObject_SetAttrString(popen, "_child_created", Py_True);
	if (ret < 0)
		end_child(pid);
	return ret;
}

/* Gives the child to its owner. Takes @pidfd. */
static int give_child(PyObject *cache, PyObject *owner, pid_t pid, int pidfd)
{
	PyObject *type, *child;
	int ret = -1;

	if (owner == Py_None) {
		close(pidfd);
		return 0;
	}
	type = types_pending(Py_TYPE(cache));
	child = pending_of(type, pid, pidfd);
	if (child)
		ret = PyObject_SetAttrString(owner, "child", child);
	Py_XDECREF(child);
	Py_XDECREF(type);
	return ret;
}

static PyObject *tell_launch(PyObject *cache, const struct popen_args *a,
			     pid_t pid, int pidfd)
{
	int told = popen_tell_pid(a->popen, pid);

	if (give_child(cache, a->owner, pid, pidfd) < 0 || told < 0 ||
	    popen_close(a->popen, a->fds) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static int spawn(int tfd, struct launch *l, void *pidfd)
{
	l->args.pidfd = (uintptr_t)pidfd;
	return spawn_template_spawn(tfd, &l->args, sizeof(l->args));
}

static PyObject *launch(struct py_cache *c, const struct popen_args *a,
			struct launch *l)
{
	struct found f;
	int pid, pidfd;

	if (cache_launch(c, a, l, spawn, &pidfd, &f, &pid) < 0)
		return NULL;
	if (!f.launched)
		return found_refusal(&f);
	if (pid < 0)
		return found_error(&f, l, -pid);
	return tell_launch((PyObject *)c, a, pid, pidfd);
}

PyObject *popen_launch(struct py_cache *c, PyObject *args)
{
	struct popen_args a;
	struct launch l;
	PyObject *ret;

	if (popen_args_parse(&l, args, &a, &ret) == 0)
		ret = launch(c, &a, &l);
	launch_free(&l);
	return ret;
}
