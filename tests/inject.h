/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disturbs one system call of a thread, or of the child that it is launching.
 *
 * The thread installs a seccomp filter that reports every system call to another
 * thread (SECCOMP_RET_USER_NOTIF), which lets it pass, answers an error in its
 * place, kills the child that made it, or runs a function before it goes on.
 * A test need not know which calls the library makes, nor their order: the calls
 * are numbered as they come, until there are no more.
 */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include "harness.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* The maker of a call: the launching thread, a child, or a thread that tell() knows. */
enum inject_who {
	INJECT_PARENT,
	INJECT_CHILD,
	INJECT_LAUNCHER,
	INJECT_REACTOR,
	INJECT_WHOS
};

#define INJECT_KILL (-1) /* in place of an errno: SIGKILL */
#define INJECT_HOOK (-2) /* call hook(), then go on */

struct inject {
	/* orders, set before it is armed */
	enum inject_who who;
	int index; /* the call's number; 0 is the first */
	int err;
	void (*hook)(void *arg);
	void *arg;
	/* if set: tells callers apart that are not the parent; spares more calls */
	enum inject_who (*tell)(pid_t tid);
	bool (*spares)(const struct inject *in, enum inject_who who,
		       const struct seccomp_data *data);

	/* results */
	atomic_long hit; /* the system call's number; -1: none */

	/* the injector's own */
	atomic_bool armed, stop;
	int count[INJECT_WHOS];
	bool in_program; /* exec went on: later calls are the program's */
	atomic_int listener;
	atomic_int launcher; /* tid */
	pthread_t thread;
};

/* The calls that cannot fail, or that end something and do not fail here. */
static inline bool inject_spares(const struct inject *in, enum inject_who who,
				 const struct seccomp_data *data)
{
	switch (data->nr) {
	case SYS_close:
	case SYS_munmap:
	case SYS_wait4:
	case SYS_waitid:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_sched_yield:
	case SYS_getpid:
	case SYS_getppid:
	case SYS_gettid:
	case SYS_umask:
		return true;
	case SYS_rt_sigprocmask:
		/* puts the mask back: the call that blocks asks for the old mask */
		if (who != INJECT_CHILD && !data->args[2])
			return true;
		break;
	}
	return (in->in_program && who == INJECT_CHILD) ||
	       (in->spares && in->spares(in, who, data));
}

/* Return: the answer to a call; 0 lets it pass. */
static inline int inject_verdict(struct inject *in, enum inject_who who,
				 const struct seccomp_data *data)
{
	bool is_exec = data->nr == SYS_execve || data->nr == SYS_execveat;
	/* a child that dies in exec counts as launched */
	bool spared = is_exec && in->err == INJECT_KILL;

	if (!atomic_load(&in->armed) || inject_spares(in, who, data))
		return 0;
	if (who == in->who && !spared && in->count[who]++ == in->index) {
		atomic_store(&in->hit, data->nr);
		return in->err;
	}
	if (who == INJECT_CHILD && is_exec)
		in->in_program = true;
	return 0;
}

static inline void inject_answer(struct inject *in, int listener)
{
	struct seccomp_notif_resp resp = { 0 };
	struct seccomp_notif req = { 0 };
	enum inject_who who = INJECT_CHILD;
	int verdict;

	/* fails when the caller was killed meanwhile */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return;
	if ((int)req.pid == atomic_load(&in->launcher))
		who = INJECT_PARENT;
	else if (in->tell)
		who = in->tell((pid_t)req.pid);
	verdict = inject_verdict(in, who, &req.data);
	if (verdict == INJECT_KILL)
		kill((pid_t)req.pid, SIGKILL);
	if (verdict == INJECT_HOOK)
		in->hook(in->arg);
	resp.id = req.id;
	if (verdict > 0)
		resp.error = -verdict;
	else
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

/* SECCOMP_IOCTL_NOTIF_SET_FLAGS, for SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: Linux 6.6. */
#define INJECT_SET_FLAGS SECCOMP_IOW(4, uint64_t)

static inline void *inject_thread(void *arg)
{
	struct inject *in = arg;
	struct pollfd pfd = { .events = POLLIN };

	while ((pfd.fd = atomic_load(&in->listener)) < 0) {
		if (atomic_load(&in->stop))
			return NULL;
		usleep(100);
	}
	/* where the kernel can, a report does not wake another processor */
	ioctl(pfd.fd, INJECT_SET_FLAGS, 1UL);
	while (!atomic_load(&in->stop)) {
		if (poll(&pfd, 1, 10) > 0 && (pfd.revents & POLLIN))
			inject_answer(in, pfd.fd);
	}
	return NULL;
}

/* Called by a thread that has no filter, before the launching thread starts. */
static inline void inject_start(struct inject *in)
{
	atomic_store(&in->listener, -1);
	atomic_store(&in->hit, -1);
	CHECK_EQ(pthread_create(&in->thread, NULL, inject_thread, in), 0);
}

/* Called when the launching thread has ended. */
static inline void inject_finish(struct inject *in)
{
	atomic_store(&in->stop, true);
	CHECK_EQ(pthread_join(in->thread, NULL), 0);
	if (atomic_load(&in->listener) >= 0)
		CHECK_SYS(close(atomic_load(&in->listener)));
}

/* Installs the filter for the calling thread. Return: the fd of its reports. */
static inline int inject_listener(const struct sock_fprog *filter)
{
	long fd;

	if (!test_is_root())
		CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER, filter);
	if (fd < 0)
		TEST_SKIP("seccomp with a listener: %s", strerror(errno));
	return (int)fd;
}

/* Called by the launching thread, whose calls are reported from now on. */
static inline void inject_here(struct inject *in)
{
#define INJECT_PASS(nr, left) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, left, 0)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		INJECT_PASS(SYS_exit, 5),
		INJECT_PASS(SYS_exit_group, 4),
		INJECT_PASS(SYS_rt_sigreturn, 3),
		INJECT_PASS(SYS_restart_syscall, 2),
		INJECT_PASS(SYS_futex, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TEST_COUNT(code), code };

	atomic_store(&in->launcher, (int)syscall(SYS_gettid));
	atomic_store(&in->listener, inject_listener(&prog));
}

/* Counts calls from now on, from 0. */
static inline void inject_arm(void *inject)
{
	struct inject *in = inject;

	memset(in->count, 0, sizeof(in->count));
	in->in_program = false;
	atomic_store(&in->hit, -1);
	atomic_store(&in->armed, true);
}

static inline void inject_disarm(void *inject)
{
	struct inject *in = inject;

	atomic_store(&in->armed, false);
}

/* True if the disturbed call may have led to this answer. */
static inline bool inject_explains(const struct inject *in, int ret)
{
	if (in->err == INJECT_KILL)
		return ret == -ECHILD;
	switch (atomic_load(&in->hit)) {
	case SYS_statx: /* a path that does not resolve is gone */
		return ret == -in->err || ret == -ESTALE;
	case SYS_brk:
	case SYS_mmap:
	case SYS_mprotect:
		return ret == -ENOMEM;
	default:
		return ret == -in->err;
	}
}

/* ---- a process for each fault: the library remembers what is missing ---- */

enum { INJECT_HIT = 10, INJECT_NOT_HIT = 11 };

/*
 * Return: 0 in a new process, which must exit with one of these; that exit status
 * in the caller.
 */
static inline int inject_fork(void)
{
	int status;
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		return 0;
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status));
	if (WEXITSTATUS(status) == 77)
		_exit(77);
	return WEXITSTATUS(status);
}

#endif /* TESTS_INJECT_H */
