/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches that are begun take prepared processes, too. */
#include "harness.h"
#include "warming.h"

#include <poll.h>

static bool is_over(struct spawn_template_begin *b)
{
	struct pollfd entry = { .events = POLLIN };

	entry.fd = CHECK_OK(spawn_template_begin_fd(b));
	return poll(&entry, 1, 0) == 1;
}

/* Return: the begun launch of a probe that exits with 7; it must be over. */
static struct spawn_template_begin *begin_probe(int tfd)
{
	char *argv[] = { "probe", "exit", "7", NULL };
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_begin *b;

	args.argv = (uintptr_t)argv;
	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK(is_over(b));
	return b;
}

static void begins(int tfd)
{
	struct spawn_template_begin *b;
	int fds, pidfd, status;
	pid_t pid;

	CHECK_WARM(tfd, {
		b = begin_probe(tfd);
		pid = CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	});
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 7 << 8);
	close(pidfd);
	await_ready(tfd);
	fds = test_count_fds();
	CHECK_WARM(tfd, spawn_template_begin_drop(begin_probe(tfd)));
	CHECK_LE(test_count_fds(), fds);
}

static void a_begun_launch_is_served_warm(void)
{
	each_mode(begins);
}

static void fails_to_begin(int tfd)
{
	struct spawn_template_action action = ACT_CHDIR("/none");
	char *argv[] = { "probe", NULL };
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *b = NULL;
	int fds;

	args.failure = (uintptr_t)&failure;
	args.actions = (uintptr_t)&action;
	args.actions_len = 1;
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
	await_ready(tfd);
	fds = test_count_fds();
	CHECK_EQ(spawn_template_begin(tfd, &args, sizeof(args), &b), -ENOENT);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK(!b);
	CHECK_LE(test_count_fds(), fds);
}

static void a_begun_launch_that_fails_warm_is_told_at_once(void)
{
	each_mode(fails_to_begin);
}

static void begins_cold(int tfd)
{
	char *argv[] = { "another", "exit", "7", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *b;

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	spawn_template_begin_drop(b);
}

static void goes_cold_when_begun(int tfd)
{
	int fds;

	await_ready(tfd);
	fds = test_count_fds();
	CHECK_COLD(tfd, ARGV0, begins_cold(tfd));
	CHECK_LE(test_count_fds(), fds);
}

static void a_begun_launch_that_fits_no_process_is_cold(void)
{
	each_mode(goes_cold_when_begun);
}

static const struct test_case cases[] = {
	TEST_CASE(a_begun_launch_is_served_warm),
	TEST_CASE(a_begun_launch_that_fails_warm_is_told_at_once),
	TEST_CASE(a_begun_launch_that_fits_no_process_is_cold),
};
TEST_MAIN(cases)
