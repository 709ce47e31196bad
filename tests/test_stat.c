/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn_template_stat(): the file's key, kind and interpreter, and the counters of
 * launches. test_identity.c has its reasons for a stale template, and test_exec.c
 * those for a launch by path.
 */
#include "harness.h"

#include <elf.h>
#include <sys/sysmacros.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define SCRIPT SPAWN_TEMPLATE_CREATE_SCRIPT
#define TFD(path, flags) CHECK_OK(spawn_template_open(path, flags))

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	memset(&st, 0x5a, sizeof(st));
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	/* strings end, and no byte is left as it was before */
	CHECK(memchr(st.path, 0, sizeof(st.path)));
	CHECK(memchr(st.interpreter, 0, sizeof(st.interpreter)));
	CHECK_EQ(st.path[sizeof(st.path) - 1], 0);
	CHECK_EQ(st.interpreter[sizeof(st.interpreter) - 1], 0);
	if (!getenv("TEST_GUARD"))
		CHECK_EQ(st.guarded, 0);
	CHECK_EQ(!st.guard_id, !st.guarded);
	CHECK_EQ(st.deny_write, 0);
	CHECK_EQ(st.warm_ready, 0);
	CHECK_EQ(st.warm, 0);
	return st;
}

/* ---- identity ---- */

static void the_key_is_the_files(void)
{
	char *path = test_copy_probe("tool");
	struct spawn_template_key key = stat_of(TFD(path, CLOEXEC)).key;
	struct stat st;

	CHECK_SYS(stat(path, &st));
	CHECK_EQ(key.dev_major, major(st.st_dev));
	CHECK_EQ(key.dev_minor, minor(st.st_dev));
	CHECK_EQ(key.ino, st.st_ino);
	CHECK_EQ(key.size, st.st_size);
	CHECK_EQ(key.mode, st.st_mode);
	CHECK_EQ(key.nlink, st.st_nlink);
	CHECK_EQ(key.uid, st.st_uid);
	CHECK_EQ(key.gid, st.st_gid);
	CHECK_EQ(key.ctime_sec, st.st_ctim.tv_sec);
	CHECK_EQ(key.ctime_nsec, st.st_ctim.tv_nsec);
	CHECK_EQ(key.mtime_sec, st.st_mtim.tv_sec);
	CHECK_EQ(key.mtime_nsec, st.st_mtim.tv_nsec);
}

/* The unique mount id since Linux 6.8, else the one in mountinfo. */
static void the_key_has_the_mount_id(void)
{
	int tfd = test_probe();
	char *info = test_read(test_fmt("/proc/self/fdinfo/%d", tfd));
	char *line = strstr(info, "mnt_id:");
	uint64_t id = stat_of(tfd).key.mnt_id;

	CHECK(line);
	CHECK(id == strtoull(line + 7, NULL, 10) || id > INT32_MAX);
	CHECK_EQ(stat_of(test_probe()).key.mnt_id, id);
	CHECK_NE(stat_of(TFD("/proc/self/exe", 0)).key.mnt_id, 0);
}

static void the_flags_are_those_given(void)
{
	static const uint64_t flags[] = {
		0,
		CLOEXEC,
		CLOEXEC | SCRIPT,
		SPAWN_TEMPLATE_CREATE_NO_GUARD,
		CLOEXEC | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH,
	};

	for (size_t i = 0; i < TEST_COUNT(flags); i++)
		CHECK_EQ(stat_of(TFD(test_tool("probe"), flags[i])).flags,
			 flags[i]);
}

static void the_path_is_as_given(void)
{
	struct spawn_template_create_args args = { .flags = CLOEXEC };
	char *path = test_copy_probe("tool"),
	     *odd = test_path("./../%s/tool", strrchr(test_tmpdir(), '/') + 1);

	CHECK_STR(stat_of(TFD(path, CLOEXEC)).path, path);
	CHECK_STR(stat_of(TFD(odd, CLOEXEC)).path, odd);
	args.execfd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_STR(stat_of(CHECK_OK(spawn_template_create(&args, sizeof(args))))
			  .path,
		  "");
	CHECK_SYS(chdir(test_tmpdir()));
	CHECK_HAS(stat_of(CHECK_OK(spawn_template_search("tool", "", CLOEXEC)))
			  .path,
		  "/tool");
}

/* The ELF header, read without the library. */
static Elf64_Ehdr header_of(const char *path)
{
	Elf64_Ehdr header;
	int fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));

	CHECK_EQ(CHECK_SYS(read(fd, &header, sizeof(header))), sizeof(header));
	CHECK_SYS(close(fd));
	return header;
}

static void check_elf(const char *name, bool dynamic, const char *interpreter)
{
	struct spawn_template_stat st;
	const char *path = test_tool(name);
	Elf64_Ehdr header;

	if (access(path, F_OK) && strstr(name, "musl"))
		TEST_SKIP("musl-gcc is not installed");
	header = header_of(path);
	st = stat_of(TFD(path, CLOEXEC));
	CHECK_EQ(st.format, SPAWN_TEMPLATE_FORMAT_ELF);
	CHECK_EQ(st.elf_class, header.e_ident[EI_CLASS]);
	CHECK_EQ(st.elf_machine, header.e_machine);
	CHECK_EQ(!!(st.elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC), dynamic);
	CHECK_EQ(!!(st.elf_flags & SPAWN_TEMPLATE_ELF_PIE),
		 header.e_type == ET_DYN);
	CHECK_EQ(st.elf_flags &
			 ~(SPAWN_TEMPLATE_ELF_DYNAMIC | SPAWN_TEMPLATE_ELF_PIE),
		 0);
	CHECK_HAS(st.interpreter, interpreter);
	CHECK_EQ(!*st.interpreter, !dynamic);
	if (dynamic)
		CHECK_EQ(access(st.interpreter, X_OK), 0);
}

static void a_dynamic_program_is_told_as_such(void)
{
	check_elf("probe", true, "/ld-");
}

static void a_static_program_is_told_as_such(void)
{
	check_elf("probe-static", false, "");
}

static void a_static_pie_program_is_told_as_such(void)
{
	CHECK_EQ(header_of(test_tool("probe-static-pie")).e_type, ET_DYN);
	check_elf("probe-static-pie", false, "");
}

static void musl_programs_are_told_as_such(void)
{
	check_elf("probe-musl", true, "ld-musl");
	check_elf("probe-musl-static", false, "");
}

static void a_script_is_told_with_its_interpreter(void)
{
	struct spawn_template_stat st;
	char *path = test_path("script");

	test_write(path, "#! /bin/sh  -e  \nexit 0\n", 0755);
	st = stat_of(TFD(path, CLOEXEC | SCRIPT));
	CHECK_EQ(st.format, SPAWN_TEMPLATE_FORMAT_SCRIPT);
	CHECK_STR(st.interpreter, "/bin/sh");
	CHECK_EQ(st.elf_class, 0);
	CHECK_EQ(st.elf_machine, 0);
	CHECK_EQ(st.elf_flags, 0);
	CHECK_EQ(st.launch_by, SPAWN_TEMPLATE_LAUNCH_BY_PATH);
	CHECK_EQ(st.by_path_reason, SPAWN_TEMPLATE_BY_PATH_SCRIPT);
	test_write(path, "#!\t/bin/sh", 0755);
	CHECK_STR(stat_of(TFD(path, CLOEXEC | SCRIPT)).interpreter, "/bin/sh");
}

static void the_key_stays_the_old_files_until_a_refresh(void)
{
	char *path = test_copy_probe("tool"), *update = test_copy_probe("new");
	int tfd = TFD(path, CLOEXEC);
	uint64_t ino = stat_of(tfd).key.ino;

	CHECK_SYS(rename(update, path));
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_STALE);
	CHECK_EQ(stat_of(tfd).key.ino, ino);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_FRESH);
	CHECK_NE(stat_of(tfd).key.ino, ino);
}

/* ---- counters ---- */

static void counted(int tfd, uint64_t cold, uint64_t is_stale, uint64_t refused,
		    uint64_t failed)
{
	struct spawn_template_stat st = stat_of(tfd);

	CHECK_EQ(st.cold, cold);
	CHECK_EQ(st.stale, is_stale);
	CHECK_EQ(st.refused, refused);
	CHECK_EQ(st.failed, failed);
}

static void successes_are_counted(void)
{
	int tfd = test_probe(), copy = CHECK_SYS(dup(tfd)), other;

	counted(tfd, 0, 0, 0, 0);
	for (int i = 1; i <= 3; i++) {
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe", "exit", "1")), 1);
		counted(tfd, (uint64_t)i, 0, 0, 0);
	}
	/* a dup is the same template */
	CHECK_EQ(test_spawn(copy, TEST_ARGV("probe")), 0);
	counted(tfd, 4, 0, 0, 0);
	counted(copy, 4, 0, 0, 0);
	/* another template of the same file has its own counters */
	other = test_probe();
	counted(other, 0, 0, 0, 0);
	CHECK_EQ(test_spawn(other, TEST_ARGV("probe")), 0);
	counted(other, 1, 0, 0, 0);
	counted(tfd, 4, 0, 0, 0);
	/* looking does not count */
	CHECK_OK(spawn_template_check(tfd));
	counted(tfd, 4, 0, 0, 0);
}

static void stale_launches_are_counted(void)
{
	char *path = test_copy_probe("tool");
	int tfd = TFD(path, CLOEXEC);

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), 0);
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), -ESTALE);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), -ESTALE);
	counted(tfd, 1, 2, 0, 0);
	/* a refresh keeps them */
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), 0);
	counted(tfd, 2, 2, 0, 0);
	CHECK_SYS(unlink(path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), -ESTALE);
	counted(tfd, 2, 3, 0, 0);
}

/* The launch that refreshes counts neither as stale nor as failed. */
static void a_launch_that_refreshes_counts_as_a_success(void)
{
	char *path = test_copy_probe("tool");
	int tfd = TFD(path, CLOEXEC | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH);

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), 0);
	CHECK_SYS(chmod(path, 0700));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), 0);
	counted(tfd, 2, 0, 0, 0);
	CHECK_SYS(unlink(path));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tool")), -ESTALE);
	counted(tfd, 2, 1, 0, 0);
}

static void refused_launches_are_counted(void)
{
	int tfd = test_probe();

	test_need_root();
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_SYS(setegid(65534));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), -EACCES);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), -EACCES);
	CHECK_SYS(setegid(0));
	counted(tfd, 1, 0, 2, 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	counted(tfd, 2, 0, 2, 0);
}

static void failed_launches_are_counted(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_CLOSE(99));
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	counted(tfd, 0, 0, 0, 1);
	args.actions_len = 0;
	args.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.pgroup = INT32_MAX;
	CHECK_FAILS(tfd, args, EPERM, SPAWN_TEMPLATE_STAGE_ATTR, 0);
	counted(tfd, 0, 0, 0, 2);
	args.flags = 0;
	test_seccomp(SYS_execveat, ENOMEM);
	test_seccomp(SYS_execve, ENOMEM);
	CHECK_FAILS(tfd, args, ENOMEM, SPAWN_TEMPLATE_STAGE_EXEC, 0);
	counted(tfd, 0, 0, 0, 3);
}

/* A closed template's number starts anew. */
static void counters_start_at_zero(void)
{
	int again, tfd = test_probe();

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_OK(spawn_template_close(tfd));
	again = test_probe();
	CHECK_EQ(again, tfd);
	counted(again, 0, 0, 0, 0);
	CHECK_EQ(test_spawn(again, TEST_ARGV("probe")), 0);
	CHECK_SYS(close(again));
	CHECK_EQ(test_probe(), tfd);
	counted(tfd, 0, 0, 0, 0);
}

/* ---- fallbacks ---- */

static void need_modern_kernel(void)
{
	if (syscall(SYS_clone3, NULL, 0) && errno == ENOSYS)
		TEST_SKIP("no clone3(2)");
	if (syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC))
		TEST_SKIP("no CLOSE_RANGE_CLOEXEC: %s", strerror(errno));
}

static void a_modern_kernel_needs_no_fallbacks(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "exit", "5"));
	int tfd = test_probe();
	struct spawn_template_stat st;

	need_modern_kernel();
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	for (int fd = 100; fd < 800; fd++)
		CHECK_SYS(dup3(0, fd, O_CLOEXEC));
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	TEST_ACTIONS(&args, ACT_DUP2(1, tfd), ACT_KEEP(tfd), ACT_KEEP(700));
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	args.flags = SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = getuid();
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	st = stat_of(tfd);
	CHECK_EQ(st.cold, 5);
	for (int i = 0; i < SPAWN_TEMPLATE_FALLBACKS_MAX; i++) {
		test_doing("fallback %d", i);
		CHECK_EQ(st.fallbacks[i], 0);
	}
}

static const struct test_case cases[] = {
	TEST_CASE(the_key_is_the_files),
	TEST_CASE(the_key_has_the_mount_id),
	TEST_CASE(the_flags_are_those_given),
	TEST_CASE(the_path_is_as_given),
	TEST_CASE(a_dynamic_program_is_told_as_such),
	TEST_CASE(a_static_program_is_told_as_such),
	TEST_CASE(a_static_pie_program_is_told_as_such),
	TEST_CASE(musl_programs_are_told_as_such),
	TEST_CASE(a_script_is_told_with_its_interpreter),
	TEST_CASE(the_key_stays_the_old_files_until_a_refresh),
	TEST_CASE(successes_are_counted),
	TEST_CASE(stale_launches_are_counted),
	TEST_CASE(a_launch_that_refreshes_counts_as_a_success),
	TEST_CASE(refused_launches_are_counted),
	TEST_CASE(failed_launches_are_counted),
	TEST_CASE(counters_start_at_zero),
	TEST_CASE(a_modern_kernel_needs_no_fallbacks),
};
TEST_MAIN(cases)
