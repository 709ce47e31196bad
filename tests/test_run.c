/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs to completion: the program's end, input and output, bounds, arguments and
 * their versions, failures, times. After each run nothing is left, which running.h
 * checks. Deadlines and trees are in test_run_tree.c, the rest of the caller's
 * process in test_run_host.c.
 */
#include "running.h"

#define MIB (1U << 20)

/* ---- how it ended ---- */

static void the_exit_code_is_the_programs(void)
{
	const int codes[] = { 0, 1, 2, 126, 127, 128, 137, 254, 255 };
	int tfd = tree_template();

	for (size_t i = 0; i < TEST_COUNT(codes); i++) {
		struct spawn_template_result res = run_argv(
			tfd, TREE("exit", test_fmt("%d", codes[i])), codes[i]);

		CHECK_EQ(res.signal, -1);
		CHECK_EQ(res.flags, 0);
		CHECK_EQ(res.out_len, 0);
		CHECK_EQ(res.err_len, 0);
		spawn_template_result_free(&res);
	}
}

/* These signals do not end a process by default. */
static bool is_harmless(int sig)
{
	return sig == SIGCHLD || sig == SIGCONT || sig == SIGURG ||
	       sig == SIGWINCH || sig == SIGSTOP || sig == SIGTSTP ||
	       sig == SIGTTIN || sig == SIGTTOU;
}

static void the_signal_is_the_one_that_ended_the_program(void)
{
	struct rlimit none = { 0, 0 };
	int tfd = tree_template();

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	for (int sig = 1; sig <= 64; sig++) {
		struct spawn_template_result res;

		if (is_harmless(sig))
			continue;
		test_doing("signal %d", sig);
		res = run_argv(tfd, TREE("raise", test_fmt("%d", sig)), -1);
		CHECK_EQ(res.signal, sig);
		CHECK_EQ(res.flags, 0);
		spawn_template_result_free(&res);
	}
}

/* ---- stdin ---- */

static void no_input_is_dev_null(void)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "fds", "cat"));
	struct spawn_template_result res;
	int tfd = test_probe();

	res = run_ok(tfd, &args);
	CHECK_STR(test_value(res.out, "fd.0"), "/dev/null");
	spawn_template_result_free(&res);
	/* a buffer of no bytes is no input, either */
	args.input = (uintptr_t) "unused";
	res = run_ok(tfd, &args);
	CHECK_STR(test_value(res.out, "fd.0"), "/dev/null");
	CHECK_HAS_NOT(res.out, "unused");
	spawn_template_result_free(&res);
}

static void check_through_cat(int tfd, size_t len)
{
	struct spawn_template_run_args args = run_args(TREE("cat"));
	char *data = numbered_bytes(len);
	struct spawn_template_result res;

	test_doing("%zu bytes", len);
	args.input = (uintptr_t)data;
	args.input_len = len;
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.out_len, len);
	CHECK(!memcmp(res.out, data, len));
	spawn_template_result_free(&res);
	free(data);
}

static void input_of_any_size_reaches_the_program(void)
{
	const size_t sizes[] = { 0,	1,     2,     4095,    4096,
				 65535, 65536, 65537, MIB - 1, 10U * MIB };
	int tfd = tree_template();

	for (size_t i = 0; i < TEST_COUNT(sizes); i++)
		check_through_cat(tfd, sizes[i]);
}

/* The program sees the end of its input while it has more to do. */
static void the_program_sees_the_end_of_its_input(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("count", "say", " bytes", "cat", "exit", "4"));
	struct spawn_template_result res;

	args.input = (uintptr_t) "12345";
	args.input_len = 5;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 4);
	CHECK_STR(res.out, "5 bytes");
	spawn_template_result_free(&res);
}

/* The caller's buffer is read, not written. */
static void input_may_be_read_only(void)
{
	struct spawn_template_run_args args = run_args(TREE("count"));
	static const char text[] = "read only memory";
	struct spawn_template_result res;

	args.input = (uintptr_t)text;
	args.input_len = sizeof(text);
	res = run_ok(tree_template(), &args);
	CHECK_STR(res.out, "17");
	spawn_template_result_free(&res);
}

/* ---- output ---- */

static void streams_are_kept_apart(void)
{
	struct spawn_template_result res =
		run_argv(tree_template(),
			 TREE("say", "one ", "err", "two ", "say", "three",
			      "err", "four"),
			 0);

	CHECK_STR(res.out, "one three");
	CHECK_STR(res.err, "two four");
	CHECK_EQ(res.out_len, 9);
	CHECK_EQ(res.err_len, 8);
	CHECK_EQ(res.flags, 0);
	spawn_template_result_free(&res);
}

/* Each stream gets more than a pipe holds while the other is open. */
static void both_streams_are_read_at_once(void)
{
	struct spawn_template_result res =
		run_argv(tree_template(),
			 TREE("flood", "2", "500000", "flood", "1", "700000",
			      "flood", "2", "500007", "exit", "6"),
			 6);

	CHECK_EQ(res.out_len, 700000);
	CHECK(is_flood(res.out, 700000));
	CHECK_EQ(res.err_len, 1000007);
	CHECK(is_flood(res.err, 500000));
	CHECK(is_flood(res.err + 500000, 500007));
	spawn_template_result_free(&res);
}

static void output_beyond_the_bound_is_dropped(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("flood", "1", "100000000", "exit", "7"));
	struct spawn_template_result res;

	args.max_output = 4096;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 7);
	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED));
	CHECK_EQ(res.out_len, 4096);
	CHECK(is_flood(res.out, 4096));
	CHECK_EQ(res.err_len, 0);
	spawn_template_result_free(&res);
}

static void check_bound(uint64_t max, size_t out, size_t err)
{
	struct spawn_template_run_args args =
		run_args(TREE("flood", "1", test_fmt("%zu", out), "flood", "2",
			      test_fmt("%zu", err)));
	uint64_t bound = max ? max : SPAWN_TEMPLATE_RUN_MAX_OUTPUT;
	struct spawn_template_result res;

	test_doing("%zu and %zu of %llu", out, err, (unsigned long long)max);
	args.max_output = max;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, (out > bound ? RESULT(OUT_TRUNCATED) : 0) |
				    (err > bound ? RESULT(ERR_TRUNCATED) : 0));
	CHECK_EQ(res.out_len, out < bound ? out : bound);
	CHECK_EQ(res.err_len, err < bound ? err : bound);
	CHECK(is_flood(res.out, res.out_len));
	CHECK(is_flood(res.err, res.err_len));
	spawn_template_result_free(&res);
}

static void exactly_the_bound_is_not_truncated(void)
{
	const size_t bounds[] = { 1, 2, 100, 4095, 4096, 4097, 65536, 200000 };

	for (size_t i = 0; i < TEST_COUNT(bounds); i++) {
		size_t n = bounds[i];

		if (n > 1)
			check_bound(n, n - 1, n);
		check_bound(n, n, n);
		check_bound(n, n + 1, n);
		check_bound(n, n, n + 1);
		check_bound(n, 3 * n, n + 1);
	}
}

static void the_bound_is_16_mib_by_default(void)
{
	check_bound(0, 16 * MIB, 1);
	check_bound(0, 16 * MIB + 1, 1);
	check_bound(0, 1, 17 * MIB);
}

/* Memory is taken for the output, not for the bound. */
static void a_huge_bound_costs_nothing(void)
{
	struct spawn_template_run_args args = run_args(TREE("say", "little"));
	struct spawn_template_result res;

	args.max_output = UINT64_MAX;
	res = run_ok(tree_template(), &args);
	CHECK_STR(res.out, "little");
	CHECK_EQ(res.flags, 0);
	spawn_template_result_free(&res);
	args.max_output = UINT64_MAX / 2;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 0);
}

static void merged_output_keeps_its_order(void)
{
	char *argv[2 * 200 + 2] = { "tree" }, want[4 * 200 + 1];
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result res;

	for (int i = 0; i < 200; i++) {
		argv[1 + 2 * i] = i % 3 ? "say" : "err";
		argv[2 + 2 * i] = test_fmt("%03d ", i);
		snprintf(want + 4 * i, 5, "%03d ", i);
	}
	args.flags = RUN(MERGE_STDERR);
	res = run_ok(tree_template(), &args);
	CHECK_STR(res.out, want);
	CHECK_STR(res.err, "");
	CHECK_EQ(res.err_len, 0);
	CHECK_EQ(res.flags, 0);
	spawn_template_result_free(&res);
}

static void merged_output_has_one_bound(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("flood", "1", "100", "flood", "2", "100", "exit", "1"));
	struct spawn_template_result res;

	args.flags = RUN(MERGE_STDERR);
	args.max_output = 150;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 1);
	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED));
	CHECK_EQ(res.out_len, 150);
	CHECK(is_flood(res.out + 100, 50));
	spawn_template_result_free(&res);
	args.max_output = 200;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, 0);
}

/* Leads fds 1 and 2 into files while fn runs. */
static void with_files(void (*fn)(void *), void *arg, const char *out,
		       const char *err)
{
	int saved[2], fds[2];

	test_write(out, "", 0644);
	test_write(err, "", 0644);
	for (int i = 0; i < 2; i++) {
		saved[i] = CHECK_SYS(fcntl(1 + i, F_DUPFD_CLOEXEC, 10));
		fds[i] = CHECK_SYS(open(i ? err : out, O_WRONLY | O_CLOEXEC));
		CHECK_SYS(dup2(fds[i], 1 + i));
		CHECK_SYS(close(fds[i]));
	}
	fn(arg);
	for (int i = 0; i < 2; i++) {
		CHECK_SYS(dup2(saved[i], 1 + i));
		CHECK_SYS(close(saved[i]));
	}
}

static void run_arg(void *arg)
{
	struct spawn_template_result res = run_only(tree_template(), arg);

	CHECK_EQ(res.code, 2);
	CHECK_EQ(res.flags, 0);
}

static void without_capture_the_fds_are_the_callers(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("say", "to out, ", "err", "to err", "cat", "exit", "2"));
	const char *out = test_path("out"), *err = test_path("err");

	args.flags = RUN(NO_CAPTURE);
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	args.max_output = 3; /* has no effect */
	with_files(run_arg, &args, out, err);
	CHECK_STR(test_read(out), "to out, input");
	CHECK_STR(test_read(err), "to err");
}

static void a_program_that_closes_its_output_is_waited_for(void)
{
	struct spawn_template_result res =
		run_argv(tree_template(),
			 TREE("say", "last words", "close", "1", "close", "2",
			      "sleep", "300", "exit", "5"),
			 5);

	CHECK_STR(res.out, "last words");
	CHECK_EQ(res.flags, 0);
	CHECK_GE(res.total_ns, 290 * MS);
	spawn_template_result_free(&res);
}

/* A descendant that writes after the program's end, and soon ends. */
static bool late_output(void)
{
	struct spawn_template_result res =
		run_argv(tree_template(),
			 TREE("(", "sleep", "40", "say", "late", ")", "say",
			      "early ", "exit", "8"),
			 8);
	bool well = !strcmp(res.out, "early late") && !res.flags;

	test_note("\"%s\", flags %x", res.out, res.flags);
	spawn_template_result_free(&res);
	return well;
}

/* The late output may come too late on a busy machine, so try again. */
static void late_output_is_read(void)
{
	bool well = false;

	for (int i = 0; i < 5 && !well; i++)
		well = late_output();
	CHECK(well);
}

/* The program's fds 0 to 2 must block, as those of any other program do. */
static void the_programs_pipes_block(void)
{
	struct spawn_template_run_args args = run_args(
		TEST_ARGV("probe", "fds", "fd", "0", "fd", "1", "fd", "2"));
	struct spawn_template_result res;

	args.input = (uintptr_t) "x";
	args.input_len = 1;
	res = run_ok(test_probe(), &args);
	for (int fd = 0; fd < 3; fd++) {
		int flags =
			atoi(test_value(res.out, test_fmt("flflags.%d", fd)));

		CHECK_EQ(flags & O_NONBLOCK, 0);
		CHECK_EQ(flags & O_ACCMODE, fd ? O_WRONLY : O_RDONLY);
		CHECK_STR(test_value(res.out, test_fmt("fdflags.%d", fd)), "0");
	}
	CHECK_HAS_NOT(res.out, "fd.3=");
	spawn_template_result_free(&res);
}

/* ---- actions and attributes of the caller's ---- */

/* Output of the probe when it is run with these actions. */
#define PROBE_WITH(args, ...)                              \
	({                                                 \
		TEST_ACTIONS(&(args)->spawn, __VA_ARGS__); \
		run_ok(test_probe(), args);                \
	})

static void actions_see_the_new_fds(void)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "write", "1", "one", "write", "2",
				   "two", "read", "0"));
	struct spawn_template_result res;
	char *path = test_path("file");

	/* stdout becomes stderr */
	res = PROBE_WITH(&args, ACT_DUP2(2, 1));
	CHECK_STR(res.out, "");
	CHECK_STR(res.err, "onetwodata.0=\n");
	spawn_template_result_free(&res);
	/* the two are exchanged */
	res = PROBE_WITH(&args, ACT_DUP2(1, 50), ACT_DUP2(2, 1),
			 ACT_DUP2(50, 2));
	CHECK_STR(res.out, "two");
	CHECK_STR(res.err, "onedata.0=\n");
	spawn_template_result_free(&res);
	/* a file in place of one of them */
	res = PROBE_WITH(
		&args, ACT_OPEN(AT_FDCWD, 2,
				TEST_OPEN(path, O_WRONLY | O_CREAT, 0644, 0)));
	CHECK_STR(res.out, "onedata.0=\n");
	CHECK_STR(res.err, "");
	CHECK_STR(test_read(path), "two");
	spawn_template_result_free(&res);
	/* a file in place of the input, which nobody reads then */
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	res = PROBE_WITH(&args,
			 ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(path, 0, 0, 0)));
	CHECK_STR(res.out, "onedata.0=two\n");
	spawn_template_result_free(&res);
}

static void other_actions_work_in_a_run(void)
{
	struct rlimit limit = { 12345678, 12345678 };
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "cwd", "fds", "signals", "rlimit",
				   test_fmt("%d", RLIMIT_FSIZE)));
	int dir = CHECK_SYS(open("/proc", O_PATH | O_CLOEXEC));
	struct spawn_template_result res;
	uint64_t mask = TEST_SIGBIT(SIGUSR1);

	res = PROBE_WITH(&args, ACT_FCHDIR(dir), ACT_CHDIR("self/fd"),
			 ACT_CHDIR("../../sys"), ACT_DUP2(0, 40), ACT_KEEP(40),
			 ACT_SIGMASK(TEST_SIGSET(mask)),
			 ACT_RLIMIT(RLIMIT_FSIZE, &limit));
	CHECK_STR(test_value(res.out, "cwd"), "/proc/sys");
	CHECK_STR(test_value(res.out, "fd.40"), "/dev/null");
	CHECK_EQ(test_signals(res.out, "blocked"), mask);
	CHECK_STR(test_value(res.out, test_fmt("limit.%d", RLIMIT_FSIZE)),
		  "12345678,12345678");
	CHECK_HAS_NOT(res.out, "fd.3=");
	spawn_template_result_free(&res);
	CHECK_SYS(close(dir));
}

static void actions_may_close_all(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("sleep", "30", "exit", "3"));
	struct spawn_template_result res;

	TEST_ACTIONS(&args.spawn, ACT_CLOSE(0), ACT_CLOSE(1), ACT_CLOSE(2));
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 3);
	CHECK_GE(res.total_ns, 25 * MS);
	CHECK_EQ(res.flags, 0);
}

static char *run_pids(uint64_t flags, int pgroup)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "pids"));
	struct spawn_template_result res;
	char *out;

	args.spawn.flags = flags;
	args.spawn.pgroup = pgroup;
	res = run_ok(test_probe(), &args);
	out = test_fmt("%s", res.out);
	spawn_template_result_free(&res);
	return out;
}

static void a_run_leads_a_session_unless_a_group_is_asked_for(void)
{
	char *out = run_pids(0, 0);

	CHECK_STR(test_value(out, "pgrp"), test_value(out, "pid"));
	CHECK_STR(test_value(out, "sid"), test_value(out, "pid"));
	CHECK_STR(test_value(out, "ppid"), test_fmt("%d", getpid()));
	out = run_pids(SPAWN_TEMPLATE_SPAWN_SETSID, 0);
	CHECK_STR(test_value(out, "pgrp"), test_value(out, "pid"));
	CHECK_STR(test_value(out, "sid"), test_value(out, "pid"));
	out = run_pids(SPAWN_TEMPLATE_SPAWN_SETPGROUP, getpgrp());
	CHECK_STR(test_value(out, "pgrp"), test_fmt("%d", getpgrp()));
	out = run_pids(SPAWN_TEMPLATE_SPAWN_SETPGROUP, 0);
	CHECK_STR(test_value(out, "pgrp"), test_value(out, "pid"));
	CHECK_STR(test_value(out, "sid"), test_fmt("%d", getsid(0)));
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

static void the_mask_is_the_callers(void)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "signals"));
	struct spawn_template_result res;

	block(SIGUSR2);
	block(SIGALRM);
	res = run_ok(test_probe(), &args);
	CHECK_EQ(test_signals(res.out, "blocked"),
		 TEST_SIGBIT(SIGUSR2) | TEST_SIGBIT(SIGALRM));
	CHECK_EQ(test_signals(res.out, "ignored"), 0);
	CHECK_EQ(test_signals(res.out, "caught"), 0);
	spawn_template_result_free(&res);
}

/* The caller lacks some of fds 0 to 2, and the program has all of them. */
static void run_without_stdio(void *arg)
{
	int subset = *(int *)arg, tfd = test_probe();
	struct spawn_template_run_args args = run_args(
		TEST_ARGV("probe", "read", "0", "write", "2", "err", "nfds"));
	struct spawn_template_result res;

	tfd = CHECK_SYS(fcntl(tfd, F_DUPFD_CLOEXEC, 20));
	CHECK_SYS(syscall(SYS_close_range, 3, 19, 0));
	for (int fd = 0; fd < 3; fd++) {
		if (subset & (1 << fd))
			CHECK_SYS(close(fd));
	}
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 0);
	CHECK_STR(res.out, "data.0=input\nnfds=3\n");
	CHECK_STR(res.err, "err");
	spawn_template_result_free(&res);
	args.input_len = 0;
	args.flags = RUN(MERGE_STDERR);
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "data.0=\nerrnfds=3\n");
	spawn_template_result_free(&res);
}

static void a_caller_without_stdio_may_run_programs(void)
{
	for (int subset = 0; subset < 8; subset++) {
		test_doing("fds closed: %d", subset);
		test_in_child(run_without_stdio, &subset);
	}
}

/* ---- failures ---- */

static void check_fails(int tfd, struct spawn_template_run_args args, int err,
			unsigned int stage, unsigned int action)
{
	struct spawn_template_failure failure = { -1, 99, 99 };
	struct spawn_template_result res;

	args.spawn.failure = (uintptr_t)&failure;
	CHECK_EQ(run_any(tfd, &args, &res), -err);
	CHECK_EQ(failure.error, err);
	CHECK_EQ(failure.stage, stage);
	CHECK_EQ(failure.action, action);
}

/* The index counts the caller's actions, and not those of the run itself. */
static void failures_tell_the_callers_action(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	int tfd = tree_template();

	TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
	check_fails(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	TEST_ACTIONS(&args.spawn, ACT_DUP2(0, 7), ACT_DUP2(7, 8),
		     ACT_CHDIR("/no/such/directory"));
	check_fails(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	check_fails(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	args.flags = RUN(MERGE_STDERR);
	check_fails(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	args.flags = RUN(NO_CAPTURE);
	check_fails(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	TEST_ACTIONS(&args.spawn, ACT_KEEP(600));
	check_fails(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 0);
}

/* The caller may use as many actions as with a launch. */
static void all_the_actions_are_the_callers(void)
{
	struct spawn_template_action actions[SPAWN_TEMPLATE_ACTIONS_MAX + 1];
	struct spawn_template_run_args args = run_args(TREE("say", "ok"));
	struct spawn_template_result res;
	int tfd = tree_template();

	for (size_t i = 0; i < TEST_COUNT(actions); i++)
		actions[i] = ACT_DUP2(0, 0);
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	args.spawn.actions = (uintptr_t)actions;
	args.spawn.actions_len = SPAWN_TEMPLATE_ACTIONS_MAX;
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "ok");
	spawn_template_result_free(&res);
	actions[SPAWN_TEMPLATE_ACTIONS_MAX - 1] = ACT_CLOSE(600);
	check_fails(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION,
		    SPAWN_TEMPLATE_ACTIONS_MAX - 1);
	args.spawn.actions_len = SPAWN_TEMPLATE_ACTIONS_MAX + 1;
	CHECK_EQ(run_any(tfd, &args, &res), -E2BIG);
}

static void failures_are_those_of_a_launch(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	char *path = test_path("prog");
	struct spawn_template_result res;
	int tfd;

	CHECK_EQ(run_any(9999, &args, &res), -EBADF);
	CHECK_EQ(run_any(-1, &args, &res), -EBADF);
	tfd = CHECK_SYS(open("/dev/null", O_RDONLY | O_CLOEXEC));
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	test_copy(test_tool("tree"), path, 0755);
	tfd = CHECK_OK(spawn_template_open(path, 0));
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_NICE;
	args.spawn.nice = 19;
	res = run_only(tfd, &args);
	CHECK_EQ(res.code, 0);
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.spawn.pgroup = 1;
	check_fails(tfd, args, EPERM, SPAWN_TEMPLATE_STAGE_ATTR, 0);
	CHECK_SYS(unlink(path));
	args.spawn.flags = 0;
	check_fails(tfd, args, ESTALE, SPAWN_TEMPLATE_STAGE_ARGS, 0);
}

/* ---- sizes, and arguments that are refused ---- */

static int run_sized(int tfd, const void *args, size_t size,
		     struct spawn_template_result *res, size_t result_size)
{
	struct scene before = scene_now();
	int ret;

	memset(res, 0x5a, sizeof(*res));
	ret = spawn_template_run(tfd, args, size, res, result_size);
	check_scene(&before);
	if (ret)
		CHECK_EQ(res->code, 0x5a5a5a5a);
	else
		spawn_template_result_free(res);
	return ret;
}

static void the_sizes_of_arguments_are_checked(void)
{
	struct {
		struct spawn_template_run_args args;
		char tail[5000];
	} big = { .args = run_args(TREE("exit", "0")) };
	const size_t last = SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3;
	struct spawn_template_result res;
	int tfd = tree_template();

	CHECK_EQ(sizeof(big.args), last);
	CHECK_EQ(run_sized(tfd, &big, last, &res, sizeof(res)), 0);
	CHECK_EQ(run_sized(tfd, &big, SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0 - 1,
			   &res, sizeof(res)),
		 -EINVAL);
	CHECK_EQ(run_sized(tfd, &big, 0, &res, sizeof(res)), -EINVAL);
	CHECK_EQ(run_sized(tfd, NULL, last, &res, sizeof(res)), -EINVAL);
	CHECK_EQ(run_sized(tfd, &big, last + 1, &res, sizeof(res)), 0);
	CHECK_EQ(run_sized(tfd, &big, 4096, &res, sizeof(res)), 0);
	CHECK_EQ(run_sized(tfd, &big, 4097, &res, sizeof(res)), -E2BIG);
	big.tail[100] = 1;
	CHECK_EQ(run_sized(tfd, &big, 4096, &res, sizeof(res)), -E2BIG);
	CHECK_EQ(run_sized(tfd, &big, last + 100, &res, sizeof(res)), 0);
	CHECK_EQ(run_sized(tfd, &big, last + 101, &res, sizeof(res)), -E2BIG);
}

/* The library sets bytes to zero that are behind the result as it knows it. */
static void the_sizes_of_results_are_checked(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct {
		struct spawn_template_result res;
		unsigned char tail[64];
		unsigned char beyond;
	} big;
	const size_t ver0 = SPAWN_TEMPLATE_RESULT_SIZE_VER0;
	const size_t last = SPAWN_TEMPLATE_RESULT_SIZE_VER2;
	int tfd = tree_template();

	CHECK_EQ(sizeof(big.res), last);
	CHECK_EQ(run_sized(tfd, &args, sizeof(args), &big.res, ver0 - 1),
		 -EINVAL);
	CHECK_EQ(run_sized(tfd, &args, sizeof(args), &big.res, 0), -EINVAL);
	CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), NULL, ver0),
		 -EINVAL);
	memset(&big, 0x5a, sizeof(big));
	CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &big.res,
				    last + sizeof(big.tail)),
		 0);
	CHECK_EQ(big.res.code, 3);
	for (size_t i = 0; i < sizeof(big.tail); i++)
		CHECK_EQ(big.tail[i], 0);
	CHECK_EQ(big.beyond, 0x5a);
	spawn_template_result_free(&big.res);
}

static void check_refused(int tfd, struct spawn_template_run_args args)
{
	struct spawn_template_result res;

	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
}

static void malformed_arguments_are_refused(void)
{
	struct spawn_template_run_args args, good = run_args(TREE("exit", "0"));
	int tfd = tree_template();

	for (int bit = 14; bit < 32; bit++) { /* 14 and 15 are for rings */
		args = good;
		args.flags = 1U << bit;
		check_refused(tfd, args);
	}
	args = good;
	args.input_len = 1;
	check_refused(tfd, args);
	args = good;
	args.cgroup_parent_fd = -2;
	args.flags = RUN(CGROUP);
	check_refused(tfd, args);
	args.flags = RUN(SUPERVISE);
	check_refused(tfd, args);
	args.flags = RUN(CGROUP);
	args.cgroup_parent_fd = -1;
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	check_refused(tfd, args);
	/* arguments that a launch refuses, too */
	args = good;
	args.spawn.argv = 0;
	check_refused(tfd, args);
	args.spawn.argv = (uintptr_t)(char *[]){ NULL };
	check_refused(tfd, args);
	args = good;
	args.spawn.flags = 1ULL << 20;
	check_refused(tfd, args);
	args = good;
	args.spawn.actions_len = 1;
	check_refused(tfd, args);
	args = good;
	args.spawn.reserved[3] = 1;
	check_refused(tfd, args);
}

static void the_pidfd_is_ignored(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	int tfd = tree_template(), pidfd = -77;

	args.spawn.pidfd = (uintptr_t)&pidfd;
	run_only(tfd, &args);
	CHECK_EQ(pidfd, -77);
	args.spawn.pidfd = 8; /* no address */
	run_only(tfd, &args);
}

static void a_result_may_be_freed_twice_or_taken(void)
{
	struct spawn_template_result res =
		run_argv(tree_template(), TREE("say", "text"), 0);
	char *taken;

	spawn_template_result_free(&res);
	CHECK(!res.out && !res.err);
	spawn_template_result_free(&res);
	res = run_argv(tree_template(), TREE("say", "text"), 0);
	taken = res.out;
	res.out = NULL;
	spawn_template_result_free(&res);
	CHECK_STR(taken, "text");
	free(taken);
}

/* ---- times and usage ---- */

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * SECOND + (uint64_t)tv.tv_usec * 1000;
}

static void the_times_are_plausible(void)
{
	struct spawn_template_run_args args = run_args(TREE("sleep", "200"));
	int tfd = tree_template();
	uint64_t start = now_ns(), outer;
	struct spawn_template_result res = run_only(tfd, &args);

	outer = now_ns() - start;
	CHECK_GE(res.total_ns, 200 * MS);
	CHECK_LE(res.total_ns, outer);
	CHECK_LE(outer - res.total_ns, at_most_ms(2000) * MS);
	CHECK_LE(res.spawn_ns, at_most_ms(2000) * MS);
	CHECK_LT(timeval_ns(res.usage.ru_utime), 150 * MS);
}

static void usage_is_of_the_program_and_its_children(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("burn", "150", "(", "burn", "100", ")", "wait"));
	struct spawn_template_result res;
	uint64_t cpu;
	int tfd = tree_template();

	res = run_only(tfd, &args);
	cpu = timeval_ns(res.usage.ru_utime) + timeval_ns(res.usage.ru_stime);
	CHECK_GE(cpu, 230 * MS);
	CHECK_LE(cpu, 500 * MS);
	CHECK_GE(res.usage.ru_maxrss, 100);
	/* the time of earlier children does not count */
	args = run_args(TREE("exit", "0"));
	res = run_only(tfd, &args);
	cpu = timeval_ns(res.usage.ru_utime) + timeval_ns(res.usage.ru_stime);
	CHECK_LT(cpu, 100 * MS);
}

/* A run sleeps while it waits. */
static void waiting_takes_no_processor_time(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("close", "1", "sleep", "400"));
	struct timespec before, after;
	int tfd = tree_template();

	args.timeout_ns = 100 * SECOND;
	run_only(tfd, &args);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	run_only(tfd, &args);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	CHECK_LE((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec -
			 before.tv_nsec,
		 (long long)at_most_ms(15) * 1000000);
}

static const struct test_case cases[] = {
	TEST_CASE(the_exit_code_is_the_programs),
	TEST_CASE(the_signal_is_the_one_that_ended_the_program),
	TEST_CASE(no_input_is_dev_null),
	TEST_CASE(input_of_any_size_reaches_the_program),
	TEST_CASE(the_program_sees_the_end_of_its_input),
	TEST_CASE(input_may_be_read_only),
	TEST_CASE(streams_are_kept_apart),
	TEST_CASE(both_streams_are_read_at_once),
	TEST_CASE(output_beyond_the_bound_is_dropped),
	TEST_CASE(exactly_the_bound_is_not_truncated),
	TEST_CASE(the_bound_is_16_mib_by_default),
	TEST_CASE(a_huge_bound_costs_nothing),
	TEST_CASE(merged_output_keeps_its_order),
	TEST_CASE(merged_output_has_one_bound),
	TEST_CASE(without_capture_the_fds_are_the_callers),
	TEST_CASE(a_program_that_closes_its_output_is_waited_for),
	TEST_CASE(late_output_is_read),
	TEST_CASE(the_programs_pipes_block),
	TEST_CASE(actions_see_the_new_fds),
	TEST_CASE(other_actions_work_in_a_run),
	TEST_CASE(actions_may_close_all),
	TEST_CASE(a_run_leads_a_session_unless_a_group_is_asked_for),
	TEST_CASE(the_mask_is_the_callers),
	TEST_CASE(a_caller_without_stdio_may_run_programs),
	TEST_CASE(failures_tell_the_callers_action),
	TEST_CASE(all_the_actions_are_the_callers),
	TEST_CASE(failures_are_those_of_a_launch),
	TEST_CASE(the_sizes_of_arguments_are_checked),
	TEST_CASE(the_sizes_of_results_are_checked),
	TEST_CASE(malformed_arguments_are_refused),
	TEST_CASE(the_pidfd_is_ignored),
	TEST_CASE(a_result_may_be_freed_twice_or_taken),
	TEST_CASE(the_times_are_plausible),
	TEST_CASE(usage_is_of_the_program_and_its_children),
	TEST_CASE(waiting_takes_no_processor_time),
};
TEST_MAIN(cases)
