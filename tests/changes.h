/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of what a child inherits, one at a time: by the name of the row of
 * src/warm/same.c that has to tell. A change answers 0, or -errno if it cannot be
 * made here.
 */
#ifndef TESTS_CHANGES_H
#define TESTS_CHANGES_H

#include "harness.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

#define PLAIN_CAP CAP_KILL
#define CAP_BIT(cap) (1ULL << (cap))

static inline int answer(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* ---- capabilities of the calling thread */

enum cap_set { EFFECTIVE, PERMITTED, INHERITABLE };

static inline int change_cap(enum cap_set which, int cap, bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint32_t *word, bit = 1U << (cap & 31);

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	word = which == EFFECTIVE   ? &data[cap / 32].effective
	       : which == PERMITTED ? &data[cap / 32].permitted
				    : &data[cap / 32].inheritable;
	if (on == !!(*word & bit))
		return -EALREADY;
	*word ^= bit;
	return answer(syscall(SYS_capset, &head, data));
}

static inline int lower_effective(void)
{
	return change_cap(EFFECTIVE, PLAIN_CAP, false);
}

static inline int lower_permitted(void)
{
	return change_cap(PERMITTED, PLAIN_CAP, false);
}

static inline int raise_inheritable(void)
{
	return change_cap(INHERITABLE, PLAIN_CAP, true);
}

static inline int lower_bounding(void)
{
	return answer(prctl(PR_CAPBSET_DROP, PLAIN_CAP, 0, 0, 0));
}

static inline int raise_ambient(void)
{
	return answer(
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PLAIN_CAP, 0, 0));
}

static inline int set_securebits(void)
{
	return answer(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
}

/* ---- ids: raw calls change the calling thread only */

static inline int set_file_user(void)
{
	if (syscall(SYS_setfsuid, 65534) == 65534)
		return -EALREADY;
	return syscall(SYS_setfsuid, -1) == 65534 ? 0 : -EPERM;
}

static inline int set_file_group(void)
{
	if (syscall(SYS_setfsgid, 65534) == 65534)
		return -EALREADY;
	return syscall(SYS_setfsgid, -1) == 65534 ? 0 : -EPERM;
}

static inline int set_groups(void)
{
	gid_t group = 4242;

	return answer(syscall(SYS_setgroups, 1, &group));
}

/* ---- sandbox */

/* Adds a filter that forbids nothing but ftime(2), which nobody has. */
static inline int add_filter(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1 << 20, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { TEST_COUNT(code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return answer(
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

/* Enters a domain in which nothing may be opened for writing. */
static inline int enter_domain(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
			      0),
	    ret;

	if (fd < 0)
		return -errno;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	ret = answer(syscall(SYS_landlock_restrict_self, fd, 0));
	close(fd);
	return ret;
}

static inline int leave_net(void)
{
	return answer(unshare(CLONE_NEWNET));
}

static inline int leave_ipc(void)
{
	return answer(unshare(CLONE_NEWIPC));
}

static inline int leave_uts(void)
{
	return answer(unshare(CLONE_NEWUTS));
}

static inline int leave_cgroup_space(void)
{
	return answer(unshare(CLONE_NEWCGROUP));
}

static inline int leave_pid_space(void)
{
	return answer(unshare(CLONE_NEWPID));
}

static inline int leave_time(void)
{
	return answer(unshare(0x80 /* CLONE_NEWTIME */));
}

static inline int enter_root(void)
{
	return answer(chroot(test_tmpdir()));
}

static inline int enter_mount(void)
{
	const char *dir = test_path("mount");

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(dir, 0755) < 0 || mount("none", dir, "tmpfs", 0, NULL) < 0)
		return -errno;
	return answer(chroot(dir));
}

/* ---- scheduling, memory, the rest */

static inline int use_one_processor(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return answer(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static inline int be_idle(void)
{
	struct sched_param param = { 0 };

	return answer(sched_setscheduler(0, SCHED_IDLE, &param));
}

static inline int be_real_time(void)
{
	struct sched_param param = { .sched_priority = 1 };

	return answer(sched_setscheduler(0, SCHED_RR, &param));
}

static inline int raise_priority(void)
{
	struct sched_param param = { .sched_priority = 2 };

	return answer(sched_setparam(0, &param));
}

static inline int be_nice(void)
{
	return answer(setpriority(PRIO_PROCESS, 0, 5));
}

static inline int set_io_priority(void)
{
	return answer(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7));
}

static inline int set_slack(void)
{
	return answer(prctl(PR_SET_TIMERSLACK, 123456));
}

static inline int set_personality(void)
{
	return answer(syscall(SYS_personality, 0x0040000));
}

static inline int forbid_huge_pages(void)
{
	return answer(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static inline int deny_write_exec(void)
{
	return answer(prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0));
}

static inline int set_memory_policy(void)
{
	uint64_t node = 1;

	return answer(syscall(SYS_set_mempolicy, MPOL_BIND, &node, 64));
}

static inline int forbid_speculation(void)
{
	return answer(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS,
			    PR_SPEC_DISABLE, 0, 0));
}

static inline int forbid_branches(void)
{
	return answer(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH,
			    PR_SPEC_DISABLE, 0, 0));
}

static inline int begin_session(void)
{
	return answer(setsid());
}

static inline int begin_group(void)
{
	return answer(setpgid(0, 0));
}

static inline int write_self(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int ret = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

static inline int raise_oom_score(void)
{
	return write_self("/proc/self/oom_score_adj", "100");
}

static inline int dump_less(void)
{
	return write_self("/proc/self/coredump_filter", "0x1");
}

static inline int join_keyring(void)
{
	return answer(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

static inline int limit_files(void)
{
	struct rlimit limit = { 1234567, 1234567 };

	return answer(setrlimit(RLIMIT_FSIZE, &limit));
}

static inline int change_umask(void)
{
	umask(0137);
	return 0;
}

static inline int ignore_signal(void)
{
	return signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -errno : 0;
}

static inline int forbid_privileges(void)
{
	return answer(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/*
 * The row, or one of two; NULL: the child is given it, "": no row tells. before, if
 * any, is made before parking.
 */
struct change {
	const char *name, *row;
	int (*before)(void), (*make)(void);
	bool once;	/* the rest of the process cannot launch any more */
};

static const struct change changes[] = {
	{ "fsuid", "uid", NULL, set_file_user, false },
	{ "fsgid", "gid", NULL, set_file_group, false },
	{ "groups", "groups", NULL, set_groups, false },
	{ "inheritable", "inheritable", NULL, raise_inheritable, false },
	{ "permitted", "permitted", lower_effective, lower_permitted, false },
	{ "effective", "effective", NULL, lower_effective, false },
	{ "bounding", "bounding", NULL, lower_bounding, false },
	{ "ambient", "ambient", raise_inheritable, raise_ambient, false },
	/* one more, where a sandbox around the test has one */
	{ "filter", "seccomp seccomp_filters", forbid_privileges, add_filter,
	  false },
	{ "filter more", "seccomp_filters", add_filter, add_filter, false },
	{ "landlock", "", NULL, enter_domain, false },
	{ "store bypass", "store_bypass", NULL, forbid_speculation, false },
	{ "indirect branch", "indirect_branch", NULL, forbid_branches, false },
	{ "processors", "cpus", NULL, use_one_processor, false },
	{ "securebits", "securebits", NULL, set_securebits, false },
	{ "personality", "personality", NULL, set_personality, false },
	{ "huge pages", "huge_pages", NULL, forbid_huge_pages, false },
	{ "write or exec", "deny_write_exec", NULL, deny_write_exec, false },
	{ "slack", "timer_slack", NULL, set_slack, false },
	{ "nice", "nice", NULL, be_nice, false },
	{ "policy", "policy", NULL, be_idle, false },
	{ "priority", "priority", be_real_time, raise_priority, false },
	{ "io priority", "io_priority", NULL, set_io_priority, false },
	{ "memory policy", "memory_policy", NULL, set_memory_policy, false },
	{ "session", "session", NULL, begin_session, false },
	{ "process group", "group", NULL, begin_group, false },
	{ "oom score", "oom_score", NULL, raise_oom_score, false },
	{ "core filter", "core_filter", NULL, dump_less, false },
	{ "keyring", "keyring", NULL, join_keyring, false },
	{ "limits", "limits", NULL, limit_files, false },
	{ "net", "spaces", NULL, leave_net, false },
	{ "ipc", "spaces", NULL, leave_ipc, false },
	{ "uts", "spaces", NULL, leave_uts, false },
	{ "cgroup space", "cgroup spaces", NULL, leave_cgroup_space, false },
	{ "time", "spaces", NULL, leave_time, false },
	{ "pid space", "spaces", NULL, leave_pid_space, true },
	{ "root", "root_inode", NULL, enter_root, true },
	{ "mount", "root_mount", NULL, enter_mount, true },
	{ "umask", NULL, NULL, change_umask, false },
	{ "signal", NULL, NULL, ignore_signal, false },
	{ "no_new_privs", NULL, NULL, forbid_privileges, false },
};

#endif
