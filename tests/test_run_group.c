/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in the caller's session and group (RUN_SAME_GROUP), and the completion that
 * tells of the program (RUN_TELL_START). A signal to the group would end the test, too.
 */
#include "rings.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#define TELL \
	"read -r a b c d group session rest < /proc/$$/stat; " \
	"echo $group $session"

static struct spawn_template_run_args in_group(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(SAME_GROUP);
	return args;
}

static void a_run_can_stay_in_group_and_session(void)
{
	int tfd = CHECK_OK(
		spawn_template_open("/bin/sh", SPAWN_TEMPLATE_CREATE_CLOEXEC));
	struct spawn_template_run_args args =
		in_group(TEST_ARGV("sh", "-c", TELL));
	struct spawn_template_result res = run_ok(tfd, &args);

	CHECK_STR(res.out, test_fmt("%d %d\n", getpgrp(), getsid(0)));
	spawn_template_result_free(&res);
}

static void the_deadline_spares_the_callers_group(void)
{
	struct spawn_template_run_args args = in_group(TREE(
		"(", "ignore", test_fmt("%d", SIGTERM), "pause", ")", "pause"));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	args.timeout_ns = 200 * MS;
	args.grace_ns = 100 * MS;
	res = run_ok(tree_template(), &args);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(res.flags & RESULT(TREE_KILLED));
	CHECK_EQ(res.signal, SIGTERM);
	spawn_template_result_free(&res);
	CHECK(life_ends(&life, 1000));
}

/* Nothing tells an orphan from the processes of others, and none of them is signalled. */
static void what_is_left_in_the_callers_group_is_not_known(void)
{
	struct spawn_template_run_args args =
		in_group(TREE("(", "sleep", "2000", ")", "exit", "3"));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	args.flags |= RUN(END_LEFTOVERS);
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags & ~RESULT(PIPE_HELD), RESULT(UNSEEN));
	CHECK_EQ(res.leftovers, 0);
	spawn_template_result_free(&res);
	CHECK(life_ends(&life, at_most_ms(5000)));
}

static void a_keeper_knows_what_is_left_in_the_callers_group(void)
{
	struct spawn_template_run_args args =
		in_group(TREE("(", "pause", ")", "exit", "3"));
	struct spawn_template_result res;
	struct life life;
	int ret;

	life_open(&life, &args.spawn);
	args.flags |= RUN(END_LEFTOVERS) | RUN(SUPERVISE);
	ret = run_any(tree_template(), &args, &res);
	if (ret == -EOPNOTSUPP)
		TEST_SKIP("no keeper, and no cgroup");
	CHECK_EQ(ret, 0);
	CHECK(res.flags & RESULT(LEFTOVERS) && !(res.flags & RESULT(UNSEEN)));
	CHECK_EQ(res.leftovers, 1);
	spawn_template_result_free(&res);
	CHECK(life_ends(&life, 1000));
}

static void wishes_that_exclude_each_other_are_refused(void)
{
	const uint64_t spawn_flags[] = { SPAWN_TEMPLATE_SPAWN_SETSID,
					 SPAWN_TEMPLATE_SPAWN_SETPGROUP };
	int tfd = tree_template();
	struct spawn_template_run_args args;
	struct spawn_template_result res;

	for (int i = 0; i < 2; i++) {
		args = in_group(TREE("exit", "0"));
		args.spawn.flags |= spawn_flags[i];
		CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	}
	args = in_group(TREE("exit", "0"));
	args.flags |= RUN(PTY);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args = run_args(TREE("exit", "0"));
	args.flags = RUN(TELL_START);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
}

/* ---- the start */

static struct spawn_template_cqe *take_start(struct spawn_template_ring *ring,
					     uint64_t id)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, id);

	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_STARTED);
	CHECK_EQ(cqe->res, 0);
	CHECK(!cqe->result && !cqe->data);
	CHECK_GE(cqe->pidfd, 0);
	CHECK(is_alive(cqe->pid));
	return cqe;
}

static void a_start_is_told_with_a_pidfd(void)
{
	struct spawn_template_run_args args = run_args(TREE("pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	int pid, pidfd;

	args.flags = RUN(TELL_START);
	queue_run_args(ring, tree_template(), &args, 3);
	cqe = take_start(ring, 3);
	pid = cqe->pid;
	pidfd = cqe->pidfd;
	CHECK_SYS(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
	spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(fcntl(pidfd, F_GETFD), -1);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
	CHECK_EQ(cqe->pid, pid);
	CHECK_EQ(cqe->result->signal, SIGUSR1);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void a_failed_launch_tells_no_start(void)
{
	struct spawn_template_run_args args = run_args(TREE("pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;

	args.flags = RUN(TELL_START);
	TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
	queue_run_args(ring, tree_template(), &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
	CHECK_EQ(cqe->res, -EBADF);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void a_start_that_nobody_takes_is_freed(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	struct spawn_template_ring *ring;
	int tfd = tree_template();
	struct scene before;

	ring_warm_up(1);
	before = scene_now();
	for (int i = 0; i < 20; i++) {
		ring = ring_new(2, 1);
		args.flags = RUN(TELL_START);
		queue_run_args(ring, tfd, &args, 3);
		CHECK_OK(spawn_template_ring_submit(ring));
		sleep_ms(i);
		spawn_template_ring_exit(ring);
	}
	check_scene(&before);
}

static const struct test_case cases[] = {
	TEST_CASE(a_run_can_stay_in_group_and_session),
	TEST_CASE(the_deadline_spares_the_callers_group),
	TEST_CASE(what_is_left_in_the_callers_group_is_not_known),
	TEST_CASE(a_keeper_knows_what_is_left_in_the_callers_group),
	TEST_CASE(wishes_that_exclude_each_other_are_refused),
	TEST_CASE(a_start_is_told_with_a_pidfd),
	TEST_CASE(a_failed_launch_tells_no_start),
	TEST_CASE(a_start_that_nobody_takes_is_freed),
};
TEST_MAIN(cases)
