/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees without a cgroup: which processes the library finds and which it does not.
 * Each gets a signal once and nobody else ever gets one, also where /proc, fds or
 * memory are missing.
 */
#include "trees.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <linux/sched.h>

/* ---- processes that are found */

static void twig(void)
{
	branch(park_stubborn);
	park_stubborn();
}

static void three_levels(void)
{
	for (int i = 0; i < 2; i++)
		branch(twig);
	park_stubborn();
}

static void three_generations_are_ended(void)
{
	struct st_tree t = grow(three_levels, 5);

	CHECK(!st_tree_empty(&t));
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	sleep_ms(20);
	CHECK(!st_tree_empty(&t));
	kill_and_check(&t);
}

static void own_session(void)
{
	setsid();
	branch(park_stubborn);
	park_stubborn();
}

static void own_group(void)
{
	setpgid(0, 0);
	branch(own_session);
	branch(park_stubborn);
	park_stubborn();
}

static void groups_and_sessions(void)
{
	branch(own_group);
	branch(own_session);
	park_stubborn();
}

static void groups_and_sessions_below_are_ended(void)
{
	struct st_tree t = grow(groups_and_sessions, 7);

	kill_and_check(&t);
}

/* The parent of the orphan is gone; a session that is led holds it. */
static void session_with_orphan(void)
{
	setsid();
	branch_orphan(park_stubborn);
	park_stubborn();
}

static void orphan_of_a_lower_session(void)
{
	branch(session_with_orphan);
	park_stubborn();
}

static void an_orphan_in_a_session_below_is_ended(void)
{
	struct st_tree t = grow(orphan_of_a_lower_session, 3);

	kill_and_check(&t);
}

static void orphan_in_own_group(void)
{
	setpgid(0, 0);
	park_stubborn();
}

static void session_leader(void)
{
	setsid();
	branch_orphan(orphan_in_own_group);
	park_stubborn();
}

/* The child leads a session; the orphan has left the child's group. */
static void an_orphan_in_the_childs_session_is_ended(void)
{
	struct st_tree t;
	pid_t pid;

	tree_open();
	pid = branch(session_leader);
	wait_enrolled(2);
	t = tree_of(pid);
	kill_and_check(&t);
}

/* The tree is in the group of others, who do not belong to it. */
static void a_shared_group_is_not_ended(void)
{
	struct st_tree t;
	pid_t pid, other;

	tree_open();
	other = bystander();
	pid = CHECK_SYS(fork());
	if (!pid) {
		setpgid(0, other);
		twig();
	}
	wait_enrolled(2);
	CHECK_EQ(getpgid(pid), other);
	t = tree_of(pid);
	kill_and_check(&t);
	check_unharmed(other);
}

/* An orphan that has left the group is not found, as documented. */
static void hidden(void)
{
	setsid();
	park_stubborn();
}

static void hides(void)
{
	branch_orphan(hidden);
	park_stubborn();
}

static void a_hidden_orphan_is_not_found(void)
{
	struct st_tree t = grow(hides, 2);
	pid_t found = -1;

	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 2000));
	for (int i = 0; i < 2; i++)
		if (enrolled(i) != t.pid)
			found = enrolled(i);
	CHECK(is_alive(found));
	CHECK_SYS(kill(found, SIGKILL));
	check_ended(&t);
}

/* The first signal saw the orphan, and ended its parent. */
static void leaves_and_parks(void)
{
	setsid();
	branch(hidden);
	park();
}

static void seen_before(void)
{
	branch(leaves_and_parks);
	park();
}

static void a_hidden_orphan_seen_before_is_ended(void)
{
	struct st_tree t = grow(seen_before, 3);

	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	for (int i = 0; i < 2000 && !tree_ends(0) && !st_tree_empty(&t); i++) {
		int left = 0;

		for (int j = 0; j < 3; j++)
			left += is_alive(enrolled(j));
		if (left == 1)
			break;
		sleep_ms(1);
	}
	CHECK(!st_tree_empty(&t)); /* the stubborn one */
	kill_and_check(&t);
}

static void parentheses(void)
{
	prctl(PR_SET_NAME, "a) R 1 1 (1 2");
	setsid();
	branch(park_stubborn);
	park_stubborn();
}

static void with_names(void)
{
	prctl(PR_SET_NAME, ") Z 0 0 0 0");
	branch(parentheses);
	park_stubborn();
}

static void names_with_parentheses_hide_nothing(void)
{
	struct st_tree t = grow(with_names, 3);

	kill_and_check(&t);
}

static void *second_thread(void *arg)
{
	(void)arg;
	branch(park_stubborn);
	park_stubborn();
	return NULL;
}

/* The process has the state of a zombie, though a thread lives. */
static void without_first_thread(void)
{
	pthread_t thread;

	setsid();
	pthread_create(&thread, NULL, second_thread, NULL);
	syscall(SYS_exit, 0); /* this thread alone */
}

static void has_one_without_first_thread(void)
{
	branch(without_first_thread);
	park_stubborn();
}

static void a_process_without_its_first_thread_is_ended(void)
{
	struct st_tree t = grow(has_one_without_first_thread, 3);

	kill_and_check(&t);
}

static void wide(void)
{
	for (int i = 0; i < 150; i++)
		branch(i & 1 ? park_stubborn : hidden);
	park_stubborn();
}

static void a_wide_tree_is_ended(void)
{
	struct st_tree t = grow(wide, 151);

	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_and_check(&t);
}

/* ---- zombies and the dead */

static void ends_at_once(void)
{
	enrol();
}

static void a_zombie_alone_is_an_empty_tree(void)
{
	struct st_tree t = grow(ends_at_once, 1);

	CHECK(empty_within(&t, 5000));
	CHECK_EQ(test_process_state(t.pid), 'Z');
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), -ESRCH);
	CHECK_EQ(st_tree_signal(&t, 0), -ESRCH);
	check_ended(&t);
}

static void leaves_orphan(void)
{
	branch(park_stubborn);
	_exit(3);
}

/* A child that was not waited for stands for its group. */
static void a_zombie_stands_for_its_group(void)
{
	struct st_tree t = grow(leaves_orphan, 1);

	CHECK(state_within(t.pid, 'Z', 5000));
	CHECK(!st_tree_empty(&t));
	CHECK_EQ(st_tree_signal(&t, 0), 0);
	kill_and_check(&t);
}

static void has_zombies(void)
{
	for (int i = 0; i < 5; i++)
		branch(ends_at_once);
	park_stubborn();
}

static void zombies_in_the_tree_do_no_harm(void)
{
	struct st_tree t = grow(has_zombies, 6);

	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_and_check(&t);
}

/* Skips the case where a pidfd cannot stand for a group. */
static void need_group_by_pidfd(void)
{
	int fd = open_pidfd(getpid());

	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 4) && errno == EINVAL)
		TEST_SKIP("no PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9)");
	close(fd);
}

/* The host has reaped the child, and its group lives on. */
static void the_group_of_a_reaped_child_is_ended(void)
{
	struct st_tree t;

	need_group_by_pidfd();
	t = grow(leaves_orphan, 1);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK(!st_tree_empty(&t));
	CHECK_EQ(st_tree_signal(&t, 0), 0);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 2000));
	CHECK(tree_ends(2000));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	st_tree_remove(&t);
}

/* ---- nobody else */

static void another_leader_with_the_number_gets_no_signal(void)
{
	pid_t other = bystander(), dead = CHECK_SYS(fork());
	struct st_tree t;

	if (!dead)
		_exit(0);
	t = tree_of(dead);
	CHECK_SYS(waitpid(dead, NULL, 0));
	/* the child's number is another leader's by now */
	t.pid = other;
	CHECK_EQ(st_tree_signal(&t, SIGTERM), -ESRCH);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK(st_tree_empty(&t));
	check_unharmed(other);
	st_tree_remove(&t);
}

static uint64_t start_of(pid_t pid)
{
	char *stat = strrchr(test_read(test_fmt("/proc/%d/stat", pid)), ')');

	for (int i = 0; i < 20; i++)
		stat = strchr(stat + 1, ' ');
	return strtoull(stat, NULL, 10);
}

static void start_times_are_compared(void)
{
	for (int same = 0; same < 2; same++) {
		pid_t other = bystander();
		struct st_tree t = grow(park_stubborn, same + 1);

		t.members = calloc(1, sizeof(*t.members));
		t.n_members = t.max_members = 1;
		t.members[0].pid = other;
		t.members[0].start = start_of(other) + !same;
		kill_and_check(&t);
		if (!same) {
			check_unharmed(other);
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
			continue;
		}
		CHECK(dies_within(other, 1000));
		CHECK_SYS(waitpid(other, NULL, 0));
	}
}

/* Leads a group, with one child that holds the pipe. */
static void stranger(int *fds)
{
	setpgid(0, 0);
	if (!fork())
		CHECK_EQ(write(fds[1], "x", 1), 1);
	else
		close(fds[1]);
	for (;;)
		pause();
}

/* A keeper that was killed, and reaped by the host, gives its number away. */
static void a_stranger_with_the_reapers_number_keeps_its_children(void)
{
	struct pollfd pfd = { .events = POLLIN };
	struct st_tree t;
	int fds[2];
	pid_t pid;
	char c;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid)
		stranger(fds);
	CHECK_EQ(CHECK_SYS(read(fds[0], &c, 1)), 1);
	CHECK_SYS(close(fds[1]));
	t = grow(park_stubborn, 1);
	t.reaper = pid;
	kill_and_check(&t);
	pfd.fd = fds[0];
	CHECK_EQ(CHECK_SYS(poll(&pfd, 1, 100)), 0);
	CHECK_SYS(kill(-pid, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
}

static void a_caller_in_the_group_gets_no_signal(void)
{
	struct st_tree t = grow(three_levels, 5);
	pid_t old = getpgrp();

	CHECK_SYS(setpgid(0, t.pid));
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 2000));
	CHECK_SYS(setpgid(0, old));
	check_ended(&t);
}

static void leads_and_parks(void)
{
	setpgid(0, 0);
	park();
}

static void parks_with_a_leader(void)
{
	branch(leads_and_parks);
	park();
}

/* A child of this process with a certain number. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	long ret = syscall(SYS_clone3, &args, sizeof(args));

	if (ret < 0)
		TEST_SKIP("no choice of a pid: %s", strerror(errno));
	if (ret == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid((pid_t)ret, (pid_t)ret);
	return (pid_t)ret;
}

/* Runs in a pid namespace of its own, with the /proc of the outer one. */
static void kill_by_another_proc(void *arg)
{
	const pid_t *outer = arg;
	pid_t child = fork_as(outer[0]), other = fork_as(outer[1]);
	struct st_tree t = tree_of(child);

	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_EQ(CHECK_SYS(waitpid(child, NULL, 0)), child);
	/* the bystander has the number of an outer process, and is left alone */
	sleep_ms(50);
	CHECK_EQ(waitpid(other, NULL, WNOHANG), 0);
	CHECK(st_tree_empty(&t));
	CHECK_SYS(kill(other, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(other, NULL, 0)), other);
	st_tree_remove(&t);
}

/* The case's own process must not become the first of the namespace. */
static void in_a_namespace(void *outer)
{
	CHECK_SYS(unshare(CLONE_NEWPID));
	test_in_child(kill_by_another_proc, outer);
}

/* The outer namespace has a parent and its child under the same numbers. */
static void the_proc_of_another_namespace_harms_nobody(void)
{
	pid_t outer[2];

	test_need_root();
	outer[0] = grow(parks_with_a_leader, 2).pid;
	outer[1] = enrolled(enrolled(0) == outer[0]);
	test_in_child(in_a_namespace, outer);
	CHECK(is_alive(outer[0]) && is_alive(outer[1]));
}

static atomic_int ticks;

static void count_tick(int sig)
{
	(void)sig;
	atomic_fetch_add(&ticks, 1);
}

/* A signal may interrupt a call that does not wait, too. */
static void st_pidfd_alive_is_right_under_signals(void)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } }, off = { 0 };
	int pidfd = open_pidfd(getpid());

	CHECK(signal(SIGALRM, count_tick) != SIG_ERR);
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 300000 && atomic_load(&ticks) < 20000; i++)
		CHECK(st_pidfd_alive(pidfd));
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	CHECK_GT(atomic_load(&ticks), 0);
}

static void neighbours_are_unharmed(void)
{
	pid_t child = bystander(), parent = getppid();
	struct st_tree t = grow(groups_and_sessions, 7);

	kill_and_check(&t);
	CHECK(is_alive(parent));
	check_unharmed(child);
}

static void setuid_tree(void)
{
	branch(park);
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	park();
}

static void without_right(void *arg)
{
	struct st_tree *t = arg;

	CHECK_SYS(setresuid(12345, 12345, 12345));
	CHECK_EQ(st_tree_signal(t, SIGTERM), -EPERM);
	CHECK_EQ(st_tree_signal(t, SIGKILL), -EPERM);
	CHECK_EQ(st_tree_signal(t, 0), -EPERM);
	CHECK(!st_tree_empty(t));
	st_tree_remove(t);
}

static void a_tree_that_may_not_be_signalled_is_eperm(void)
{
	struct st_tree t;

	test_need_root();
	t = grow(setuid_tree, 2);
	test_in_child(without_right, &t);
	kill_and_check(&t);
}

static void with_right_to_one(void *arg)
{
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	CHECK_EQ(st_tree_signal(arg, SIGTERM), 0);
	st_tree_remove(arg);
}

static void one_process_that_may_be_signalled_is_enough(void)
{
	struct st_tree t;

	test_need_root();
	t = grow(setuid_tree, 2);
	test_in_child(with_right_to_one, &t);
	CHECK(state_within(t.pid, 'Z', 2000));
	CHECK(!st_tree_empty(&t));
	kill_and_check(&t);
}

/* ---- each once */

static void counting_leaf(void)
{
	setsid();
	park_counting();
}

static void counting_tree(void)
{
	branch(park_counting);
	wait_enrolled(1);
	branch(counting_leaf);
	wait_enrolled(2);
	branch_orphan(park_counting);
	wait_enrolled(3);
	park_counting();
}

static void each_process_gets_a_signal_once(void)
{
	struct st_tree t = grow(counting_tree, 4);

	for (int round = 1; round <= 3; round++) {
		CHECK_EQ(st_tree_signal(&t, COUNTED), 0);
		for (int i = 0; i < 4; i++) {
			test_doing("round %d, process %d", round, i);
			CHECK(waits_for(&roll->who[i].counted, round, 2000));
		}
	}
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	for (int i = 0; i < 4; i++)
		CHECK(waits_for(&roll->who[i].terms, 1, 2000));
	sleep_ms(50);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(atomic_load(&roll->who[i].counted), 3);
		CHECK_EQ(atomic_load(&roll->who[i].terms), 1);
		CHECK(state_within(enrolled(i), 'S', 1000));
	}
	kill_and_check(&t);
}

static void stops_itself(void)
{
	setsid();
	enrol();
	for (;;)
		raise(SIGSTOP);
}

static void has_stopped_ones(void)
{
	branch(stops_itself);
	enrol();
	for (;;)
		raise(SIGSTOP);
}

/* A stopped process is continued, so that the signal ends it. */
static void stopped_processes_are_ended(void)
{
	struct st_tree t = grow(has_stopped_ones, 2);

	for (int i = 0; i < 2; i++)
		CHECK(state_within(enrolled(i), 'T', 2000));
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(empty_within(&t, 2000));
	check_ended(&t);
	atomic_store(&roll->n, 0);
	CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	t = grow(has_stopped_ones, 2);
	kill_and_check(&t);
}

/* A stop stops all, and no other signal makes a stopped one go on. */
static void a_stop_holds_until_a_continue(void)
{
	struct st_tree t = grow(counting_tree, 4);
	const int others[] = { SIGWINCH, SIGCHLD, SIGURG, 0 };

	CHECK_EQ(st_tree_signal(&t, SIGSTOP), 0);
	for (int i = 0; i < 4; i++)
		CHECK(state_within(enrolled(i), 'T', 2000));
	for (size_t i = 0; i < TEST_COUNT(others); i++)
		CHECK_EQ(st_tree_signal(&t, others[i]), 0);
	sleep_ms(20);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(test_process_state(enrolled(i)), 'T');
	CHECK_EQ(st_tree_signal(&t, SIGCONT), 0);
	for (int i = 0; i < 4; i++) {
		CHECK(state_within(enrolled(i), 'S', 2000));
		CHECK_EQ(atomic_load(&roll->who[i].conts), 1);
	}
	/* SIGTSTP stops processes that do not handle it */
	CHECK_EQ(st_tree_signal(&t, SIGTSTP), 0);
	CHECK(state_within(t.pid, 'T', 2000));
	kill_and_check(&t);
}

/* Only a signal that ends stops the tree for a moment. */
static void a_harmless_signal_stops_nobody(void)
{
	struct st_tree t = grow(counting_tree, 4);

	for (int i = 0; i < 20; i++)
		CHECK_EQ(st_tree_signal(&t, SIGWINCH), 0);
	sleep_ms(20);
	for (int i = 0; i < 4; i++) {
		CHECK(state_within(enrolled(i), 'S', 1000));
		CHECK_EQ(atomic_load(&roll->who[i].conts), 0);
	}
	kill_and_check(&t);
}

/* ---- trees that fork while they are ended */

static void relay(void)
{
	enrol();
	for (;;)
		if (fork() > 0)
			_exit(0);
}

static void relays(void)
{
	branch(relay);
	branch(relay);
	park_stubborn();
}

static void relays_in_the_group_do_not_escape(void)
{
	for (int i = 0; i < 5; i++) {
		struct st_tree t;

		if (i)
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		if (roll)
			atomic_store(&roll->n, 0);
		t = grow(relays, 3);
		if (i & 1)
			CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
		kill_and_check(&t);
	}
}

/* The group is a job of a shell with job control: its relay leaves the leader. */
static void relay_in_own_group(void)
{
	setpgid(0, 0);
	if (fork() == 0)
		relay();
	enrol();
	for (;;)
		pause();
}

static void job_control(void)
{
	branch(relay_in_own_group);
	park_stubborn();
}

static void leaves_relay_in_own_group(void)
{
	setpgid(0, 0);
	if (fork() == 0)
		relay();
	enrol();
}

/* The leader has ended and nobody waits for it, so it stands for its group. */
static void job_control_of_a_zombie(void)
{
	branch(leaves_relay_in_own_group);
	park_stubborn();
}

static void relays_in_a_group_below_do_not_escape(void)
{
	need_group_by_pidfd();
	for (int i = 0; i < 5; i++) {
		struct st_tree t;

		if (i)
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		if (roll)
			atomic_store(&roll->n, 0);
		t = grow(i & 1 ? job_control : job_control_of_a_zombie, 3);
		kill_and_check(&t);
	}
}

/* Makes processes all the time, which leave its group. */
static void nursery_here(void)
{
	signal(SIGCHLD, SIG_IGN);
	enrol();
	for (int i = 0;; i++) {
		pid_t pid = fork();

		if (!pid) {
			setsid();
			if (i % 8 == 0)
				for (;;)
					pause();
			_exit(0);
		}
		if (pid < 0)
			usleep(1000);
	}
}

static void nursery(void)
{
	setsid();
	nursery_here();
}

static void nurseries(void)
{
	branch(nursery);
	branch(nursery);
	park_stubborn();
}

static void nurseries_here(void)
{
	branch(nursery_here);
	branch(nursery_here);
	park_stubborn();
}

static void children_of_a_forking_process_do_not_escape(void)
{
	for (int i = 0; i < 6; i++) {
		struct st_tree t;

		if (i)
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		if (roll)
			atomic_store(&roll->n, 0);
		t = grow(i & 1 ? nurseries_here : nurseries, 3);
		sleep_ms(30);
		/* a nursery that was not stopped in time has children that are
		 * still found; an orphan that got away would never be found */
		for (int tries = 0; !st_tree_empty(&t); tries++) {
			CHECK_LT(tries, 1000);
			st_tree_signal(&t, SIGKILL);
			sleep_ms(1);
		}
		check_ended(&t);
	}
}

/* ---- trees that do not come to a stop */

static uint64_t took_ms(struct st_tree *t, int sig)
{
	uint64_t start = now_ms();

	CHECK_EQ(st_tree_signal(t, sig), 0);
	return now_ms() - start;
}

static void vfork_parent(void)
{
	setsid();
	enrol();
	if (vfork() == 0) {
		for (;;) /* the parent of vfork waits for ever */
			syscall(SYS_pause);
	}
}

static void has_vfork_parent(void)
{
	branch(vfork_parent);
	park_stubborn();
}

/* grow(), also when there was a tree before. */
static struct st_tree grow_again(void (*fn)(void), int n)
{
	if (roll) {
		atomic_store(&roll->n, 0);
		CHECK_SYS(close(roll_pipe[0]));
		CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	}
	return grow(fn, n);
}

/* At least one of five trees must be this quick, as the machine may be busy. */
static void is_quick(void (*fn)(void), int n, char state, int sig,
		     uint64_t most)
{
	uint64_t ms = UINT64_MAX;

	for (int i = 0; i < 5 && ms > most; i++) {
		struct st_tree t = grow_again(fn, n);

		if (state)
			CHECK(state_within(enrolled(enrolled(0) == t.pid),
					   state, 20000));
		ms = took_ms(&t, sig);
		test_note("took %d ms", (int)ms);
		if (sig != SIGKILL)
			CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
		CHECK(empty_within(&t, 2000));
		check_ended(&t);
	}
	CHECK_LE(ms, most);
}

static void a_parent_in_vfork_does_not_delay_a_kill(void)
{
#ifdef SYS_pause
	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer makes a fork of vfork");
	is_quick(has_vfork_parent, 2, 'D', SIGKILL, at_most_ms(80));
#else
	TEST_SKIP("no pause(2) to call in a child of vfork");
#endif
}

static void traced(void)
{
	setsid();
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	enrol();
	for (;;)
		raise(SIGUSR1); /* stops for its tracer, which does nothing */
}

static void has_traced(void)
{
	branch(traced);
	park_stubborn();
}

static void a_traced_process_does_not_delay_a_signal(void)
{
	is_quick(has_traced, 2, 't', SIGTERM, at_most_ms(80));
}

static void an_ordinary_tree_is_signalled_within_60_ms(void)
{
	is_quick(groups_and_sessions, 7, 0, SIGTERM, at_most_ms(60));
}

/* ---- without /proc, fds, memory */

static void mount_over_proc(const char *type, const char *options)
{
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mount(type, "/proc", type, 0, options));
}

static void a_group_is_ended_without_proc(void)
{
	struct st_tree t;

	test_need_root();
	t = grow(three_levels, 5);
	mount_over_proc("tmpfs", NULL);
	CHECK_EQ(st_tree_signal(&t, 0), 0);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(!st_tree_empty(&t));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 2000));
	check_ended(&t);
	CHECK_SYS(umount("/proc")); /* sanitizers read it at the end */
}

/* The child leads no group, so the library knows no other process of the tree. */
static void a_child_without_a_group_is_ended_without_proc(void)
{
	struct st_tree t;
	pid_t pid;

	test_need_root();
	tree_open();
	pid = branch(park);
	wait_enrolled(1);
	t = tree_of(pid);
	mount_over_proc("tmpfs", NULL);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(empty_within(&t, 2000));
	check_ended(&t);
	CHECK_SYS(umount("/proc"));
}

static void hide_and_park(void)
{
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 0));
	park_stubborn();
}

static void hidden_pair(void)
{
	branch(hide_and_park);
	hide_and_park();
}

static void as_nobody_without_sight(void *arg)
{
	struct st_tree t;

	(void)arg;
	CHECK_SYS(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	t = grow(hidden_pair, 2);
	CHECK(access(test_fmt("/proc/%d/stat", t.pid), F_OK) < 0);
	CHECK_EQ(st_tree_signal(&t, 0), 0);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 2000));
	check_ended(&t);
}

static void a_group_hidden_by_hidepid_is_ended(void)
{
	test_need_root();
	mount_over_proc("proc", "hidepid=2");
	test_in_child(as_nobody_without_sight, NULL);
}

/* Leaves n fds free. */
static void leave_fds(int n)
{
	struct rlimit limit;
	int fd = CHECK_SYS(dup(0));

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)fd + (rlim_t)n;
	CHECK_SYS(close(fd));
	for (int i = 3; i < fd; i++)
		CHECK_SYS(fcntl(i, F_GETFD));
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

static void a_group_is_ended_without_a_free_fd(void)
{
	struct st_tree t = grow(three_levels, 5);

	leave_fds(0);
	CHECK_EQ(open("/dev/null", O_RDONLY), -1);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK(!st_tree_empty(&t)); /* it needs an fd to find out */
	CHECK(tree_ends(2000));
}

static void a_tree_is_ended_with_one_or_two_free_fds(void)
{
	for (int n = 1; n <= 2; n++) {
		struct st_tree t;

		test_doing("%d fds", n);
		if (roll) {
			atomic_store(&roll->n, 0);
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		}
		t = grow(groups_and_sessions, 7);
		leave_fds(n);
		CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
		kill_and_check(&t);
		CHECK_SYS(setrlimit(RLIMIT_NOFILE,
				    &(struct rlimit){ 1024, 1024 }));
	}
}

static void a_tree_is_ended_without_pidfd_calls(void)
{
	struct st_tree t = grow(groups_and_sessions, 7);

	test_seccomp(SYS_pidfd_open, ENOSYS);
	test_seccomp(SYS_pidfd_send_signal, ENOSYS);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_and_check(&t);
}

/* Before Linux 6.9 a pidfd stands for one process. */
static void a_tree_is_ended_where_pidfds_know_no_groups(void)
{
	struct st_tree t = grow(counting_tree, 4);

	test_seccomp_arg(SYS_pidfd_send_signal, 3, ~0ULL, 4, EINVAL);
	CHECK_EQ(st_tree_signal(&t, COUNTED), 0);
	for (int i = 0; i < 4; i++)
		CHECK(waits_for(&roll->who[i].counted, 1, 2000));
	kill_and_check(&t);
	atomic_store(&roll->n, 0);
	CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	t = grow(leaves_orphan, 1);
	CHECK(state_within(t.pid, 'Z', 5000));
	kill_and_check(&t);
	/* a reaped child's group is out of reach then */
	atomic_store(&roll->n, 0);
	CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	t = grow(leaves_orphan, 1);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK(is_alive(enrolled(0)));
}

/* Every allocation fails; the list of processes is the first one. */
static void a_group_is_ended_without_memory(void)
{
	struct st_tree t = grow(three_levels, 5);
	struct rlimit limit = { 0, RLIM_INFINITY };
	void *volatile block; /* keeps the compiler from omitting the calls */

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers need memory");
	CHECK_SYS(setrlimit(RLIMIT_AS, &limit));
	for (size_t size = 1 << 20; size >= 16; size /= 2) {
		do {
			block = malloc(size);
		} while (block);
	}
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK(tree_ends(2000));
}

static void nothing_grows_over_many_trees(void)
{
	struct scene before;

	for (int i = 0; i < 20; i++) {
		struct st_tree t;

		if (roll)
			atomic_store(&roll->n, 0);
		if (i)
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		t = grow(groups_and_sessions, 7);
		CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
		kill_and_check(&t);
		CHECK_SYS(close(roll_pipe[0]));
		if (i == 5)
			before = scene_now();
	}
	check_scene(&before);
}

static const struct test_case cases[] = {
	TEST_CASE(three_generations_are_ended),
	TEST_CASE(groups_and_sessions_below_are_ended),
	TEST_CASE(an_orphan_in_a_session_below_is_ended),
	TEST_CASE(an_orphan_in_the_childs_session_is_ended),
	TEST_CASE(a_shared_group_is_not_ended),
	TEST_CASE(a_hidden_orphan_is_not_found),
	TEST_CASE(a_hidden_orphan_seen_before_is_ended),
	TEST_CASE(names_with_parentheses_hide_nothing),
	TEST_CASE(a_process_without_its_first_thread_is_ended),
	TEST_CASE(a_wide_tree_is_ended),
	TEST_CASE(a_zombie_alone_is_an_empty_tree),
	TEST_CASE(a_zombie_stands_for_its_group),
	TEST_CASE(zombies_in_the_tree_do_no_harm),
	TEST_CASE(the_group_of_a_reaped_child_is_ended),
	TEST_CASE(another_leader_with_the_number_gets_no_signal),
	TEST_CASE(start_times_are_compared),
	TEST_CASE(a_stranger_with_the_reapers_number_keeps_its_children),
	TEST_CASE(a_caller_in_the_group_gets_no_signal),
	TEST_CASE(the_proc_of_another_namespace_harms_nobody),
	TEST_CASE(st_pidfd_alive_is_right_under_signals),
	TEST_CASE(neighbours_are_unharmed),
	TEST_CASE(a_tree_that_may_not_be_signalled_is_eperm),
	TEST_CASE(one_process_that_may_be_signalled_is_enough),
	TEST_CASE(each_process_gets_a_signal_once),
	TEST_CASE(stopped_processes_are_ended),
	TEST_CASE(a_stop_holds_until_a_continue),
	TEST_CASE(a_harmless_signal_stops_nobody),
	TEST_CASE(relays_in_the_group_do_not_escape),
	TEST_CASE(relays_in_a_group_below_do_not_escape),
	TEST_CASE(children_of_a_forking_process_do_not_escape),
	TEST_CASE(a_parent_in_vfork_does_not_delay_a_kill),
	TEST_CASE(a_traced_process_does_not_delay_a_signal),
	TEST_CASE(an_ordinary_tree_is_signalled_within_60_ms),
	TEST_CASE(a_group_is_ended_without_proc),
	TEST_CASE(a_child_without_a_group_is_ended_without_proc),
	TEST_CASE(a_group_hidden_by_hidepid_is_ended),
	TEST_CASE(a_group_is_ended_without_a_free_fd),
	TEST_CASE(a_tree_is_ended_with_one_or_two_free_fds),
	TEST_CASE(a_tree_is_ended_without_pidfd_calls),
	TEST_CASE(a_tree_is_ended_where_pidfds_know_no_groups),
	TEST_CASE(a_group_is_ended_without_memory),
	TEST_CASE(nothing_grows_over_many_trees),
};
TEST_MAIN(cases)
