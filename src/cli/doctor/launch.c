/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor: the system calls of a launch, from clone to exec. Each one is tried.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/text.h"
#include "cli/doctor/doctor.h"

/* Missing in the headers of older systems. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif
#ifndef CLONE_AUTOREAP
#define CLONE_AUTOREAP (1ULL << 34)
#define CLONE_NNP (1ULL << 35)
#define CLONE_PIDFD_AUTOKILL (1ULL << 36)
#endif

#define SHELL "/bin/sh"
#define SHELL_STATUS 7

static char *no_env[] = { NULL };

/* ---- a whole launch */

static void probe_launch(struct finding *f)
{
	static char *argv[] = { "sh", "-c", "exit 7", NULL };
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd = -1, tfd, status;
	pid_t pid;

	tfd = spawn_template_open(SHELL, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (tfd < 0) {
		found(f, FEATURE_MISSING, "no template of " SHELL ": %s",
		      strerror(-tfd));
		return;
	}
	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)argv;
	args.envp = (uintptr_t)no_env;
	args.failure = (uintptr_t)&failure;
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	if (pid < 0) {
		found(f, FEATURE_MISSING,
		      "launching " SHELL " fails at stage "
		      "%s: %s",
		      name_stage(failure.stage), strerror(-pid));
		return;
	}
	status = wait_exit(pid);
	found(f, status == SHELL_STATUS ? FEATURE_OK : FEATURE_MISSING,
	      status == SHELL_STATUS ? "a template of " SHELL " was launched"
				     : SHELL " ended with status %d",
	      status);
}

/* ---- clone3 */

/* Make a child that does nothing. Return: 0 or -errno. */
static int try_clone3(uint64_t flags, int exit_signal)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = (uint64_t)exit_signal,
	};
	long pid;

	if (!(flags & CLONE_PIDFD))
		args.pidfd = 0;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	wait_exit((pid_t)pid);
	if ((flags & CLONE_PIDFD) && pidfd < 0)
		return -EINVAL;
	return 0;
}

static void probe_clone3(struct finding *f)
{
	found_call(f, try_clone3(0, SIGCHLD));
}

/* Try clone, which may be allowed even if clone3 is not. */
static void probe_clone_pidfd(struct finding *f)
{
	int pidfd = -1, ret = try_clone3(CLONE_PIDFD, SIGCHLD);
	long pid;

	if (ret) {
		pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd);
		if (pid == 0)
			_exit(0);
		ret = pid < 0 ? -errno : pidfd < 0 ? -EINVAL : 0;
	}
	found_call(f, ret);
}

static void probe_no_signal(struct finding *f)
{
	long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		wait_exit((pid_t)pid);
	found_call(f, pid < 0 ? -errno : 0);
}

static void probe_clear_sighand(struct finding *f)
{
	found_call(f, try_clone3(CLONE_CLEAR_SIGHAND, SIGCHLD));
}

/*
 * Try the flag with a descriptor that is no cgroup: a kernel that knows the
 * flag complains of that. An older kernel complains of the flag or of the
 * field.
 */
static void probe_into_cgroup(struct finding *f)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
	};
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	long pid;

	args.cgroup = (uint64_t)fd;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	if (pid < 0 && errno == EBADF)
		found_call(f, 0);
	else
		found_call(f, pid < 0 ? -errno : -EINVAL);
}

static void probe_autoreap(struct finding *f)
{
	found_call(f, try_clone3(CLONE_PIDFD | CLONE_AUTOREAP, 0));
}

static void probe_clone_nnp(struct finding *f)
{
	found_call(f, try_clone3(CLONE_NNP, SIGCHLD));
}

static void probe_autokill(struct finding *f)
{
	found_call(f, try_clone3(CLONE_PIDFD | CLONE_AUTOREAP | CLONE_NNP |
					 CLONE_PIDFD_AUTOKILL,
				 0));
}

/* ---- closing descriptors */

/* Try a range in which no descriptor is open. */
static int try_close_range(unsigned int flags)
{
	return syscall(SYS_close_range, UINT_MAX, UINT_MAX, flags) ? -errno : 0;
}

static void probe_close_range(struct finding *f)
{
	found_call(f, try_close_range(0));
}

static void probe_close_range_cloexec(struct finding *f)
{
	found_call(f, try_close_range(CLOSE_RANGE_CLOEXEC));
}

static void probe_close_range_unshare(struct finding *f)
{
	found_call(f, try_close_range(CLOSE_RANGE_UNSHARE));
}

/* Unshare what this process shares with nobody. */
static void probe_unshare(struct finding *f)
{
	found_call(f, syscall(SYS_unshare, CLONE_FILES) ? -errno : 0);
}

/* ---- exec by descriptor */

/* Exec the shell by descriptor in a child, with this stdin. Return: pid. */
static pid_t exec_by_fd(char *const argv[], int input)
{
	int fd = open(SHELL, O_PATH | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		if (input >= 0)
			dup2(input, STDIN_FILENO);
		syscall(SYS_execveat, fd, "", argv, no_env, AT_EMPTY_PATH);
		_exit(errno == ENOSYS	? 101
		      : errno == EPERM	? 102
		      : errno == EACCES ? 103
					: 104);
	}
	close(fd);
	return pid;
}

static void probe_execveat(struct finding *f)
{
	static char *argv[] = { "sh", "-c", "exit 7", NULL };
	int status = wait_exit(exec_by_fd(argv, -1));

	if (status == SHELL_STATUS)
		found_call(f, 0);
	else if (status >= 101 && status <= 103)
		found_call(f, status == 101   ? -ENOSYS
			      : status == 102 ? -EPERM
					      : -EACCES);
	else
		found(f, FEATURE_UNKNOWN,
		      "exec of " SHELL " by descriptor "
		      "ended with status %d",
		      status);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return true;
	return info.si_pid;
}

/*
 * Wait until a child has another name than this process, or has ended.
 * Return: true if it has another name.
 */
static bool wait_for_name(pid_t pid, char *name, size_t size)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	char path[64], own[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (st_read_text("/proc/self/comm", own, sizeof(own)) < 0)
		return false;
	for (int i = 0; i < 2000; i++) {
		if (st_read_text(path, name, size) <= 0)
			return false;
		if (strcmp(name, own) != 0)
			return true;
		if (has_ended(pid))
			return false;
		nanosleep(&step, NULL);
	}
	return false;
}

static void probe_comm(struct finding *f)
{
	static char *argv[] = { "sh", NULL };
	char name[64] = "";
	int pipefd[2];
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0) {
		found(f, FEATURE_UNKNOWN, "pipe: %s", strerror(errno));
		return;
	}
	pid = exec_by_fd(argv, pipefd[0]); /* it waits for its input */
	if (!wait_for_name(pid, name, sizeof(name)))
		found(f, FEATURE_UNKNOWN, "no name could be read in /proc");
	else if (name[strspn(name, "0123456789")])
		found(f, FEATURE_OK, SHELL " is named '%s'", name);
	else
		found(f, FEATURE_MISSING, SHELL " is named '%s'", name);
	kill(pid, SIGKILL);
	wait_exit(pid);
}

static void probe_execve_check(struct finding *f)
{
	static char *argv[] = { "sh", NULL };
	int ret = (int)syscall(SYS_execveat, AT_FDCWD, SHELL, argv, no_env,
			       AT_EXECVE_CHECK);

	found_call(f, ret ? -errno : 0);
}

static const struct feature features[] = {
	{
		.id = "launch",
		.name = "launch by template",
		.essential = true,
		.lost = "everything: no program can be launched",
		.remedy = "see the rows below for the cause",
		.probe = probe_launch,
	},
	{
		.id = "clone3",
		.call = &call_texts[ST_CALL_CLONE3],
		.probe = probe_clone3,
	},
	{
		.id = "clone_pidfd",
		.call = &call_texts[ST_CALL_CLONE_PIDFD],
		.probe = probe_clone_pidfd,
	},
	{
		.id = "clone_no_signal",
		.call = &call_texts[ST_CALL_CLONE_NO_SIGNAL],
		.probe = probe_no_signal,
	},
	{
		.id = "clone_clear_sighand",
		.name = "CLONE_CLEAR_SIGHAND",
		.since = KERNEL(5, 5),
		.lost = "handlers are reset one by one: about 64 calls more",
		.probe = probe_clear_sighand,
	},
	{
		.id = "clone_into_cgroup",
		.name = "CLONE_INTO_CGROUP",
		.since = KERNEL(5, 7),
		.lost = "no launch into a cgroup: --cgroup fails",
		.probe = probe_into_cgroup,
	},
	{
		.id = "clone_autoreap",
		.name = "CLONE_AUTOREAP",
		.since = KERNEL(7, 1),
		.unused = true,
		.probe = probe_autoreap,
	},
	{
		.id = "clone_nnp",
		.name = "CLONE_NNP",
		.since = KERNEL(7, 1),
		.unused = true,
		.probe = probe_clone_nnp,
	},
	{
		.id = "clone_pidfd_autokill",
		.name = "CLONE_PIDFD_AUTOKILL",
		.since = KERNEL(7, 1),
		.unused = true,
		.probe = probe_autokill,
	},
	{
		.id = "close_range",
		.call = &call_texts[ST_CALL_CLOSE_RANGE],
		.probe = probe_close_range,
	},
	{
		.id = "close_range_cloexec",
		.call = &call_texts[ST_CALL_CLOSE_RANGE_CLOEXEC],
		.probe = probe_close_range_cloexec,
	},
	{
		.id = "close_range_unshare",
		.call = &call_texts[ST_CALL_CLOSE_RANGE_UNSHARE],
		.probe = probe_close_range_unshare,
	},
	{
		.id = "unshare",
		.call = &call_texts[ST_CALL_UNSHARE],
		.probe = probe_unshare,
	},
	{
		.id = "execveat",
		.call = &call_texts[ST_CALL_EXECVEAT],
		.probe = probe_execveat,
	},
	{
		.id = "execveat_comm",
		.name = "name after exec by fd",
		.since = KERNEL(6, 14),
		.lost = "ps would show a number, so launches go by path",
		.remedy = "use Linux 6.14, or a stable kernel with that fix",
		.probe = probe_comm,
	},
	{
		.id = "at_execve_check",
		.name = "AT_EXECVE_CHECK",
		.since = KERNEL(6, 14),
		.lost = "a file that is open for writing is noticed at the "
			"launch, not when its template is made",
		.probe = probe_execve_check,
	},
};

const struct area area_launch = {
	.id = "launch",
	.title = "Launching",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
