/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared processes in hosts of all kinds: files are replaced, the host reaps all or
 * none, or may not trace.
 */
#include "changes.h"
#include "parked.h"
#include "rings.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* ---- upgrades */

static char *copy_tool(const char *from, const char *to)
{
	char *path = test_path("%s", to);

	test_copy(test_tool(from), test_path("new"), 0755);
	CHECK_SYS(rename(test_path("new"), path));
	return path;
}

static void replace_library(int version)
{
	copy_tool(version == 1 ? "library/libworks.so"
			       : "library/libworks-2.so",
		  "libworks.so");
}

static void launch_from(int tfd, int version)
{
	CHECK_STR(test_output(tfd, TEST_ARGV("uses")),
		  test_fmt("version %d\n", version));
}

static void runs_the_new_library(uint64_t flags)
{
	int tfd, version = 1;

	replace_library(version);
	tfd = open_warm(copy_tool("library/uses", "uses"), flags);
	launch_from(tfd, version);
	for (int i = 0; i < 8; i++) {
		launch_from(tfd, version);
		await_ready(tfd);
		/* now and then a process is parked with the old one */
		if (i % 3 == 2)
			usleep(1000);
		version = 3 - version;
		replace_library(version);
		launch_from(tfd, version);
	}
	CHECK_GT(stat_of(tfd).cold_reasons[COLD(FILES)], 0);
	CHECK_WARM(tfd, launch_from(tfd, version));
}

static void a_replaced_library_is_never_run(void)
{
	runs_the_new_library(ONCE);
	runs_the_new_library(FORK);
}

static atomic_int newest;

static void *replace_often(void *arg)
{
	for (int i = 0; i < 200; i++) {
		replace_library(i % 2 + 1);
		usleep(2000);
	}
	atomic_store((atomic_int *)arg, 1);
	return NULL;
}

/* While files are replaced, each launch succeeds, with the one or the other. */
static void launches_work_while_a_library_is_replaced(void)
{
	pthread_t thread;
	int tfd, n = 0;

	replace_library(1);
	tfd = open_warm(copy_tool("library/uses", "uses"), FORK);
	CHECK_EQ(pthread_create(&thread, NULL, replace_often, &newest), 0);
	for (; !atomic_load(&newest); n++)
		CHECK_HAS(test_output(tfd, TEST_ARGV("uses")), "version ");
	pthread_join(thread, NULL);
	CHECK_GT(n, 10);
	launch_from(tfd, 2);
}

/* Puts another file of the same content in the place of one. */
static void replace_by_mount(const char *path)
{
	char *real = realpath(path, NULL);

	CHECK(real);
	test_copy(real, test_path("copy"), 0755);
	CHECK_SYS(mount(test_path("copy"), real, NULL, MS_BIND, NULL));
	free(real);
}

static void goes_cold_after_replacement(const char *path)
{
	int tfd;

	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	tfd = open_warm(test_tool("probe"), FORK);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	await_ready(tfd);
	replace_by_mount(path);
	CHECK_COLD(tfd, FILES,
		   CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
}

static void a_replaced_linker_is_noticed(void)
{
	test_need_root();
	goes_cold_after_replacement("/lib64/ld-linux-x86-64.so.2");
}

static void a_replaced_libc_is_noticed(void)
{
	test_need_root();
	goes_cold_after_replacement("/lib/x86_64-linux-gnu/libc.so.6");
}

static void a_replaced_cache_of_the_linker_is_noticed(void)
{
	test_need_root();
	goes_cold_after_replacement("/etc/ld.so.cache");
}

static void a_replaced_program_with_refresh_runs_the_new_one(void)
{
	int tfd;

	replace_library(1);
	copy_tool("library/uses", "uses");
	tfd = open_warm(test_path("uses"),
			FORK | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH);
	launch_from(tfd, 1);
	launch_from(tfd, 1);
	await_ready(tfd);
	/* both, in one go: the new program with the new library, or nothing */
	replace_library(2);
	copy_tool("library/uses", "uses");
	launch_from(tfd, 2);
	launch_from(tfd, 2);
	CHECK_WARM(tfd, launch_from(tfd, 2));
}

/* ---- hosts that reap */

/* Launches, and takes the output only: the status is nobody's. */
static char *output_without_status(int tfd)
{
	char *argv[] = { "probe", "nice", NULL };
	int pidfd = -1;
	struct spawn_template_spawn_args args = test_args(&pidfd, argv);
	struct test_stdout out = test_stdout_begin();
	struct pollfd end;
	char *text;

	CHECK_GT(spawn_template_spawn(tfd, &args, sizeof(args)), 0);
	text = test_stdout_end(out);
	end = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	CHECK_EQ(poll(&end, 1, 5000), 1);
	close(pidfd);
	return text;
}

static void is_served(uint64_t flags)
{
	int tfd = open_warm(test_tool("probe"), flags);

	CHECK_STR(output_without_status(tfd), "nice=0\n");
	CHECK_STR(output_without_status(tfd), "nice=0\n");
	for (int i = 0; i < 20; i++)
		CHECK_WARM(tfd,
			   CHECK_STR(output_without_status(tfd), "nice=0\n"));
	CHECK_OK(spawn_template_close(tfd));
}

static void a_host_that_ignores_sigchld_is_served(void)
{
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	is_served(ONCE);
	is_served(FORK);
	await_no_children();
}

static atomic_int stop;

static void *reap_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		if (waitpid(-1, NULL, 0) < 0)
			usleep(100);
	return NULL;
}

static void a_host_that_reaps_all_is_served(void)
{
	pthread_t thread;

	atomic_store(&stop, 0);
	CHECK_EQ(pthread_create(&thread, NULL, reap_all, NULL), 0);
	is_served(ONCE);
	is_served(FORK);
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	await_no_children();
}

/* The header says so: a waiting process counts as a child that still runs. */
static void a_parked_process_is_not_reported_by_waitpid(void)
{
	int tfd = ready_probe(FORK), status;
	pid_t pid;

	CHECK_EQ(waitpid(-1, NULL, WNOHANG), 0);
	pid = CHECK_SYS(fork());
	if (pid == 0)
		_exit(5);
	CHECK_EQ(CHECK_SYS(waitpid(-1, &status, 0)), pid);
	CHECK_EQ(WEXITSTATUS(status), 5);
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

/* ---- hosts with a ring */

/* The ring is the first to launch; its threads are SCHED_BATCH. */
static void a_ring_s_policy_is_not_that_of_programs(void)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	int tfd = open_warm("/bin/sleep", FORK), pidfd;
	struct spawn_template_spawn_args args;
	struct spawn_template_cqe *cqe;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		queue_spawn(ring, tfd, TEST_ARGV("sleep", "0"), 1);
		CHECK_OK(spawn_template_ring_submit(ring));
		CHECK_OK(spawn_template_ring_wait(ring, &cqe, 10000));
		CHECK_OK(cqe->res);
		CHECK_SYS(waitpid(cqe->pid, NULL, 0));
		CHECK_SYS(close(cqe->pidfd));
		spawn_template_ring_seen(ring, cqe);
	}
	args = test_args(&pidfd, TEST_ARGV("sleep", "10"));
	CHECK_WARM(tfd, pid = spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_EQ(syscall(SYS_sched_getscheduler, pid), SCHED_OTHER);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
	spawn_template_ring_exit(ring);
}

/* ---- hosts that close what they do not know */

/* Threads of the library open files for a moment. */
static void await_closed(int fd)
{
	for (int i = 0; i < 500 && fcntl(fd, F_GETFD) >= 0; i++)
		nap();
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

#define PAIRS 12

/*
 * The host closes the library's descriptors, too, and its own get the numbers:
 * nothing may be sent to its sockets, and no process of its pidfds be killed.
 */
static void closes_all_descriptors(uint64_t flags)
{
	int tfd = ready_probe(flags), pair[PAIRS][2], pidfd[PAIRS];
	char byte;

	for (int fd = 3; fd < 200; fd++)
		if (fd != tfd)
			close(fd);
	for (int i = 0; i < PAIRS; i++)
		CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				     pair[i]));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0));
	for (int i = 0; i < 2 * PAIRS; i++) {
		CHECK_EQ(recv(pair[i / 2][i % 2], &byte, 1, 0), -1);
		CHECK_EQ(errno, EAGAIN);
	}

	for (int fd = 3; fd < 200; fd++)
		if (fd != tfd)
			close(fd);
	for (int i = 0; i < PAIRS; i++) {
		pid_t pid = CHECK_SYS(fork());

		if (pid == 0)
			pause();
		pidfd[i] = (int)CHECK_SYS(syscall(SYS_pidfd_open, pid, 0));
	}
	CHECK_OK(spawn_template_close(tfd));
	usleep(100000);
	for (int i = 0; i < PAIRS; i++) {
		CHECK_SYS(syscall(SYS_pidfd_send_signal, pidfd[i], SIGKILL,
				  NULL, 0));
		CHECK_SYS(waitid(P_PIDFD, (id_t)pidfd[i], NULL, WEXITED));
	}
	await_no_children();
}

static void a_host_that_closes_all_descriptors_is_left_alone(void)
{
	closes_all_descriptors(ONCE);
	closes_all_descriptors(FORK);
}

#define SHELL "/bin/bash"

/* A preparation may take long: here the file that a shell sources sleeps meanwhile. */
static void a_host_may_close_all_while_a_process_is_prepared(void)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	int tfd, pair[PAIRS][2];
	char byte;

	if (access(SHELL, X_OK))
		TEST_SKIP("there is no " SHELL);
	test_write(test_path("slow"), "sleep 0.4\n", 0644);
	args.flags = CLOEXEC | SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	args.filename = (uintptr_t)SHELL;
	args.warm_preload = (uintptr_t)test_path("slow");
	tfd = CHECK_OK(spawn_template_create(&args, sizeof(args)));
	for (int i = 0; i < 2; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("bash", "-c", ":")), 0);
	for (int fd = 3; fd < 200; fd++)
		if (fd != tfd)
			close(fd);
	for (int i = 0; i < PAIRS; i++)
		CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				     pair[i]));
	usleep(800000);
	for (int i = 0; i < 2 * PAIRS; i++) {
		CHECK_EQ(recv(pair[i / 2][i % 2], &byte, 1, 0), -1);
		CHECK_EQ(errno, EAGAIN);
	}
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

/*
 * A host may close 0 to 2 for a moment and open them again: the library keeps none of
 * these, as its threads would close the host's files later.
 */
static void keeps_no_standard_fds(uint64_t flags)
{
	int tfd = ready_probe(flags);
	struct spawn_template_ring *ring;

	for (int i = 0; i < 3; i++)
		CHECK_SYS(close(i));
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	ring = ring_new(2, 1);
	await_ready(tfd);
	for (int i = 0; i < 3; i++)
		await_closed(i);
	spawn_template_ring_exit(ring);
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

static void a_host_s_standard_descriptors_are_not_taken(void)
{
	for (int i = 0; i < 2; i++) {
		int saved[3];

		for (int fd = 0; fd < 3; fd++)
			saved[fd] = CHECK_SYS(fcntl(fd, F_DUPFD_CLOEXEC, 3));
		keeps_no_standard_fds(i ? FORK : ONCE);
		for (int fd = 0; fd < 3; fd++)
			CHECK_SYS(dup2(saved[fd], fd));
	}
}

/* ---- as many as were asked for */

static int open_eight(void)
{
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	int tfd;

	create.filename = (uintptr_t)test_tool("probe");
	create.flags = FORK;
	create.warm_target = 8;
	tfd = CHECK_SYS(spawn_template_create(&create, sizeof(create)));
	for (int i = 0; i < 2; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	return tfd;
}

static void await_eight(int tfd)
{
	for (int i = 0; i < 500 && stat_of(tfd).warm_ready < 8; i++)
		nap();
	CHECK_GE(stat_of(tfd).warm_ready, 8);
	CHECK_LE(stat_of(tfd).warm_ready, 9); /* one may have been on its way */
}

static void as_many_wait_as_were_asked_for(void)
{
	int tfd = open_eight();

	await_ready(tfd);
	await_eight(tfd);
	for (int i = 0; i < 30; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	await_eight(tfd);
}

/* ---- what is not allowed */

#define USER 64321	/* a user id of this test alone */

static void a_full_process_limit_means_cold(void)
{
	struct rlimit limit = { 3, 3 };
	int tfd;

	test_need_root();
	CHECK_SYS(syscall(SYS_setresuid, USER, USER, USER));
	CHECK_SYS(setrlimit(RLIMIT_NPROC, &limit));
	tfd = open_warm(test_tool("probe"), FORK);
	/* this process, the keeper and the program: none is left to park */
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		nap();
	}
	CHECK_EQ(stat_of(tfd).warm, 0);
	CHECK_EQ(stat_of(tfd).failed, 0);
}

static int begin_and_wait(int tfd, struct spawn_template_spawn_args args)
{
	struct spawn_template_begin *b;
	int pidfd;

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	return test_wait(pidfd);
}

/* Waiting processes must not take the place of a program. */
static void make_room(int (*launch)(int, struct spawn_template_spawn_args))
{
	char *env[] = { "LD_BIND_NOW=1", NULL }, *argv[] = { "probe", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct rlimit limit = { 4, 4 };
	int tfd;

	test_need_root();
	CHECK_SYS(syscall(SYS_setresuid, USER + 1, USER + 1, USER + 1));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* may be traced */
	tfd = ready_probe(FORK);
	/* this process, the keeper, the parked process and its fork */
	CHECK_SYS(setrlimit(RLIMIT_NPROC, &limit));
	args.envp = (uintptr_t)env;
	CHECK_COLD(tfd, ENVIRONMENT, CHECK_EQ(launch(tfd, args), 0));
	CHECK_EQ(stat_of(tfd).failed, 0);
}

static void waiting_processes_make_room_for_a_launch(void)
{
	make_room(test_spawn_args);
}

static void waiting_processes_make_room_for_a_begun_launch(void)
{
	make_room(begin_and_wait);
}

/* Makes a file with a lease, which keeps others from opening it at once. */
static void lease_a_file(void)
{
	const char *path = test_path("leased");
	int fd = CHECK_SYS(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));

	CHECK(signal(SIGIO, SIG_IGN) != SIG_ERR);
	CHECK_SYS(fcntl(fd, F_SETLEASE, F_WRLCK));
}

/* The first action would fail if the launch were tried again. */
static void tells_of_the_action(int tfd, char **envp)
{
	const char *made = test_path("made"), *leased = test_path("leased");
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe"));
	const int flags = O_RDWR | O_CREAT | O_EXCL;

	args.envp = (uintptr_t)envp;
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 1, TEST_OPEN(made, flags, 0600, 0)),
		     ACT_OPEN(AT_FDCWD, 0,
			      TEST_OPEN(leased, O_RDWR | O_NONBLOCK, 0, 0)));
	CHECK_EQ(test_spawn_args(tfd, args), -EAGAIN);
	CHECK_SYS(unlink(made));
}

static void an_action_that_fails_for_now_ends_no_waiting_process(void)
{
	char *env[] = { "LD_BIND_NOW=1", NULL };
	int tfd, other;

	lease_a_file();
	tfd = ready_probe(FORK);
	other = ready_probe(ONCE);
	tells_of_the_action(tfd, environ);
	CHECK_EQ(stat_of(other).warm_ready, 1);
	tells_of_the_action(tfd, env);
	CHECK_EQ(stat_of(other).warm_ready, 1);
}

static void without_ptrace_all_launches_are_cold(void)
{
	int tfd;

	if (TEST_SANITIZED)
		TEST_SKIP("the sanitizer looks for leaks by ptrace");
	test_seccomp(SYS_ptrace, EPERM);
	tfd = open_warm(test_tool("probe"), FORK);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		nap();
	}
	CHECK_EQ(stat_of(tfd).cold, 20);
	CHECK_EQ(stat_of(tfd).failed, 0);
}

/* A kernel without CHECKPOINT_RESTORE: no process may take a launch, to fail then. */
static void without_mm_map_all_launches_are_cold(void)
{
	int null, tfd;

	/* only a filter from before the library was loaded lets it prepare */
	if (!getenv("FILTERED")) {
		CHECK_SYS(setenv("FILTERED", "1", 1));
		null = CHECK_SYS(open("/dev/null", O_WRONLY | O_CLOEXEC));
		CHECK_SYS(dup2(null, 1));
		test_seccomp_arg(SYS_prctl, 0, ~0U, PR_SET_MM, EINVAL);
		execl("/proc/self/exe", "test_warm_hosts", __func__, NULL);
		CHECK(!"executed");
	}
	tfd = open_warm(test_tool("probe"), FORK);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		nap();
	}
	CHECK_EQ(stat_of(tfd).cold, 20);
	CHECK_EQ(stat_of(tfd).failed, 0);
}

static void variables_of_linker_and_libc_mean_cold(void)
{
	static const char *const variables[] = {
		"LD_PRELOAD=/nonexistent.so",
		"LD_AUDIT=/nonexistent.so",
		"LD_BIND_NOW=1",
		"LD_LIBRARY_PATH=/nonexistent",
		"LD_DEBUG=unused",
		"LD_SHOW_AUXV=",
		"GLIBC_TUNABLES=x",
		"MALLOC_ARENA_MAX=1",
		"LOCPATH=/nonexistent",
	};
	int tfd = ready_probe(FORK), null;

	/* the linker complains about objects that are not there */
	null = CHECK_SYS(open("/dev/null", O_WRONLY | O_CLOEXEC));
	CHECK_SYS(dup2(null, 1));
	CHECK_SYS(dup2(null, 2));
	for (size_t i = 0; i < TEST_COUNT(variables); i++) {
		char *argv[] = { "probe", NULL };
		char *envp[] = { "A=1", (char *)variables[i], NULL };
		struct spawn_template_spawn_args args = test_args(NULL, argv);

		test_doing("%s", variables[i]);
		args.envp = (uintptr_t)envp;
		CHECK_COLD(tfd, ENVIRONMENT,
			   CHECK_EQ(test_spawn_args(tfd, args), 0));
	}
}

static const struct test_case cases[] = {
	TEST_CASE(a_replaced_library_is_never_run),
	TEST_CASE(launches_work_while_a_library_is_replaced),
	TEST_CASE(a_replaced_linker_is_noticed),
	TEST_CASE(a_replaced_libc_is_noticed),
	TEST_CASE(a_replaced_cache_of_the_linker_is_noticed),
	TEST_CASE(a_replaced_program_with_refresh_runs_the_new_one),
	TEST_CASE(a_host_that_ignores_sigchld_is_served),
	TEST_CASE(a_host_that_reaps_all_is_served),
	TEST_CASE(a_ring_s_policy_is_not_that_of_programs),
	TEST_CASE(a_host_that_closes_all_descriptors_is_left_alone),
	TEST_CASE(a_host_may_close_all_while_a_process_is_prepared),
	TEST_CASE(a_host_s_standard_descriptors_are_not_taken),
	TEST_CASE(as_many_wait_as_were_asked_for),
	TEST_CASE(a_parked_process_is_not_reported_by_waitpid),
	TEST_CASE(a_full_process_limit_means_cold),
	TEST_CASE(waiting_processes_make_room_for_a_launch),
	TEST_CASE(waiting_processes_make_room_for_a_begun_launch),
	TEST_CASE(an_action_that_fails_for_now_ends_no_waiting_process),
	TEST_CASE(without_ptrace_all_launches_are_cold),
	TEST_CASE(without_mm_map_all_launches_are_cold),
	TEST_CASE(variables_of_linker_and_libc_mean_cold),
};
TEST_MAIN(cases)
