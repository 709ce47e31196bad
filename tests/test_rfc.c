/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 17 self-tests of the kernel proposal, under its names, and its layouts.
 *
 * One of them has another answer here: the proposal denies writing to the file
 * while a template lives; here a write succeeds, and the template is stale.
 */
#include "harness.h"

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define INHERIT SPAWN_TEMPLATE_SPAWN_INHERIT_FDS

_Static_assert(sizeof(struct spawn_template_action) == 24, "action");
_Static_assert(offsetof(struct spawn_template_action, arg) == 16, "action");
_Static_assert(sizeof(struct spawn_template_open) == 32, "open");
_Static_assert(sizeof(struct spawn_template_sigset) == 16, "sigset");
_Static_assert(offsetof(struct spawn_template_create_args, reserved) +
			       4 * sizeof(uint64_t) ==
		       SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0,
	       "create args, VER0");
_Static_assert(offsetof(struct spawn_template_create_args, warm_preload) ==
		       SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1,
	       "create args, VER1");
_Static_assert(sizeof(struct spawn_template_create_args) ==
		       SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2,
	       "create args, VER2");
_Static_assert(offsetof(struct spawn_template_spawn_args, reserved) +
			       4 * sizeof(uint64_t) ==
		       SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0,
	       "spawn args, VER0");
_Static_assert(offsetof(struct spawn_template_spawn_args, failure_size) ==
		       SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1,
	       "spawn args, VER1");
_Static_assert(sizeof(struct spawn_template_spawn_args) ==
		       SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2,
	       "spawn args, VER2");
_Static_assert(offsetof(struct spawn_template_stat, interpreter) +
			       SPAWN_TEMPLATE_PATH_MAX ==
		       SPAWN_TEMPLATE_STAT_SIZE_VER0,
	       "stat, VER0");
_Static_assert(offsetof(struct spawn_template_stat, cold_reasons) ==
		       SPAWN_TEMPLATE_STAT_SIZE_VER1,
	       "stat, VER1");

static int create(const char *filename, int execfd)
{
	struct spawn_template_create_args args = {
		.flags = CLOEXEC,
		.execfd = execfd,
		.filename = (uintptr_t)filename,
	};

	return spawn_template_create(&args,
				     SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0);
}

static int spawn(int tfd, char *const argv[], int *pidfd)
{
	struct spawn_template_spawn_args args = test_args(pidfd, argv);

	return spawn_template_spawn(tfd, &args,
				    SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0);
}

static void basic_spawn(void)
{
	int pidfd = -1, tfd = CHECK_OK(create(test_tool("probe"), -1));
	siginfo_t info = { 0 };
	pid_t pid;

	pid = CHECK_OK(spawn(tfd, TEST_ARGV("probe", "exit", "7"), &pidfd));
	CHECK_GE(pidfd, 0);
	CHECK_SYS(waitid(P_PID, (id_t)pid, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 7);
	CHECK(test_no_children());
	CHECK_SYS(close(pidfd));
	CHECK_OK(spawn_template_close(tfd));
	CHECK_EQ(test_count_fds(), 3);
}

static void relative_path_rejected(void)
{
	char *path = test_copy_probe("probe");

	CHECK_SYS(chdir(test_tmpdir()));
	CHECK_EQ(create("probe", -1), -EINVAL);
	CHECK_EQ(create("./probe", -1), -EINVAL);
	CHECK_OK(create(path, -1));
}

static void execfd_execute_permission_checked(void)
{
	char *path = test_path("tool");
	int fd, tfd;

	test_copy(test_tool("probe"), path, 0644);
	fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_EQ(create(NULL, fd), -EACCES);
	CHECK_SYS(fchmod(fd, 0755));
	tfd = CHECK_OK(create(NULL, fd));
	CHECK_SYS(close(fd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "3")), 3);
}

static void default_fd_close(void)
{
	int tfd = test_probe();
	char *text;

	CHECK_SYS(dup2(2, 50));
	CHECK_SYS(dup2(2, 150));
	text = test_output(tfd,
			   TEST_ARGV("probe", "nfds", "fd", "50", "fd", "150"));
	CHECK_STR(test_value(text, "nfds"), "3");
	CHECK_STR(test_value(text, "fdflags.50"), "-9");
	CHECK_STR(test_value(text, "fdflags.150"), "-9");
}

static void close_range_action_max_fd(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "nfds", "fd", "20", "fd",
					  "21", "fd", "90"));
	char *text;

	CHECK_SYS(dup2(2, 20));
	CHECK_SYS(dup2(2, 21));
	CHECK_SYS(dup2(2, 90));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(21, -1, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "nfds"), "4");
	CHECK_STR(test_value(text, "fdflags.20"), "0");
	CHECK_STR(test_value(text, "fdflags.21"), "-9");
	CHECK_STR(test_value(text, "fdflags.90"), "-9");
}

static void dup2_stdio_actions(void)
{
	int tfd = test_probe(), in[2], out[2], err[2], pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe", "cat", "write", "2", "E"));

	CHECK_SYS(pipe2(in, O_CLOEXEC));
	CHECK_SYS(pipe2(out, O_CLOEXEC));
	CHECK_SYS(pipe2(err, O_CLOEXEC));
	TEST_ACTIONS(&args, ACT_DUP2(in[0], 0), ACT_DUP2(out[1], 1),
		     ACT_DUP2(err[1], 2));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_EQ(CHECK_SYS(write(in[1], "words", 5)), 5);
	close(in[1]);
	close(out[1]);
	close(err[1]);
	CHECK_STR(test_read_fd(out[0]), "words");
	CHECK_STR(test_read_fd(err[0]), "E");
	CHECK_EQ(test_wait(pidfd), 0);
}

static void open_action_stdin(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "cat"));
	char *path = test_path("input");

	test_write(path, "from a file", 0644);
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(path, O_RDONLY, 0, 0)));
	CHECK_STR(test_output_args(tfd, args, NULL), "from a file");
}

static void fchdir_action(void)
{
	int tfd = test_probe();
	int dir = CHECK_SYS(
		open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "cwd"));
	char here[4096];

	CHECK(getcwd(here, sizeof(here)));
	TEST_ACTIONS(&args, ACT_FCHDIR(dir));
	CHECK_STR(test_value(test_output_args(tfd, args, NULL), "cwd"),
		  test_tmpdir());
	CHECK_STR(
		test_value(test_output(tfd, TEST_ARGV("probe", "cwd")), "cwd"),
		here);
}

static void sigmask_action(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "signals"));

	TEST_ACTIONS(&args, ACT_SIGMASK(TEST_SIGSET(TEST_SIGBIT(SIGUSR1) |
						    TEST_SIGBIT(SIGKILL) |
						    TEST_SIGBIT(SIGSTOP))));
	CHECK_EQ(test_signals(test_output_args(tfd, args, NULL), "blocked"),
		 TEST_SIGBIT(SIGUSR1));
	CHECK_EQ(test_sigmask(), 0);
}

static void sigdefault_action(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "signals"));

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	TEST_ACTIONS(&args, ACT_SIGDEFAULT(TEST_SIGSET(TEST_SIGBIT(SIGUSR1) |
						       TEST_SIGBIT(SIGKILL))));
	CHECK_EQ(test_signals(test_output_args(tfd, args, NULL), "ignored"),
		 TEST_SIGBIT(SIGUSR2));
	CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

static void inherit_fds_flag(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "nfds", "fd", "50", "fd", "51"));
	char *text;

	CHECK_SYS(dup2(2, 50));
	CHECK_SYS(dup3(2, 51, O_CLOEXEC));
	args.flags = INHERIT;
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.50"), "0");
	CHECK_STR(test_value(text, "fdflags.51"), "-9");
	CHECK_STR(test_value(text, "nfds"), "4");
}

static void pidfd_waitid(void)
{
	int tfd = test_probe(), pidfd = -1;
	siginfo_t info = { 0 };
	pid_t pid;

	pid = CHECK_OK(spawn(tfd, TEST_ARGV("probe", "pause"), &pidfd));
	CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	CHECK_SYS(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG));
	CHECK_EQ(info.si_pid, 0);
	CHECK_SYS(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
	CHECK_SYS(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_signo, SIGCHLD);
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGTERM);
}

static void create_time_actions_rejected(void)
{
	struct spawn_template_action action = ACT_CLOSE(9);
	struct spawn_template_create_args args = {
		.execfd = -1,
		.filename = (uintptr_t)test_tool("probe"),
		.actions = (uintptr_t)&action,
		.actions_len = 1,
	};

	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args.actions_len = 0;
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args.actions = 0;
	args.actions_len = 1;
	CHECK_EQ(spawn_template_create(&args, sizeof(args)), -EINVAL);
	args.actions_len = 0;
	CHECK_OK(spawn_template_create(&args, sizeof(args)));
}

static void script_template_unsupported(void)
{
	char *path = test_path("script");

	test_write(path, "#!/bin/sh\nexit 0\n", 0755);
	CHECK_EQ(create(path, -1), -ENOEXEC);
}

/* The template has a guard, which denies the write. */
static void check_denied(const char *path, int tfd)
{
	int fd;

	CHECK_EQ(open(path, O_WRONLY | O_CLOEXEC), -1);
	CHECK_EQ(errno, ETXTBSY);
	CHECK_EQ(truncate(path, 0), -1);
	CHECK_EQ(errno, ETXTBSY);
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	CHECK_OK(spawn_template_close(tfd));
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_SYS(close(fd));
}

static void deny_write_while_template_alive(void)
{
	char *path = test_copy_probe("tool");
	int fd, tfd;

	tfd = spawn_template_open(path, SPAWN_TEMPLATE_CREATE_DENY_WRITE);
	if (tfd >= 0) {
		check_denied(path, tfd);
		return;
	}
	CHECK_EQ(tfd, -EOPNOTSUPP);
	tfd = CHECK_OK(create(path, -1));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(CHECK_SYS(pwrite(fd, "\x7f", 1, 0)), 1);
	CHECK_SYS(close(fd));
	CHECK_EQ(spawn_template_check(tfd), -ESTALE);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), -ESTALE);
}

static void stale_path_rejected(void)
{
	char *path = test_copy_probe("tool");
	int tfd = CHECK_OK(create(path, -1));

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	CHECK_SYS(chmod(path, 0600));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), -ESTALE);
	CHECK(test_no_children());
}

static void path_replacement_allows_tool_update(void)
{
	char *path = test_copy_probe("tool");
	char *update = test_copy_probe("update");
	int again, tfd = CHECK_OK(create(path, -1));

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), 1);
	CHECK_SYS(rename(update, path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), -ESTALE);
	again = CHECK_OK(create(path, -1));
	CHECK_EQ(test_spawn(again, TEST_ARGV("tool", "exit", "2")), 2);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool", "exit", "1")), -ESTALE);
}

static const struct test_case cases[] = {
	{ "basic spawn", basic_spawn, 0 },
	{ "relative path rejected", relative_path_rejected, 0 },
	{ "execfd execute permission checked",
	  execfd_execute_permission_checked, 0 },
	{ "default fd close", default_fd_close, 0 },
	{ "close_range action max fd", close_range_action_max_fd, 0 },
	{ "dup2 stdio actions", dup2_stdio_actions, 0 },
	{ "open action stdin", open_action_stdin, 0 },
	{ "fchdir action", fchdir_action, 0 },
	{ "sigmask action", sigmask_action, 0 },
	{ "sigdefault action", sigdefault_action, 0 },
	{ "inherit fds flag", inherit_fds_flag, 0 },
	{ "pidfd waitid", pidfd_waitid, 0 },
	{ "create-time actions rejected", create_time_actions_rejected, 0 },
	{ "script template unsupported", script_template_unsupported, 0 },
	{ "deny write while template alive", deny_write_while_template_alive,
	  0 },
	{ "stale path rejected", stale_path_rejected, 0 },
	{ "path replacement allows tool update",
	  path_replacement_allows_tool_update, 0 },
};
TEST_MAIN(cases)
