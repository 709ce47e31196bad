/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared launches with actions and flags that depend on the caller: the results are
 * those of cold launches. And how many processes are prepared, and for how long.
 */
#include "harness.h"
#include "warming.h"

static char *quiet[] = { "probe", NULL };

/* ---- actions and flags */

static char *with_ranges(int tfd)
{
	char *argv[] = { "probe", "nfds", "fd", "0",  "fd", "1",
			 "fd",	  "3",	  "fd", "20", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);

	TEST_ACTIONS(&args, ACT_DUP2(20, 21), ACT_CLOSE_RANGE(20, 20, 0),
		     ACT_DUP2(21, 20), ACT_CLOSE_RANGE(21, -1, 0),
		     ACT_CLOSE_RANGE(3, -1, CLOSE_RANGE_CLOEXEC), ACT_KEEP(20));
	return test_output_args(tfd, args, NULL);
}

static void closes_ranges(int tfd)
{
	char *cold = with_ranges(test_probe()), *warm;

	CHECK_STR(test_value(cold, "fdflags.20"), "0");
	CHECK_WARM(tfd, warm = with_ranges(tfd));
	CHECK_STR(warm, cold);
}

static void ranges_are_closed_warm_as_cold(void)
{
	CHECK_SYS(dup2(0, 20));
	each_mode(closes_ranges);
}

/* A source whose number is too high has another one in the process. */
static void a_range_with_high_numbers_goes_cold(void)
{
	int tfd = ready_probe(FORK);
	struct spawn_template_spawn_args args = test_args(NULL, quiet);

	CHECK_SYS(dup2(0, 90));
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(50, 70, 0), ACT_DUP2(90, 0));
	CHECK_COLD(tfd, DESCRIPTORS, CHECK_EQ(test_spawn_args(tfd, args), 0));
}

static void standard_output_marked_for_exec_goes_cold(void)
{
	int tfd = ready_probe(FORK);
	struct spawn_template_spawn_args args = test_args(NULL, quiet);

	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(1, 1, CLOSE_RANGE_CLOEXEC));
	CHECK_COLD(tfd, DESCRIPTORS, CHECK_EQ(test_spawn_args(tfd, args), 0));
}

/* Return: the lowest number that is free, and so the library's next one. */
static int next_number(void)
{
	int fd = CHECK_SYS(dup(0));

	CHECK_SYS(close(fd));
	return fd;
}

static void fails_without_source(int tfd)
{
	struct spawn_template_spawn_args args = test_args(NULL, quiet);

	TEST_ACTIONS(&args, ACT_DUP2(next_number(), 21));
	CHECK_EQ(test_spawn_args(tfd, args), -EBADF);
}

static void a_source_that_is_not_open_fails_warm_as_cold(void)
{
	fails_without_source(test_probe());
	each_mode(fails_without_source);
}

static char *with_marks(int tfd)
{
	char *argv[] = {
		"probe", "nfds", "fd", "0", "fd", "1", "fd", "2", NULL
	};
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int fds[2], pidfd;
	char *text;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	args.pidfd = (uintptr_t)&pidfd;
	TEST_ACTIONS(&args, ACT_DUP2(20, 0), ACT_DUP2(fds[1], 1), ACT_KEEP(2));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_SYS(close(fds[1]));
	text = test_read_fd(fds[0]);
	CHECK_EQ(test_wait(pidfd), 0);
	return text;
}

static void marks_have_no_effect(int tfd)
{
	struct spawn_template_spawn_args args = test_args(NULL, quiet);
	char *cold, *warm;

	cold = with_marks(test_probe());
	CHECK_WARM(tfd, warm = with_marks(tfd));
	CHECK_STR(warm, cold);
	/* a mark that remains has its effect */
	TEST_ACTIONS(&args, ACT_DUP2(20, 0), ACT_DUP2(21, 1));
	CHECK_COLD(tfd, DESCRIPTORS, test_spawn_args(tfd, args));
	TEST_ACTIONS(&args, ACT_DUP2(20, 0), ACT_DUP2(1, 1), ACT_KEEP(2));
	CHECK_COLD(tfd, DESCRIPTORS, test_spawn_args(tfd, args));
}

/* Node marks its own 0 to 2. */
static void marks_of_replaced_standard_files_have_no_effect(void)
{
	int modes[] = { ready_probe(ONCE), ready_probe(FORK) };

	CHECK_SYS(dup2(0, 20));
	CHECK_SYS(dup2(1, 21));
	for (int fd = 0; fd <= 2; fd++)
		CHECK_SYS(fcntl(fd, F_SETFD, FD_CLOEXEC));
	marks_have_no_effect(modes[0]);
	marks_have_no_effect(modes[1]);
}

/* The child finds other descriptors there than a cold one. */
static void paths_of_own_descriptors_go_cold(void)
{
	int tfd = ready_probe(FORK), fd = CHECK_SYS(open("/dev/null", O_RDWR));
	struct spawn_template_spawn_args args = test_args(NULL, quiet);
	const char *path = test_fmt("/dev/fd/%d", fd);

	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 1, TEST_OPEN(path, O_RDWR, 0, 0)));
	CHECK_COLD(tfd, DESCRIPTORS, CHECK_EQ(test_spawn_args(tfd, args), 0));
	TEST_ACTIONS(&args, ACT_CHDIR("/proc/self/fd"));
	CHECK_COLD(tfd, DESCRIPTORS, CHECK_EQ(test_spawn_args(tfd, args), 0));
}

static void limits_that_lay_out_the_memory_go_cold(void)
{
	int tfd = ready_probe(FORK);
	struct spawn_template_spawn_args args = test_args(NULL, quiet);
	struct rlimit limit = { 1 << 20, 1 << 20 }, cpu = { 100, 100 };

	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_STACK, &limit));
	CHECK_COLD(tfd, FLAGS, CHECK_EQ(test_spawn_args(tfd, args), 0));
	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_CPU, &cpu));
	CHECK_WARM(tfd, CHECK_EQ(test_spawn_args(tfd, args), 0));
}

static void wait_for_run(int tfd, char **argv)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result result;

	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)environ;
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &result,
				    sizeof(result)),
		 0);
	CHECK_STR(result.out, "pdeathsig=9\n");
	spawn_template_result_free(&result);
}

/*
 * The signal comes when a thread ends: a ring's never do, and the one that waits for a
 * run does not before the run.
 */
static void dies_with_parent(int tfd)
{
	char *argv[] = { "probe", "pdeathsig", NULL };
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_spawn_args by_thread = test_args(NULL, quiet);
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	uint64_t warm;

	args.spawn.argv = (uintptr_t)argv;
	args.spawn.envp = (uintptr_t)environ;
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	CHECK_OK(spawn_template_ring_init(4, NULL, 0, &ring));
	await_ready(tfd);
	warm = stat_of(tfd).warm;
	CHECK_OK(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1));
	CHECK_OK(spawn_template_ring_submit(ring));
	CHECK_OK(spawn_template_ring_wait(ring, &cqe, 10000));
	CHECK_EQ(cqe->res, 0);
	CHECK_STR(cqe->result->out, "pdeathsig=9\n");
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	CHECK_EQ(stat_of(tfd).warm, warm + 1);
	CHECK_WARM(tfd, wait_for_run(tfd, argv));
	by_thread.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	CHECK_COLD(tfd, FLAGS, CHECK_EQ(test_spawn_args(tfd, by_thread), 0));
}

static void a_warm_program_of_a_run_dies_with_its_parent(void)
{
	each_mode(dies_with_parent);
}

static void keeps_ignored_signals(int tfd)
{
	char *argv[] = { "probe", "signals", NULL };
	char *cold = test_output(test_probe(), argv), *warm;

	CHECK_WARM(tfd, warm = test_output(tfd, argv));
	CHECK_STR(warm, cold);
}

static void signals_ignored_at_parking_stay_ignored(void)
{
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && sig != SIGCHLD)
			CHECK(signal(sig, SIG_IGN) != SIG_ERR);
	each_mode(keeps_ignored_signals);
}

static void a_closed_template_launches_nothing(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, quiet);
	int tfd = ready_probe(FORK), pidfd;

	args.pidfd = (uintptr_t)&pidfd;
	/* as a host does that does not know what it closes */
	CHECK_SYS(close(tfd));
	CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)), -EBADF);
	CHECK_EQ(dup2(0, tfd), tfd);
	CHECK_LT(spawn_template_spawn(tfd, &args, sizeof(args)), 0);
}

/* ---- how many, and for how long */

/* Return: where a child of the template has its libc. */
static char *addresses(int tfd)
{
	return test_output(tfd, TEST_ARGV("probe", "layout"));
}

static void the_process_that_forks_is_replaced(void)
{
	int tfd = ready_probe(FORK);
	char *first = addresses(tfd), *now = NULL;

	CHECK_STR(addresses(tfd), first);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(test_spawn(tfd, quiet), 0);
	for (int i = 0; i < 100; i++) {
		usleep(10000);
		now = addresses(tfd);
		if (strcmp(now, first) != 0)
			break;
	}
	CHECK(strcmp(now, first) != 0);
	CHECK_GT(stat_of(tfd).warm, 1000);
}

static void the_number_of_parked_processes_is_bounded(void)
{
	enum { MOST = 64 };
	int tfd[MOST + 2];

	for (int i = 0; i < MOST + 2; i++)
		tfd[i] = ready_probe(ONCE);
	CHECK_EQ(stat_of(tfd[0]).warm_ready, 0);
	CHECK_EQ(stat_of(tfd[1]).warm_ready, 0);
	for (int i = 2; i < MOST + 2; i++)
		CHECK_EQ(stat_of(tfd[i]).warm_ready, 1);
	/* they come back with the next launches */
	CHECK_EQ(test_spawn(tfd[0], quiet), 0);
	CHECK_EQ(test_spawn(tfd[0], quiet), 0);
	await_ready(tfd[0]);
}

static const struct test_case cases[] = {
	TEST_CASE(ranges_are_closed_warm_as_cold),
	TEST_CASE(a_range_with_high_numbers_goes_cold),
	TEST_CASE(standard_output_marked_for_exec_goes_cold),
	TEST_CASE(a_source_that_is_not_open_fails_warm_as_cold),
	TEST_CASE(marks_of_replaced_standard_files_have_no_effect),
	TEST_CASE(paths_of_own_descriptors_go_cold),
	TEST_CASE(limits_that_lay_out_the_memory_go_cold),
	TEST_CASE(a_warm_program_of_a_run_dies_with_its_parent),
	TEST_CASE(signals_ignored_at_parking_stay_ignored),
	TEST_CASE(the_process_that_forks_is_replaced),
	TEST_CASE(the_number_of_parked_processes_is_bounded),
	TEST_CASE(a_closed_template_launches_nothing),
};
TEST_MAIN(cases)
