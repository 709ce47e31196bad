/* SPDX-License-Identifier: BSD-2-Clause */
#include "guarding_disk.h"

#include <sched.h>
#include <sys/mount.h>

int guard_command(char *const argv[])
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

char *guard_folder(const char *name)
{
	char *path = test_path("%s", name);

	CHECK_SYS(mkdir(path, 0755));
	return path;
}

void guard_own_mounts(void)
{
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

void guard_mount(const char *from, const char *to, const char *type,
		 const char *options)
{
	if (mount(from, to, type, 0, options))
		TEST_SKIP("no %s here: %s", type, strerror(errno));
}

char *guard_ext4(const char *device)
{
	char *to = guard_folder("ext4");

	test_need_program("/usr/sbin/mkfs.ext4");
	if (access(device, F_OK))
		TEST_SKIP("there is no %s", device);
	CHECK_EQ(guard_command((char *[]){ "/usr/sbin/mkfs.ext4", "-q", "-F",
					   "-b", "4096", "-O", "^has_journal",
					   (char *)(uintptr_t)device, NULL }),
		 0);
	guard_mount(device, to, "ext4", NULL);
	return to;
}
