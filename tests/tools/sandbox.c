/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program as containers often run theirs:
 *
 *	sandbox PROGRAM [ARGUMENTS]
 *
 * It gives up root for the account 65534, sets no_new_privs, and installs a filter that
 * answers the calls below with an error. Exit status 99: one of these is not possible.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define NOBODY 65534

/* Calls that default filters of containers deny to processes without capabilities. */
static const struct denied {
	uint32_t nr;
	int err;
} denied[] = {
	/* not EPERM: libc then tries clone(2) */
	{ SYS_clone3, ENOSYS },
	{ SYS_mount, EPERM },
	{ SYS_umount2, EPERM },
	{ SYS_pivot_root, EPERM },
	{ SYS_setns, EPERM },
	{ SYS_unshare, EPERM },
	{ SYS_bpf, EPERM },
	{ SYS_keyctl, EPERM },
	{ SYS_io_uring_setup, EPERM },
	{ SYS_open_by_handle_at, EPERM },
	{ SYS_perf_event_open, EPERM },
	{ SYS_userfaultfd, EPERM },
	{ SYS_fanotify_init, EPERM },
	{ SYS_process_vm_readv, EPERM },
};

#define N_DENIED (sizeof(denied) / sizeof(denied[0]))
#define NEW_NAMESPACES                                              \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

static const struct sock_filter clone_code[] = {
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

#define N_CLONE (sizeof(clone_code) / sizeof(clone_code[0]))

static int install_filter(void)
{
	struct sock_filter code[1 + 2 * N_DENIED + N_CLONE] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	struct sock_filter *at = code + 1;

	for (size_t i = 0; i < N_DENIED; i++) {
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     denied[i].nr, 0, 1);
		*at++ = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K,
			SECCOMP_RET_ERRNO | (uint32_t)denied[i].err);
	}
	for (size_t i = 0; i < N_CLONE; i++)
		*at++ = clone_code[i];
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int give_up_root(void)
{
	if (geteuid() != 0)
		return 0;
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: sandbox PROGRAM [ARGUMENTS]\n", stderr);
		return 99;
	}
	if (give_up_root() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    install_filter()) {
		perror("sandbox");
		return 99;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 99;
}
