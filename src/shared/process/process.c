/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads processes from /proc by raw system calls, which leave errno alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dents.h"
#include "shared/process/process.h"
#include "sys.h"

/* The name stands in parentheses, and may contain these. */
static void take_name(struct st_process *p, const char *line, const char *end)
{
	const char *from = strchr(line, '(');
	size_t len = from && from < end ? (size_t)(end - from) - 1 : 0;

	if (len >= sizeof(p->name))
		len = sizeof(p->name) - 1;
	if (len)
		memcpy(p->name, from + 1, len);
}

/**
 * st_process_read - read /proc/PID/stat
 * @pid: the process
 * @process: filled in; unchanged on failure
 *
 * Return: 0; -ESRCH if it is not there; or -errno.
 */
int st_process_read(pid_t pid, struct st_process *process)
{
	struct st_process p = { .pid = pid };
	char path[32], line[1024], *end;
	int got;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	got = sys_read_file(AT_FDCWD, path, line, sizeof(line));
	if (got < 0)
		return got == -ENOENT ? -ESRCH : got;
	end = strrchr(line, ')'); /* may be in the name */
	if (!end || sscanf(end + 1,
			   " %c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u "
			   "%*d %*d %*d %*d %d %*d %lu %*u %*d %*u %*u %*u %lu",
			   &p.state, &p.parent, &p.group, &p.session, &p.flags,
			   &p.threads, &p.start, &p.stack) != 8)
		return -ESRCH;
	take_name(&p, line, end);
	*process = p;
	return 0;
}

/**
 * st_process_stopped - tell which signal has stopped a process
 * @pid: the process
 *
 * Return: the signal; 0: it is not stopped; -ENODATA: the kernel does not tell, an older
 * one or of a set-uid program; or -errno.
 */
int st_process_stopped(pid_t pid)
{
	char path[32], line[1024], *at;
	int got;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	got = sys_read_file(AT_FDCWD, path, line, sizeof(line));
	if (got < 0)
		return got;
	at = strrchr(line, ')');
	if (!at || strncmp(at, ") T", 3) != 0)
		return 0;
	/* the state is the third word, the exit code the 52nd */
	for (int word = 2; at && word < 52; word++)
		at = strchr(at + 1, ' ');
	got = at ? (int)strtol(at, NULL, 10) : 0;
	return got > 0 ? got : -ENODATA;
}

/**
 * st_process_check_proc - check that /proc is that of this pid namespace
 *
 * In the /proc of an outer namespace numbers belong to other processes, and this
 * process has an outer number, too: NSpid has one number for each namespace.
 * (Very many groups push that line out of sight.)
 *
 * Return: 0; -EOPNOTSUPP if not; or -errno.
 */
int st_process_check_proc(void)
{
	char status[4096], *line;
	int pid = 0, got;

	got = sys_read_file(AT_FDCWD, "/proc/self/status", status,
			    sizeof(status));
	if (got < 0)
		return got;
	line = strstr(status, "\nPid:");
	if (!line || sscanf(line, "\nPid: %d", &pid) != 1 ||
	    pid != sys_call0(__NR_getpid))
		return -EOPNOTSUPP;
	line = strstr(line, "\nNSpid:");
	if (line && sscanf(line, "\nNSpid: %*d %d", &pid) == 1)
		return -EOPNOTSUPP;
	return 0;
}

static bool add_number(struct st_processes *all, pid_t pid)
{
	if (all->n == all->max) {
		size_t max = all->max ? 2 * all->max : 256;
		struct st_process *more =
			realloc(all->list, max * sizeof(*more));

		if (!more)
			return false;
		all->list = more;
		all->max = max;
	}
	all->list[all->n++].pid = pid;
	return true;
}

/* Return: 0, also if memory is short for the rest of the list; or -errno. */
static int list_numbers(struct st_processes *all)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct st_dent *entry;
	struct st_dents dents;
	int dir = sys_openat(AT_FDCWD, "/proc",
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (dir < 0)
		return dir;
	st_dents_begin(&dents, dir, buf, sizeof(buf));
	while ((entry = st_dents_next(&dents))) {
		int pid = st_dent_number(entry);

		if (pid > 0 && !add_number(all, pid))
			break;
	}
	sys_close(dir);
	return entry || dents.got >= 0 ? 0 : dents.got;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct st_process *)a)->pid;
	pid_t y = ((const struct st_process *)b)->pid;

	return (x > y) - (x < y);
}

/**
 * st_processes_look - read all processes
 * @all: zero, or read before; st_processes_free() is due at last, on failure too
 *
 * Lists the numbers first and reads the processes then, so that one free fd is
 * enough.
 *
 * Return: 0, also if memory is short for some of them; -EOPNOTSUPP if /proc is
 * that of another pid namespace; or -errno, and the list is empty.
 */
int st_processes_look(struct st_processes *all)
{
	int ret = st_process_check_proc();
	size_t n = 0;

	all->n = 0;
	if (ret == 0)
		ret = list_numbers(all);
	for (size_t i = 0; i < all->n && ret == 0; i++)
		if (st_process_read(all->list[i].pid, &all->list[n]) == 0)
			n++;
	all->n = n;
	if (n)
		qsort(all->list, n, sizeof(*all->list), by_pid);
	return ret;
}

/**
 * st_processes_add - read one process more
 * @some: zero, or read before; those in it have lower numbers
 * @pid: the process
 *
 * Return: 0; -ESRCH if it is not there; or -errno.
 */
int st_processes_add(struct st_processes *some, pid_t pid)
{
	int ret;

	if (!add_number(some, pid))
		return -ENOMEM;
	ret = st_process_read(pid, &some->list[some->n - 1]);
	if (ret < 0)
		some->n--;
	return ret;
}

/* Return: NULL if it is not there. */
struct st_process *st_processes_find(const struct st_processes *all, pid_t pid)
{
	const struct st_process key = { .pid = pid };

	return all->n ? bsearch(&key, all->list, all->n, sizeof(key), by_pid)
		      : NULL;
}

void st_processes_free(struct st_processes *all)
{
	free(all->list);
	*all = (struct st_processes){ .list = NULL };
}
