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

static void a_child_may_not_use_its_parents_template(void)
{
	int tfd = template_of("tiny");

	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	test_in_child(use_inherited, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(launches_of(tfd), 2);
}

static void a_child_may_not_use_an_unused_template_or_its_dup(void)
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

static void a_child_makes_and_uses_its_own_template(void)
{
	int tfd = template_of("tiny");

	test_in_child(make_own, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
}

/*
 * The inherited fd may pass for a dup of the child's own template: the program is
 * the same either way.
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

static void a_child_may_make_a_template_of_the_same_file(void)
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

static void a_child_may_make_a_template_at_the_same_number(void)
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

static void a_child_may_make_a_template_from_the_inherited_fd(void)
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

static void a_child_may_close_the_inherited_template(void)
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

/* A child that does not use the library must not hide the fork from its child. */
static void idle_child(void *arg)
{
	test_in_child(use_inherited, arg);
}

static void a_grandchild_may_use_no_template_but_its_own(void)
{
	int tfd = template_of("tiny");

	test_in_child(child_with_grandchild, &tfd);
	test_in_child(idle_child, &tfd);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
}

/* The forks come in a row: no child is taken for the one before it. */
static void forks_in_a_row_are_told_apart(void)
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

static void forks_are_noticed_though_wipe_on_fork_is_einval(void)
{
	no_wipe_on_fork(EINVAL);
}

static void forks_are_noticed_though_wipe_on_fork_is_eperm(void)
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

static void forks_are_noticed_while_threads_launch(void)
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
	TEST_CASE(a_child_may_not_use_its_parents_template),
	TEST_CASE(a_child_may_not_use_an_unused_template_or_its_dup),
	TEST_CASE(a_child_makes_and_uses_its_own_template),
	TEST_CASE(a_child_may_make_a_template_of_the_same_file),
	TEST_CASE(a_child_may_make_a_template_at_the_same_number),
	TEST_CASE(a_child_may_make_a_template_from_the_inherited_fd),
	TEST_CASE(a_child_may_close_the_inherited_template),
	TEST_CASE(a_grandchild_may_use_no_template_but_its_own),
	TEST_CASE(forks_in_a_row_are_told_apart),
	TEST_CASE(forks_are_noticed_though_wipe_on_fork_is_einval),
	TEST_CASE(forks_are_noticed_though_wipe_on_fork_is_eperm),
	TEST_CASE_SECONDS(forks_are_noticed_while_threads_launch, 60),
};
TEST_MAIN(cases)
