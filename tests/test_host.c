/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts that look after children in their own way: they ignore SIGCHLD, reap
 * everything, or wait in another thread. They see every launch that succeeds, and
 * none that fails.
 */
#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define STAGE_ACTION SPAWN_TEMPLATE_STAGE_ACTION

#define ROUNDS 100

static struct spawn_template_spawn_args exits_5(int *pidfd)
{
	static char *const argv[] = { "probe", "exit", "5", NULL };

	return test_args(pidfd, argv);
}

/* The launch fails in the child, after the clone. */
static pid_t fail_once(int tfd)
{
	int pidfd = -1;
	struct spawn_template_spawn_args args = exits_5(&pidfd);
	pid_t pid;

	TEST_ACTIONS(&args, ACT_CLOSE(99));
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	CHECK_EQ(pidfd, -1);
	return pid;
}

/* A pidfd becomes readable when the process is over, whoever reaps it. */
static void await_end(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int n;

	do {
		n = poll(&pfd, 1, 10000);
	} while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
	CHECK_SYS(close(pidfd));
}

/* ---- SIGCHLD ignored, or SA_NOCLDWAIT ---- */

static void without_zombies(int tfd)
{
	int pidfd = -1, fds = test_count_fds();
	struct spawn_template_spawn_args args = exits_5(&pidfd);
	siginfo_t info = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(fail_once(tfd), -EBADF);
		args = exits_5(&pidfd);
		CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
		/* the kernel reaps it: there is no status to be had */
		CHECK_EQ(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), -1);
		CHECK_EQ(errno, ECHILD);
		await_end(pidfd);
	}
	TEST_ACTIONS(&args, ACT_CLOSE(99));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void launches_work_where_sigchld_is_ignored(void)
{
	int tfd = test_probe();

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	without_zombies(tfd);
	CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

static void on_sigchld(int sig)
{
	(void)sig;
}

static void launches_work_under_sa_nocldwait(void)
{
	struct sigaction act = {
		.sa_handler = on_sigchld,
		.sa_flags = SA_NOCLDWAIT | SA_RESTART,
	};
	int tfd = test_probe();

	CHECK_SYS(sigaction(SIGCHLD, &act, NULL));
	without_zombies(tfd);
}

static void an_ignored_sigchld_stays_ignored(void)
{
	int tfd = test_probe(), pidfd, pipes[2];
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe", "signals"));
	char *text;

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	TEST_ACTIONS(&args, ACT_DUP2(pipes[1], 1));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_SYS(close(pipes[1]));
	text = test_read_fd(pipes[0]);
	await_end(pidfd);
	CHECK_EQ(test_signals(text, "ignored"), TEST_SIGBIT(SIGCHLD));
}

/* ---- everything is reaped in a handler ---- */

static atomic_int n_sigchld, n_reaped, n_wrong;
static pid_t reaped[ROUNDS * 2 + 8];

static void reap_everything(int sig)
{
	int saved = errno, status;
	pid_t pid;

	(void)sig;
	atomic_fetch_add(&n_sigchld, 1);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int at = atomic_fetch_add(&n_reaped, 1);

		if (at < (int)TEST_COUNT(reaped))
			reaped[at] = pid;
		if (status != 5 << 8)
			atomic_fetch_add(&n_wrong, 1);
	}
	errno = saved;
}

static void reap_in_handler(void)
{
	struct sigaction act = {
		.sa_handler = reap_everything,
		.sa_flags = SA_RESTART,
	};

	CHECK_SYS(sigaction(SIGCHLD, &act, NULL));
}

static bool was_reaped(pid_t pid)
{
	for (int i = 0; i < atomic_load(&n_reaped); i++) {
		if (reaped[i] == pid)
			return true;
	}
	return false;
}

static void failures_are_not_seen_by_a_handler(void)
{
	int tfd = test_probe();

	reap_in_handler();
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(fail_once(tfd), -EBADF);
	CHECK_EQ(atomic_load(&n_sigchld), 0);
	CHECK_EQ(atomic_load(&n_reaped), 0);
	CHECK(test_no_children());
}

static void successes_are_seen_by_a_handler(void)
{
	int tfd = test_probe(), pidfd;
	pid_t pids[ROUNDS];

	reap_in_handler();
	for (int i = 0; i < ROUNDS; i++) {
		struct spawn_template_spawn_args args = exits_5(&pidfd);

		pids[i] = CHECK_OK(
			spawn_template_spawn(tfd, &args, sizeof(args)));
		await_end(pidfd);
		CHECK_EQ(fail_once(tfd), -EBADF);
	}
	while (!test_no_children())
		usleep(1000);
	CHECK_EQ(atomic_load(&n_reaped), ROUNDS);
	CHECK_EQ(atomic_load(&n_wrong), 0);
	CHECK_LE(atomic_load(&n_sigchld), ROUNDS);
	CHECK_GT(atomic_load(&n_sigchld), 0);
	for (int i = 0; i < ROUNDS; i++)
		CHECK(was_reaped(pids[i]));
}

/* With one launch at a time, no two signals become one. */
static void each_program_sends_one_sigchld(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args = exits_5(&pidfd);

	reap_in_handler();
	for (int i = 1; i <= 20; i++) {
		CHECK_EQ(fail_once(tfd), -EBADF);
		CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
		await_end(pidfd);
		while (atomic_load(&n_reaped) < i)
			usleep(100);
		CHECK_EQ(atomic_load(&n_sigchld), i);
	}
	CHECK_EQ(atomic_load(&n_wrong), 0);
}

/* A change of ids gives the child memory of its own. */
static void failures_with_own_memory_are_not_seen(void)
{
	int tfd = test_probe(), pidfd = -1;
	struct spawn_template_spawn_args args = exits_5(&pidfd);

	reap_in_handler();
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = getuid();
	TEST_ACTIONS(&args, ACT_CLOSE(99));
	for (int i = 0; i < ROUNDS; i++)
		CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)),
			 -EBADF);
	CHECK_EQ(atomic_load(&n_sigchld), 0);
	CHECK_EQ(atomic_load(&n_reaped), 0);
	CHECK(test_no_children());
}

static void failures_without_clone3_are_not_seen(void)
{
	test_seccomp(SYS_clone3, ENOSYS);
	failures_are_not_seen_by_a_handler();
}

/* ---- a thread that waits for everything ---- */

static atomic_bool done;

static void *wait_for_all(void *arg)
{
	int status, flags = *(int *)arg;
	pid_t pid;

	while (!atomic_load(&done)) {
		pid = waitpid(-1, &status, flags);
		if (pid < 0 || (flags & WNOHANG)) {
			sched_yield();
			if (pid <= 0)
				continue;
		}
		atomic_fetch_add(&n_reaped, 1);
		if (status != 5 << 8)
			atomic_fetch_add(&n_wrong, 1);
	}
	return NULL;
}

/* Launches; every second one fails. */
static void launch_beside_waiter(int flags)
{
	int tfd = test_probe(), pidfd, fds = test_count_fds();
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, wait_for_all, &flags), 0);
	for (int i = 0; i < 3 * ROUNDS; i++) {
		struct spawn_template_spawn_args args = exits_5(&pidfd);

		CHECK_EQ(fail_once(tfd), -EBADF);
		CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
		await_end(pidfd);
	}
	while (!test_no_children())
		usleep(100);
	atomic_store(&done, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(test_count_fds(), fds);
}

static void a_thread_that_waits_for_all_children_sees_only_successes(void)
{
	launch_beside_waiter(0);
	CHECK_EQ(atomic_load(&n_reaped), 3 * ROUNDS);
	CHECK_EQ(atomic_load(&n_wrong), 0);
}

static void a_thread_that_polls_for_all_children_sees_only_successes(void)
{
	launch_beside_waiter(WNOHANG);
	CHECK_EQ(atomic_load(&n_reaped), 3 * ROUNDS);
	CHECK_EQ(atomic_load(&n_wrong), 0);
}

/*
 * With __WALL the thread can reap a failed child before the library does. The
 * library's answer is right all the same, and it does not wait for ever.
 */
static void a_thread_that_reaps_clones_harms_no_launch(void)
{
	launch_beside_waiter(__WALL);
	CHECK_GE(atomic_load(&n_reaped), 3 * ROUNDS);
}

/* ---- other children of the host ---- */

/* The library reaps no child that it did not start. */
static void other_children_are_left_alone(void)
{
	int tfd = test_probe(), status;
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		_exit(9);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(fail_once(tfd), -EBADF);
		CHECK_EQ(test_spawn_args(tfd, exits_5(NULL)), 5);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 9 << 8);
}

/* A child of clone(2) that sends no signal looks like one of the library's. */
static void other_clones_are_left_alone(void)
{
	int tfd = test_probe(), status;
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);

	CHECK_GE(pid, 0);
	if (!pid)
		syscall(SYS_exit_group, 9);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(fail_once(tfd), -EBADF);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, __WCLONE)), pid);
	CHECK_EQ(status, 9 << 8);
}

static const struct test_case cases[] = {
	TEST_CASE(launches_work_where_sigchld_is_ignored),
	TEST_CASE(launches_work_under_sa_nocldwait),
	TEST_CASE(an_ignored_sigchld_stays_ignored),
	TEST_CASE(failures_are_not_seen_by_a_handler),
	TEST_CASE(successes_are_seen_by_a_handler),
	TEST_CASE(each_program_sends_one_sigchld),
	TEST_CASE(failures_with_own_memory_are_not_seen),
	TEST_CASE(failures_without_clone3_are_not_seen),
	TEST_CASE(a_thread_that_waits_for_all_children_sees_only_successes),
	TEST_CASE(a_thread_that_polls_for_all_children_sees_only_successes),
	TEST_CASE(a_thread_that_reaps_clones_harms_no_launch),
	TEST_CASE(other_children_are_left_alone),
	TEST_CASE(other_clones_are_left_alone),
};
TEST_MAIN(cases)
