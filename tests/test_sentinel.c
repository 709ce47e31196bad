/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RUN_END_WITH_CALLER: the trees of a ring end with the caller, whatever ends it, without
 * a cgroup and without a process for each. All of a tree holds a pipe (struct life),
 * whose end tells that the tree is dead.
 */
#include "rings.h"

#include <sched.h>
#include <sys/mman.h>

#include "warming.h"

#define TERM test_fmt("%d", SIGTERM)
#define MANY 20
#define ROUNDS 20

/* Sessions and groups of their own, below parents that live; 5 marks. */
#define FAMILY                                                                \
	TREE("mark", "(", "setsid", "ignore", TERM, "mark", "(", "setpgrp",   \
	     "mark", "pause", ")", "pause", ")", "(", "(", "mark", "pause",   \
	     ")", "exit", "0", ")", "(", "setsid", "(", "mark", "pause", ")", \
	     "pause", ")", "pause")
#define MARKS 5

static struct spawn_template_run_args watched(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	/* a copy that a caller makes while it is killed would be no program */
	CHECK_OK(spawn_template_close(public_tree()));
	args.flags = RUN(END_WITH_CALLER);
	return args;
}

static void wait_marks(struct life *life, int n)
{
	while (n--)
		CHECK_GT(life_pid(life), 1);
}

/* ---- the caller's end */

enum end { BY_KILL, BY_EXIT, BY_EXEC, BY_TERM };

static void end_by(enum end end)
{
	switch (end) {
	case BY_EXIT:
		exit(0);
	case BY_EXEC:
		execl("/bin/sleep", "sleep", "100", (char *)NULL);
		_exit(1);
	case BY_TERM:
		raise(SIGTERM);
		break;
	case BY_KILL:
		raise(SIGKILL);
	}
	_exit(1);
}

static int go[2];

/* Ends with several runs in flight, when the parent has seen them. */
static void caller(enum end end, const struct spawn_template_run_args *args,
		   int runs)
{
	struct spawn_template_ring *ring = ring_new(8, 0);
	int tfd = public_tree();
	char c;

	for (int i = 0; i < runs; i++)
		queue_run_args(ring, tfd, args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	CHECK_SYS(read(go[0], &c, 1));
	end_by(end);
}

/* Return: the caller's pid, once its runs are there and it is about to end. */
static pid_t begin_caller(enum end end, struct spawn_template_run_args *args,
			  struct life *life, int runs)
{
	pid_t pid;

	life_open(life, &args->spawn);
	CHECK_SYS(pipe2(go, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid)
		caller(end, args, runs);
	wait_marks(life, runs * MARKS);
	CHECK_SYS(write(go[1], "", 1));
	return pid;
}

static void check_end(enum end end, uint64_t flags)
{
	struct spawn_template_run_args args = watched(FAMILY);
	struct life life;
	pid_t pid;

	args.spawn.flags |= flags;
	pid = begin_caller(end, &args, &life, 3);
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
	kill(pid, SIGKILL);
	CHECK_SYS(waitpid(pid, NULL, 0));
}

static void trees_end_when_the_caller_is_killed(void)
{
	check_end(BY_KILL, 0);
}

static void trees_end_when_the_caller_is_terminated(void)
{
	check_end(BY_TERM, 0);
}

static void trees_end_when_the_caller_exits(void)
{
	check_end(BY_EXIT, 0);
}

static void trees_end_when_the_caller_execs(void)
{
	check_end(BY_EXEC, 0);
}

static void trees_in_groups_of_their_own_end(void)
{
	check_end(BY_KILL, SPAWN_TEMPLATE_SPAWN_SETPGROUP);
}

static void trees_end_without_pidfds(void)
{
	test_seccomp(SYS_pidfd_open, ENOSYS);
	check_end(BY_KILL, 0);
}

static void trees_end_without_signals_by_pidfd(void)
{
	test_seccomp(SYS_pidfd_send_signal, EPERM);
	check_end(BY_KILL, 0);
}

/* The child is forked then, and has no memory of the caller's but the table. */
static void a_program_with_other_ids_ends(void)
{
	struct spawn_template_run_args args = watched(FAMILY);
	struct life life;
	pid_t pid;

	test_need_root();
	args.spawn.flags |=
		SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID;
	args.spawn.uid = args.spawn.gid = 64127;
	pid = begin_caller(BY_KILL, &args, &life, 1);
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
	CHECK_SYS(waitpid(pid, NULL, 0));
}

/* Whenever the caller is killed, it has a program between clone and its first mark. */
static void no_moment_is_a_gap(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct spawn_template_run_args args =
			watched(TREE("(", "setsid", "pause", ")", "pause"));
		struct life life;
		pid_t pid;

		life_open(&life, &args.spawn);
		pid = CHECK_SYS(fork());
		if (!pid) {
			struct spawn_template_ring *ring = ring_new(MANY, 2);
			int tfd = public_tree();

			for (int i = 0; i < MANY; i++)
				queue_run_args(ring, tfd, &args, 1);
			spawn_template_ring_submit(ring);
			for (;;)
				pause();
		}
		sleep_ms((unsigned int)round);
		CHECK_SYS(kill(pid, SIGKILL));
		CHECK_SYS(waitpid(pid, NULL, 0));
		CHECK(life_ends(&life, (int)at_most_ms(10000)));
		close(life.fds[0]);
	}
}

/* ---- what does not end */

static void other_children_live_on(void)
{
	struct spawn_template_run_args args = watched(TREE("mark", "pause"));
	struct spawn_template_run_args plain = run_args(TREE("mark", "pause"));
	struct life life, other;
	pid_t pid, spared;

	life_open(&life, &args.spawn);
	life_open(&other, &plain.spawn);
	pid = CHECK_SYS(fork());
	if (!pid) {
		struct spawn_template_ring *ring = ring_new(8, 0);
		int tfd = public_tree();

		queue_run_args(ring, tfd, &plain, 1);
		queue_run_args(ring, tfd, &args, 2);
		CHECK_GE(spawn_template_ring_submit(ring), 0);
		for (;;)
			pause();
	}
	spared = life_pid(&other);
	wait_marks(&life, 1);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
	CHECK(!life_ends(&other, 100));
	CHECK_SYS(kill(spared, SIGKILL));
	CHECK(life_ends(&other, (int)at_most_ms(10000)));
}

static void what_a_run_leaves_lives_on(void)
{
	struct spawn_template_run_args args =
		watched(TREE("(", "mark", "pause", ")", "exit", "4"));
	struct spawn_template_ring *ring = ring_new(4, 0);
	int tfd = public_tree();
	struct life life;
	pid_t left;

	life_open(&life, &args.spawn);
	queue_run_args(ring, tfd, &args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	left = life_pid(&life);
	CHECK_EQ(take_run_code(ring, 1), 4);
	spawn_template_ring_exit(ring);
	CHECK(!life_ends(&life, 100));
	CHECK_SYS(kill(left, SIGKILL));
	CHECK(life_ends(&life, 5000));
}

/* ---- the sentinel */

/* Return: the child of this process that is no program. */
static pid_t sentinel_now(void)
{
	pid_t pids[16], found = 0;
	int n = children_now(pids, 16);

	for (int i = 0; i < n; i++) {
		char *name = test_read(test_fmt("/proc/%d/comm", pids[i]));

		if (!strcmp(name, "spawn-template\n"))
			found = pids[i];
	}
	return found;
}

static void a_ring_has_one_sentinel_and_leaves_none(void)
{
	struct spawn_template_run_args args = watched(TREE("exit", "0"));
	int tfd = public_tree();
	struct scene before;
	struct spawn_template_ring *ring;
	pid_t first;

	ring_warm_up(0);
	before = scene_now();
	ring = ring_new(8, 0);
	queue_run_args(ring, tfd, &args, 1);
	CHECK_EQ(take_run_code(ring, 1), 0);
	first = sentinel_now();
	CHECK_GT(first, 0);
	for (int i = 0; i < 20; i++) {
		queue_run_args(ring, tfd, &args, 1);
		CHECK_EQ(take_run_code(ring, 1), 0);
	}
	CHECK_EQ(sentinel_now(), first);
	spawn_template_ring_exit(ring);
	CHECK(!is_alive(first));
	check_scene(&before);
	CHECK(test_no_children());
}

/* A host that closes 0 to 2 for a moment and opens them again would end all trees. */
static void a_host_s_standard_descriptors_are_not_taken(void)
{
	struct spawn_template_run_args args = watched(TREE("exit", "0"));
	struct spawn_template_ring *ring = ring_new(2, 0);
	int tfd = public_tree();
	int saved = CHECK_SYS(fcntl(0, F_DUPFD_CLOEXEC, 3));

	CHECK_SYS(close(0));
	queue_run_args(ring, tfd, &args, 1);
	CHECK_EQ(take_run_code(ring, 1), 0);
	CHECK_GT(sentinel_now(), 0);
	CHECK(fcntl(0, F_GETFD) < 0 && errno == EBADF);
	CHECK_EQ(CHECK_SYS(dup2(saved, 0)), 0);
	CHECK_SYS(close(saved));
	spawn_template_ring_exit(ring);
}

static void a_killed_sentinel_is_replaced(void)
{
	struct spawn_template_run_args args = watched(FAMILY);
	struct life life;
	pid_t pid;

	life_open(&life, &args.spawn);
	pid = CHECK_SYS(fork());
	if (!pid) {
		struct spawn_template_ring *ring = ring_new(8, 0);
		int tfd = public_tree();
		pid_t first;

		queue_run_args(ring, tfd, &args, 1);
		spawn_template_ring_submit(ring);
		wait_marks(&life, MARKS);
		first = sentinel_now();
		CHECK_SYS(kill(first, SIGKILL));
		CHECK(dies_within(first, 5000));
		/* the next run has another one, which knows of the first */
		queue_run_args(ring, tfd, &args, 2);
		spawn_template_ring_submit(ring);
		wait_marks(&life, MARKS);
		CHECK(sentinel_now() != first);
		raise(SIGKILL);
	}
	CHECK_SYS(waitpid(pid, NULL, 0));
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
}

/* The kernel ends the program where numbers are not those of /proc. */
static void without_a_sentinel_the_program_ends(void)
{
	struct spawn_template_run_args args = watched(TREE("mark", "pause"));
	struct life life;
	pid_t pid;

	test_need_root();
	life_open(&life, &args.spawn);
	pid = CHECK_SYS(fork());
	if (!pid) {
		struct spawn_template_ring *ring;

		CHECK_SYS(unshare(CLONE_NEWPID));
		pid = CHECK_SYS(fork()); /* the namespace's first */
		if (pid) {
			CHECK_GT(life_pid(&life), 0);
			CHECK_SYS(kill(pid, SIGKILL));
			_exit(0);
		}
		if (!fork())
			for (;;)
				pause();
		ring = ring_new(2, 0);
		queue_run_args(ring, public_tree(), &args, 1);
		spawn_template_ring_submit(ring);
		for (;;)
			pause();
	}
	/* it reads the mark */
	CHECK_SYS(waitpid(pid, NULL, 0));
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
}

static void a_forked_child_ends_nothing(void)
{
	struct spawn_template_run_args args = watched(TREE("mark", "pause"));
	struct spawn_template_ring *ring = ring_new(4, 0);
	struct spawn_template_cqe *cqe;
	int tfd = public_tree();
	struct life life;
	pid_t pid;

	args.grace_ns = 0;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tfd, &args, 1);
	spawn_template_ring_submit(ring);
	CHECK_GT(life_pid(&life), 1);
	pid = CHECK_SYS(fork());
	if (!pid) {
		spawn_template_ring_exit(ring);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, NULL, 0));
	CHECK(!life_ends(&life, 100));
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
	CHECK(life_ends(&life, 5000));
	spawn_template_ring_exit(ring);
}

/* ---- with other things */

static void a_cgroup_goes_with_the_caller(void)
{
	struct spawn_template_run_args args = watched(
		TREE("(", "daemon", "mark", "pause", ")", "mark", "pause"));
	struct life life;
	pid_t pid;

	args.cgroup_parent_fd = make_cgroup();
	args.flags |= RUN(CGROUP);
	life_open(&life, &args.spawn);
	pid = CHECK_SYS(fork());
	if (!pid) {
		struct spawn_template_ring *ring = ring_new(4, 0);

		queue_run_args(ring, public_tree(), &args, 1);
		spawn_template_ring_submit(ring);
		wait_marks(&life, 2);
		raise(SIGKILL);
	}
	CHECK_SYS(waitpid(pid, NULL, 0));
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
	for (int i = 0; i < 1000 && count_dirs(running_cgroup); i++)
		sleep_ms(5);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_prepared_process_ends_too(void)
{
	struct spawn_template_run_args args = watched(
		TEST_ARGV("dash", "-c",
			  "setsid sh -c 'printf AAAA >&9; exec sleep 100' & "
			  "printf AAAA >&9; wait"));
	struct life life;
	int status;
	pid_t pid;

	if (access("/bin/dash", X_OK))
		TEST_SKIP("there is no dash");
	life_open(&life, &args.spawn);
	pid = CHECK_SYS(fork());
	if (!pid) {
		struct spawn_template_ring *ring = ring_new(4, 1);
		int tfd =
			open_warm("/bin/dash", SPAWN_TEMPLATE_CREATE_WARM_FORK);

		for (int i = 0; i < 2; i++)
			CHECK_EQ(test_spawn(tfd, TEST_ARGV("dash", "-c", ":")),
				 0);
		await_ready(tfd);
		queue_run_args(ring, tfd, &args, 1);
		spawn_template_ring_submit(ring);
		wait_marks(&life, 2);
		CHECK_EQ(stat_of(tfd).warm, 1);
		raise(SIGKILL);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	CHECK(life_ends(&life, (int)at_most_ms(10000)));
}

static void a_call_that_waits_takes_no_such_flag(void)
{
	struct spawn_template_run_args args = watched(TREE("exit", "0"));
	struct spawn_template_result res;

	CHECK_EQ(run_any(public_tree(), &args, &res), -EINVAL);
}

static const struct test_case cases[] = {
	TEST_CASE(trees_end_when_the_caller_is_killed),
	TEST_CASE(trees_end_when_the_caller_is_terminated),
	TEST_CASE(trees_end_when_the_caller_exits),
	TEST_CASE(trees_end_when_the_caller_execs),
	TEST_CASE(trees_in_groups_of_their_own_end),
	TEST_CASE(trees_end_without_pidfds),
	TEST_CASE(trees_end_without_signals_by_pidfd),
	TEST_CASE(a_program_with_other_ids_ends),
	TEST_CASE_SECONDS(no_moment_is_a_gap, 120),
	TEST_CASE(other_children_live_on),
	TEST_CASE(what_a_run_leaves_lives_on),
	TEST_CASE(a_ring_has_one_sentinel_and_leaves_none),
	TEST_CASE(a_host_s_standard_descriptors_are_not_taken),
	TEST_CASE(a_killed_sentinel_is_replaced),
	TEST_CASE(without_a_sentinel_the_program_ends),
	TEST_CASE(a_forked_child_ends_nothing),
	TEST_CASE(a_cgroup_goes_with_the_caller),
	TEST_CASE(a_prepared_process_ends_too),
	TEST_CASE(a_call_that_waits_takes_no_such_flag),
};
TEST_MAIN(cases)
