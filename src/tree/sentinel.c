/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and ends the sentinel of a ring. supervisor_child.c and ward_child.h have its
 * code: it is a supervisor that has a table of trees in the place of a cgroup.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/namespaces.h"
#include "shared/process/process.h"
#include "sys.h"
#include "tree/sentinel.h"
#include "tree/supervisor.h"
#include "tree/supervisor_child.h"

/* The time that it may take to end. */
#define END_MOST (2000 * ST_MS)

static size_t size_of_table(unsigned int n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n * sizeof(struct st_ward) + page - 1) & ~(page - 1);
}

void st_sentinel_init(struct st_sentinel *t, unsigned int entries)
{
	*t = (struct st_sentinel){ .n = entries, .lifeline = -1 };
	pthread_mutex_init(&t->lock, NULL);
}

/*
 * Checks that one number means one process everywhere: the sentinel kills by the numbers
 * that /proc shows, and is given those of the programs.
 */
static int check_numbers(void)
{
	int ret = st_process_check_proc();

	if (ret < 0)
		return ret;
	return st_has_children_beside_it() ? 0 : -EOPNOTSUPP;
}

static void close_line(struct st_sentinel *t)
{
	if (t->lifeline < 0)
		return;
	/* effective even if a forked child holds a copy */
	if (st_own_is(&t->line, t->lifeline))
		sys_call2(__NR_shutdown, t->lifeline, SHUT_RDWR);
	st_own_close(&t->line, &t->lifeline);
}

/* Ends the process, and with it the trees that are in the table. */
static void end_process(struct st_sentinel *t)
{
	close_line(t);
	if (t->pid > 0 && !st_supervisor_reap(t->pid, END_MOST)) {
		sys_call2(__NR_kill, t->pid, SIGKILL);
		st_supervisor_reap(t->pid, END_MOST);
	}
	t->pid = 0;
}

static int map_table(struct st_sentinel *t)
{
	void *table;

	if (t->wards)
		return 0;
	table = mmap(NULL, size_of_table(t->n), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		return -ENOMEM;
	t->wards = table;
	return 0;
}

/* Return: 0 or -errno, and then no process is left. */
static int start_process(struct st_sentinel *t)
{
	const struct st_tree_home none = ST_TREE_HOME_NONE;
	struct st_supervisor *s;
	int ret = map_table(t);

	if (ret < 0)
		return ret;
	s = st_supervisor_new(&none);
	if (!s)
		return -ENOMEM;
	s->wards = t->wards;
	s->n_wards = t->n;
	s->wards_end = (uintptr_t)t->wards + size_of_table(t->n);
	ret = st_supervisor_begin(s, &t->lifeline);
	if (ret >= 0) {
		t->pid = ret;
		/* a host may close 0 to 2 for a moment, which would end the trees */
		ret = st_own_raise(t->lifeline);
		t->lifeline = ret;
	}
	st_own_take(&t->line, t->lifeline);
	if (ret >= 0)
		ret = st_supervisor_ready(t->lifeline);
	st_supervisor_free(s);
	if (ret < 0)
		end_process(t);
	return ret;
}

/* A sentinel that was killed is replaced; the new one has the same table. */
static bool is_there(struct st_sentinel *t)
{
	int ret;

	if (t->pid > 0 && st_supervisor_lives(t->pid))
		return true;
	if (t->pid > 0)
		end_process(t);
	if (t->refused)
		return false;
	ret = check_numbers();
	if (ret == 0)
		ret = start_process(t);
	/* what is short now may be there for the next run */
	if (ret < 0 && !sys_is_shortage(ret))
		t->refused = ret;
	return ret == 0;
}

/**
 * st_sentinel_ward - take the ward of an entry, for a run that is about to be launched
 * @t: the sentinel; its process is started if there is none
 * @entry: of the ring
 *
 * The first call costs as much as fork(2).
 *
 * Return: the ward, which is empty; NULL if there can be no sentinel, for example
 * because /proc is missing.
 */
struct st_ward *st_sentinel_ward(struct st_sentinel *t, unsigned int entry)
{
	bool there;

	pthread_mutex_lock(&t->lock);
	there = is_there(t);
	pthread_mutex_unlock(&t->lock);
	return there ? &t->wards[entry] : NULL;
}

static void unmap_table(struct st_sentinel *t)
{
	if (t->wards)
		munmap(t->wards, size_of_table(t->n));
	t->wards = NULL;
}

/* Ends the process. All runs of the ring are over. */
void st_sentinel_close(struct st_sentinel *t)
{
	end_process(t);
	unmap_table(t);
	pthread_mutex_destroy(&t->lock);
}

/* Gives up the copies in a forked child, and ends nothing. */
void st_sentinel_forget(struct st_sentinel *t)
{
	if (t->lifeline >= 0)
		st_own_close(&t->line, &t->lifeline);
	unmap_table(t);
}

/* ---- wards */

static uint64_t ticks_since_boot(void)
{
	const uint64_t rate = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now = { .tv_sec = 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * rate +
	       (uint64_t)now.tv_nsec * rate / 1000000000;
}

/* Notes a program that runs. */
void st_ward_set(struct st_ward *ward, pid_t pid)
{
	/* a program that has just started may have the next tick */
	ward->since = ticks_since_boot() + 1;
	ward->pid = pid;
}

/* Notes that there is no program, before its number may become another's. */
void st_ward_clear(struct st_ward *ward)
{
	ward->pid = 0;
	ward->since = 0;
}
