/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fd of a template, and launches from it.
 *
 * While a call without the GIL uses the fd, another thread may close the
 * template. Then the last such call closes the fd, so that no call finds
 * another file behind the number.
 */
#include "native.h"

int template_hold(struct py_template *t)
{
	if (t->fd < 0 || t->closing) {
		PyErr_SetString(PyExc_ValueError, "the template is closed");
		return -1;
	}
	t->users++;
	return t->fd;
}

void template_close_unused(struct py_template *t)
{
	int fd = t->fd;

	if (t->users || fd < 0)
		return;
	t->fd = -1;
	if (t->cache)
		spawn_template_cache_drop(((struct py_cache *)t->cache)->cache,
					  fd);
	else
		spawn_template_close(fd);
}

void template_release(struct py_template *t)
{
	t->users--;
	if (t->closing)
		template_close_unused(t);
}

int template_launch(struct py_template *t, struct launch *l, int *pid,
		    int *pidfd)
{
	int fd = template_hold(t);

	if (fd < 0)
		return -1;
	l->args.pidfd = (uintptr_t)pidfd;
	Py_BEGIN_ALLOW_THREADS
	*pid = spawn_template_spawn(fd, &l->args, sizeof(l->args));
	Py_END_ALLOW_THREADS
	template_release(t);
	return 0;
}
