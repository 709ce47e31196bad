/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/warm/same.c sees every change of what a child inherits, in the process and in
 * one thread only, and no launch is warm after a change that the child is not given.
 */
#include "changes.h"
#include "warming.h"

#include <pthread.h>

#include "thread.h"
#include "warm/same.h"

/* ---- the table: each row tells its change */

static void tells(void *arg)
{
	const struct change *c = arg;
	struct st_same parked, caller;
	const char *row;
	int ret;

	test_path("made"); /* the directory, as long as that is possible */
	if (c->before && c->before() < 0)
		return;
	CHECK_OK(st_same_read(&parked));
	ret = c->make();
	if (ret < 0) {
		test_note("%s: %s", c->name, strerror(-ret));
		return;
	}
	CHECK_OK(st_same_read(&caller));
	row = st_same_differs(&parked, &caller);
	if (c->row && !*c->row)
		return;
	if (c->row)
		CHECK_HAS(c->row, row ? row : "no row");
	else
		CHECK(!row);
}

static void each_row_tells_its_change(void)
{
	for (size_t i = 0; i < TEST_COUNT(changes); i++) {
		test_doing("%s", changes[i].name);
		test_in_child(tells, (void *)&changes[i]);
	}
}

/* Without privileges, and so without CAP_SYS_ADMIN, too. */
static void each_row_tells_its_change_to_a_user(void)
{
	test_need_root();
	test_path("made");
	CHECK_SYS(chown(test_tmpdir(), 65534, 65534));
	CHECK_SYS(syscall(SYS_setgroups, 0, NULL));
	CHECK_SYS(syscall(SYS_setresgid, 65534, 65534, 65534));
	CHECK_SYS(syscall(SYS_setresuid, 65534, 65534, 65534));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	each_row_tells_its_change();
}

/* A parked process cannot lose no_new_privs again. */
static void no_new_privs_is_never_taken_away(void)
{
	struct st_same free, bound;

	CHECK_OK(st_same_read(&free));
	bound = free;
	free.no_new_privs = 0; /* whatever this test has */
	bound.no_new_privs = 1;
	CHECK(!st_same_differs(&free, &bound));
	CHECK_STR(st_same_differs(&bound, &free), "no_new_privs");
}

/* Rows that few machines let a test change. */
static void rows_without_a_change_here_are_compared(void)
{
	static const struct {
		const char *row;
		size_t at;
	} others[] = {
		{ "label", offsetof(struct st_same, label) },
		{ "exec_label", offsetof(struct st_same, exec_label) },
		{ "memory_nodes", offsetof(struct st_same, memory_nodes) },
		{ "cgroup", offsetof(struct st_same, cgroup) },
		{ "utilisation", offsetof(struct st_same, utilisation) },
		{ "store_bypass", offsetof(struct st_same, store_bypass) },
		{ "indirect_branch",
		  offsetof(struct st_same, indirect_branch) },
	};
	struct st_same a, b;

	CHECK_OK(st_same_read(&a));
	for (size_t i = 0; i < TEST_COUNT(others); i++) {
		b = a;
		++*(uint64_t *)((char *)&b + others[i].at);
		CHECK_STR(st_same_differs(&a, &b), others[i].row);
	}
}

/* A capability that is only permitted may be raised, used, and lowered. */
static void spaces_are_read_as_long_as_they_may_change(void)
{
	struct st_same a, b;

	test_need_root();
	CHECK_EQ(change_cap(EFFECTIVE, CAP_SYS_ADMIN, false), 0);
	CHECK_OK(st_same_read(&a));
	CHECK_EQ(change_cap(EFFECTIVE, CAP_SYS_ADMIN, true), 0);
	CHECK_EQ(leave_uts(), 0);
	CHECK_EQ(change_cap(EFFECTIVE, CAP_SYS_ADMIN, false), 0);
	CHECK_OK(st_same_read(&b));
	CHECK_STR(st_same_differs(&a, &b), "spaces");
}

static void lose_admin(void)
{
	CHECK_EQ(change_cap(EFFECTIVE, CAP_SYS_ADMIN, false), 0);
	CHECK_EQ(change_cap(PERMITTED, CAP_SYS_ADMIN, false), 0);
}

static void *read_elsewhere(void *same)
{
	CHECK_EQ(leave_uts(), 0);
	lose_admin();
	CHECK_OK(st_same_read(same));
	return NULL;
}

/* Both threads have the same capabilities in the end. */
static void spaces_left_before_admin_was_lost_are_seen(void)
{
	struct st_same here, there;
	pthread_t thread;

	test_need_root();
	CHECK_EQ(pthread_create(&thread, NULL, read_elsewhere, &there), 0);
	pthread_join(thread, NULL);
	lose_admin();
	CHECK_OK(st_same_read(&here));
	CHECK_STR(st_same_differs(&there, &here), "spaces");
}

/* ---- launches */

static int n_around; /* filters of a sandbox around this test */

/* Prints a program's line of its filters: n, and those around. */
static char *filters(int n)
{
	return test_fmt("status.Seccomp_filters:\t%d\n", n_around + n);
}

static void count_filters_around(void)
{
	char *line = strstr(test_read("/proc/thread-self/status"),
			    "Seccomp_filters:");

	n_around = line ? atoi(strchr(line, ':') + 1) : 0;
}

static char *dump_of(int tfd)
{
	int status;

	return test_output_args(tfd, test_args(NULL, TEST_ARGV("dump")),
				&status);
}

static int wanted_dump(uint64_t flags)
{
	int tfd = open_warm(test_tool("dump"), flags);

	dump_of(tfd);
	dump_of(tfd);
	return tfd;
}

static void *filter_and_launch(void *arg)
{
	int tfd = *(int *)arg;

	CHECK_EQ(add_filter(), 0);
	CHECK_COLD(tfd, INHERITED, CHECK_HAS(dump_of(tfd), filters(1)));
	return NULL;
}

static void a_filter_of_one_thread_holds_in_that_thread(void)
{
	int tfd = wanted_dump(FORK);
	pthread_t thread;

	count_filters_around();
	await_ready(tfd);
	CHECK_EQ(pthread_create(&thread, NULL, filter_and_launch, &tfd), 0);
	pthread_join(thread, NULL);
	CHECK_WARM(tfd, CHECK_HAS(dump_of(tfd), filters(0)));
}

static void *filter_and_prepare(void *arg)
{
	CHECK_EQ(add_filter(), 0);
	*(int *)arg = wanted_dump(FORK);
	for (int i = 0; i < 100 && !stat_of(*(int *)arg).warm_ready; i++)
		nap();
	return NULL;
}

/*
 * Whoever prepares has one filter, and whoever launches has one, but not the same.
 */
static void as_many_filters_are_not_the_same_filters(void)
{
	pthread_t thread;
	int tfd;

	count_filters_around();
	CHECK_EQ(pthread_create(&thread, NULL, filter_and_prepare, &tfd), 0);
	pthread_join(thread, NULL);
	test_seccomp(SYS_getpriority, EXDEV);
	/* the dump tells errno, which is the proof that this filter holds */
	for (int i = 0; i < 5; i++) {
		CHECK_HAS(dump_of(tfd), filters(1));
		CHECK_HAS(dump_of(tfd), "nice=-1 ");
		nap();
	}
	CHECK_EQ(stat_of(tfd).warm, 0);
}

static char *tell_limit(int tfd)
{
	return test_output(tfd, TEST_ARGV("probe", "rlimit", "1"));
}

/* A new limit comes while one process waits and another is yet to be parked. */
static void each_process_counts_as_it_was_parked(void)
{
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	int tfd;

	create.filename = (uintptr_t)test_tool("probe");
	create.flags = ONCE;
	create.warm_target = 2;
	tfd = CHECK_OK(spawn_template_create(&create, sizeof(create)));
	tell_limit(tfd);
	tell_limit(tfd);
	for (int i = 0; i < 200 && stat_of(tfd).warm_ready < 2; i++)
		nap();
	CHECK_WARM(tfd, tell_limit(tfd));
	CHECK_EQ(limit_files(), 0);
	for (int i = 0; i < 200 && stat_of(tfd).warm_ready < 2; i++)
		nap();
	for (int i = 0; i < 3; i++)
		CHECK_STR(tell_limit(tfd), "limit.1=1234567,1234567\n");
}

static void *never_fit(void *arg)
{
	int tfd = *(int *)arg;

	CHECK_EQ(be_nice(), 0);
	for (int i = 0; i < 60; i++) {
		CHECK_STR(test_output(tfd, TEST_ARGV("probe", "nice")),
			  "nice=5\n");
		usleep(5000);
	}
	return NULL;
}

static void a_thread_that_never_fits_costs_few_parkings(void)
{
	int tfd = open_warm(test_tool("probe"), FORK);
	pthread_t thread;

	tell_limit(tfd);
	tell_limit(tfd);
	await_ready(tfd);
	CHECK_EQ(pthread_create(&thread, NULL, never_fit, &tfd), 0);
	pthread_join(thread, NULL);
	/* each of these ended a process that had been parked */
	CHECK_GE(stat_of(tfd).cold_reasons[COLD(INHERITED)], 1);
	CHECK_LE(stat_of(tfd).cold_reasons[COLD(INHERITED)], 10);
	CHECK_WARM(tfd, tell_limit(tfd));
}

/* No such thread leaves a namespace; this one shows that it does not look again. */
static void *leave_and_read(void *arg)
{
	struct st_same *read = arg;

	st_thread_begin("ours");
	CHECK_OK(st_same_read(&read[0]));
	CHECK_EQ(leave_uts(), 0);
	CHECK_OK(st_same_read(&read[1]));
	return NULL;
}

static void the_spaces_of_a_thread_of_the_library_are_read_once(void)
{
	struct st_same read[2];
	pthread_t thread;

	test_need_root();
	CHECK_EQ(pthread_create(&thread, NULL, leave_and_read, read), 0);
	pthread_join(thread, NULL);
	CHECK(!memcmp(read[0].spaces, read[1].spaces, sizeof(read[0].spaces)));
}

static const struct test_case cases[] = {
	TEST_CASE(each_row_tells_its_change),
	TEST_CASE(each_row_tells_its_change_to_a_user),
	TEST_CASE(no_new_privs_is_never_taken_away),
	TEST_CASE(rows_without_a_change_here_are_compared),
	TEST_CASE(spaces_are_read_as_long_as_they_may_change),
	TEST_CASE(spaces_left_before_admin_was_lost_are_seen),
	TEST_CASE(the_spaces_of_a_thread_of_the_library_are_read_once),
	TEST_CASE(a_filter_of_one_thread_holds_in_that_thread),
	TEST_CASE(as_many_filters_are_not_the_same_filters),
	TEST_CASE(each_process_counts_as_it_was_parked),
	TEST_CASE(a_thread_that_never_fits_costs_few_parkings),
};
TEST_MAIN(cases)
