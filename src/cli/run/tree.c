/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a program whose time is up: finds its processes, signals each
 * once, and tells whether any of them lives.
 *
 * spawn_template_kill() finds most of them from the program. This tool alone
 * knows the rest: the group that was made before the program, which the program
 * does not lead, and processes that the tool has adopted.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/run.h"

struct process {
	pid_t pid, parent, group, session;
	bool dead;
	bool apart; /* in the tree, but not found from the program */
};

/* All processes, by number. */
struct snapshot {
	struct process *list;
	size_t n;
};

/* ---- processes in /proc */

static bool read_process(const char *number, struct process *p)
{
	char path[64], line[512], *end, state;
	int parent, group, session;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", number);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = '\0';
	end = strrchr(line, ')'); /* the name may contain any character */
	if (!end || sscanf(end + 1, " %c %d %d %d", &state, &parent, &group,
			   &session) != 4)
		return false;
	*p = (struct process){
		.pid = atoi(number),
		.parent = parent,
		.group = group,
		.session = session,
		.dead = state == 'Z' || state == 'X',
	};
	return true;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid;
	pid_t y = ((const struct process *)b)->pid;

	return (x > y) - (x < y);
}

/* Check that /proc is this pid namespace's: an outer one has other numbers. */
static bool is_own_proc(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	int pid = 0, inner;
	char line[512];
	bool nested = false;

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "Pid: %d", &pid);
		nested |= sscanf(line, "NSpid: %*d %d", &inner) == 1;
	}
	if (file)
		fclose(file);
	return pid == getpid() && !nested;
}

/* Read all processes; none without /proc or memory. */
static void take_snapshot(struct snapshot *s)
{
	DIR *dir = is_own_proc() ? opendir("/proc") : NULL;
	struct dirent *entry;
	size_t max = 0;

	*s = (struct snapshot){ 0 };
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (s->n == max) {
			struct process *more;

			max = max ? 2 * max : 256;
			more = realloc(s->list, max * sizeof(*more));
			if (!more)
				break;
			s->list = more;
		}
		s->n += read_process(entry->d_name, &s->list[s->n]);
	}
	if (dir)
		closedir(dir);
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_pid);
}

static const struct process *find_process(const struct snapshot *s, pid_t pid)
{
	const struct process key = { .pid = pid };

	return s->n ? bsearch(&key, s->list, s->n, sizeof(key), by_pid) : NULL;
}

/* ---- members of the tree */

static bool is_other(const struct run_tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->n_others; i++)
		if (tree->others[i] == pid)
			return true;
	return false;
}

/*
 * Tell whether its group or session is the program's own: spawn_template_kill()
 * finds it then.
 */
static bool is_led(const struct run_tree *tree, const struct process *p)
{
	return p->group == tree->program || p->session == tree->program;
}

/* Go up to the program, or to this tool if it has adopted the process. */
static bool is_member(const struct run_tree *tree, const struct snapshot *s,
		      const struct process *p)
{
	pid_t self = getpid();

	for (int depth = 0; p && depth < 4096; depth++) {
		if (p->pid == self || is_other(tree, p->pid))
			return false;
		if (p->pid == tree->program || p->group == tree->group ||
		    is_led(tree, p) || (tree->others && p->parent == self))
			return true;
		p = find_process(s, p->parent);
	}
	return false;
}

void tree_adopt(struct run_tree *tree)
{
	struct snapshot s;
	pid_t self = getpid();

	take_snapshot(&s);
	tree->others = calloc(s.n ? s.n : 1, sizeof(*tree->others));
	tree->n_others = 0;
	for (size_t i = 0; i < s.n && tree->others; i++)
		if (s.list[i].parent == self && s.list[i].pid != tree->program)
			tree->others[tree->n_others++] = s.list[i].pid;
	free(s.list);
	if (tree->others)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* ---- ending it */

static void signal_from(pid_t pid, int sig)
{
	struct spawn_template_child child = SPAWN_TEMPLATE_CHILD_INIT;

	child.pid = pid;
	child.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child.pidfd < 0)
		return;
	spawn_template_kill(&child, sig, SPAWN_TEMPLATE_KILL_TREE);
	close(child.pidfd);
}

/*
 * Signal each process once, even if the program forwards signals. Processes
 * that are not below the program are found before it is signalled: its death
 * would add more.
 */
void tree_signal(const struct run_tree *tree, int sig)
{
	struct snapshot s;

	take_snapshot(&s);
	for (size_t i = 0; i < s.n; i++) {
		struct process *p = &s.list[i];
		const struct process *parent = find_process(&s, p->parent);

		p->apart = p->pid != tree->program && !p->dead &&
			   !is_led(tree, p) && is_member(tree, &s, p) &&
			   !(parent && is_member(tree, &s, parent));
	}
	signal_from(tree->program, sig);
	for (size_t i = 0; i < s.n; i++)
		if (s.list[i].apart)
			signal_from(s.list[i].pid, sig);
	if (sig == SIGKILL || s.n == 0)
		kill(-tree->group, sig);
	free(s.list);
}

bool tree_lives(const struct run_tree *tree)
{
	struct snapshot s;
	bool lives = false;
	pid_t self = getpid();

	take_snapshot(&s);
	for (size_t i = 0; i < s.n; i++) {
		const struct process *p = &s.list[i];

		if (!is_member(tree, &s, p))
			continue;
		lives |= !p->dead;
		if (p->dead && p->parent == self && p->pid != tree->program)
			waitpid(p->pid, NULL, WNOHANG | __WALL);
	}
	free(s.list);
	/* without /proc the program counts, too, although it may be dead */
	return s.n ? lives : kill(-tree->group, 0) == 0;
}
