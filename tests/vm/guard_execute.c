/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The right to deny writes: nobody has it who may not execute the file, whether the
 * mode, an access list, the mount or the file system forbids that.
 */
#include "guarding_disk.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <linux/mount.h>
#include <spawn_template.h>

#define DENY ST_REGISTER_DENY_WRITE

static struct client client;

struct question {
	const char *path;
	uid_t uid;
	bool may;		/* execute the file: access(2) */
	int plain, deny;	/* the answers to REGISTER */
};

static void become(uid_t uid)
{
	gid_t group = 990;	/* spawn-template */

	CHECK_SYS(setgroups(1, &group));
	CHECK_SYS(setresgid(uid, uid, uid));
	CHECK_SYS(setresuid(uid, uid, uid));
}

static void ask_in_child(void *arg)
{
	const struct question *q = arg;
	struct reg r;

	if (q->uid)
		become(q->uid);
	test_doing("user %u", q->uid);
	CHECK_EQ(access(q->path, X_OK) == 0, q->may);
	client_open(&client);
	CHECK_EQ(client_register(&client, guard_open(q->path), 0, &r),
		 q->plain);
	CHECK_EQ(client_register(&client, guard_open(q->path), DENY, &r),
		 q->deny);
}

static void ask(const char *path, uid_t uid, bool may, int plain, int deny)
{
	struct question q = { path, uid, may, plain, deny };

	test_in_child(ask_in_child, &q);
	/* whatever it denied has ended with it */
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
	guard_tick();
}

/* ---- access lists */

struct acl_entry {
	uint16_t tag, rights;
	uint32_t id;
};

/* Forbids Bob to execute the file, and allows everybody else to. */
static void forbid_to_bob(const char *path)
{
	struct {
		uint32_t version;
		struct acl_entry entries[5];
	} acl = { 2,
		  { { 0x01, 7, ~0U },	/* the owner */
		    { 0x02, 0, BOB },
		    { 0x04, 5, ~0U },	/* the group */
		    { 0x10, 5, ~0U },	/* the mask */
		    { 0x20, 5, ~0U } } };

	CHECK_SYS(setxattr(path, "system.posix_acl_access", &acl, sizeof(acl),
			   0));
	guard_tick();
}

static void check_list(char *path)
{
	ask(path, BOB, true, 0, 0);
	forbid_to_bob(path);
	ask(path, BOB, false, 0, -EACCES);
	/* she may, but the programs do not read lists */
	ask(path, ALICE, true, 0, -EACCES);
	ask(path, 0, true, 0, 0);
	CHECK_SYS(chown(path, BOB, 0));
	guard_tick();
	ask(path, BOB, true, 0, 0);
	CHECK_SYS(removexattr(path, "system.posix_acl_access"));
	guard_tick();
	ask(path, ALICE, true, 0, 0);
}

static void a_list_leaves_deny_write_to_owner_and_root(void)
{
	check_list(guard_program(test_path("p"), "tiny-7"));
}

/* The list is not known there before somebody has asked for it. */
static void a_list_on_ext4_counts_when_it_is_known(void)
{
	guard_own_mounts();
	check_list(guard_program(test_fmt("%s/p", guard_ext4("/dev/ram0")),
				 "tiny-7"));
}

static void open_unasked(void *arg)
{
	struct reg r;

	become(BOB);
	client_open(&client);
	/* newer kernels know when they read the inode: then it is 0 */
	test_note("unasked: %d",
		  client_register(&client, guard_open(arg), DENY, &r));
	CHECK_OK(spawn_template_open(arg,
				     SPAWN_TEMPLATE_CREATE_CLOEXEC |
					     SPAWN_TEMPLATE_CREATE_DENY_WRITE));
}

static void the_library_makes_the_list_known(void)
{
	char *disk, *path;

	guard_own_mounts();
	disk = guard_ext4("/dev/ram0");
	path = guard_program(test_fmt("%s/p", disk), "tiny-7");
	/* forget the inode, which its maker knows to have none */
	CHECK_SYS(umount(disk));
	guard_mount("/dev/ram0", disk, "ext4", NULL);
	test_in_child(open_unasked, path);
}

/* An overlay's inode does not tell whether there is a list. */
static void overlays_leave_deny_write_to_owner_and_root(void)
{
	char *to, *path;

	guard_own_mounts();
	to = guard_folder("o");
	guard_mount("overlay", to, "overlay",
		    test_fmt("lowerdir=%s,upperdir=%s,workdir=%s",
			     guard_folder("lower"), guard_folder("upper"),
			     guard_folder("work")));
	path = guard_program(test_fmt("%s/p", to), "tiny-7");
	ask(path, ALICE, true, 0, -EACCES);
	ask(path, 0, true, 0, 0);
	CHECK_SYS(chown(path, ALICE, 0));
	guard_tick();
	ask(path, ALICE, true, 0, 0);
}

/* ---- where nobody executes anything */

static void nothing_is_registered_on_a_noexec_mount(void)
{
	char *dir = guard_folder("m"), *path;

	guard_own_mounts();
	CHECK_SYS(mount("none", dir, "tmpfs", MS_NOEXEC, NULL));
	path = guard_program(test_fmt("%s/p", dir), "tiny-7");
	ask(path, BOB, false, -EACCES, -EACCES);
	ask(path, 0, false, -EACCES, -EACCES);
	CHECK_SYS(mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND, NULL));
	ask(path, BOB, true, 0, 0);
}

static void nothing_is_registered_on_a_noexec_file_system(void)
{
	char *path = "/sys/kernel/profiling";
	struct stat st;
	struct reg r;

	CHECK_SYS(stat(path, &st));
	CHECK_SYS(chmod(path, 0755));
	client_open(&client);
	CHECK_EQ(access(path, X_OK), -1);
	CHECK_EQ(client_register(&client, guard_open(path), 0, &r), -EACCES);
	CHECK_SYS(chmod(path, st.st_mode & 07777));
}

/* ---- mounts with other owners */

static void wait_in_namespace(void *arg)
{
	int *fds = arg;
	char c;

	CHECK_SYS(unshare(CLONE_NEWUSER));
	CHECK_EQ(write(fds[1], "", 1), 1);
	close(fds[3]);
	CHECK_EQ(read(fds[2], &c, 1), 0);
}

static void write_map(pid_t pid, const char *name, const char *text)
{
	int fd = CHECK_SYS(
		open(test_fmt("/proc/%d/%s", pid, name), O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_SYS(close(fd));
}

/* Return: a user namespace with this map of users and groups. */
static int user_namespace(const char *map)
{
	int fds[4], ns;
	pid_t pid;
	char c;

	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	CHECK_SYS(pipe2(fds + 2, O_CLOEXEC));
	pid = guard_child(wait_in_namespace, fds);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	write_map(pid, "uid_map", map);
	write_map(pid, "gid_map", map);
	ns = CHECK_SYS(
		open(test_fmt("/proc/%d/ns/user", pid), O_RDONLY | O_CLOEXEC));
	CHECK_SYS(close(fds[3]));
	guard_wait(pid);
	return ns;
}

/* Mounts the folder once more, where Bob's files are Alice's. */
static char *mapped(const char *from)
{
	char *to = guard_folder("mapped");
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	int tree = (int)CHECK_SYS(syscall(SYS_open_tree, AT_FDCWD, from,
					  OPEN_TREE_CLONE | O_CLOEXEC));

	attr.userns_fd = (uint64_t)user_namespace(
		test_fmt("0 0 1\n%d %d 1", BOB, ALICE));
	CHECK_SYS(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr,
			  sizeof(attr)));
	CHECK_SYS(syscall(SYS_move_mount, tree, "", AT_FDCWD, to,
			  MOVE_MOUNT_F_EMPTY_PATH));
	return to;
}

static void a_mount_that_maps_owners_lets_nobody_deny_by_owner(void)
{
	char *disk, *path, *through;

	guard_own_mounts();
	disk = guard_ext4("/dev/ram0");
	path = guard_program(test_fmt("%s/p", disk), "tiny-7");
	through = test_fmt("%s/p", mapped(disk));
	CHECK_SYS(chown(path, BOB, 0));
	CHECK_SYS(chmod(path, 0700));
	guard_tick();
	/* it is Alice's there */
	ask(through, BOB, false, 0, -EACCES);
	ask(through, ALICE, true, 0, -EACCES);
	ask(path, BOB, true, 0, 0);
	/* everybody may execute it, whose ever it is */
	CHECK_SYS(chmod(path, 0755));
	guard_tick();
	ask(through, BOB, true, 0, 0);
}

/* ---- scripts */

static void run_script(void *arg)
{
	char *argv[] = { "script", NULL };

	execv(arg, argv);
	_exit(1);
}

/* The kernel holds a script open only until its interpreter runs. */
static void a_script_is_denied_though_running_it_denies_nothing(void)
{
	char *path = test_path("script");
	struct reg r;
	pid_t pid;

	test_write(path, "#!/bin/busybox sh\n: > $0.runs\nread x\n", 0755);
	guard_tick();
	pid = guard_child(run_script, path);
	GUARD_UNTIL(access(test_fmt("%s.runs", path), F_OK) == 0);
	CHECK_OK(guard_write(path, O_RDWR));
	kill(pid, SIGKILL);
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	guard_tick();
	client_open(&client);
	r = client_template(&client, path, DENY);
	CHECK_EQ(guard_write(path, O_RDWR), -ETXTBSY);
	CHECK_SYS(close(r.fd));
	/* the daemon may hold its copy a moment longer */
	GUARD_UNTIL(guard_write(path, O_RDWR) == 0);
}

static const struct test_case cases[] = {
	TEST_CASE(a_list_leaves_deny_write_to_owner_and_root),
	TEST_CASE(a_list_on_ext4_counts_when_it_is_known),
	TEST_CASE(the_library_makes_the_list_known),
	TEST_CASE(overlays_leave_deny_write_to_owner_and_root),
	TEST_CASE(nothing_is_registered_on_a_noexec_mount),
	TEST_CASE(nothing_is_registered_on_a_noexec_file_system),
	TEST_CASE(a_mount_that_maps_owners_lets_nobody_deny_by_owner),
	TEST_CASE(a_script_is_denied_though_running_it_denies_nothing),
};
GUARD_MAIN(cases)
