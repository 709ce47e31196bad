/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: files and their identity, processes, and the sandbox around. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"

/* Missing in the headers of older systems. */
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

/* ---- files */

static void probe_openat2(struct finding *f)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	found_call(f, fd < 0 ? -errno : 0);
}

static void probe_faccessat2(struct finding *f)
{
	long ret = syscall(SYS_faccessat2, AT_FDCWD, "/", X_OK, AT_EACCESS);

	found_call(f, ret < 0 ? -errno : 0);
}

static void try_statx(struct finding *f, unsigned int mask)
{
	struct statx stx;
	long ret = syscall(SYS_statx, AT_FDCWD, "/", 0, mask, &stx);

	if (ret == 0 && !(stx.stx_mask & mask))
		ret = -EINVAL;
	else if (ret < 0)
		ret = -errno;
	found_call(f, ret);
}

static void probe_statx(struct finding *f)
{
	try_statx(f, STATX_BASIC_STATS);
}

static void probe_mnt_id(struct finding *f)
{
	try_statx(f, STATX_MNT_ID);
}

static void probe_mnt_id_unique(struct finding *f)
{
	try_statx(f, STATX_MNT_ID_UNIQUE);
}

static void probe_proc(struct finding *f)
{
	struct statfs fs;

	if (statfs("/proc", &fs) < 0)
		found(f, FEATURE_MISSING, "%s", strerror(errno));
	else if (fs.f_type != PROC_SUPER_MAGIC)
		found(f, FEATURE_MISSING, "/proc is another file system");
	else if (access("/proc/self/fd", R_OK | X_OK) < 0)
		found(f, FEATURE_DENIED, "/proc/self/fd: %s", strerror(errno));
	else
		found(f, FEATURE_OK, "/proc");
}

/* ---- processes */

static void probe_wipeonfork(struct finding *f)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (page == MAP_FAILED) {
		found(f, FEATURE_UNKNOWN, "mmap: %s", strerror(errno));
		return;
	}
	if (madvise(page, 4096, MADV_WIPEONFORK) < 0) {
		found_call(f, -errno);
		return;
	}
	*page = 1;
	pid = fork();
	if (pid == 0)
		_exit(*page);
	found_call(f, wait_exit(pid) == 0 ? 0 : -EINVAL);
}

static void probe_pidfd_open(struct finding *f)
{
	long fd = syscall(SYS_pidfd_open, getpid(), 0);

	found_call(f, fd < 0 ? -errno : 0);
}

/* Start a child that waits to be killed. */
static pid_t sleeping_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* Ask for no process: where the call is there, it says that this is no pidfd. */
static void probe_pidfd_send_signal(struct finding *f)
{
	long ret = syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0);

	found_call(f, ret < 0 && errno == EBADF ? 0 : -errno);
}

static void probe_waitid_pidfd(struct finding *f)
{
	siginfo_t info;
	int ret = waitid(P_PIDFD, INT_MAX, &info, WEXITED);

	found_call(f, ret < 0 && errno == EBADF ? 0 : -errno);
}

/* Linux 6.13; the exit code of a process that was reaped: 6.15. */
struct pidfd_info_ver0 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_ver0)
#define INFO_EXIT (1ULL << 3)

static void probe_pidfd_info(struct finding *f)
{
	struct pidfd_info_ver0 info = { .mask = INFO_EXIT };
	pid_t pid = sleeping_child();
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	long ret = fd < 0 ? -errno : 0;

	kill(pid, SIGKILL);
	wait_exit(pid);
	if (ret == 0 && ioctl(fd, GET_INFO, &info) < 0)
		ret = errno == ESRCH ? -EINVAL : -errno;
	else if (ret == 0 && (!(info.mask & INFO_EXIT) ||
			      WTERMSIG(info.exit_code) != SIGKILL))
		ret = -EINVAL;
	found_call(f, ret);
}

/* ---- the sandbox around this process */

static void probe_seccomp(struct finding *f)
{
	int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);

	if (mode < 0 && errno == EINVAL)
		found(f, FEATURE_INFO, "not in this kernel");
	else if (mode == 0)
		found(f, FEATURE_INFO, "no filter");
	else /* a filter may refuse even this question */
		found(f, FEATURE_INFO, "a filter is in force");
}

static void probe_no_new_privs(struct finding *f)
{
	int set = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

	if (set < 0)
		found(f, FEATURE_UNKNOWN, "%s", strerror(errno));
	else if (set)
		found(f, FEATURE_INFO,
		      "set: set-user-ID programs get no "
		      "privileges");
	else
		found(f, FEATURE_INFO, "not set");
}

static const struct feature features[] = {
	{
		.id = "proc",
		.name = "/proc",
		.lost = "no template of a descriptor, and no closing without "
			"close_range",
		.remedy = "mount -t proc proc /proc",
		.probe = probe_proc,
	},
	{
		.id = "openat2",
		.call = &call_texts[ST_CALL_OPENAT2],
		.probe = probe_openat2,
	},
	{
		.id = "faccessat2",
		.call = &call_texts[ST_CALL_FACCESSAT2],
		.probe = probe_faccessat2,
	},
	{
		.id = "statx",
		.call = &call_texts[ST_CALL_STATX],
		.probe = probe_statx,
	},
	{
		.id = "statx_mnt_id",
		.name = "statx mount id",
		.since = KERNEL(5, 8),
		.lost = "a remount of the same file is not noticed",
		.probe = probe_mnt_id,
	},
	{
		.id = "statx_mnt_id_unique",
		.name = "statx unique mount id",
		.since = KERNEL(6, 8),
		.lost = "a mount id may be used again for another mount",
		.probe = probe_mnt_id_unique,
	},
	{
		.id = "madv_wipeonfork",
		.name = "MADV_WIPEONFORK",
		.since = KERNEL(4, 14),
		.lost = "templates cannot tell that their process has forked",
		.probe = probe_wipeonfork,
	},
	{
		.id = "pidfd_open",
		.call = &call_texts[ST_CALL_PIDFD_OPEN],
		.probe = probe_pidfd_open,
	},
	{
		.id = "pidfd_send_signal",
		.call = &call_texts[ST_CALL_PIDFD_SEND_SIGNAL],
		.probe = probe_pidfd_send_signal,
	},
	{
		.id = "waitid_pidfd",
		.call = &call_texts[ST_CALL_WAITID_PIDFD],
		.probe = probe_waitid_pidfd,
	},
	{
		.id = "pidfd_get_info",
		.name = "PIDFD_GET_INFO exit code",
		.since = KERNEL(6, 15),
		.lost = "the status of a child that something else reaped",
		.probe = probe_pidfd_info,
	},
	{
		.id = "seccomp",
		.name = "seccomp",
		.lost = "",
		.probe = probe_seccomp,
	},
	{
		.id = "no_new_privs",
		.name = "no_new_privs",
		.lost = "",
		.probe = probe_no_new_privs,
	},
};

const struct area area_process = {
	.id = "process",
	.title = "Files and processes",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
