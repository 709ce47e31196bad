/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that can have no guard: the daemon says so, ends and leaves nothing, and
 * the library works without. In the other cells this program skips.
 */
#include "guarding.h"

static void the_daemon_says_why_it_cannot_work(void)
{
	struct client c;
	struct stat st;

	CHECK_EQ(guard_run(NULL), 1);
	test_note("%s", guard_log());
	CHECK_HAS(guard_log(), "kernel");
	/* the oldest kernel that these tests run on with a guard */
	CHECK_HAS(guard_log(), "Use Linux 6.1 or later");
	CHECK_LT(client_try(&c), 0);
	CHECK_EQ(stat(GUARD_PINS, &st), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(guard_run((char *[]){ "--mode", "fmod_ret", NULL }), 1);
	CHECK_EQ(guard_run((char *[]){ "--unload", NULL }), 0);
}

static void the_library_works_without_a_guard(void)
{
	char *path = guard_program(test_path("p"), "tiny-7");
	struct spawn_template_stat st;
	int tfd = CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.guarded, 0);
	CHECK_EQ(st.guard_id, 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	CHECK_EQ(spawn_template_open(path, SPAWN_TEMPLATE_CREATE_GUARD),
		 -ENOTCONN);
	CHECK_EQ(spawn_template_open(path, SPAWN_TEMPLATE_CREATE_DENY_WRITE),
		 -EOPNOTSUPP);
}

static const struct test_case cases[] = {
	TEST_CASE(the_daemon_says_why_it_cannot_work),
	TEST_CASE(the_library_works_without_a_guard),
};

int main(int argc, char **argv)
{
	setenv("TEST_GUARD", "1", 1);
	if (guard_mode("none"))
		return test_main(argc, argv, cases, TEST_COUNT(cases));
	puts("1..0 # SKIP this kernel can have a guard");
	return 77;
}
