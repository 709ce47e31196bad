/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs with limits, as far as they need no controller in cgroup v2: what cannot be
 * limited is not launched, what is left of a limited tree is ended, and the result
 * tells the usage. tests/vm/limits.c has the rest.
 */
#include "limiting.h"

#include <grp.h>

/* ---- arguments */

static void limits_out_of_range_are_refused(void)
{
	struct spawn_template_run_args good = run_args(TREE("exit", "0")), a;
	struct spawn_template_result res;
	int tfd = tree_template();

#define REFUSED(set)                                       \
	do {                                               \
		a = good;                                  \
		set;                                       \
		test_doing(#set);                          \
		CHECK_EQ(run_any(tfd, &a, &res), -EINVAL); \
	} while (0)

	REFUSED(a.memory_max = 1);
	REFUSED(a.memory_swap_max = 1);
	REFUSED(a.cpu_max_us = 1000);
	REFUSED(a.pids_max = 1);
	REFUSED(a.cpu_weight = 1);
	REFUSED(a.io_weight = 1);
	good.flags = RUN(LIMITS);
	REFUSED(a.cpu_weight = 10001);
	REFUSED(a.io_weight = 10001);
	REFUSED(a.cpu_max_us = 999);
	REFUSED(a.cgroup_parent_fd = -2);
	REFUSED(a.spawn.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP);
#undef REFUSED
}

/* ---- usage, which needs no controller */

static void the_usage_of_all_of_the_tree_is_told(void)
{
	struct spawn_template_run_args args =
		limited(make_cgroup(), TREE("(", "setsid", "burn", "100", ")",
					    "burn", "100", "wait"));
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.code, 0);
	CHECK(res.flags & RESULT(CGROUP));
	CHECK(!(res.flags & RESULT(OOM)));
	CHECK_GE(res.cpu_us, 200000);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_run_without_limits_tells_no_usage(void)
{
	struct spawn_template_run_args args = run_args(TREE("burn", "20"));
	struct spawn_template_result res;

	args.flags = RUN(CGROUP);
	args.cgroup_parent_fd = make_cgroup();
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.cpu_us, 0);
	CHECK_EQ(res.memory_peak, 0);
}

/* A tree that goes on without its cgroup would have no limits. */
static void what_is_left_in_the_cgroup_is_ended(void)
{
	struct spawn_template_run_args args = limited(
		make_cgroup(),
		TREE("(", "setsid", "ignore", "15", "close", "0", "close", "1",
		     "close", "2", "mark", "pause", ")", "exit", "0"));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.leftovers, 1);
	CHECK(life_ends(&life, 5000));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- no limit, no launch */

static void a_limit_without_its_controller_is_refused(void)
{
	int parent, tfd = tree_template();
	struct spawn_template_run_args args;

	CHECK_SYS(close(make_cgroup()));
	/* it has none of the controllers, whatever the kernel has */
	CHECK_SYS(mkdir(test_fmt("%s/bare", running_cgroup), 0755));
	parent = CHECK_SYS(open(test_fmt("%s/bare", running_cgroup),
				O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	args = limited(parent, TREE("exit", "0"));
	args.memory_max = MIB;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT);
	args.memory_max = 0;
	args.memory_swap_max = MIB;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_MEMORY_LIMIT);
	args.memory_swap_max = 0;
	args.pids_max = 1;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_PIDS_LIMIT);
	args.pids_max = 0;
	args.cpu_weight = 1;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_CPU_LIMIT);
	args.cpu_weight = 0;
	args.io_weight = 1;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_IO_LIMIT);
	CHECK_EQ(count_dirs(test_fmt("%s/bare", running_cgroup)), 0);
	args.io_weight = 0;
	CHECK_EQ(run_only(tfd, &args).code, 0);
}

static void a_ring_refuses_a_limit_without_its_controller(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;
	struct spawn_template_run_args args;
	int tfd = tree_template();

	CHECK_SYS(close(make_cgroup()));
	CHECK_SYS(mkdir(test_fmt("%s/bare", running_cgroup), 0755));
	args = limited(CHECK_SYS(open(test_fmt("%s/bare", running_cgroup),
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
		       TREE("exit", "0"));
	args.pids_max = 1;
	queue_run_args(ring, tfd, &args, 1);
	spawn_template_ring_submit(ring);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -EOPNOTSUPP);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
		 SPAWN_TEMPLATE_STAGE_ATTR);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_ACTION(cqe->flags),
		 SPAWN_TEMPLATE_ATTR_PIDS_LIMIT);
	spawn_template_ring_seen(ring, cqe);
	/* one without a limit goes on in the same place */
	args.pids_max = 0;
	queue_run_args(ring, tfd, &args, 2);
	spawn_template_ring_submit(ring);
	CHECK_EQ(take_run_code(ring, 2), 0);
	spawn_template_ring_exit(ring);
}

static void enter_user_without_cgroups(void)
{
	enter_cgroup();
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
}

static void without_a_cgroup_nothing_is_launched(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("mark"));
	struct spawn_template_result res;
	struct life life;
	int tfd = public_tree();

	CHECK_SYS(close(make_cgroup()));
	go_on_in_child();
	enter_user_without_cgroups();
	tfd = CHECK_OK(spawn_template_open(test_path("tree"),
					   SPAWN_TEMPLATE_CREATE_CLOEXEC));
	life_open(&life, &args.spawn);
	CHECK_EQ(run_any(tfd, &args, &res), -EOPNOTSUPP);
	args.pids_max = 5;
	check_refused(tfd, args, -EOPNOTSUPP, SPAWN_TEMPLATE_ATTR_PIDS_LIMIT);
	life_let_go(&life);
	CHECK_EQ(read(life.fds[0], &(char){ 0 }, 1), 0);
	exit(0);
}

/* Runs that can do without have made a place for themselves, which is none. */
static void a_ring_launches_nothing_without_a_cgroup(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("exit", "0"));
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	int tfd = public_tree();

	CHECK_SYS(close(make_cgroup()));
	go_on_in_child();
	enter_user_without_cgroups();
	tfd = CHECK_OK(spawn_template_open(test_path("tree"),
					   SPAWN_TEMPLATE_CREATE_CLOEXEC));
	ring = ring_new(4, 1);
	args.flags = RUN(CGROUP);
	queue_run_args(ring, tfd, &args, 1);
	spawn_template_ring_submit(ring);
	CHECK_EQ(take_run_code(ring, 1), 0);
	args.flags = RUN(LIMITS);
	queue_run_args(ring, tfd, &args, 2);
	spawn_template_ring_submit(ring);
	cqe = ring_take_of(ring, 2);
	CHECK_EQ(cqe->res, -EOPNOTSUPP);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	exit(0);
}

static const struct test_case cases[] = {
	TEST_CASE(limits_out_of_range_are_refused),
	TEST_CASE(the_usage_of_all_of_the_tree_is_told),
	TEST_CASE(a_run_without_limits_tells_no_usage),
	TEST_CASE(what_is_left_in_the_cgroup_is_ended),
	TEST_CASE(a_limit_without_its_controller_is_refused),
	TEST_CASE(a_ring_refuses_a_limit_without_its_controller),
	TEST_CASE(without_a_cgroup_nothing_is_launched),
	TEST_CASE(a_ring_launches_nothing_without_a_cgroup),
};
TEST_MAIN(cases)
