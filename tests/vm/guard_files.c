/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File systems: some have files with the same device and inode number, some have
 * writers that the kernel does not count, and some can be changed from below. The
 * guest's ram disks hold those that need a disk.
 */
#include "guarding_changes.h"
#include "guarding_disk.h"
#include "guarding_fuse.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <linux/fs.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static char *btrfs(const char *device)
{
	char *sums[] = { "crc32c", "sha256", "xxhash", "blake2" };
	char *to = guard_folder("btrfs");

	test_need_program("/usr/sbin/mkfs.btrfs");
	if (access(device, F_OK))
		TEST_SKIP("there is no %s", device);
	/* a kernel may lack some kinds of checksums */
	for (size_t i = 0; i < TEST_COUNT(sums); i++) {
		CHECK_EQ(guard_command((char *[]){
				 "/usr/sbin/mkfs.btrfs", "-q", "-f", "--csum",
				 sums[i], (char *)(uintptr_t)device, NULL }),
			 0);
		if (mount(device, to, "btrfs", 0, NULL) == 0)
			return to;
	}
	TEST_SKIP("no btrfs here: %s", strerror(errno));
}

/* ---- each file system */

static void all_of(const char *path)
{
	guard_check_changes(path);
	guard_check_denials(path);
}

static void changes_and_writes_are_noticed_on_ext4(void)
{
	guard_own_mounts();
	all_of(guard_ext4("/dev/ram0"));
}

static void changes_and_writes_are_noticed_on_btrfs(void)
{
	guard_own_mounts();
	all_of(btrfs("/dev/ram1"));
}

/* ---- files that look alike */

/*
 * Two files have the same number on the same device in the kernel: neither stands
 * for the other.
 */
static void check_apart(const char *one, const char *two, bool same_numbers,
			bool writable)
{
	struct st_msg_item a_item, b_item;
	struct reg a, b;

	client_open(&client);
	a = client_template(&client, one, DENY);
	b = client_template(&client, two, 0);
	a_item = client_item(&client, a.id);
	b_item = client_item(&client, b.id);
	test_note("%u:%u %llu and %u:%u %llu", a_item.dev_major,
		  a_item.dev_minor, (unsigned long long)a_item.ino,
		  b_item.dev_major, b_item.dev_minor,
		  (unsigned long long)b_item.ino);
	if (same_numbers) {
		CHECK_EQ(a_item.ino, b_item.ino);
		CHECK_EQ(a_item.dev_major, b_item.dev_major);
		CHECK_EQ(a_item.dev_minor, b_item.dev_minor);
	}
	CHECK_NE(map_template(a.id).exec.inode, map_template(b.id).exec.inode);
	CHECK_EQ(raw_launch(b.fd, a.id), -ESTALE);
	CHECK_EQ(raw_launch(a.fd, b.id), -ESTALE);
	CHECK_EQ(client_item(&client, a.id).last_why, WHY_FILE);
	CHECK_EQ(raw_launch(a.fd, a.id), 7);
	CHECK_EQ(raw_launch(b.fd, b.id), 7);
	if (!writable)
		return;
	/* writing to one is denied, to the other it is not */
	CHECK_EQ(guard_write(one, O_RDWR), -ETXTBSY);
	CHECK_EQ(guard_write(two, O_RDWR), 0);
	CHECK(client_fresh(&client, &a) && !client_fresh(&client, &b));
	CHECK_EQ(raw_launch(a.fd, a.id), 7);
	CHECK_EQ(raw_launch(b.fd, b.id), -ESTALE);
}

/* Runs a command with one path or two; `two` may be NULL. */
static void subvolume(char *command, char *one, char *two)
{
	CHECK_EQ(guard_command((char *[]){ "/usr/sbin/btrfs", "subvolume",
					   command, one, two, NULL }),
		 0);
}

static void subvolumes_with_the_same_numbers_are_told_apart(void)
{
	char *root, *one, *two;

	guard_own_mounts();
	test_need_program("/usr/sbin/btrfs");
	root = btrfs("/dev/ram2");
	one = test_fmt("%s/one", root);
	two = test_fmt("%s/two", root);
	subvolume("create", one, NULL);
	subvolume("create", two, NULL);
	one = guard_program(test_fmt("%s/p", one), "tiny-7");
	two = guard_program(test_fmt("%s/p", two), "tiny-7");
	check_apart(one, two, true, true);
}

/* The snapshot shares all bytes of the file. */
static void a_snapshot_is_told_apart_from_its_origin(void)
{
	char *root, *one, *two;

	guard_own_mounts();
	test_need_program("/usr/sbin/btrfs");
	root = btrfs("/dev/ram2");
	one = test_fmt("%s/one", root);
	two = test_fmt("%s/two", root);
	subvolume("create", one, NULL);
	guard_program(test_fmt("%s/p", one), "tiny-7");
	subvolume("snapshot", one, two);
	check_apart(test_fmt("%s/p", one), test_fmt("%s/p", two), true, true);
}

/* The copy shares the bytes of the file: only the copy may be written to. */
static void a_reflink_is_a_file_of_its_own(void)
{
	char *root, *path, *copy;
	struct reg r;
	int from, to;

	guard_own_mounts();
	root = btrfs("/dev/ram2");
	path = guard_program(test_fmt("%s/p", root), "tiny-7");
	copy = test_fmt("%s/q", root);
	client_open(&client);
	r = client_template(&client, path, DENY);
	from = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	to = CHECK_SYS(open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0755));
	if (ioctl(to, FICLONE, from))
		TEST_SKIP("no reflink here: %s", strerror(errno));
	guard_overwrite(to);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	/* a file that is not open for writing is no target */
	CHECK_EQ(ioctl(from, FICLONE, to), -1);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_SYS(close(r.fd));
	r = client_template(&client, path, 0);
	CHECK_SYS(close(from));
	from = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	CHECK_SYS(ioctl(from, FICLONE, to));
	CHECK_SYS(close(from));
	CHECK(!client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
}

/* ---- overlays */

static char *overlay(const char *name, const char *lower, const char *upper,
		     const char *work)
{
	char *to = guard_folder(name);

	guard_mount("overlay", to, "overlay",
		    upper ? test_fmt("xino=off,lowerdir=%s,upperdir=%s,"
				     "workdir=%s",
				     lower, upper, work)
			  : test_fmt("xino=off,lowerdir=%s", lower));
	return to;
}

static void changes_and_writes_are_noticed_on_overlay(void)
{
	guard_own_mounts();
	all_of(overlay("o", guard_folder("lower"), guard_folder("upper"),
		       guard_folder("work")));
}

/* Makes a file system with one file, whose number is the first one. */
static char *layer(const char *name, const char *file)
{
	char *to = guard_folder(name);

	CHECK_SYS(mount("none", to, "tmpfs", 0, "mode=755"));
	guard_program(test_fmt("%s/%s", to, file), "tiny-7");
	return to;
}

static void layers_with_the_same_numbers_are_told_apart(void)
{
	struct stat a, b;
	char *one, *two, *to;

	guard_own_mounts();
	one = layer("one", "p");
	two = layer("two", "q");
	CHECK_SYS(stat(test_fmt("%s/p", one), &a));
	CHECK_SYS(stat(test_fmt("%s/q", two), &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	to = overlay("o", test_fmt("%s:%s", one, two), NULL, NULL);
	/* the lower layers cannot be written to: neither can be copied up */
	check_apart(test_fmt("%s/p", to), test_fmt("%s/q", to), true, false);
}

/* The overlays share a lower folder, and the file has the same number in both. */
static void overlays_of_one_folder_are_told_apart(void)
{
	char *lower, *one, *two;

	guard_own_mounts();
	lower = guard_folder("lower");
	guard_program(test_fmt("%s/p", lower), "tiny-7");
	one = overlay("o", lower, guard_folder("u1"), guard_folder("w1"));
	two = overlay("o2", lower, guard_folder("u2"), guard_folder("w2"));
	check_apart(test_fmt("%s/p", one), test_fmt("%s/p", two), false, true);
}

/* A write through the overlay copies the file up, which makes another file. */
static void a_copy_up_makes_the_template_stale(void)
{
	char *lower, *to, *path;
	struct reg r;

	guard_own_mounts();
	lower = guard_folder("lower");
	guard_program(test_fmt("%s/p", lower), "tiny-7");
	to = overlay("o", lower, guard_folder("upper"), guard_folder("work"));
	path = test_fmt("%s/p", to);
	client_open(&client);
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	CHECK(!client_fresh(&client, &r));
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	CHECK_EQ(raw_launch_path(path, r.id), -ESTALE);
}

/*
 * The layer below the overlay can still be written to: deny-write does not promise
 * more than the kernel does for a running program.
 */
static void a_write_below_the_overlay_is_not_denied(void)
{
	char *upper, *to, *path;
	struct reg r;

	guard_own_mounts();
	upper = guard_folder("upper");
	to = overlay("o", guard_folder("lower"), upper, guard_folder("work"));
	path = guard_program(test_fmt("%s/p", to), "tiny-7");
	client_open(&client);
	r = client_template(&client, path, DENY);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(guard_write(test_fmt("%s/p", upper), O_RDWR), 0);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* ---- below the file system */

/* The write to the device shows in the first bytes only, not in the times. */
static void a_change_on_the_device_is_stale(void)
{
	char *path, header[64];
	int fd, device, block = 0;
	struct reg r;

	guard_own_mounts();
	path = guard_program(test_fmt("%s/p", guard_ext4("/dev/ram3")),
			     "tiny-7");
	client_open(&client);
	r = client_template(&client, path, 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_SYS(fsync(fd));
	CHECK_EQ(pread(fd, header, sizeof(header), 0), sizeof(header));
	CHECK_SYS(ioctl(fd, FIBMAP, &block));
	CHECK_GT(block, 0);
	CHECK_SYS(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	header[15] ^= 1;
	device = CHECK_SYS(open("/dev/ram3", O_WRONLY | O_CLOEXEC));
	CHECK_EQ(pwrite(device, header, sizeof(header), (off_t)block * 4096),
		 sizeof(header));
	CHECK_SYS(fsync(device));
	CHECK_SYS(close(device));
	CHECK_SYS(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
	    header[15] == test_read(test_tool("tiny-7"))[15])
		TEST_SKIP("the file's pages stay in the cache");
	CHECK_EQ(raw_launch(r.fd, r.id), -ESTALE);
	CHECK_EQ(client_item(&client, r.id).last_why, WHY_HEADER);
	CHECK_EQ(client_item(&client, r.id).why, WHY_HEADER);
	CHECK(!client_fresh(&client, &r));
}

/* ---- file systems that count no writers */

/* proc and sysfs have regular files, and do not count their writers. */
static void deny_write_is_refused_where_writers_are_not_counted(void)
{
	struct reg r;

	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open("/proc/self/comm"), DENY,
				 &r),
		 -EOPNOTSUPP);
	CHECK_EQ(client_register(&client, guard_open("/sys/kernel/profiling"),
				 DENY, &r),
		 -EOPNOTSUPP);
	/* nobody may execute it, either */
	CHECK_EQ(client_register(&client, guard_open("/proc/self/comm"), 0, &r),
		 -EACCES);
}

static void fuse_is_guarded_without_deny_write(void)
{
	struct stat st;
	struct reg r;
	char *to;

	guard_own_mounts();
	to = guard_folder("fuse");
	CHECK_SYS(stat(test_tool("tiny-7"), &st));
	fuse_serve(to, test_read(test_tool("tiny-7")), (size_t)st.st_size);
	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(test_fmt("%s/p", to)),
				 DENY, &r),
		 -EOPNOTSUPP);
	/* a plain template is guarded there */
	r = client_template(&client, test_fmt("%s/p", to), 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_SYS(umount2(to, MNT_DETACH));
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(changes_and_writes_are_noticed_on_ext4, 60),
	TEST_CASE_SECONDS(changes_and_writes_are_noticed_on_btrfs, 60),
	TEST_CASE(subvolumes_with_the_same_numbers_are_told_apart),
	TEST_CASE(a_snapshot_is_told_apart_from_its_origin),
	TEST_CASE(a_reflink_is_a_file_of_its_own),
	TEST_CASE_SECONDS(changes_and_writes_are_noticed_on_overlay, 60),
	TEST_CASE(layers_with_the_same_numbers_are_told_apart),
	TEST_CASE(overlays_of_one_folder_are_told_apart),
	TEST_CASE(a_copy_up_makes_the_template_stale),
	TEST_CASE(a_write_below_the_overlay_is_not_denied),
	TEST_CASE(a_change_on_the_device_is_stale),
	TEST_CASE(deny_write_is_refused_where_writers_are_not_counted),
	TEST_CASE(fuse_is_guarded_without_deny_write),
};
GUARD_MAIN(cases)
