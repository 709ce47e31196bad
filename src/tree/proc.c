/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree without a cgroup: finds its processes and signals them.
 *
 * The tree is the child, the group and the session that it leads, all
 * descendants that /proc shows, and the groups and sessions that those lead. A
 * process that was seen once is remembered by number and start time, and found
 * again after its parent has ended.
 *
 * The kernel signals the group that the child leads at one stroke. Other
 * processes are signalled one by one, each by a pidfd after a comparison of its
 * start time. Before a signal that ends them, all are stopped, until a look at
 * /proc finds no new process after all known ones have stopped: then none can
 * fork any more. Each gets the signal once. If /proc cannot be read, or is that
 * of another pid namespace, the tree is only the group.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "shared/clock.h"
#include "shared/process/process.h"
#include "sys.h"
#include "pidfd.h"
#include "tree/newer.h"
#include "tree/proc.h"
#include "tree/supervisor.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2) /* Linux 6.9 */
#endif

/* The time within which the tree has to come to a stop. */
#define STOP_MOST (100 * ST_MS)

/* A process that stays in the kernel so long after SIGSTOP will not fork. */
#define STOP_ASLEEP (20 * ST_MS)

/* member.stopped of a process that may not be signalled */
#define REFUSED (-1)

/* One signal to one tree. */
struct effort {
	struct st_tree *tree;
	struct st_processes *view;	/* shared; "ours" changes with each effort */
	pid_t self, self_group;
	pid_t reaper;		/* the tree's, while it lives; 0: none */
	bool reaped;		/* the child's number may be another's */
	bool leads;		/* it leads a group that we are not in */
	bool leads_session;
	bool undo; /* continue all stopped processes, seen or not */
	bool settled;		/* at the last look, all had stopped */
	bool over;
	unsigned int done, refused;
};

/* ---- members of the tree */

static struct st_member *member_of(const struct st_tree *tree,
				   const struct st_process *p)
{
	for (size_t i = 0; i < tree->n_members; i++)
		if (tree->members[i].pid == p->pid &&
		    tree->members[i].start == p->start)
			return &tree->members[i];
	return NULL;
}

static void mark_ours(struct effort *e, struct st_process *p)
{
	p->ours = p->pid > 1 && p->pid != e->self;
}

/*
 * Tells whether a process of ours has the number, and leads group or session.
 */
static bool is_led(struct effort *e, pid_t number, bool session)
{
	const struct st_process *p = st_processes_find(e->view, number);

	return p && p->ours && (session ? p->session : p->group) == number;
}

static bool belongs(struct effort *e, const struct st_process *p)
{
	const struct st_process *parent = st_processes_find(e->view, p->parent);

	return (parent && parent->ours) || is_led(e, p->session, true) ||
	       is_led(e, p->group, false);
}

/*
 * Tells whether the tree is found from here; /proc may hide the child itself.
 */
static bool is_root(const struct effort *e, const struct st_process *p)
{
	pid_t child = e->tree->pid;

	return (p->pid == child && !e->reaped) ||
	       (p->group == child && e->leads) ||
	       (p->session == child && e->leads_session) ||
	       (e->reaper && p->parent == e->reaper) || member_of(e->tree, p);
}

/*
 * Returns the reaper if the number has been its own during the look, which is over: a
 * program can kill it, and a host that waits for any child can reap it.
 */
static pid_t living_reaper(const struct st_tree *tree)
{
	return tree->reaper && st_supervisor_lives(tree->reaper) ? tree->reaper
								 : 0;
}

/* Marks all processes of the tree as ours. */
static void find_tree(struct effort *e)
{
	struct st_processes *v = e->view;
	bool more = true;

	e->reaper = living_reaper(e->tree);
	for (size_t i = 0; i < v->n; i++) {
		v->list[i].ours = false;
		if (is_root(e, &v->list[i]))
			mark_ours(e, &v->list[i]);
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < v->n; i++) {
			struct st_process *p = &v->list[i];

			if (!p->ours && belongs(e, p))
				mark_ours(e, p);
			else
				continue;
			more |= p->ours;
		}
	}
}

/* Return: false if memory is short. */
static bool remember_member(struct st_tree *tree, const struct st_process *p)
{
	if (tree->n_members == tree->max_members) {
		size_t max = tree->max_members ? 2 * tree->max_members : 16;
		struct st_member *more =
			realloc(tree->members, max * sizeof(*more));

		if (!more)
			return false;
		tree->members = more;
		tree->max_members = max;
	}
	tree->members[tree->n_members++] =
		(struct st_member){ .pid = p->pid, .start = p->start };
	return true;
}

/* Forgets members that have ended. */
static void forget_dead(struct effort *e)
{
	struct st_tree *tree = e->tree;
	size_t n = 0;

	for (size_t i = 0; i < tree->n_members; i++) {
		const struct st_process *p =
			st_processes_find(e->view, tree->members[i].pid);

		if (p && p->start == tree->members[i].start &&
		    !st_process_is_dead(p))
			tree->members[n++] = tree->members[i];
	}
	tree->n_members = n;
}

static void look_at_tree(struct effort *e)
{
	find_tree(e);
	forget_dead(e);
}

/* ---- signals */

static void count_answer(struct effort *e, int ret)
{
	e->done += ret == 0;
	e->refused += ret == -EPERM;
}

/* Signals the group of a process by its pidfd: it cannot be another's group. */
static int signal_group_of(int pidfd, int sig)
{
	return st_pidfd_send(pidfd, sig, PIDFD_SIGNAL_PROCESS_GROUP);
}

/*
 * Signals the whole group that the child leads, at one stroke, so that a
 * process just being forked in it gets the signal, too.
 * Return: 0 or -errno.
 */
static int signal_led_group(const struct effort *e, int sig)
{
	int ret;

	if (!e->leads)
		return -ESRCH;
	ret = signal_group_of(e->tree->pidfd, sig);
	if ((ret == -EINVAL || ret == -ENOSYS) && !e->reaped)
		ret = sys_call2(__NR_kill, -e->tree->pid, sig);
	return ret;
}

static bool in_led_group(const struct effort *e, const struct st_process *p)
{
	return e->leads && p->group == e->tree->pid;
}

/* Tells whether a process leads a group that the caller is not in. */
static bool leads(const struct effort *e, const struct st_process *p)
{
	return p->group == p->pid && p->pid != e->self_group;
}

static bool is_same_process(const struct st_process *p)
{
	struct st_process now;

	return st_process_read(p->pid, &now) == 0 && now.start == p->start;
}

/*
 * Signals a process; `group`: the whole group that it leads, if the kernel can.
 */
static int signal_same(const struct st_process *p, int pidfd, int sig,
		       bool group)
{
	int ret = -EINVAL;

	if (pidfd < 0)
		return sys_call2(__NR_kill, p->pid, sig);
	if (group)
		ret = signal_group_of(pidfd, sig);
	if (ret == -EINVAL || ret == -ENOSYS)
		ret = st_pidfd_signal(pidfd, p->pid, sig);
	return ret;
}

/*
 * Signals a process, but no other with its number: the pidfd holds on to the
 * process whose start time is compared after that. If no pidfd can be had, or
 * no further fd, the number must do, as soon after the comparison as possible.
 */
static int signal_one(const struct st_process *p, int sig, bool group)
{
	int fd = sys_call2(__NR_pidfd_open, p->pid, 0);
	bool same = is_same_process(p);
	int ret;

	if (!same && fd >= 0) {
		sys_close(fd);
		fd = -1;
		same = is_same_process(p);
	}
	ret = same ? signal_same(p, fd, sig, group) : -ESRCH;
	if (fd >= 0)
		sys_close(fd);
	return ret;
}

/* Signals the child if /proc does not show it, or shows nothing. */
static void signal_unlisted(struct effort *e, int sig, int group)
{
	const struct st_tree *tree = e->tree;

	if (e->leads)
		count_answer(e, group);
	else if (!e->reaped)
		count_answer(e, st_pidfd_signal(tree->pidfd, tree->pid, sig));
}

static void signal_all(struct effort *e, int sig)
{
	/* a signal that is harmless twice goes to whole groups */
	const bool twice = e->undo || sig == SIGKILL;
	const struct st_processes *v = e->view;
	int group = signal_led_group(e, sig);

	e->done = e->refused = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct st_process *p = &v->list[i];
		bool whole = twice && leads(e, p);

		if (!p->ours || (st_process_is_dead(p) && !whole))
			continue;
		if (st_process_is_dead(p))
			signal_one(p, sig, whole);
		else
			count_answer(e, in_led_group(e, p)
						? group
						: signal_one(p, sig, whole));
	}
	if (v->n == 0 ||
	    (!e->reaped && !st_processes_find(e->view, e->tree->pid)))
		signal_unlisted(e, sig, group);
}

/* ---- stopping */

static bool has_stopped(const struct st_process *p, const struct st_member *m,
			int64_t now)
{
	if (p->state == 'T' || p->state == 't' || m->stopped == REFUSED)
		return true;
	/* a parent in vfork(2) does not come to a stop */
	return (p->state == 'D' || p->state == 'Z') &&
	       now - m->stopped > STOP_ASLEEP;
}

/*
 * Tells whether a member of the child's group has stopped. The group got the
 * signal; but a process that was in setsid(2) then may be leaving the group,
 * until it is seen stopped.
 */
static bool has_stopped_in_group(const struct st_process *p,
				 struct st_member *m, int64_t now)
{
	if (m && !m->stopped)
		m->stopped = now;
	return p->state == 'T' || p->state == 't' ||
	       (m && now - m->stopped > STOP_ASLEEP);
}

/*
 * Stops a process and the group that it leads, which may fork faster than we
 * read.
 */
static int stop_one(const struct effort *e, const struct st_process *p)
{
	return signal_one(p, SIGSTOP, leads(e, p));
}

/* The result of a look at the tree outside of the child's group. */
struct outside {
	bool any;
	bool fresh;		/* a process that was not known before */
	bool settled;		/* all have stopped, in the group, too */
	bool forgotten;		/* memory was short for one */
};

static void stop_if_new(struct effort *e, const struct st_process *p,
			struct outside *o)
{
	struct st_member *m = member_of(e->tree, p);
	int64_t now = st_now();
	int ret;

	if (!m && remember_member(e->tree, p))
		m = member_of(e->tree, p);
	o->forgotten |= !m;
	if (in_led_group(e, p)) {
		o->settled &= has_stopped_in_group(p, m, now);
		return;
	}
	o->any = true;
	if (m && m->stopped) {
		o->settled &= has_stopped(p, m, now);
		return;
	}
	o->fresh = true;
	o->settled &= p->state == 'T';
	ret = stop_one(e, p);
	if (m)
		m->stopped = ret < 0 ? REFUSED : now;
}

static struct outside stop_new(struct effort *e)
{
	const struct st_processes *v = e->view;
	struct outside o = { .settled = true };

	for (size_t i = 0; i < v->n; i++) {
		const struct st_process *p = &v->list[i];

		if (p->ours && !st_process_is_dead(p)) {
			stop_if_new(e, p, &o);
		} else if (p->ours && leads(e, p) && !in_led_group(e, p)) {
			/*
			 * its group may live on, and fork too fast to be seen
			 */
			o.any = true;
			stop_one(e, p);
		}
	}
	return o;
}

static void begin_stop(struct effort *e)
{
	for (size_t i = 0; i < e->tree->n_members; i++)
		e->tree->members[i].stopped = 0;
	signal_led_group(e, SIGSTOP);
}

/*
 * Goes on stopping the tree. The child's group stops at one stroke, with the
 * processes it is just forking. Processes outside are stopped as they are
 * found, until no new one appears after all had stopped: a process that was
 * seen to stop may have forked before.
 * Return: true if all have stopped and are remembered; *fresh is set if a new
 * process was found.
 */
static bool stop_more(struct effort *e, bool *fresh)
{
	struct outside o;
	bool before = e->settled;

	look_at_tree(e);
	o = stop_new(e);
	e->settled = o.settled;
	*fresh |= o.fresh;
	if (!o.any)
		return o.settled && !o.forgotten;
	return !o.fresh && before && !o.forgotten;
}

/* ---- the whole effort */

/*
 * Begins an effort. If the child was reaped, its number may still be that of
 * its group: then no other process has the number, and the pidfd tells (Linux
 * 6.9).
 */
static struct effort begin_effort(struct st_tree *tree,
				  struct st_processes *view)
{
	struct effort e = {
		.tree = tree,
		.view = view,
		.self = (pid_t)sys_call0(__NR_getpid),
		.self_group = (pid_t)sys_call1(__NR_getpgid, 0),
	};
	pid_t child = tree->pid;
	int ret;

	e.reaped = st_pidfd_signal(tree->pidfd, child, 0) == -ESRCH;
	ret = e.reaped ? signal_group_of(tree->pidfd, 0) : -EINVAL;
	e.leads = e.self_group != child &&
		  (e.reaped ? ret == 0 || ret == -EPERM
			    : sys_call1(__NR_getpgid, child) == child);
	e.leads_session = !e.reaped && sys_call1(__NR_getsid, child) == child;
	return e;
}

/* Signals the processes that the last look at the tree has found. */
static void finish_effort(struct effort *e, int sig, bool stopped)
{
	unsigned int done, refused;

	signal_all(e, sig);
	done = e->done;
	refused = e->refused;
	e->tree->complete = stopped && sig == SIGKILL && !refused;
	e->tree->killed |= sig == SIGKILL && done;
	e->undo = true;
	if (st_signal_ends(sig) && sig != SIGKILL)
		signal_all(e, SIGCONT);
	e->done = done;
	e->refused = refused;
	e->over = true;
}

/*
 * Signals all trees together, since the look at /proc takes the time. It looks
 * as often as one tree needs, but at least twice however long that takes.
 */
static void signal_trees(struct effort *efforts, size_t n,
			 struct st_processes *view, int sig)
{
	const struct sys_timespec pause = { 0, 200000 };
	const bool stops = st_signal_ends(sig) || sig == SIGSTOP;
	int64_t most = st_now() + STOP_MOST;
	size_t left = n;

	for (size_t i = 0; i < n && stops; i++)
		begin_stop(&efforts[i]);
	for (int round = 0; left; round++) {
		bool seen = st_processes_look(view) == 0, fresh = false;
		bool enough = !seen || !stops || (round > 0 && st_now() > most);

		for (size_t i = 0; i < n; i++) {
			struct effort *e = &efforts[i];
			bool stopped = false;

			if (e->over)
				continue;
			if (seen && stops)
				stopped = stop_more(e, &fresh);
			else if (seen)
				look_at_tree(e);
			if (!stopped && !enough)
				continue;
			finish_effort(e, sig, stopped);
			left--;
		}
		if (left && !fresh)
			sys_call2(__NR_nanosleep, &pause, 0);
	}
}

/* Return: as st_tree_signal(). */
int st_proc_signal(struct st_tree *tree, int sig)
{
	struct st_processes view = { .list = NULL };
	struct effort e = begin_effort(tree, &view);

	signal_trees(&e, 1, &view, sig);
	st_processes_free(&view);
	if (e.done)
		return 0;
	return e.refused ? -EPERM : -ESRCH;
}

/* Kills all trees together or, if memory is short, one after the other. */
void st_proc_kill_all(struct st_tree *const *trees, size_t n)
{
	struct effort *efforts = calloc(n, sizeof(*efforts));
	struct st_processes view = { .list = NULL };

	for (size_t i = 0; i < n; i++) {
		if (efforts)
			efforts[i] = begin_effort(trees[i], &view);
		else
			st_proc_signal(trees[i], SIGKILL);
	}
	if (efforts)
		signal_trees(efforts, n, &view, SIGKILL);
	st_processes_free(&view);
	free(efforts);
}

static bool member_lives(const struct st_tree *tree)
{
	struct st_process p;

	for (size_t i = 0; i < tree->n_members; i++)
		if (st_process_read(tree->members[i].pid, &p) == 0 &&
		    p.start == tree->members[i].start &&
		    !st_process_is_dead(&p))
			return true;
	return false;
}

/* Counts the processes of the tree that live, and remembers them. */
static unsigned int count_living(const struct st_processes *v,
				 struct st_tree *tree)
{
	unsigned int n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct st_process *p = &v->list[i];

		if (!p->ours || st_process_is_dead(p))
			continue;
		n++;
		if (!member_of(tree, p))
			remember_member(tree, p);
	}
	return n;
}

/*
 * Tells why a look has not found the child, which had not been reaped before. Return: 0
 * if it has by now, as by a host that waits for any child; -EOPNOTSUPP if /proc hides it;
 * or a shortage.
 */
static int explain_unseen(const struct st_tree *tree)
{
	struct st_process p;
	int ret = st_process_read(tree->pid, &p);

	if (ret == 0)
		return -ENOMEM; /* for the list */
	if (sys_is_shortage(ret))
		return ret;
	ret = st_pidfd_signal(tree->pidfd, tree->pid, 0);
	return ret == -ESRCH ? 0 : -EOPNOTSUPP;
}

/*
 * Looks at the whole tree. Return: 0 or -errno.
 *
 * A process that forks and ends faster than /proc can be read is found by no look. With
 * `held` the child's group is stopped at one stroke meanwhile.
 *
 * -EOPNOTSUPP: /proc does not show even the child, which the caller has not reaped.
 */
static int look_for_living(struct st_tree *tree, bool held, unsigned int *n)
{
	struct st_processes view = { .list = NULL };
	struct effort e = begin_effort(tree, &view);
	int ret;

	if (held)
		signal_led_group(&e, SIGSTOP);
	ret = st_processes_look(&view);
	if (ret == 0)
		look_at_tree(&e);
	if (ret < 0 && !sys_is_shortage(ret))
		ret = -EOPNOTSUPP;
	else if (ret == 0 && !e.reaped && !st_processes_find(&view, tree->pid))
		ret = explain_unseen(tree);
	*n = count_living(&view, tree);
	st_processes_free(&view);
	if (held)
		signal_led_group(&e, SIGCONT);
	return ret;
}

/* Processes that use their grace are seen at the first look, and are not stopped. */
bool st_proc_empty(struct st_tree *tree)
{
	unsigned int n;
	int ret;

	/* known members first: that is cheaper than a look at /proc */
	if (st_pidfd_alive(tree->pidfd) || member_lives(tree))
		return false;
	if (tree->complete)
		return true;
	ret = look_for_living(tree, false, &n);
	if (ret == 0 && !n)
		ret = look_for_living(tree, true, &n);
	return !n && !sys_is_shortage(ret);
}

/*
 * Tells whether the child, which has ended, was in the caller's group. What it has left
 * there has another parent by now, and only a keeper tells it from processes of others.
 */
static bool is_among_others(const struct st_tree *tree)
{
	return !tree->n_members && !living_reaper(tree) &&
	       sys_call1(__NR_getpgid, tree->pid) == sys_call1(__NR_getpgid, 0);
}

/* Tells whether orphans become the caller's children, as its own programs are. */
static bool gets_orphans(void)
{
	int gets = 0;

	return sys_call0(__NR_getpid) == 1 ||
	       (sys_call5(__NR_prctl, PR_GET_CHILD_SUBREAPER, (long)&gets, 0, 0,
			  0) == 0 &&
		gets);
}

/* Tells for sure, and for little, that no process of the tree lives. */
static bool is_empty_for_sure(struct st_tree *tree, bool among_others)
{
	struct st_processes newer = { .list = NULL };
	bool empty = !(among_others && gets_orphans()) &&
		     st_newer_look(&tree->before, tree->pid, &newer);

	if (empty && newer.n) {
		struct effort e = begin_effort(tree, &newer);

		find_tree(&e);
		empty = count_living(&newer, tree) == 0 && !among_others;
	}
	st_processes_free(&newer);
	return empty;
}

/* The processes are about to be ended, which stops them, too. Return: as st_tree_count(). */
int st_proc_count(struct st_tree *tree)
{
	bool among_others = is_among_others(tree);
	unsigned int n = 0;
	int ret;

	if (is_empty_for_sure(tree, among_others))
		return 0;
	if (among_others)
		return -EOPNOTSUPP;
	ret = look_for_living(tree, true, &n);
	return n && !sys_is_shortage(ret) ? (int)n : ret;
}

/* Kills the group that the child leads, which takes neither /proc nor a descriptor. */
void st_proc_kill_group(struct st_tree *tree)
{
	const struct effort e = begin_effort(tree, NULL);

	signal_led_group(&e, SIGKILL);
}
