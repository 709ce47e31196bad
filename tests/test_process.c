/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/shared/process: reads processes from /proc.
 */
#include "harness.h"

#include <sys/prctl.h>

#include "shared/process/process.h"

static pid_t parked_child(const char *name)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK_SYS(pipe2(ready, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		setsid();
		prctl(PR_SET_NAME, name);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	CHECK_SYS(close(ready[1]));
	CHECK_EQ(read(ready[0], &byte, 1), 0);
	CHECK_SYS(close(ready[0]));
	return pid;
}

static void read_fills_all_fields(void)
{
	struct st_process p = { .ours = true };

	CHECK_EQ(st_process_read(getpid(), &p), 0);
	CHECK_EQ(p.pid, getpid());
	CHECK_EQ(p.parent, getppid());
	CHECK_EQ(p.group, getpgid(0));
	CHECK_EQ(p.session, getsid(0));
	CHECK_EQ(p.state, 'R');
	CHECK_EQ(p.threads, 1);
	CHECK_GT(p.start, 0);
	CHECK(!p.ours);
}

/* The name stands in brackets and may look like the fields after it. */
static void a_name_is_not_taken_for_other_fields(void)
{
	const char *const names[] = { ") Z 1 1 1 1", "a b", "((", "\n) X", "" };

	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		pid_t pid = parked_child(names[i]);
		struct st_process p;

		CHECK_EQ(st_process_read(pid, &p), 0);
		CHECK_EQ(p.parent, getpid());
		CHECK_EQ(p.group, pid);
		CHECK_EQ(p.session, pid);
		CHECK(!st_process_is_dead(&p));
		CHECK_SYS(kill(pid, SIGKILL));
		CHECK_SYS(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
		CHECK_EQ(st_process_read(pid, &p), 0);
		CHECK(st_process_is_dead(&p));
		CHECK_SYS(waitpid(pid, NULL, 0));
		CHECK_EQ(st_process_read(pid, &p), -ESRCH);
		CHECK_EQ(p.pid, pid);
	}
}

static void look_lists_all_in_order_and_find_finds_each(void)
{
	struct st_processes all = { .list = NULL };
	const struct st_process *p;
	pid_t pid = parked_child("child");

	for (int again = 0; again < 2; again++) {
		CHECK_EQ(st_processes_look(&all), 0);
		for (size_t i = 1; i < all.n; i++)
			CHECK_LT(all.list[i - 1].pid, all.list[i].pid);
		CHECK(st_processes_find(&all, getpid()));
		p = st_processes_find(&all, pid);
		CHECK(p && p->parent == getpid() && !p->ours);
		CHECK(!st_processes_find(&all, 0));
		all.list[0].ours = true;
	}
	st_processes_free(&all);
	CHECK(!all.list && !st_processes_find(&all, pid));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
}

static void look_without_a_free_fd_is_emfile(void)
{
	struct st_processes all = { .list = NULL };
	int fd, first = -1;

	CHECK_EQ(st_processes_look(&all), 0);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		first = first < 0 ? fd : first;
	CHECK_EQ(st_processes_look(&all), -EMFILE);
	CHECK_EQ(all.n, 0);
	CHECK_SYS(close(first));
	/* one fd is enough */
	CHECK_EQ(st_processes_look(&all), 0);
	CHECK(st_processes_find(&all, getpid()));
	st_processes_free(&all);
}

static const struct test_case cases[] = {
	TEST_CASE(read_fills_all_fields),
	TEST_CASE(a_name_is_not_taken_for_other_fields),
	TEST_CASE(look_lists_all_in_order_and_find_finds_each),
	TEST_CASE(look_without_a_free_fd_is_emfile),
};

TEST_MAIN(cases)
