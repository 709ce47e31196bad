/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The work of a sentinel: ends the trees of its wards when the caller has ended. It is
 * part of supervisor_child.c and follows that file's rules: raw system calls only, and no
 * memory but what the process has mapped itself.
 *
 * A tree is the program, its group, its session, and the descendants of all these. The
 * caller's end has killed none of them. So they are stopped first, until nobody new is
 * found, and killed then: a parent that ended before its children were seen would leave
 * them to init.
 */
#ifndef ST_WARD_CHILD_H
#define ST_WARD_CHILD_H

#include <signal.h>
#include <sys/mman.h>

#include "dents.h"
#include "tree/walk.h"
#include "tree/ward.h"

/* Looks until all are stopped, and then until all are gone. */
#define WARD_STOPS 64
#define WARD_KILLS 200

/* Room for so many processes, or for less if memory is short. */
#define WARD_ROOM (1L << 20)
#define WARD_ROOM_LEAST (1L << 10)

/* A process as /proc/N/stat shows it. */
struct ward_seen {
	int pid, parent, group, session;
	uint64_t start;
	bool dead, ours, stopped;
};

struct ward_list {
	struct ward_seen *seen; /* by ascending number, as /proc lists them */
	long n;
};

struct ward_work {
	const struct st_ward *wards;
	unsigned int n_wards;
	const char *proc, *stat; /* "/proc", "stat" */
	struct ward_list now, before;
	int *pids; /* of the wards that are in use */
	long n_pids, room;
	int self;
};

/* ---- memory of its own */

WALK_FN void *ward_map(unsigned long size)
{
	long ret =
		sys_call6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return ret < 0 && ret > -4096 ? 0 : (void *)ret;
}

/* Return: false if there is none. It is given back by the end of the process. */
WALK_FN bool ward_work_map(struct ward_work *w)
{
	unsigned long pids = w->n_wards * sizeof(*w->pids);

	w->room = WARD_ROOM;
	w->pids = ward_map(pids);
	while (w->pids && w->room >= WARD_ROOM_LEAST) {
		unsigned long size =
			(unsigned long)w->room * sizeof(struct ward_seen);

		w->now.seen = ward_map(size);
		w->before.seen = w->now.seen ? ward_map(size) : 0;
		if (w->before.seen)
			return true;
		if (w->now.seen)
			sys_call2(__NR_munmap, w->now.seen, size);
		w->room /= 4;
	}
	return false;
}

/* ---- a look at /proc */

/*
 * Reads what is behind the name, which may contain anything: state, parent, group,
 * session, and as the 20th and 22nd word of the line the number of threads and the start.
 * The first thread may end before others.
 */
WALK_FN bool ward_parse(const char *stat, int got, struct ward_seen *p)
{
	uint64_t number = 0;
	int at = got - 1, word = 3;

	while (at > 0 && stat[at] != ')')
		at--;
	at += 2;
	if (at < 2 || at >= got)
		return false;
	p->dead = stat[at] == 'Z' || stat[at] == 'X' || stat[at] == 'x';
	for (; at < got && word <= 22; at++) {
		if (stat[at] >= '0' && stat[at] <= '9') {
			number = number * 10 + (uint64_t)(stat[at] - '0');
			continue;
		}
		if (stat[at] != ' ')
			continue;
		if (word == 4)
			p->parent = (int)number;
		else if (word == 5)
			p->group = (int)number;
		else if (word == 6)
			p->session = (int)number;
		else if (word == 20)
			p->dead = p->dead && number <= 1;
		else if (word == 22)
			p->start = number;
		word++;
		number = 0;
	}
	return word > 22;
}

/* Return: 0; or -errno, which is a shortage or means that it is gone. */
WALK_FN int ward_read(const struct ward_work *w, int proc, const char *name,
		      struct ward_seen *p)
{
	int dir = walk_open_dir(proc, name), got;
	char stat[512];

	if (dir < 0)
		return dir;
	got = sys_read_file(dir, w->stat, stat, sizeof(stat));
	sys_close(dir);
	if (got < 0)
		return got;
	return ward_parse(stat, got, p) ? 0 : -ESRCH;
}

/* Return: false if files or memory were too short to see all. */
WALK_FN bool ward_look(struct ward_work *w)
{
	char buf[1024] __attribute__((aligned(8)));
	struct ward_seen *old = w->before.seen;
	const struct st_dent *e;
	struct st_dents dents;
	int proc = walk_open_dir(AT_FDCWD, w->proc), ret;
	bool all = true;

	if (proc < 0)
		return false;
	w->before.seen = w->now.seen;
	w->before.n = w->now.n;
	w->now.seen = old;
	w->now.n = 0;
	st_dents_begin(&dents, proc, buf, sizeof(buf));
	while (w->now.n < w->room && (e = st_dents_next(&dents))) {
		struct ward_seen *p = &w->now.seen[w->now.n];

		p->pid = st_dent_number(e);
		p->ours = p->stopped = false;
		if (p->pid <= 1 || p->pid == w->self)
			continue;
		ret = ward_read(w, proc, e->name, p);
		if (ret == 0)
			w->now.n++;
		else if (sys_is_shortage(ret))
			all = false;
	}
	sys_close(proc);
	return all;
}

WALK_FN struct ward_seen *ward_find(const struct ward_list *list, int pid)
{
	long from = 0, to = list->n;

	while (from < to) {
		long middle = from + (to - from) / 2;

		if (list->seen[middle].pid < pid)
			from = middle + 1;
		else
			to = middle;
	}
	return from < list->n && list->seen[from].pid == pid ? &list->seen[from]
							     : 0;
}

/* ---- who is in a tree */

/* Takes the wards whose number is still that of their program, or of nobody. */
WALK_FN void ward_take(struct ward_work *w)
{
	w->n_pids = 0;
	for (unsigned int i = 0; i < w->n_wards; i++) {
		int pid = w->wards[i].pid;
		uint64_t since = w->wards[i].since;
		const struct ward_seen *p =
			pid > 1 ? ward_find(&w->now, pid) : 0;

		if (pid > 1 && !(p && since && p->start > since))
			w->pids[w->n_pids++] = pid;
	}
}

WALK_FN bool ward_is_led(const struct ward_work *w, const struct ward_seen *p)
{
	for (long i = 0; i < w->n_pids; i++)
		if (p->pid == w->pids[i] || p->group == w->pids[i] ||
		    p->session == w->pids[i])
			return true;
	return false;
}

WALK_FN void ward_mark(struct ward_work *w)
{
	bool more = true;

	ward_take(w);
	for (long i = 0; i < w->now.n; i++) {
		struct ward_seen *p = &w->now.seen[i];
		const struct ward_seen *old = ward_find(&w->before, p->pid);

		p->ours = ward_is_led(w, p);
		if (!old || old->start != p->start)
			continue;
		p->ours |= old->ours;
		p->stopped = old->stopped;
	}
	while (more) {
		more = false;
		for (long i = 0; i < w->now.n; i++) {
			struct ward_seen *p = &w->now.seen[i];
			const struct ward_seen *parent;

			if (p->ours)
				continue;
			parent = ward_find(&w->now, p->parent);
			p->ours = parent && parent->ours;
			more |= p->ours;
		}
	}
}

/* ---- signals */

/* Signals a process, unless its number is another's by now. */
WALK_FN void ward_signal(const struct ward_work *w, const struct ward_seen *p,
			 int sig)
{
	int fd = sys_call2(__NR_pidfd_open, p->pid, 0), proc;
	struct ward_seen again;
	char name[16], digits[16];
	int n = 0, at = 0, pid = p->pid, ret = -ENOSYS;
	bool same;

	if (fd == -ESRCH)
		return;
	for (; pid; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n)
		name[at++] = digits[--n];
	name[at] = 0;
	proc = walk_open_dir(AT_FDCWD, w->proc);
	same = proc >= 0 && ward_read(w, proc, name, &again) == 0 &&
	       again.start == p->start;
	if (proc >= 0)
		sys_close(proc);
	if (same && fd >= 0)
		ret = sys_call4(__NR_pidfd_send_signal, fd, sig, 0, 0);
	/* a filter may forbid either call */
	if (same && ret < 0 && ret != -ESRCH)
		sys_call2(__NR_kill, p->pid, sig);
	if (fd >= 0)
		sys_close(fd);
}

/* Return: how many of the trees' processes got the signal. */
WALK_FN long ward_signal_all(struct ward_work *w, int sig)
{
	long n = 0;

	for (long i = 0; i < w->now.n; i++) {
		struct ward_seen *p = &w->now.seen[i];

		if (!p->ours || p->dead || (sig == SIGSTOP && p->stopped))
			continue;
		p->stopped = true;
		ward_signal(w, p, sig);
		n++;
	}
	return n;
}

WALK_FN bool ward_any(const struct st_ward *wards, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (wards[i].pid > 1)
			return true;
	return false;
}

/* Ends all trees. One in an uninterruptible sleep ends when it wakes. */
WALK_FN void ward_end_all(const struct st_ward *wards, unsigned int n,
			  const char *proc, const char *stat)
{
	struct ward_work w;

	if (!ward_any(wards, n))
		return;
	w.wards = wards;
	w.n_wards = n;
	w.proc = proc;
	w.stat = stat;
	w.self = sys_call0(__NR_getpid);
	w.now.n = w.before.n = 0;
	if (!ward_work_map(&w))
		return;
	for (int phase = 0; phase < 2; phase++) {
		int most = phase ? WARD_KILLS : WARD_STOPS;

		for (int i = 0; i < most; i++) {
			bool all = ward_look(&w);

			ward_mark(&w);
			if (!ward_signal_all(&w, phase ? SIGKILL : SIGSTOP) &&
			    all)
				break;
			sys_sleep_ms(phase && i > 20 ? 50 : 1);
		}
	}
}

#endif
