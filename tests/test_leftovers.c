/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RUN_END_LEFTOVERS: what a program leaves behind when it ends by itself. All of a
 * tree holds a pipe (struct life), whose end tells that the tree is dead.
 */
#include "rings.h"

#include <sched.h>
#include <sys/mount.h>

#define TERM test_fmt("%d", SIGTERM)

static struct spawn_template_run_args ending(char *const argv[],
					     uint64_t grace_ms)
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(END_LEFTOVERS);
	args.grace_ns = grace_ms * MS;
	return args;
}

/* ---- the blocking call ---- */

static void processes_left_behind_get_term(void)
{
	struct spawn_template_run_args args =
		ending(TREE("(", "pause", ")", "(", "setpgrp", "pause", ")",
			    "say", "done", "sleep", "200", "exit", "3"),
		       60000);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_ok(tree_template(), &args);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS));
	CHECK_EQ(res.leftovers, 2);
	CHECK_STR(res.out, "done");
	CHECK_LE(res.total_ns, at_most_ms(3000) * MS);
	spawn_template_result_free(&res);
}

static void leftovers_that_ignore_term_are_killed(void)
{
	struct spawn_template_run_args args =
		ending(TREE("ignore", TERM, "(", "pause", ")", "sleep", "200",
			    "exit", "0"),
		       150);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS) | RESULT(TREE_KILLED));
	CHECK_EQ(res.leftovers, 1);
	CHECK_GE(res.total_ns, 350 * MS);
}

/* Nothing tells what is left, but the kernel knows the program's group. */
static void without_proc_the_group_is_ended_and_the_result_says_so(void)
{
	struct spawn_template_run_args args =
		ending(TREE("(", "on", TERM, "7", "pause", ")", "sleep", "200",
			    "exit", "3"),
		       60000);
	struct spawn_template_result res;
	const char *path = test_tool("tree");
	struct life life;
	int tfd;

	test_need_root();
	life_open(&life, &args.spawn);
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
	tfd = CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		0);
	CHECK_SYS(umount("/proc")); /* sanitizers read it at the end */
	CHECK(life_ends(&life, 2000));
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags & ~RESULT(PIPE_HELD), RESULT(UNSEEN));
	CHECK_EQ(res.leftovers, 0);
	CHECK_LE(res.total_ns, at_most_ms(5000) * MS);
	spawn_template_result_free(&res);
}

static void leftovers_are_killed_at_once_without_grace(void)
{
	struct spawn_template_run_args args =
		ending(TREE("(", "on", TERM, "7", "pause", ")", "sleep", "200",
			    "raise", TERM),
		       0);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS) | RESULT(TREE_KILLED));
	CHECK_EQ(res.leftovers, 1);
}

/* The time is up during the grace: what is left is ended, and the program was in time. */
static void the_deadline_of_a_program_that_was_in_time_is_kept(void)
{
	struct spawn_template_run_args args = ending(
		TREE("ignore", TERM, "(", "pause", ")", "exit", "4"), 1500);
	struct spawn_template_result res;

	args.timeout_ns = at_most_ms(1000) * MS;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 4);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS) | RESULT(TREE_KILLED));
}

static void a_program_that_leaves_nothing_has_no_leftovers(void)
{
	struct spawn_template_run_args args =
		ending(TREE("(", "exit", "1", ")", "wait", "say", "x"), 60000);
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.leftovers, 0);
}

static void leftovers_are_spared_without_the_flag(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "mark", "pause", ")", "exit", "0"));
	struct spawn_template_result res;
	struct life life;
	pid_t left;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	CHECK_EQ(res.leftovers, 0);
	left = life_pid(&life);
	CHECK(is_alive(left));
	CHECK_SYS(kill(left, SIGKILL));
	CHECK(life_ends(&life, 5000));
}

/* The whole tree is ended at a deadline: nothing is left of it. */
/* Nobody reads its output, which tells elsewhere that there is more to come. */
static void a_filter_has_a_moment_without_capture(void)
{
	struct spawn_template_run_args args = ending(
		TREE("(", "sleep", "30", "mark", ")", "exit", "0"), 60000);
	struct spawn_template_result res;
	struct life life;

	args.flags |= RUN(NO_CAPTURE);
	args.held_quiet_ns = args.held_most_ns = 5 * SECOND;
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, 0);
	CHECK_GT(life_pid(&life), 1);
	CHECK(life_ends(&life, 0));
}

static void a_tree_that_is_ended_has_no_leftovers(void)
{
	struct spawn_template_run_args args =
		ending(TREE("(", "pause", ")", "pause"), 60000);
	struct spawn_template_result res;

	args.timeout_ns = 300 * MS;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK_EQ(res.leftovers, 0);
}

/* ---- with a cgroup, nothing escapes ---- */

static void a_daemon_is_ended_in_a_cgroup(void)
{
	struct spawn_template_run_args args = ending(
		TREE("(", "daemon", "pause", ")", "sleep", "300", "exit", "5"),
		60000);
	struct spawn_template_result res;
	struct life life;

	args.flags |= RUN(CGROUP);
	args.cgroup_parent_fd = make_cgroup();
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(res.code, 5);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS) | RESULT(CGROUP));
	CHECK_EQ(res.leftovers, 1);
	CHECK_LE(res.total_ns, at_most_ms(3000) * MS);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- rings ---- */

static void rings_end_leftovers_too(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_run_args args = ending(
		TREE("(", "pause", ")", "sleep", "200", "exit", "6"), 60000);
	struct spawn_template_cqe *cqe;
	struct life life;

	life_open(&life, &args.spawn);
	for (int i = 0; i < 8; i++)
		queue_run_args(ring, tree_template(), &args, 1);
	for (int i = 0; i < 8; i++) {
		cqe = ring_take_of(ring, 1);
		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->code, 6);
		CHECK_EQ(cqe->result->flags, RESULT(LEFTOVERS));
		CHECK_EQ(cqe->result->leftovers, 1);
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK(life_ends(&life, 0));
	spawn_template_ring_exit(ring);
	CHECK(test_no_children());
}

/* The caller takes the output slowly; what is left must not cost a byte of it. */
static void output_is_whole_when_leftovers_are_ended(void)
{
	struct spawn_template_ring *ring = ring_new(2, 1);
	struct spawn_template_run_args args = ending(
		TREE("(", "pause", ")", "flood", "1", "400000", "exit", "0"),
		60000);
	struct spawn_template_cqe *cqe;
	size_t got = 0;

	args.flags |= RUN(STREAM);
	args.max_output = 4096;
	queue_run_args(ring, tree_template(), &args, 1);
	for (;;) {
		cqe = ring_take_of(ring, 1);
		if (cqe->kind == SPAWN_TEMPLATE_CQE_END)
			break;
		for (size_t i = 0; i < cqe->data_len; i++)
			CHECK_EQ(((const unsigned char *)cqe->data)[i],
				 (got + i) % 251);
		got += cqe->data_len;
		sleep_ms(5);
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK_EQ(got, 400000);
	CHECK_EQ(cqe->result->flags, RESULT(LEFTOVERS));
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* Nobody waits for the grace of what is left when the ring ends. */
static void the_end_of_a_ring_ends_leftovers_in_their_grace(void)
{
	struct spawn_template_ring *ring = ring_new(2, 1);
	struct spawn_template_run_args args =
		ending(TREE("ignore", TERM, "(", "mark", "pause", ")", "sleep",
			    "100", "exit", "0"),
		       60000);
	struct life life;

	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	life_pid(&life);
	sleep_ms(400);
	check_none(ring);
	spawn_template_ring_exit(ring);
	CHECK(life_ends(&life, (int)at_most_ms(3000)));
}

/* It writes in its grace what nobody takes; the end of the ring does not wait for that. */
static void the_end_of_a_ring_waits_for_no_room_for_leftovers(void)
{
	struct spawn_template_ring *ring;
	struct spawn_template_run_args args =
		ending(TREE("(", "ignore", TERM, "sleep", "400", "flood", "1",
			    "0", ")", "exit", "0"),
		       60000);
	struct life life;
	int threads;

	ring_warm_up(1);
	threads = count_threads();
	ring = ring_new(2, 1);
	args.flags |= RUN(STREAM);
	args.max_output = 4096;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	sleep_ms(800);
	spawn_template_ring_exit(ring);
	CHECK(life_ends(&life, (int)at_most_ms(3000)));
	for (int i = 0; i < 5000 && count_threads() > threads; i++)
		sleep_ms(1);
	CHECK_EQ(count_threads(), threads);
}

/* ---- no fd is free when the program ends ---- */

static void check_without_fds(int cgroup, int ms, uint32_t leftovers,
			      uint32_t flag)
{
	struct spawn_template_ring *ring = ring_new(2, 1);
	struct spawn_template_run_args args = ending(
		TREE("(", "mark", "pause", ")", "sleep", "300", "exit", "0"),
		60000);
	struct rlimit few = { 100, 100 };
	struct spawn_template_cqe *cqe;
	struct life life;
	int fds[100], n;

	if (cgroup >= 0)
		args.flags |= RUN(CGROUP);
	args.cgroup_parent_fd = cgroup;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	life_pid(&life);
	sleep_ms(100);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &few));
	for (n = 0; (fds[n] = dup(0)) >= 0; n++)
		;
	sleep_ms(ms);
	while (n)
		CHECK_SYS(close(fds[--n]));
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->result->leftovers, leftovers);
	CHECK(cqe->result->flags & flag);
	spawn_template_ring_seen(ring, cqe);
	CHECK(life_ends(&life, leftovers ? 0 : 1000));
	spawn_template_ring_exit(ring);
}

static void leftovers_are_found_once_there_is_an_fd(void)
{
	check_without_fds(-1, 600, 1, RESULT(LEFTOVERS));
}

static void a_shortage_that_lasts_is_told_and_the_group_is_ended(void)
{
	check_without_fds(-1, 2500, 0, RESULT(UNSEEN));
}

static void leftovers_in_a_cgroup_are_found_once_there_is_an_fd(void)
{
	check_without_fds(make_cgroup(), 600, 1, RESULT(LEFTOVERS));
}

static const struct test_case cases[] = {
	TEST_CASE(processes_left_behind_get_term),
	TEST_CASE(leftovers_that_ignore_term_are_killed),
	TEST_CASE(leftovers_are_killed_at_once_without_grace),
	TEST_CASE(without_proc_the_group_is_ended_and_the_result_says_so),
	TEST_CASE(the_deadline_of_a_program_that_was_in_time_is_kept),
	TEST_CASE(a_program_that_leaves_nothing_has_no_leftovers),
	TEST_CASE(leftovers_are_spared_without_the_flag),
	TEST_CASE(a_filter_has_a_moment_without_capture),
	TEST_CASE(a_tree_that_is_ended_has_no_leftovers),
	TEST_CASE(a_daemon_is_ended_in_a_cgroup),
	TEST_CASE(rings_end_leftovers_too),
	TEST_CASE(output_is_whole_when_leftovers_are_ended),
	TEST_CASE(the_end_of_a_ring_ends_leftovers_in_their_grace),
	TEST_CASE(the_end_of_a_ring_waits_for_no_room_for_leftovers),
	TEST_CASE(leftovers_are_found_once_there_is_an_fd),
	TEST_CASE(a_shortage_that_lasts_is_told_and_the_group_is_ended),
	TEST_CASE(leftovers_in_a_cgroup_are_found_once_there_is_an_fd),
};
TEST_MAIN(cases)
