/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs with limits that the kernel holds: for the whole tree, and for nothing else.
 *
 * Runs as root in a guest, because cgroup v2 has no controllers on machines that have
 * them in version 1.
 */
#include "../limiting.h"

#include <sys/xattr.h>

/* ---- places */

static void need_controller(const char *cgroup, const char *name)
{
	char *file = test_fmt("%s/cgroup.controllers", cgroup);
	int fd = CHECK_SYS(open(file, O_RDONLY | O_CLOEXEC));
	char *list = test_fmt(" %s ", test_read_fd(fd));

	CHECK_SYS(close(fd));
	for (char *c = list; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	if (!strstr(list, test_fmt(" %s ", name)))
		TEST_SKIP("cgroup v2 has no controller \"%s\" here", name);
}

/* Makes a cgroup that can limit: the controllers are there. Return: its fd. */
static int limiting_cgroup(void)
{
	static const char *const names[] = { "memory", "pids", "cpu" };
	int dir = make_cgroup();
	char *above = test_fmt("%s/..", running_cgroup);

	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		need_controller(above, names[i]);
		write_file(test_fmt("%s/cgroup.subtree_control", above),
			   test_fmt("+%s", names[i]));
	}
	return dir;
}

/* Finds the only cgroup below running_cgroup. */
static char *run_cgroup(void)
{
	DIR *dir = opendir(running_cgroup);
	char *found = NULL;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));)
		if (d->d_type == DT_DIR && d->d_name[0] != '.') {
			CHECK(!found);
			found = test_fmt("%s/%s", running_cgroup, d->d_name);
		}
	closedir(dir);
	CHECK(found);
	return found;
}

static char *read_limit(const char *cgroup, const char *file)
{
	int fd = CHECK_SYS(
		open(test_fmt("%s/%s", cgroup, file), O_RDONLY | O_CLOEXEC));
	char *text = test_read_fd(fd);

	CHECK_SYS(close(fd));
	return text;
}

/* ---- delegation */

/* This process, alone, in a cgroup that can limit. */
static void enter_limiting(bool delegated)
{
	CHECK_SYS(close(limiting_cgroup()));
	if (delegated && setxattr(running_cgroup, "user.delegate", "1", 1, 0))
		TEST_SKIP("cgroups have no attributes: %s", strerror(errno));
	go_on_in_child();
	enter_cgroup();
}

static void processes_in_the_cgroup_forbid_limits(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("exit", "0"));

	args.pids_max = 5;
	enter_limiting(false);
	check_refused(tree_template(), args, -EBUSY,
		      SPAWN_TEMPLATE_ATTR_PIDS_LIMIT);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	exit(0);
}

static void in_a_delegated_cgroup_limits_hold(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("fill"));
	int tfd;

	args.pids_max = 5;
	enter_limiting(true);
	tfd = tree_template();
	for (int i = 0; i < 3; i++) {
		struct spawn_template_result res = run_ok(tfd, &args);

		CHECK_STR(res.out, "4");
		spawn_template_result_free(&res);
	}
	CHECK_HAS(cgroup_of(getpid()), "/spawn-template.caller");
	CHECK_EQ(count_dirs(running_cgroup), 1);
	exit(0);
}

/* As systemd's DelegateSubgroup= has it: nothing has to be moved. */
static void from_a_leaf_of_a_delegated_cgroup_limits_hold(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("fill"));
	struct spawn_template_result res;

	args.pids_max = 5;
	enter_limiting(true);
	CHECK_SYS(mkdir(test_fmt("%s/main", running_cgroup), 0755));
	write_file(test_fmt("%s/main/cgroup.procs", running_cgroup), "0");
	res = run_ok(tree_template(), &args);
	CHECK_STR(res.out, "4");
	spawn_template_result_free(&res);
	CHECK_HAS(cgroup_of(getpid()), "/main");
	CHECK_EQ(count_dirs(running_cgroup), 1);
	exit(0);
}

/* The parent of its own cgroup is somebody else's, although it may be written. */
static void from_a_leaf_of_another_cgroup_limits_are_refused(void)
{
	struct spawn_template_run_args args = limited(-1, TREE("exit", "0"));

	args.pids_max = 5;
	enter_limiting(false);
	CHECK_SYS(mkdir(test_fmt("%s/main", running_cgroup), 0755));
	write_file(test_fmt("%s/main/cgroup.procs", running_cgroup), "0");
	check_refused(tree_template(), args, -EOPNOTSUPP,
		      SPAWN_TEMPLATE_ATTR_PIDS_LIMIT);
	CHECK_EQ(count_dirs(running_cgroup), 1);
	exit(0);
}

/* ---- memory */

static struct spawn_template_run_args hog(int parent, char *const argv[])
{
	struct spawn_template_run_args args = limited(parent, argv);

	args.memory_max = 16 * MIB;
	return args;
}

static void check_oom(const struct spawn_template_result *res)
{
	CHECK_EQ(res->signal, SIGKILL);
	CHECK(res->flags & RESULT(OOM));
	CHECK(!(res->flags & RESULT(TIMED_OUT)));
	/* since Linux 5.19 */
	CHECK_LE(res->memory_peak, 16 * MIB);
	CHECK(!res->memory_peak || res->memory_peak > 8 * MIB);
}

static void a_memory_hog_is_told_as_oom(void)
{
	struct spawn_template_run_args args =
		hog(limiting_cgroup(), TREE("eat", "64", "say", "lived"));
	struct spawn_template_result res = run_ok(tree_template(), &args);

	check_oom(&res);
	CHECK_EQ(res.out_len, 0);
	spawn_template_result_free(&res);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	/* with room for it, it ends well */
	args.memory_max = 128 * MIB;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK(!(res.flags & RESULT(OOM)));
	CHECK_STR(res.out, "lived");
	spawn_template_result_free(&res);
}

/* The program itself is small, and so are most of its children. */
static void at_oom_all_of_the_tree_ends(void)
{
	struct spawn_template_run_args args =
		hog(limiting_cgroup(),
		    TREE("(", "setsid", "mark", "pause", ")", "(", "mark",
			 "pause", ")", "(", "eat", "64", ")", "mark", "pause"));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	check_oom(&res);
	CHECK(life_ends(&life, 5000));
}

static void a_hog_in_a_ring_harms_no_sibling(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	int parent = limiting_cgroup(), tfd = tree_template();
	struct spawn_template_run_args args = hog(parent, TREE("eat", "64")),
				       sibling;
	struct spawn_template_cqe *cqe;

	/* in the same place: one with as much, one without a limit */
	sibling = hog(parent, TREE("eat", "4", "cat", "exit", "7"));
	sibling.flags |= RUN(OPEN_INPUT);
	queue_run_args(ring, tfd, &sibling, 2);
	sibling.memory_max = 0;
	queue_run_args(ring, tfd, &sibling, 3);
	queue_run_args(ring, tfd, &args, 1);
	spawn_template_ring_submit(ring);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	check_oom(cqe->result);
	spawn_template_ring_seen(ring, cqe);
	check_none(ring);
	for (uint64_t i = 2; i <= 3; i++) {
		CHECK_EQ(spawn_template_ring_close_input(ring, i), 0);
		cqe = ring_take_of(ring, i);
		CHECK_EQ(cqe->result->code, 7);
		CHECK(!(cqe->result->flags & RESULT(OOM)));
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_supervised_hog_is_told_as_oom(void)
{
	struct spawn_template_run_args args =
		hog(limiting_cgroup(), TREE("eat", "64"));
	struct spawn_template_result res;

	args.flags |= RUN(SUPERVISE);
	args.pids_max = 5;
	res = run_only(tree_template(), &args);
	check_oom(&res);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- processes */

static void no_more_processes_than_the_limit_are_made(void)
{
	struct spawn_template_run_args args =
		limited(limiting_cgroup(), TREE("fill"));
	struct spawn_template_result res;

	args.pids_max = 10;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_STR(res.out, "9");
	spawn_template_result_free(&res);
	args.pids_max = 1;
	res = run_ok(tree_template(), &args);
	CHECK_STR(res.out, "0");
	spawn_template_result_free(&res);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_fork_bomb_stays_within_its_limit_and_ends(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_run_args args =
		limited(limiting_cgroup(), TREE("mark", "bomb"));
	struct spawn_template_cqe *cqe;
	struct life life;

	args.pids_max = 20;
	args.timeout_ns = 1 * SECOND;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	spawn_template_ring_submit(ring);
	life_pid(&life);
	for (int i = 0; i < 5; i++) {
		CHECK_LE(atoi(read_limit(run_cgroup(), "pids.current")), 20);
		sleep_ms(50);
	}
	cqe = ring_take_of(ring, 1);
	CHECK(cqe->result->flags & RESULT(TIMED_OUT));
	CHECK_EQ(cqe->result->signal, SIGKILL);
	spawn_template_ring_seen(ring, cqe);
	CHECK(life_ends(&life, 5000));
	spawn_template_ring_exit(ring);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- processor time, and all that is written */

static void cpu_time_is_limited(void)
{
	struct spawn_template_run_args args =
		limited(limiting_cgroup(),
			TREE("(", "burn", "100", ")", "burn", "100", "wait"));
	struct spawn_template_result res;

	args.cpu_max_us = 20000;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_GE(res.cpu_us, 200000);
	/* the first 20 ms of each 100 */
	CHECK_GE(res.total_ns, 800 * MS);
}

static void the_limits_stand_when_the_program_runs(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_run_args args =
		limited(limiting_cgroup(), TREE("mark", "cat"));
	struct life life;
	char *cgroup;

	args.flags |= RUN(OPEN_INPUT);
	args.memory_max = 64 * MIB;
	args.pids_max = 12;
	args.cpu_weight = 50;
	args.cpu_max_us = 150000;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	spawn_template_ring_submit(ring);
	CHECK_HAS(cgroup_of(life_pid(&life)), "/spawn-template.");
	cgroup = run_cgroup();
	CHECK_STR(read_limit(cgroup, "memory.max"), "67108864\n");
	CHECK_STR(read_limit(cgroup, "memory.oom.group"), "1\n");
	if (!access(test_fmt("%s/memory.swap.max", cgroup), F_OK))
		CHECK_STR(read_limit(cgroup, "memory.swap.max"), "0\n");
	CHECK_STR(read_limit(cgroup, "pids.max"), "12\n");
	CHECK_STR(read_limit(cgroup, "cpu.weight"), "50\n");
	CHECK_STR(read_limit(cgroup, "cpu.max"), "150000 100000\n");
	CHECK_EQ(spawn_template_ring_close_input(ring, 1), 0);
	CHECK_EQ(take_run_code(ring, 1), 0);
	spawn_template_ring_exit(ring);
}

/* A kernel has one of two files: for the controller's own weights, or for those of BFQ. */
static void the_share_of_disks_stands_when_the_program_runs(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_run_args args =
		limited(make_cgroup(), TREE("mark", "cat"));
	char *above = test_fmt("%s/..", running_cgroup);
	struct life life;
	bool own, bfq;

	need_controller(above, "io");
	write_file(test_fmt("%s/cgroup.subtree_control", above), "+io");
	own = !access(test_fmt("%s/io.weight", running_cgroup), F_OK);
	bfq = !access(test_fmt("%s/io.bfq.weight", running_cgroup), F_OK);
	if (!own && !bfq)
		TEST_SKIP("this kernel has no weights for disks");
	args.flags |= RUN(OPEN_INPUT);
	args.io_weight = 50;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	spawn_template_ring_submit(ring);
	CHECK_HAS(cgroup_of(life_pid(&life)), "/spawn-template.");
	CHECK_STR(read_limit(run_cgroup(), own ? "io.weight" : "io.bfq.weight"),
		  "default 50\n");
	CHECK_EQ(spawn_template_ring_close_input(ring, 1), 0);
	CHECK_EQ(take_run_code(ring, 1), 0);
	spawn_template_ring_exit(ring);
}

static void swap_is_limited_as_asked_for(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_run_args args =
		hog(limiting_cgroup(), TREE("mark", "cat"));
	static const struct {
		uint64_t max;
		const char *text;
	} cases[] = { { 8 * MIB, "8388608\n" }, { UINT64_MAX, "max\n" } };

	if (access(test_fmt("%s/memory.swap.max", running_cgroup), F_OK))
		TEST_SKIP("the kernel does not count swap");
	args.flags |= RUN(OPEN_INPUT);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct life life;

		args.memory_swap_max = cases[i].max;
		life_open(&life, &args.spawn);
		queue_run_args(ring, tree_template(), &args, 1);
		spawn_template_ring_submit(ring);
		life_pid(&life);
		CHECK_STR(read_limit(run_cgroup(), "memory.swap.max"),
			  cases[i].text);
		CHECK_EQ(spawn_template_ring_close_input(ring, 1), 0);
		CHECK_EQ(take_run_code(ring, 1), 0);
	}
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE(processes_in_the_cgroup_forbid_limits),
	TEST_CASE(in_a_delegated_cgroup_limits_hold),
	TEST_CASE(from_a_leaf_of_a_delegated_cgroup_limits_hold),
	TEST_CASE(from_a_leaf_of_another_cgroup_limits_are_refused),
	TEST_CASE(a_memory_hog_is_told_as_oom),
	TEST_CASE(at_oom_all_of_the_tree_ends),
	TEST_CASE(a_hog_in_a_ring_harms_no_sibling),
	TEST_CASE(a_supervised_hog_is_told_as_oom),
	TEST_CASE(no_more_processes_than_the_limit_are_made),
	TEST_CASE(a_fork_bomb_stays_within_its_limit_and_ends),
	TEST_CASE(cpu_time_is_limited),
	TEST_CASE(the_limits_stand_when_the_program_runs),
	TEST_CASE(the_share_of_disks_stands_when_the_program_runs),
	TEST_CASE(swap_is_limited_as_asked_for),
};
TEST_MAIN(cases)
