/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File systems: where device and inode number do not tell files apart, where the
 * kernel counts no writers, and where something is changed below them. Those on
 * disk are made on the guest's ram disks.
 */
#include "guarding_changes.h"
#include "guarding_fuse.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <linux/fs.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

static int run(char *const argv[])
{
	int status;
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		dup2(CHECK_SYS(open("/dev/null", O_RDWR)), 1);
		dup2(1, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	return status;
}

/* A new folder, maybe below a mount of the case's. */
static char *folder(const char *name)
{
	char *path = test_path("%s", name);

	CHECK_SYS(mkdir(path, 0755));
	return path;
}

/* Mounts of a case are its own: they go when it ends. */
static void own_mounts(void)
{
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void try_mount(const char *from, const char *to, const char *type,
		      const char *options)
{
	if (mount(from, to, type, 0, options))
		TEST_SKIP("no %s here: %s", type, strerror(errno));
}

static char *ext4(const char *device)
{
	char *to = folder("ext4");

	test_need_program("/usr/sbin/mkfs.ext4");
	if (access(device, F_OK))
		TEST_SKIP("there is no %s", device);
	CHECK_EQ(run((char *[]){ "/usr/sbin/mkfs.ext4", "-q", "-F", "-b",
				 "4096", "-O", "^has_journal",
				 (char *)(uintptr_t)device, NULL }),
		 0);
	try_mount(device, to, "ext4", NULL);
	return to;
}

static char *btrfs(const char *device)
{
	char *sums[] = { "crc32c", "sha256", "xxhash", "blake2" };
	char *to = folder("btrfs");

	test_need_program("/usr/sbin/mkfs.btrfs");
	if (access(device, F_OK))
		TEST_SKIP("there is no %s", device);
	/* a kernel may have the sum of the one kind and not of the other */
	for (size_t i = 0; i < TEST_COUNT(sums); i++) {
		CHECK_EQ(run((char *[]){ "/usr/sbin/mkfs.btrfs", "-q", "-f",
					 "--csum", sums[i],
					 (char *)(uintptr_t)device, NULL }),
			 0);
		if (mount(device, to, "btrfs", 0, NULL) == 0)
			return to;
	}
	TEST_SKIP("no btrfs here: %s", strerror(errno));
}

/* ---- all that is tested of any */

static void all_of(const char *path, bool is_overlay)
{
	guard_check_changes(path, is_overlay);
	guard_check_denials(path);
}

static void on_ext4(void)
{
	own_mounts();
	all_of(ext4("/dev/ram0"), false);
}

static void on_btrfs(void)
{
	own_mounts();
	all_of(btrfs("/dev/ram1"), false);
}

/* ---- files that look alike */

/*
 * Two files with the same number on the same device, as the kernel has it: none
 * stands for the other.
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

/* The second word is NULL where there is but one. */
static void subvolume(char *command, char *one, char *two)
{
	CHECK_EQ(run((char *[]){ "/usr/sbin/btrfs", "subvolume", command, one,
				 two, NULL }),
		 0);
}

static void two_subvolumes(void)
{
	char *root, *one, *two;

	own_mounts();
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

/* A snapshot is a file of its own, though it shares all of its bytes. */
static void a_snapshot(void)
{
	char *root, *one, *two;

	own_mounts();
	test_need_program("/usr/sbin/btrfs");
	root = btrfs("/dev/ram2");
	one = test_fmt("%s/one", root);
	two = test_fmt("%s/two", root);
	subvolume("create", one, NULL);
	guard_program(test_fmt("%s/p", one), "tiny-7");
	subvolume("snapshot", one, two);
	check_apart(test_fmt("%s/p", one), test_fmt("%s/p", two), true, true);
}

/* Copied by reference: the copy may be written to, into the original not. */
static void a_reflink(void)
{
	char *root, *path, *copy;
	struct reg r;
	int from, to;

	own_mounts();
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
	/* what is not open for writing is no target */
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
	char *to = folder(name);

	try_mount("overlay", to, "overlay",
		  upper ? test_fmt("xino=off,lowerdir=%s,upperdir=%s,"
				   "workdir=%s",
				   lower, upper, work)
			: test_fmt("xino=off,lowerdir=%s", lower));
	return to;
}

static void on_overlay(void)
{
	own_mounts();
	all_of(overlay("o", folder("lower"), folder("upper"), folder("work")),
	       true);
}

/* A file system of its own, with one file; the numbers are given in order. */
static char *layer(const char *name, const char *file)
{
	char *to = folder(name);

	CHECK_SYS(mount("none", to, "tmpfs", 0, "mode=755"));
	guard_program(test_fmt("%s/%s", to, file), "tiny-7");
	return to;
}

static void two_layers(void)
{
	struct stat a, b;
	char *one, *two, *to;

	own_mounts();
	one = layer("one", "p");
	two = layer("two", "q");
	CHECK_SYS(stat(test_fmt("%s/p", one), &a));
	CHECK_SYS(stat(test_fmt("%s/q", two), &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	to = overlay("o", test_fmt("%s:%s", one, two), NULL, NULL);
	/* the lower layers cannot be written to: neither can be copied up */
	check_apart(test_fmt("%s/p", to), test_fmt("%s/q", to), true, false);
}

/* Over one lower folder: the same number, and each its own. */
static void two_overlays(void)
{
	char *lower, *one, *two;

	own_mounts();
	lower = folder("lower");
	guard_program(test_fmt("%s/p", lower), "tiny-7");
	one = overlay("o", lower, folder("u1"), folder("w1"));
	two = overlay("o2", lower, folder("u2"), folder("w2"));
	check_apart(test_fmt("%s/p", one), test_fmt("%s/p", two), false, true);
}

/* Writing through the overlay copies the file up first: another file then. */
static void copied_up(void)
{
	char *lower, *to, *path;
	struct reg r;

	own_mounts();
	lower = folder("lower");
	guard_program(test_fmt("%s/p", lower), "tiny-7");
	to = overlay("o", lower, folder("upper"), folder("work"));
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
 * What deny-write does not promise there, as the kernel does not for a program
 * that runs: who writes to the layer below, past the overlay.
 */
static void past_the_overlay(void)
{
	char *upper, *to, *path;
	struct reg r;

	own_mounts();
	upper = folder("upper");
	to = overlay("o", folder("lower"), upper, folder("work"));
	path = guard_program(test_fmt("%s/p", to), "tiny-7");
	client_open(&client);
	r = client_template(&client, path, DENY);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(guard_write(test_fmt("%s/p", upper), O_RDWR), 0);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
}

/* ---- below the file system */

/* The device is written to: times say nothing, the first bytes do. */
static void changed_on_the_device(void)
{
	char *path, header[64];
	int fd, device, block = 0;
	struct reg r;

	own_mounts();
	path = guard_program(test_fmt("%s/p", ext4("/dev/ram3")), "tiny-7");
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

/* ---- where no writers are counted */

/* proc, for one: it has regular files, and writers that nobody counts. */
static void deny_write_is_not_to_be_had(void)
{
	struct reg r;

	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open("/proc/self/comm"), DENY,
				 &r),
		 -EOPNOTSUPP);
	CHECK_EQ(client_register(&client, guard_open("/sys/kernel/profiling"),
				 DENY, &r),
		 -EOPNOTSUPP);
	/* and nobody executes it */
	CHECK_EQ(client_register(&client, guard_open("/proc/self/comm"), 0, &r),
		 -EACCES);
}

static void on_fuse(void)
{
	struct stat st;
	struct reg r;
	char *to;

	own_mounts();
	to = folder("fuse");
	CHECK_SYS(stat(test_tool("tiny-7"), &st));
	fuse_serve(to, test_read(test_tool("tiny-7")), (size_t)st.st_size);
	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(test_fmt("%s/p", to)),
				 DENY, &r),
		 -EOPNOTSUPP);
	/* who writes is not known there; who launches is */
	r = client_template(&client, test_fmt("%s/p", to), 0);
	CHECK_EQ(raw_launch(r.fd, r.id), 7);
	CHECK_SYS(umount2(to, MNT_DETACH));
}

static const struct test_case cases[] = {
	{ "ext4: changes and denials", on_ext4, 60 },
	{ "btrfs: changes and denials", on_btrfs, 60 },
	{ "btrfs: two subvolumes with the same numbers", two_subvolumes, 0 },
	{ "btrfs: a snapshot", a_snapshot, 0 },
	{ "btrfs: reflinks", a_reflink, 0 },
	{ "overlay: changes and denials", on_overlay, 60 },
	{ "overlay: two layers with the same numbers", two_layers, 0 },
	{ "overlay: two of the same lower folder", two_overlays, 0 },
	{ "overlay: copied up by a writer", copied_up, 0 },
	{ "overlay: not past it", past_the_overlay, 0 },
	{ "ext4: changed on the device", changed_on_the_device, 0 },
	{ "deny-write where writers are not counted",
	  deny_write_is_not_to_be_had, 0 },
	{ "FUSE: guarded, without deny-write", on_fuse, 0 },
};
GUARD_MAIN(cases)
