/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs that are ended: deadlines, trees that resist, pipes that are held open,
 * programs that are stopped or traced, cgroups, the supervisor, fork bombs. All of
 * a tree holds a pipe (struct life), whose end tells that the tree is dead.
 */
#include "running.h"

#include <grp.h>
#include <sys/ptrace.h>

#define TERM test_fmt("%d", SIGTERM)

/* Nobody else has this uid, so its limits count the test's processes only. */
#define OTHER_UID 64123

static struct spawn_template_run_args
timed(char *const argv[], uint64_t timeout_ms, uint64_t grace_ms)
{
	struct spawn_template_run_args args = run_args(argv);

	args.timeout_ns = timeout_ms * MS;
	args.grace_ns = grace_ms * MS;
	return args;
}

/* A busy machine may be slow, but not by the 20 s of a grace. */
static void check_took(const struct spawn_template_result *res, uint64_t least,
		       uint64_t most)
{
	test_note("took %llu ms", (unsigned long long)(res->total_ns / MS));
	CHECK_GE(res->total_ns, least * MS);
	CHECK_LE(res->total_ns, (at_most_ms(most) + 3000) * MS);
}

/* ---- deadlines ---- */

static void nothing_ends_a_run_without_a_deadline(void)
{
	struct spawn_template_run_args args =
		timed(TREE("sleep", "300", "exit", "4"), 20000, 0);
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.code, 4);
	CHECK_EQ(res.flags, 0);
	args.timeout_ns = 0;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, 0);
	check_took(&res, 300, 1000);
}

static void times_beyond_all_clocks_never_come(void)
{
	const uint64_t never[] = { UINT64_MAX, INT64_MAX, UINT64_MAX / 2 + 1 };

	for (size_t i = 0; i < TEST_COUNT(never); i++) {
		struct spawn_template_run_args args =
			run_args(TREE("say", "x"));
		struct spawn_template_result res;

		args.timeout_ns = args.grace_ns = never[i];
		res = run_only(tree_template(), &args);
		CHECK_EQ(res.code, 0);
		CHECK_EQ(res.flags, 0);
		/* TERM comes in time, KILL never */
		args = run_args(TREE("say", "x", "pause"));
		args.timeout_ns = 50 * MS;
		args.grace_ns = never[i];
		res = run_only(tree_template(), &args);
		CHECK_EQ(res.signal, SIGTERM);
		CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	}
}

static void the_deadline_sends_term(void)
{
	struct spawn_template_run_args args =
		timed(TREE("say", "kept", "pause"), 500, 20000);
	struct spawn_template_result res = run_ok(tree_template(), &args);

	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK_STR(res.out, "kept");
	check_took(&res, 500, 900);
	spawn_template_result_free(&res);
}

/* The program may use its grace, and tells how it ended by itself. */
static void a_program_may_handle_term(void)
{
	struct spawn_template_run_args args = timed(
		TREE("on", TERM, "9", "say", "kept", "pause"), 500, 20000);
	struct spawn_template_result res = run_ok(tree_template(), &args);

	CHECK_EQ(res.code, 9);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK_STR(res.out, "kept");
	spawn_template_result_free(&res);
}

static void a_program_that_ignores_term_is_killed(void)
{
	struct spawn_template_run_args args =
		timed(TREE("ignore", TERM, "say", "kept", "pause"), 500, 200);
	struct spawn_template_result res = run_ok(tree_template(), &args);

	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK_STR(res.out, "kept");
	check_took(&res, 700, 1200);
	spawn_template_result_free(&res);
}

/* Output of the grace is read, and the program ends in time. */
static void a_program_may_use_its_grace(void)
{
	struct spawn_template_run_args args =
		timed(TREE("ignore", TERM, "sleep", "1200", "say", "done",
			   "exit", "5"),
		      500, 20000);
	struct spawn_template_result res = run_ok(tree_template(), &args);

	CHECK_EQ(res.code, 5);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK_STR(res.out, "done");
	check_took(&res, 1200, 1800);
	spawn_template_result_free(&res);
}

static void the_deadline_kills_at_once_without_grace(void)
{
	struct spawn_template_run_args args =
		timed(TREE("on", TERM, "9", "pause"), 100, 0);
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	check_took(&res, 100, 500);
}

static void a_deadline_that_is_over_kills_at_once(void)
{
	struct spawn_template_run_args args = run_args(TREE("pause"));
	struct spawn_template_result res;

	args.timeout_ns = 1;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGKILL);
	CHECK(res.flags & RESULT(TIMED_OUT));
}

/* Each process of the tree ignores TERM. */
static void three_generations_are_killed(void)
{
	struct spawn_template_run_args args = timed(
		TREE("ignore", TERM, "mark", "(", "mark", "(", "mark", "(",
		     "mark", "pause", ")", "pause", ")", "pause", ")", "pause"),
		800, 100);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	life_let_go(&life);
	for (int i = 0; i < 4; i++)
		CHECK(!is_alive(life_pid(&life)));
	CHECK(life_ends(&life, 0));
	check_took(&res, 900, 1500);
}

static void three_generations_that_obey_are_not_killed(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "(", "pause", ")", "pause", ")", "pause"), 200,
		      20000);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK(life_ends(&life, 0));
	check_took(&res, 200, 700);
}

/* The library finds such processes by their parents, as long as those live. */
static void groups_and_sessions_below_are_ended(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "setsid", "(", "setpgrp", "(", "setsid",
			   "ignore", TERM, "pause", ")", "pause", ")", "pause",
			   ")", "(", "setpgrp", "pause", ")", "pause"),
		      250, 100);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(life_ends(&life, 0));
}

/* The library finds an orphan by the group that it stayed in. */
static void orphans_in_the_group_are_ended(void)
{
	struct spawn_template_run_args args = timed(
		TREE("(", "(", "ignore", TERM, "pause", ")", ")", "pause"), 800,
		100);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
}

/* A run with SETSID is ended with its session, also another group in it. */
static void orphans_in_the_session_are_ended(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "(", "setpgrp", "ignore", TERM, "pause", ")",
			   ")", "pause"),
		      800, 100);
	struct spawn_template_result res;
	struct life life;

	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETSID;
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
}

/* The group has other members: only the run's tree ends. */
static void a_shared_group_is_not_ended(void)
{
	struct spawn_template_run_args args = timed(
		TREE("(", "pause", ")", "ignore", TERM, "pause"), 200, 100);
	struct spawn_template_result res;
	struct life life;
	pid_t other = CHECK_SYS(fork());

	if (!other) {
		pause();
		_exit(0);
	}
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.spawn.pgroup = getpgrp();
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(life_ends(&life, 0));
	CHECK(is_alive(other));
	CHECK_SYS(kill(other, SIGKILL));
	CHECK_SYS(waitpid(other, NULL, 0));
}

/* The program ends by TERM, its child is killed when the grace is over. */
static void a_grandchild_that_ignores_term_is_killed(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "ignore", TERM, "pause", ")", "on", TERM, "7",
			   "pause"),
		      800, 300);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 7);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
	check_took(&res, 1100, 1600);
}

/* A tree that moves on by forking all the time does not escape. */
static void a_relay_does_not_escape(void)
{
	for (int i = 0; i < 5; i++) {
		struct spawn_template_run_args args =
			timed(TREE("(", "relay", ")", "(", "relay", ")",
				   "ignore", TERM, "pause"),
			      60, 20);
		struct spawn_template_result res;
		struct life life;

		life_open(&life, &args.spawn);
		res = run_only(tree_template(), &args);
		CHECK(res.flags & RESULT(TIMED_OUT));
		CHECK(life_ends(&life, 0));
		CHECK_SYS(close(life.fds[0]));
	}
}

static void output_does_not_hold_up_the_deadline(void)
{
	struct spawn_template_run_args args =
		timed(TREE("ignore", TERM, "flood", "1", "0"), 600, 100);
	struct spawn_template_result res;

	args.max_output = 100000;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED) |
				    RESULT(OUT_TRUNCATED));
	CHECK(is_flood(res.out, 100000));
	check_took(&res, 700, 1300);
	spawn_template_result_free(&res);
}

static void blocked_input_does_not_hold_up_the_deadline(void)
{
	static char input[10 << 20];
	struct spawn_template_run_args args = timed(TREE("pause"), 200, 20000);
	struct spawn_template_result res;

	args.input = (uintptr_t)input;
	args.input_len = sizeof(input);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	check_took(&res, 200, 700);
}

/* ---- pipes that are held ---- */

static void a_holder_of_the_pipes_is_not_waited_for(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "mark", "pause", ")", "sleep", "20", "say",
			      "text", "exit", "3"));
	struct spawn_template_result res;
	struct life life;
	pid_t holder;

	life_open(&life, &args.spawn);
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	CHECK_STR(res.out, "text");
	check_took(&res, 110, 400);
	holder = life_pid(&life);
	CHECK(!life_ends(&life, 50));
	CHECK(is_alive(holder));
	CHECK_SYS(kill(holder, SIGKILL));
	CHECK(life_ends(&life, 5000));
	spawn_template_result_free(&res);
}

/* A holder of stderr alone counts; without capture there is nothing to hold. */
static void a_holder_of_any_stream_is_told(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "close", "1", "sleep", "8000", ")", "say", "x"),
		      0, 0);
	struct spawn_template_result res = run_ok(tree_template(), &args);

	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	CHECK_STR(res.out, "x");
	spawn_template_result_free(&res);
	args.flags = RUN(MERGE_STDERR);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	stdout_to_null();
	args.flags = RUN(NO_CAPTURE);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, 0);
	check_took(&res, 0, 500);
}

/* A writer may wait for a processor on a busy machine, so try three times. */
static void one_of_three(bool (*fn)(void))
{
	bool well = false;

	for (int i = 0; i < 3 && !well; i++)
		well = fn();
	CHECK(well);
}

static bool holder_that_writes(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("(", "mark", "drip", "25", "+", ")", "exit", "3"));
	struct spawn_template_result res;
	struct life life;
	size_t words;

	life_open(&life, &args.spawn);
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	check_took(&res, 0, 1400);
	words = res.out_len;
	CHECK_LE(words, 60);
	/* the holder dies of SIGPIPE at its next word */
	CHECK(life_ends(&life, 20000));
	CHECK_SYS(close(life.fds[0]));
	spawn_template_result_free(&res);
	test_note("%d words", (int)words);
	return res.total_ns >= 950 * MS && words >= (TEST_SANITIZED ? 5 : 20);
}

static void a_holder_that_writes_is_read_for_a_second(void)
{
	one_of_three(holder_that_writes);
}

static bool quiet_holder(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("(", "flood", "1", "3000000", "pause", ")", "exit", "3"));
	struct spawn_template_result res = run_ok(tree_template(), &args);

	size_t len = res.out_len;

	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	CHECK(is_flood(res.out, len));
	spawn_template_result_free(&res);
	return len == 3000000;
}

static void a_flood_before_the_quiet_is_read_whole(void)
{
	one_of_three(quiet_holder);
}

/* What comes late is in the result, and the pipe ends by itself. */
static bool late_output_within(uint64_t quiet, uint64_t most)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "sleep", "300", "say", "late", ")", "sleep",
			      "20", "say", "text", "exit", "3"));
	struct spawn_template_result res;
	bool well;

	args.held_quiet_ns = quiet;
	args.held_most_ns = most;
	args.timeout_ns = 20 * SECOND;
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 3);
	check_took(&res, 0, 1500);
	well = res.flags == 0 && strcmp(res.out, "textlate") == 0;
	spawn_template_result_free(&res);
	return well;
}

static bool bounds_of_seconds(void)
{
	return late_output_within(5 * SECOND, 10 * SECOND);
}

static bool no_bounds(void)
{
	return late_output_within(UINT64_MAX, UINT64_MAX);
}

static void a_held_pipe_is_read_for_as_long_as_asked(void)
{
	one_of_three(bounds_of_seconds);
	one_of_three(no_bounds);
}

static void a_held_pipe_is_given_up_at_the_bounds(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "sleep", "3000", ")", "say", "text"));
	struct spawn_template_result res;

	/* the first that comes counts */
	args.held_quiet_ns = 400 * MS;
	args.held_most_ns = UINT64_MAX;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	check_took(&res, 400, 900);
	args.held_quiet_ns = UINT64_MAX;
	args.held_most_ns = 300 * MS;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	check_took(&res, 300, 800);
	args.held_most_ns = 1;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags, RESULT(PIPE_HELD));
	check_took(&res, 0, 80);
}

/* One that is not found holds the pipe after the timeout. */
static void no_bounds_do_not_outlast_the_end_of_the_tree(void)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "(", "setsid", "mark", "pause", ")", ")",
			   "sleep", "20000"),
		      300, 0);
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	args.held_quiet_ns = args.held_most_ns = UINT64_MAX;
	res = run_only(tree_template(), &args);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(res.flags & RESULT(PIPE_HELD));
	check_took(&res, 300, 2000);
	CHECK_SYS(kill(life_pid(&life), SIGKILL));
	CHECK(life_ends(&life, 5000));
}

/* The deadline comes while only the holder is left. */
static bool held_to_the_deadline(uint64_t held)
{
	struct spawn_template_run_args args =
		timed(TREE("(", "drip", "20", "+", ")", "exit", "6"), 700, 0);
	struct spawn_template_result res;
	struct life life;

	args.held_quiet_ns = args.held_most_ns = held;
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	check_took(&res, 0, 900);
	if (!(res.flags & RESULT(TIMED_OUT))) {
		life_ends(&life, 20000);
		CHECK_SYS(close(life.fds[0]));
		return false;
	}
	CHECK(life_ends(&life, 0));
	CHECK_SYS(close(life.fds[0]));
	return res.code == 6 && res.total_ns >= 700 * MS;
}

static bool ended_while_held(void)
{
	return held_to_the_deadline(0);
}

static bool ended_while_held_for_ever(void)
{
	return held_to_the_deadline(UINT64_MAX);
}

static void the_deadline_ends_a_holder_that_writes(void)
{
	one_of_three(ended_while_held_for_ever);
	one_of_three(ended_while_held);
}

/* ---- stopped and traced ---- */

static void a_stopped_program_times_out(void)
{
	char *stop = test_fmt("%d", SIGSTOP);
	struct spawn_template_run_args args =
		timed(TREE("(", "raise", stop, ")", "raise", stop), 200, 20000);
	struct spawn_template_result res;
	struct life life;

	/* the library continues the program, so that TERM reaches it */
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
	CHECK(life_ends(&life, 0));
	check_took(&res, 200, 700);
	args = timed(TREE("ignore", TERM, "raise", stop, "pause"), 600, 100);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
}

static void stopping_and_continuing_does_not_end_a_run(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("mark", "sleep", "200", "say", "on", "exit", "2"));
	struct spawn_template_result res;
	struct life life;
	pid_t helper;

	life_open(&life, &args.spawn);
	helper = CHECK_SYS(fork());
	if (!helper) {
		pid_t pid = life_pid(&life);

		kill(pid, SIGSTOP);
		sleep_ms(300);
		kill(pid, SIGCONT);
		_exit(0);
	}
	res = run_ok(tree_template(), &args);
	CHECK_EQ(res.code, 2);
	CHECK_STR(res.out, "on");
	check_took(&res, 290, 1000);
	CHECK_SYS(waitpid(helper, NULL, 0));
	spawn_template_result_free(&res);
}

/* Follows the process as strace does, to its end. */
static void trace(struct life *life, bool hangs)
{
	pid_t pid = life_pid(life);
	int status;

	CHECK_SYS(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	if (hangs)
		sleep_ms(1400);
	else
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (!hangs && waitpid(pid, &status, __WALL) == pid &&
	       WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, NULL,
		       (void *)(uintptr_t)WSTOPSIG(status));
	_exit(0);
}

static struct spawn_template_result
run_traced(struct spawn_template_run_args *args, bool hangs)
{
	struct spawn_template_result res;
	struct life life;
	pid_t tracer;

	/* the tracer starts before the run, so that the run does not end it */
	life_open(&life, &args->spawn);
	tracer = CHECK_SYS(fork());
	if (!tracer)
		trace(&life, hangs);
	res = run_only(tree_template(), args);
	CHECK_SYS(waitpid(tracer, NULL, 0));
	life_let_go(&life);
	CHECK_SYS(close(life.fds[0]));
	return res;
}

static void a_traced_program_ends_as_usual(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("mark", "sleep", "200", "exit", "21"));
	struct spawn_template_result res = run_traced(&args, false);

	CHECK_EQ(res.code, 21);
	CHECK_EQ(res.flags, 0);
	args = timed(TREE("mark", "pause"), 1000, 20000);
	res = run_traced(&args, false);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT));
}

/* The status is unknown until the tracer has let go of the dead program. */
static void a_tracer_that_holds_the_dead_does_not_hang_the_run(void)
{
	struct spawn_template_run_args args =
		timed(TREE("mark", "pause"), 600, 100);
	struct timespec cpu;
	struct spawn_template_result res = run_traced(&args, true);

	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	check_took(&res, 700, 3000);
	CHECK_EQ(res.code, -1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	CHECK_LE(cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000,
		 (long)at_most_ms(350));
}

/* ---- cgroups ---- */

static struct spawn_template_run_args
in_cgroup(int parent, struct spawn_template_run_args args)
{
	args.flags |= RUN(CGROUP);
	args.cgroup_parent_fd = parent;
	return args;
}

static void the_cgroup_is_made_below_the_given_one(void)
{
	int parent = make_cgroup();
	struct spawn_template_run_args args = in_cgroup(
		parent, run_args(TEST_ARGV("probe", "cgroup", "fds")));
	struct spawn_template_result res = run_ok(test_probe(), &args);

	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	CHECK_HAS(test_value(res.out, "cgroup"),
		  test_fmt("%s/", strrchr(running_cgroup, '/')));
	CHECK_HAS_NOT(res.out, "fd.3=");
	CHECK_EQ(count_dirs(running_cgroup), 0);
	spawn_template_result_free(&res);
	/* a second run finds the place free again */
	res = run_only(test_probe(), &args);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void the_cgroup_is_made_below_the_callers(void)
{
	struct spawn_template_run_args args =
		in_cgroup(-1, run_args(TEST_ARGV("probe", "cgroup")));
	struct spawn_template_result res;

	CHECK_SYS(close(make_cgroup()));
	enter_cgroup();
	res = run_ok(test_probe(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	CHECK_HAS(test_value(res.out, "cgroup"),
		  test_fmt("%s/", strrchr(running_cgroup, '/')));
	CHECK_EQ(count_dirs(running_cgroup), 0);
	spawn_template_result_free(&res);
}

/* setsid, double fork and daemon(3) hide from group and parent. */
static void a_cgroup_ends_daemons_and_orphans(void)
{
	int parent = make_cgroup();

	for (int grace = 0; grace <= 100; grace += 100) {
		struct spawn_template_run_args args = in_cgroup(
			parent,
			timed(TREE("(", "setsid", "(", "ignore", TERM, "mark",
				   "pause", ")", ")", "(", "ignore", TERM,
				   "daemon", "mark", "pause", ")", "(",
				   "setsid", "(", "setsid", "pause", ")", ")",
				   "pause"),
			      800, (uint64_t)grace));
		struct spawn_template_result res;
		struct life life;

		life_open(&life, &args.spawn);
		res = run_only(tree_template(), &args);
		CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED) |
					    RESULT(CGROUP));
		CHECK(!is_alive(life_pid(&life)));
		CHECK(!is_alive(life_pid(&life)));
		CHECK(life_ends(&life, 0));
		CHECK_SYS(close(life.fds[0]));
		CHECK_EQ(count_dirs(running_cgroup), 0);
	}
}

static void a_cgroup_in_which_all_obey_is_not_killed(void)
{
	int parent = make_cgroup();
	struct spawn_template_run_args args = in_cgroup(
		parent,
		timed(TREE("(", "daemon", "pause", ")", "pause"), 200, 20000));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(CGROUP));
	CHECK(life_ends(&life, 0));
	check_took(&res, 200, 700);
}

/* Leftovers of an ordinary end move to the parent of the run's cgroup. */
static void leftovers_are_moved_out_of_the_cgroup(void)
{
	int parent = make_cgroup();
	struct spawn_template_run_args args = in_cgroup(
		parent, run_args(TREE("(", "daemon", "mark", "pause", ")", "(",
				      "setsid", "close", "1", "close", "2",
				      "mark", "pause", ")", "sleep", "100")));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	CHECK_EQ(count_dirs(running_cgroup), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = life_pid(&life);
		char *path = cgroup_of(pid);

		CHECK(is_alive(pid));
		CHECK_STR(strrchr(path, '/'), strrchr(running_cgroup, '/'));
		CHECK_SYS(kill(pid, SIGKILL));
	}
	CHECK(life_ends(&life, 5000));
}

static void cgroup_parent_fails(int fd, int err)
{
	struct spawn_template_run_args args =
		in_cgroup(fd, run_args(TREE("exit", "0")));
	struct spawn_template_result res;

	CHECK_EQ(run_any(tree_template(), &args, &res), -err);
}

static void a_bad_cgroup_parent_fails_the_run(void)
{
	char *dir = test_path("dir");
	int parent = make_cgroup(), fd;

	cgroup_parent_fails(999, EBADF);
	cgroup_parent_fails(CHECK_SYS(open("/dev/null", O_RDONLY | O_CLOEXEC)),
			    EBADF);
	/* a directory of another kind is left as it is */
	CHECK_SYS(mkdir(dir, 0755));
	fd = CHECK_SYS(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	cgroup_parent_fails(fd, EBADF);
	CHECK_EQ(count_entries(dir), 0);
	/* a cgroup that was removed */
	CHECK_SYS(mkdir(test_fmt("%s/gone", running_cgroup), 0755));
	fd = CHECK_SYS(open(test_fmt("%s/gone", running_cgroup),
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_SYS(rmdir(test_fmt("%s/gone", running_cgroup)));
	cgroup_parent_fails(fd, ENOENT);
	/* failures of the launch leave no directory */
	{
		struct spawn_template_run_args args =
			in_cgroup(parent, run_args(TREE("exit", "0")));
		struct spawn_template_result res;

		TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
		CHECK_EQ(run_any(tree_template(), &args, &res), -EBADF);
	}
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void become_other(void)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
}

/* The user may write to no cgroup, and the flags say that there is none. */
static void a_run_goes_without_a_cgroup_if_there_can_be_none(void)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	struct life life;
	int tfd, parent;

	parent = make_cgroup();
	public_tree();
	become_other();
	tfd = public_tree();
	args = in_cgroup(-1, timed(TREE("(", "pause", ")", "pause"), 150, 0));
	life_open(&life, &args.spawn);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
	/* a cgroup below a given directory is a must */
	args = in_cgroup(parent, run_args(TREE("exit", "0")));
	CHECK_EQ(run_any(tfd, &args, &res), -EACCES);
	args.cgroup_parent_fd = -1;
	args.flags = RUN(SUPERVISE);
	/* a keeper supervises without a cgroup */
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, 0);
}

/* The directory belongs to an ordinary user, whose process is in it. */
static void a_user_may_use_a_delegated_cgroup(void)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	struct life life;
	char *inner;
	int tfd;

	CHECK_SYS(close(make_cgroup()));
	inner = test_fmt("%s/inner", running_cgroup);
	CHECK_SYS(mkdir(inner, 0755));
	CHECK_SYS(chown(running_cgroup, OTHER_UID, OTHER_UID));
	CHECK_SYS(chown(test_fmt("%s/cgroup.procs", running_cgroup), OTHER_UID,
			OTHER_UID));
	CHECK_SYS(chown(inner, OTHER_UID, OTHER_UID));
	CHECK_SYS(chown(test_fmt("%s/cgroup.procs", inner), OTHER_UID,
			OTHER_UID));
	write_file(test_fmt("%s/cgroup.procs", inner), "0");
	public_tree();
	become_other();
	tfd = public_tree();
	args = in_cgroup(-1, timed(TREE("(", "daemon", "ignore", TERM, "pause",
					")", "pause"),
				   800, 50));
	life_open(&life, &args.spawn);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags,
		 RESULT(TIMED_OUT) | RESULT(TREE_KILLED) | RESULT(CGROUP));
	CHECK(life_ends(&life, 0));
	CHECK_EQ(count_dirs(inner), 0);
}

/* ---- the supervisor ---- */

static void run_and_wait(void *arg)
{
	struct spawn_template_run_args *args = arg;
	struct spawn_template_result res;

	spawn_template_run(tree_template(), args, sizeof(*args), &res,
			   sizeof(res));
	_exit(1);
}

static void gone_within(const char *dir, int ms)
{
	for (; ms > 0 && count_dirs(dir); ms--)
		sleep_ms(1);
	CHECK_EQ(count_dirs(dir), 0);
}

/* Kills the caller of a run; all of the tree must go, and the directory. */
static void check_ends_with_the_caller(int sig)
{
	int parent = make_cgroup();
	struct spawn_template_run_args args =
		in_cgroup(parent, run_args(TREE("mark", "(", "setsid", "(",
						"ignore", TERM, "mark", "pause",
						")", ")", "(", "daemon", "mark",
						"pause", ")", "pause")));
	struct life life;
	pid_t caller;

	args.flags |= RUN(SUPERVISE);
	life_open(&life, &args.spawn);
	caller = CHECK_SYS(fork());
	if (!caller)
		run_and_wait(&args);
	for (int i = 0; i < 3; i++)
		CHECK(is_alive(life_pid(&life)));
	CHECK(!life_ends(&life, 50));
	CHECK_SYS(kill(caller, sig));
	CHECK(life_ends(&life, 5000));
	CHECK_SYS(waitpid(caller, NULL, 0));
	gone_within(running_cgroup, 5000);
}

static void the_tree_ends_when_the_caller_is_killed(void)
{
	check_ends_with_the_caller(SIGKILL);
}

static void the_tree_ends_when_the_caller_is_terminated(void)
{
	check_ends_with_the_caller(SIGTERM);
}

/* Ordinary ends, deadlines and failures are as without the supervisor. */
static void a_supervised_run_ends_as_any_other(void)
{
	int parent = make_cgroup(), tfd = tree_template();
	struct spawn_template_run_args args =
		in_cgroup(parent, run_args(TREE("cat", "exit", "13")));
	struct spawn_template_result res;

	args.flags = RUN(SUPERVISE); /* implies RUN_CGROUP */
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 13);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	CHECK_STR(res.out, "input");
	spawn_template_result_free(&res);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
	CHECK_EQ(run_any(tfd, &args, &res), -EBADF);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	args = in_cgroup(
		parent,
		timed(TREE("(", "daemon", "pause", ")", "pause"), 150, 0));
	args.flags = RUN(SUPERVISE) | RUN(CGROUP);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags,
		 RESULT(TIMED_OUT) | RESULT(TREE_KILLED) | RESULT(CGROUP));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* A daemon of the program ends with the call. */
static void leftovers_of_a_supervised_run_are_ended(void)
{
	int parent = make_cgroup();
	struct spawn_template_run_args args =
		in_cgroup(parent, run_args(TREE("(", "daemon", "mark", "pause",
						")", "sleep", "100")));
	struct spawn_template_result res;
	struct life life;

	args.flags = RUN(SUPERVISE);
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(CGROUP));
	life_pid(&life);
	CHECK(life_ends(&life, 500));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void *exec_when_told(void *arg)
{
	int *fds = arg;
	char c;

	CHECK_EQ(CHECK_SYS(read(fds[0], &c, 1)), 1);
	execl(test_tool("tree"), "tree", "sleep", "3000", NULL);
	return NULL;
}

/* The caller becomes another program, to which its runs do not belong. */
static void the_tree_ends_when_the_caller_execs(void)
{
	int parent = make_cgroup(), fds[2];
	struct spawn_template_run_args args = in_cgroup(
		parent,
		run_args(TREE("(", "daemon", "mark", "pause", ")", "pause")));
	struct life life;
	pid_t caller;

	args.flags = RUN(SUPERVISE);
	life_open(&life, &args.spawn);
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	caller = CHECK_SYS(fork());
	if (!caller) {
		start_thread(exec_when_told, fds);
		run_and_wait(&args);
	}
	CHECK(is_alive(life_pid(&life)));
	CHECK_EQ(CHECK_SYS(write(fds[1], "", 1)), 1);
	CHECK(life_ends(&life, 2500));
	CHECK(is_alive(caller));
	CHECK_SYS(kill(caller, SIGKILL));
	CHECK_SYS(waitpid(caller, NULL, 0));
	gone_within(running_cgroup, 5000);
}

static void *close_when_told(void *arg)
{
	int *fds = arg; /* a pipe to close, a pipe with the order to do so */
	char c;

	CHECK_EQ(CHECK_SYS(read(fds[2], &c, 1)), 1);
	CHECK_SYS(close(fds[1]));
	return NULL;
}

/* An fd that the host closes is closed: its supervisor does not hold it. */
static void the_supervisor_holds_nothing_open(void)
{
	int parent = make_cgroup(), fds[4];
	struct spawn_template_run_args args =
		in_cgroup(parent, run_args(TREE("mark", "pause")));
	struct life life;
	pid_t caller;
	char c;

	args.flags = RUN(SUPERVISE);
	life_open(&life, &args.spawn);
	CHECK_SYS(pipe(fds)); /* not close-on-exec */
	CHECK_SYS(pipe(fds + 2));
	caller = CHECK_SYS(fork());
	if (!caller) {
		start_thread(close_when_told, fds);
		run_and_wait(&args);
	}
	CHECK_SYS(close(fds[1]));
	CHECK(is_alive(life_pid(&life)));
	CHECK_EQ(CHECK_SYS(write(fds[3], "", 1)), 1);
	CHECK_EQ(read(fds[0], &c, 1), 0);
	CHECK(is_alive(caller));
	CHECK_SYS(kill(caller, SIGKILL));
	CHECK(life_ends(&life, 5000));
	CHECK_SYS(waitpid(caller, NULL, 0));
	gone_within(running_cgroup, 5000);
}

/* ---- fork bombs ---- */

/* The bomb has a user of its own, who may have few processes. */
static struct spawn_template_run_args bomb(char *const argv[])
{
	static uid_t uid = OTHER_UID;
	struct spawn_template_run_args args = timed(argv, 300, 0);

	args.spawn.flags =
		SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID;
	/* the zombies of an earlier bomb wait for the harness, and count */
	args.spawn.uid = args.spawn.gid = ++uid;
	return args;
}

static void check_bomb(int cgroup, int groups)
{
	struct rlimit limit = { 80, 80 };
	struct spawn_template_run_args args =
		groups ? bomb(TREE("ignore", TERM, "(", "setpgrp", "(", "bomb",
				   ")", "bomb", ")", "bomb"))
		       : bomb(TREE("ignore", TERM, "bomb"));
	struct spawn_template_action actions[3];
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	memcpy(actions, life.actions, sizeof(life.actions));
	actions[2] = ACT_RLIMIT(RLIMIT_NPROC, &limit);
	args.spawn.actions = (uintptr_t)actions;
	args.spawn.actions_len = 3;
	if (cgroup >= 0)
		args = in_cgroup(cgroup, args);
	res = run_only(public_tree(), &args);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(res.flags & RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
	check_took(&res, 300, 2000);
	CHECK_SYS(close(life.fds[0]));
}

static void a_fork_bomb_in_a_cgroup_is_ended(void)
{
	int parent = make_cgroup();

	check_bomb(parent, 0);
	check_bomb(parent, 1);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_fork_bomb_without_a_cgroup_is_ended(void)
{
	test_need_root();
	check_bomb(-1, 0);
	check_bomb(-1, 1);
}

static char *pids_dir;

static void remove_pids_dir(void)
{
	if (getpid() == running_cgroup_owner)
		rmdir(pids_dir);
}

/* Makes a cgroup that limits processes, of v1 or v2. Return: false without one. */
static bool enter_pids_cgroup(void)
{
	char mount[4096];

	find_mount("cgroup", "pids", mount);
	if (*mount) {
		pids_dir = test_fmt("%s/st-run-%d", mount, getpid());
		if (mkdir(pids_dir, 0755))
			return false;
		atexit(remove_pids_dir);
		running_cgroup_owner = getpid();
	} else {
		int fd = open(test_fmt("%s/../cgroup.subtree_control",
				       running_cgroup),
			      O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "+pids", 5) != 5)
			return false;
		CHECK_SYS(close(fd));
		pids_dir = running_cgroup;
		if (access(test_fmt("%s/pids.max", pids_dir), W_OK))
			return false;
	}
	write_file(test_fmt("%s/pids.max", pids_dir), "70");
	return true;
}

static void bomb_under_the_controller(void *arg)
{
	struct spawn_template_run_args args = in_cgroup(
		*(int *)arg,
		timed(TREE("(", "setsid", "bomb", ")", "bomb"), 300, 0));
	struct spawn_template_result res;
	struct life life;

	write_file(test_fmt("%s/cgroup.procs", pids_dir), "0");
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.flags,
		 RESULT(TIMED_OUT) | RESULT(TREE_KILLED) | RESULT(CGROUP));
	CHECK(life_ends(&life, 0));
	check_took(&res, 300, 2000);
}

static void a_fork_bomb_under_a_pids_limit_is_ended(void)
{
	int parent = make_cgroup();

	if (!enter_pids_cgroup())
		TEST_SKIP("no pids controller");
	test_in_child(bomb_under_the_controller, &parent);
}

static const struct test_case cases[] = {
	TEST_CASE(nothing_ends_a_run_without_a_deadline),
	TEST_CASE(times_beyond_all_clocks_never_come),
	TEST_CASE(the_deadline_sends_term),
	TEST_CASE(a_program_may_handle_term),
	TEST_CASE(a_program_that_ignores_term_is_killed),
	TEST_CASE(a_program_may_use_its_grace),
	TEST_CASE(the_deadline_kills_at_once_without_grace),
	TEST_CASE(a_deadline_that_is_over_kills_at_once),
	TEST_CASE(three_generations_are_killed),
	TEST_CASE(three_generations_that_obey_are_not_killed),
	TEST_CASE(groups_and_sessions_below_are_ended),
	TEST_CASE(orphans_in_the_group_are_ended),
	TEST_CASE(orphans_in_the_session_are_ended),
	TEST_CASE(a_shared_group_is_not_ended),
	TEST_CASE(a_grandchild_that_ignores_term_is_killed),
	TEST_CASE(a_relay_does_not_escape),
	TEST_CASE(output_does_not_hold_up_the_deadline),
	TEST_CASE(blocked_input_does_not_hold_up_the_deadline),
	TEST_CASE(a_holder_of_the_pipes_is_not_waited_for),
	TEST_CASE(a_holder_of_any_stream_is_told),
	TEST_CASE(a_holder_that_writes_is_read_for_a_second),
	TEST_CASE(a_flood_before_the_quiet_is_read_whole),
	TEST_CASE(a_held_pipe_is_read_for_as_long_as_asked),
	TEST_CASE(a_held_pipe_is_given_up_at_the_bounds),
	TEST_CASE(no_bounds_do_not_outlast_the_end_of_the_tree),
	TEST_CASE(the_deadline_ends_a_holder_that_writes),
	TEST_CASE(a_stopped_program_times_out),
	TEST_CASE(stopping_and_continuing_does_not_end_a_run),
	TEST_CASE(a_traced_program_ends_as_usual),
	TEST_CASE(a_tracer_that_holds_the_dead_does_not_hang_the_run),
	TEST_CASE(the_cgroup_is_made_below_the_given_one),
	TEST_CASE(the_cgroup_is_made_below_the_callers),
	TEST_CASE(a_cgroup_ends_daemons_and_orphans),
	TEST_CASE(a_cgroup_in_which_all_obey_is_not_killed),
	TEST_CASE(leftovers_are_moved_out_of_the_cgroup),
	TEST_CASE(a_bad_cgroup_parent_fails_the_run),
	TEST_CASE(a_run_goes_without_a_cgroup_if_there_can_be_none),
	TEST_CASE(a_user_may_use_a_delegated_cgroup),
	TEST_CASE(the_tree_ends_when_the_caller_is_killed),
	TEST_CASE(the_tree_ends_when_the_caller_is_terminated),
	TEST_CASE(a_supervised_run_ends_as_any_other),
	TEST_CASE(leftovers_of_a_supervised_run_are_ended),
	TEST_CASE(the_tree_ends_when_the_caller_execs),
	TEST_CASE(the_supervisor_holds_nothing_open),
	TEST_CASE(a_fork_bomb_in_a_cgroup_is_ended),
	TEST_CASE(a_fork_bomb_without_a_cgroup_is_ended),
	TEST_CASE(a_fork_bomb_under_a_pids_limit_is_ended),
};
TEST_MAIN(cases)
