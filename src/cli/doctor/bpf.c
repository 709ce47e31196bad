/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: tells whether a kernel-side guard could be loaded here. It loads
 * nothing. It reads the kernel's own statements and this process's privileges,
 * so "ok" means that it found no obstacle.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shared/namespaces.h"
#include "shared/text.h"
#include "cli/doctor/doctor.h"

/* Missing in the headers of older systems. */
#ifndef SECURITYFS_MAGIC
#define SECURITYFS_MAGIC 0x73636673
#endif

#define SECURITYFS "/sys/kernel/security"

static bool securityfs_mounted(void)
{
	struct statfs fs;

	return statfs(SECURITYFS, &fs) == 0 && fs.f_type == SECURITYFS_MAGIC;
}

/* Read a file of securityfs. Return: 0, or -1 with the finding made. */
static int read_securityfs(struct finding *f, const char *path, char *text,
			   size_t size)
{
	int n = st_read_text(path, text, size);

	if (n >= 0)
		return 0;
	if (!securityfs_mounted()) {
		found(f, FEATURE_UNKNOWN, SECURITYFS " is not mounted");
		found_remedy(
			f,
			"as root: mount -t securityfs securityfs " SECURITYFS);
	} else if (n == -EACCES || n == -EPERM) {
		found(f, FEATURE_DENIED, "%s cannot be read", path);
		found_remedy(f, "run the doctor as root");
	} else {
		found(f, FEATURE_MISSING, "%s: %s", path, strerror(-n));
	}
	return -1;
}

/* ---- the kernel */

static void probe_bpf_call(struct finding *f)
{
	/* no such command: EINVAL means that bpf(2) itself is allowed */
	long ret = syscall(SYS_bpf, 0xffff, NULL, 0);

	if (ret < 0 && errno == EINVAL)
		found_call(f, 0);
	else if (ret < 0 && errno == EPERM)
		found_call(f, -EPERM);
	else
		found_call(f, ret < 0 ? -errno : 0);
}

static void probe_btf(struct finding *f)
{
	struct stat st;

	if (stat("/sys/kernel/btf/vmlinux", &st) < 0)
		found(f, FEATURE_MISSING, "/sys/kernel/btf/vmlinux: %s",
		      strerror(errno));
	else
		found(f, FEATURE_OK, "%lld KiB", (long long)st.st_size / 1024);
}

static void probe_lsm(struct finding *f)
{
	char list[FINDING_TEXT / 2];

	if (read_securityfs(f, SECURITYFS "/lsm", list, sizeof(list)) < 0)
		return;
	if (st_has_word(list, "bpf")) {
		found(f, FEATURE_OK, "%s", list);
		return;
	}
	found(f, FEATURE_MISSING, "active: %s", list);
	found_remedy(f, "boot with lsm=%s,bpf", list);
}

static void probe_lockdown(struct finding *f)
{
	char text[FINDING_TEXT / 2];

	if (access(SECURITYFS "/lockdown", F_OK) < 0 && securityfs_mounted()) {
		found(f, FEATURE_OK, "no lockdown in this kernel");
		return;
	}
	if (read_securityfs(f, SECURITYFS "/lockdown", text, sizeof(text)) < 0)
		return;
	if (strstr(text, "[confidentiality]"))
		found(f, FEATURE_DENIED, "%s", text);
	else
		found(f, FEATURE_OK, "%s", text);
}

static void probe_unprivileged(struct finding *f)
{
	static const char *const meaning[] = {
		"0: open to every account",
		"1: closed until the next boot",
		"2: closed to other accounts",
	};
	char text[32];

	if (st_read_text("/proc/sys/kernel/unprivileged_bpf_disabled", text,
			 sizeof(text)) < 0)
		found(f, FEATURE_UNKNOWN, "cannot be read");
	else if (text[0] >= '0' && text[0] <= '2' && !text[1])
		found(f, FEATURE_INFO, "%s", meaning[text[0] - '0']);
	else
		found(f, FEATURE_INFO, "%s", text);
}

/* ---- privileges */

/* Check for the right to load and to attach; CAP_SYS_ADMIN stands for both. */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[0].effective >> CAP_SYS_ADMIN & 1 ||
	       (data[1].effective >> (CAP_BPF - 32) & 1 &&
		data[1].effective >> (CAP_PERFMON - 32) & 1);
}

/* Check what the daemon asks for before it looks at the kernel. */
static void probe_privileges(struct finding *f)
{
	const struct {
		bool has;
		const char *without;
	} wanted[] = {
		{ geteuid() == 0, "not root" },
		{ has_capabilities(), "no CAP_BPF and CAP_PERFMON" },
		{ st_in_namespace("/proc/self/ns/user", ST_FIRST_USERS),
		  "in a user namespace" },
		{ st_in_namespace("/proc/self/ns/pid", ST_FIRST_PIDS),
		  "in the PID namespace of a container" },
	};
	char text[FINDING_TEXT / 2];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!wanted[i].has && used < sizeof(text))
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "%s%s",
				used ? ", " : "", wanted[i].without);
	if (used)
		found(f, FEATURE_DENIED, "%s", text);
	else
		found(f, FEATURE_OK, "root, CAP_BPF, CAP_PERFMON");
}

/* ---- fmod_ret: the functions to attach to */

/* Count the names that are in the kernel's list of symbols. */
static int count_symbols(const char *path, const char *const *names, int n)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int seen = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		for (int i = 0; i < n; i++)
			if (st_has_word(line, names[i]))
				seen |= 1 << i;
	}
	free(line);
	fclose(file);
	return seen;
}

static void probe_fmod_ret(struct finding *f)
{
	static const char *const names[] = {
		"security_bprm_check",
		"security_bprm_creds_for_exec",
		"security_file_fcntl",
	};
	static const char *const lists[] = {
		"/sys/kernel/tracing/available_filter_functions",
		"/sys/kernel/debug/tracing/available_filter_functions",
		"/proc/kallsyms",
	};
	int seen = -ENOENT;

	for (int i = 0; i < 3 && seen < 0; i++) {
		seen = count_symbols(lists[i], names, 3);
		if (seen == 7)
			found(f, FEATURE_OK, "security_bprm_* is in %s",
			      lists[i]);
	}
	if (seen < 0)
		found(f, FEATURE_UNKNOWN, "no list of kernel functions");
	else if (seen != 7)
		found(f, FEATURE_MISSING,
		      "security_bprm_check, "
		      "security_bprm_creds_for_exec or security_file_fcntl "
		      "is not listed");
}

/* ---- the kernel's configuration */

static const char *const config_wanted[] = {
	"CONFIG_BPF_SYSCALL=y",
	"CONFIG_BPF_JIT=y",
	"CONFIG_BPF_LSM=y",
	"CONFIG_DEBUG_INFO_BTF=y",
	"CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y",
};

#define N_WANTED (sizeof(config_wanted) / sizeof(config_wanted[0]))

/* Unpack /proc/config.gz by gzip. Return: a file to read, and *pid. */
static FILE *unpack_config(pid_t *pid)
{
	static char *argv[] = { "gzip", "-dc", "/proc/config.gz", NULL };
	int pidfd = -1, pipefd[2], tfd;
	struct spawn_template_action to_pipe = {
		.type = SPAWN_TEMPLATE_ACTION_DUP2,
		.newfd = STDOUT_FILENO,
	};
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;

	if (access("/proc/config.gz", R_OK) < 0 || pipe(pipefd) < 0)
		return NULL;
	tfd = launch_template("gzip", 0);
	to_pipe.fd = pipefd[1];
	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)&argv[3];
	args.actions = (uintptr_t)&to_pipe;
	args.actions_len = 1;
	*pid = tfd < 0 ? -1 : spawn_template_spawn(tfd, &args, sizeof(args));
	close(pipefd[1]);
	if (tfd >= 0)
		spawn_template_close(tfd);
	if (*pid >= 0)
		return fdopen(pipefd[0], "r");
	close(pipefd[0]);
	return NULL;
}

static FILE *open_config(pid_t *pid)
{
	struct utsname name;
	char path[sizeof(name.release) + 16];
	FILE *file;

	*pid = -1;
	uname(&name);
	snprintf(path, sizeof(path), "/boot/config-%s", name.release);
	file = fopen(path, "re");
	return file ? file : unpack_config(pid);
}

static void probe_config(struct finding *f)
{
	unsigned int seen = 0;
	char *line = NULL;
	size_t size = 0, used = 0;
	pid_t pid;
	FILE *file = open_config(&pid);

	if (!file) {
		found(f, FEATURE_UNKNOWN,
		      "neither /boot/config-* nor "
		      "/proc/config.gz can be read");
		return;
	}
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		for (unsigned int i = 0; i < N_WANTED; i++)
			if (strcmp(line, config_wanted[i]) == 0)
				seen |= 1U << i;
	}
	free(line);
	fclose(file);
	if (pid >= 0)
		wait_exit(pid);
	found(f, FEATURE_OK, "BPF, its JIT, its LSM, BTF, direct calls");
	if (seen == (1U << N_WANTED) - 1)
		return;
	found(f, FEATURE_MISSING, "%s", "");
	for (unsigned int i = 0; i < N_WANTED; i++)
		if (!(seen >> i & 1) && used < sizeof(f->detail))
			used += (size_t)snprintf(
				f->detail + used, sizeof(f->detail) - used,
				"%sno %s", used ? ", " : "", config_wanted[i]);
}

#define NO_GUARD "no kernel-side guard: the library's own checks remain"

static const struct feature features[] = {
	{
		.id = "bpf",
		.name = "bpf",
		.since = KERNEL(3, 18),
		.lost = NO_GUARD,
		.probe = probe_bpf_call,
	},
	{
		.id = "bpf_privileges",
		.name = "privileges",
		.lost = "this account cannot load a guard",
		.remedy = "run spawn-templated as root, on the host",
		.probe = probe_privileges,
	},
	{
		.id = "btf",
		.name = "BTF",
		.lost = NO_GUARD,
		.remedy = "use a kernel with CONFIG_DEBUG_INFO_BTF",
		.probe = probe_btf,
	},
	{
		.id = "bpf_lsm",
		.name = "BPF LSM",
		.lost = "a guard would have to use fmod_ret",
		.remedy = "use a kernel with CONFIG_BPF_LSM, and bpf in lsm=",
		.probe = probe_lsm,
	},
	{
		.id = "fmod_ret",
		.name = "fmod_ret",
		.lost = "a guard would have to use the BPF LSM",
		.remedy = "use a kernel with CONFIG_SECURITY and function "
			  "tracing",
		.probe = probe_fmod_ret,
	},
	{
		.id = "lockdown",
		.name = "lockdown",
		.lost = "the kernel does not let programs read its memory",
		.remedy = "boot without lockdown=confidentiality",
		.probe = probe_lockdown,
	},
	{
		.id = "kernel_config",
		.name = "configuration",
		.lost = "the listed features",
		.remedy = "use a kernel that is built with these options",
		.probe = probe_config,
	},
	{
		.id = "unprivileged_bpf",
		.name = "unprivileged bpf",
		.lost = "",
		.probe = probe_unprivileged,
	},
};

const struct area area_bpf = {
	.id = "guard",
	.title = "Kernel-side guard (readiness only; nothing is loaded)",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
