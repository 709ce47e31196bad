/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Malformed arguments: each is refused with the documented error, in the
 * documented order, before there is any child, and leaves every output alone.
 */
#include "harness.h"

#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define STAGE_ARGS SPAWN_TEMPLATE_STAGE_ARGS
#define CREATE_VER0 SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0
#define CREATE_VER1 SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER1
#define CREATE_VER2 SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER2
#define SPAWN_VER0 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0
#define SPAWN_VER1 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1
#define SPAWN_VER2 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

/* Room for structures of every size, also for those over a page. */
union big_create {
	struct spawn_template_create_args args;
	char bytes[3 * 65536];
};

union big_spawn {
	struct spawn_template_spawn_args args;
	char bytes[3 * 65536];
};

/* ---- create ---- */

static struct spawn_template_create_args from_path(const char *path)
{
	return (struct spawn_template_create_args){
		.flags = CLOEXEC,
		.execfd = -1,
		.filename = (uintptr_t)path,
	};
}

static int create(struct spawn_template_create_args args, size_t size)
{
	int fds = test_count_fds();
	int tfd = spawn_template_create(&args, size);

	CHECK_EQ(test_count_fds(), fds + (tfd >= 0));
	CHECK(test_no_children());
	return tfd;
}

/* The template launches and can be closed. */
static void check_works(int tfd)
{
	CHECK_OK(tfd);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe", "exit", "5")), 5);
	CHECK_OK(spawn_template_close(tfd));
}

static void create_takes_the_documented_sizes(void)
{
	static union big_create big;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;

	big.args = from_path(test_tool("probe"));
	for (size = 0; size < CREATE_VER0; size++)
		CHECK_EQ(spawn_template_create(&big.args, size), -EINVAL);
	check_works(spawn_template_create(&big.args, CREATE_VER0));
	for (size = CREATE_VER0 + 1; size < CREATE_VER2; size++)
		check_works(spawn_template_create(&big.args, size));
	check_works(spawn_template_create(&big.args, CREATE_VER2));
	check_works(spawn_template_create(&big.args, CREATE_VER2 + 1));
	check_works(spawn_template_create(&big.args, page));
	CHECK_EQ(spawn_template_create(&big.args, page + 1), -E2BIG);
	CHECK_EQ(spawn_template_create(&big.args, sizeof(big)), -E2BIG);
	CHECK_EQ(spawn_template_create(&big.args, SIZE_MAX), -E2BIG);
}

static void create_tail_must_be_zero(void)
{
	static union big_create big;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at;

	big.args = from_path(test_tool("probe"));
	for (at = CREATE_VER2; at < page; at += at < 128 ? 1 : 509) {
		big.bytes[at] = 1;
		CHECK_EQ(spawn_template_create(&big.args, page), -E2BIG);
		CHECK_EQ(spawn_template_create(&big.args, at + 1), -E2BIG);
		check_works(spawn_template_create(&big.args, at));
		big.bytes[at] = 0;
	}
}

static void create_ver0_ignores_what_is_behind(void)
{
	struct spawn_template_create_args args = from_path(test_tool("probe"));

	args.warm_target = ~0U;
	args.pad = ~0U;
	check_works(spawn_template_create(&args, CREATE_VER0));
}

static void create_ver1_flags_need_ver1(void)
{
	static const uint64_t flags[] = {
		SPAWN_TEMPLATE_CREATE_SCRIPT,
		SPAWN_TEMPLATE_CREATE_DENY_WRITE,
		SPAWN_TEMPLATE_CREATE_GUARD,
		SPAWN_TEMPLATE_CREATE_NO_GUARD,
		SPAWN_TEMPLATE_CREATE_WARM_ONCE,
		SPAWN_TEMPLATE_CREATE_WARM_FORK,
		SPAWN_TEMPLATE_CREATE_AUTO_REFRESH,
	};
	struct spawn_template_create_args args = from_path(test_tool("probe"));

	for (size_t i = 0; i < TEST_COUNT(flags); i++) {
		args.flags = flags[i];
		CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
		CHECK_EQ(create(args, CREATE_VER1 - 1), -EINVAL);
	}
}

#define NO_GUARD SPAWN_TEMPLATE_CREATE_NO_GUARD

/* The machine may have a guard; this process does not ask it. */
static void without_guard(void)
{
	CHECK_SYS(setenv("SPAWN_TEMPLATE_GUARD", "", 1));
}

static void create_refuses_unknown_and_unserved_flags(void)
{
	static const uint64_t served[] = {
		0,
		CLOEXEC,
		SPAWN_TEMPLATE_CREATE_SCRIPT,
		NO_GUARD,
		SPAWN_TEMPLATE_CREATE_AUTO_REFRESH,
		SPAWN_TEMPLATE_CREATE_WARM_ONCE,
		SPAWN_TEMPLATE_CREATE_WARM_FORK,
	};
	static const uint64_t unserved[] = {
		SPAWN_TEMPLATE_CREATE_DENY_WRITE,
		SPAWN_TEMPLATE_CREATE_DENY_WRITE | NO_GUARD,
	};
	struct spawn_template_create_args args = from_path(test_tool("probe"));

	without_guard();
	for (size_t i = 0; i < TEST_COUNT(served); i++) {
		args.flags = served[i];
		check_works(create(args, CREATE_VER1));
	}
	for (size_t i = 0; i < TEST_COUNT(unserved); i++) {
		args.flags = unserved[i];
		CHECK_EQ(create(args, CREATE_VER1), -EOPNOTSUPP);
	}
	args.flags = SPAWN_TEMPLATE_CREATE_GUARD;
	CHECK_EQ(create(args, CREATE_VER1), -ENOTCONN);
	args.flags |= NO_GUARD;
	CHECK_EQ(create(args, CREATE_VER1), -EINVAL);
	args.flags = SPAWN_TEMPLATE_CREATE_WARM_ONCE |
		     SPAWN_TEMPLATE_CREATE_WARM_FORK;
	CHECK_EQ(create(args, CREATE_VER1), -EINVAL);
	for (int bit = 0; bit < 64; bit++) {
		if (bit == 0 || (bit >= 32 && bit <= 38))
			continue;
		args.flags = 1ULL << bit;
		CHECK_EQ(create(args, CREATE_VER1), -EINVAL);
		CHECK_EQ(spawn_template_open(test_tool("probe"), args.flags),
			 -EINVAL);
		CHECK_EQ(spawn_template_search("true", NULL, args.flags),
			 -EINVAL);
	}
}

static void create_refuses_reserved_fields_that_are_set(void)
{
	struct spawn_template_create_args good = from_path(test_tool("probe")),
					  args;

	for (int i = 0; i < 4; i++) {
		args = good;
		args.reserved[i] = 1ULL << (i * 20);
		CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
		CHECK_EQ(create(args, CREATE_VER1), -EINVAL);
	}
	args = good;
	args.exec_flags = AT_EMPTY_PATH;
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args = good;
	args.actions_len = 1;
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args = good;
	args.actions = (uintptr_t)&args;
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args = good;
	args.pad = 1;
	CHECK_EQ(create(args, CREATE_VER1), -EINVAL);
	check_works(create(good, CREATE_VER1));
}

static void create_needs_one_of_fd_and_path(void)
{
	struct spawn_template_create_args args = from_path(NULL);
	int fd = CHECK_SYS(open(test_tool("probe"), O_PATH | O_CLOEXEC));

	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args.execfd = fd;
	check_works(create(args, CREATE_VER0));
	args.filename = (uintptr_t)test_tool("probe");
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args.execfd = -1;
	check_works(create(args, CREATE_VER0));
	args.filename = (uintptr_t) "";
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	CHECK_EQ(spawn_template_open("", 0), -EINVAL);
	CHECK_EQ(spawn_template_open("bin/true", 0), -EINVAL);
}

static int from_fd(int fd)
{
	struct spawn_template_create_args args = { .execfd = fd };

	return create(args, CREATE_VER1);
}

static void create_refuses_fds_of_no_executable(void)
{
	int fds[2], fd;

	CHECK_EQ(from_fd(1000), -EBADF);
	CHECK_EQ(from_fd(INT32_MAX), -EBADF);
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_EQ(from_fd(fds[0]), -EACCES);
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_EQ(from_fd(fds[0]), -EACCES);
	fd = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	CHECK_EQ(from_fd(fd), -EACCES);
	fd = CHECK_SYS(open(test_tmpdir(), O_RDONLY | O_CLOEXEC));
	CHECK_EQ(from_fd(fd), -EACCES);
	CHECK_SYS(mkfifo(test_path("fifo"), 0777));
	fd = CHECK_SYS(open(test_path("fifo"), O_PATH | O_CLOEXEC));
	CHECK_EQ(from_fd(fd), -EACCES);
	test_write(test_path("plain"),
		   "\x7f"
		   "ELF",
		   0644);
	fd = CHECK_SYS(open(test_path("plain"), O_RDONLY | O_CLOEXEC));
	CHECK_EQ(from_fd(fd), -EACCES);
}

static void create_refuses_paths_of_no_executable(void)
{
	char name[300], *path = test_path("file");

	test_write(path,
		   "\x7f"
		   "ELF",
		   0644);
	CHECK_EQ(spawn_template_open(path, 0), -EACCES);
	CHECK_EQ(spawn_template_open(test_tmpdir(), 0), -EACCES);
	CHECK_EQ(spawn_template_open("/dev/null", 0), -EACCES);
	CHECK_SYS(mkfifo(test_path("fifo"), 0755));
	CHECK_EQ(spawn_template_open(test_path("fifo"), 0), -EACCES);
	CHECK_EQ(spawn_template_open(test_path("none"), 0), -ENOENT);
	CHECK_EQ(spawn_template_open(test_path("none/none"), 0), -ENOENT);
	CHECK_EQ(spawn_template_open(test_path("file/none"), 0), -ENOTDIR);
	CHECK_SYS(symlink("loop", test_path("loop")));
	CHECK_EQ(spawn_template_open(test_path("loop"), 0), -ELOOP);
	CHECK_SYS(symlink("none", test_path("dangling")));
	CHECK_EQ(spawn_template_open(test_path("dangling"), 0), -ENOENT);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	CHECK_EQ(spawn_template_open(test_path("%s", name), 0), -ENAMETOOLONG);
	CHECK_EQ(spawn_template_open(test_fmt("/%05000d", 1), 0),
		 -ENAMETOOLONG);
	CHECK_EQ(test_count_fds(), 3);
}

static void create_refuses_files_that_are_no_programs(void)
{
	static const struct {
		const char *text;
		int ret, with_script;
	} files[] = {
		{ "", -ENOEXEC, -ENOEXEC },
		{ "just text\n", -ENOEXEC, -ENOEXEC },
		{ "#", -ENOEXEC, -ENOEXEC },
		{ "\x7f"
		  "EL",
		  -ENOEXEC, -ENOEXEC },
		{ "\x7f"
		  "ELF",
		  -ENOEXEC, -ENOEXEC },
		{ "\x7f"
		  "ELF but nothing of the kind, as far as anyone can see "
		  "who reads on to the end of the header",
		  -ENOEXEC, -ENOEXEC },
		{ "#!/bin/sh\n", -ENOEXEC, 0 },
	};
	char *path = test_path("file");

	for (size_t i = 0; i < TEST_COUNT(files); i++) {
		int tfd, fd;

		test_write(path, files[i].text, 0755);
		fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
		CHECK_EQ(from_fd(fd), files[i].ret);
		CHECK_SYS(close(fd));
		CHECK_EQ(spawn_template_open(path, CLOEXEC), files[i].ret);
		tfd = spawn_template_open(path, SPAWN_TEMPLATE_CREATE_SCRIPT);
		CHECK_EQ(tfd < 0 ? tfd : 0, files[i].with_script);
		if (tfd >= 0)
			CHECK_OK(spawn_template_close(tfd));
		CHECK_EQ(test_count_fds(), 3);
	}
}

static void create_needs_the_right_to_execute(void)
{
	char *path = test_copy_probe("probe");
	int fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));

	test_need_root();
	CHECK_SYS(chmod(path, 0700));
	check_works(spawn_template_open(path, CLOEXEC));
	CHECK_SYS(mkdir(test_path("closed"), 0700));
	test_copy(test_tool("probe"), test_path("closed/probe"), 0755);
	CHECK_SYS(setresuid(65534, 65534, 65534));
	CHECK_EQ(spawn_template_open(path, CLOEXEC), -EACCES);
	CHECK_EQ(from_fd(fd), -EACCES);
	CHECK_EQ(spawn_template_open(test_path("closed/probe"), CLOEXEC),
		 -EACCES);
	CHECK_EQ(test_count_fds(), 4);
}

static void create_refuses_a_noexec_mount(void)
{
	int fd;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", test_tmpdir(), "tmpfs", MS_NOEXEC, NULL))
		TEST_SKIP("cannot mount: %s", strerror(errno));
	fd = CHECK_SYS(open(test_copy_probe("probe"), O_PATH | O_CLOEXEC));
	CHECK_EQ(spawn_template_open(test_path("probe"), CLOEXEC), -EACCES);
	CHECK_EQ(from_fd(fd), -EACCES);
	CHECK_SYS(mount(NULL, test_tmpdir(), NULL, MS_REMOUNT, NULL));
	check_works(spawn_template_open(test_path("probe"), CLOEXEC));
	check_works(from_fd(fd));
	CHECK_SYS(umount2(test_tmpdir(), MNT_DETACH));
}

/* Create notices the writer by AT_EXECVE_CHECK, and without it the launch does. */
static void a_file_open_for_writing_is_refused(void)
{
	bool can_tell = !syscall(SYS_execveat, AT_FDCWD, "/bin/true",
				 TEST_ARGV("true"), environ, AT_EXECVE_CHECK);
	char *path = test_copy_probe("probe");
	int tfd, fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	tfd = spawn_template_open(path, CLOEXEC);
	if (can_tell)
		CHECK_EQ(tfd, -ETXTBSY);
	else
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), -ETXTBSY);
	CHECK_SYS(close(fd));
	check_works(spawn_template_open(path, CLOEXEC));
}

static void create_without_free_fds_fails_with_emfile(void)
{
	struct rlimit before, none;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 3;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &none));
	CHECK_EQ(spawn_template_open(test_tool("probe"), CLOEXEC), -EMFILE);
	CHECK_EQ(spawn_template_search("sh", NULL, CLOEXEC), -EMFILE);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &before));
	CHECK_EQ(test_count_fds(), 3);
}

static void create_checks_in_the_documented_order(void)
{
	struct spawn_template_create_args args = from_path(NULL);

	/* a wrong size comes before a wrong flag */
	args.flags = 2;
	CHECK_EQ(create(args, CREATE_VER0 - 1), -EINVAL);
	CHECK_EQ(create(args, 1U << 20), -E2BIG);
	/* a wrong flag before a wrong fd, a wrong path */
	args.execfd = 1000;
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	args.execfd = -1;
	args.filename = (uintptr_t) "/none/none";
	CHECK_EQ(create(args, CREATE_VER0), -EINVAL);
	/* the kind of file comes before its format */
	test_write(test_path("text"), "text\n", 0644);
	CHECK_EQ(spawn_template_open(test_path("text"), 0), -EACCES);
	CHECK_SYS(chmod(test_path("text"), 0755));
	CHECK_EQ(spawn_template_open(test_path("text"), 0), -ENOEXEC);
}

static void create_cloexec_decides_how_the_fd_is_opened(void)
{
	const char *probe = test_tool("probe");
	int with = CHECK_OK(spawn_template_open(probe, CLOEXEC));
	int without = CHECK_OK(spawn_template_open(probe, 0));

	CHECK_EQ(fcntl(with, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(without, F_GETFD), 0);
	CHECK_EQ(fcntl(with, F_GETFL) & O_PATH, O_PATH);
	CHECK_OK(spawn_template_close(with));
	CHECK_OK(spawn_template_close(without));
	CHECK_EQ(test_count_fds(), 3);
}

/* ---- search ---- */

static void found(const char *name, const char *path, const char *want)
{
	struct spawn_template_stat st;
	int tfd = CHECK_OK(spawn_template_search(name, path, CLOEXEC));

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_STR(st.path, want);
	check_works(tfd);
	CHECK_EQ(test_count_fds(), 3);
}

/* Two directories with a "tool" each, and the current one with another. */
static void make_path_tree(void)
{
	CHECK_SYS(mkdir(test_path("one"), 0755));
	CHECK_SYS(mkdir(test_path("two"), 0755));
	CHECK_SYS(mkdir(test_path("here"), 0755));
	test_copy_probe("one/tool");
	test_copy_probe("two/tool");
	test_copy_probe("here/tool");
	CHECK_SYS(chdir(test_path("here")));
}

static void search_takes_the_first(void)
{
	char *one = test_path("one"), *two = test_path("two");

	make_path_tree();
	found("tool", test_fmt("%s:%s", one, two), test_path("one/tool"));
	found("tool", test_fmt("%s:%s", two, one), test_path("two/tool"));
	found("tool", test_fmt("/none:%s/tool:%s", one, two),
	      test_path("two/tool"));
	CHECK_SYS(setenv("PATH", two, 1));
	found("tool", NULL, test_path("two/tool"));
	/* the file in the other directory is found after that */
	CHECK_SYS(unlink(test_path("one/tool")));
	found("tool", test_fmt("%s:%s", one, two), test_path("two/tool"));
}

static void search_empty_element_is_here(void)
{
	char *one = test_path("one"), *here = test_path("here/tool");

	make_path_tree();
	found("tool", "", here);
	found("tool", ":", here);
	found("tool", test_fmt(":%s", one), here);
	found("tool", test_fmt("/none::%s", one), here);
	found("tool", "/none:", here);
	found("tool", test_fmt("%s:", one), test_path("one/tool"));
	CHECK_SYS(setenv("PATH", "", 1));
	found("tool", NULL, here);
}

static void search_takes_relative_directories_and_names(void)
{
	make_path_tree();
	CHECK_SYS(chdir(test_tmpdir()));
	found("tool", "two:one", test_path("two/tool"));
	found("one/tool", "/none", test_path("one/tool"));
	found("./two/tool", NULL, test_path("./two/tool"));
	found(test_path("one/tool"), NULL, test_path("one/tool"));
}

static void search_has_a_default_without_path(void)
{
	CHECK_SYS(unsetenv("PATH"));
	CHECK_OK(spawn_template_search("sh", NULL, CLOEXEC));
}

static void search_skips_what_cannot_run(void)
{
	char *one = test_path("one"), *two = test_path("two");

	make_path_tree();
	CHECK_SYS(chmod(test_path("one/tool"), 0644));
	found("tool", test_fmt("%s:%s", one, two), test_path("two/tool"));
	CHECK_SYS(chmod(test_path("two/tool"), 0644));
	CHECK_EQ(spawn_template_search("tool", test_fmt("%s:%s", one, two), 0),
		 -EACCES);
	CHECK_EQ(spawn_template_search("tool", test_fmt("%s:/none", one), 0),
		 -EACCES);
	CHECK_SYS(unlink(test_path("one/tool")));
	CHECK_SYS(mkdir(test_path("one/tool"), 0755));
	CHECK_EQ(spawn_template_search("tool", one, 0), -EACCES);
	CHECK_EQ(test_count_fds(), 3);
}

static void search_tells_why_nothing_is_found(void)
{
	char name[NAME_MAX + 2], *long_dir = malloc(5000);

	make_path_tree();
	CHECK_EQ(spawn_template_search("none", test_tmpdir(), 0), -ENOENT);
	CHECK_EQ(spawn_template_search("none", "", 0), -ENOENT);
	CHECK_EQ(spawn_template_search("", NULL, 0), -ENOENT);
	CHECK_EQ(spawn_template_search("./none", NULL, 0), -ENOENT);
	CHECK_EQ(spawn_template_search("tool/none", NULL, 0), -ENOTDIR);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	CHECK_EQ(spawn_template_search(name, NULL, 0), -ENAMETOOLONG);
	name[NAME_MAX] = 0;
	CHECK_EQ(spawn_template_search(name, "/:", 0), -ENOENT);
	/* a directory too long to be one is passed over */
	CHECK(long_dir);
	memset(long_dir, 'd', 4999);
	long_dir[4999] = 0;
	CHECK_EQ(spawn_template_search("tool", long_dir, 0), -ENOENT);
	found("tool", test_fmt("%s:%s", long_dir, test_path("one")),
	      test_path("one/tool"));
	free(long_dir);
}

static void search_stops_at_a_script_that_the_flags_refuse(void)
{
	char *path = test_fmt("%s:%s", test_path("one"), test_path("two"));
	int tfd;

	make_path_tree();
	test_write(test_path("one/tool"), "#!/bin/sh\nexit 5\n", 0755);
	CHECK_EQ(spawn_template_search("tool", path, CLOEXEC), -ENOEXEC);
	tfd = CHECK_OK(spawn_template_search(
		"tool", path, CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT));
	check_works(tfd);
}

/* The first of the name cannot be executed by anybody: execvp(3) goes on, too. */
static void search_passes_over_a_file_of_no_format(void)
{
	char *path = test_fmt("%s:%s", test_path("one"), test_path("two"));

	make_path_tree();
	test_write(test_path("one/tool"), "exit 5\n", 0755);
	found("tool", path, test_path("two/tool"));
	CHECK_SYS(unlink(test_path("two/tool")));
	CHECK_EQ(spawn_template_search("tool", path, CLOEXEC), -ENOEXEC);
	/* a file that may not be executed says more, as in execvp(3) */
	test_write(test_path("two/tool"), "", 0644);
	CHECK_EQ(spawn_template_search("tool", path, CLOEXEC), -EACCES);
	path = test_fmt("%s:%s", test_path("two"), test_path("one"));
	CHECK_EQ(spawn_template_search("tool", path, CLOEXEC), -EACCES);
	CHECK_EQ(test_count_fds(), 3);
}

static int search_script(const char *path)
{
	return spawn_template_search("tool", path,
				     CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT);
}

/* Write the first tool, and search. */
static void finds(const char *text, const char *path, const char *want)
{
	struct spawn_template_stat st;
	int tfd;

	test_doing("%s", text);
	test_write(test_path("one/tool"), text, 0755);
	tfd = CHECK_OK(search_script(path));
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_STR(st.path, want);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_EQ(test_count_fds(), 3);
}

static void search_takes(const char *text)
{
	finds(text, test_fmt("%s:%s", test_path("one"), test_path("two")),
	      test_path("one/tool"));
}

static void search_passes_over(const char *text)
{
	char *one = test_path("one");

	finds(text, test_fmt("%s:%s", one, test_path("two")),
	      test_path("two/tool"));
	/* if nothing better comes, the launch tells what is missing */
	finds(text, test_fmt("%s:/none:%s", one, one), test_path("one/tool"));
}

static void search_passes_over_what_lacks_an_interpreter(void)
{
	char *second = test_path("second");

	make_path_tree();
	search_passes_over("#!/no/such/interpreter\n");
	search_passes_over("#!/bin/sh\r\n");
	search_passes_over(test_fmt("#!%s\n", test_path("one")));
	test_write(second, "#!/no/such/interpreter\n", 0755);
	search_passes_over(test_fmt("#!%s\n", second));
	test_write(second, "#!/bin/sh\n", 0644);
	search_passes_over(test_fmt("#!%s\n", second));
	/* what is there is taken, a relative one as well */
	CHECK_SYS(chmod(second, 0755));
	search_takes(test_fmt("#!%s\n", second));
	search_takes("#!bin/sh\n");
}

/* An interpreter that comes back is found, though the template was made before. */
static void search_takes_a_script_whose_interpreter_came_back(void)
{
	char *path = test_fmt("%s:%s", test_path("one"), test_path("two"));
	struct spawn_template_cache_params params = {
		.create_flags = SPAWN_TEMPLATE_CREATE_SCRIPT,
	};
	struct spawn_template_cache *cache;
	struct spawn_template_stat st;
	int tfd;

	make_path_tree();
	test_write(test_path("one/tool"),
		   test_fmt("#!%s\n", test_path("interpreter")), 0755);
	CHECK_OK(spawn_template_cache_new(&params, sizeof(params), &cache));
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			test_copy_probe("interpreter");
		tfd = CHECK_OK(spawn_template_cache_get(cache, "tool", path));
		CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
		CHECK_STR(st.path,
			  test_path("%s", i < 2 ? "two/tool" : "one/tool"));
		CHECK_OK(spawn_template_cache_drop(cache, tfd));
		CHECK_EQ(test_count_fds(), 3);
	}
	spawn_template_cache_free(cache);
}

/* ---- spawn ---- */

static struct spawn_template_spawn_args good_args(int *pidfd)
{
	static char *const argv[] = { "probe", "exit", "5", NULL };

	return test_args(pidfd, argv);
}

static void launches(int tfd, const void *args, size_t size, int *pidfd)
{
	CHECK_OK(spawn_template_spawn(tfd, args, size));
	CHECK_EQ(test_wait(*pidfd), 5);
}

static void spawn_takes_the_documented_sizes(void)
{
	static union big_spawn big;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	int tfd = test_probe(), pidfd = -77;

	big.args = good_args(&pidfd);
	for (size = 0; size < SPAWN_VER0; size++)
		CHECK_EQ(spawn_template_spawn(tfd, &big.args, size), -EINVAL);
	CHECK_EQ(spawn_template_spawn(tfd, &big.args, page + 1), -E2BIG);
	CHECK_EQ(spawn_template_spawn(tfd, &big.args, sizeof(big)), -E2BIG);
	CHECK_EQ(spawn_template_spawn(tfd, &big.args, SIZE_MAX), -E2BIG);
	CHECK_EQ(pidfd, -77);
	CHECK(test_no_children());
	for (size = SPAWN_VER0; size <= SPAWN_VER2 + 1; size++)
		launches(tfd, &big.args, size, &pidfd);
	launches(tfd, &big.args, page, &pidfd);
}

static void spawn_tail_must_be_zero(void)
{
	static union big_spawn big;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at;
	int tfd = test_probe(), pidfd = -77;

	big.args = good_args(&pidfd);
	for (at = SPAWN_VER2; at < page; at += at < 290 ? 1 : 509) {
		big.bytes[at] = 1;
		pidfd = -77;
		CHECK_EQ(spawn_template_spawn(tfd, &big.args, page), -E2BIG);
		CHECK_EQ(spawn_template_spawn(tfd, &big.args, at + 1), -E2BIG);
		CHECK_EQ(pidfd, -77);
		launches(tfd, &big.args, at, &pidfd);
		big.bytes[at] = 0;
	}
}

static void spawn_ver0_ignores_what_is_behind(void)
{
	struct spawn_template_failure failure = { -9, 9, 9 };
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd = -77;

	args = good_args(&pidfd);
	memset((char *)&args + SPAWN_VER0, 0xff, sizeof(args) - SPAWN_VER0);
	launches(tfd, &args, SPAWN_VER0, &pidfd);
	args.failure = (uintptr_t)&failure;
	args.flags = 2;
	CHECK_EQ(spawn_template_spawn(tfd, &args, SPAWN_VER0), -EINVAL);
	CHECK_EQ(failure.error, -9);
}

static void spawn_ver1_flags_need_ver1(void)
{
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd = -77;

	args = good_args(&pidfd);
	for (int bit = 32; bit <= 42; bit++) {
		args.flags = 1ULL << bit;
		CHECK_EQ(spawn_template_spawn(tfd, &args, SPAWN_VER0), -EINVAL);
		CHECK_EQ(spawn_template_spawn(tfd, &args, SPAWN_VER1 - 1),
			 -EINVAL);
	}
	CHECK_EQ(pidfd, -77);
}

static void spawn_refuses_unknown_flags(void)
{
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd;

	args = good_args(&pidfd);
	for (int bit = 1; bit < 64; bit++) {
		if (bit >= 32 && bit <= 44)
			continue;
		args.flags = 1ULL << bit;
		CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	}
}

static void spawn_refuses_reserved_fields_that_are_set(void)
{
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd;

	for (int i = 0; i < 4; i++) {
		args = good_args(&pidfd);
		args.reserved[i] = 1ULL << (i * 20);
		CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	}
}

static void spawn_needs_pidfd_and_argv(void)
{
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd;
	char *none[] = { NULL };

	args = good_args(NULL);
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	args = good_args(&pidfd);
	args.argv = 0;
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	args.argv = (uintptr_t)none;
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
}

static void the_environment_is_empty_or_the_one_given(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "env"));
	char *none[] = { NULL }, *two[] = { "A=1", "B=", NULL };
	int tfd = test_probe();

	args.envp = 0;
	CHECK_STR(test_output_args(tfd, args, NULL), "");
	args.envp = (uintptr_t)none;
	CHECK_STR(test_output_args(tfd, args, NULL), "");
	args.envp = (uintptr_t)two;
	CHECK_STR(test_output_args(tfd, args, NULL), "A=1\nB=\n");
}

static void arguments_may_be_empty_strings(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("", "args", "write", "1", ""));
	char *text = test_output_args(test_probe(), args, NULL);

	CHECK_STR(text, "argc=5\nargv.0=\nargv.1=args\nargv.2=write\n"
			"argv.3=1\nargv.4=\n");
}

static void spawn_takes_256_actions_at_most(void)
{
	struct spawn_template_action many[257];
	struct spawn_template_spawn_args args;
	int tfd = test_probe(), pidfd;

	for (size_t i = 0; i < TEST_COUNT(many); i++)
		many[i] = ACT_DUP2(2, 2);
	args = good_args(&pidfd);
	args.actions = (uintptr_t)many;
	args.actions_len = 256;
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	args.actions_len = 257;
	CHECK_FAILS(tfd, args, E2BIG, STAGE_ARGS, 0);
	args.actions_len = UINT64_MAX;
	CHECK_FAILS(tfd, args, E2BIG, STAGE_ARGS, 0);
	args.actions_len = (1ULL << 32) + 1;
	CHECK_FAILS(tfd, args, E2BIG, STAGE_ARGS, 0);
	/* the number of actions is checked before any action */
	many[0].type = 99;
	args.actions_len = 257;
	CHECK_FAILS(tfd, args, E2BIG, STAGE_ARGS, 0);
	args.actions = 0;
	args.actions_len = 1;
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	args.actions = (uintptr_t)many;
	args.actions_len = 0;
	CHECK_EQ(test_spawn_args(tfd, args), 5);
}

/* The action is refused alone, and as the last of three. */
static void malformed(int tfd, struct spawn_template_action bad, uint64_t flags)
{
	struct spawn_template_action actions[] = {
		ACT_DUP2(1, 1),
		ACT_CHDIR("/"),
		bad,
	};
	struct spawn_template_spawn_args args;
	int pidfd;

	test_doing("type %u flags %#x fd %d newfd %d arg %#llx", bad.type,
		   bad.flags, bad.fd, bad.newfd, (unsigned long long)bad.arg);
	args = good_args(&pidfd);
	args.flags = flags;
	args.actions = (uintptr_t)(actions + 2);
	args.actions_len = 1;
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	args.actions = (uintptr_t)actions;
	args.actions_len = 3;
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
}

/* A good action is refused with each of the fields set that it has no use for. */
static void no_use_for(int tfd, struct spawn_template_action good,
		       uint64_t flags, const char *fields)
{
	for (; *fields; fields++) {
		struct spawn_template_action bad = good;

		switch (*fields) {
		case 'l':
			bad.flags = 1;
			break;
		case 'f':
			bad.fd = 1;
			break;
		case 'n':
			bad.newfd = 1;
			break;
		case 'a':
			bad.arg = (uintptr_t)&bad;
			break;
		default:
			CHECK(!"known field");
		}
		malformed(tfd, bad, flags);
	}
}

static void unused_fields_of_actions_must_be_zero(void)
{
	struct rlimit limit = { 10, 10 };
	struct spawn_template_sigset *set = TEST_SIGSET(1);
	int tfd = test_probe();

	no_use_for(tfd, ACT_CLOSE(1), 0, "lna");
	no_use_for(tfd, ACT_DUP2(1, 2), 0, "a");
	no_use_for(tfd, ACT_FCHDIR(1), 0, "lna");
	no_use_for(tfd, ACT_OPEN(AT_FDCWD, 0, TEST_OPEN("/dev/null", 0, 0, 0)),
		   0, "l");
	no_use_for(tfd, ACT_CLOSE_RANGE(3, -1, 0), 0, "a");
	no_use_for(tfd, ACT_SIGMASK(set), 0, "lfn");
	no_use_for(tfd, ACT_SIGDEFAULT(set), 0, "lfn");
	no_use_for(tfd, ACT_CHDIR("/"), 0, "lfn");
	no_use_for(tfd, ACT_KEEP(1), 0, "lna");
	no_use_for(tfd, ACT_RLIMIT(RLIMIT_CORE, &limit), 0, "ln");
	no_use_for(tfd, ACT_SETCTTY(1), SPAWN_TEMPLATE_SPAWN_SETSID, "lna");
}

static void unknown_action_types_are_refused(void)
{
	static const uint32_t unknown[] = { 7,	8,   31,  36,	      37,
					    64, 255, 256, 0x80000000, ~0U };
	int tfd = test_probe();

	for (size_t i = 0; i < TEST_COUNT(unknown); i++)
		malformed(tfd,
			  (struct spawn_template_action){ .type = unknown[i] },
			  0);
}

static void bad_fds_in_actions_are_refused(void)
{
	struct spawn_template_open *null = TEST_OPEN("/dev/null", 0, 0, 0);
	static const int bad[] = { -1, -2, AT_FDCWD, INT32_MIN };
	int tfd = test_probe();

	for (size_t i = 0; i < TEST_COUNT(bad); i++) {
		malformed(tfd, ACT_CLOSE(bad[i]), 0);
		malformed(tfd, ACT_DUP2(bad[i], 1), 0);
		malformed(tfd, ACT_DUP2(1, bad[i]), 0);
		malformed(tfd, ACT_FCHDIR(bad[i]), 0);
		malformed(tfd, ACT_OPEN(AT_FDCWD, bad[i], null), 0);
		if (bad[i] != AT_FDCWD)
			malformed(tfd, ACT_OPEN(bad[i], 0, null), 0);
		malformed(tfd, ACT_CLOSE_RANGE(bad[i], -1, 0), 0);
		malformed(tfd, ACT_KEEP(bad[i]), 0);
		malformed(tfd, ACT_SETCTTY(bad[i]),
			  SPAWN_TEMPLATE_SPAWN_SETSID);
	}
	malformed(tfd, ACT_CLOSE_RANGE(9, 8, 0), 0);
	malformed(tfd, ACT_CLOSE_RANGE(INT32_MAX, 0, 0), 0);
}

static void unknown_action_flags_are_refused(void)
{
	struct spawn_template_action a;
	int tfd = test_probe();

	for (int bit = 0; bit < 32; bit++) {
		a = ACT_DUP2(1, 2);
		a.flags = 1U << bit;
		if (a.flags != O_CLOEXEC)
			malformed(tfd, a, 0);
		a = ACT_CLOSE_RANGE(3, -1, 1U << bit);
		if (bit != 1 && bit != 2)
			malformed(tfd, a, 0);
	}
}

static void bad_arguments_of_actions_are_refused(void)
{
	struct spawn_template_sigset set = *TEST_SIGSET(1);
	static const uint64_t sizes[] = { 0, 1, 4, 7, 9, 16, 128, UINT64_MAX };
	struct rlimit limit = { 10, 10 };
	int tfd = test_probe();

	malformed(tfd, ACT_OPEN(AT_FDCWD, 0, NULL), 0);
	malformed(tfd, ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(NULL, 0, 0, 0)), 0);
	malformed(tfd, ACT_SIGMASK(NULL), 0);
	malformed(tfd, ACT_SIGDEFAULT(NULL), 0);
	malformed(tfd, ACT_CHDIR(NULL), 0);
	malformed(tfd, ACT_RLIMIT(RLIMIT_CORE, NULL), 0);
	malformed(tfd, ACT_RLIMIT(-1, &limit), 0);
	malformed(tfd, ACT_RLIMIT(RLIM_NLIMITS, &limit), 0);
	malformed(tfd, ACT_RLIMIT(INT32_MAX, &limit), 0);
	malformed(tfd, ACT_SETCTTY(0), 0);
	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		set.sigsetsize = sizes[i];
		malformed(tfd, ACT_SIGMASK(&set), 0);
		malformed(tfd, ACT_SIGDEFAULT(&set), 0);
	}
	set = (struct spawn_template_sigset){ 0, 8 };
	malformed(tfd, ACT_SIGMASK(&set), 0);
	malformed(tfd, ACT_SIGDEFAULT(&set), 0);
}

static void check_bad_attribute(int tfd, struct spawn_template_spawn_args args)
{
	CHECK_FAILS(tfd, args, EINVAL, STAGE_ARGS, 0);
	/* without its flag an check_bad_attribute is not looked at */
	args.flags = 0;
	CHECK_EQ(test_spawn_args(tfd, args), 5);
}

static void bad_attributes_are_refused_if_their_flag_is_set(void)
{
	struct spawn_template_spawn_args good, args;
	int tfd = test_probe(), pidfd;

	good = good_args(&pidfd);
#define BAD(flag, field, value)                   \
	args = good;                              \
	args.flags = SPAWN_TEMPLATE_SPAWN_##flag; \
	args.field = (value);                     \
	check_bad_attribute(tfd, args)

	BAD(UMASK, umask, 01000);
	BAD(UMASK, umask, ~0U);
	BAD(NICE, nice, -21);
	BAD(NICE, nice, 20);
	BAD(NICE, nice, INT32_MIN);
	BAD(SETPGROUP, pgroup, -1);
	BAD(SETPGROUP, pgroup, INT32_MIN);
	BAD(INTO_CGROUP, cgroup_fd, -1);
	BAD(INTO_CGROUP, cgroup_fd, AT_FDCWD);
	BAD(SETUID, uid, ~0U);
	BAD(SETGID, gid, ~0U);
	BAD(SETGROUPS, n_groups, 1);
	BAD(SETGROUPS, n_groups, UINT64_MAX);
#undef BAD
	args = good;
	args.flags = SPAWN_TEMPLATE_SPAWN_SETGROUPS;
	args.groups = (uintptr_t)&args;
	args.n_groups = 65537;
	check_bad_attribute(tfd, args);
}

/* The error is that of the fd, also where the flags are wrong, too. */
static void spawn_tells_a_wrong_fd_before_wrong_flags(void)
{
	struct spawn_template_spawn_args args;
	int pipes[2], dir, file, pidfd;

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	dir = CHECK_SYS(open("/", O_PATH | O_CLOEXEC));
	file = CHECK_SYS(open(test_tool("probe"), O_PATH | O_CLOEXEC));
	args = good_args(&pidfd);
	for (int i = 0; i < 2; i++) {
		CHECK_FAILS(-1, args, EBADF, STAGE_ARGS, 0);
		CHECK_FAILS(1000, args, EBADF, STAGE_ARGS, 0);
		CHECK_FAILS(INT32_MAX, args, EBADF, STAGE_ARGS, 0);
		CHECK_FAILS(INT32_MIN, args, EBADF, STAGE_ARGS, 0);
		CHECK_FAILS(AT_FDCWD, args, EBADF, STAGE_ARGS, 0);
		CHECK_FAILS(pipes[0], args, EINVAL, STAGE_ARGS, 0);
		CHECK_FAILS(dir, args, EINVAL, STAGE_ARGS, 0);
		CHECK_FAILS(file, args, EACCES, STAGE_ARGS, 0);
		/* the second time with an unknown flag */
		args.flags = 2;
	}
}

static void spawn_checks_in_the_documented_order(void)
{
	static union big_spawn big;
	char *path = test_copy_probe("probe");
	int pidfd = -77, tfd = CHECK_OK(spawn_template_open(path, CLOEXEC));
	int page = (int)sysconf(_SC_PAGESIZE);

	big.args = good_args(&pidfd);
	/* size before fd */
	CHECK_EQ(spawn_template_spawn(-1, &big.args, 79), -EINVAL);
	CHECK_EQ(spawn_template_spawn(-1, &big.args, (size_t)page + 1), -E2BIG);
	/* arguments and actions before identity */
	CHECK_SYS(chmod(path, 0700));
	CHECK_FAILS(tfd, big.args, ESTALE, STAGE_ARGS, 0);
	big.args.flags = 2;
	CHECK_FAILS(tfd, big.args, EINVAL, STAGE_ARGS, 0);
	big.args.flags = 0;
	TEST_ACTIONS(&big.args, ACT_CLOSE(-1));
	CHECK_FAILS(tfd, big.args, EINVAL, STAGE_ARGS, 0);
	TEST_ACTIONS(&big.args, ACT_CLOSE(500));
	CHECK_FAILS(tfd, big.args, ESTALE, STAGE_ARGS, 0);
	big.args.actions_len = 257;
	CHECK_FAILS(tfd, big.args, E2BIG, STAGE_ARGS, 0);
	CHECK_EQ(pidfd, -77);
}

static void after_fork(void *arg)
{
	int tfd = *(int *)arg, pidfd;
	struct spawn_template_spawn_args args = good_args(&pidfd);

	CHECK_FAILS(tfd, args, EACCES, STAGE_ARGS, 0);
	args.flags = 2;
	CHECK_FAILS(tfd, args, EACCES, STAGE_ARGS, 0);
}

static void a_forked_child_is_refused_before_wrong_flags(void)
{
	int tfd = test_probe();

	test_in_child(after_fork, &tfd);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe", "exit", "5")), 5);
}

/* ---- check, refresh, stat, close ---- */

static void wrong_fd_everywhere(int fd, int err)
{
	struct spawn_template_stat st, before;

	memset(&st, 0x5a, sizeof(st));
	before = st;
	CHECK_EQ(spawn_template_check(fd), err);
	CHECK_EQ(spawn_template_refresh(fd), err);
	CHECK_EQ(spawn_template_stat(fd, &st, sizeof(st)), err);
	CHECK(!memcmp(&st, &before, sizeof(st)));
}

static void every_other_call_refuses_wrong_fds(void)
{
	int pipes[2], file, fds;

	wrong_fd_everywhere(-1, -EBADF);
	wrong_fd_everywhere(1000, -EBADF);
	wrong_fd_everywhere(INT32_MAX, -EBADF);
	wrong_fd_everywhere(INT32_MIN, -EBADF);
	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	file = CHECK_SYS(open(test_tool("probe"), O_PATH | O_CLOEXEC));
	wrong_fd_everywhere(pipes[0], -EINVAL);
	wrong_fd_everywhere(file, -EACCES);
	fds = test_count_fds();
	CHECK_EQ(spawn_template_close(-1), -EBADF);
	CHECK_EQ(spawn_template_close(1000), -EBADF);
	CHECK_EQ(spawn_template_close(INT32_MAX), -EBADF);
	CHECK_EQ(spawn_template_close(pipes[0]), -EINVAL);
	CHECK_EQ(spawn_template_close(file), -EINVAL);
	CHECK_EQ(test_count_fds(), fds);
}

static void stat_takes_the_documented_sizes(void)
{
	static union {
		struct spawn_template_stat st;
		char bytes[16384];
	} big;
	int tfd = test_probe();
	size_t size;

	memset(&big, 0x5a, sizeof(big));
	for (size = 0; size < SPAWN_TEMPLATE_STAT_SIZE_VER0; size += 8)
		CHECK_EQ(spawn_template_stat(tfd, &big.st, size), -EINVAL);
	for (size = 0; size < sizeof(big); size++)
		CHECK_EQ(big.bytes[size], 0x5a);
	CHECK_EQ(spawn_template_stat(-1, &big.st, 0), -EINVAL);
	CHECK_OK(spawn_template_stat(tfd, &big.st,
				     SPAWN_TEMPLATE_STAT_SIZE_VER0));
	CHECK_EQ(big.bytes[SPAWN_TEMPLATE_STAT_SIZE_VER0], 0x5a);
	CHECK_EQ(big.st.flags, CLOEXEC);
	CHECK_OK(spawn_template_stat(tfd, &big.st,
				     SPAWN_TEMPLATE_STAT_SIZE_VER1));
	CHECK_EQ(big.bytes[SPAWN_TEMPLATE_STAT_SIZE_VER1 - 1], 0);
	CHECK_EQ(big.bytes[SPAWN_TEMPLATE_STAT_SIZE_VER1], 0x5a);
	CHECK_OK(spawn_template_stat(tfd, &big.st, sizeof(big)));
}

static const struct test_case cases[] = {
	TEST_CASE(create_takes_the_documented_sizes),
	TEST_CASE(create_tail_must_be_zero),
	TEST_CASE(create_ver0_ignores_what_is_behind),
	TEST_CASE(create_ver1_flags_need_ver1),
	TEST_CASE(create_refuses_unknown_and_unserved_flags),
	TEST_CASE(create_refuses_reserved_fields_that_are_set),
	TEST_CASE(create_needs_one_of_fd_and_path),
	TEST_CASE(create_refuses_fds_of_no_executable),
	TEST_CASE(create_refuses_paths_of_no_executable),
	TEST_CASE(create_refuses_files_that_are_no_programs),
	TEST_CASE(create_needs_the_right_to_execute),
	TEST_CASE(create_refuses_a_noexec_mount),
	TEST_CASE(a_file_open_for_writing_is_refused),
	TEST_CASE(create_without_free_fds_fails_with_emfile),
	TEST_CASE(create_checks_in_the_documented_order),
	TEST_CASE(create_cloexec_decides_how_the_fd_is_opened),
	TEST_CASE(search_takes_the_first),
	TEST_CASE(search_empty_element_is_here),
	TEST_CASE(search_takes_relative_directories_and_names),
	TEST_CASE(search_has_a_default_without_path),
	TEST_CASE(search_skips_what_cannot_run),
	TEST_CASE(search_tells_why_nothing_is_found),
	TEST_CASE(search_stops_at_a_script_that_the_flags_refuse),
	TEST_CASE(search_passes_over_a_file_of_no_format),
	TEST_CASE(search_passes_over_what_lacks_an_interpreter),
	TEST_CASE(search_takes_a_script_whose_interpreter_came_back),
	TEST_CASE(spawn_takes_the_documented_sizes),
	TEST_CASE(spawn_tail_must_be_zero),
	TEST_CASE(spawn_ver0_ignores_what_is_behind),
	TEST_CASE(spawn_ver1_flags_need_ver1),
	TEST_CASE(spawn_refuses_unknown_flags),
	TEST_CASE(spawn_refuses_reserved_fields_that_are_set),
	TEST_CASE(spawn_needs_pidfd_and_argv),
	TEST_CASE(the_environment_is_empty_or_the_one_given),
	TEST_CASE(arguments_may_be_empty_strings),
	TEST_CASE(spawn_takes_256_actions_at_most),
	TEST_CASE(unused_fields_of_actions_must_be_zero),
	TEST_CASE(unknown_action_types_are_refused),
	TEST_CASE(bad_fds_in_actions_are_refused),
	TEST_CASE(unknown_action_flags_are_refused),
	TEST_CASE(bad_arguments_of_actions_are_refused),
	TEST_CASE(bad_attributes_are_refused_if_their_flag_is_set),
	TEST_CASE(spawn_tells_a_wrong_fd_before_wrong_flags),
	TEST_CASE(spawn_checks_in_the_documented_order),
	TEST_CASE(a_forked_child_is_refused_before_wrong_flags),
	TEST_CASE(every_other_call_refuses_wrong_fds),
	TEST_CASE(stat_takes_the_documented_sizes),
};
TEST_MAIN(cases)
