/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: it ends a cgroup however its caller ends, is small and holds
 * nothing of the host's meanwhile. A home works, or fails cleanly, where the
 * supervisor cannot be made or is killed itself.
 */
#include "trees.h"

#include <sched.h>
#include <sys/resource.h>

#define OTHER_UID 64125

static int parent_dir;

static struct st_tree_home open_home(void)
{
	struct st_tree_home home;

	CHECK_EQ(st_tree_home_open(&home, parent_dir, true), 0);
	CHECK_GT(home.supervisor, 0);
	return home;
}

static void go_into(int dir)
{
	/* O_RDWR: a filter here takes O_WRONLY for cgroup.kill */
	int fd = CHECK_SYS(openat(dir, "cgroup.procs", O_RDWR | O_CLOEXEC));

	CHECK_EQ(CHECK_SYS(write(fd, "0", 1)), 1);
	CHECK_SYS(close(fd));
}

static void gone_within(int ms)
{
	for (; ms > 0 && count_dirs(running_cgroup); ms--)
		sleep_ms(1);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void hidden(void)
{
	setsid();
	branch_orphan(park_stubborn);
	park_stubborn();
}

static struct st_tree planted;

static struct st_tree_home held;

/*
 * The tree consists of daemons, some of them in a cgroup that the tree makes below
 * its own. They do not exec, which would close the lifeline.
 */
static void resists(void)
{
	close(held.lifeline);
	go_into(planted.cgroup);
	branch_orphan(hidden);
	CHECK_SYS(mkdirat(planted.cgroup, "below", 0755));
	CHECK_SYS(mkdirat(planted.cgroup, "below/deeper", 0755));
	if (fork() == 0) {
		go_into(CHECK_SYS(
			openat(planted.cgroup, "below/deeper", O_RDONLY)));
		hidden();
	}
	park_stubborn();
}

#define RESISTS 5

static void plant_in(struct st_tree_home *home)
{
	CHECK_EQ(st_tree_make(&planted, home), 0);
	branch(resists);
	wait_enrolled(RESISTS);
}

/* ---- the caller's end */

enum end { BY_KILL, BY_EXIT, BY_EXEC, BY_ABORT, BY_THREAD, BY_FORK };

static void *exec_in_thread(void *arg)
{
	execl("/bin/sleep", "sleep", "100", (char *)NULL);
	return arg;
}

static void end_by(enum end end)
{
	const struct rlimit none = { 0, 0 };

	switch (end) {
	case BY_EXIT:
		exit(0);
	case BY_EXEC:
		execl("/bin/sleep", "sleep", "100", (char *)NULL);
		_exit(1);
	case BY_THREAD:
		start_thread(exec_in_thread, NULL);
		break;
	case BY_ABORT:
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		raise(SIGABRT);
		break;
	case BY_FORK: /* a worker that never execs holds all fds open */
		if (fork() == 0)
			for (;;)
				pause();
		kill(getpid(), SIGKILL);
		break;
	case BY_KILL:
		kill(getpid(), SIGKILL);
	}
	for (;;)
		pause();
}

/* Tells the supervisor's pid, so that the case can see it end. */
static void caller(enum end end, atomic_int *supervisor)
{
	held = open_home();
	plant_in(&held);
	atomic_store(supervisor, held.supervisor);
	CHECK_SYS(close(roll_pipe[1]));
	end_by(end);
}

static void check_end(enum end end)
{
	atomic_int *supervisor = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	parent_dir = make_cgroup();
	tree_open();
	pid = CHECK_SYS(fork());
	if (!pid)
		caller(end, supervisor);
	wait_enrolled(RESISTS);
	CHECK(tree_ends(5000));
	gone_within(5000);
	CHECK(dies_within(atomic_load(supervisor), 5000));
	kill(pid, SIGKILL);
	CHECK_SYS(waitpid(pid, NULL, 0));
}

static void the_tree_ends_when_the_caller_is_killed(void)
{
	check_end(BY_KILL);
}

static void the_tree_ends_when_the_caller_exits(void)
{
	check_end(BY_EXIT);
}

static void the_tree_ends_when_the_caller_execs(void)
{
	check_end(BY_EXEC);
}

static void the_tree_ends_when_a_thread_execs(void)
{
	check_end(BY_THREAD);
}

static void the_tree_ends_when_the_caller_aborts(void)
{
	check_end(BY_ABORT);
}

static void the_tree_ends_though_a_worker_lives_on(void)
{
	check_end(BY_FORK);
}

static void the_tree_ends_without_cgroup_kill(void)
{
	test_seccomp_arg(SYS_openat, 2, ~0ULL, O_WRONLY | O_CLOEXEC, ENOENT);
	check_end(BY_KILL);
}

/* Without a pidfd of the caller, the supervisor has the lifeline. */
static void the_tree_ends_without_pidfds(void)
{
	test_seccomp(SYS_pidfd_open, ENOSYS);
	check_end(BY_KILL);
}

static void the_tree_ends_while_all_is_frozen(void)
{
	pid_t pid;

	parent_dir = make_cgroup();
	tree_open();
	pid = CHECK_SYS(fork());
	if (!pid) {
		held = open_home();
		plant_in(&held);
		write_file(test_fmt("%s/%s/cgroup.freeze", running_cgroup,
				    held.name),
			   "1");
		CHECK_SYS(close(roll_pipe[1]));
		end_by(BY_KILL);
	}
	wait_enrolled(RESISTS);
	CHECK(tree_ends(5000));
	gone_within(5000);
	CHECK_SYS(waitpid(pid, NULL, 0));
}

/* The caller's group gets signals, as from a terminal. */
static void the_supervisor_survives_signals_to_the_group(void)
{
	const int signals[] = { SIGINT, SIGHUP, SIGTERM, SIGQUIT, SIGTSTP };
	struct st_tree_home home;

	parent_dir = make_cgroup();
	home = open_home();
	for (size_t i = 0; i < TEST_COUNT(signals); i++) {
		signal(signals[i], SIG_IGN);
		CHECK_SYS(kill(0, signals[i]));
		CHECK_SYS(kill(home.supervisor, signals[i]));
	}
	sleep_ms(30);
	CHECK(state_within(home.supervisor, 'S', 1000));
	CHECK_EQ(getsid(home.supervisor), home.supervisor);
	st_tree_home_close(&home);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- closing */

static void a_close_ends_the_tree(void)
{
	struct scene before;
	struct st_tree_home home;
	uint64_t start;

	parent_dir = make_cgroup();
	tree_open();
	before = scene_now();
	home = open_home();
	plant_in(&home);
	CHECK_SYS(close(planted.cgroup));
	start = now_ms();
	st_tree_home_close(&home);
	CHECK_LE(now_ms() - start, at_most_ms(1800));
	CHECK(tree_ends(0));
	CHECK_EQ(count_dirs(running_cgroup), 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	before.fds--; /* tree_ends() has closed one */
	check_scene(&before);
	st_tree_home_close(&home);
}

static void a_worker_with_the_lifeline_delays_no_close(void)
{
	struct st_tree_home home;
	uint64_t start;
	pid_t worker;

	parent_dir = make_cgroup();
	home = open_home();
	worker = CHECK_SYS(fork());
	if (!worker)
		for (;;)
			pause();
	start = now_ms();
	st_tree_home_close(&home);
	CHECK_LE(now_ms() - start, at_most_ms(1800));
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK_SYS(kill(worker, SIGKILL));
	CHECK_SYS(waitpid(worker, NULL, 0));
}

static void a_child_that_forgets_the_home_changes_nothing(void)
{
	struct st_tree_home home;

	parent_dir = make_cgroup();
	home = open_home();
	tree_open();
	plant_in(&home);
	for (int i = 0; i < 3; i++) {
		pid_t pid = CHECK_SYS(fork());

		if (!pid) {
			int fds = test_count_fds();

			st_tree_home_forget(&home);
			CHECK_EQ(test_count_fds(), fds - 3);
			_exit(0);
		}
		CHECK_SYS(waitpid(pid, NULL, 0));
	}
	sleep_ms(50);
	CHECK(state_within(home.supervisor, 'S', 1000));
	for (int i = 0; i < RESISTS; i++)
		CHECK(is_alive(enrolled(i)));
	st_tree_home_close(&home);
	CHECK(tree_ends(0));
}

static void a_close_ends_the_tree_of_a_killed_supervisor(void)
{
	struct st_tree_home home;

	parent_dir = make_cgroup();
	home = open_home();
	tree_open();
	plant_in(&home);
	CHECK_SYS(kill(home.supervisor, SIGKILL));
	CHECK(state_within(home.supervisor, 'Z', 2000));
	for (int i = 0; i < RESISTS; i++)
		CHECK(is_alive(enrolled(i)));
	st_tree_home_close(&home);
	CHECK(tree_ends(1000));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* The caller gives up a supervisor that does not answer, and does its work. */
static void a_close_ends_the_tree_of_a_stopped_supervisor(void)
{
	struct st_tree_home home;
	uint64_t start = now_ms();

	parent_dir = make_cgroup();
	home = open_home();
	tree_open();
	plant_in(&home);
	CHECK_SYS(kill(home.supervisor, SIGSTOP));
	st_tree_home_close(&home);
	CHECK_LE(now_ms() - start, at_most_ms(4000));
	CHECK(tree_ends(1000));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_close_works_without_the_directory(void)
{
	struct st_tree_home home;
	uint64_t start;

	parent_dir = make_cgroup();
	home = open_home();
	CHECK_SYS(unlinkat(parent_dir, home.name, AT_REMOVEDIR));
	start = now_ms();
	st_tree_home_close(&home);
	CHECK_LE(now_ms() - start, at_most_ms(1800));
	CHECK(test_no_children());
}

/* Each run leaves an orphan in the home's cgroup. */
static void leaves_one(void)
{
	go_into(planted.cgroup);
	branch_orphan(park_stubborn);
}

static void leftovers_of_runs_stay_until_the_close(void)
{
	struct st_tree_home home;

	parent_dir = make_cgroup();
	home = open_home();
	tree_open();
	for (int i = 0; i < 5; i++) {
		char *inner = test_fmt("%s/%s", running_cgroup, home.name);
		pid_t pid;

		CHECK_EQ(st_tree_make(&planted, &home), 0);
		pid = branch(leaves_one);
		CHECK_SYS(waitpid(pid, NULL, 0));
		wait_enrolled(i + 1);
		st_tree_remove(&planted);
		CHECK_EQ(count_dirs(inner), 0);
		CHECK_STR(strrchr(cgroup_of(enrolled(i)), '/') + 1, home.name);
	}
	st_tree_home_close(&home);
	CHECK(tree_ends(0));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- the supervisor itself */

static char *status_of(pid_t pid)
{
	return test_read(test_fmt("/proc/%d/status", pid));
}

static long status_value(pid_t pid, const char *key)
{
	char *at = strstr(status_of(pid), key);

	CHECK(at);
	return strtol(at + strlen(key), NULL, 0);
}

static void the_supervisor_is_small(void)
{
	const size_t size = 200UL << 20;
	char *memory = malloc(size), *maps;
	struct st_tree_home home;
	int lines = 0;

	CHECK(memory);
	memset(memory, 1, size);
	parent_dir = make_cgroup();
	home = open_home();
	test_note("%s", test_read(test_fmt("/proc/%d/smaps_rollup",
					   home.supervisor)));
	CHECK_LE(status_value(home.supervisor, "VmRSS:"), 200);
	CHECK_LE(status_value(home.supervisor, "VmPTE:"), 64);
	maps = test_read(test_fmt("/proc/%d/maps", home.supervisor));
	for (char *c = maps; *c; c++)
		lines += *c == '\n';
	test_note("%s", maps);
	CHECK_LE(lines, 4); /* code, stack; mappings that the kernel seals */
	CHECK_HAS_NOT(maps, "[heap]");
	CHECK_HAS_NOT(maps, "[stack]");
	/* it works without the memory that it has unmapped */
	tree_open();
	plant_in(&home);
	st_tree_home_close(&home);
	CHECK(tree_ends(0));
	free(memory);
}

/* The score that a child of this process gets if it asks to be spared. */
static char *spared_from_oom(void)
{
	int fds[2];
	char *text;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	if (fork() == 0) {
		int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

		if (write(fd, "-1000", 5) != 5)
			test_note("this account may not spare anybody");
		text = test_read("/proc/self/oom_score_adj");
		_exit(write(fds[1], text, strlen(text)) <= 0);
	}
	CHECK_SYS(close(fds[1]));
	text = test_read_fd(fds[0]);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(wait(NULL));
	return text;
}

static void the_supervisor_is_apart_from_the_host(void)
{
	struct st_tree_home home;
	char cwd[16];
	pid_t pid;

	parent_dir = make_cgroup();
	CHECK_SYS(chdir(test_tmpdir()));
	/* the supervisor holds none of the host's fds */
	for (int i = 0; i < 100; i++)
		CHECK_SYS(dup(0));
	home = open_home();
	pid = home.supervisor;
	CHECK_LE(count_entries(test_fmt("/proc/%d/fd", pid)), 5);
	CHECK_STR(test_read(test_fmt("/proc/%d/comm", pid)),
		  "spawn-template\n");
	CHECK_EQ(getsid(pid), pid);
	CHECK_EQ(getpgid(pid), pid);
	CHECK_HAS(status_of(pid), "SigBlk:\tfffffffffffbfeff");
	CHECK_HAS(status_of(pid), test_fmt("PPid:\t%d\n", getpid()));
	CHECK_STR(cgroup_of(pid), cgroup_of(getpid()));
	CHECK_STR(test_read(test_fmt("/proc/%d/oom_score_adj", pid)),
		  spared_from_oom());
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_EQ(errno, ECHILD);
	CHECK_EQ(readlink(test_fmt("/proc/%d/cwd", pid), cwd, sizeof(cwd)), 1);
	CHECK_EQ(*cwd, '/');
	st_tree_home_close(&home);
	CHECK(test_no_children());
}

static atomic_int chlds;

static void count_chld(int sig)
{
	(void)sig;
	atomic_fetch_add(&chlds, 1);
}

static void the_supervisor_sends_no_sigchld(void)
{
	struct st_tree_home home;
	sigset_t set, now;

	parent_dir = make_cgroup();
	signal(SIGCHLD, count_chld);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	home = open_home();
	sigprocmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGCHLD));
	st_tree_home_close(&home);
	CHECK_EQ(atomic_load(&chlds), 0);
	signal(SIGCHLD, SIG_IGN);
	home = open_home();
	CHECK(is_alive(home.supervisor));
	st_tree_home_close(&home);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/*
 * The kernel writes to some places of a thread whenever it moves or wakes the
 * thread: none of them may be in memory that the supervisor has unmapped.
 */
static void the_supervisor_survives_moves_between_cpus(void)
{
	struct st_tree_home home;
	cpu_set_t all, one;
	int n;

	CHECK_SYS(sched_getaffinity(0, sizeof(all), &all));
	n = CPU_COUNT(&all);
	if (n < 2)
		TEST_SKIP("one CPU");
	parent_dir = make_cgroup();
	home = open_home();
	for (int i = 0; i < 50; i++) {
		CPU_ZERO(&one);
		for (int cpu = 0, k = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &all) && k++ == i % 2)
				CPU_SET(cpu, &one);
		CHECK_SYS(
			sched_setaffinity(home.supervisor, sizeof(one), &one));
		CHECK_SYS(kill(home.supervisor, SIGSTOP));
		CHECK(state_within(home.supervisor, 'T', 1000));
		CHECK_SYS(kill(home.supervisor, SIGCONT));
		CHECK(state_within(home.supervisor, 'S', 1000));
	}
	st_tree_home_close(&home);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void *open_and_close(void *arg)
{
	for (int i = 0; i < 10; i++) {
		struct st_tree_home home = open_home();

		st_tree_home_close(&home);
	}
	return arg;
}

static void threads_may_open_homes_at_once(void)
{
	pthread_t threads[4];
	int before;

	parent_dir = make_cgroup();
	before = test_count_fds();
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		threads[i] = start_thread(open_and_close, NULL);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		join_thread(threads[i]);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK_EQ(test_count_fds(), before);
	CHECK(test_no_children());
}

/* ---- without a supervisor */

static void refused(int err)
{
	struct st_tree_home home;
	int fds = test_count_fds(), mappings = test_count_mappings();

	CHECK_EQ(st_tree_home_open(&home, parent_dir, true), -err);
	CHECK_EQ(home.dir, -1);
	CHECK_EQ(home.supervisor, -1);
	CHECK_EQ(test_count_fds(), fds);
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), mappings);
	CHECK(test_no_children());
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void a_home_without_fds_is_emfile_or_works(void)
{
	struct rlimit limit = { 0, 1024 };
	int free_fd;

	parent_dir = make_cgroup();
	free_fd = CHECK_SYS(dup(0));
	CHECK_SYS(close(free_fd));
	/* the home works without some of its fds, or fails */
	for (int n = 0; n < 8; n++) {
		struct st_tree_home home;
		int ret;

		limit.rlim_cur = (rlim_t)(free_fd + n);
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		ret = st_tree_home_open(&home, parent_dir, true);
		if (ret == 0)
			st_tree_home_close(&home);
		limit.rlim_cur = 1024;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		test_doing("%d fds: %d", n, ret);
		CHECK(ret == -EMFILE || (n >= 4 && ret == 0));
		CHECK_EQ(count_dirs(running_cgroup), 0);
		CHECK(test_no_children());
	}
}

static void a_home_fails_without_sockets(void)
{
	parent_dir = make_cgroup();
	test_seccomp(SYS_socketpair, EPERM);
	refused(EPERM);
}

static void a_home_fails_without_memory(void)
{
	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers map as much");
	parent_dir = make_cgroup();
	test_seccomp_arg(SYS_mmap, 1, ~0ULL, 64 * 1024, ENOMEM); /* its stack */
	refused(ENOMEM);
}

static void a_home_fails_without_clone(void)
{
	parent_dir = make_cgroup();
	/* CLONE_VM, VFORK and FILES: the process that makes the supervisor */
	test_seccomp_arg(SYS_clone, 0, ~0ULL, 0x4500, EPERM);
	refused(EPERM);
}

static void a_home_fails_without_a_process(void)
{
	parent_dir = make_cgroup();
	/* the process that makes the supervisor is there, but cannot do so */
	test_seccomp_arg(SYS_clone, 0, ~0ULL, 0x8000 /* CLONE_PARENT */,
			 EAGAIN);
	refused(EAGAIN);
}

/* A supervisor that holds the caller's fds would be worse than none. */
static void a_home_fails_if_fds_cannot_be_closed(void)
{
	parent_dir = make_cgroup();
	test_seccomp(SYS_close_range, ENOSYS);
	test_seccomp_arg(SYS_openat, 2, ~0ULL,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			 EACCES);
	refused(EACCES);
}

static void fds_are_closed_without_close_range(void)
{
	struct st_tree_home home;

	parent_dir = make_cgroup();
	for (int i = 0; i < 300; i++)
		CHECK_SYS(dup(0));
	test_seccomp(SYS_close_range, ENOSYS);
	home = open_home();
	CHECK_LE(count_entries(test_fmt("/proc/%d/fd", home.supervisor)), 5);
	st_tree_home_close(&home);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void own_cgroup_as_a_user(void *arg)
{
	struct st_tree_home home;

	(void)arg;
	CHECK_SYS(setresgid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	CHECK_EQ(st_tree_home_open(&home, -1, true), 0);
	CHECK_LE(status_value(home.supervisor, "VmRSS:"), 200);
	tree_open();
	plant_in(&home);
	st_tree_home_close(&home);
	CHECK(tree_ends(0));
}

static void a_user_may_have_a_supervisor(void)
{
	char *inner;

	CHECK_SYS(close(make_cgroup()));
	inner = test_fmt("%s/own", running_cgroup);
	CHECK_SYS(mkdir(inner, 0755));
	CHECK_SYS(chown(inner, OTHER_UID, OTHER_UID));
	CHECK_SYS(chown(test_fmt("%s/cgroup.procs", inner), OTHER_UID,
			OTHER_UID));
	write_file(test_fmt("%s/cgroup.procs", inner), "0");
	test_in_child(own_cgroup_as_a_user, NULL);
	CHECK_EQ(count_dirs(inner), 0);
}

static void nothing_grows_over_many_supervisors(void)
{
	struct scene before = { 0 };
	int mappings = 0;

	parent_dir = make_cgroup();
	for (int i = 0; i < 60; i++) {
		struct st_tree_home home = open_home();

		st_tree_home_close(&home);
		if (i == 5) {
			before = scene_now();
			mappings = test_count_mappings();
		}
	}
	check_scene(&before);
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), mappings);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static const struct test_case cases[] = {
	TEST_CASE(the_tree_ends_when_the_caller_is_killed),
	TEST_CASE(the_tree_ends_when_the_caller_exits),
	TEST_CASE(the_tree_ends_when_the_caller_execs),
	TEST_CASE(the_tree_ends_when_a_thread_execs),
	TEST_CASE(the_tree_ends_when_the_caller_aborts),
	TEST_CASE(the_tree_ends_though_a_worker_lives_on),
	TEST_CASE(the_tree_ends_without_cgroup_kill),
	TEST_CASE(the_tree_ends_without_pidfds),
	TEST_CASE(the_tree_ends_while_all_is_frozen),
	TEST_CASE(the_supervisor_survives_signals_to_the_group),
	TEST_CASE(a_close_ends_the_tree),
	TEST_CASE(a_worker_with_the_lifeline_delays_no_close),
	TEST_CASE(a_child_that_forgets_the_home_changes_nothing),
	TEST_CASE(a_close_ends_the_tree_of_a_killed_supervisor),
	TEST_CASE(a_close_ends_the_tree_of_a_stopped_supervisor),
	TEST_CASE(a_close_works_without_the_directory),
	TEST_CASE(leftovers_of_runs_stay_until_the_close),
	TEST_CASE(the_supervisor_is_small),
	TEST_CASE(the_supervisor_is_apart_from_the_host),
	TEST_CASE(the_supervisor_sends_no_sigchld),
	TEST_CASE(the_supervisor_survives_moves_between_cpus),
	TEST_CASE(threads_may_open_homes_at_once),
	TEST_CASE(a_home_without_fds_is_emfile_or_works),
	TEST_CASE(a_home_fails_without_sockets),
	TEST_CASE(a_home_fails_without_memory),
	TEST_CASE(a_home_fails_without_clone),
	TEST_CASE(a_home_fails_without_a_process),
	TEST_CASE(a_home_fails_if_fds_cannot_be_closed),
	TEST_CASE(fds_are_closed_without_close_range),
	TEST_CASE(a_user_may_have_a_supervisor),
	TEST_CASE(nothing_grows_over_many_supervisors),
};
TEST_MAIN(cases)
