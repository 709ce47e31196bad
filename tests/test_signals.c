/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: the program's handlers and mask at its start, the caller's afterwards,
 * and launches under fire: timers, handlers that change, cancellation.
 */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define KEEP_SIGPIPE SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE
#define BIT TEST_SIGBIT

/* ---- the program's start ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction act = { .sa_handler = handler,
				 .sa_flags = SA_RESTART };

	CHECK_SYS(sigaction(sig, &act, NULL));
}

static char *signals_of(int tfd, struct spawn_template_spawn_args args)
{
	args.argv = (uintptr_t)TEST_ARGV("probe", "signals");
	args.envp = (uintptr_t)environ;
	return test_output_args(tfd, args, NULL);
}

static void sigpipe_is_reset(void)
{
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe();

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), 0);
	CHECK(signal(SIGPIPE, SIG_IGN) == SIG_IGN);
	handle(SIGPIPE, on_signal);
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), 0);
	CHECK(signal(SIGPIPE, SIG_DFL) == on_signal);
}

static void sigpipe_is_kept_on_request(void)
{
	struct spawn_template_spawn_args args = { .flags = KEEP_SIGPIPE };
	int tfd = test_probe();

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), BIT(SIGPIPE));
	signal(SIGPIPE, SIG_DFL);
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), 0);
	handle(SIGPIPE, on_signal);
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), 0);
}

/* SIGPIPE ends `yes | head`. */
static void a_writer_dies_of_sigpipe(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "write", "1", "x"));
	int tfd = test_probe(), pipes[2];

	signal(SIGPIPE, SIG_IGN);
	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	CHECK_SYS(close(pipes[0]));
	TEST_ACTIONS(&args, ACT_DUP2(pipes[1], 1));
	CHECK_EQ(test_spawn_args(tfd, args), 128 + SIGPIPE);
}

static void handled_signals_become_default(void)
{
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe();
	char *text;

	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP ||
		    (sig > 31 && sig < SIGRTMIN))
			continue;
		handle(sig, on_signal);
	}
	text = signals_of(tfd, args);
	CHECK_EQ(test_signals(text, "caught"), 0);
	CHECK_EQ(test_signals(text, "ignored"), 0);
	CHECK(signal(SIGTERM, SIG_DFL) == on_signal);
	CHECK(signal(SIGRTMAX, SIG_DFL) == on_signal);
}

static void ignored_signals_stay_ignored(void)
{
	struct spawn_template_spawn_args args = { 0 };
	uint64_t want = 0;
	int tfd = test_probe();

	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD ||
		    (sig > 31 && sig < SIGRTMIN))
			continue;
		CHECK(signal(sig, SIG_IGN) != SIG_ERR);
		if (sig != SIGPIPE)
			want |= BIT(sig);
	}
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), want);
	args.flags = KEEP_SIGPIPE;
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"),
		 want | BIT(SIGPIPE));
}

static void sigdefault_resets_the_signals_in_its_set(void)
{
	struct spawn_template_spawn_args args = { .flags = KEEP_SIGPIPE };
	int tfd = test_probe();

	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	}
	/* SIGKILL and SIGSTOP are in the set and are dropped */
	TEST_ACTIONS(&args, ACT_SIGDEFAULT(TEST_SIGSET(~0ULL)));
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored"), 0);
	TEST_ACTIONS(&args, ACT_SIGDEFAULT(TEST_SIGSET(BIT(SIGHUP))),
		     ACT_SIGDEFAULT(TEST_SIGSET(BIT(SIGINT) | BIT(SIGRTMAX))));
	CHECK_EQ(test_signals(signals_of(tfd, args), "ignored") &
			 (BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGRTMAX) |
			  BIT(SIGTERM)),
		 BIT(SIGTERM));
	CHECK(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

/* Sets all 64 bits; libc would leave out the signals that it keeps for itself. */
static void set_mask(uint64_t mask)
{
	CHECK_SYS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8));
}

static const uint64_t unmaskable = BIT(SIGKILL) | BIT(SIGSTOP);

static void the_mask_is_inherited(void)
{
	static const uint64_t masks[] = {
		0,
		BIT(SIGUSR1),
		BIT(32) | BIT(33) | BIT(64),
		~0ULL,
	};
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe();

	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		set_mask(masks[i]);
		CHECK_EQ(test_signals(signals_of(tfd, args), "blocked"),
			 masks[i] & ~unmaskable);
		CHECK_EQ(test_sigmask(), masks[i] & ~unmaskable);
	}
}

static void sigmask_sets_the_mask_of_the_program(void)
{
	const uint64_t masks[] = {
		0,
		BIT(SIGUSR1),
		BIT(SIGRTMIN) | BIT(SIGRTMAX),
		~0ULL,
	};
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe();
	uint64_t set;

	set_mask(BIT(SIGUSR2));
	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		set = masks[i];
		TEST_ACTIONS(&args, ACT_SIGMASK(TEST_SIGSET(set)));
		CHECK_EQ(test_signals(signals_of(tfd, args), "blocked"),
			 set & ~unmaskable);
		CHECK_EQ(test_sigmask(), BIT(SIGUSR2));
	}
	/* the last one holds */
	TEST_ACTIONS(&args, ACT_SIGMASK(TEST_SIGSET(~0ULL)), ACT_CHDIR("/"),
		     ACT_SIGMASK(TEST_SIGSET(BIT(SIGHUP))));
	CHECK_EQ(test_signals(signals_of(tfd, args), "blocked"), BIT(SIGHUP));
}

static void pending_signals_stay_with_the_caller(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "pending", "signals"));
	int tfd = test_probe();
	char *text;

	set_mask(BIT(SIGUSR1) | BIT(SIGRTMIN));
	CHECK_SYS(kill(getpid(), SIGUSR1));
	CHECK_SYS(raise(SIGRTMIN));
	text = test_output_args(tfd, args, NULL);
	CHECK_EQ(test_signals(text, "pending"), 0);
	CHECK_EQ(test_signals(text, "shared-pending"), 0);
	CHECK_EQ(test_signals(text, "blocked"), BIT(SIGUSR1) | BIT(SIGRTMIN));
}

/* The kernel has no CLONE_CLEAR_SIGHAND then. */
static void handlers_and_mask_are_right_without_clone3(void)
{
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe();
	char *text;

	test_seccomp(SYS_clone3, ENOSYS);
	handle(SIGUSR1, on_signal);
	handle(SIGRTMAX, on_signal);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	set_mask(BIT(SIGHUP));
	text = signals_of(tfd, args);
	CHECK_EQ(test_signals(text, "caught"), 0);
	CHECK_EQ(test_signals(text, "ignored"), BIT(SIGUSR2));
	CHECK_EQ(test_signals(text, "blocked"), BIT(SIGHUP));
	CHECK(signal(SIGUSR1, SIG_DFL) == on_signal);
}

/* ---- the caller afterwards ---- */

static void the_mask_survives_failed_launches(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));
	char *path = test_copy_probe("stale");
	int stale = CHECK_OK(spawn_template_open(path, CLOEXEC));

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	CHECK_SYS(chmod(path, 0700));
	set_mask(BIT(SIGUSR1) | BIT(33));
	/* CHECK_FAILS compares the masks */
	CHECK_FAILS(stale, args, ESTALE, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	CHECK_FAILS(99, args, EBADF, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	TEST_ACTIONS(&args, ACT_CLOSE(99));
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	args.actions_len = 0;
	args.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.pgroup = INT32_MAX;
	CHECK_FAILS(tfd, args, EPERM, SPAWN_TEMPLATE_STAGE_ATTR, 0);
	args.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args.cgroup_fd = 99;
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_CLONE, 0);
	args.flags = 0;
	/* older kernels launch by path */
	test_seccomp(SYS_execveat, E2BIG);
	test_seccomp(SYS_execve, E2BIG);
	CHECK_FAILS(tfd, args, E2BIG, SPAWN_TEMPLATE_STAGE_EXEC, 0);
	CHECK_EQ(test_sigmask(), BIT(SIGUSR1) | BIT(33));
}

static atomic_int seen;

static void count_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&seen, 1);
}

/* A signal sent while a launch has it blocked arrives when it is over. */
static void signals_are_delayed_not_lost(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe"));
	int tfd = test_probe();

	handle(SIGALRM, count_signal);
	for (int i = 1; i <= 50; i++) {
		struct itimerval soon = { .it_value = { 0, 1 + i * 20 } };

		CHECK_SYS(setitimer(ITIMER_REAL, &soon, NULL));
		CHECK_EQ(test_spawn_args(tfd, args), 0);
		while (atomic_load(&seen) < i)
			usleep(100);
	}
	CHECK_EQ(atomic_load(&seen), 50);
}

/* ---- under fire ---- */

/* Shared with every child, whatever memory it has. */
static struct {
	atomic_int in_child, in_parent;
} * storm;

static pid_t storm_pid;

static void storm_handler(int sig)
{
	(void)sig;
	if (syscall(SYS_getpid) == storm_pid)
		atomic_fetch_add(&storm->in_parent, 1);
	else
		atomic_fetch_add(&storm->in_child, 1);
}

static void start_storm(void)
{
	struct itimerval often = { { 0, 100 }, { 0, 100 } };

	storm = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(storm != MAP_FAILED);
	storm_pid = getpid();
	handle(SIGALRM, storm_handler);
	handle(SIGVTALRM, storm_handler);
	handle(SIGPROF, storm_handler);
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	CHECK_SYS(setitimer(ITIMER_VIRTUAL, &often, NULL));
	CHECK_SYS(setitimer(ITIMER_PROF, &often, NULL));
}

static void end_storm(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	CHECK_SYS(setitimer(ITIMER_REAL, &never, NULL));
	CHECK_SYS(setitimer(ITIMER_VIRTUAL, &never, NULL));
	CHECK_SYS(setitimer(ITIMER_PROF, &never, NULL));
	CHECK_EQ(atomic_load(&storm->in_child), 0);
	CHECK_GT(atomic_load(&storm->in_parent), 0);
	/* ThreadSanitizer may leave all blocked after it delivered a signal */
	if (!TEST_TSAN)
		CHECK_EQ(test_sigmask(), 0);
	CHECK(test_no_children());
}

static int storm_launches(void)
{
	const char *slow = getenv("TEST_SLOW");

	return slow ? 500 : 2000;
}

/* Two of nine launches fail, at different stages. */
static void launch_in_storm(int tfd, int i)
{
	int pidfd = -1;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe", "exit", "5"));
	pid_t pid;

	TEST_ACTIONS(&args, ACT_CLOSE(99));
	if (i % 9 != 3)
		args.actions_len = 0;
	if (i % 9 == 6)
		args.flags = 2;
	if (i % 9 == 8)
		args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = getuid();
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (i % 9 == 3)
		CHECK_EQ(pid, -EBADF);
	else if (i % 9 == 6)
		CHECK_EQ(pid, -EINVAL);
	else
		CHECK_EQ((CHECK_OK(pid), test_wait(pidfd)), 5);
}

static void timers_run_no_handler_in_a_child(void)
{
	int tfd = test_probe(), fds = test_count_fds(), n = storm_launches();

	start_storm();
	for (int i = 0; i < n; i++)
		launch_in_storm(tfd, i);
	end_storm();
	CHECK_EQ(test_count_fds(), fds);
}

static void timers_run_no_handler_in_a_child_without_clone3(void)
{
	int tfd = test_probe(), n = storm_launches() / 4;

	test_seccomp(SYS_clone3, ENOSYS);
	start_storm();
	for (int i = 0; i < n; i++)
		launch_in_storm(tfd, i);
	end_storm();
}

static atomic_bool done;

static void *change_handlers(void *arg)
{
	(void)arg;
	while (!atomic_load(&done)) {
		handle(SIGALRM, storm_handler);
		handle(SIGUSR1, storm_handler);
		signal(SIGUSR1, SIG_IGN);
		handle(SIGUSR2, on_signal);
		signal(SIGUSR2, SIG_DFL);
	}
	return NULL;
}

static void handlers_that_change_reach_no_program(void)
{
	struct spawn_template_spawn_args args = { 0 };
	int tfd = test_probe(), n = storm_launches() / 10;
	pthread_t thread;
	char *text;

	start_storm();
	CHECK_EQ(pthread_create(&thread, NULL, change_handlers, NULL), 0);
	for (int i = 0; i < n; i++) {
		text = signals_of(tfd, args);
		CHECK_EQ(test_signals(text, "caught"), 0);
		CHECK_EQ(test_signals(text, "ignored") & ~BIT(SIGUSR1), 0);
		CHECK_EQ(test_signals(text, "blocked"), 0);
	}
	atomic_store(&done, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end_storm();
}

static void *send_signals(void *arg)
{
	pid_t pid = getpid();

	(void)arg;
	while (!atomic_load(&done)) {
		kill(pid, SIGUSR1);
		syscall(SYS_tgkill, pid, pid, SIGRTMIN);
		usleep(50);
	}
	return NULL;
}

/* The other thread signals the process and this thread. */
static void a_threads_signals_run_no_handler_in_a_child(void)
{
	int tfd = test_probe(), n = storm_launches() / 4;
	pthread_t thread;

	start_storm();
	handle(SIGUSR1, storm_handler);
	handle(SIGRTMIN, storm_handler);
	CHECK_EQ(pthread_create(&thread, NULL, send_signals, NULL), 0);
	for (int i = 0; i < n; i++)
		launch_in_storm(tfd, i);
	atomic_store(&done, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end_storm();
}

/* SIGWINCH and SIGURG do nothing to a process that has no handler. */
static void *signal_the_group(void *arg)
{
	(void)arg;
	while (!atomic_load(&done)) {
		kill(0, SIGWINCH);
		kill(0, SIGURG);
	}
	return NULL;
}

static void launch_under_group_signals(int n)
{
	int tfd = test_probe();
	pthread_t thread;

	start_storm();
	handle(SIGWINCH, storm_handler);
	handle(SIGURG, storm_handler);
	CHECK_EQ(pthread_create(&thread, NULL, signal_the_group, NULL), 0);
	for (int i = 0; i < n; i++)
		launch_in_storm(tfd, i);
	atomic_store(&done, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	end_storm();
}

/* The child itself gets signals, too. */
static void signals_to_the_group_run_no_handler_in_a_child(void)
{
	launch_under_group_signals(storm_launches() / 4);
}

static void group_signals_run_no_handler_without_clone3(void)
{
	test_seccomp(SYS_clone3, ENOSYS);
	launch_under_group_signals(storm_launches() / 4);
}

/* ---- cancellation ---- */

struct cancelled {
	int tfd, pidfd;
	pid_t pid;
	int type, state;
	bool fail, passed;
};

static void *launch_cancelled(void *arg)
{
	struct cancelled *c = arg;
	struct spawn_template_spawn_args args =
		test_args(&c->pidfd, TEST_ARGV("probe", "exit", "5"));
	int old;

	TEST_ACTIONS(&args, ACT_CLOSE(99));
	args.actions_len = c->fail;
	/* acted upon at the first cancellation point */
	pthread_cancel(pthread_self());
	c->pid = spawn_template_spawn(c->tfd, &args, sizeof(args));
	c->passed = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	c->state = old;
	pthread_setcancelstate(old, NULL);
	pthread_testcancel();
	return NULL;
}

static void cancellation_waits_for_the_launch(void)
{
	struct cancelled c = { .tfd = test_probe() };
	int fds = test_count_fds();
	pthread_t thread;
	void *ret;

	for (int i = 0; i < 100; i++) {
		c.pidfd = -1;
		c.passed = false;
		c.fail = i & 1;
		CHECK_EQ(pthread_create(&thread, NULL, launch_cancelled, &c),
			 0);
		CHECK_EQ(pthread_join(thread, &ret), 0);
		CHECK(ret == PTHREAD_CANCELED);
		CHECK(c.passed);
		CHECK_EQ(c.state, PTHREAD_CANCEL_ENABLE);
		if (c.fail)
			CHECK_EQ(c.pid, -EBADF);
		else
			CHECK_EQ((CHECK_OK(c.pid), test_wait(c.pidfd)), 5);
		CHECK_EQ(test_count_fds(), fds);
	}
	CHECK(test_no_children());
}

/* Other calls may be cancelled, or not; they leak nothing. */
static void *others_cancelled(void *arg)
{
	const char *path = arg;
	int tfd;

	pthread_cancel(pthread_self());
	tfd = spawn_template_open(path, CLOEXEC);
	if (tfd >= 0)
		spawn_template_close(tfd);
	return NULL;
}

static void cancellation_leaks_nothing(void)
{
	const char *path = test_tool("probe");
	int fds = test_count_fds();
	pthread_t thread;

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, others_cancelled,
					(void *)(uintptr_t)path),
			 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(test_count_fds(), fds);
	}
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(sigpipe_is_reset),
	TEST_CASE(sigpipe_is_kept_on_request),
	TEST_CASE(a_writer_dies_of_sigpipe),
	TEST_CASE(handled_signals_become_default),
	TEST_CASE(ignored_signals_stay_ignored),
	TEST_CASE(sigdefault_resets_the_signals_in_its_set),
	TEST_CASE(the_mask_is_inherited),
	TEST_CASE(sigmask_sets_the_mask_of_the_program),
	TEST_CASE(pending_signals_stay_with_the_caller),
	TEST_CASE(handlers_and_mask_are_right_without_clone3),
	TEST_CASE(the_mask_survives_failed_launches),
	TEST_CASE(signals_are_delayed_not_lost),
	TEST_CASE_SECONDS(timers_run_no_handler_in_a_child, 60),
	TEST_CASE_SECONDS(timers_run_no_handler_in_a_child_without_clone3, 60),
	TEST_CASE_SECONDS(handlers_that_change_reach_no_program, 60),
	TEST_CASE_SECONDS(a_threads_signals_run_no_handler_in_a_child, 60),
	TEST_CASE_SECONDS(signals_to_the_group_run_no_handler_in_a_child, 60),
	TEST_CASE_SECONDS(group_signals_run_no_handler_without_clone3, 60),
	TEST_CASE(cancellation_waits_for_the_launch),
	TEST_CASE(cancellation_leaks_nothing),
};
TEST_MAIN(cases)
