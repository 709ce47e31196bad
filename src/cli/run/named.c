/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that pass because the command names them. A shell writes /dev/fd/63 for
 * <(...), zsh writes /proc/self/fd/11, and make names the pipes of its job server in
 * MAKEFLAGS. Without these descriptors such a program cannot do what it was asked for.
 *
 * This is done before the tool opens a file: each number is the caller's.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/run/run.h"

/* Keep a descriptor, unless it is a standard one, not open, or kept already. */
static void keep(struct run_options *o, long fd)
{
	if (fd < 3 || fd > INT32_MAX || fcntl((int)fd, F_GETFD) < 0)
		return;
	for (size_t i = 0; i < o->n_keep; i++)
		if (o->keep[i] == (int)fd)
			return;
	o->keep[o->n_keep++] = (int)fd;
}

/* An option may stand before the path: --rcfile=/dev/fd/63. */
static void keep_argument(struct run_options *o, const char *argument)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };

	for (size_t i = 0; i < COUNT(folders); i++) {
		const char *at = strstr(argument, folders[i]);
		long fd;

		if (at && parse_number(at + strlen(folders[i]), 10, 3,
				       INT32_MAX, &fd) == 0)
			keep(o, fd);
	}
}

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* The last of these options counts; make 4.4 may name a file in place of numbers. */
static void keep_job_server(struct run_options *o)
{
	static const char *const options[] = {
		"--jobserver-auth=", "--jobserver-fds=", /* before make 4.2 */
	};
	const char *flags = getenv("MAKEFLAGS");

	for (size_t i = 0; flags && i < COUNT(options); i++) {
		const char *at = NULL, *next = flags;
		int fds[2];

		while ((next = strstr(next, options[i])))
			at = next += strlen(options[i]);
		if (!at || sscanf(at, "%d,%d", &fds[0], &fds[1]) != 2 ||
		    !is_pipe(fds[0]) || !is_pipe(fds[1]))
			continue;
		keep(o, fds[0]);
		keep(o, fds[1]);
		return;
	}
}

void keep_named(struct run_options *o)
{
	for (char **argument = o->argv; *argument; argument++)
		keep_argument(o, *argument);
	keep_job_server(o);
}
