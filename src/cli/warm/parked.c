/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared processes in /proc: shared/parked.h tells how they are known. Only the
 * mappings of processes that have blocked all signals are read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/warm/warm.h"
#include "shared/clock.h"
#include "shared/parked.h"
#include "shared/process/process.h"

#define FORKNOEXEC \
	0x40 /* PF_FORKNOEXEC of the kernel: it has not called exec */

static FILE *open_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/*
 * Read the user, and whether every signal is blocked that can be: SIGTRAP can not
 * while a process is traced, and libc lets its own in when it makes a thread, which
 * may have ended since.
 */
static bool is_blocked(pid_t pid, uint32_t *uid)
{
	FILE *file = open_file(pid, "status");
	const uint64_t never = UINT64_C(1) << 8 | UINT64_C(1) << 18 |
			       UINT64_C(1) << 4 | /* KILL, STOP, TRAP */
			       UINT64_C(3) << 31; /* libc's own: 32, 33 */
	uint64_t blocked = 0;
	char line[256];

	*uid = 0;
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "Uid: %" SCNu32, uid);
		if (sscanf(line, "SigBlk: %" SCNx64, &blocked) == 1)
			break;
	}
	if (file)
		fclose(file);
	return (blocked | never) == UINT64_MAX;
}

/* Look for the mark. Return: false if it has none, or may not be looked at. */
static bool has_mark(pid_t pid, enum warm_way *way)
{
	static const char *const marks[WARM_WAYS] = {
		[WAY_ONCE] = " /memfd:" ST_PARKED_ONCE " ",
		[WAY_FORK] = " /memfd:" ST_PARKED_FORK " ",
		[WAY_PYTHON] = " /memfd:" ST_PARKED_RUNTIME " ",
	};
	FILE *file = open_file(pid, "maps");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (file && !found && getline(&line, &size, file) > 0)
		for (int i = 0; i < WARM_WAYS && !found; i++) {
			found = strstr(line, marks[i]);
			*way = (enum warm_way)i;
		}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* Read the flags of a process, and the address at which its stack began. */
static void read_stat(pid_t pid, unsigned int *flags, uint64_t *stack)
{
	FILE *file = open_file(pid, "stat");
	char line[1024], *end;

	*flags = 0;
	*stack = 0;
	if (file && fgets(line, sizeof(line), file) &&
	    (end = strrchr(line, ')')))
		sscanf(end + 1,
		       " %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u "
		       "%*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u "
		       "%" SCNu64,
		       flags, stack);
	if (file)
		fclose(file);
}

/*
 * Tell whether the process is still on its way to be prepared, or the one that prepares
 * it: then it has its parent's memory, and in that memory the parent's mapping.
 */
static bool is_in_parent(const struct parked *p, uint64_t stack)
{
	unsigned int flags;
	uint64_t of_parent;

	read_stat(p->parent, &flags, &of_parent);
	return stack == of_parent;
}

static void read_memory(struct parked *p)
{
	FILE *file = open_file(p->pid, "smaps_rollup");
	uint64_t kib;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Pss: %" SCNu64, &kib) == 1)
			p->pss = kib << 10;
		else if (sscanf(line, "Private_Clean: %" SCNu64, &kib) == 1 ||
			 sscanf(line, "Private_Dirty: %" SCNu64, &kib) == 1)
			p->private_bytes += kib << 10;
	}
	if (file)
		fclose(file);
}

static char *read_program(pid_t pid)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, target, sizeof(target) - 1);
	return strndup(target, n > 0 ? (size_t)n : 0);
}

/* Return: 0 or -ENOMEM. */
static int add(struct parked_list *list, const struct st_process *from,
	       uint32_t uid, enum warm_way way)
{
	struct parked *more =
		realloc(list->list, (list->n + 1) * sizeof(*more));
	unsigned int flags;
	uint64_t stack;
	struct parked *p;

	if (!more)
		return -ENOMEM;
	list->list = more;
	p = &more[list->n];
	read_stat(from->pid, &flags, &stack);
	*p = (struct parked){
		.pid = from->pid,
		.parent = from->parent,
		.uid = uid,
		.way = way,
		.spare = flags & FORKNOEXEC,
		.age_ns = st_since_boot() -
			  (int64_t)(from->start * (uint64_t)1000000000 /
				    (uint64_t)sysconf(_SC_CLK_TCK)),
	};
	if (is_in_parent(p, stack))
		return 0;
	p->program = read_program(from->pid);
	if (!p->program)
		return -ENOMEM;
	if (!*p->program) { /* it has ended */
		free(p->program);
		return 0;
	}
	read_memory(p);
	list->n++;
	return 0;
}

int parked_look(pid_t parent, struct parked_list *list)
{
	struct st_processes all = { .list = NULL };
	int err = st_processes_look(&all);

	*list = (struct parked_list){ .list = NULL };
	for (size_t i = 0; i < all.n && !err; i++) {
		const struct st_process *p = &all.list[i];
		uint32_t uid;
		enum warm_way way;

		if (p->threads == 1 && (!parent || p->parent == parent) &&
		    is_blocked(p->pid, &uid) && has_mark(p->pid, &way))
			err = add(list, p, uid, way);
	}
	st_processes_free(&all);
	return err;
}

void parked_free(struct parked_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->list[i].program);
	free(list->list);
	*list = (struct parked_list){ .list = NULL };
}
