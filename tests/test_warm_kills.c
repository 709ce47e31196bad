/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever process is killed, at any time, launches go on, and nothing is left when
 * the host has ended.
 */
#include "parked.h"

#include <linux/sched.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ---- killed processes */

static atomic_int killed, stop;

/* Kills whatever child there is: helpers, parked ones, programs. */
static void *kill_all(void *seed)
{
	unsigned int at = *(unsigned int *)seed;
	pid_t pids[16];

	while (!atomic_load(&stop)) {
		int n = children(pids, 16);

		for (int i = 0; i < n; i++)
			killed += kill(pids[i], SIGKILL) == 0;
		at = at * 1103515245 + 12345;
		usleep((at >> 16) % 3000);
	}
	return NULL;
}

static void survives_kills(uint64_t flags)
{
	unsigned int seed = (unsigned int)getpid();
	int tfd = open_warm(test_tool("probe"), flags), fds, ret;
	struct spawn_template_spawn_args args;
	pthread_t thread;

	fds = test_count_fds();
	atomic_store(&stop, 0);
	CHECK_EQ(pthread_create(&thread, NULL, kill_all, &seed), 0);
	for (int i = 0; i < 300; i++) {
		test_doing("launch %d, %d killed", i, killed);
		args = test_args(NULL, TEST_ARGV("probe"));
		ret = test_spawn_args(tfd, args);
		/* the program, or its child before exec, was killed */
		if (ret != 0 && ret != -ECHILD)
			CHECK_EQ(ret, 128 + SIGKILL);
		usleep(1000);
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	CHECK_GT(killed, 20);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
	/* this thread and the keeper have files of /proc open */
	CHECK_LE(test_count_fds(), fds + 14);
}

static void launches_survive_kills_at_any_step_once(void)
{
	survives_kills(ONCE);
}

static void launches_survive_kills_at_any_step_fork(void)
{
	survives_kills(FORK);
}

/* ---- what is replaced, and when */

/* Return: the process that forks; with *spare, the one that waits. */
static pid_t parked_of(int tfd, pid_t *spare)
{
	pid_t pids[16];
	int n;

	await_ready(tfd);
	n = children(pids, 16);
	CHECK_EQ(n, 2);
	*spare = pids[0] > pids[1] ? pids[0] : pids[1];
	return pids[0] > pids[1] ? pids[1] : pids[0];
}

/* Kills it, and waits: a process may take a launch on its way to its end. */
static void end(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	for (int i = 0; i < 2500 && test_process_state(pid) != 'Z'; i++)
		nap();
	CHECK_EQ(test_process_state(pid), 'Z');
}

/* The launch is served by a process that is forked in place of the killed one. */
static void a_killed_spare_is_replaced_by_the_launch_that_needs_it(void)
{
	int tfd = ready_probe(FORK);
	pid_t spare;

	for (int i = 0; i < 3; i++) {
		parked_of(tfd, &spare);
		end(spare);
		CHECK_WARM(tfd,
			   CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	}
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(LOST)], 0);
}

static void a_killed_spare_does_not_hold_up_a_begun_launch(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe"));
	int tfd = ready_probe(FORK), pidfd;
	struct spawn_template_begin *b;
	pid_t spare;

	parked_of(tfd, &spare);
	end(spare);
	CHECK_WARM(tfd, {
		CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
		CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	});
	CHECK_EQ(test_wait(pidfd), 0);
}

/* Waits, without a launch, until another process than these forks. */
static void await_others(int tfd, pid_t old, pid_t spare)
{
	pid_t pids[16];
	int n = 0, others = 0;

	for (int i = 0; i < 2500 && others < 2; i++) {
		nap();
		n = children(pids, 16);
		others = 0;
		for (int k = 0; k < n; k++)
			others += pids[k] != old && pids[k] != spare &&
				  test_process_state(pids[k]) != 'Z';
	}
	CHECK_GE(others, 2);
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
}

/* The launch has another one forked, which does not come. */
static void a_killed_parked_process_is_replaced_without_a_launch(void)
{
	int tfd = ready_probe(FORK);
	pid_t spare, old = parked_of(tfd, &spare);

	CHECK_SYS(kill(old, SIGSTOP));
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	CHECK_EQ(stat_of(tfd).warm_ready, 0);
	CHECK_SYS(kill(old, SIGKILL));
	await_others(tfd, old, spare);
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(LOST)], 0);
}

/* Has the signal end or stop all processes that wait, and those forked meanwhile. */
static void signal_all(int sig)
{
	int left;

	do {
		pid_t pids[16];

		left = 0;
		for (int n = children(pids, 16); n-- > 0;) {
			const int state = test_process_state(pids[n]);

			/* one that was lost before may be reaped right now */
			if (state == 'Z' || state == 'T' || state <= 0)
				continue;
			kill(pids[n], sig);
			left++;
		}
		nap();
	} while (left);
}

/* Loses the processes that wait before each of some launches. */
static void lose(int tfd, int sig, int times)
{
	for (int i = 0; i < times; i++) {
		test_doing("loss %d by signal %d", i, sig);
		await_ready(tfd);
		signal_all(sig);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	}
}

/* So many losses in a row are made up for at once; further ones after 50 ms << n. */
#define LOST_AT_ONCE 4
#define LOST_MORE 3

static void lost_again_and_again(uint64_t flags, int sig)
{
	struct timespec a, b;
	int tfd = ready_probe(flags);

	lose(tfd, sig, LOST_AT_ONCE + LOST_MORE - 1);
	clock_gettime(CLOCK_MONOTONIC, &a);
	lose(tfd, sig, 1);
	await_ready(tfd);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(LOST)],
		 LOST_AT_ONCE + LOST_MORE);
	CHECK_GE((b.tv_sec - a.tv_sec) * 1000 +
			 (b.tv_nsec - a.tv_nsec) / 1000000,
		 50 << LOST_MORE);
	/* it serves: what has ended the others is over */
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

static void processes_that_are_killed_each_time_are_replaced_later(void)
{
	lost_again_and_again(ONCE, SIGKILL);
	lost_again_and_again(FORK, SIGKILL);
}

static void processes_that_are_stopped_each_time_are_replaced_later(void)
{
	lost_again_and_again(FORK, SIGSTOP);
}

/* ---- a process that takes its launch at the last moment */

struct late {
	atomic_int spare, traced; /* set by the host, and by its tracer */
	int ret, cold;
};

/* Launches from a process that is stopped: the tracer lets it go on. */
static void launch_late(struct late *late)
{
	int tfd = ready_probe(FORK), cold = (int)stat_of(tfd).cold;
	pid_t spare;

	parked_of(tfd, &spare);
	CHECK_SYS(kill(spare, SIGSTOP));
	while (test_process_state(spare) != 'T')
		nap();
	atomic_store(&late->spare, spare);
	while (!atomic_load(&late->traced))
		nap();
	late->ret = test_spawn(tfd, TEST_ARGV("probe"));
	late->cold = (int)stat_of(tfd).cold - cold;
	_exit(0);
}

/* Tells whether the host, at a system call, is about to ask if the process has ended. */
static bool asks_for_end(pid_t host, pid_t pid)
{
	struct __ptrace_syscall_info info;
	char line[80];
	int of = 0;
	FILE *f;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, host, sizeof(info), &info) < 0)
		TEST_SKIP("PTRACE_GET_SYSCALL_INFO: %s", strerror(errno));
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    info.entry.nr != SYS_waitid || info.entry.args[0] != P_PIDFD)
		return false;
	f = fopen(test_fmt("/proc/%d/fdinfo/%d", host, (int)info.entry.args[1]),
		  "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &of);
	if (f)
		fclose(f);
	return of == pid;
}

static void run_to_its_end(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGCONT));
	for (int i = 0; i < 2500 && test_process_state(pid) != 'Z'; i++)
		nap();
	CHECK_EQ(test_process_state(pid), 'Z');
}

static void trace_late(pid_t host, struct late *late)
{
	int status, sig = 0;
	bool went_on = false;

	while (!atomic_load(&late->spare)) {
		if (waitpid(host, &status, WNOHANG) == host)
			_exit(WEXITSTATUS(status)); /* it has said why */
		nap();
	}
	CHECK_SYS(ptrace(PTRACE_SEIZE, host, NULL,
			 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	CHECK_SYS(ptrace(PTRACE_INTERRUPT, host, NULL, NULL));
	atomic_store(&late->traced, 1);
	while (waitpid(host, &status, __WALL) == host && WIFSTOPPED(status)) {
		sig = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			sig = status >> 16 ? 0 : WSTOPSIG(status);
		} else if (!went_on && asks_for_end(host, late->spare)) {
			run_to_its_end(late->spare);
			went_on = true;
		}
		ptrace(PTRACE_SYSCALL, host, NULL, sig);
	}
	CHECK(went_on);
}

/* The caller looks for processes that have ended, and this one is its own program's. */
static void a_program_that_ends_while_the_dead_are_reaped_is_kept(void)
{
	struct late *late = mmap(NULL, sizeof(*late), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t host;

	CHECK(late != MAP_FAILED);
	host = CHECK_SYS(fork());
	if (host == 0)
		launch_late(late);
	trace_late(host, late);
	CHECK_EQ(late->ret, 0);
	CHECK_EQ(late->cold, 0);
}

#define USER 64328 /* a user id of this test alone */

/* A process that forks finds no room for one, and later it does. */
static void a_fork_that_failed_is_made_up_for_without_a_launch(void)
{
	struct rlimit none = { 1, 1000 }, many = { 1000, 1000 };
	pid_t spare, old;
	int tfd;

	test_need_root();
	CHECK_SYS(syscall(SYS_setresuid, USER, USER, USER));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* may be traced */
	tfd = ready_probe(FORK);
	old = parked_of(tfd, &spare);
	CHECK_SYS(prlimit(old, RLIMIT_NPROC, &none, NULL));
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	usleep(50000);
	CHECK_EQ(stat_of(tfd).warm_ready, 0);
	CHECK_SYS(prlimit(old, RLIMIT_NPROC, &many, NULL));
	await_ready(tfd);
	CHECK_EQ(stat_of(tfd).cold, 2); /* the first ones */
}

/* ---- the end of the host */

struct host {
	pid_t pids[8];
	int n;
};

static bool lives(pid_t pid)
{
	return kill(pid, 0) == 0 && test_process_state(pid) != 'Z';
}

static void await_end(const struct host *host)
{
	int left = 0;

	for (int i = 0; i < 500; i++) {
		left = 0;
		for (int k = 0; k < host->n; k++)
			left += lives(host->pids[k]);
		if (!left)
			break;
		nap();
	}
	CHECK_EQ(left, 0);
}

/* Runs a host that tells its parked processes and then goes its way. */
static pid_t start_host(void (*way)(void), struct host *host)
{
	int fds[2];
	pid_t pid;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (pid == 0) {
		memset(host, 0, sizeof(*host));
		ready_probe(FORK);
		ready_probe(ONCE);
		host->n = children(host->pids, 8);
		CHECK_EQ(write(fds[1], host, sizeof(*host)), sizeof(*host));
		way();
		_exit(1);
	}
	CHECK_EQ(read(fds[0], host, sizeof(*host)), sizeof(*host));
	CHECK_GE(host->n, 3);
	return pid;
}

static void be_killed(void)
{
	kill(getpid(), SIGKILL);
}

/* A child without exec keeps copies of the host's descriptors. */
static void leave_a_fork(void)
{
	if (fork() == 0)
		usleep(4000000);
	kill(getpid(), SIGKILL);
}

static void exec_another(void)
{
	char *argv[] = { "probe", "sleep", "4000", NULL };

	execv(test_tool("probe"), argv);
}

static void nothing_is_left_of_a_killed_host(void)
{
	struct host host;
	int status;
	pid_t pid = start_host(be_killed, &host);

	CHECK_SYS(waitpid(pid, &status, 0));
	await_end(&host);
}

static void nothing_is_left_of_a_killed_host_that_forked(void)
{
	struct host host;
	int status;
	pid_t pid = start_host(leave_a_fork, &host);

	CHECK_SYS(waitpid(pid, &status, 0));
	await_end(&host);
}

static void launch_for_ever(uint64_t flags)
{
	int tfd = open_warm(test_tool("probe"), flags);

	for (;;) {
		test_spawn(tfd, TEST_ARGV("probe"));
		usleep(300);
	}
}

/* Orphans become children of this process, which is a subreaper. */
static void nothing_is_left_of_hosts_killed_at_any_time(void)
{
	unsigned int seed = (unsigned int)getpid();

	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int i = 0; i < 40; i++) {
		pid_t pid = CHECK_SYS(fork());

		if (pid == 0)
			launch_for_ever(i % 2 ? ONCE : FORK);
		seed = seed * 1103515245 + 12345;
		usleep(10000 + (seed >> 16) % 20000);
		CHECK_SYS(kill(pid, SIGKILL));
		CHECK_SYS(waitpid(pid, NULL, 0));
		for (int k = 0; k < 500 && waitpid(-1, NULL, WNOHANG) >= 0; k++)
			nap();
		CHECK(test_no_children());
	}
}

static void nothing_is_left_when_the_host_executes_another_program(void)
{
	struct host host;
	pid_t pid = start_host(exec_another, &host);

	await_end(&host);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
}

/* ---- ids that are used again */

/* Makes a child with this id, which waits to be killed. */
static void take_id(pid_t id)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&id,
		.set_tid_size = 1,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0 && (errno == EPERM || errno == ENOSYS || errno == EINVAL))
		TEST_SKIP("the kernel lets nobody choose an id");
	CHECK_SYS(pid);
	if (pid == 0)
		for (;;)
			pause();
}

/*
 * A host that reaps all its children, and closes all descriptors that it does not
 * know, may have other children with the ids of parked processes.
 */
static void leave_strangers_alone(uint64_t flags)
{
	int tfd = ready_probe(flags), n;
	pid_t pids[16];
	siginfo_t info;

	usleep(20000);
	n = children(pids, 16);
	CHECK_GT(n, 0);
	for (int fd = 3; fd < 200; fd++)
		if (fd != tfd)
			close(fd);
	for (int i = 0; i < n; i++)
		CHECK_SYS(kill(pids[i], SIGKILL));
	for (int i = 0; i < n; i++)
		CHECK_SYS(waitpid(pids[i], NULL, 0));
	for (int i = 0; i < n; i++)
		take_id(pids[i]);
	CHECK_OK(spawn_template_close(tfd));
	usleep(100000);
	for (int i = 0; i < n; i++) {
		info.si_pid = 0;
		CHECK_SYS(waitid(P_PID, (id_t)pids[i], &info,
				 WEXITED | WNOHANG | WNOWAIT));
		CHECK_EQ(info.si_pid, 0);
		CHECK_SYS(kill(pids[i], SIGKILL));
		CHECK_SYS(waitpid(pids[i], NULL, 0));
	}
	await_no_children();
}

static void strangers_that_reuse_ids_are_left_alone(void)
{
	test_need_root();
	leave_strangers_alone(ONCE);
	leave_strangers_alone(FORK);
}

/* As those of a Python that prepares Pythons: only their memory tells them apart. */
static void forks_of_a_host_with_the_programs_name_are_left_alone(void)
{
	test_need_root();
	CHECK_SYS(prctl(PR_SET_NAME, "probe"));
	leave_strangers_alone(ONCE);
	leave_strangers_alone(FORK);
}

static const struct test_case cases[] = {
	TEST_CASE(launches_survive_kills_at_any_step_once),
	TEST_CASE(launches_survive_kills_at_any_step_fork),
	TEST_CASE(a_killed_spare_is_replaced_by_the_launch_that_needs_it),
	TEST_CASE(a_killed_spare_does_not_hold_up_a_begun_launch),
	TEST_CASE(a_killed_parked_process_is_replaced_without_a_launch),
	TEST_CASE(processes_that_are_killed_each_time_are_replaced_later),
	TEST_CASE(processes_that_are_stopped_each_time_are_replaced_later),
	TEST_CASE(a_fork_that_failed_is_made_up_for_without_a_launch),
	TEST_CASE(a_program_that_ends_while_the_dead_are_reaped_is_kept),
	TEST_CASE(nothing_is_left_of_a_killed_host),
	TEST_CASE(nothing_is_left_of_a_killed_host_that_forked),
	TEST_CASE(nothing_is_left_of_hosts_killed_at_any_time),
	TEST_CASE(nothing_is_left_when_the_host_executes_another_program),
	TEST_CASE(strangers_that_reuse_ids_are_left_alone),
	TEST_CASE(forks_of_a_host_with_the_programs_name_are_left_alone),
};
TEST_MAIN(cases)
