/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in hosts that do other things as well: a run raises no SIGPIPE, handlers do
 * not end it, a host that reaps takes nothing but the status, other children and
 * other runs are left alone, fds may run short.
 */
#include "running.h"

#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>

#define MIB (1U << 20)

/* ---- input that nobody reads ---- */

static struct spawn_template_run_args unread(char *const argv[])
{
	static char data[3 * MIB];
	struct spawn_template_run_args args = run_args(argv);

	args.input = (uintptr_t)data;
	args.input_len = sizeof(data);
	return args;
}

static void run_unread(int tfd)
{
	struct spawn_template_run_args args = unread(TREE("exit", "3"));
	struct spawn_template_result res = run_only(tfd, &args);

	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags, 0);
	/* a program that goes on after it has closed its stdin */
	args = unread(
		TREE("close", "0", "sleep", "50", "say", "on", "exit", "5"));
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 5);
	CHECK_STR(res.out, "on");
	CHECK_EQ(res.flags, 0);
	spawn_template_result_free(&res);
}

static uint64_t pending_signals(void)
{
	uint64_t set = 0;

	syscall(SYS_rt_sigpending, &set, sizeof(set));
	return set;
}

static void unread_input_raises_no_sigpipe(void)
{
	CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	run_unread(tree_template());
}

static volatile sig_atomic_t handled;

static void count_signal(int sig)
{
	(void)sig;
	handled++;
}

static void sigpipe_handler_is_not_called(void)
{
	struct sigaction act = { .sa_handler = count_signal }, now;
	int tfd = tree_template(), fds[2];

	CHECK_SYS(sigaction(SIGPIPE, &act, NULL));
	run_unread(tfd);
	CHECK_EQ(handled, 0);
	CHECK_SYS(sigaction(SIGPIPE, NULL, &now));
	CHECK(now.sa_handler == count_signal);
	/* the handler still serves the host itself */
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(close(fds[0]));
	CHECK_EQ(write(fds[1], "", 1), -1);
	CHECK_EQ(handled, 1);
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

/* The run makes no SIGPIPE pending, and takes none away that is pending. */
static void pending_sigpipe_is_left_alone(void)
{
	const uint64_t bit = TEST_SIGBIT(SIGPIPE);
	int tfd = tree_template();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	block(SIGPIPE);
	run_unread(tfd);
	CHECK_EQ(pending_signals() & bit, 0);
	CHECK_SYS(raise(SIGPIPE));
	run_unread(tfd);
	CHECK_EQ(pending_signals() & bit, bit);
	CHECK_EQ(sigtimedwait(&set, NULL, &(struct timespec){ 0 }), SIGPIPE);
	CHECK_SYS(kill(getpid(), SIGPIPE));
	run_unread(tfd);
	CHECK_EQ(pending_signals() & bit, bit);
	CHECK_EQ(sigtimedwait(&set, NULL, &(struct timespec){ 0 }), SIGPIPE);
	CHECK_EQ(pending_signals() & bit, 0);
}

static void ignored_sigpipe_stays_ignored(void)
{
	struct sigaction now;

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	run_unread(tree_template());
	CHECK_SYS(sigaction(SIGPIPE, NULL, &now));
	CHECK(now.sa_handler == SIG_IGN);
}

/* ---- signals meanwhile ---- */

static void run_under_signals(int flags)
{
	struct sigaction act = { .sa_handler = count_signal,
				 .sa_flags = flags };
	struct itimerval fast = { { 0, 700 }, { 0, 700 } }, off = { 0 };
	struct spawn_template_run_args args = run_args(
		TREE("sleep", "150", "cat", "sleep", "150", "exit", "11"));
	char *data = numbered_bytes(2 * MIB);
	struct spawn_template_result res;
	int tfd = tree_template();

	args.input = (uintptr_t)data;
	args.input_len = 2 * MIB;
	args.timeout_ns = 60 * SECOND;
	handled = 0;
	CHECK_SYS(sigaction(SIGALRM, &act, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &fast, NULL));
	/* not run_ok(): its checks do not expect to be interrupted */
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		0);
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	check_result(&args, &res);
	CHECK_GT(handled, 50);
	CHECK_EQ(res.code, 11);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.out_len, 2 * MIB);
	CHECK(!memcmp(res.out, data, 2 * MIB));
	spawn_template_result_free(&res);
	free(data);
}

static void handlers_do_not_end_a_run(void)
{
	run_under_signals(0);
	run_under_signals(SA_RESTART);
}

/* ---- hosts that reap ---- */

struct exit_info { /* the kernel's struct pidfd_info, as of 6.15 */
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid,
		fsgid;
	int32_t exit_code;
};

/* True if this kernel tells by a pidfd how a reaped process ended. */
static bool kernel_tells(void)
{
	struct exit_info info = { .mask = 1 << 3 };
	int pidfd, ret;
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		_exit(17);
	pidfd = (int)CHECK_SYS(syscall(SYS_pidfd_open, pid, 0));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	ret = ioctl(pidfd, _IOWR(0xff, 11, struct exit_info), &info);
	CHECK_SYS(close(pidfd));
	return !ret && info.mask & (1 << 3) && info.exit_code == 17 << 8;
}

static void check_status(const struct spawn_template_result *res, bool tells,
			 int code, int sig)
{
	if (tells || !(res->flags & RESULT(STATUS_LOST))) {
		CHECK_EQ(res->flags & RESULT(STATUS_LOST), 0);
		CHECK_EQ(res->code, code);
		CHECK_EQ(res->signal, sig);
	} else {
		CHECK_EQ(res->code, -1);
		CHECK_EQ(res->signal, -1);
	}
}

static void run_where_reaped(int rounds, bool tells)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	int tfd = tree_template();

	for (int i = 0; i < rounds; i++) {
		args = run_args(TREE("say", "text", "exit", "23"));
		args.timeout_ns = 100 * SECOND;
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		check_result(&args, &res);
		CHECK_STR(res.out, "text");
		CHECK_EQ(res.flags & RESULT(TIMED_OUT), 0);
		check_status(&res, tells, 23, -1);
		spawn_template_result_free(&res);
		args = run_args(TREE("sleep", "2", "raise", "9"));
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		check_result(&args, &res);
		check_status(&res, tells, -1, 9);
		spawn_template_result_free(&res);
	}
}

static void runs_work_where_sigchld_is_ignored(void)
{
	bool tells = kernel_tells();

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	run_where_reaped(20, tells);
	CHECK(test_no_children());
}

static void runs_work_under_sa_nocldwait(void)
{
	struct sigaction act = { .sa_handler = count_signal,
				 .sa_flags = SA_NOCLDWAIT };
	bool tells = kernel_tells();

	CHECK_SYS(sigaction(SIGCHLD, &act, NULL));
	run_where_reaped(20, tells);
	CHECK(test_no_children());
}

static void reap_all(int sig)
{
	int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

static void runs_work_where_a_handler_reaps_all(void)
{
	struct sigaction act = { .sa_handler = reap_all };
	bool tells = kernel_tells();

	CHECK_SYS(sigaction(SIGCHLD, &act, NULL));
	run_where_reaped(50, tells);
	CHECK(test_no_children());
}

static atomic_bool stop_reaping;

static void *reaper(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop_reaping)) {
		if (waitpid(-1, NULL, __WALL) < 0)
			usleep(50);
	}
	return NULL;
}

static void runs_work_where_a_thread_reaps_all(void)
{
	bool tells = kernel_tells();
	pthread_t thread = start_thread(reaper, NULL);

	run_where_reaped(100, tells);
	atomic_store(&stop_reaping, true);
	join_thread(thread);
	CHECK(test_no_children());
}

static void the_status_is_known_without_waitid_of_pidfds(void)
{
	struct spawn_template_result res;

	test_seccomp_arg(SYS_waitid, 0, ~0ULL, P_PIDFD, EINVAL);
	res = run_argv(tree_template(), TREE("exit", "7"), 7);
	CHECK_EQ(res.flags, 0);
	spawn_template_result_free(&res);
}

static void runs_leave_other_children_to_the_host(void)
{
	int status, tfd = tree_template();
	pid_t ended = CHECK_SYS(fork()), living;

	if (!ended)
		_exit(42);
	living = CHECK_SYS(fork());
	if (!living) {
		pause();
		_exit(0);
	}
	for (int i = 0; i < 10; i++) {
		struct spawn_template_result res =
			run_argv(tfd, TREE("exit", "1"), 1);

		spawn_template_result_free(&res);
	}
	CHECK_EQ(waitpid(ended, &status, 0), ended);
	CHECK_EQ(WEXITSTATUS(status), 42);
	CHECK(is_alive(living));
	CHECK_SYS(kill(living, SIGKILL));
	CHECK_EQ(waitpid(living, &status, 0), living);
}

/* ---- several at a time ---- */

static void *run_many(void *arg)
{
	int tfd = *(int *)arg;

	for (int i = 0; i < 25; i++) {
		char *text = test_fmt("%d of %ld", i, syscall(SYS_gettid));
		struct spawn_template_run_args args =
			run_args(TREE("cat", "err", text, "exit", "9"));
		struct spawn_template_result res;

		args.input = (uintptr_t)text;
		args.input_len = strlen(text);
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		CHECK_EQ(res.code, 9);
		CHECK_STR(res.out, text);
		CHECK_STR(res.err, text);
		/* a child that another thread is making has copies of pipes
		 * until its exec, which may take long on a busy machine */
		CHECK_EQ(res.flags & ~RESULT(PIPE_HELD), 0);
		spawn_template_result_free(&res);
	}
	return NULL;
}

static void threads_may_run_programs_at_once(void)
{
	pthread_t threads[8];
	struct scene before;
	int tfd = tree_template();

	before = scene_now();
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		threads[i] = start_thread(run_many, &tfd);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		join_thread(threads[i]);
	check_scene(&before);
}

static void a_run_with_few_fds_works_or_leaves_nothing(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("cat", "err", "text", "exit", "2"));
	struct rlimit limit = { 64, 64 };
	int tfd = tree_template(), failed = 0, went_well = 0, last = -1;
	struct spawn_template_result res;

	args.input = (uintptr_t) "input";
	args.input_len = 5;
	args.timeout_ns = 100 * SECOND;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	while (last < 63)
		last = CHECK_SYS(dup(0));
	for (; last > 63 - 16; last--) {
		int ret;

		/* not run_any(): there is no fd left to count fds with */
		memset(&res, 0x5a, sizeof(res));
		ret = spawn_template_run(tfd, &args, sizeof(args), &res,
					 sizeof(res));
		if (ret) {
			CHECK_EQ(ret, -EMFILE);
			CHECK_EQ(went_well, 0);
			CHECK_EQ(res.code, 0x5a5a5a5a);
			failed++;
		} else {
			CHECK_STR(res.out, "input");
			CHECK_EQ(res.code, 2);
			spawn_template_result_free(&res);
			went_well++;
		}
		CHECK(test_no_children());
		for (int fd = last + 1; fd < 64; fd++)
			CHECK_EQ(fcntl(fd, F_GETFD), -1);
		CHECK_SYS(close(last));
	}
	test_note("%d failed, %d went well", failed, went_well);
	CHECK_GE(failed, 2);
	CHECK_GE(went_well, 1);
}

/*
 * Without stdout and stderr, pipes get those numbers, and the library moves them to
 * higher ones. If there is no higher number, it closes the low ones.
 */
static void a_pipe_without_a_number_leaves_nothing(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "2"));
	int tfd = tree_template(), failed = 0, went_well = 0;
	struct rlimit all, few;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &all));
	CHECK_SYS(close(1));
	CHECK_SYS(close(2));
	for (few = all, few.rlim_cur = 1; few.rlim_cur < 32; few.rlim_cur++) {
		struct spawn_template_result res;
		int ret;

		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &few));
		ret = spawn_template_run(tfd, &args, sizeof(args), &res,
					 sizeof(res));
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &all));
		test_doing("%d fds: %d", (int)few.rlim_cur, ret);
		CHECK_EQ(fcntl(1, F_GETFD), -1);
		CHECK_EQ(fcntl(2, F_GETFD), -1);
		if (ret) {
			failed++;
			continue;
		}
		spawn_template_result_free(&res);
		went_well++;
	}
	CHECK_GE(failed, 4);
	CHECK_GE(went_well, 1);
}

/* ---- a terminal ---- */

/* Goes on in a child that has a terminal, which nobody types on. */
static void enter_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
	pid_t pid;

	if (master < 0 || grantpt(master) || unlockpt(master))
		TEST_SKIP("no pseudo terminals: %s", strerror(errno));
	pid = CHECK_SYS(fork());
	if (pid) {
		CHECK_SYS(waitpid(pid, &status, 0));
		CHECK(WIFEXITED(status));
		exit(WEXITSTATUS(status));
	}
	CHECK_SYS(setsid());
	CHECK_SYS(open(ptsname(master), O_RDWR | O_CLOEXEC));
	CHECK_EQ(access("/dev/tty", F_OK), 0);
}

/* In the caller's session, stty(1) would be stopped for ever. */
static void a_question_on_the_terminal_fails_at_once(void)
{
	static const uint32_t flags[] = { 0, RUN(NO_CAPTURE) };
	struct spawn_template_run_args args = run_args(
		TEST_ARGV("sh", "-c", "stty -echo < /dev/tty || exit 7"));
	struct spawn_template_result res;
	int tfd;

	enter_terminal();
	stdout_to_null();
	CHECK_SYS(dup2(1, 2));
	args.timeout_ns = 20 * SECOND;
	for (size_t i = 0; i < TEST_COUNT(flags); i++) {
		args.flags = flags[i];
		tfd = CHECK_OK(spawn_template_open("/bin/sh", 0));
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		CHECK_EQ(res.flags & RESULT(TIMED_OUT), 0);
		CHECK_EQ(res.code, 7);
		spawn_template_result_free(&res);
	}
}

/* ---- small stacks ---- */

static void run_on_small_stack(int tfd, char *const argv[], uint64_t timeout)
{
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result res;

	args.timeout_ns = timeout;
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		0);
	CHECK_EQ(!!(res.flags & SPAWN_TEMPLATE_RESULT_TIMED_OUT), !!timeout);
	spawn_template_result_free(&res);
}

static void *launch_on_small_stack(void *arg)
{
	char *argv[] = { "tree", "exit", "3", NULL };
	char *pause[] = { "tree", "pause", NULL };
	struct spawn_template_spawn_args args = { .argv = (uintptr_t)argv };
	int tfd = *(int *)arg, pidfd;
	struct spawn_template_begin *b;

	args.pidfd = (uintptr_t)&pidfd;
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_EQ(test_wait(pidfd), 3);
	args.pidfd = 0;
	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 3);
	run_on_small_stack(tfd, argv, 0);
	run_on_small_stack(tfd, pause, 20000000);
	return NULL;
}

static void launches_work_on_the_smallest_stack(void)
{
	int tfd = tree_template();
	pthread_attr_t attr;
	long least = sysconf(_SC_THREAD_STACK_MIN);
	pthread_t thread;

	if (TEST_SANITIZED)
		TEST_SKIP("a sanitizer needs more stack");
	CHECK_EQ(pthread_attr_init(&attr), 0);
	/* musl has less as its least, which is not enough */
	CHECK_EQ(pthread_attr_setstacksize(&attr, least > 16384 ? (size_t)least
								: 16384),
		 0);
	CHECK_EQ(pthread_create(&thread, &attr, launch_on_small_stack, &tfd),
		 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- a child that cannot be reaped ---- */

/* Trace the process whose number comes up in a file, until killed. */
static pid_t start_tracer(const char *file, int told)
{
	pid_t tracer = CHECK_SYS(fork());
	int pid = 0;
	char ok;

	if (tracer)
		return tracer;
	while (access(file, R_OK) || !(pid = atoi(test_read(file))))
		usleep(1000);
	ok = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0;
	CHECK_EQ(write(told, &ok, 1), 1);
	for (;;)
		pause();
}

static void end_tracer(pid_t tracer)
{
	CHECK_SYS(kill(tracer, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(tracer, NULL, 0)), tracer);
}

/* While it is traced, nobody but the tracer can reap a child that has ended. */
static void a_later_run_reaps_a_child_that_was_traced(void)
{
	char *file = test_path("pid"), ok;
	char *script = test_fmt("echo $$ > %s; exec sleep 100", file);
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("sh", "-c", script));
	int sh = CHECK_OK(spawn_template_open("/bin/sh", 0)), told[2];
	struct spawn_template_result res;
	pid_t tracer, pid;

	CHECK_SYS(pipe2(told, O_CLOEXEC));
	tracer = start_tracer(file, told[1]);
	args.timeout_ns = SECOND;
	CHECK_EQ(spawn_template_run(sh, &args, sizeof(args), &res, sizeof(res)),
		 0);
	CHECK_EQ(read(told[0], &ok, 1), 1);
	if (!ok) {
		end_tracer(tracer);
		TEST_SKIP("another child must not be traced here");
	}
	CHECK_EQ(res.flags & RESULT(STATUS_LOST), RESULT(STATUS_LOST));
	spawn_template_result_free(&res);
	pid = atoi(test_read(file));
	end_tracer(tracer);
	CHECK_EQ(test_process_state(pid), 'Z');
	run_on_small_stack(tree_template(), TREE("exit", "0"), 0);
	CHECK_EQ(test_process_state(pid), 0);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(launches_work_on_the_smallest_stack),
	TEST_CASE(a_later_run_reaps_a_child_that_was_traced),
	TEST_CASE(unread_input_raises_no_sigpipe),
	TEST_CASE(sigpipe_handler_is_not_called),
	TEST_CASE(pending_sigpipe_is_left_alone),
	TEST_CASE(ignored_sigpipe_stays_ignored),
	TEST_CASE(handlers_do_not_end_a_run),
	TEST_CASE(the_status_is_known_without_waitid_of_pidfds),
	TEST_CASE(runs_work_where_sigchld_is_ignored),
	TEST_CASE(runs_work_under_sa_nocldwait),
	TEST_CASE(runs_work_where_a_handler_reaps_all),
	TEST_CASE(runs_work_where_a_thread_reaps_all),
	TEST_CASE(runs_leave_other_children_to_the_host),
	TEST_CASE(threads_may_run_programs_at_once),
	TEST_CASE(a_run_with_few_fds_works_or_leaves_nothing),
	TEST_CASE(a_pipe_without_a_number_leaves_nothing),
	TEST_CASE(a_question_on_the_terminal_fails_at_once),
};
TEST_MAIN(cases)
