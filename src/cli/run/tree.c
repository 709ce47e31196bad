/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a program whose time is up: finds its processes, signals each
 * once, and tells whether any of them lives.
 *
 * spawn_template_kill() finds most of them from the program. This tool alone
 * knows the rest: processes that it has adopted.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "shared/process/process.h"

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
static bool is_led(const struct run_tree *tree, const struct st_process *p)
{
	return p->group == tree->program || p->session == tree->program;
}

/* Tell whether it is in the program's own group; 0 is that of kernel threads. */
static bool in_group(const struct run_tree *tree, const struct st_process *p)
{
	return tree->group && p->group == tree->group;
}

/* Go up to the program, or to this tool if it has adopted the process. */
static bool is_member(const struct run_tree *tree, const struct st_processes *s,
		      const struct st_process *p)
{
	pid_t self = getpid();

	for (int depth = 0; p && depth < 4096; depth++) {
		if (p->pid == self || is_other(tree, p->pid))
			return false;
		if (p->pid == tree->program || in_group(tree, p) ||
		    is_led(tree, p) || (tree->others && p->parent == self))
			return true;
		p = st_processes_find(s, p->parent);
	}
	return false;
}

void tree_adopt(struct run_tree *tree)
{
	struct st_processes s = { .list = NULL };
	pid_t self = getpid();

	st_processes_look(&s);
	tree->others = calloc(s.n ? s.n : 1, sizeof(*tree->others));
	tree->n_others = 0;
	for (size_t i = 0; i < s.n && tree->others; i++)
		if (s.list[i].parent == self && s.list[i].pid != tree->program)
			tree->others[tree->n_others++] = s.list[i].pid;
	st_processes_free(&s);
	if (tree->others)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/*
 * A daemon that the program has started is found from a group of its own only if
 * it was adopted later, when the tree was being ended.
 */
void tree_spare(struct run_tree *tree)
{
	struct st_processes s = { .list = NULL };
	pid_t self = getpid(), group = getpgrp(), *more;

	st_processes_look(&s);
	more = realloc(tree->others,
		       (tree->n_others + s.n + 1) * sizeof(*more));
	if (more)
		tree->others = more;
	for (size_t i = 0; i < s.n && more; i++)
		if (s.list[i].parent == self && s.list[i].group != group &&
		    s.list[i].pid != tree->program)
			more[tree->n_others++] = s.list[i].pid;
	st_processes_free(&s);
}

void tree_reap(const struct run_tree *tree)
{
	siginfo_t info;
	int err;

	do {
		info.si_pid = 0;
		err = waitid(P_ALL, 0, &info,
			     WEXITED | WNOHANG | WNOWAIT | __WALL);
		if (err || !info.si_pid || info.si_pid == tree->program)
			return;
		err = waitid(P_PID, (id_t)info.si_pid, &info,
			     WEXITED | WNOHANG | __WALL);
	} while (!err);
}

/* ---- what is left of it */

/* Reap what has ended below this tool, but not the children that are not of the tree. */
static void reap_left(const struct run_tree *tree, const struct st_processes *s)
{
	pid_t self = getpid();

	for (size_t i = 0; i < s->n; i++) {
		const struct st_process *p = &s->list[i];

		if (p->parent == self && st_process_is_dead(p) &&
		    !is_other(tree, p->pid))
			waitpid(p->pid, NULL, WNOHANG | __WALL);
	}
}

/* Tell whether it is below a child of this tool that was adopted. */
static bool is_left(const struct run_tree *tree, const struct st_processes *s,
		    const struct st_process *p)
{
	pid_t self = getpid();

	for (int depth = 0; p && depth < 4096; depth++) {
		if (p->pid == self || is_other(tree, p->pid))
			return false;
		if (p->parent == self)
			return true;
		p = st_processes_find(s, p->parent);
	}
	return false;
}

/*
 * Signal a process by its number, unless that is another's by now; a stopped one goes
 * on to see it.
 */
static void signal_number(const struct st_process *p, int sig)
{
	struct st_process now;

	if (st_process_is_dead(p) || st_process_read(p->pid, &now) < 0 ||
	    now.start != p->start)
		return;
	kill(p->pid, sig);
	if (sig != SIGKILL)
		kill(p->pid, SIGCONT);
}

unsigned int tree_left(const struct run_tree *tree, int sig, bool *busy)
{
	struct st_processes s = { .list = NULL };
	unsigned int n = 0;

	*busy = false;
	st_processes_look(&s);
	for (size_t i = 0; i < s.n; i++) {
		const struct st_process *p = &s.list[i];

		if (st_process_is_dead(p) || !is_left(tree, &s, p))
			continue;
		n++;
		*busy |= p->state == 'R' || p->state == 'D';
		if (sig)
			signal_number(p, sig);
	}
	reap_left(tree, &s);
	st_processes_free(&s);
	return n;
}

/* ---- ending it */

static void signal_from(pid_t pid, int pidfd, int sig)
{
	struct spawn_template_child child = SPAWN_TEMPLATE_CHILD_INIT;

	child.pid = pid;
	child.pidfd = pidfd;
	spawn_template_kill(&child, sig, SPAWN_TEMPLATE_KILL_TREE);
}

static bool is_below(const struct st_processes *s, const struct st_process *p,
		     pid_t top)
{
	for (int depth = 0; p && depth < 4096; depth++) {
		if (p->pid == top)
			return true;
		p = st_processes_find(s, p->parent);
	}
	return false;
}

/* Signal a process and all below it; one by one if no pidfd can be had. */
static void signal_below(const struct st_processes *s, pid_t top, int sig)
{
	int pidfd = (int)syscall(SYS_pidfd_open, top, 0);

	if (pidfd >= 0) {
		signal_from(top, pidfd, sig);
		close(pidfd);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (is_below(s, &s->list[i], top))
			signal_number(&s->list[i], sig);
}

/*
 * Signal each process once, even if the program forwards signals. Processes
 * that are not below the program are found, and marked as ours, before it is
 * signalled: its death would add more.
 */
void tree_signal(const struct run_tree *tree, int sig)
{
	struct st_processes s = { .list = NULL };

	st_processes_look(&s);
	for (size_t i = 0; i < s.n; i++) {
		struct st_process *p = &s.list[i];
		const struct st_process *parent =
			st_processes_find(&s, p->parent);

		p->ours = p->pid != tree->program && !st_process_is_dead(p) &&
			  !is_led(tree, p) && is_member(tree, &s, p) &&
			  !(parent && is_member(tree, &s, parent));
	}
	signal_from(tree->program, tree->pidfd, sig);
	for (size_t i = 0; i < s.n; i++)
		if (s.list[i].ours)
			signal_below(&s, s.list[i].pid, sig);
	if (tree->group && (sig == SIGKILL || s.n == 0))
		kill(-tree->group, sig);
	st_processes_free(&s);
}

bool tree_lives(const struct run_tree *tree)
{
	struct st_processes s = { .list = NULL };
	bool lives = false;
	pid_t self = getpid();

	st_processes_look(&s);
	for (size_t i = 0; i < s.n; i++) {
		const struct st_process *p = &s.list[i];

		if (!is_member(tree, &s, p))
			continue;
		lives |= !st_process_is_dead(p);
		if (st_process_is_dead(p) && p->parent == self &&
		    p->pid != tree->program)
			waitpid(p->pid, NULL, WNOHANG | __WALL);
	}
	/* without /proc the program counts, too, although it may be dead */
	if (s.n == 0 && tree->group)
		lives = kill(-tree->group, 0) == 0;
	st_processes_free(&s);
	return lives;
}
