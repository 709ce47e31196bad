/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library in the user namespace of an ordinary user, where the daemon's root
 * has no number.
 */
#include "guarding.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#define GROUP 990 /* spawn-template, in the guest */

static void write_file(const char *path, const char *text)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_SYS(close(fd));
}

static void enter(const char *map)
{
	struct stat st;

	CHECK_SYS(setgroups(1, &(gid_t){ GROUP }));
	CHECK_SYS(setresgid(ALICE, ALICE, ALICE));
	CHECK_SYS(setresuid(ALICE, ALICE, ALICE));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	CHECK_SYS(unshare(CLONE_NEWUSER));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", map);
	CHECK_SYS(stat(ST_GUARD_SOCKET, &st));
	CHECK_NE(st.st_uid, 0);
}

static void check_guarded(const char *map)
{
	struct spawn_template_stat st;
	struct client c;
	int tfd;

	CHECK_SYS(chmod(test_tmpdir(), 0755));
	guard_program(test_path("p"), "tiny-7");
	enter(map);
	tfd = CHECK_OK(spawn_template_open(test_path("p"),
					   SPAWN_TEMPLATE_CREATE_GUARD));
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("p")), 7);
	client_open(&c);
	CHECK_EQ(client_item(&c, st.guard_id).launches, 1);
	CHECK_EQ(client_item(&c, st.guard_id).uid, ALICE);
}

static void a_user_namespace_of_oneself_is_guarded(void)
{
	check_guarded(test_fmt("%d %d 1", ALICE, ALICE));
}

/* This root is the namespace's, not the daemon's. */
static void a_user_namespace_with_a_root_is_guarded(void)
{
	check_guarded(test_fmt("0 %d 1", ALICE));
}

static const struct test_case cases[] = {
	TEST_CASE(a_user_namespace_of_oneself_is_guarded),
	TEST_CASE(a_user_namespace_with_a_root_is_guarded),
};
GUARD_MAIN(cases)
