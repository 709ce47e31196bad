/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Promises that hold on every supported kernel: launches work with the fallbacks
 * that this kernel forces and no others, the name in ps is the tool's, pidfds are
 * the child's, nothing leaks into the child, no change of the file goes unseen, and
 * fork is noticed.
 *
 * This program finds the kernel's features by other means than the library: it tries
 * each of them. `guest facts` prints them as one line.
 *
 * Runs as root in a guest, where nothing else runs. No case skips.
 */
#include "../harness.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define RANGE_CLOEXEC (1U << 2)		/* close_range(2) */

#define BEFORE "tiny"			/* exits with 0 */
#define AFTER "tiny-7"			/* exits with 7, same size */
#define ROUNDS 100

/* ---- features of this kernel */

static bool has_cloexec_range(void)
{
	return !syscall(SYS_close_range, ~0U, ~0U, RANGE_CLOEXEC);
}

/* The call executes nothing: it answers, or refuses to. */
static bool has_execve_check(void)
{
	char *argv[] = { "tiny", NULL }, *envp[] = { NULL };
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		_exit(syscall(SYS_execveat, fd, "", argv, envp,
			      AT_EMPTY_PATH | AT_EXECVE_CHECK) != 0);
	waitpid(pid, &status, 0);
	close(fd);
	return status == 0;
}

/*
 * The name of this program when executed by fd: `guest` on newer kernels, else the
 * number of the fd. Return: 0, or -1.
 */
static int name_by_fd(char name[16])
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC), out[2];
	char *argv[] = { "x", "name", NULL };
	pid_t pid;
	ssize_t n;

	if (fd < 0 || pipe2(out, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(1);
	}
	close(out[1]);
	n = read(out[0], name, 15);
	name[n > 0 ? n : 0] = 0;
	close(out[0]);
	close(fd);
	waitpid(pid, NULL, 0);
	return n > 0 ? 0 : -1;
}

static int print_name(void)
{
	char name[16];

	if (prctl(PR_GET_NAME, name))
		return 1;
	return write(1, name, strlen(name)) < 0;
}

/* True where two changes of a file in a row carry the same time. */
static bool times_repeat(const char *path)
{
	struct stat one, two;
	int same = 0;

	for (int i = 0; i < ROUNDS; i++) {
		if (chmod(path, 0700) || stat(path, &one) ||
		    chmod(path, 0755) || stat(path, &two))
			return false;
		same += one.st_ctim.tv_sec == two.st_ctim.tv_sec &&
			one.st_ctim.tv_nsec == two.st_ctim.tv_nsec;
	}
	return same > 0;
}

static const char *yes(bool b)
{
	return b ? "yes" : "no";
}

static int print_facts(void)
{
	char path[] = "/tmp/guest-facts.XXXXXX", name[16];
	int fd = mkstemp(path);

	if (fd < 0 || name_by_fd(name))
		return 1;
	printf("CLOSE_RANGE_CLOEXEC: %s, AT_EXECVE_CHECK: %s, "
	       "name of guest by fd: %s, times repeat on tmpfs: %s\n",
	       yes(has_cloexec_range()), yes(has_execve_check()), name,
	       yes(times_repeat(path)));
	close(fd);
	unlink(path);
	return 0;
}

/* ---- templates */

static int template_of(const char *path)
{
	return CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static char *read_proc(pid_t pid, const char *name)
{
	char *text = test_read(test_fmt("/proc/%d/%s", pid, name));

	text[strcspn(text, "\n")] = 0;
	return text;
}

/* Ends a child that pauses. */
static void end(int pidfd)
{
	CHECK_SYS(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 128 + SIGKILL);
}

/* ---- fallbacks */

/* Every launch took the fallbacks of `want`, one bit each, and no others. */
static void check_fallbacks(int tfd, uint32_t want)
{
	struct spawn_template_stat st = stat_of(tfd);

	for (int i = 0; i < SPAWN_TEMPLATE_FALLBACKS_MAX; i++) {
		test_note("fallback %d: %llu of %llu launches", i,
			  (unsigned long long)st.fallbacks[i],
			  (unsigned long long)st.cold);
		CHECK_EQ(st.fallbacks[i], want & 1U << i ? st.cold : 0);
	}
}

static void launches_use_the_fallbacks_that_the_kernel_forces(void)
{
	uint32_t want = 0;
	int tfd = template_of(test_tool("tiny-7"));

	if (!has_cloexec_range())
		want |= 1U << SPAWN_TEMPLATE_FALLBACK_RANGES;
	for (int i = 0; i < 5; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 7);
	CHECK_EQ(stat_of(tfd).cold, 5);
	check_fallbacks(tfd, want);
}

static const long refusable[] = { SYS_clone3, SYS_close_range, SYS_execveat };

/* Launches a probe three times, among open fds. */
static void check_launches(int tfd, const char *name)
{
	for (int i = 0; i < 3; i++) {
		char *text = test_output(tfd, TEST_ARGV("x", "comm", "nfds"));

		CHECK_STR(test_value(text, "comm"), name);
		CHECK_STR(test_value(text, "nfds"), "3");
	}
	CHECK(test_no_children());
}

static void refuse_one(void *arg)
{
	const int *which = arg;
	char *path = test_path("named");
	int before = template_of(path);

	check_launches(before, "named");
	test_seccomp(refusable[which[0]], which[1]);
	check_launches(before, "named");
	check_launches(template_of(path), "named");
}

static void launches_work_with_each_call_refused(void)
{
	static const int errors[] = { ENOSYS, EPERM };

	test_copy_probe("named");
	for (int fd = 20; fd < 400; fd += 7)
		CHECK_SYS(dup2(2, fd));
	for (size_t i = 0; i < TEST_COUNT(refusable); i++) {
		for (size_t e = 0; e < TEST_COUNT(errors); e++) {
			int which[] = { (int)i, errors[e] };

			test_note("%ld answers %d", refusable[i], errors[e]);
			test_in_child(refuse_one, which);
		}
	}
}

static void launches_work_with_all_calls_refused(void)
{
	char *path = test_copy_probe("named");
	uint32_t want = 1U << SPAWN_TEMPLATE_FALLBACK_CLONE |
			1U << SPAWN_TEMPLATE_FALLBACK_PROC_FD;
	int tfd;

	CHECK_SYS(dup2(2, 300));
	for (size_t i = 0; i < TEST_COUNT(refusable); i++)
		test_seccomp(refusable[i], ENOSYS);
	tfd = template_of(path);
	check_launches(tfd, "named");
	if (stat_of(tfd).launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD)
		want |= 1U << SPAWN_TEMPLATE_FALLBACK_PATH;
	check_fallbacks(tfd, want);
}

/* ---- the name in ps */

/* The kernel sets the name after it has woken the caller. */
static void comm_seen_from_outside_is_the_tools_name(void)
{
	int pidfd, tfd = template_of(test_copy_probe("tool-name"));
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("x", "pause"));
	char *own = read_proc(getpid(), "comm"), *name = own;
	pid_t pid = CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));

	for (int i = 0; i < 1000 && !strcmp(name, own); i++) {
		usleep(1000);
		name = read_proc(pid, "comm");
	}
	CHECK_STR(name, "tool-name");
	end(pidfd);
}

static void comm_seen_from_inside_is_the_tools_name(void)
{
	int tfd = template_of(test_copy_probe("tool-name"));

	for (int i = 0; i < 3; i++)
		CHECK_STR(test_value(test_output(tfd, TEST_ARGV("x", "comm")),
				     "comm"),
			  "tool-name");
}

/*
 * The library launches by fd where that gives the name of the file; else by path,
 * and says why. The right name came with AT_EXECVE_CHECK, and earlier in some stable
 * releases; the library probes only AT_EXECVE_CHECK.
 */
static void the_way_of_launching_fits_the_kernel(void)
{
	struct spawn_template_stat st =
		stat_of(template_of(test_copy_probe("tool-name")));
	char name[16];

	CHECK_EQ(name_by_fd(name), 0);
	test_note("by fd the name is %s", name);
	if (strcmp(name, "guest") || !has_execve_check()) {
		CHECK_EQ(st.launch_by, SPAWN_TEMPLATE_LAUNCH_BY_PATH);
		CHECK_EQ(st.by_path_reason, SPAWN_TEMPLATE_BY_PATH_KERNEL);
	} else {
		CHECK_EQ(st.launch_by, SPAWN_TEMPLATE_LAUNCH_BY_FD);
		CHECK_EQ(st.by_path_reason, 0);
	}
	if (has_execve_check())
		CHECK_STR(name, "guest");
}

/* ---- the pidfd and the child */

static void the_pidfd_is_the_childs(void)
{
	int pidfd = -1, tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("x", "sleep", "50", "exit", "5"));
	struct pollfd pfd = { .events = POLLIN };
	siginfo_t info = { 0 };
	pid_t pid = CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));

	pfd.fd = pidfd;
	CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	CHECK_HAS(test_read(test_fmt("/proc/self/fdinfo/%d", pidfd)),
		  test_fmt("\nPid:\t%d\n", pid));
	CHECK_EQ(poll(&pfd, 1, -1), 1);
	/* no __WALL: the exit signal is SIGCHLD again */
	CHECK_SYS(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 5);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), -1);
	CHECK_EQ(errno, ESRCH);
	CHECK_SYS(close(pidfd));
	CHECK(test_no_children());
}

static volatile sig_atomic_t sigchlds;

static void on_sigchld(int sig)
{
	(void)sig;
	sigchlds++;
}

/* Only the caller sees a launch that fails in exec itself. */
static void a_failed_launch_leaves_nothing(void)
{
	struct sigaction act = { .sa_handler = on_sigchld };
	int tfd = test_probe();
	size_t size = 256 * 1024;
	char *big = malloc(size);
	struct spawn_template_spawn_args args =
		test_args(&(int){ -1 }, TEST_ARGV("x", big));

	CHECK(big);
	memset(big, 'x', size - 1);
	big[size - 1] = 0;
	CHECK_SYS(sigaction(SIGCHLD, &act, NULL));
	CHECK_FAILS(tfd, args, E2BIG, SPAWN_TEMPLATE_STAGE_EXEC, 0);
	args.argv = (uintptr_t)TEST_ARGV("x");
	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_CHDIR("/nonexistent"));
	CHECK_FAILS(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 1);
	CHECK_EQ(sigchlds, 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("x")), 0);
	CHECK_EQ(sigchlds, 1);
	free(big);
}

static void ids_groups_and_session_are_set(void)
{
	gid_t group = 4321;
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("x", "ids", "pids", "nnp", "comm"));
	char *text;

	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID |
		     SPAWN_TEMPLATE_SPAWN_SETGROUPS |
		     SPAWN_TEMPLATE_SPAWN_SETSID |
		     SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS;
	args.uid = 65534;
	args.gid = 65534;
	args.groups = (uintptr_t)&group;
	args.n_groups = 1;
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "uid"), "65534,65534,65534");
	CHECK_STR(test_value(text, "gid"), "65534,65534,65534");
	CHECK_STR(test_value(text, "groups"), "4321");
	CHECK_STR(test_value(text, "sid"), test_value(text, "pid"));
	CHECK_STR(test_value(text, "nnp"), "1");
	CHECK_STR(test_value(text, "comm"), "probe");
	CHECK_EQ(getuid(), 0);
}

static void into_cgroup_starts_the_program_there(void)
{
	const char *dir = "/sys/fs/cgroup/guest-test";
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("x", "cgroup"));

	CHECK_SYS(mkdir(dir, 0755));
	args.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args.cgroup_fd =
		CHECK_SYS(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_STR(test_value(test_output_args(tfd, args, NULL), "cgroup"),
		  "/guest-test");
	CHECK_SYS(rmdir(dir));
}

/* ---- open fds */

static void fds_above_2_are_closed_unless_kept(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("x", "fds"));
	char *text;

	for (int fd = 3; fd < 60; fd++) {
		if (fd != tfd)
			CHECK_SYS(dup2(2, fd));
	}
	CHECK_SYS(dup2(2, 1000));
	text = test_output_args(tfd, args, NULL);
	CHECK_HAS(text, "fd.2=");
	for (int fd = 3; fd <= 1000; fd++)
		CHECK_HAS_NOT(text, test_fmt("fd.%d=", fd));
	TEST_ACTIONS(&args, ACT_KEEP(30), ACT_DUP2(1, tfd), ACT_KEEP(tfd));
	text = test_output_args(tfd, args, NULL);
	CHECK_HAS(text, "fd.30=");
	CHECK_HAS(text, test_fmt("fd.%d=pipe:", tfd));
	CHECK_HAS_NOT(text, "fd.29=");
	CHECK_HAS_NOT(text, "fd.31=");
	CHECK_HAS_NOT(text, "fd.1000=");
}

/* The child does not copy a large table, and the parent's stays as it is. */
static void fds_of_a_large_table_are_closed(void)
{
	struct rlimit limit = { 8192, 8192 };
	int tfd = test_probe();

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (int fd = 10; fd < 5000; fd++)
		CHECK_SYS(dup2(2, fd));
	for (int i = 0; i < 4; i++) {
		CHECK_STR(test_value(test_output(tfd, TEST_ARGV("x", "nfds")),
				     "nfds"),
			  "3");
		CHECK_EQ(fcntl(4999, F_GETFD), 0);
	}
}

/* ---- the file */

static void write_over(const char *path, const char *text, size_t size)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(pwrite(fd, text, size, 0), size);
	CHECK_SYS(close(fd));
}

/*
 * A template is made between two changes in a row, of the same size. If the library
 * took the identity too early, both changes could carry the same time. Every second
 * round puts the time of modification back, too.
 */
static void change_within_a_tick(const char *path)
{
	char *image[2] = { test_read(test_tool(BEFORE)),
			   test_read(test_tool(AFTER)) };
	struct stat st;
	size_t size;

	test_copy(test_tool(BEFORE), path, 0755);
	CHECK_SYS(stat(path, &st));
	size = (size_t)st.st_size;
	for (int i = 0; i < ROUNDS; i++) {
		struct timespec times[2];
		int tfd;

		write_over(path, image[0], size);
		CHECK_SYS(stat(path, &st));
		tfd = template_of(path);
		write_over(path, image[1], size);
		times[0] = st.st_atim;
		times[1] = st.st_mtim;
		if (i % 2)
			CHECK_SYS(utimensat(AT_FDCWD, path, times, 0));
		CHECK_EQ(spawn_template_check(tfd), -ESTALE);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -ESTALE);
		CHECK_OK(spawn_template_refresh(tfd));
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 7);
		CHECK_OK(spawn_template_close(tfd));
	}
}

static void changes_within_a_tick_are_stale_on_tmpfs(void)
{
	change_within_a_tick(test_path("prog"));
}

/* On ramfs, times move by ticks on every kernel, and changes within one occur. */
static void changes_within_a_tick_are_stale_on_ramfs(void)
{
	char *dir = test_path("ramfs");

	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mkdir(dir, 0755));
	CHECK_SYS(mount("none", dir, "ramfs", 0, NULL));
	test_write(test_path("ramfs/times"), "", 0644);
	CHECK(times_repeat(test_path("ramfs/times")));
	change_within_a_tick(test_path("ramfs/prog"));
}

static void a_replaced_or_removed_file_is_stale(void)
{
	char *path = test_path("prog"), *next = test_path("next");
	int tfd;

	test_copy(test_tool(BEFORE), path, 0755);
	tfd = template_of(path);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	test_copy(test_tool(AFTER), next, 0755);
	CHECK_SYS(rename(next, path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 7);
	CHECK_SYS(unlink(path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -ESTALE);
}

/* ---- fork */

static void use_inherited(void *arg)
{
	int tfd = *(int *)arg, own;

	CHECK_EQ(spawn_template_check(tfd), -EACCES);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -EACCES);
	own = template_of(test_tool(AFTER));
	CHECK_EQ(test_spawn(own, TEST_ARGV("tiny")), 7);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -EACCES);
}

static void a_fork_is_noticed(void)
{
	int tfd = template_of(test_tool(BEFORE));

	for (int i = 0; i < 3; i++) {
		test_in_child(use_inherited, &tfd);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	}
}

/* ---- the command line tool */

/* The string behind the first "key": in JSON. */
static char *string_of(const char *json, const char *key)
{
	const char *start = test_fmt("\"%s\": \"", key);
	const char *at = strstr(json, start);

	CHECK(at);
	at += strlen(start);
	return test_fmt("%.*s", (int)strcspn(at, "\""), at);
}

/* The doctor's status of a feature. */
static char *status_of(const char *json, const char *id)
{
	const char *at = strstr(json, test_fmt("\"id\": \"%s\"", id));

	CHECK(at);
	return string_of(at, "status");
}

/* Nothing is forbidden here, and the doctor finds the same features. */
static void the_doctor_agrees_with_the_kernel(void)
{
	int tfd = template_of(test_tool("spawn-template"));
	char name[16], *json, *at;

	CHECK_EQ(name_by_fd(name), 0);
	json = test_output(tfd, TEST_ARGV("x", "doctor", "--json"));
	CHECK_HAS(json, "\"launches_work\": true");
	for (at = json; (at = strstr(at, "\"id\"")); at++) {
		test_note("%s: %s", string_of(at, "id"),
			  string_of(at, "detail"));
		CHECK(strcmp(string_of(at, "status"), "no_permission"));
	}
	CHECK_STR(status_of(json, "close_range_cloexec"),
		  has_cloexec_range() ? "ok" : "missing");
	CHECK_STR(status_of(json, "at_execve_check"),
		  has_execve_check() ? "ok" : "missing");
	CHECK_STR(status_of(json, "execveat_comm"),
		  strcmp(name, "guest") ? "missing" : "ok");
}

static void the_run_command_passes_the_status_on(void)
{
	int tfd = template_of(test_tool("spawn-template"));
	char *probe = test_fmt("%s", test_tool("probe"));

	CHECK_EQ(test_spawn(tfd,
			    TEST_ARGV("x", "run", "--", probe, "exit", "3")),
		 3);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("x", "run", "--timeout", "0.2", "--",
					   probe, "pause")),
		 124);
}

static const struct test_case cases[] = {
	TEST_CASE(launches_use_the_fallbacks_that_the_kernel_forces),
	TEST_CASE_SECONDS(launches_work_with_each_call_refused, 60),
	TEST_CASE(launches_work_with_all_calls_refused),
	TEST_CASE(comm_seen_from_outside_is_the_tools_name),
	TEST_CASE(comm_seen_from_inside_is_the_tools_name),
	TEST_CASE(the_way_of_launching_fits_the_kernel),
	TEST_CASE(the_pidfd_is_the_childs),
	TEST_CASE(a_failed_launch_leaves_nothing),
	TEST_CASE(ids_groups_and_session_are_set),
	TEST_CASE(into_cgroup_starts_the_program_there),
	TEST_CASE(fds_above_2_are_closed_unless_kept),
	TEST_CASE(fds_of_a_large_table_are_closed),
	TEST_CASE_SECONDS(changes_within_a_tick_are_stale_on_tmpfs, 60),
	TEST_CASE_SECONDS(changes_within_a_tick_are_stale_on_ramfs, 60),
	TEST_CASE(a_replaced_or_removed_file_is_stale),
	TEST_CASE(a_fork_is_noticed),
	TEST_CASE(the_doctor_agrees_with_the_kernel),
	TEST_CASE(the_run_command_passes_the_status_on),
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "facts"))
		return print_facts();
	if (argc > 1 && !strcmp(argv[1], "name"))
		return print_name();
	return test_main(argc, argv, cases, TEST_COUNT(cases));
}
