/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of forked processes for tests of src/tree/tree.h. Its functions are hidden
 * in the shared library, but not in the archive that tests link.
 *
 * Each process of a tree enrols in shared memory, where handlers count what they
 * got, and holds a pipe open that tells when all of them are gone.
 */
#ifndef TESTS_TREES_H
#define TESTS_TREES_H

#include "running.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tree/cgroup.h"
#include "pidfd.h"
#include "tree/tree.h"

#define NOBODY 65534
#define TREE_MOST 1024

/* A real-time signal is queued, so that two of them do not count as one. */
#define COUNTED (SIGRTMIN + 1)

struct roll {
	atomic_int n;
	struct {
		atomic_int pid, counted, terms, conts;
	} who[TREE_MOST];
};

static struct roll *roll;
static int roll_pipe[2];
static int roll_slot = -1;

/* Called before the first process of the tree is made. */
static inline void tree_open(void)
{
	roll = mmap(NULL, sizeof(*roll), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(roll != MAP_FAILED);
	CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
}

static inline void roll_count(int sig)
{
	if (sig == COUNTED)
		atomic_fetch_add(&roll->who[roll_slot].counted, 1);
	else if (sig == SIGCONT)
		atomic_fetch_add(&roll->who[roll_slot].conts, 1);
	else
		atomic_fetch_add(&roll->who[roll_slot].terms, 1);
}

static inline void enrol(void)
{
	roll_slot = atomic_fetch_add(&roll->n, 1);
	CHECK_LT(roll_slot, TREE_MOST);
	atomic_store(&roll->who[roll_slot].pid, getpid());
}

/* Counts these signals from now on, which have no other effect. */
static inline void counting(void)
{
	struct sigaction act = { .sa_handler = roll_count,
				 .sa_flags = SA_RESTART };

	roll_slot = atomic_load(&roll->n);
	sigaction(COUNTED, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGCONT, &act, NULL);
}

static inline void park(void)
{
	enrol();
	for (;;)
		pause();
}

static inline void park_counting(void)
{
	counting();
	park();
}

static inline void park_stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	park();
}

/* Forks a child that calls fn, and ends if fn returns. Return: its pid. */
static inline pid_t branch(void (*fn)(void))
{
	pid_t pid = fork();

	CHECK_GE(pid, 0);
	if (pid)
		return pid;
	fn();
	_exit(0);
}

/* Forks a process that calls fn, and whose parent ends at once. */
static inline void branch_orphan(void (*fn)(void))
{
	pid_t pid = fork();

	CHECK_GE(pid, 0);
	if (!pid) {
		branch(fn);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, NULL, 0));
}

/* Waits until n processes have enrolled. Return: the pid of the last one. */
static inline pid_t wait_enrolled(int n)
{
	uint64_t most = now_ms() + at_most_ms(10000);

	while (atomic_load(&roll->n) < n ||
	       !atomic_load(&roll->who[n - 1].pid)) {
		CHECK_LT(now_ms(), most);
		sleep_ms(1);
	}
	return atomic_load(&roll->who[n - 1].pid);
}

static inline pid_t enrolled(int i)
{
	return atomic_load(&roll->who[i].pid);
}

static inline bool waits_for(atomic_int *what, int value, int ms)
{
	for (; ms > 0 && atomic_load(what) != value; ms--)
		sleep_ms(1);
	return atomic_load(what) == value;
}

static inline bool state_within(pid_t pid, char state, int ms)
{
	for (; ms > 0 && test_process_state(pid) != state; ms--)
		sleep_ms(1);
	return test_process_state(pid) == state;
}

/* True once all of the tree is gone. */
static inline bool tree_ends(int ms)
{
	struct pollfd pfd = { .fd = roll_pipe[0], .events = POLLIN };

	if (roll_pipe[1] >= 0)
		CHECK_SYS(close(roll_pipe[1]));
	roll_pipe[1] = -1;
	return poll(&pfd, 1, (int)at_most_ms((uint64_t)ms)) == 1;
}

/* ---- trees */

static inline int open_pidfd(pid_t pid)
{
	return CHECK_SYS((int)syscall(SYS_pidfd_open, pid, 0));
}

static inline struct st_tree tree_of(pid_t pid)
{
	return (struct st_tree){
		.pid = pid,
		.pidfd = open_pidfd(pid),
		.cgroup = -1,
	};
}

/* Makes a tree whose child leads a group and calls fn; waits for n to enrol. */
static inline struct st_tree grow(void (*fn)(void), int n)
{
	pid_t pid;

	if (!roll)
		tree_open();
	pid = CHECK_SYS(fork());
	if (!pid) {
		setpgid(0, 0);
		fn();
		_exit(0);
	}
	setpgid(pid, pid);
	wait_enrolled(n);
	return tree_of(pid);
}

/* Reaps the child. All else is gone, and the library holds nothing. */
static inline void check_ended(struct st_tree *t)
{
	int status;

	CHECK_EQ(CHECK_SYS(waitpid(t->pid, &status, 0)), t->pid);
	CHECK(tree_ends(2000));
	st_tree_remove(t);
	CHECK(!t->members && t->cgroup == -1);
	close(t->pidfd);
}

/* Waits until the tree is empty, as a run does. */
static inline bool empty_within(struct st_tree *t, int ms)
{
	for (ms = (int)at_most_ms((uint64_t)ms); ms > 0; ms--) {
		if (st_tree_empty(t))
			return true;
		sleep_ms(1);
	}
	return st_tree_empty(t);
}

static inline void kill_and_check(struct st_tree *t)
{
	CHECK_EQ(st_tree_signal(t, SIGKILL), 0);
	CHECK(empty_within(t, 2000));
	check_ended(t);
}

/* Makes a process outside of the tree, which leads a group. */
static inline pid_t bystander(void)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		setpgid(0, 0);
		if (roll)
			close(roll_pipe[1]);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	return pid;
}

static inline void check_unharmed(pid_t pid)
{
	sleep_ms(20);
	CHECK(state_within(pid, 'S', 1000));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
}

#endif /* TESTS_TREES_H */
