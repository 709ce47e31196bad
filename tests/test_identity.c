/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identity: a template launches the file that it was made from, unchanged, or
 * it does not launch, and stat says why. An fd that is no template of this process
 * launches nothing, whatever it refers to.
 *
 * Two programs of the same size stand for "before" and "after": tiny exits with
 * 0, tiny-7 with 7, so a launch tells which of the two has run.
 */
#include "harness.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>

#define BEFORE "tiny"
#define AFTER "tiny-7"

#define ARGV TEST_ARGV("tiny")

/* ---- files and templates ---- */

static char *put(const char *name, const char *tool)
{
	char *path = test_path("%s", name);

	test_copy(test_tool(tool), path, 0755);
	return path;
}

/* New content for the same inode. */
static void write_over(const char *path, const char *tool)
{
	int in = CHECK_SYS(open(test_tool(tool), O_RDONLY | O_CLOEXEC));
	int out = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	char buf[65536];
	ssize_t n = CHECK_SYS(read(in, buf, sizeof(buf)));
	struct stat st;

	CHECK_SYS(fstat(out, &st));
	CHECK_EQ(st.st_size, n);
	CHECK_EQ(write(out, buf, (size_t)n), n);
	CHECK_SYS(close(in));
	CHECK_SYS(close(out));
}

/* Another inode at the same path, by rename. */
static void replace(const char *path, const char *tool)
{
	char *next = test_path("next");

	test_copy(test_tool(tool), next, 0755);
	CHECK_SYS(rename(next, path));
}

static int template_of(const char *path)
{
	return CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static int template_of_fd(int fd)
{
	struct spawn_template_create_args args = {
		.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC,
		.execfd = fd,
	};

	return spawn_template_create(&args, sizeof(args));
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static void check_fresh(int tfd, int status)
{
	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(test_spawn(tfd, ARGV), status);
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_FRESH);
}

/* Every call agrees that the template is stale, and says why. */
static void check_stale(int tfd, uint32_t reason)
{
	struct spawn_template_stat before = stat_of(tfd), after;

	CHECK_EQ(spawn_template_check(tfd), -ESTALE);
	CHECK_EQ(test_spawn(tfd, ARGV), -ESTALE);
	after = stat_of(tfd);
	CHECK_EQ(after.state, SPAWN_TEMPLATE_STATE_STALE);
	CHECK_EQ(after.stale_reason, reason);
	CHECK_EQ(after.stale, before.stale + 1);
	CHECK_EQ(after.cold, before.cold);
	CHECK(test_no_children());
}

/* A template that has launched once already. */
static int launched(const char *path)
{
	int tfd = template_of(path);

	check_fresh(tfd, 0);
	return tfd;
}

/* Only this case sees its mounts. */
static void private_mounts(void)
{
	test_need_root();
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("unshare(CLONE_NEWNS): %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

/* ---- the file ---- */

static void an_unchanged_file_launches_again_and_again(void)
{
	int tfd = template_of(put("prog", BEFORE));

	for (int i = 0; i < 20; i++)
		check_fresh(tfd, 0);
	CHECK_EQ(stat_of(tfd).cold, 20);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_OK(spawn_template_close(tfd));
}

static void a_file_renamed_over_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path), fresh;

	replace(path, AFTER);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
	fresh = template_of(path);
	check_fresh(fresh, 7);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
}

static void the_same_content_renamed_over_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	replace(path, BEFORE);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
}

static void an_unlinked_file_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	CHECK_SYS(unlink(path));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE);
}

static void a_changed_mode_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	CHECK_SYS(chmod(path, 0600));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
	CHECK_SYS(chmod(path, 0711));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_changed_owner_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd;

	test_need_root();
	tfd = launched(path);
	CHECK_SYS(chown(path, 65534, (gid_t)-1));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_file_written_in_place_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	write_over(path, AFTER);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_changed_size_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	CHECK_SYS(truncate(path, 65536));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_write_is_stale_though_mtime_is_restored(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);
	struct timespec times[2];
	struct stat st, now;

	CHECK_SYS(stat(path, &st));
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	write_over(path, AFTER);
	CHECK_SYS(utimensat(AT_FDCWD, path, times, 0));
	CHECK_SYS(stat(path, &now));
	CHECK_EQ(now.st_mtim.tv_sec, st.st_mtim.tv_sec);
	CHECK_EQ(now.st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_changed_mtime_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	CHECK_SYS(utimensat(AT_FDCWD, path, NULL, 0));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

/* ---- ctime alone ---- */

/* A new name changes ctime, as a write would. */
static void an_added_or_removed_hard_link_leaves_a_template_fresh(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);

	CHECK_SYS(link(path, test_path("other")));
	check_fresh(tfd, 0);
	check_fresh(tfd, 0);
	CHECK_SYS(unlink(test_path("other")));
	check_fresh(tfd, 0);
	/* nor does it hide a change */
	write_over(path, AFTER);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_write_is_stale_after_a_change_of_ctime_alone(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);
	struct timespec times[2];
	struct stat st;

	CHECK_SYS(stat(path, &st));
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	CHECK_SYS(link(path, test_path("other")));
	check_fresh(tfd, 0);
	write_over(path, AFTER);
	CHECK_SYS(utimensat(AT_FDCWD, path, times, 0));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

static void a_file_that_cannot_be_read_is_stale_by_ctime_alone(void)
{
	char *path;
	int tfd;

	test_need_root();
	path = put("prog", BEFORE);
	CHECK_SYS(chmod(path, 0111));
	CHECK_SYS(chmod(test_tmpdir(), 0755));
	CHECK_SYS(syscall(SYS_setresuid, 65534, 65534, 65534));
	tfd = launched(path);
	/* every user may do this, which changes only ctime */
	CHECK_SYS(chown(path, -1, -1));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

/* A child that moves the file's ctime all the time, as a user who owns nothing. */
static pid_t mover(const char *path)
{
	int fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	pid_t pid = CHECK_SYS(fork());

	if (pid) {
		CHECK_SYS(close(fd));
		return pid;
	}
	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
	for (;;)
		CHECK_SYS(fchownat(fd, "", -1, -1, AT_EMPTY_PATH));
}

static void launch_while_ctime_moves(uint64_t flags)
{
	char *path = test_copy_probe("moved"), *argv[] = { "probe", NULL };
	int tfd = CHECK_OK(spawn_template_open(
		path, SPAWN_TEMPLATE_CREATE_CLOEXEC | flags));
	struct stat before, after;
	pid_t pid;

	CHECK_SYS(stat(path, &before));
	pid = mover(path);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_SYS(stat(path, &after));
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
	/* it did move */
	CHECK_NE(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_EQ(stat_of(tfd).cold, 200);
}

static void no_launch_fails_while_anybody_moves_ctime(void)
{
	test_need_root();
	launch_while_ctime_moves(0);
	launch_while_ctime_moves(SPAWN_TEMPLATE_CREATE_AUTO_REFRESH);
}

/*
 * The file changes right before and right after the template is made. Two changes
 * within one tick of the file system's clock leave the same ctime, and a template
 * made in between would not see the second.
 */
static void write_after_create(const char *path)
{
	for (int i = 0; i < 150; i++) {
		int tfd;

		write_over(path, BEFORE);
		tfd = template_of(path);
		write_over(path, AFTER);
		CHECK_EQ(test_spawn(tfd, ARGV), -ESTALE);
		CHECK_OK(spawn_template_close(tfd));
	}
}

static void a_write_right_after_create_is_stale(void)
{
	write_after_create(put("prog", BEFORE));
}

/* On ramfs, ctime moves by ticks on every kernel. */
static void a_write_is_stale_where_file_times_are_coarse(void)
{
	char *dir;

	private_mounts();
	dir = test_path("ramfs");
	CHECK_SYS(mkdir(dir, 0755));
	if (mount("none", dir, "ramfs", 0, NULL))
		TEST_SKIP("mount ramfs: %s", strerror(errno));
	write_after_create(put("ramfs/prog", BEFORE));
}

static void a_write_right_after_refresh_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd = template_of(path);

	for (int i = 0; i < 50; i++) {
		write_over(path, BEFORE);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		write_over(path, AFTER);
		CHECK_EQ(test_spawn(tfd, ARGV), -ESTALE);
	}
}

/* ---- the path ---- */

static void a_retargeted_symlink_is_stale(void)
{
	char *path = test_path("link");
	int tfd;

	put("one", BEFORE);
	put("two", AFTER);
	CHECK_SYS(symlink("one", path));
	tfd = launched(path);
	CHECK_SYS(symlink("two", test_path("new")));
	CHECK_SYS(rename(test_path("new"), path));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);

	/* The file itself has not changed, so the template is fresh again. */
	CHECK_SYS(unlink(path));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE);
	CHECK_SYS(symlink("one", path));
	check_fresh(tfd, 0);
}

static void a_swapped_symlink_to_the_directory_is_stale(void)
{
	int tfd;

	CHECK_SYS(mkdir(test_path("v1"), 0755));
	CHECK_SYS(mkdir(test_path("v2"), 0755));
	put("v1/prog", BEFORE);
	put("v2/prog", AFTER);
	CHECK_SYS(symlink("v1", test_path("current")));
	tfd = launched(test_path("current/prog"));
	CHECK_SYS(symlink("v2", test_path("next")));
	CHECK_SYS(rename(test_path("next"), test_path("current")));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
	check_fresh(template_of(test_path("current/prog")), 7);
}

static void a_path_that_does_not_resolve_is_stale(void)
{
	char *dir = test_path("dir");
	int tfd;

	CHECK_SYS(mkdir(dir, 0755));
	tfd = launched(put("dir/prog", BEFORE));

	CHECK_SYS(rename(dir, test_path("away")));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE); /* ENOENT */
	test_write(dir, "", 0644);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE); /* ENOTDIR */
	CHECK_SYS(unlink(dir));
	CHECK_SYS(symlink("dir", dir));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE); /* ELOOP */
	CHECK_SYS(unlink(dir));

	CHECK_SYS(rename(test_path("away"), dir));
	check_fresh(tfd, 0);
}

static void no_search_permission_child(void *arg)
{
	char *dir = arg;
	int tfd;

	if (test_is_root())
		CHECK_SYS(setresuid(65534, 65534, 65534));
	tfd = launched(test_fmt("%s/prog", dir));
	CHECK_SYS(chmod(dir, 0600));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_GONE);
	CHECK_SYS(chmod(dir, 0700));
	check_fresh(tfd, 0);
}

static void a_path_that_may_not_be_searched_is_stale(void)
{
	char *dir = test_path("dir");

	CHECK_SYS(mkdir(dir, 0755));
	put("dir/prog", BEFORE);
	if (test_is_root())
		CHECK_SYS(chown(dir, 65534, 65534));
	test_in_child(no_search_permission_child, dir);
}

static void a_file_bind_mounted_over_is_stale(void)
{
	char *path = put("prog", BEFORE), *other = put("other", AFTER);
	int tfd;

	private_mounts();
	tfd = launched(path);
	CHECK_SYS(mount(other, path, NULL, MS_BIND, NULL));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
	check_fresh(template_of(path), 7);
	CHECK_SYS(umount2(path, MNT_DETACH));
	check_fresh(tfd, 0);
}

/* The new mount may be noexec or nosuid, though the file is the same. */
static void a_file_bind_mounted_over_itself_is_stale(void)
{
	char *path = put("prog", BEFORE);
	int tfd;

	private_mounts();
	tfd = launched(path);
	CHECK_SYS(mount(path, path, NULL, MS_BIND, NULL));
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
	CHECK_SYS(umount2(path, MNT_DETACH));
	check_fresh(tfd, 0);
}

/* ---- refresh ---- */

static void refresh_takes_todays_file(void)
{
	char *path = put("prog", BEFORE);
	int tfd = launched(path);
	struct stat st;

	for (int i = 0; i < 3; i++) {
		replace(path, AFTER);
		check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		check_fresh(tfd, 7);
		write_over(path, BEFORE);
		check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		check_fresh(tfd, 0);
	}
	CHECK_SYS(stat(path, &st));
	CHECK_EQ(stat_of(tfd).key.ino, st.st_ino);
	CHECK_STR(stat_of(tfd).path, path);
}

static void refresh_keeps_the_number_and_cloexec(void)
{
	char *path = put("prog", BEFORE);
	uint64_t flags[] = { 0, SPAWN_TEMPLATE_CREATE_CLOEXEC };

	for (unsigned int i = 0; i < 2; i++) {
		int tfd = CHECK_OK(spawn_template_open(path, flags[i]));
		int fds = test_count_fds();

		CHECK_EQ(fcntl(tfd, F_GETFD), i ? FD_CLOEXEC : 0);
		replace(path, BEFORE);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		CHECK_EQ(fcntl(tfd, F_GETFD), i ? FD_CLOEXEC : 0);
		CHECK_EQ(stat_of(tfd).flags, flags[i]);

		/* The owner has changed FD_CLOEXEC since. */
		CHECK_SYS(fcntl(tfd, F_SETFD, i ? 0 : FD_CLOEXEC));
		replace(path, BEFORE);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		CHECK_EQ(fcntl(tfd, F_GETFD), i ? 0 : FD_CLOEXEC);
		CHECK_EQ(test_count_fds(), fds);
		check_fresh(tfd, 0);
	}
}

static void check_refresh_fails(int tfd, const char *path, int err)
{
	struct spawn_template_stat before = stat_of(tfd), after;
	int fds = test_count_fds();

	CHECK_EQ(spawn_template_refresh(tfd), err);
	after = stat_of(tfd);
	CHECK(!memcmp(&before.key, &after.key, sizeof(after.key)));
	CHECK_STR(after.path, path);
	CHECK_EQ(after.format, before.format);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(fcntl(tfd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(test_spawn(tfd, ARGV), -ESTALE);
}

/* The path leads to files that cannot be launched. */
static void a_failed_refresh_leaves_the_template_as_it_was(void)
{
	char *path = put("prog", BEFORE), *kept = test_path("kept");
	int tfd = launched(path);
	struct stat st;

	CHECK_SYS(stat(path, &st));
	CHECK_SYS(rename(path, kept));
	check_refresh_fails(tfd, path, -ENOENT);
	test_write(path, "text", 0755);
	check_refresh_fails(tfd, path, -ENOEXEC);
	test_copy(test_tool(AFTER), path, 0644);
	check_refresh_fails(tfd, path, -EACCES);
	CHECK_SYS(unlink(path));
	CHECK_SYS(mkdir(path, 0755));
	check_refresh_fails(tfd, path, -EACCES);
	CHECK_SYS(rmdir(path));

	CHECK_EQ(stat_of(tfd).key.ino, st.st_ino);
	CHECK_SYS(rename(kept, path));
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	check_fresh(tfd, 0);
}

static void auto_refresh_launches_todays_file(void)
{
	char *path = put("prog", BEFORE);
	int tfd = CHECK_OK(spawn_template_open(
		path, SPAWN_TEMPLATE_CREATE_CLOEXEC |
			      SPAWN_TEMPLATE_CREATE_AUTO_REFRESH));
	int fds = test_count_fds();

	check_fresh(tfd, 0);
	replace(path, AFTER);
	CHECK_EQ(spawn_template_check(tfd), -ESTALE); /* does not refresh */
	CHECK_EQ(test_spawn(tfd, ARGV), 7);
	check_fresh(tfd, 7);
	write_over(path, BEFORE);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_EQ(stat_of(tfd).cold, 4);
	CHECK_EQ(fcntl(tfd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(test_count_fds(), fds);
}

static void auto_refresh_that_fails_launches_nothing(void)
{
	char *path = put("prog", BEFORE);
	int tfd = CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_AUTO_REFRESH));

	check_fresh(tfd, 0);
	CHECK_SYS(unlink(path));
	CHECK_LT(test_spawn(tfd, ARGV), 0);
	test_write(path, "text", 0755);
	CHECK_LT(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(stat_of(tfd).cold, 1);
	CHECK(test_no_children());

	replace(path, AFTER);
	CHECK_EQ(test_spawn(tfd, ARGV), 7);
}

/* ---- templates of an fd ---- */

static void a_template_of_an_fd_is_not_tied_to_a_path(void)
{
	char *dir = test_path("dir"), *path;
	int fd, tfd, by_path;

	CHECK_SYS(mkdir(dir, 0755));
	path = put("dir/prog", BEFORE);
	fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	tfd = CHECK_OK(template_of_fd(fd));
	CHECK_SYS(close(fd));
	by_path = launched(path);
	CHECK_STR(stat_of(tfd).path, "");
	check_fresh(tfd, 0);

	CHECK_SYS(rename(dir, test_path("away")));
	CHECK_SYS(mkdir(dir, 0755));
	put("dir/prog", AFTER);
	check_fresh(tfd, 0);
	check_stale(by_path, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
}

static void a_template_of_an_fd_sees_a_change(void)
{
	char *path = put("prog", BEFORE);
	int fd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	int tfd = CHECK_OK(template_of_fd(fd));

	CHECK_SYS(close(fd));
	check_fresh(tfd, 0);
	write_over(path, AFTER);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	check_fresh(tfd, 7);

	/* The file without a name has another ctime, and the same content. */
	CHECK_SYS(unlink(path));
	check_fresh(tfd, 7);
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	check_fresh(tfd, 7);
}

/* A memfd has no path, and exec does not keep its writer out. */
static void a_template_of_a_memfd_sees_a_write(void)
{
	int in = CHECK_SYS(open(test_tool(BEFORE), O_RDONLY | O_CLOEXEC));
	int mem =
		(int)CHECK_SYS(syscall(SYS_memfd_create, "prog", MFD_CLOEXEC));
	char buf[65536];
	ssize_t n = CHECK_SYS(read(in, buf, sizeof(buf)));
	int tfd;

	CHECK_SYS(close(in));
	CHECK_EQ(write(mem, buf, (size_t)n), n);
	tfd = CHECK_OK(template_of_fd(mem));
	check_fresh(tfd, 0);
	CHECK_EQ(pwrite(mem, buf, 1, 0), 1);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
	CHECK_SYS(close(mem));
	CHECK_EQ(spawn_template_refresh(tfd), 0);
	check_fresh(tfd, 0);
}

static void create_neither_touches_nor_keeps_the_fd(void)
{
	int fd = CHECK_SYS(open(put("prog", BEFORE), O_RDONLY));
	int tfd;

	CHECK_SYS(lseek(fd, 100, SEEK_SET));
	tfd = CHECK_OK(template_of_fd(fd));
	CHECK_NE(tfd, fd);
	check_fresh(tfd, 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 100);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK(fcntl(tfd, F_GETFL) & O_PATH);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_SYS(fcntl(fd, F_GETFD));
}

static void a_template_may_be_made_from_a_template(void)
{
	char *path = put("prog", BEFORE);
	int by_path = template_of(path);
	int one = CHECK_OK(template_of_fd(by_path));
	int two = CHECK_OK(template_of_fd(one));

	check_fresh(one, 0);
	CHECK_OK(spawn_template_close(by_path));
	CHECK_SYS(close(one));
	check_fresh(two, 0);
	write_over(path, AFTER);
	check_stale(two, SPAWN_TEMPLATE_STALE_FILE_CHANGED);
}

/* ---- the fd number ---- */

static void dups_of_a_template_launch(void)
{
	int tfd = template_of(put("prog", BEFORE));
	int one = CHECK_SYS(dup(tfd));
	int two = CHECK_SYS(fcntl(tfd, F_DUPFD_CLOEXEC, 200));

	check_fresh(one, 0);
	check_fresh(two, 0);
	CHECK_SYS(close(tfd));
	check_fresh(one, 0);
	CHECK_SYS(dup2(two, tfd));
	check_fresh(tfd, 0);
}

static void a_dup_is_stale_with_its_template(void)
{
	char *path = put("prog", BEFORE);
	int tfd = template_of(path), dup_fd = CHECK_SYS(dup(tfd));

	replace(path, AFTER);
	check_stale(dup_fd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
	check_stale(tfd, SPAWN_TEMPLATE_STALE_PATH_REPLACED);
}

/* Every call gives the same error for an fd that is no template. */
static void check_no_template(int fd, int err)
{
	struct spawn_template_stat st;
	int fds = test_count_fds();

	memset(&st, 0x5a, sizeof(st));
	CHECK_EQ(test_spawn(fd, ARGV), err);
	CHECK_EQ(spawn_template_check(fd), err);
	CHECK_EQ(spawn_template_refresh(fd), err);
	CHECK_EQ(spawn_template_stat(fd, &st, sizeof(st)), err);
	CHECK_EQ(st.flags, 0x5a5a5a5a5a5a5a5aULL);
	CHECK_EQ(st.path[0], 0x5a);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void a_closed_template_is_ebadf_and_its_dup_eacces(void)
{
	int tfd = template_of(put("prog", BEFORE));
	int dup_fd = CHECK_SYS(dup(tfd));

	CHECK_OK(spawn_template_close(tfd));
	check_no_template(tfd, -EBADF);
	CHECK_EQ(spawn_template_close(tfd), -EBADF);
	check_no_template(dup_fd, -EACCES);
	CHECK_EQ(spawn_template_close(dup_fd), -EINVAL);
	CHECK_SYS(fcntl(dup_fd, F_GETFD));
	check_no_template(-1, -EBADF);
	check_no_template(12345, -EBADF);
}

/* An open file is no template, also where a template has the same file. */
static void close_refuses_a_file_that_is_open_for_reading(void)
{
	char *path = put("prog", BEFORE);
	int fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	int tfd = template_of(path);

	CHECK_EQ(spawn_template_close(fd), -EINVAL);
	CHECK_SYS(fcntl(fd, F_GETFD));
	CHECK_SYS(close(tfd));
	CHECK_EQ(spawn_template_close(fd), -EINVAL);
	CHECK_SYS(fcntl(fd, F_GETFD));
}

/* The template's number is closed by close(2) and stands for another file then. */
static void check_reused(int fd, int err)
{
	int tfd = template_of(put("prog", BEFORE));

	check_fresh(tfd, 0);
	CHECK_SYS(close(tfd));
	check_no_template(tfd, -EBADF);
	CHECK_SYS(dup2(fd, tfd));
	check_no_template(tfd, err);
	CHECK_EQ(spawn_template_close(tfd), -EINVAL);
	CHECK_SYS(fcntl(tfd, F_GETFD));
	CHECK_SYS(close(tfd));
	CHECK_SYS(close(fd));
}

static void a_number_reused_by_an_executable_is_eacces(void)
{
	char *other = put("other", AFTER);

	check_reused(CHECK_SYS(open(other, O_PATH | O_CLOEXEC)), -EACCES);
	check_reused(CHECK_SYS(open(other, O_RDONLY | O_CLOEXEC)), -EACCES);
}

static void a_number_reused_by_no_executable_is_einval(void)
{
	int fds[2];

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	check_reused(fds[0], -EINVAL);
	CHECK_SYS(close(fds[1]));
	check_reused(CHECK_SYS(open("/", O_RDONLY | O_CLOEXEC)), -EINVAL);
	check_reused(CHECK_SYS(open("/", O_PATH | O_CLOEXEC)), -EINVAL);
	check_reused(CHECK_SYS(open("/dev/null", O_RDWR)), -EINVAL);
	check_reused(CHECK_SYS(socket(AF_UNIX, SOCK_STREAM, 0)), -EINVAL);
	test_write(test_path("text"), "text", 0644);
	check_reused(CHECK_SYS(open(test_path("text"), O_RDONLY)), -EINVAL);
}

static void an_fd_that_never_was_a_template_is_refused(void)
{
	char *path = put("prog", BEFORE);

	/* This process has made no template yet. */
	check_no_template(CHECK_SYS(open(path, O_PATH)), -EACCES);
	check_no_template(CHECK_SYS(open("/dev/null", O_RDWR)), -EINVAL);
	check_no_template(500, -EBADF);
	CHECK_EQ(spawn_template_close(500), -EBADF);
}

static void a_number_reused_by_a_template_is_that_template(void)
{
	int tfd = template_of(put("one", BEFORE)), other;

	check_fresh(tfd, 0);
	CHECK_SYS(close(tfd));
	other = template_of(put("two", AFTER));
	CHECK_EQ(other, tfd);
	check_fresh(other, 7);
	CHECK_EQ(stat_of(other).cold, 1);
}

/* ---- other processes, other ids ---- */

static void send_fd(int sock, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	CHECK_EQ(recvmsg(sock, &msg, 0), 1);
	CHECK(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void receiver(int sock)
{
	int fd = receive_fd(sock), own;

	check_no_template(fd, -EACCES);
	own = CHECK_OK(template_of_fd(fd));
	check_fresh(own, 0);

	/* The process has had a template of the same file by now. */
	CHECK_OK(spawn_template_close(own));
	check_no_template(fd, -EACCES);
	CHECK_SYS(write(sock, "", 1));
}

/* The receiver was forked before the library was used here. */
static void a_template_sent_to_a_process_is_refused_there(void)
{
	int sock[2], status, tfd;
	pid_t pid;
	char byte;

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	pid = CHECK_SYS(fork());
	if (!pid) {
		CHECK_SYS(close(sock[0]));
		receiver(sock[1]);
		_exit(0);
	}
	CHECK_SYS(close(sock[1]));
	tfd = template_of(put("prog", BEFORE));
	send_fd(sock[0], tfd);
	CHECK_EQ(read(sock[0], &byte, 1), 1);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 0);
	check_fresh(tfd, 0);
}

/* The received descriptor is a dup of the one that was sent. */
static void a_template_sent_to_oneself_launches(void)
{
	int sock[2], tfd = template_of(put("prog", BEFORE));

	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	send_fd(sock[0], tfd);
	check_fresh(receive_fd(sock[1]), 0);
}

struct ids {
	uid_t uid[3];
	gid_t gid[3];
};

static void ids_child(void *arg)
{
	const struct ids *ids = arg;
	int tfd = template_of(test_path("prog"));

	check_fresh(tfd, 0);
	CHECK_SYS(
		syscall(SYS_setresgid, ids->gid[0], ids->gid[1], ids->gid[2]));
	CHECK_SYS(
		syscall(SYS_setresuid, ids->uid[0], ids->uid[1], ids->uid[2]));
	check_no_template(tfd, -EACCES);

	/* A template that is made under the new ids launches. */
	check_fresh(template_of(test_path("prog")), 0);
	check_fresh(CHECK_OK(template_of_fd(tfd)), 0);
}

static void a_template_is_refused_after_a_change_of_any_id(void)
{
	const uid_t no = (uid_t)-1, n = 65534;
	struct ids all[] = {
		{ { n, n, n }, { no, no, no } },
		{ { n, no, no }, { no, no, no } },
		{ { no, n, no }, { no, no, no } },
		{ { no, no, n }, { no, no, no } },
		{ { no, no, no }, { n, no, no } },
		{ { no, no, no }, { no, n, no } },
		{ { no, no, no }, { no, no, n } },
	};

	test_need_root();
	put("prog", BEFORE);
	for (size_t i = 0; i < TEST_COUNT(all); i++)
		test_in_child(ids_child, &all[i]);
}

static const struct test_case cases[] = {
	TEST_CASE(an_unchanged_file_launches_again_and_again),
	TEST_CASE(a_file_renamed_over_is_stale),
	TEST_CASE(the_same_content_renamed_over_is_stale),
	TEST_CASE(an_unlinked_file_is_stale),
	TEST_CASE(a_changed_mode_is_stale),
	TEST_CASE(a_changed_owner_is_stale),
	TEST_CASE(a_file_written_in_place_is_stale),
	TEST_CASE(a_changed_size_is_stale),
	TEST_CASE(a_write_is_stale_though_mtime_is_restored),
	TEST_CASE(a_changed_mtime_is_stale),
	TEST_CASE(an_added_or_removed_hard_link_leaves_a_template_fresh),
	TEST_CASE(a_write_is_stale_after_a_change_of_ctime_alone),
	TEST_CASE(a_file_that_cannot_be_read_is_stale_by_ctime_alone),
	TEST_CASE_SECONDS(no_launch_fails_while_anybody_moves_ctime, 60),
	TEST_CASE(a_write_right_after_create_is_stale),
	TEST_CASE(a_write_is_stale_where_file_times_are_coarse),
	TEST_CASE(a_write_right_after_refresh_is_stale),
	TEST_CASE(a_retargeted_symlink_is_stale),
	TEST_CASE(a_swapped_symlink_to_the_directory_is_stale),
	TEST_CASE(a_path_that_does_not_resolve_is_stale),
	TEST_CASE(a_path_that_may_not_be_searched_is_stale),
	TEST_CASE(a_file_bind_mounted_over_is_stale),
	TEST_CASE(a_file_bind_mounted_over_itself_is_stale),
	TEST_CASE(refresh_takes_todays_file),
	TEST_CASE(refresh_keeps_the_number_and_cloexec),
	TEST_CASE(a_failed_refresh_leaves_the_template_as_it_was),
	TEST_CASE(auto_refresh_launches_todays_file),
	TEST_CASE(auto_refresh_that_fails_launches_nothing),
	TEST_CASE(a_template_of_an_fd_is_not_tied_to_a_path),
	TEST_CASE(a_template_of_an_fd_sees_a_change),
	TEST_CASE(a_template_of_a_memfd_sees_a_write),
	TEST_CASE(create_neither_touches_nor_keeps_the_fd),
	TEST_CASE(a_template_may_be_made_from_a_template),
	TEST_CASE(dups_of_a_template_launch),
	TEST_CASE(a_dup_is_stale_with_its_template),
	TEST_CASE(a_closed_template_is_ebadf_and_its_dup_eacces),
	TEST_CASE(close_refuses_a_file_that_is_open_for_reading),
	TEST_CASE(a_number_reused_by_an_executable_is_eacces),
	TEST_CASE(a_number_reused_by_no_executable_is_einval),
	TEST_CASE(a_number_reused_by_a_template_is_that_template),
	TEST_CASE(an_fd_that_never_was_a_template_is_refused),
	TEST_CASE(a_template_sent_to_a_process_is_refused_there),
	TEST_CASE(a_template_sent_to_oneself_launches),
	TEST_CASE(a_template_is_refused_after_a_change_of_any_id),
};
TEST_MAIN(cases)
