/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon keeps what its unit would leave to it, however it was started.
 * Loading and listening take more; serving takes BPF and PERFMON for the maps.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "shared/log/log.h"
#include "daemon/rights.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38 /* Linux 5.8 */
#define CAP_BPF 39
#endif

#define BIT(capability) ((uint64_t)1 << (capability))

/*
 * Tells whether root may write to the file's folder by its mode alone. If the
 * folder is another user's, that takes a capability.
 */
static bool is_own_folder(const char *file)
{
	const char *slash = strrchr(file, '/');
	char folder[PATH_MAX] = ".";
	struct stat st;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s",
			 slash == file ? 1 : (int)(slash - file), file);
	/* a folder that is missing is made by root, if at all */
	return stat(folder, &st) || st.st_uid == geteuid();
}

/* Leaves nothing that an exec could give back. */
static void drop_bounds(uint64_t keep)
{
	for (int i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(keep & BIT(i)) && prctl(PR_CAPBSET_READ, i) == 1)
			/* refused where the manager has done the same */
			prctl(PR_CAPBSET_DROP, i);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* Return: 0 or -errno. */
static int drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

void rights_drop(const char *metrics_file)
{
	uint64_t keep = BIT(CAP_BPF) | BIT(CAP_PERFMON);
	int ret;

	if (metrics_file && !is_own_folder(metrics_file))
		keep |= BIT(CAP_DAC_OVERRIDE);
	drop_bounds(keep);
	ret = drop_capabilities(keep);
	if (ret < 0)
		log_line("cannot give up capabilities: %s", strerror(-ret));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_line("cannot set no_new_privs: %s", strerror(errno));
}
