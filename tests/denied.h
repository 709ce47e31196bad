/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Denies the calls of the table in shared/calls.h, one at a time, to this thread and
 * whatever it starts.
 */
#ifndef TESTS_DENIED_H
#define TESTS_DENIED_H

#include <errno.h>
#include <stddef.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include "shared/calls.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* A call that answers an error where (argument & mask) == value. */
struct denied_call {
	const char *id;
	long nr;
	unsigned int arg;
	uint32_t mask, value;
	/* calls that would serve in its place, and so are missing, too: bits */
	unsigned int without;
};

#define DENIED_BIT(call) (1U << ST_CALL_##call)

/* clone3 cannot be looked into. */
static const struct denied_call denied_calls[ST_N_CALLS] = {
	[ST_CALL_CLONE3] = { "CLONE3", SYS_clone3, 0, 0, 0, 0 },
	[ST_CALL_CLONE_PIDFD] = { "CLONE_PIDFD", SYS_clone, 0, CLONE_PIDFD,
				  CLONE_PIDFD, DENIED_BIT(CLONE3) },
	[ST_CALL_CLONE_NO_SIGNAL] = { "CLONE_NO_SIGNAL", SYS_clone, 0,
				      CSIGNAL | CLONE_THREAD, 0,
				      DENIED_BIT(CLONE3) },
	[ST_CALL_CLOSE_RANGE] = { "CLOSE_RANGE", SYS_close_range, 0, 0, 0, 0 },
	[ST_CALL_CLOSE_RANGE_CLOEXEC] = { "CLOSE_RANGE_CLOEXEC",
					  SYS_close_range, 2,
					  CLOSE_RANGE_CLOEXEC,
					  CLOSE_RANGE_CLOEXEC, 0 },
	[ST_CALL_CLOSE_RANGE_UNSHARE] = { "CLOSE_RANGE_UNSHARE",
					  SYS_close_range, 2,
					  CLOSE_RANGE_UNSHARE,
					  CLOSE_RANGE_UNSHARE, 0 },
	[ST_CALL_UNSHARE] = { "UNSHARE", SYS_unshare, 0, CLONE_FILES,
			      CLONE_FILES,
			      DENIED_BIT(CLONE3) | DENIED_BIT(CLONE_PIDFD) |
				      DENIED_BIT(CLOSE_RANGE_UNSHARE) },
	[ST_CALL_EXECVEAT] = { "EXECVEAT", SYS_execveat, 0, 0, 0, 0 },
	[ST_CALL_OPENAT2] = { "OPENAT2", SYS_openat2, 0, 0, 0, 0 },
	[ST_CALL_FACCESSAT2] = { "FACCESSAT2", SYS_faccessat2, 0, 0, 0, 0 },
	[ST_CALL_PIDFD_OPEN] = { "PIDFD_OPEN", SYS_pidfd_open, 0, 0, 0, 0 },
	[ST_CALL_PIDFD_SEND_SIGNAL] = { "PIDFD_SEND_SIGNAL",
					SYS_pidfd_send_signal, 0, 0, 0, 0 },
	[ST_CALL_WAITID_PIDFD] = { "WAITID_PIDFD", SYS_waitid, 0, ~0U, P_PIDFD,
				   0 },
	[ST_CALL_STATX] = { "STATX", SYS_statx, 0, 0, 0, 0 },
};

/* Return: 0, or -1 with errno. */
static inline int denied_install(long nr, unsigned int arg, uint32_t mask,
				 uint32_t value, int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)offsetof(struct seccomp_data, args) +
				 8 * arg),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	/* with CAP_SYS_ADMIN no_new_privs is not needed */
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* Makes a call answer err from now on. Return: 0, or -1 with errno. */
static inline int denied_begin(enum st_call call, int err)
{
	unsigned int calls = denied_calls[call].without | 1U << call;

	for (int i = 0; i < ST_N_CALLS; i++) {
		const struct denied_call *d = &denied_calls[i];
		bool is_other_clone3 = i == ST_CALL_CLONE3 && i != (int)call;

		/* libc starts no thread if clone3 answers another error */
		if (calls >> i & 1 &&
		    denied_install(d->nr, d->arg, d->mask, d->value,
				   is_other_clone3 ? ENOSYS : err))
			return -1;
	}
	return 0;
}

#endif /* TESTS_DENIED_H */
