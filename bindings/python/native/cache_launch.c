/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches for a Popen from templates out of a cache.
 *
 * A launch names the files that exec would try. The first one that exists decides,
 * as it does for subprocess: if no template can be made of it, the caller leaves the
 * launch to the original. All of that runs in one stretch without the GIL, unless an
 * audit event is raised in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "native.h"

/* ---- names */

/* Paths, borrowed from a tuple of bytes. */
struct names {
	const char **list;
	Py_ssize_t n;
};

/* A name with a null byte names no file. Call names_free() even if it fails. */
static int names_take(struct names *names, PyObject *tuple)
{
	Py_ssize_t n = PyTuple_Check(tuple) ? PyTuple_Size(tuple) : -1;

	*names = (struct names){ .n = n };
	if (n < 0) {
		PyErr_SetString(PyExc_TypeError, "names must be a tuple");
		return -1;
	}
	names->list = PyMem_Malloc((size_t)(n ? n : 1) * sizeof(char *));
	if (!names->list) {
		PyErr_NoMemory();
		return -1;
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *name = PyTuple_GetItem(tuple, i);
		char *bytes;

		if (PyBytes_AsStringAndSize(name, &bytes, NULL) == 0) {
			names->list[i] = bytes;
		} else if (PyBytes_Check(name)) {
			PyErr_Clear();
			names->list[i] = "";
		} else {
			return -1;
		}
	}
	return 0;
}

static void names_free(struct names *names)
{
	PyMem_Free(names->list);
	names->list = NULL;
}

/* ---- finding, without the GIL */

/* Appends to a path, with a slash between both. Return: 0, or -1 if it is too long. */
static int join(char path[PATH_MAX], const char *name)
{
	size_t n = strlen(path), m = strlen(name);

	if (n && path[n - 1] != '/')
		path[n++] = '/';
	if (m >= PATH_MAX - n)
		return -1;
	memcpy(path + n, name, m + 1);
	return 0;
}

/* The path that a child in cwd would take a relative name for. */
static int make_absolute(struct found *f, const char *name, const char *cwd)
{
	f->buffer[0] = '\0';
	if (!cwd || cwd[0] != '/') {
		if (!getcwd(f->buffer, PATH_MAX)) {
			f->refusal = "no name of the working directory";
			return -1;
		}
	}
	f->path = f->buffer;
	if (cwd && join(f->buffer, cwd) < 0)
		return -1;
	return join(f->buffer, name);
}

static bool is_script(int tfd)
{
	struct spawn_template_stat st;

	return spawn_template_stat(tfd, &st, sizeof(st)) == 0 &&
	       st.format == SPAWN_TEMPLATE_FORMAT_SCRIPT;
}

static void drop(struct py_cache *c, struct found *f)
{
	spawn_template_cache_drop(c->cache, f->tfd);
	f->tfd = -1;
}

/* Return: whether the name decides. */
static bool look_at(struct py_cache *c, const char *name, const char *cwd,
		    struct found *f)
{
	bool relative = *name != '/';

	f->path = name;
	if (relative && make_absolute(f, name, cwd) < 0)
		return f->refusal != NULL;
	f->tfd = spawn_template_cache_get(c->cache, f->path, "");
	if (f->tfd >= 0) {
		/* its interpreter would get another name than the caller used */
		if (relative && is_script(f->tfd)) {
			f->refusal = "script by relative path";
			drop(c, f);
		}
		return true;
	}
	f->error = -f->tfd;
	f->tfd = -1;
	/* with the effective ids, as a launch does */
	return f->error != ENOENT && f->error != ENOTDIR &&
	       faccessat(AT_FDCWD, f->path, F_OK, AT_EACCESS) == 0;
}

static void find(struct py_cache *c, const struct names *names, const char *cwd,
		 struct found *f)
{
	f->tfd = -1;
	f->refusal = NULL;
	f->launched = false;
	for (Py_ssize_t i = 0; i < names->n; i++)
		if (*names->list[i] && look_at(c, names->list[i], cwd, f))
			return;
	f->refusal = "executable not found";
}

/* ---- for launches */

/*
 * The template was made of another file, or by a process or under user ids that are
 * not those of now.
 */
static bool is_no_good(int error, const struct launch *l)
{
	return l->failure.stage == SPAWN_TEMPLATE_STAGE_ARGS &&
	       (error == -ESTALE || error == -EACCES || error == -EBADF);
}

/* Calls sys.audit(). Return: 0, or -1 with a hook's exception. */
static int audit_event(PyObject *event)
{
	PyObject *audit = PySys_GetObject("audit"), *none = NULL;

	if (audit)
		none = PyObject_CallObject(audit, event);
	else
		PyErr_SetString(PyExc_RuntimeError, "no sys.audit");
	Py_XDECREF(none);
	return none ? 0 : -1;
}

int cache_launch(struct py_cache *c, const struct popen_args *a,
		 struct launch *l,
		 int (*how)(int tfd, struct launch *launch, void *arg),
		 void *arg, struct found *f, int *ret)
{
	const char *cwd = l->cwd_bytes ? PyBytes_AsString(l->cwd_bytes) : NULL;
	PyObject *event = a->audit == Py_None ? NULL : a->audit;
	unsigned int stale = 0;
	struct names names;
	int raised = names_take(&names, a->names);

	Py_BEGIN_ALLOW_THREADS
	for (int i = 0; i < 2 && !raised; i++) {
		find(c, &names, cwd, f);
		if (f->tfd < 0)
			break;
		if (event) {
			Py_BLOCK_THREADS raised = audit_event(event);
			Py_UNBLOCK_THREADS event = NULL;
		}
		if (!raised)
			*ret = how(f->tfd, l, arg);
		drop(c, f);
		f->launched = !raised;
		if (raised || *ret >= 0 || !is_no_good(*ret, l))
			break;
		stale += *ret == -ESTALE;
	}
	Py_END_ALLOW_THREADS
	names_free(&names);
	c->stale += stale;
	return raised;
}

PyObject *found_path(const struct found *f)
{
	return PyUnicode_DecodeFSDefault(f->path);
}

PyObject *found_refusal(const struct found *f)
{
	if (f->refusal)
		return PyUnicode_FromString(f->refusal);
	return PyLong_FromLong(f->error);
}

PyObject *found_error(const struct found *f, const struct launch *l, int error)
{
	PyObject *path = found_path(f), *ret = NULL;
	struct error e;

	if (path) {
		e = launch_error(l, error, path);
		ret = error_new(&e);
		Py_DECREF(path);
	}
	return ret;
}
