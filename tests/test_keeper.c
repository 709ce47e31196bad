/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RUN_SUPERVISE without a cgroup: an ordinary user, who may make none. All of a tree
 * holds a pipe (struct life), whose end tells that the tree is dead.
 */
#include "rings.h"
#include "denied.h"

#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "run/keeper.h"

#define TERM test_fmt("%d", SIGTERM)
#define OTHER_UID 64124

/* Return: a template of "tree", for a user who may write no cgroup. */
static int without_cgroups(void)
{
	if (geteuid())
		return public_tree();
	public_tree();
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	return public_tree();
}

static struct spawn_template_run_args supervised(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(SUPERVISE);
	return args;
}

static void programs_end_as_without_a_keeper(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args =
		supervised(TREE("cat", "err", "e", "burn", "60", "exit", "13"));
	struct spawn_template_result res;

	args.input = (uintptr_t) "input";
	args.input_len = 5;
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 13);
	CHECK_EQ(res.flags, 0);
	CHECK_STR(res.out, "input");
	CHECK_STR(res.err, "e");
	CHECK_GE(res.user_us + res.system_us, 20000);
	spawn_template_result_free(&res);
	args = supervised(TREE("raise", TERM));
	res = run_only(tfd, &args);
	CHECK_EQ(res.signal, SIGTERM);
	CHECK_EQ(res.flags, 0);
}

static void launches_fail_as_without_a_keeper(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(TREE("exit", "0"));
	struct spawn_template_failure failure = { .error = 0 };
	struct spawn_template_result res;

	TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
	args.spawn.failure = (uintptr_t)&failure;
	CHECK_EQ(run_any(tfd, &args, &res), -EBADF);
	CHECK_EQ(failure.error, EBADF);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
}

/* It has a session of its own, and its parent has ended. */
static void a_daemon_is_ended_at_the_deadline(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(
		TREE("(", "daemon", "ignore", TERM, "pause", ")", "pause"));
	struct spawn_template_result res;
	struct life life;

	args.timeout_ns = 400 * MS;
	args.grace_ns = 100 * MS;
	life_open(&life, &args.spawn);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
}

static void daemons_are_leftovers(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args =
		supervised(TREE("(", "daemon", "pause", ")", "(", "daemon",
				"pause", ")", "sleep", "300", "exit", "5"));
	struct spawn_template_result res;
	struct life life;

	args.flags |= RUN(END_LEFTOVERS);
	args.grace_ns = 60 * SECOND;
	life_open(&life, &args.spawn);
	res = run_only(tfd, &args);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(res.code, 5);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS));
	CHECK_EQ(res.leftovers, 2);
	CHECK_LE(res.total_ns, at_most_ms(3000) * MS);
}

static void a_daemon_ends_with_the_run(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(
		TREE("(", "daemon", "mark", "pause", ")", "sleep", "200"));
	struct spawn_template_result res;
	struct life life;

	life_open(&life, &args.spawn);
	res = run_only(tfd, &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, 0);
	life_pid(&life);
	CHECK(life_ends(&life, (int)at_most_ms(1000)));
}

/* Each process forks and ends, so that nobody finds one that lives for long. */
static void a_chain_of_forks_is_ended(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args =
		supervised(TREE("(", "daemon", "relay", ")", "sleep", "200"));
	struct life life;

	life_open(&life, &args.spawn);
	run_only(tfd, &args);
	CHECK(life_ends(&life, (int)at_most_ms(5000)));
}

static void check_ends_with_the_caller(int sig)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(
		TREE("mark", "(", "setsid", "ignore", TERM, "mark", "pause",
		     ")", "(", "daemon", "mark", "pause", ")", "pause"));
	struct spawn_template_result res;
	struct life life;
	pid_t caller;

	life_open(&life, &args.spawn);
	caller = CHECK_SYS(fork());
	if (!caller) {
		tfd = public_tree();
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res));
		_exit(1);
	}
	for (int i = 0; i < 3; i++)
		CHECK(is_alive(life_pid(&life)));
	CHECK(!life_ends(&life, 50));
	CHECK_SYS(kill(caller, sig));
	CHECK(life_ends(&life, 5000));
	CHECK_SYS(waitpid(caller, NULL, 0));
}

static void the_tree_ends_when_the_caller_is_killed(void)
{
	check_ends_with_the_caller(SIGKILL);
}

static void the_tree_ends_when_the_caller_is_terminated(void)
{
	check_ends_with_the_caller(SIGTERM);
}

/* The program kills its parent, which is the keeper, and ends with it. */
static void a_program_ends_with_its_keeper(void)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;

	without_cgroups();
	args = supervised(
		TEST_ARGV("sh", "-c", "sleep 0.5; kill -9 $PPID; sleep 60"));
	res = run_only(CHECK_OK(spawn_template_open("/bin/sh", 0)), &args);
	CHECK(res.flags & RESULT(STATUS_LOST));
	CHECK_LE(res.total_ns, at_most_ms(5000) * MS);
}

static void a_stopped_keeper_goes_on(void)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	struct life life;

	without_cgroups();
	args = supervised(TEST_ARGV("sh", "-c",
				    "setsid sleep 60 </dev/null >&0 2>&0 & "
				    "sleep 0.5; kill -STOP $PPID; exit 3"));
	life_open(&life, &args.spawn);
	res = run_only(CHECK_OK(spawn_template_open("/bin/sh", 0)), &args);
	CHECK_EQ(res.code, 3);
	CHECK_EQ(res.flags, 0);
	CHECK_LE(res.total_ns, at_most_ms(5000) * MS);
	CHECK(life_ends(&life, (int)at_most_ms(1000)));
	CHECK(test_no_children());
}

/* The keeper cannot tell of them. They are found by their group. */
static void leftovers_are_ended_without_the_keeper(void)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	struct life life;

	without_cgroups();
	args = supervised(TEST_ARGV(
		"sh", "-c",
		"sleep 60 </dev/null >&0 2>&0 & sleep 0.5; kill -9 $PPID; sleep 60"));
	args.flags |= RUN(END_LEFTOVERS);
	args.grace_ns = 60 * SECOND;
	life_open(&life, &args.spawn);
	res = run_only(CHECK_OK(spawn_template_open("/bin/sh", 0)), &args);
	CHECK(life_ends(&life, 0));
	CHECK(res.flags & RESULT(LEFTOVERS));
	CHECK_GE(res.leftovers, 1);
}

static void rings_keep_many_runs(void)
{
	int tfd = without_cgroups();
	struct spawn_template_ring *ring = ring_new(16, 2);
	struct spawn_template_run_args args = supervised(
		TREE("(", "daemon", "pause", ")", "sleep", "200", "exit", "6"));
	struct spawn_template_cqe *cqe;
	struct life life;

	args.flags |= RUN(END_LEFTOVERS);
	life_open(&life, &args.spawn);
	for (int i = 0; i < 16; i++)
		queue_run_args(ring, tfd, &args, 1);
	for (int i = 0; i < 16; i++) {
		cqe = ring_take_of(ring, 1);
		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->code, 6);
		CHECK_EQ(cqe->result->leftovers, 1);
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK(life_ends(&life, 0));
	spawn_template_ring_exit(ring);
	CHECK(test_no_children());
}

static void a_stuck_launch_is_ended(void)
{
	struct spawn_template_ring *ring;
	struct spawn_template_run_args args;
	struct spawn_template_cqe *cqe;
	struct hold hold;
	int tfd;

	hold_make(&hold, "fifo");
	CHECK_SYS(chmod(hold.fifo, 0666));
	tfd = without_cgroups();
	ring = ring_new(2, 1);
	args = supervised(TREE("exit", "5"));
	hold_args(&hold, &args.spawn);
	args.timeout_ns = 200 * MS;
	queue_run_args(ring, tfd, &args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -ETIMEDOUT);
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	args.timeout_ns = 0;
	queue_run_args(ring, tfd, &args, 2);
	spawn_template_ring_submit(ring);
	sleep_ms(100);
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), 1);
	cqe = ring_take_of(ring, 2);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

static void a_keeper_needs_no_signalfd(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args =
		supervised(TREE("sleep", "100", "exit", "4"));
	struct spawn_template_result res;

	if (denied_install(SYS_signalfd4, 0, 0, 0, EPERM))
		TEST_SKIP("seccomp is not allowed");
	res = run_only(tfd, &args);
	CHECK_EQ(res.code, 4);
	CHECK_LE(res.total_ns, at_most_ms(5000) * MS);
}

/* The caller could not know the program by a pidfd, and so it must not begin. */
static void nothing_is_launched_without_a_pidfd(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(TREE("mark", "pause"));
	struct spawn_template_result res;
	struct life life;

	if (denied_install(SYS_pidfd_open, 0, 0, 0, EPERM))
		TEST_SKIP("seccomp is not allowed");
	life_open(&life, &args.spawn);
	CHECK_EQ(run_any(tfd, &args, &res), -EOPNOTSUPP);
	life_let_go(&life);
	CHECK_EQ(read(life.fds[0], &(char){ 0 }, 1), 0);
}

/* ---- the host closes what is the library's ---- */

static int next_socket(int fd)
{
	struct stat st;

	while (++fd < 1000)
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			break;
	return fd;
}

/* Finds a socket among the fds that were free before. */
static int new_socket(const bool *before)
{
	int fd = next_socket(2);

	while (fd < 1000 && before[fd])
		fd = next_socket(fd);
	CHECK_LT(fd, 1000);
	return fd;
}

/* Puts one end of a new pair at a number. Return: the other end. */
static int replace_with_pair(int fd)
{
	int fds[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_SYS(dup3(fds[0], fd, O_CLOEXEC));
	CHECK_SYS(close(fds[0]));
	return fds[1];
}

static void a_file_at_the_lifelines_number_is_left_alone(void)
{
	int tfd = without_cgroups(), fd, other;
	struct spawn_template_ring *ring = ring_new(2, 1);
	struct spawn_template_run_args args = supervised(TREE("mark", "pause"));
	struct spawn_template_cqe *cqe;
	bool before[1000] = { false };
	struct life life;
	char buf[512];

	life_open(&life, &args.spawn);
	for (fd = next_socket(2); fd < 1000; fd = next_socket(fd))
		before[fd] = true;
	queue_run_args(ring, tfd, &args, 1);
	CHECK_GE(spawn_template_ring_submit(ring), 0);
	life_pid(&life);
	/* the launch is over */
	sleep_ms(200);
	fd = new_socket(before);
	other = replace_with_pair(fd);
	CHECK_EQ(CHECK_SYS(write(other, buf, sizeof(buf))), sizeof(buf));
	cqe = ring_take_of(ring, 1);
	CHECK(cqe->result->flags & RESULT(STATUS_LOST));
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	CHECK_EQ(CHECK_SYS(read(fd, buf, sizeof(buf))), sizeof(buf));
	CHECK_EQ(CHECK_SYS(write(fd, buf, 1)), 1);
}

/* ---- numbers of processes ---- */

static void check_not_supported(void)
{
	int tfd = without_cgroups();
	struct spawn_template_run_args args = supervised(TREE("exit", "0"));
	struct spawn_template_result res;

	CHECK_EQ(run_any(tfd, &args, &res), -EOPNOTSUPP);
}

static void try_unshare(void *may)
{
	*(bool *)may = unshare(CLONE_NEWPID) == 0;
}

/*
 * Calls a function in a process whose children are in a new pid namespace: a sanitizer
 * could not look for leaks at the end of the case's own.
 */
static void in_pid_namespace(void (*fn)(void *))
{
	bool *may = mmap(NULL, sizeof(*may), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(may != MAP_FAILED);
	test_in_child(try_unshare, may);
	if (geteuid() || !*may)
		TEST_SKIP("unshare(CLONE_NEWPID) is not allowed");
	test_in_child(fn, NULL);
}

static void beside_an_init(void *unused)
{
	int fds[2];
	pid_t init;
	char end;

	(void)unused;
	CHECK_SYS(unshare(CLONE_NEWPID));
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	init = CHECK_SYS(fork());
	if (!init) {
		close(fds[1]);
		_exit((int)read(fds[0], &end, 1));
	}
	check_not_supported();
	CHECK_SYS(close(fds[1]));
	CHECK_SYS(waitpid(init, NULL, 0));
}

/* The program's number there is another process's here. */
static void a_pid_namespace_of_the_children_is_not_supported(void)
{
	in_pid_namespace(beside_an_init);
}

static void as_the_init(void *unused)
{
	pid_t pid;
	int status;

	(void)unused;
	CHECK_SYS(unshare(CLONE_NEWPID));
	pid = CHECK_SYS(fork());
	if (!pid) {
		check_not_supported();
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}

/* The numbers in that are other processes' here. */
static void the_proc_of_another_pid_namespace_is_not_used(void)
{
	in_pid_namespace(as_the_init);
}

/* As one that the program has stopped. The thread that asks has other runs, too. */
static void a_silent_keeper_is_waited_for_once(void)
{
	struct st_keeper k = ST_KEEPER_NONE;
	uint64_t before;
	int fds[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	k.lifeline = fds[0];
	st_own_take(&k.line, k.lifeline);
	before = now_ms();
	for (int i = 0; i < 500; i++)
		CHECK(!st_keeper_has_told(&k));
	CHECK_LT(now_ms() - before, at_most_ms(500));
	CHECK_EQ(write(fds[1], &k.end, sizeof(k.end)), sizeof(k.end));
	CHECK(st_keeper_has_told(&k));
	CHECK(k.told && !k.lost);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));
}

static const struct test_case cases[] = {
	TEST_CASE(a_silent_keeper_is_waited_for_once),
	TEST_CASE(programs_end_as_without_a_keeper),
	TEST_CASE(launches_fail_as_without_a_keeper),
	TEST_CASE(a_daemon_is_ended_at_the_deadline),
	TEST_CASE(daemons_are_leftovers),
	TEST_CASE(a_daemon_ends_with_the_run),
	TEST_CASE(a_chain_of_forks_is_ended),
	TEST_CASE(the_tree_ends_when_the_caller_is_killed),
	TEST_CASE(the_tree_ends_when_the_caller_is_terminated),
	TEST_CASE(a_program_ends_with_its_keeper),
	TEST_CASE(a_stopped_keeper_goes_on),
	TEST_CASE(leftovers_are_ended_without_the_keeper),
	TEST_CASE(rings_keep_many_runs),
	TEST_CASE(a_stuck_launch_is_ended),
	TEST_CASE(a_keeper_needs_no_signalfd),
	TEST_CASE(nothing_is_launched_without_a_pidfd),
	TEST_CASE(a_file_at_the_lifelines_number_is_left_alone),
	TEST_CASE(a_pid_namespace_of_the_children_is_not_supported),
	TEST_CASE(the_proc_of_another_pid_namespace_is_not_used),
};
TEST_MAIN(cases)
