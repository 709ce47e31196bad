/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The place of the cgroups of a ring's runs: later runs go on when that place goes,
 * is full, or loses its supervisor.
 */
#include "rings.h"

/* Queues a run, and takes its completion, which must be good. Return: its flags. */
static uint32_t run_flags(struct spawn_template_ring *ring, int tfd,
			  uint32_t flags, int parent)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct spawn_template_cqe *cqe;
	uint32_t got;

	args.flags = flags;
	args.cgroup_parent_fd = parent;
	queue_run_args(ring, tfd, &args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 3);
	got = cqe->result->flags;
	spawn_template_ring_seen(ring, cqe);
	return got;
}

static char *make_below(const char *name)
{
	char *path = test_fmt("%s/%s", running_cgroup, name);

	CHECK_SYS(mkdir(path, 0755));
	return path;
}

static void enter(const char *path)
{
	write_file(test_fmt("%s/cgroup.procs", path), "0");
}

/* systemd moves a process elsewhere and removes its cgroup, too. */
static void a_place_that_is_gone_is_found_anew(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	int tfd = tree_template();
	char *first, *second;

	CHECK_SYS(close(make_cgroup()));
	first = make_below("first");
	second = make_below("second");
	enter(first);
	CHECK_EQ(run_flags(ring, tfd, RUN(CGROUP), -1), RESULT(CGROUP));
	enter(second);
	CHECK_SYS(rmdir(first));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(run_flags(ring, tfd, RUN(CGROUP), -1), RESULT(CGROUP));
	CHECK_EQ(count_dirs(second), 0);
	spawn_template_ring_exit(ring);
}

/* Makes room for so many cgroups below the process's. */
static void room_for(const char *n)
{
	write_file(test_fmt("%s/cgroup.max.descendants", running_cgroup), n);
}

static uint32_t lone_flags(int tfd)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));

	args.flags = RUN(CGROUP);
	return run_only(tfd, &args).flags;
}

/* A run that can go without a cgroup does so, as long as there is no room. */
static void runs_go_without_a_cgroup_where_there_is_no_room(void)
{
	struct spawn_template_ring *ring;
	int tfd = tree_template();

	CHECK_SYS(close(make_cgroup()));
	enter(running_cgroup);
	room_for("0");
	CHECK_EQ(lone_flags(tfd), 0);
	room_for("max");
	CHECK_EQ(lone_flags(tfd), RESULT(CGROUP));
	ring = ring_new(4, 1);
	for (int i = 0; i < 2; i++) {
		room_for("0");
		CHECK_EQ(run_flags(ring, tfd, RUN(CGROUP), -1), 0);
		room_for("max");
		CHECK_EQ(run_flags(ring, tfd, RUN(CGROUP), -1), RESULT(CGROUP));
	}
	CHECK_EQ(count_dirs(running_cgroup), 0);
	spawn_template_ring_exit(ring);
}

/* A run with a given directory needs a cgroup below it. */
static void a_run_fails_where_the_given_place_has_no_room(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;

	args.flags = RUN(CGROUP);
	args.cgroup_parent_fd = make_cgroup();
	room_for("0");
	queue_run_args(ring, tree_template(), &args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -EAGAIN);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* Lists the directories below the cgroup. Return: how many there are. */
static int list_below(char names[][300], int most)
{
	DIR *dir = opendir(running_cgroup);
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		CHECK_LT(n, most);
		snprintf(names[n++], 300, "%s", d->d_name);
	}
	closedir(dir);
	return n;
}

/* The supervisor is the only child while nothing runs. */
static pid_t supervisor_now(void)
{
	pid_t pid;

	wait_children(&pid, 1);
	return pid;
}

/* A run under a supervisor that has ended would not be protected. */
static void a_supervisor_that_ended_is_replaced(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	int parent = make_cgroup(), tfd = tree_template();
	char names[4][300];
	pid_t first, both[2];

	CHECK_EQ(run_flags(ring, tfd, RUN(SUPERVISE), parent), RESULT(CGROUP));
	first = supervisor_now();
	CHECK_EQ(run_flags(ring, tfd, RUN(SUPERVISE), parent), RESULT(CGROUP));
	CHECK_EQ(supervisor_now(), first);
	CHECK_EQ(list_below(names, 4), 1);
	CHECK_SYS(kill(first, SIGKILL));
	CHECK(dies_within(first, 20000));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(run_flags(ring, tfd, RUN(SUPERVISE), parent),
			 RESULT(CGROUP));
	/* the dead one is a zombie until the ring ends */
	wait_children(both, 2);
	CHECK(is_alive(both[0]) != is_alive(both[1]));
	CHECK_EQ(list_below(names, 4), 2);
	spawn_template_ring_exit(ring);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK(test_no_children());
}

/* The new supervisor ends the trees when the host is killed. */
static void a_replaced_supervisor_ends_the_hosts_trees(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "daemon", "mark", "pause", ")", "pause"));
	int parent = make_cgroup();
	struct life life;
	pid_t host;

	life_open(&life, &args.spawn);
	host = CHECK_SYS(fork());
	if (!host) {
		struct spawn_template_ring *ring = ring_new(4, 1);
		int tfd = tree_template();
		pid_t first;

		run_flags(ring, tfd, RUN(SUPERVISE), parent);
		first = supervisor_now();
		CHECK_SYS(kill(first, SIGKILL));
		CHECK(dies_within(first, 20000));
		args.flags = RUN(SUPERVISE);
		args.cgroup_parent_fd = parent;
		queue_run_args(ring, tfd, &args, 1);
		spawn_template_ring_submit(ring);
		for (;;)
			pause();
	}
	CHECK(is_alive(life_pid(&life)));
	CHECK_SYS(kill(host, SIGKILL));
	CHECK_SYS(waitpid(host, NULL, 0));
	CHECK(life_ends(&life, 20000));
}

static const struct test_case cases[] = {
	TEST_CASE(a_place_that_is_gone_is_found_anew),
	TEST_CASE(runs_go_without_a_cgroup_where_there_is_no_room),
	TEST_CASE(a_run_fails_where_the_given_place_has_no_room),
	TEST_CASE(a_supervisor_that_ended_is_replaced),
	TEST_CASE(a_replaced_supervisor_ends_the_hosts_trees),
};
TEST_MAIN(cases)
