/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's side of a keeper: its launch, its word, its end. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <linux/sched.h>

#include "child.h"
#include "clone.h"
#include "launch.h"
#include "pidfd.h"
#include "run/keeper.h"
#include "run/leftover.h"
#include "shared/clock.h"
#include "shared/namespaces.h"
#include "shared/process/process.h"
#include "spawn.h"
#include "stack.h"
#include "sys.h"
#include "tree/supervisor.h"

/* Milliseconds to wait for the keeper's word, which comes with the program's end. */
#define WORD_MS 2

/* Half of the time that a keeper has to end its run while the caller waits. */
#define END_MOST (50 * ST_MS)

#define NEW_IDS                                                      \
	(SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID | \
	 SPAWN_TEMPLATE_SPAWN_SETGROUPS)

/* Seen by the caller and by the keeper, which has a copy of all else. */
struct shared {
	struct st_report report;
	pid_t pid;
};

static struct shared *shared_map(void)
{
	struct shared *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

/*
 * Ends a child that does not get to exec. Until the launch is over, only the keeper
 * reaps it: so its parent tells that the number is still its own.
 */
static void end_child(const struct st_launch *l)
{
	const struct shared *m = (const struct shared *)l->report;
	pid_t pid = __atomic_load_n(&m->pid, __ATOMIC_ACQUIRE);
	struct st_process p;
	int fd;

	if (pid <= 0)
		return;
	fd = sys_call2(__NR_pidfd_open, pid, 0);
	if (fd < 0)
		return;
	if (st_process_read(pid, &p) == 0 && p.parent == l->keeper->pid)
		st_pidfd_signal(fd, pid, SIGKILL);
	sys_close(fd);
}

/*
 * Orders the child by clone(2) alone: all signals are blocked, and the child resets
 * the handlers. It has the keeper's memory until exec, and ends with the keeper.
 */
static void order_child(struct st_supervisor *s, struct st_launch *l,
			struct shared *m, const struct st_stack *stack)
{
	const uint64_t flags = l->args->flags;
	bool own = flags & NEW_IDS;

	l->reset_handlers = true;
	l->shared_files = l->open_pidfd = l->catch_cores = false;
	l->end = end_child;
	l->report = &m->report;
	s->kept.child = st_child;
	s->kept.launch = l;
	s->kept.parent = &l->parent;
	s->kept.stack = stack->base + stack->size;
	s->kept.flags =
		CLONE_VFORK | CLONE_PARENT_SETTID | (own ? 0 : CLONE_VM);
	s->kept.filtered = flags & SPAWN_TEMPLATE_SPAWN_SECCOMP;
	s->kept.error = &m->report.error;
	s->kept.in_exec = &m->report.in_exec;
	s->kept.told = &m->pid;
}

/* Begins the keeper, which launches. Return: the program's pid or -errno. */
static pid_t begin(struct st_launch *l, struct st_supervisor *s,
		   struct shared *m)
{
	struct st_keeper *k = l->keeper;
	int ret = st_supervisor_begin(s, &k->lifeline);

	if (ret < 0)
		return ret;
	k->pid = ret;
	st_watch_set(l, l);
	ret = st_supervisor_ready(k->lifeline);
	st_watch_set(l, NULL);
	if (ret == -ECHILD)
		end_child(l);
	if (ret == -ECANCELED)
		ret = m->report.error ? m->report.error : -ECHILD;
	return ret < 0 ? ret : m->pid;
}

static pid_t launch_on(struct st_launch *l, struct shared *m,
		       const struct st_stack *stack)
{
	const struct st_tree_home none = ST_TREE_HOME_NONE;
	struct st_supervisor *s = st_supervisor_new(&none);
	struct st_keeper *k = l->keeper;
	pid_t pid;

	if (!s)
		return -ENOMEM;
	order_child(s, l, m, stack);
	pid = begin(l, s, m);
	st_supervisor_free(s);
	if (pid > 0) {
		l->pidfd = sys_call2(__NR_pidfd_open, pid, 0);
		if (l->pidfd < 0)
			pid = l->pidfd;
	}
	if (pid < 0)
		st_keeper_close(k);
	else
		st_own_take(&k->line, k->lifeline);
	return pid;
}

/*
 * Checks that one number means one process everywhere: the keeper kills by the numbers
 * that /proc shows, and tells that of the program. In a pid namespace with the /proc of
 * another one these would be strangers'.
 */
static int check_numbers(void)
{
	int ret = st_process_check_proc();

	if (sys_is_shortage(ret))
		return ret;
	return ret == 0 && st_has_children_beside_it() ? 0 : -EOPNOTSUPP;
}

/* Sets the mask that the child starts with. */
static int take_mask(struct st_launch *l)
{
	int ret = 0;

	if (!l->masked)
		ret = sys_sigmask(NULL, &l->mask);
	l->masked = true;
	return ret;
}

/**
 * st_keeper_launch - make the child of a launch, below a new keeper
 * @l: as for st_clone_launch(), with its .keeper
 *
 * It costs what fork(2) costs, and the child's own steps. A guarded template cannot be
 * launched so: the guard asks that the caller is the program's parent.
 *
 * Return: as st_clone_launch().
 */
pid_t st_keeper_launch(struct st_launch *l)
{
	struct st_report *report = l->report;
	struct st_stack stack;
	struct shared *m;
	int cancel;
	pid_t ret;

	report->stage = SPAWN_TEMPLATE_STAGE_CLONE;
	if (l->mark.id)
		return -EOPNOTSUPP;
	ret = check_numbers();
	if (ret < 0)
		return ret;
	*l->keeper = (struct st_keeper)ST_KEEPER_NONE;
	m = shared_map();
	if (!m)
		return -ENOMEM;
	m->report = *report;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ret = take_mask(l);
	if (ret == 0)
		ret = st_stack_get(&stack);
	if (ret == 0) {
		ret = launch_on(l, m, &stack);
		st_stack_put(&stack);
	}
	pthread_setcancelstate(cancel, NULL);
	*report = m->report;
	l->report = report;
	munmap(m, sizeof(*m));
	free(l->block);
	l->block = NULL;
	return ret;
}

/* Gives up a lifeline that the host has closed: its number may be another file's. */
static bool has_line(struct st_keeper *k)
{
	if (!st_own_is(&k->line, k->lifeline))
		k->lifeline = -1;
	return k->lifeline >= 0;
}

/* Takes what is there of its word. Return: false if it is not complete. */
static bool take_end(struct st_keeper *k)
{
	ssize_t n = sys_call6(__NR_recvfrom, k->lifeline, (long)&k->end,
			      sizeof(k->end), MSG_DONTWAIT, 0, 0);

	k->told = n == sizeof(k->end);
	k->lost = !k->told && n != -EAGAIN && n != -EINTR;
	return k->told || k->lost;
}

/* Has a keeper go on that the program may have stopped: nothing else stops it. */
static void wake(const struct st_keeper *k)
{
	if (st_supervisor_lives(k->pid))
		sys_call2(__NR_kill, k->pid, SIGCONT);
}

/**
 * st_keeper_has_told - take the keeper's word on the end of the program
 * @k: the keeper of a program that has ended
 *
 * Only the first call waits, and for 2 ms at most: the thread may have other runs, and
 * a keeper that is late may be late for long.
 *
 * Return: whether .end is set, or will never be.
 */
bool st_keeper_has_told(struct st_keeper *k)
{
	const struct sys_timespec ts = { 0, k->asked ? 0 : WORD_MS * ST_MS };
	struct pollfd pfd = { .events = POLLIN };

	if (!k->told && !has_line(k))
		k->lost = true;
	if (k->told || k->lost || take_end(k))
		return true;
	k->asked = true;
	pfd.fd = k->lifeline;
	if (sys_call5(__NR_ppoll, &pfd, 1, &ts, 0, 0) > 0)
		return take_end(k);
	wake(k);
	return false;
}

/* Ends all that the keeper has left below it, and the keeper. */
void st_keeper_close(struct st_keeper *k)
{
	if (has_line(k)) {
		/* effective even if a forked child holds a copy */
		sys_call2(__NR_shutdown, k->lifeline, SHUT_RDWR);
		sys_close_own(&k->lifeline);
	}
	if (k->pid > 0 && !st_supervisor_reap(k->pid, END_MOST)) {
		wake(k);
		if (!st_supervisor_reap(k->pid, END_MOST))
			st_leftover_keep(k->pid);
	}
	k->pid = 0;
}
