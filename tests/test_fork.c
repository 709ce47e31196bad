/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork: a template belongs to the process that made it. A forked child has the
 * fd but not the template, may make its own, also at the same number, and does
 * not disturb the parent, whatever the parent's threads are doing meanwhile.
 */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define ARGV TEST_ARGV("tiny")

static int template_of(const char *tool)
{
	return CHECK_OK(spawn_template_open(test_tool(tool),
					    SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static void check_refused(int tfd)
{
	struct spawn_template_stat st;

	CHECK_EQ(test_spawn(tfd, ARGV), -EACCES);
	CHECK_EQ(spawn_template_check(tfd), -EACCES);
	CHECK_EQ(spawn_template_refresh(tfd), -EACCES);
	CHECK_EQ(spawn_template_stat(tfd, &st, sizeof(st)), -EACCES);
	CHECK(test_no_children());
}

static uint64_t launches_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st.cold;
}

/* ---- one fork ---- */

static void use_inherited(void *arg)
{
	check_refused(*(int *)arg);
}

static void child_is_refused(void)
{
	int tfd = template_of("tiny");

	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	test_in_child(use_inherited, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(launches_of(tfd), 2);
}

/* Also when nothing was launched, and through a dup. */
static void child_is_refused_unused(void)
{
	int tfd = template_of("tiny"), dup_fd = CHECK_SYS(dup(tfd));

	test_in_child(use_inherited, &tfd);
	test_in_child(use_inherited, &dup_fd);
}

static void make_own(void *arg)
{
	int tfd = *(int *)arg, own = template_of("tiny-7");

	CHECK_NE(own, tfd);
	CHECK_EQ(test_spawn(own, ARGV), 7);
	check_refused(tfd);
	CHECK_EQ(test_spawn(own, ARGV), 7);
	CHECK_EQ(launches_of(own), 2);
}

static void child_makes_its_own(void)
{
	int tfd = template_of("tiny");

	test_in_child(make_own, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
}

/*
 * With a template of the same file the inherited fd may pass for a dup of that:
 * it is the same program either way.
 */
static void make_own_of_same_file(void *arg)
{
	int tfd = *(int *)arg, own = template_of("tiny"), ret;

	CHECK_EQ(test_spawn(own, ARGV), 0);
	ret = test_spawn(tfd, ARGV);
	CHECK(ret == 0 || ret == -EACCES);
	CHECK_EQ(spawn_template_close(own), 0);
	check_refused(tfd);
}

static void child_makes_its_own_of_same_file(void)
{
	int tfd = template_of("tiny");

	test_in_child(make_own_of_same_file, &tfd);
}

static void make_own_at_same_number(void *arg)
{
	int tfd = *(int *)arg;

	CHECK_SYS(close(tfd));
	CHECK_EQ(template_of("tiny-7"), tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 7);
	CHECK_EQ(launches_of(tfd), 1);
}

static void same_number(void)
{
	int tfd = template_of("tiny");

	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	test_in_child(make_own_at_same_number, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(launches_of(tfd), 2);
}

static void make_own_from_inherited_fd(void *arg)
{
	struct spawn_template_create_args args = { .execfd = *(int *)arg };
	int own = CHECK_OK(spawn_template_create(&args, sizeof(args)));

	CHECK_EQ(test_spawn(own, ARGV), 0);
	CHECK_EQ(spawn_template_close(own), 0);
	check_refused(*(int *)arg);
}

static void from_inherited_fd(void)
{
	int tfd = template_of("tiny");

	test_in_child(make_own_from_inherited_fd, &tfd);
}

static void close_inherited(void *arg)
{
	int tfd = *(int *)arg;

	CHECK_EQ(spawn_template_close(tfd), 0);
	CHECK_EQ(fcntl(tfd, F_GETFD), -1);
	CHECK_EQ(spawn_template_close(tfd), -EBADF);
	CHECK_EQ(test_spawn(tfd, ARGV), -EBADF);
}

static void child_closes(void)
{
	int tfd = template_of("tiny");

	test_in_child(close_inherited, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(spawn_template_close(tfd), 0);
}

/* ---- more than one fork ---- */

static void grandchild(void *arg)
{
	int *fds = arg, own;

	check_refused(fds[0]);
	check_refused(fds[1]);
	own = template_of("tiny");
	CHECK_EQ(test_spawn(own, ARGV), 0);
}

static void child_with_grandchild(void *arg)
{
	int fds[] = { *(int *)arg, template_of("tiny-7") };

	CHECK_EQ(test_spawn(fds[1], ARGV), 7);
	test_in_child(grandchild, fds);
	check_refused(fds[0]);
	CHECK_EQ(test_spawn(fds[1], ARGV), 7);
}

/* A child that uses nothing itself must not hide the fork from its own. */
static void idle_child(void *arg)
{
	test_in_child(use_inherited, arg);
}

static void grandchildren(void)
{
	int tfd = template_of("tiny");

	test_in_child(child_with_grandchild, &tfd);
	test_in_child(idle_child, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
}

/* A process that ran out of pids and came back to the parent's number would be
 * nobody's child any more; forks in a row must not be taken for one another. */
static void many_forks(void)
{
	int tfd = template_of("tiny");

	for (int i = 0; i < 50; i++) {
		test_in_child(use_inherited, &tfd);
		test_in_child(make_own_at_same_number, &tfd);
	}
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
}

/* ---- without MADV_WIPEONFORK ---- */

static void no_wipe_on_fork(int err)
{
	int tfd;

	test_seccomp_arg(SYS_madvise, 2, ~0ULL, MADV_WIPEONFORK, err);
	CHECK_EQ(madvise(NULL, 0, MADV_WIPEONFORK), -1);
	CHECK_EQ(errno, err);
	tfd = template_of("tiny");
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	test_in_child(use_inherited, &tfd);
	test_in_child(make_own, &tfd);
	test_in_child(make_own_at_same_number, &tfd);
	test_in_child(child_with_grandchild, &tfd);
	test_in_child(idle_child, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(launches_of(tfd), 2);
}

static void no_wipe_on_fork_einval(void)
{
	no_wipe_on_fork(EINVAL);
}

static void no_wipe_on_fork_eperm(void)
{
	no_wipe_on_fork(EPERM);
}

/* ---- forks while threads launch ---- */

static atomic_bool stop;
static atomic_int done;

static void *launch_all_the_time(void *arg)
{
	int tfd = *(int *)arg;

	while (!atomic_load(&stop)) {
		CHECK_EQ(test_spawn(tfd, ARGV), 0);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void *create_all_the_time(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		int tfd = template_of("tiny-7");

		CHECK_EQ(test_spawn(tfd, ARGV), 7);
		CHECK_OK(spawn_template_close(tfd));
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void use_after_busy_fork(void *arg)
{
	int tfd = *(int *)arg, own;

	CHECK_EQ(test_spawn(tfd, ARGV), -EACCES);
	own = template_of("tiny-7");
	CHECK_EQ(test_spawn(own, ARGV), 7);
	CHECK(test_no_children());
}

static void while_threads_launch(void)
{
	int tfd = template_of("tiny"), forks = 0;
	pthread_t threads[3];

	CHECK_EQ(pthread_create(&threads[0], NULL, launch_all_the_time, &tfd),
		 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, launch_all_the_time, &tfd),
		 0);
	CHECK_EQ(pthread_create(&threads[2], NULL, create_all_the_time, NULL),
		 0);
	while (forks < 100 || atomic_load(&done) < 500) {
		test_in_child(use_after_busy_fork, &tfd);
		forks++;
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	{ "child's use of the parent's template: EACCES", child_is_refused, 0 },
	{ "the same for an unused template and a dup", child_is_refused_unused,
	  0 },
	{ "child makes and uses its own", child_makes_its_own, 0 },
	{ "child makes its own of the same file",
	  child_makes_its_own_of_same_file, 0 },
	{ "child makes its own at the same number", same_number, 0 },
	{ "child makes its own from the inherited fd", from_inherited_fd, 0 },
	{ "child closes the inherited template", child_closes, 0 },
	{ "grandchildren", grandchildren, 0 },
	{ "many forks in a row", many_forks, 0 },
	{ "MADV_WIPEONFORK answers EINVAL", no_wipe_on_fork_einval, 0 },
	{ "MADV_WIPEONFORK answers EPERM", no_wipe_on_fork_eperm, 0 },
	{ "forks while threads launch", while_threads_launch, 60 },
};
TEST_MAIN(cases)
