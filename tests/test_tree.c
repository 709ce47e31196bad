/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees without a cgroup: what is found of them and what is not, that each gets a
 * signal once, that nobody else ever gets one, and what is left of that where
 * /proc, fds or memory are missing.
 */
#include "trees.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <linux/sched.h>

/* ---- what is found */

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

static void three_deep(void)
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

static void other_groups_and_sessions(void)
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

static void orphan_in_a_session_below(void)
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

/* The child leads a session: also who has left its group is found. */
static void orphan_in_the_childs_session(void)
{
	struct st_tree t;
	pid_t pid;

	tree_open();
	pid = branch(session_leader);
	wait_enrolled(2);
	t = tree_of(pid);
	kill_and_check(&t);
}

/* In the group of others: those are none of the tree. */
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

/* What has left the group and lost its parent is not found, as documented. */
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

static void who_hides_is_not_found(void)
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

/* ... but it is, if it was seen before: the first signal ended its parent. */
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

static void who_was_seen_before_is_found(void)
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

static void names_with_parentheses(void)
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

/* Its state is that of a zombie, but it is none. */
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

static void process_without_its_first_thread(void)
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

static void wide_tree(void)
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

static void nothing_is_left(void)
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
static void zombie_stands_for_its_group(void)
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

static void zombies_in_the_tree(void)
{
	struct st_tree t = grow(has_zombies, 6);

	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_and_check(&t);
}

/* Whether a pidfd can stand for a group. */
static void need_group_by_pidfd(void)
{
	int fd = open_pidfd(getpid());

	if (syscall(SYS_pidfd_send_signal, fd, 0, NULL, 4) && errno == EINVAL)
		TEST_SKIP("no PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9)");
	close(fd);
}

/* The host has reaped it, and its group lives on. */
static void child_that_was_reaped(void)
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

static void numbers_that_are_anothers(void)
{
	pid_t other = bystander(), dead = CHECK_SYS(fork());
	struct st_tree t;

	if (!dead)
		_exit(0);
	t = tree_of(dead);
	CHECK_SYS(waitpid(dead, NULL, 0));
	/* as if the child's number had been given to another leader */
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

static void caller_in_the_group(void)
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

/* In a pid namespace of its own, with the /proc of the outer one. */
static void kill_by_another_proc(void *arg)
{
	const pid_t *outer = arg;
	pid_t child = fork_as(outer[0]), other = fork_as(outer[1]);
	struct st_tree t = tree_of(child);

	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_EQ(CHECK_SYS(waitpid(child, NULL, 0)), child);
	/* no bystander has the number of a process that is not seen at all */
	sleep_ms(50);
	CHECK_EQ(waitpid(other, NULL, WNOHANG), 0);
	CHECK(st_tree_empty(&t));
	CHECK_SYS(kill(other, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(other, NULL, 0)), other);
	st_tree_remove(&t);
}

/* No process can be made there any more when the first has ended. */
static void in_a_namespace(void *outer)
{
	CHECK_SYS(unshare(CLONE_NEWPID));
	test_in_child(kill_by_another_proc, outer);
}

/* Outside, the numbers are those of a parent and its child. */
static void proc_of_another_namespace(void)
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

/* A call that does not wait is ended by signals all the same, now and then. */
static void the_living_are_alive_under_signals(void)
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
	/* of two it may signal one */
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

static void without_permission(void)
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

static void with_permission_for_one(void)
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

static void each_gets_it_once(void)
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

/* Who is stopped gets a signal that ends: it is continued. */
static void the_stopped_are_ended(void)
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
static void stop_and_continue(void)
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
	/* one that stops only those that do not handle it */
	CHECK_EQ(st_tree_signal(&t, SIGTSTP), 0);
	CHECK(state_within(t.pid, 'T', 2000));
	kill_and_check(&t);
}

/* A signal that does not end stops nobody, not for a moment either. */
static void others_do_not_stop(void)
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

static void relays_in_the_group(void)
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

/* As a shell with job control: a group of its own, and the first one ends. */
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

/* Nobody waits for the first one, which so stands for its group. */
static void job_control_of_a_zombie(void)
{
	branch(leaves_relay_in_own_group);
	park_stubborn();
}

static void relays_in_a_group_below(void)
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

/* Makes processes that leave, all the time, but stays itself. */
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

static void who_forks_is_stopped_first(void)
{
	for (int i = 0; i < 6; i++) {
		struct st_tree t;

		if (i)
			CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
		if (roll)
			atomic_store(&roll->n, 0);
		t = grow(i & 1 ? nurseries_here : nurseries, 3);
		sleep_ms(30);
		/* where it was not stopped in time, what was missed is known:
		 * a process that got away would be an orphan, never found */
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
		for (;;) /* the parent waits for ever */
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

/* One of five such trees takes no longer, as on a machine that is not busy. */
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

static void parent_in_vfork(void)
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

static void traced_process(void)
{
	is_quick(has_traced, 2, 't', SIGTERM, at_most_ms(80));
}

static void usually_quick(void)
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

static void without_proc(void)
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
	CHECK_SYS(umount("/proc")); /* sanitizers look there in the end */
}

/* It leads nothing: of its tree, the child alone is known. */
static void without_proc_and_group(void)
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

static void hidden_by_hidepid(void)
{
	test_need_root();
	mount_over_proc("proc", "hidepid=2");
	test_in_child(as_nobody_without_sight, NULL);
}

/* So many fds are left to be had. */
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

static void without_an_fd(void)
{
	struct st_tree t = grow(three_levels, 5);

	leave_fds(0);
	CHECK_EQ(open("/dev/null", O_RDONLY), -1);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK(!st_tree_empty(&t)); /* nobody can look */
	CHECK(tree_ends(2000));
}

static void with_few_fds(void)
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

static void without_pidfd_calls(void)
{
	struct st_tree t = grow(groups_and_sessions, 7);

	test_seccomp(SYS_pidfd_open, ENOSYS);
	test_seccomp(SYS_pidfd_send_signal, ENOSYS);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_and_check(&t);
}

/* As before Linux 6.9: a pidfd stands for one process. */
static void without_group_by_pidfd(void)
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
	/* a reaped child's group is then out of reach, not another's */
	atomic_store(&roll->n, 0);
	CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	t = grow(leaves_orphan, 1);
	CHECK_SYS(waitpid(t.pid, NULL, 0));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK(is_alive(enrolled(0)));
}

/* Every allocation fails; the list of processes is the first one. */
static void without_memory(void)
{
	struct st_tree t = grow(three_levels, 5);
	struct rlimit limit = { 0, RLIM_INFINITY };
	void *volatile block; /* or a compiler leaves the calls out */

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

static void nothing_grows(void)
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
	TEST_CASE(three_deep),
	TEST_CASE(other_groups_and_sessions),
	TEST_CASE(orphan_in_a_session_below),
	TEST_CASE(orphan_in_the_childs_session),
	TEST_CASE(a_shared_group_is_not_ended),
	TEST_CASE(who_hides_is_not_found),
	TEST_CASE(who_was_seen_before_is_found),
	TEST_CASE(names_with_parentheses),
	TEST_CASE(process_without_its_first_thread),
	TEST_CASE(wide_tree),
	TEST_CASE(nothing_is_left),
	TEST_CASE(zombie_stands_for_its_group),
	TEST_CASE(zombies_in_the_tree),
	TEST_CASE(child_that_was_reaped),
	TEST_CASE(numbers_that_are_anothers),
	TEST_CASE(start_times_are_compared),
	TEST_CASE(caller_in_the_group),
	TEST_CASE(proc_of_another_namespace),
	TEST_CASE(the_living_are_alive_under_signals),
	TEST_CASE(neighbours_are_unharmed),
	TEST_CASE(without_permission),
	TEST_CASE(with_permission_for_one),
	TEST_CASE(each_gets_it_once),
	TEST_CASE(the_stopped_are_ended),
	TEST_CASE(stop_and_continue),
	TEST_CASE(others_do_not_stop),
	TEST_CASE(relays_in_the_group),
	TEST_CASE(relays_in_a_group_below),
	TEST_CASE(who_forks_is_stopped_first),
	TEST_CASE(parent_in_vfork),
	TEST_CASE(traced_process),
	TEST_CASE(usually_quick),
	TEST_CASE(without_proc),
	TEST_CASE(without_proc_and_group),
	TEST_CASE(hidden_by_hidepid),
	TEST_CASE(without_an_fd),
	TEST_CASE(with_few_fds),
	TEST_CASE(without_pidfd_calls),
	TEST_CASE(without_group_by_pidfd),
	TEST_CASE(without_memory),
	TEST_CASE(nothing_grows),
};
TEST_MAIN(cases)
