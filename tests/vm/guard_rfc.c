/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 17 self-tests of the kernel proposal with the guard on. Two of them have
 * another answer with a guard than in test_rfc.c: denying writes has the proposal's.
 */
#include "guarding.h"

/* Its cases, without its main(). */
#undef TEST_MAIN
#define TEST_MAIN(cases)
#include "../test_rfc.c"

/* ---- the two with another answer */

/* The process keeps a descriptor for the guard. */
static void guarded_basic_spawn(void)
{
	struct spawn_template_stat st;

	for (int i = 0; i < 3; i++) {
		int tfd = CHECK_OK(create(test_tool("probe"), -1)), pidfd = -1;
		struct client c;

		CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
		CHECK_EQ(st.guarded, 1);
		CHECK_OK(spawn(tfd, TEST_ARGV("probe", "exit", "7"), &pidfd));
		CHECK_EQ(test_wait(pidfd), 7);
		CHECK(test_no_children());
		client_open(&c);
		CHECK_EQ(client_item(&c, st.guard_id).launches, 1);
		client_close(&c);
		CHECK_OK(spawn_template_close(tfd));
		CHECK_EQ(test_count_fds(), 4);
	}
}

static void check_all_denied(const char *path)
{
	CHECK_EQ(guard_write(path, O_WRONLY), -ETXTBSY);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(guard_write(path, O_WRONLY | O_TRUNC), -ETXTBSY);
	CHECK_EQ(truncate(path, 0), -1);
	CHECK_EQ(errno, ETXTBSY);
}

static int create_denying(const char *path)
{
	return spawn_template_open(path,
				   SPAWN_TEMPLATE_CREATE_CLOEXEC |
					   SPAWN_TEMPLATE_CREATE_DENY_WRITE);
}

static void hold(void *arg)
{
	CHECK_OK(create_denying(test_path("tool")));
	CHECK_EQ(write(*(int *)arg, "", 1), 1);
	pause();
}

static void guarded_deny_write(void)
{
	char *path = test_copy_probe("tool"), byte;
	int fds[2], tfd = CHECK_OK(create_denying(path));
	pid_t pid;

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	check_all_denied(path);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	/* close(2) is enough */
	CHECK_SYS(close(tfd));
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	/* the end of the process is enough, too */
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = guard_child(hold, &fds[1]);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	check_all_denied(path);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	tfd = CHECK_OK(create_denying(path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
}

/* ---- all */

static void replace(struct test_case *all, const char *name, void (*fn)(void))
{
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		if (!strcmp(all[i].name, name)) {
			all[i].fn = fn;
			return;
		}
	}
	fprintf(stderr, "there is no case %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct test_case all[TEST_COUNT(cases)];

	memcpy(all, cases, sizeof(all));
	replace(all, "basic spawn", guarded_basic_spawn);
	replace(all, "deny write while template alive", guarded_deny_write);
	return guard_main(argc, argv, all, TEST_COUNT(all), true);
}
