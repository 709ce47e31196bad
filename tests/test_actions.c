/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actions: what each does in the child, in which order, and how each failure
 * comes back, with the stage and the index of the action.
 */
#include "harness.h"

#include <sys/resource.h>
#include <termios.h>

#define STAGE_ACTION SPAWN_TEMPLATE_STAGE_ACTION
#define INHERIT SPAWN_TEMPLATE_SPAWN_INHERIT_FDS
#define SETSID SPAWN_TEMPLATE_SPAWN_SETSID

static int open_dir(const char *path)
{
	return CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* ---- CLOSE, DUP2 ---- */

static void close_closes(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "nfds", "fd", "0", "fd", "40"));
	char *text;

	CHECK_SYS(dup2(2, 40));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_CLOSE(0), ACT_CLOSE(40));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "nfds"), "2");
	CHECK_STR(test_value(text, "fdflags.0"), "-9");
	CHECK_STR(test_value(text, "fdflags.40"), "-9");
	/* the caller still has it open */
	CHECK_SYS(fcntl(40, F_GETFD));
}

static void close_of_a_closed_fd_fails(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_DUP2(1, 60), ACT_CLOSE(60), ACT_CLOSE(60));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 2);
}

static void dup2_copies_and_clears_cloexec(void)
{
	int tfd = test_probe();
	int fd = CHECK_SYS(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "fds", "fd", "0", "fd", "30"));
	char *text;

	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_DUP2(fd, 30), ACT_DUP2(30, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fd.30"), "/dev/zero");
	CHECK_STR(test_value(text, "fd.0"), "/dev/zero");
	CHECK_STR(test_value(text, "fdflags.30"), "0");
	CHECK_STR(test_value(text, "fdflags.0"), "0");
}

static void dup2_can_set_cloexec(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "fd", "0", "fd", "30", "fd", "31"));
	struct spawn_template_action cloexec = ACT_DUP2(1, 30);
	char *text;

	cloexec.flags = O_CLOEXEC;
	args.flags = INHERIT;
	TEST_ACTIONS(&args, cloexec, ACT_DUP2(30, 31));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.30"), "-9");
	CHECK_STR(test_value(text, "fdflags.31"), "0");
}

/* Equal numbers are only checked: FD_CLOEXEC stays. */
static void dup2_onto_itself_only_checks(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe", "fd", "30", "fd", "31"));
	char *text;

	CHECK_SYS(dup2(2, 30));
	CHECK_SYS(dup3(2, 31, O_CLOEXEC));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_DUP2(30, 30), ACT_DUP2(31, 31));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.30"), "0");
	CHECK_STR(test_value(text, "fdflags.31"), "-9");
	TEST_ACTIONS(&args, ACT_DUP2(30, 30), ACT_DUP2(32, 32));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
}

static void dup2_of_a_closed_fd_fails(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_DUP2(77, 0));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_DUP2(1, 0), ACT_DUP2(1, 1), ACT_DUP2(77, 78));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 2);
}

static void dup2_beyond_the_limit_fails(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));
	struct rlimit limit = { 64, 64 };

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	TEST_ACTIONS(&args, ACT_DUP2(1, 63), ACT_DUP2(1, 64));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
}

/* ---- FCHDIR, CHDIR ---- */

static char *cwd_after(int tfd, struct spawn_template_action *actions, size_t n)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "cwd"));

	args.actions = (uintptr_t)actions;
	args.actions_len = n;
	return test_value(test_output_args(tfd, args, NULL), "cwd");
}

static void chdir_takes_absolute_and_relative_paths(void)
{
	int tfd = test_probe(), dir = open_dir(test_tmpdir());
	struct spawn_template_action actions[] = {
		ACT_CHDIR(test_tmpdir()),
		ACT_CHDIR("a"),
		ACT_CHDIR("b"),
	};
	struct spawn_template_action from_fd[] = {
		ACT_CHDIR("/"),
		ACT_FCHDIR(dir),
		ACT_CHDIR("a/../a/b"),
	};

	CHECK_SYS(mkdir(test_path("a"), 0755));
	CHECK_SYS(mkdir(test_path("a/b"), 0755));
	CHECK_STR(cwd_after(tfd, actions, 1), test_tmpdir());
	CHECK_STR(cwd_after(tfd, actions, 2), test_path("a"));
	CHECK_STR(cwd_after(tfd, actions, 3), test_path("a/b"));
	CHECK_STR(cwd_after(tfd, from_fd, 3), test_path("a/b"));
	/* relative to where the caller is */
	CHECK_SYS(chdir(test_path("a")));
	CHECK_STR(cwd_after(tfd, actions + 2, 1), test_path("a/b"));
	CHECK_STR(
		test_value(test_output(tfd, TEST_ARGV("probe", "cwd")), "cwd"),
		test_path("a"));
}

static void chdir_failures_tell_error_and_action(void)
{
	int tfd = test_probe(), pidfd, file;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	test_write(test_path("file"), "", 0644);
	file = CHECK_SYS(open(test_path("file"), O_RDONLY | O_CLOEXEC));
	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_CHDIR(test_path("none")));
	CHECK_FAILS(tfd, args, ENOENT, STAGE_ACTION, 1);
	TEST_ACTIONS(&args, ACT_CHDIR(test_path("file")));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_CHDIR(""));
	CHECK_FAILS(tfd, args, ENOENT, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_FCHDIR(file));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_FCHDIR(333));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
}

/* The library's calls before exec must not depend on the directory. */
static void chdir_does_not_change_what_is_launched(void)
{
	int tfd;

	CHECK_SYS(chdir(test_tmpdir()));
	test_copy_probe("tool");
	tfd = CHECK_OK(spawn_template_search("./tool", NULL, 0));
	CHECK_STR(cwd_after(tfd, &ACT_CHDIR("/"), 1), "/");
}

/* ---- OPEN ---- */

static void open_creates_files_under_the_umask(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "write", "1", "text", "fd", "1"));
	char *path = test_path("made");
	struct stat st;

	umask(027);
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 1,
			      TEST_OPEN(path, O_WRONLY | O_CREAT, 0666, 0)));
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	CHECK_HAS(test_read(path), "text");
	CHECK_STR(test_value(test_read(path) + 4, "fdflags.1"), "0");
	CHECK_SYS(stat(path, &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 1,
			      TEST_OPEN(path, O_WRONLY | O_TRUNC, 0, 0)));
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	CHECK_HAS(test_read(path), "text");
}

static void open_is_relative_to_its_directory(void)
{
	int tfd = test_probe(), dir = open_dir(test_tmpdir());
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "cat"));
	struct spawn_template_open *file = TEST_OPEN("file", O_RDONLY, 0, 0);

	test_write(test_path("file"), "from there", 0644);
	TEST_ACTIONS(&args, ACT_OPEN(dir, 0, file));
	CHECK_STR(test_output_args(tfd, args, NULL), "from there");
	/* AT_FDCWD is where the child is by then */
	TEST_ACTIONS(&args, ACT_CHDIR(test_tmpdir()),
		     ACT_OPEN(AT_FDCWD, 0, file));
	CHECK_STR(test_output_args(tfd, args, NULL), "from there");
	/* a directory that an action made, and a target that is the source */
	TEST_ACTIONS(&args, ACT_DUP2(dir, 0), ACT_OPEN(0, 0, file));
	CHECK_STR(test_output_args(tfd, args, NULL), "from there");
	/* a directory opened by an action */
	TEST_ACTIONS(
		&args,
		ACT_OPEN(AT_FDCWD, 44, TEST_OPEN(test_tmpdir(), O_PATH, 0, 0)),
		ACT_OPEN(44, 0, file));
	CHECK_STR(test_output_args(tfd, args, NULL), "from there");
}

static void open_leaves_only_the_number_asked_for(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "nfds", "fd", "200", "fd", "201"));
	char *text;

	args.flags = INHERIT;
	TEST_ACTIONS(
		&args,
		ACT_OPEN(AT_FDCWD, 200, TEST_OPEN("/dev/null", O_RDONLY, 0, 0)),
		ACT_OPEN(AT_FDCWD, 201,
			 TEST_OPEN("/dev/null", O_RDONLY | O_CLOEXEC, 0, 0)));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.200"), "0");
	CHECK_STR(test_value(text, "fdflags.201"), "-9");
	/* the number that open(2) gave at first is closed again */
	CHECK_STR(test_value(text, "nfds"), "4");
}

/* open(2) gives the very number that the action asks for. */
static void open_works_at_the_next_free_number(void)
{
	int tfd = test_probe(), next = CHECK_SYS(dup(0));
	char *name = test_fmt("%d", next);
	char *report = test_path("report");
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "out", report, "nfds", "fd", name));
	char *text;

	CHECK_SYS(close(next));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_OPEN(AT_FDCWD, next,
				     TEST_OPEN("/dev/null", O_RDONLY, 0, 0)));
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	text = test_read(report);
	CHECK_STR(test_value(text, test_fmt("fdflags.%d", next)), "0");
	/* stdio, the number itself and the report */
	CHECK_STR(test_value(text, "nfds"), "5");
}

static void open_obeys_the_resolve_flags(void)
{
	int tfd = test_probe(), dir = open_dir(test_tmpdir()), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	test_write(test_path("file"), "", 0644);
	CHECK_SYS(symlink("file", test_path("link")));
#define OPEN(name, flags, resolve)          \
	TEST_ACTIONS(&args, ACT_DUP2(1, 1), \
		     ACT_OPEN(dir, 0, TEST_OPEN(name, flags, 0, resolve)))
	OPEN("link", O_RDONLY, 0);
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	OPEN("link", O_RDONLY, RESOLVE_NO_SYMLINKS);
	CHECK_FAILS(tfd, args, ELOOP, STAGE_ACTION, 1);
	OPEN("../none", O_RDONLY, RESOLVE_BENEATH);
	CHECK_FAILS(tfd, args, EXDEV, STAGE_ACTION, 1);
	OPEN("/etc/passwd", O_RDONLY, RESOLVE_IN_ROOT);
	CHECK_FAILS(tfd, args, ENOENT, STAGE_ACTION, 1);
	OPEN("file", O_RDONLY, 1ULL << 50);
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ACTION, 1);
	OPEN("file", 1ULL << 50, 0);
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ACTION, 1);
#undef OPEN
}

static void open_failures_tell_error_and_action(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));
	struct spawn_template_open *none =
		TEST_OPEN(test_path("none"), O_RDONLY, 0, 0);
	struct spawn_template_open *name = TEST_OPEN("x", O_RDONLY, 0, 0);
	struct rlimit limit = { tfd + 40, tfd + 40 };

	TEST_ACTIONS(&args, ACT_OPEN(AT_FDCWD, 0, none));
	CHECK_FAILS(tfd, args, ENOENT, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_DUP2(1, 2),
		     ACT_OPEN(444, 0, name));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 2);
	TEST_ACTIONS(&args, ACT_OPEN(0, 0, name));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 0);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	TEST_ACTIONS(&args, ACT_OPEN(AT_FDCWD, 500,
				     TEST_OPEN("/dev/null", O_RDONLY, 0, 0)));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
}

/* ---- CLOSE_RANGE, KEEP ---- */

static void close_range_closes_a_range(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "fd", "19", "fd", "20", "fd",
					  "25", "fd", "30", "fd", "31"));
	char *text;

	for (int fd = 19; fd <= 31; fd++)
		CHECK_SYS(dup2(2, fd));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(20, 30, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.19"), "0");
	CHECK_STR(test_value(text, "fdflags.20"), "-9");
	CHECK_STR(test_value(text, "fdflags.25"), "-9");
	CHECK_STR(test_value(text, "fdflags.30"), "-9");
	CHECK_STR(test_value(text, "fdflags.31"), "0");
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(30, 30, CLOSE_RANGE_UNSHARE),
		     ACT_CLOSE_RANGE(900, 900, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.25"), "0");
	CHECK_STR(test_value(text, "fdflags.30"), "-9");
	for (int fd = 19; fd <= 31; fd++)
		CHECK_EQ(fcntl(fd, F_GETFD), 0);
}

/* A later action can still use a descriptor that is marked. */
static void close_range_cloexec_marks_and_does_not_close(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "fd", "20", "fd", "40"));
	char *text;

	CHECK_SYS(dup2(2, 20));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(3, -1, CLOSE_RANGE_CLOEXEC),
		     ACT_DUP2(20, 40));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.20"), "-9");
	CHECK_STR(test_value(text, "fdflags.40"), "0");
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(3, -1, 0), ACT_DUP2(20, 40));
	CHECK_EQ(test_spawn_args(tfd, args), -EBADF);
}

/* A kernel may lack close_range(2), or its newer flag (before Linux 5.11). */
static void close_range_works_where_the_kernel_lacks_it(void)
{
	test_seccomp(SYS_close_range, ENOSYS);
	close_range_closes_a_range();
	close_range_cloexec_marks_and_does_not_close();
}

static void close_range_works_where_its_cloexec_flag_is_missing(void)
{
	test_seccomp_arg(SYS_close_range, 2, CLOSE_RANGE_CLOEXEC,
			 CLOSE_RANGE_CLOEXEC, EINVAL);
	close_range_closes_a_range();
	close_range_cloexec_marks_and_does_not_close();
}

static void keep_survives_the_default_close(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "nfds", "fd", "20", "fd",
					  "21", "fd", "22", "fd", "300"));
	char *text;

	CHECK_SYS(dup3(2, 20, O_CLOEXEC));
	CHECK_SYS(dup2(2, 21));
	CHECK_SYS(dup2(2, 22));
	TEST_ACTIONS(&args, ACT_KEEP(300), ACT_KEEP(20), ACT_KEEP(21),
		     ACT_KEEP(21), ACT_DUP2(2, 300));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.20"), "0");
	CHECK_STR(test_value(text, "fdflags.21"), "0");
	CHECK_STR(test_value(text, "fdflags.22"), "-9");
	CHECK_STR(test_value(text, "fdflags.300"), "0");
	CHECK_STR(test_value(text, "nfds"), "6");
	/* here nothing changed */
	CHECK_EQ(fcntl(20, F_GETFD), FD_CLOEXEC);
}

static void keep_with_inherit_clears_cloexec(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "fd", "20", "fd", "21", "fd", "22"));
	char *text;

	CHECK_SYS(dup3(2, 20, O_CLOEXEC));
	CHECK_SYS(dup3(2, 21, O_CLOEXEC));
	CHECK_SYS(dup2(2, 22));
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_KEEP(20));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.20"), "0");
	CHECK_STR(test_value(text, "fdflags.21"), "-9");
	CHECK_STR(test_value(text, "fdflags.22"), "0");
}

/* KEEP takes effect after all other actions, wherever it stands. */
static void keep_undoes_close_range_cloexec(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "nfds", "fd", "20", "fd", "21"));
	char *text;

	CHECK_SYS(dup2(2, 20));
	CHECK_SYS(dup2(2, 21));
	TEST_ACTIONS(&args, ACT_KEEP(20),
		     ACT_CLOSE_RANGE(3, -1, CLOSE_RANGE_CLOEXEC));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fdflags.20"), "0");
	CHECK_STR(test_value(text, "nfds"), "4");
}

static void keep_of_a_closed_fd_fails(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_DUP2(1, 1), ACT_KEEP(77));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
	args.flags = INHERIT;
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
	CHECK_SYS(dup2(2, 20));
	TEST_ACTIONS(&args, ACT_KEEP(20), ACT_KEEP(20), ACT_CLOSE(20));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
}

/* 390 descriptors are open and 128 are kept: only those are left. */
static void keep_leaves_only_what_it_names_of_many(void)
{
	struct spawn_template_action actions[128];
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "fds"));
	char *text;

	for (int fd = 10; fd < 400; fd++)
		CHECK_SYS(dup2(0, fd));
	for (int i = 0; i < 128; i++)
		actions[i] = ACT_KEEP(10 + (i * 77) % 128 * 3);
	args.actions = (uintptr_t)actions;
	args.actions_len = TEST_COUNT(actions);
	text = test_output_args(tfd, args, NULL);
	for (int fd = 3; fd < 400; fd++) {
		bool there = strstr(text, test_fmt("\nfd.%d=", fd));

		CHECK_EQ(there, fd >= 10 && fd < 394 && (fd - 10) % 3 == 0);
	}
}

/* ---- RLIMIT ---- */

static void rlimit_sets_limits_of_the_program_only(void)
{
	int tfd = test_probe();
	struct rlimit core = { 100, 200 }, cpu = { 7, RLIM_INFINITY };
	char *core_name = test_fmt("%d", RLIMIT_CORE);
	char *cpu_name = test_fmt("%d", RLIMIT_CPU);
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "rlimit", core_name,
					  "rlimit", cpu_name));
	struct rlimit before, after;
	char *text;

	CHECK_SYS(getrlimit(RLIMIT_CORE, &before));
	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_CORE, &core),
		     ACT_RLIMIT(RLIMIT_CPU, &cpu));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, test_fmt("limit.%d", RLIMIT_CORE)),
		  "100,200");
	CHECK_STR(test_value(text, test_fmt("limit.%d", RLIMIT_CPU)),
		  test_fmt("7,%llu", (unsigned long long)RLIM_INFINITY));
	CHECK_SYS(getrlimit(RLIMIT_CORE, &after));
	CHECK_EQ(after.rlim_cur, before.rlim_cur);
	CHECK_EQ(after.rlim_max, before.rlim_max);
}

/* The last of several for one resource holds. */
static void the_last_rlimit_of_a_resource_holds(void)
{
	int tfd = test_probe();
	struct rlimit one = { 100, 200 }, two = { 50, 60 };
	char *name = test_fmt("%d", RLIMIT_CORE);
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "rlimit", name));

	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_CORE, &one),
		     ACT_RLIMIT(RLIMIT_CORE, &two));
	CHECK_STR(test_value(test_output_args(tfd, args, NULL),
			     test_fmt("limit.%d", RLIMIT_CORE)),
		  "50,60");
}

static void rlimit_failures_tell_error_and_action(void)
{
	int tfd = test_probe(), pidfd;
	struct rlimit wrong = { 200, 100 };
	struct rlimit low = { 100, 100 }, high = { 100, 200 };
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_RLIMIT(RLIMIT_CORE, &wrong));
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ACTION, 1);
	CHECK_SYS(setrlimit(RLIMIT_CORE, &low));
	if (test_is_root()) {
		CHECK_OK(spawn_template_close(tfd));
		CHECK_SYS(setresuid(65534, 65534, 65534));
		tfd = CHECK_OK(spawn_template_open("/bin/true", 0));
	}
	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_CORE, &low),
		     ACT_RLIMIT(RLIMIT_CORE, &high), ACT_CHDIR("/"));
	CHECK_FAILS(tfd, args, EPERM, STAGE_ACTION, 1);
}

/* The low limit stands first and does not hinder the actions behind it. */
static void rlimit_nofile_comes_last(void)
{
	int tfd = test_probe();
	struct rlimit few = { 4, 4 };
	char *name = test_fmt("%d", RLIMIT_NOFILE);
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "rlimit", name, "fd", "0",
					  "fd", "50", "fd", "51"));
	char *text;

	TEST_ACTIONS(
		&args, ACT_RLIMIT(RLIMIT_NOFILE, &few), ACT_DUP2(1, 50),
		ACT_OPEN(AT_FDCWD, 51, TEST_OPEN("/dev/null", O_RDONLY, 0, 0)),
		ACT_KEEP(50), ACT_KEEP(51));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, test_fmt("limit.%d", RLIMIT_NOFILE)), "4,4");
	CHECK_STR(test_value(text, "fdflags.50"), "0");
	CHECK_STR(test_value(text, "fdflags.51"), "0");
}

static void rlimit_nofile_may_be_zero(void)
{
	struct rlimit none = { 0, 0 };
	int tfd = CHECK_OK(spawn_template_open(test_tool("probe-static"),
					       SPAWN_TEMPLATE_CREATE_CLOEXEC));
	char *name = test_fmt("%d", RLIMIT_NOFILE);
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "rlimit", name));

	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_NOFILE, &none), ACT_DUP2(1, 2));
	CHECK_STR(test_value(test_output_args(tfd, args, NULL),
			     test_fmt("limit.%d", RLIMIT_NOFILE)),
		  "0,0");
}

/* ---- SETCTTY ---- */

static int open_pty(char **slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) || unlockpt(master))
		TEST_SKIP("no pseudo terminals: %s", strerror(errno));
	*slave = test_fmt("%s", ptsname(master));
	return master;
}

static void setctty_makes_it_the_terminal(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "pids", "fds"));
	char *slave, *text, *pid;
	int tty;

	open_pty(&slave);
	tty = CHECK_SYS(open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC));
	args.flags = SETSID;
	TEST_ACTIONS(&args, ACT_DUP2(tty, 0), ACT_SETCTTY(0));
	text = test_output_args(tfd, args, NULL);
	pid = test_value(text, "pid");
	CHECK_STR(test_value(text, "sid"), pid);
	CHECK_STR(test_value(text, "pgrp"), pid);
	CHECK_STR(test_value(text, "foreground"), pid);
	CHECK_STR(test_value(text, "fd.0"), slave);
	/* its own number works, too, as the default close comes later */
	TEST_ACTIONS(&args, ACT_SETCTTY(tty), ACT_DUP2(tty, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "foreground"), test_value(text, "pid"));
}

/* Closing the terminal hangs up what runs on it. */
static void setctty_lets_a_hangup_end_the_program(void)
{
	int tfd = test_probe(), master, tty, pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe", "pause"));
	char *slave;

	master = open_pty(&slave);
	tty = CHECK_SYS(open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC));
	args.flags = SETSID;
	TEST_ACTIONS(&args, ACT_SETCTTY(tty));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_SYS(close(master));
	CHECK_EQ(test_wait(pidfd), 128 + SIGHUP);
}

static void setctty_failures_tell_error_and_action(void)
{
	int tfd = test_probe(), null, pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	null = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	args.flags = SETSID;
	TEST_ACTIONS(&args, ACT_DUP2(1, 1), ACT_SETCTTY(null));
	CHECK_FAILS(tfd, args, ENOTTY, STAGE_ACTION, 1);
	TEST_ACTIONS(&args, ACT_SETCTTY(333));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
}

/* ---- together ---- */

static void actions_run_in_order(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "fds", "cwd"));
	char *a = test_path("a"), *text;

	test_write(a, "", 0644);
	CHECK_SYS(mkdir(test_path("d"), 0755));
	CHECK_SYS(mkdir(test_path("d/e"), 0755));
	args.flags = INHERIT;
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 10, TEST_OPEN(a, O_RDONLY, 0, 0)),
		     ACT_DUP2(10, 11), ACT_DUP2(0, 10), ACT_DUP2(11, 12),
		     ACT_CLOSE(11), ACT_CHDIR(test_path("d")),
		     ACT_OPEN(AT_FDCWD, 13, TEST_OPEN("e", O_PATH, 0, 0)),
		     ACT_FCHDIR(13), ACT_CLOSE_RANGE(13, -1, 0));
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "fd.10"), "/dev/null");
	CHECK_STR(test_value(text, "fd.12"), a);
	CHECK_HAS_NOT(text, "fd.11=");
	CHECK_HAS_NOT(text, "fd.13=");
	CHECK_STR(test_value(text, "cwd"), test_path("d/e"));
}

static void all_256_actions_run(void)
{
	struct spawn_template_action actions[256];
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args = test_args(
		&pidfd, TEST_ARGV("probe", "nfds", "fd", "100", "fd", "355"));
	char *text;

	for (int i = 0; i < 256; i++)
		actions[i] = ACT_DUP2(i ? 99 + i : 2, 100 + i);
	args.flags = INHERIT;
	args.actions = (uintptr_t)actions;
	args.actions_len = 256;
	text = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(text, "nfds"), "259");
	CHECK_STR(test_value(text, "fdflags.100"), "0");
	CHECK_STR(test_value(text, "fdflags.355"), "0");
	/* the last one's failure is told as the last one's */
	actions[255] = ACT_DUP2(99, 3);
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 255);
}

/* A failing action ends the launch: the actions behind it do not run. */
static void nothing_runs_after_a_failure(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args = test_args(
		&pidfd, TEST_ARGV("probe", "touch", test_path("ran")));
	char *made = test_path("made");

	TEST_ACTIONS(&args, ACT_CLOSE(500),
		     ACT_OPEN(AT_FDCWD, 9,
			      TEST_OPEN(made, O_CREAT | O_WRONLY, 0644, 0)));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
	CHECK_EQ(access(made, F_OK), -1);
	CHECK_EQ(access(test_path("ran"), F_OK), -1);
}

/* A failure of exec has its own stage, also behind actions. */
static void exec_failure_has_its_stage(void)
{
	int tfd, pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("script"));
	char *path = test_path("script");

	test_write(path, "#!/none/interpreter\n", 0755);
	tfd = CHECK_OK(spawn_template_open(
		path,
		SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT));
	TEST_ACTIONS(&args, ACT_CHDIR("/"));
	CHECK_FAILS(tfd, args, ENOENT, SPAWN_TEMPLATE_STAGE_EXEC, 0);
}

/* Failure is written only when a launch fails. */
static void failure_is_untouched_on_success(void)
{
	struct spawn_template_failure failure = { -5, 55, 555 };
	int tfd = test_probe();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "exit", "4"));

	args.failure = (uintptr_t)&failure;
	CHECK_EQ(test_spawn_args(tfd, args), 4);
	CHECK_EQ(failure.error, -5);
	CHECK_EQ(failure.stage, 55);
	CHECK_EQ(failure.action, 555);
}

static const struct test_case cases[] = {
	TEST_CASE(close_closes),
	TEST_CASE(close_of_a_closed_fd_fails),
	TEST_CASE(dup2_copies_and_clears_cloexec),
	TEST_CASE(dup2_can_set_cloexec),
	TEST_CASE(dup2_onto_itself_only_checks),
	TEST_CASE(dup2_of_a_closed_fd_fails),
	TEST_CASE(dup2_beyond_the_limit_fails),
	TEST_CASE(chdir_takes_absolute_and_relative_paths),
	TEST_CASE(chdir_failures_tell_error_and_action),
	TEST_CASE(chdir_does_not_change_what_is_launched),
	TEST_CASE(open_creates_files_under_the_umask),
	TEST_CASE(open_is_relative_to_its_directory),
	TEST_CASE(open_leaves_only_the_number_asked_for),
	TEST_CASE(open_works_at_the_next_free_number),
	TEST_CASE(open_obeys_the_resolve_flags),
	TEST_CASE(open_failures_tell_error_and_action),
	TEST_CASE(close_range_closes_a_range),
	TEST_CASE(close_range_works_where_the_kernel_lacks_it),
	TEST_CASE(close_range_works_where_its_cloexec_flag_is_missing),
	TEST_CASE(close_range_cloexec_marks_and_does_not_close),
	TEST_CASE(keep_survives_the_default_close),
	TEST_CASE(keep_with_inherit_clears_cloexec),
	TEST_CASE(keep_undoes_close_range_cloexec),
	TEST_CASE(keep_of_a_closed_fd_fails),
	TEST_CASE(keep_leaves_only_what_it_names_of_many),
	TEST_CASE(rlimit_sets_limits_of_the_program_only),
	TEST_CASE(the_last_rlimit_of_a_resource_holds),
	TEST_CASE(rlimit_failures_tell_error_and_action),
	TEST_CASE(rlimit_nofile_comes_last),
	TEST_CASE(rlimit_nofile_may_be_zero),
	TEST_CASE(setctty_makes_it_the_terminal),
	TEST_CASE(setctty_lets_a_hangup_end_the_program),
	TEST_CASE(setctty_failures_tell_error_and_action),
	TEST_CASE(actions_run_in_order),
	TEST_CASE(all_256_actions_run),
	TEST_CASE(nothing_runs_after_a_failure),
	TEST_CASE(exec_failure_has_its_stage),
	TEST_CASE(failure_is_untouched_on_success),
};
TEST_MAIN(cases)
