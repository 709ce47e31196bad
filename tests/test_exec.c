/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exec: for each kind of file and each way to it, the program finds itself as if
 * it had been executed by its path: comm, arguments, /proc/self/exe, ids, and by
 * path also AT_EXECFN. A file that cannot be executed is refused with the error
 * that exec has for it.
 */
#include "harness.h"

#include <elf.h>
#include <endian.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

/* ---- templates ---- */

static int open_with(const char *path, uint64_t flags)
{
	return spawn_template_open(path, flags | SPAWN_TEMPLATE_CREATE_CLOEXEC);
}

static int template_of(const char *path)
{
	int tfd = open_with(path, 0);

	if (tfd < 0)
		test_note("template of %s", path);
	return CHECK_OK(tfd);
}

static int template_of_fd(const char *path, uint64_t flags)
{
	int fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	struct spawn_template_create_args args = {
		.flags = flags | SPAWN_TEMPLATE_CREATE_CLOEXEC,
		.execfd = fd,
	};
	int tfd = spawn_template_create(&args, sizeof(args));

	CHECK_SYS(close(fd));
	return tfd;
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

/* True where a program that is executed by fd has its file's name in comm. */
static bool kernel_names_by_fd(void)
{
	char *argv[] = { "x", NULL };
	int fd = CHECK_SYS(open("/proc/self/exe", O_PATH | O_CLOEXEC));
	long ret = syscall(SYS_execveat, fd, "", argv, environ,
			   AT_EMPTY_PATH | AT_EXECVE_CHECK);

	CHECK_SYS(close(fd));
	return ret == 0;
}

/*
 * Returns the way of a program that does not look at its name, where there is no
 * other reason: a static one or one of musl may look, for all that can be told.
 */
static uint32_t plain_way(const struct spawn_template_stat *st)
{
	if (!kernel_names_by_fd())
		return SPAWN_TEMPLATE_BY_PATH_KERNEL;
	return strstr(st->interpreter, "/ld-linux-")
		       ? 0
		       : SPAWN_TEMPLATE_BY_PATH_EXECFN;
}

static void check_way(int tfd, uint32_t reason)
{
	struct spawn_template_stat st = stat_of(tfd);

	if (!reason)
		reason = plain_way(&st);
	CHECK_EQ(st.by_path_reason, reason);
	CHECK_EQ(st.launch_by, reason ? SPAWN_TEMPLATE_LAUNCH_BY_PATH
				      : SPAWN_TEMPLATE_LAUNCH_BY_FD);
}

/* Launches and expects -err at a stage. */
static void check_fails_at(int tfd, char *const argv[], uint32_t stage, int err)
{
	struct spawn_template_failure failure = { -1, 99, 99 };
	struct spawn_template_spawn_args args = test_args(NULL, argv);

	args.failure = (uintptr_t)&failure;
	CHECK_EQ(test_spawn_args(tfd, args), -err);
	CHECK_EQ(failure.error, err);
	CHECK_EQ(failure.stage, stage);
	CHECK_EQ(failure.action, 0);
	CHECK(test_no_children());
}

static void check_exec_fails(int tfd, char *const argv[], int err)
{
	check_fails_at(tfd, argv, SPAWN_TEMPLATE_STAGE_EXEC, err);
}

/* ---- the reference: fork and execve by path ---- */

/* The program's output after execve(2) by path; *status is its wait status. */
static char *exec_output(const char *path, char *const argv[], int *status)
{
	int fds[2];
	char *text;
	pid_t pid;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		dup2(fds[1], 1);
		execve(path, argv, environ);
		_exit(100 + (errno & 63));
	}
	CHECK_SYS(close(fds[1]));
	text = test_read_fd(fds[0]);
	CHECK_SYS(close(fds[0]));
	CHECK_EQ(CHECK_SYS(waitpid(pid, status, 0)), pid);
	return text;
}

/* A launch writes what an execve of path writes, to the letter. */
static void check_same_output(int tfd, const char *path, char *const argv[])
{
	int status;
	char *want = exec_output(path, argv, &status);

	CHECK_EQ(status, 0);
	CHECK_NE(want[0], 0);
	CHECK_STR(test_output(tfd, argv), want);
}

/* ---- comm ---- */

static char *read_comm(pid_t pid)
{
	char *comm = test_read(test_fmt("/proc/%d/comm", pid));

	comm[strcspn(comm, "\n")] = 0;
	return comm;
}

/*
 * The kernel sets the name after the parent of a vfork goes on, so wait until it
 * differs from this program's. A reader may see half of a name, since the kernel
 * writes it without a lock for readers: two readings have to agree.
 */
static char *settled_comm(pid_t pid)
{
	char *own = read_comm(getpid()), *comm = own, *before = own;

	for (int i = 0; i < 5000; i++) {
		before = comm;
		comm = read_comm(pid);
		if (strcmp(comm, own) && !strcmp(comm, before))
			break;
		usleep(1000);
	}
	return comm;
}

/* A program whose comm is read waits for the end of its stdin. */
static int stdin_pipe(void)
{
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(dup2(fds[0], 0));
	CHECK_SYS(close(fds[0]));
	return fds[1];
}

static char *comm_by_exec(const char *path, char *const argv[])
{
	int hold = stdin_pipe();
	pid_t pid = CHECK_SYS(fork());
	char *comm;

	if (!pid) {
		execve(path, argv, environ);
		_exit(1);
	}
	comm = settled_comm(pid);
	CHECK_SYS(close(hold));
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	return comm;
}

static char *comm_by_launch(int tfd, char *const argv[])
{
	int hold = stdin_pipe(), pidfd = -1;
	struct spawn_template_spawn_args args = test_args(&pidfd, argv);
	pid_t pid = CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	char *comm = settled_comm(pid);

	CHECK_SYS(close(hold));
	test_wait(pidfd);
	return comm;
}

static void check_comm(const char *path, char *const argv[], uint32_t way)
{
	int tfd = template_of(path);
	char *want = comm_by_exec(path, argv);

	check_way(tfd, way);
	CHECK_STR(comm_by_launch(tfd, argv), want);
	CHECK_OK(spawn_template_close(tfd));
}

#define CAT TEST_ARGV("probe", "cat")

static void comm_is_the_files_name(void)
{
	char *path = test_path("a-rather-long-name");

	test_copy(test_tool("probe"), path, 0755);
	check_comm(path, CAT, 0);
	CHECK_STR(comm_by_launch(template_of(path), CAT), "a-rather-long-n");
}

static void comm_is_the_files_name_for_a_template_of_an_fd(void)
{
	char *path = test_path("tool");
	int tfd;

	test_copy(test_tool("probe"), path, 0755);
	tfd = CHECK_OK(template_of_fd(path, 0));
	CHECK_STR(comm_by_launch(tfd, CAT), "tool");
}

static void comm_is_the_symlinks_name(void)
{
	char *path = test_path("alias");

	CHECK_SYS(symlink(test_tool("probe"), path));
	check_comm(path, CAT, SPAWN_TEMPLATE_BY_PATH_NAME);
	CHECK_STR(comm_by_launch(template_of(path), CAT), "alias");
}

/* The last part of the path is the file's own, as with /bin -> /usr/bin. */
static void comm_is_right_by_fd_through_symlinks_of_that_name(void)
{
	CHECK_SYS(mkdir(test_path("real"), 0755));
	test_copy(test_tool("probe"), test_path("real/probe"), 0755);
	CHECK_SYS(symlink("real", test_path("bin")));
	check_comm(test_path("bin/probe"), CAT, 0);
	CHECK_SYS(symlink("real/probe", test_path("probe")));
	check_comm(test_path("probe"), CAT, 0);
}

/* The path is a link to a file of another name on most machines. */
static void check_alternative(const char *path, char *const argv[])
{
	char real[PATH_MAX];

	test_need_program(path);
	CHECK(realpath(path, real));
	if (!strcmp(strrchr(real, '/'), strrchr(path, '/')))
		TEST_SKIP("%s is no link to another name", path);
	check_comm(path, argv, SPAWN_TEMPLATE_BY_PATH_NAME);
}

static void comm_of_awk_is_that_of_an_exec(void)
{
	check_alternative("/usr/bin/awk", TEST_ARGV("awk", "{ print }"));
}

static void comm_of_python3_is_that_of_an_exec(void)
{
	check_alternative(
		"/usr/bin/python3",
		TEST_ARGV("python3", "-Sc", "import sys; sys.stdin.read()"));
}

static void comm_is_the_hard_links_name(void)
{
	char *one = test_path("one"), *two = test_path("two");

	test_copy(test_tool("probe"), one, 0755);
	CHECK_SYS(link(one, two));
	check_comm(one, CAT, SPAWN_TEMPLATE_BY_PATH_HARD_LINK);
	check_comm(two, CAT, SPAWN_TEMPLATE_BY_PATH_HARD_LINK);
	CHECK_STR(comm_by_launch(template_of(two), CAT), "two");
}

static void comm_is_the_bind_mounts_name(void)
{
	char *real = test_path("real"), *alias = test_path("alias");

	test_need_root();
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("unshare(CLONE_NEWNS): %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	test_copy(test_tool("probe"), real, 0755);
	test_write(alias, "", 0755);
	CHECK_SYS(mount(real, alias, NULL, MS_BIND, NULL));
	check_comm(alias, CAT, SPAWN_TEMPLATE_BY_PATH_NAME);
	CHECK_STR(comm_by_launch(template_of(alias), CAT), "alias");
	CHECK_SYS(umount2(alias, MNT_DETACH));
}

static const char *busybox(void)
{
	const char *path = "/bin/busybox";

	test_need_program(path);
	return path;
}

/* The program does what its name says, whichever way it got the name. */
static void check_multi_call(const char *path, uint32_t way)
{
	char *const argv[] = { "echo", "hello", NULL };

	check_comm(path, TEST_ARGV("cat"), way);
	CHECK_STR(test_output(template_of(path), argv), "hello\n");
}

static void a_multi_call_binary_does_what_its_name_says(void)
{
	char *copy = test_path("cat"), *dir = test_path("bin");

	CHECK_SYS(mkdir(dir, 0755));
	CHECK_SYS(symlink(busybox(), test_path("bin/cat")));
	check_multi_call(test_path("bin/cat"), SPAWN_TEMPLATE_BY_PATH_NAME);
	test_copy(busybox(), copy, 0755);
	check_multi_call(copy, 0);
	CHECK_SYS(link(copy, test_path("bin/sed")));
	check_multi_call(test_path("bin/sed"),
			 SPAWN_TEMPLATE_BY_PATH_HARD_LINK);
}

static void comm_is_the_scripts_name(void)
{
	char *path = test_path("script.sh");
	char *const argv[] = { "other", NULL };
	int tfd;

	test_write(path, "#!/bin/sh\nread line\n", 0755);
	tfd = CHECK_OK(open_with(path, SPAWN_TEMPLATE_CREATE_SCRIPT));
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_SCRIPT);
	CHECK_STR(comm_by_launch(tfd, argv), "script.sh");
	CHECK_STR(comm_by_exec(path, argv), "script.sh");
}

/* Before Linux 6.14, comm of a program executed by fd is a number. */
static void check_launched_by_path(int err, uint32_t reason)
{
	char *path = test_path("tool"), *output;
	char *const argv[] = { "argv0",	 "args",    "comm", "exe",
			       "execfn", "cmdline", NULL };
	int tfd;

	test_copy(test_tool("probe"), path, 0755);
	test_seccomp_arg(SYS_execveat, 4, AT_EXECVE_CHECK, AT_EXECVE_CHECK,
			 err);
	CHECK(!kernel_names_by_fd());
	check_comm(path, CAT, reason);
	tfd = CHECK_OK(template_of_fd(path, 0));
	check_way(tfd, reason);
	CHECK_STR(comm_by_launch(tfd, CAT), "tool");
	output = test_output(template_of(path), argv);
	CHECK_STR(test_value(output, "execfn"), path);
	CHECK_STR(output, test_output(tfd, argv));
}

static void einval_from_execve_check_leads_to_the_path(void)
{
	check_launched_by_path(EINVAL, SPAWN_TEMPLATE_BY_PATH_KERNEL);
}

static void enosys_from_execve_check_leads_to_the_path(void)
{
	check_launched_by_path(ENOSYS, SPAWN_TEMPLATE_BY_PATH_EXECVEAT);
}

static void eperm_from_execve_check_leads_to_the_path(void)
{
	check_launched_by_path(EPERM, SPAWN_TEMPLATE_BY_PATH_EXECVEAT);
}

/* ---- how the program sees itself ---- */

#define SELF                                                               \
	TEST_ARGV("argv zero", "args", "cmdline", "comm", "exe", "secure", \
		  "env")

static void check_self(const char *path, uint32_t way)
{
	int tfd = template_of(path), status;
	char *const argv[] = { "probe", "execfn", NULL };
	char *by_exec = exec_output(path, argv, &status);
	char *by_launch = test_output(tfd, argv), *end;

	check_way(tfd, way);
	check_same_output(tfd, path, SELF);
	if (stat_of(tfd).launch_by == SPAWN_TEMPLATE_LAUNCH_BY_PATH) {
		CHECK_STR(by_launch, by_exec);
		return;
	}
	CHECK(!strncmp(by_launch, "execfn=/dev/fd/", 15));
	CHECK_GE(strtol(by_launch + 15, &end, 10), 0);
	CHECK_STR(end, "\n");
}

static void a_program_sees_itself_as_after_an_exec(void)
{
	check_self(test_tool("probe"), 0);
}

static void a_program_sees_the_symlink_that_it_was_run_by(void)
{
	CHECK_SYS(symlink(test_tool("probe"), test_path("alias")));
	check_self(test_path("alias"), SPAWN_TEMPLATE_BY_PATH_NAME);
}

static void a_program_sees_the_hard_link_that_it_was_run_by(void)
{
	test_copy(test_tool("probe"), test_path("one"), 0755);
	CHECK_SYS(link(test_path("one"), test_path("two")));
	check_self(test_path("two"), SPAWN_TEMPLATE_BY_PATH_HARD_LINK);
}

static void set_id_child(void *arg)
{
	const char *path = arg;
	char *const argv[] = { "probe", "ids", "secure", "exe", NULL };
	char *want, *got;
	int status, tfd;

	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
	want = exec_output(path, argv, &status);
	CHECK_EQ(status, 0);
	if (strcmp(test_value(want, "uid"), "65534,0,0"))
		TEST_SKIP("set-uid programs have no effect here");
	tfd = template_of(path);
	got = test_output(tfd, argv);
	CHECK_STR(got, want);
	CHECK_STR(test_value(got, "gid"), "65534,0,0");
	CHECK_STR(test_value(got, "secure"), "1");
	got = test_output(CHECK_OK(template_of_fd(path, 0)), argv);
	CHECK_STR(got, want);
}

/* The skip above happens in a child; hand it on. */
static void in_child(void (*fn)(void *), void *arg)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (!pid) {
		fn(arg);
		_exit(0);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(77);
	CHECK_EQ(status, 0);
}

static void set_id_programs_get_their_ids(void)
{
	char *path = test_path("set-id");

	test_need_root();
	test_copy(test_tool("probe"), path, 06755);
	in_child(set_id_child, path);
}

/* The set-uid bit must have no effect under no_new_privs. */
static void set_id_no_new_privs_child(void *arg)
{
	char *const argv[] = { "probe", "ids", "nnp", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	char *got;
	int tfd;

	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
	tfd = template_of(arg);
	args.flags = SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS;
	got = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(got, "uid"), "65534,65534,65534");
	CHECK_STR(test_value(got, "nnp"), "1");
}

static void set_id_bits_do_nothing_under_no_new_privs(void)
{
	char *path = test_path("set-id");

	test_need_root();
	test_copy(test_tool("probe"), path, 06755);
	in_child(set_id_no_new_privs_child, path);
}

/* ---- kinds of ELF files ---- */

static struct spawn_template_stat check_kind(const char *tool, uint32_t flags)
{
	const char *path = test_tool(tool);
	struct spawn_template_stat st;
	int tfd;

	if (access(path, X_OK))
		TEST_SKIP("%s was not built: no musl-gcc", tool);
	tfd = template_of(path);
	st = stat_of(tfd);
	CHECK_EQ(st.format, SPAWN_TEMPLATE_FORMAT_ELF);
	CHECK_EQ(st.elf_class, sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
	CHECK_EQ(st.elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC,
		 flags & SPAWN_TEMPLATE_ELF_DYNAMIC);
	CHECK_EQ(!!st.interpreter[0], !!(flags & SPAWN_TEMPLATE_ELF_DYNAMIC));
	check_same_output(tfd, path, SELF);
	check_comm(path, CAT, 0);
	return st;
}

static void a_dynamic_program_runs_as_after_an_exec(void)
{
	struct spawn_template_stat st =
		check_kind("probe", SPAWN_TEMPLATE_ELF_DYNAMIC);

	CHECK_HAS(st.interpreter, "/ld-");
	CHECK(!access(st.interpreter, X_OK));
}

static void a_static_program_runs_as_after_an_exec(void)
{
	CHECK_EQ(check_kind("probe-static", 0).elf_flags, 0);
}

static void a_static_pie_program_runs_as_after_an_exec(void)
{
	CHECK_EQ(check_kind("probe-static-pie", 0).elf_flags,
		 SPAWN_TEMPLATE_ELF_PIE);
}

static void a_musl_program_runs_as_after_an_exec(void)
{
	CHECK_HAS(check_kind("probe-musl", SPAWN_TEMPLATE_ELF_DYNAMIC)
			  .interpreter,
		  "ld-musl");
}

static void a_static_musl_program_runs_as_after_an_exec(void)
{
	check_kind("probe-musl-static", 0);
}

static void a_32_bit_program_runs(void)
{
	const char *path = test_tool("tiny-32");
	struct spawn_template_stat st;
	int tfd, status;

	if (access(path, X_OK))
		TEST_SKIP("tiny-32 is only for x86-64");
	exec_output(path, TEST_ARGV("tiny"), &status);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 32)
		TEST_SKIP("this kernel runs no 32-bit programs");
	tfd = template_of(path);
	st = stat_of(tfd);
	CHECK_EQ(st.elf_class, ELFCLASS32);
	CHECK_EQ(st.elf_machine, EM_386);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 32);
}

/* A copy of a tool with other bytes at `offset`. */
static char *patched(const char *tool, off_t offset, const void *bytes,
		     size_t size)
{
	char *path = test_path("patched");
	int fd;

	test_copy(test_tool(tool), path, 0755);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(pwrite(fd, bytes, size, offset), (ssize_t)size);
	CHECK_SYS(close(fd));
	return path;
}

static void another_machines_program_fails_with_enoexec(void)
{
	uint16_t machine = 0xfedc;
	char *path = patched("tiny", offsetof(Elf64_Ehdr, e_machine), &machine,
			     sizeof(machine));
	int tfd = template_of(path);

	CHECK_EQ(stat_of(tfd).elf_machine, machine);
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_BINFMT);
	check_exec_fails(tfd, TEST_ARGV("tiny"), ENOEXEC);
	CHECK_EQ(stat_of(tfd).failed, 1);
	CHECK_EQ(stat_of(tfd).cold, 0);
}

/* The bytes of a header in the other order, as of a big machine on a small one. */
static void a_program_of_the_other_byte_order_has_a_template(void)
{
	Elf64_Ehdr eh;
	int fd = CHECK_SYS(open(test_tool("tiny"), O_RDONLY | O_CLOEXEC));
	struct spawn_template_stat st;
	int tfd;

	CHECK_EQ(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	CHECK_SYS(close(fd));
	eh.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	eh.e_type = htobe16(htole16(eh.e_type));
	eh.e_machine = htobe16(htole16(EM_S390));
	tfd = template_of(patched("tiny", 0, &eh, sizeof(eh)));
	st = stat_of(tfd);
	CHECK_EQ(st.format, SPAWN_TEMPLATE_FORMAT_ELF);
	CHECK_EQ(st.elf_machine, EM_S390);
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_BINFMT);
	check_exec_fails(tfd, TEST_ARGV("tiny"), ENOEXEC);
}

/* The offset of the interpreter's name in the file. */
static off_t interpreter_offset(const char *tool)
{
	int fd = CHECK_SYS(open(test_tool(tool), O_RDONLY | O_CLOEXEC));
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	off_t offset = 0;

	CHECK_EQ(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	for (unsigned int i = 0; !offset && i < eh.e_phnum; i++) {
		CHECK_EQ(pread(fd, &ph, sizeof(ph),
			       (off_t)(eh.e_phoff + i * sizeof(ph))),
			 sizeof(ph));
		if (ph.p_type == PT_INTERP)
			offset = (off_t)ph.p_offset;
	}
	CHECK_SYS(close(fd));
	CHECK_NE(offset, 0);
	return offset;
}

static void a_missing_interpreter_fails_with_enoent(void)
{
	char *path =
		patched("probe", interpreter_offset("probe"), "/no/such", 8);
	int tfd = template_of(path);

	CHECK_HAS(stat_of(tfd).interpreter, "/no/such");
	check_exec_fails(tfd, TEST_ARGV("probe"), ENOENT);
}

/* ---- programs that look at the name that they were run by ---- */

static void check_sees_its_path(const char *tool, char *const argv[])
{
	char *path = test_path("hello");
	int tfd, status;

	if (access(test_tool(tool), X_OK))
		TEST_SKIP("%s was not built: no musl-gcc", tool);
	test_copy(test_tool(tool), path, 0755);
	tfd = template_of(path);
	CHECK_EQ(stat_of(tfd).launch_by, SPAWN_TEMPLATE_LAUNCH_BY_PATH);
	CHECK_HAS(exec_output(path, argv, &status), path);
	check_same_output(tfd, path, argv);
	tfd = CHECK_OK(template_of_fd(path, 0));
	check_same_output(tfd, path, argv);
}

static void a_program_that_asks_for_its_name_sees_its_path(void)
{
	check_sees_its_path("execfn", TEST_ARGV("other"));
}

static void a_musl_program_sees_its_path(void)
{
	check_sees_its_path("probe-musl", TEST_ARGV("other", "execfn"));
}

static void a_static_program_sees_its_path(void)
{
	check_sees_its_path("probe-static", TEST_ARGV("other", "execfn"));
}

/* ---- formats that binfmt_misc runs ---- */

#define BINFMT "/proc/sys/fs/binfmt_misc"

static void write_proc(const char *path, const char *text)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	CHECK_SYS(close(fd));
}

/* Registers echo for a format, in a binfmt_misc of our own. */
static void register_format(const char *format)
{
	char *user = test_fmt("0 %u 1", geteuid());
	char *group = test_fmt("0 %u 1", getegid());
	char *line = test_fmt(":test:%s:/bin/echo:", format);

	test_need_program("/bin/echo");
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		TEST_SKIP("unshare(CLONE_NEWUSER): %s", strerror(errno));
	write_proc("/proc/self/setgroups", "deny");
	write_proc("/proc/self/uid_map", user);
	write_proc("/proc/self/gid_map", group);
	if (mount("none", BINFMT, "binfmt_misc", 0, NULL))
		TEST_SKIP("binfmt_misc in a user namespace: %s",
			  strerror(errno));
	write_proc(BINFMT "/register", line);
}

/* The interpreter gets the path, and then all arguments but the first. */
static int check_runs_by_binfmt(const char *path)
{
	int tfd = template_of(path), status;
	char *const argv[] = { "other", "a", "b", NULL };

	CHECK_STR(exec_output(path, argv, &status), test_fmt("%s a b\n", path));
	check_same_output(tfd, path, argv);
	check_same_output(CHECK_OK(template_of_fd(path, 0)), path, argv);
	return tfd;
}

static void a_program_of_another_machine_runs_by_binfmt_misc(void)
{
	uint16_t machine = htole16(0xfedc);
	char *path = patched("tiny", offsetof(Elf64_Ehdr, e_machine), &machine,
			     sizeof(machine));

	register_format("M:18:\\xdc\\xfe:");
	check_way(check_runs_by_binfmt(path), SPAWN_TEMPLATE_BY_PATH_BINFMT);
}

/* Nothing but exec can tell that this one goes to an interpreter. */
static void a_program_that_binfmt_misc_claims_is_run_by_path_after_all(void)
{
	char *path = patched("probe", 8, "AI\2", 3);
	char *const argv[] = { "other", "a", NULL };
	struct spawn_template_stat st;
	int tfd;

	register_format("M:8:AI\\x02:");
	tfd = template_of(path);
	check_way(tfd, 0);
	check_same_output(tfd, path, argv);
	check_same_output(tfd, path, argv);
	st = stat_of(tfd);
	if (st.launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD)
		CHECK_EQ(st.fallbacks[SPAWN_TEMPLATE_FALLBACK_PATH], 2);
	/* that says nothing of other programs */
	tfd = template_of(test_tool("probe"));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_EQ(stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_PATH], 0);
}

static int check_other(const char *path)
{
	int tfd = check_runs_by_binfmt(path);

	CHECK_EQ(stat_of(tfd).format, SPAWN_TEMPLATE_FORMAT_OTHER);
	CHECK_STR(stat_of(tfd).interpreter, "");
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_BINFMT);
	return tfd;
}

static void a_format_that_is_registered_by_its_magic_runs(void)
{
	char *path = test_path("tool");

	test_write(path, "xxMZ program\n", 0755);
	register_format("M:2:Mz:\\xff\\xdf");
	check_other(path);
	/* a file of text that is of no format stays none */
	test_write(path, "xxMY program\n", 0755);
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
	test_write(path, "MZ", 0755);
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
}

static void a_format_that_is_registered_by_its_extension_runs(void)
{
	char *path = test_path("tool.exe");

	test_write(path, "program\n", 0755);
	register_format("E::exe:");
	check_other(path);
	test_write(test_path("exe"), "program\n", 0755);
	CHECK_EQ(open_with(test_path("exe"), 0), -ENOEXEC);
	test_write(test_path("tool.ex"), "program\n", 0755);
	CHECK_EQ(open_with(test_path("tool.ex"), 0), -ENOEXEC);
	write_proc(BINFMT "/status", "0");
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
	write_proc(BINFMT "/status", "1");
	write_proc(BINFMT "/test", "0");
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
}

/* Such a file has no path that its interpreter could open. */
static void a_format_of_binfmt_misc_needs_a_path(void)
{
	char *path = test_path("tool");
	int fd;

	test_write(path, "MZ program\n", 0755);
	register_format("M::MZ:");
	fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_SYS(unlink(path));
	CHECK_EQ(spawn_template_create(
			 &(struct spawn_template_create_args){ .execfd = fd },
			 sizeof(struct spawn_template_create_args)),
		 -ENOEXEC);
}

/* The host's formats count also where its list is not to be seen. */
static void a_file_that_no_list_tells_of_is_left_to_exec(void)
{
	char *path = test_path("tool");
	int tfd;

	if (!access(BINFMT "/status", F_OK))
		TEST_SKIP("the list of formats can be read here");
	test_write(path, "text\n", 0755);
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
	test_write(path, "", 0755);
	CHECK_EQ(open_with(path, 0), -ENOEXEC);
	test_write(path, "MZ\001\002", 0755);
	if (!strstr(test_read("/proc/filesystems"), "\tbinfmt_misc\n")) {
		CHECK_EQ(open_with(path, 0), -ENOEXEC);
		return;
	}
	tfd = template_of(path);
	CHECK_EQ(stat_of(tfd).format, SPAWN_TEMPLATE_FORMAT_OTHER);
	check_exec_fails(tfd, TEST_ARGV("tool"), ENOEXEC);
}

/* ---- scripts ---- */

#define SCRIPT_ARGV TEST_ARGV("ignored", "a", "b c", "")

static char *script(const char *text)
{
	char *path = test_path("script.sh");

	test_write(path, text, 0755);
	return path;
}

static int script_template(const char *path)
{
	return CHECK_OK(open_with(path, SPAWN_TEMPLATE_CREATE_SCRIPT));
}

static void check_script(const char *path)
{
	int tfd = script_template(path);

	CHECK_EQ(stat_of(tfd).format, SPAWN_TEMPLATE_FORMAT_SCRIPT);
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_SCRIPT);
	check_same_output(tfd, path, SCRIPT_ARGV);
	tfd = CHECK_OK(template_of_fd(path, SPAWN_TEMPLATE_CREATE_SCRIPT));
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_SCRIPT);
	CHECK_HAS(test_output(tfd, SCRIPT_ARGV), " a b c ");
}

static void a_script_gets_the_arguments_that_exec_gives(void)
{
	char *path = script("#!/bin/sh -e\necho \"$0\" \"$@\" \" $-\"\n"
			    "false\necho not reached\n");
	char *out;
	int status;

	out = test_output_args(script_template(path),
			       test_args(NULL, SCRIPT_ARGV), &status);
	CHECK_EQ(status, 1);
	CHECK_STR(out, exec_output(path, SCRIPT_ARGV, &status));
	CHECK_EQ(WEXITSTATUS(status), 1);
	CHECK_HAS(out, path);
	CHECK_HAS(out, " a b c ");
	CHECK_HAS_NOT(out, "not reached");

	/* The rest of the line is one argument. */
	check_script(script("#!  /bin/echo one  two \n"));
	check_script(script("#!/bin/echo"));
}

static void a_script_sees_the_symlink_that_it_was_run_by(void)
{
	char *path = test_path("alias");

	CHECK_SYS(symlink(script("#!/bin/echo\n"), path));
	check_script(path);
	CHECK_HAS(test_output(script_template(path), SCRIPT_ARGV), "/alias a");
}

static void a_script_from_an_fd_is_launched_by_its_name(void)
{
	char *path = script("#!/bin/echo\n");
	int tfd = CHECK_OK(template_of_fd(path, SPAWN_TEMPLATE_CREATE_SCRIPT));

	check_same_output(tfd, path, SCRIPT_ARGV);

	/* An fd whose file has no name any more cannot be launched by path. */
	tfd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_SYS(unlink(path));
	CHECK_EQ(spawn_template_create(
			 &(struct spawn_template_create_args){
				 .flags = SPAWN_TEMPLATE_CREATE_SCRIPT,
				 .execfd = tfd,
			 },
			 sizeof(struct spawn_template_create_args)),
		 -ENOEXEC);
}

static void a_changed_script_is_stale(void)
{
	char *path = script("#!/bin/echo\n");
	int tfd = script_template(path);
	int by_fd =
		CHECK_OK(template_of_fd(path, SPAWN_TEMPLATE_CREATE_SCRIPT));

	script("#!/bin/false\n");
	CHECK_EQ(test_spawn(tfd, SCRIPT_ARGV), -ESTALE);
	CHECK_EQ(test_spawn(by_fd, SCRIPT_ARGV), -ESTALE);
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	CHECK_EQ(test_spawn(tfd, SCRIPT_ARGV), 1);
}

static void a_script_is_refused_without_the_flag(void)
{
	char *path = script("#!/bin/sh\n");

	CHECK_EQ(open_with(path, 0), -ENOEXEC);
	CHECK_EQ(template_of_fd(path, 0), -ENOEXEC);
}

static void a_script_without_its_interpreter_fails_with_enoent(void)
{
	int tfd = script_template(script("#!/no/such/interpreter\n"));

	check_exec_fails(tfd, SCRIPT_ARGV, ENOENT);
}

/* The kernel reads 256 bytes, in which the name of the interpreter has to end. */
static void a_script_is_refused_where_exec_refuses_its_first_line(void)
{
	char *const lines[] = { "#!\n", "#!  \n", test_fmt("#!/%0254d\n", 0),
				test_fmt("#!/%0253d\n", 0),
				test_fmt("#!%254s/bin/echo\n", "") };
	char *path;
	int status;

	for (size_t i = 0; i < TEST_COUNT(lines); i++) {
		path = script(lines[i]);
		exec_output(path, SCRIPT_ARGV, &status);
		CHECK_EQ(WEXITSTATUS(status), 100 + ENOEXEC);
		CHECK_EQ(open_with(path, SPAWN_TEMPLATE_CREATE_SCRIPT),
			 -ENOEXEC);
	}
	/* what ends in time is an interpreter */
	path = script(test_fmt("#!/%0252d\n", 0));
	check_exec_fails(script_template(path), SCRIPT_ARGV, ENOENT);
	check_script(script(test_fmt("#!/bin/echo %0300d\n", 1)));
}

static void a_scripts_interpreter_may_be_a_script(void)
{
	char *first = test_path("first");

	test_write(first, "#!/bin/echo first\n", 0755);
	check_script(script(test_fmt("#!%s second\n", first)));
}

/* ---- files that may not be executed ---- */

static void a_mount_that_becomes_noexec_lets_exec_fail(void)
{
	char *dir = test_path("mnt"), *path = test_path("mnt/tool");
	int tfd, by_fd;

	test_need_root();
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("unshare(CLONE_NEWNS): %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(mkdir(dir, 0755));
	CHECK_SYS(mount("none", dir, "tmpfs", 0, "size=1m"));
	test_copy(test_tool("tiny"), path, 0755);
	tfd = template_of(path);
	by_fd = CHECK_OK(template_of_fd(path, 0));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK_SYS(mount("none", dir, NULL, MS_REMOUNT | MS_NOEXEC, NULL));
	check_exec_fails(tfd, TEST_ARGV("tiny"), EACCES);
	check_exec_fails(by_fd, TEST_ARGV("tiny"), EACCES);
}

static void execute_only_child(void *arg)
{
	int tfd;

	if (test_is_root()) {
		CHECK_SYS(setresgid(65534, 65534, 65534));
		CHECK_SYS(setresuid(65534, 65534, 65534));
	}
	CHECK_EQ(open(arg, O_RDONLY), -1);
	tfd = template_of(arg);
	CHECK_EQ(stat_of(tfd).format, SPAWN_TEMPLATE_FORMAT_UNKNOWN);
	check_way(tfd, SPAWN_TEMPLATE_BY_PATH_FORMAT);
	check_same_output(tfd, arg,
			  TEST_ARGV("probe", "args", "execfn", "env"));
	CHECK_STR(comm_by_launch(tfd, CAT), "secret");
	tfd = CHECK_OK(template_of_fd(arg, 0));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
}

/* The right to execute a file is enough; its format stays unknown. */
static void a_file_that_may_only_be_executed_launches(void)
{
	char *path = test_path("secret");

	test_copy(test_tool("probe"), path, 0111);
	in_child(execute_only_child, path);
}

/* A file that ends before its headers do is no program. */
static void a_truncated_elf_file_is_refused(void)
{
	char *path = test_path("cut");
	Elf64_Ehdr eh;
	int fd = CHECK_SYS(open(test_tool("probe"), O_RDONLY | O_CLOEXEC));
	off_t end, cut;

	CHECK_EQ(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	CHECK_SYS(close(fd));
	end = (off_t)(eh.e_phoff + sizeof(Elf64_Phdr));
	for (cut = 0; cut < end; cut += 7) {
		test_copy(test_tool("probe"), path, 0755);
		CHECK_SYS(truncate(path, cut));
		CHECK_EQ(open_with(path, 0), -ENOEXEC);
	}
	/* With the headers alone, exec fails or the program dies. */
	test_copy(test_tool("tiny"), path, 0755);
	CHECK_SYS(truncate(path, 0x1000));
	CHECK_NE(test_spawn(template_of(path), TEST_ARGV("tiny")), 0);
	CHECK(test_no_children());
}

static void arguments_too_long_fail_with_e2big_from_exec(void)
{
	char *word = test_fmt("%0200000d", 1), *many[3000] = { "probe" };
	int tfd = template_of(test_tool("probe"));
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe"));

	check_exec_fails(tfd, TEST_ARGV("probe", word), E2BIG);
	word = test_fmt("%0100000d", 1);
	for (size_t i = 1; i < TEST_COUNT(many) - 1; i++)
		many[i] = word;
	check_exec_fails(tfd, many, E2BIG);
	args.envp = (uintptr_t)many;
	args.failure = (uintptr_t)&failure;
	CHECK_EQ(test_spawn_args(tfd, args), -E2BIG);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_EXEC);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
}

/* ---- a file that is being written ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	CHECK_SYS(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* SLOW_MS is far above the bound that is promised, for busy machines. */
#define BOUND_MS 100
#define SLOW_MS 2000

/* Another process that has the file open for writing until it is killed. */
static pid_t write_forever(const char *path)
{
	int fds[2], fd;
	char byte;
	pid_t pid;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	pid = CHECK_SYS(fork());
	if (!pid) {
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_SYS(close(fds[0]));
	CHECK_SYS(close(fds[1]));
	return pid;
}

static void end_writer(pid_t pid)
{
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
}

static void check_took(int64_t start)
{
	int64_t ms = now_ms() - start;

	CHECK_GE(ms, BOUND_MS / 4);
	CHECK_LE(ms, SLOW_MS);
}

static void a_file_that_is_written_for_long_is_etxtbsy_in_time(void)
{
	char *path = test_path("tool"), *alias = test_path("alias");
	int tfd, by_path, ret;
	int64_t start;
	pid_t writer;

	test_copy(test_tool("tiny"), path, 0755);
	CHECK_SYS(symlink("tool", alias));
	tfd = template_of(path);
	by_path = template_of(alias);
	writer = write_forever(path);
	start = now_ms();
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), -ETXTBSY);
	check_took(start);
	start = now_ms();
	CHECK_EQ(test_spawn(by_path, TEST_ARGV("tiny")), -ETXTBSY);
	check_took(start);
	CHECK_EQ(stat_of(tfd).failed, 1);

	start = now_ms();
	ret = open_with(path, 0);
	if (kernel_names_by_fd()) {
		CHECK_EQ(ret, -ETXTBSY);
		check_took(start);
	} else {
		CHECK_OK(ret);
	}
	end_writer(writer);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK_EQ(test_spawn(by_path, TEST_ARGV("tiny")), 0);
	template_of(path);
}

static void etxtbsy_comes_from_exec(void)
{
	char *path = test_path("tool");
	int tfd;
	pid_t writer;

	test_copy(test_tool("tiny"), path, 0755);
	tfd = template_of(path);
	writer = write_forever(path);
	CHECK_SYS(kill(writer, 0));
	{
		struct spawn_template_failure failure = { 0 };
		struct spawn_template_spawn_args args =
			test_args(NULL, TEST_ARGV("tiny"));

		args.failure = (uintptr_t)&failure;
		CHECK_EQ(test_spawn_args(tfd, args), -ETXTBSY);
		CHECK_EQ(failure.error, ETXTBSY);
		CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_EXEC);
	}
	end_writer(writer);
	CHECK(test_no_children());
}

/* A thread that closes its writing fd after a while. */
struct writer {
	pthread_t thread;
	int fd, flags;
	int64_t closed;
};

static void *close_later(void *arg)
{
	struct writer *w = arg;

	usleep(20000);
	close(w->fd);
	w->closed = now_ms();
	return NULL;
}

static void start_writer(struct writer *w, const char *path)
{
	w->fd = CHECK_SYS(open(path, O_WRONLY | w->flags));
	CHECK_EQ(pthread_create(&w->thread, NULL, close_later, w), 0);
}

/*
 * Runs step until the writer has closed well within the bound during one attempt:
 * a busy machine may let it run too late.
 */
static void with_writer(const char *path, int flags, int (*step)(void *),
			void *arg)
{
	struct writer w = { .flags = flags };
	int64_t start;
	int ret;

	for (int i = 0; i < 20; i++) {
		start = now_ms();
		start_writer(&w, path);
		ret = step(arg);
		CHECK_EQ(pthread_join(w.thread, NULL), 0);
		if (w.closed - start <= BOUND_MS / 3) {
			CHECK_EQ(ret, 0);
			return;
		}
	}
	TEST_SKIP("the machine is too busy for a writer to close in time");
}

static int launch_step(void *arg)
{
	return test_spawn(*(int *)arg, TEST_ARGV("tiny"));
}

static int inherit_step(void *arg)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));

	args.flags = SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	return test_spawn_args(*(int *)arg, args);
}

static int own_memory_step(void *arg)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));

	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = getuid();
	return test_spawn_args(*(int *)arg, args);
}

static int create_step(void *arg)
{
	int ret = open_with(arg, 0);

	return ret < 0 ? ret : spawn_template_close(ret);
}

static void check_busy_a_while(int (*step)(void *), int flags)
{
	char *path = test_path("tool"), *alias = test_path("alias");
	int tfd, by_path;
	uint64_t waited;

	test_copy(test_tool("tiny"), path, 0755);
	CHECK_SYS(symlink("tool", alias));
	tfd = template_of(path);
	by_path = template_of(alias);
	with_writer(path, flags, step, &tfd);
	waited = stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY];
	CHECK_GE(waited, 1);
	with_writer(path, flags, step, &by_path);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	CHECK_EQ(stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY],
		 waited);
}

static void a_launch_waits_for_a_writer_that_closes_soon(void)
{
	check_busy_a_while(launch_step, O_CLOEXEC);
}

static void a_launch_waits_for_a_writer_without_cloexec(void)
{
	check_busy_a_while(launch_step, 0);
}

static void a_launch_with_inherit_fds_waits_for_a_writer(void)
{
	check_busy_a_while(inherit_step, O_CLOEXEC);
}

static void a_launch_with_setuid_waits_for_a_writer(void)
{
	check_busy_a_while(own_memory_step, O_CLOEXEC);
}

static void create_waits_for_a_writer_that_closes_soon(void)
{
	char *path = test_path("tool");

	test_copy(test_tool("tiny"), path, 0755);
	with_writer(path, O_CLOEXEC, create_step, path);
}

/* A thread writes a tool and runs it, as a compiler does; others launch, too. */
static atomic_bool stop;

static void *launch_others(void *arg)
{
	while (!atomic_load(&stop))
		CHECK_EQ(test_spawn(*(int *)arg, TEST_ARGV("tiny")), 0);
	return NULL;
}

static void just_written_programs_launch_while_others_do(void)
{
	int other = template_of(test_tool("tiny")), tfd;
	char *path = test_path("tool");
	pthread_t threads[2];

	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, launch_others,
					&other),
			 0);
	for (int i = 0; i < 200; i++) {
		test_copy(test_tool("tiny-7"), path, 0755);
		tfd = template_of(path);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 7);
		CHECK_OK(spawn_template_close(tfd));
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static const struct test_case cases[] = {
	TEST_CASE(comm_is_the_files_name),
	TEST_CASE(comm_is_the_files_name_for_a_template_of_an_fd),
	TEST_CASE(comm_is_the_symlinks_name),
	TEST_CASE(comm_is_right_by_fd_through_symlinks_of_that_name),
	TEST_CASE(comm_of_awk_is_that_of_an_exec),
	TEST_CASE(comm_of_python3_is_that_of_an_exec),
	TEST_CASE(comm_is_the_hard_links_name),
	TEST_CASE(comm_is_the_bind_mounts_name),
	TEST_CASE(comm_is_the_scripts_name),
	TEST_CASE(a_multi_call_binary_does_what_its_name_says),
	TEST_CASE(einval_from_execve_check_leads_to_the_path),
	TEST_CASE(enosys_from_execve_check_leads_to_the_path),
	TEST_CASE(eperm_from_execve_check_leads_to_the_path),
	TEST_CASE(a_program_sees_itself_as_after_an_exec),
	TEST_CASE(a_program_sees_the_symlink_that_it_was_run_by),
	TEST_CASE(a_program_sees_the_hard_link_that_it_was_run_by),
	TEST_CASE(set_id_programs_get_their_ids),
	TEST_CASE(set_id_bits_do_nothing_under_no_new_privs),
	TEST_CASE(a_dynamic_program_runs_as_after_an_exec),
	TEST_CASE(a_static_program_runs_as_after_an_exec),
	TEST_CASE(a_static_pie_program_runs_as_after_an_exec),
	TEST_CASE(a_musl_program_runs_as_after_an_exec),
	TEST_CASE(a_static_musl_program_runs_as_after_an_exec),
	TEST_CASE(a_32_bit_program_runs),
	TEST_CASE(another_machines_program_fails_with_enoexec),
	TEST_CASE(a_program_of_the_other_byte_order_has_a_template),
	TEST_CASE(a_missing_interpreter_fails_with_enoent),
	TEST_CASE(a_program_that_asks_for_its_name_sees_its_path),
	TEST_CASE(a_musl_program_sees_its_path),
	TEST_CASE(a_static_program_sees_its_path),
	TEST_CASE(a_program_of_another_machine_runs_by_binfmt_misc),
	TEST_CASE(a_program_that_binfmt_misc_claims_is_run_by_path_after_all),
	TEST_CASE(a_format_that_is_registered_by_its_magic_runs),
	TEST_CASE(a_format_that_is_registered_by_its_extension_runs),
	TEST_CASE(a_format_of_binfmt_misc_needs_a_path),
	TEST_CASE(a_file_that_no_list_tells_of_is_left_to_exec),
	TEST_CASE(a_script_gets_the_arguments_that_exec_gives),
	TEST_CASE(a_script_sees_the_symlink_that_it_was_run_by),
	TEST_CASE(a_script_from_an_fd_is_launched_by_its_name),
	TEST_CASE(a_changed_script_is_stale),
	TEST_CASE(a_script_is_refused_without_the_flag),
	TEST_CASE(a_script_without_its_interpreter_fails_with_enoent),
	TEST_CASE(a_script_is_refused_where_exec_refuses_its_first_line),
	TEST_CASE(a_scripts_interpreter_may_be_a_script),
	TEST_CASE(a_mount_that_becomes_noexec_lets_exec_fail),
	TEST_CASE(a_file_that_may_only_be_executed_launches),
	TEST_CASE(a_truncated_elf_file_is_refused),
	TEST_CASE(arguments_too_long_fail_with_e2big_from_exec),
	TEST_CASE(a_file_that_is_written_for_long_is_etxtbsy_in_time),
	TEST_CASE(etxtbsy_comes_from_exec),
	TEST_CASE(a_launch_waits_for_a_writer_that_closes_soon),
	TEST_CASE(a_launch_waits_for_a_writer_without_cloexec),
	TEST_CASE(a_launch_with_inherit_fds_waits_for_a_writer),
	TEST_CASE(a_launch_with_setuid_waits_for_a_writer),
	TEST_CASE(create_waits_for_a_writer_that_closes_soon),
	TEST_CASE_SECONDS(just_written_programs_launch_while_others_do, 60),
};
TEST_MAIN(cases)
