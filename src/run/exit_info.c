/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads from a pidfd the wait status of a process that other code has reaped.
 */
#include <sys/ioctl.h>

#include "run/exit_info.h"
#include "sys.h"

/* The layout of Linux 6.15; most headers are older. See ioctl_pidfd(2). */
struct pidfd_info_exit {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};

#define INFO_EXIT (1ULL << 3)
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_exit)

_Static_assert(sizeof(struct pidfd_info_exit) == 64, "the first version's");

/* Return: the status as waitpid(2) stores it, or -errno. */
int st_exit_info(int pidfd)
{
	struct pidfd_info_exit info = { .mask = INFO_EXIT };
	int ret = sys_call3(__NR_ioctl, pidfd, GET_INFO, &info);

	if (ret < 0)
		return ret;
	return info.mask & INFO_EXIT ? info.exit_code : -ENODATA;
}
