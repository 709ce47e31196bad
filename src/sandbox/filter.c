/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seccomp filter that keeps a program off the network: a program gets no socket
 * but Unix ones. Landlock knows only TCP, and a network namespace needs privileges or
 * a user namespace, which many systems forbid.
 *
 * io_uring makes sockets by requests that no filter sees, so there is none: programs
 * that know io_uring go on without it. A process of this machine can also make the
 * calls of its 32-bit sibling, and on x86-64 those of x32; a call of an architecture
 * that is not known here ends the process.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "sandbox/filter.h"
#include "sys.h"

#define NONE 0xffffffffU /* no call has this number */
#define X32_BIT 0x40000000U
#define SYS_SOCKET 1 /* as the first argument of socketcall(2) */

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define IF(op, value, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, value, yes, no)

/*
 * The part for one architecture, entered with it in the register. Each line is an
 * instruction, and jumps count the lines between.
 */
#define PART(arch, socket, socketpair, socketcall, io_uring_setup)  \
	IF(JEQ, arch, 0, 13), LOAD(nr), IF(JGE, X32_BIT, 10, 0),    \
		IF(JEQ, socket, 3, 0), IF(JEQ, socketpair, 2, 0),   \
		IF(JEQ, socketcall, 3, 0),                          \
		IF(JEQ, io_uring_setup, 6, 4), /* a family: */      \
		LOAD(args[0]), IF(JEQ, AF_UNIX, 2, 3), /* a call: */ \
		LOAD(args[0]), IF(JEQ, SYS_SOCKET, 1, 0),           \
		ANSWER(SECCOMP_RET_ALLOW), ANSWER(SECCOMP_RET_ERRNO | EACCES), \
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS)

static struct sock_filter code[] = {
	LOAD(arch),
	PART(AUDIT_ARCH_X86_64, 41, 53, NONE, 425),
	PART(AUDIT_ARCH_AARCH64, 198, 199, NONE, 425),
	PART(AUDIT_ARCH_I386, 359, 360, 102, 425),
	PART(AUDIT_ARCH_ARM, 281, 288, 102, 425),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
};

const struct sock_fprog st_filter_no_net = {
	.len = sizeof(code) / sizeof(code[0]),
	.filter = code,
};

bool st_filter_possible(void)
{
	const uint32_t action = SECCOMP_RET_ERRNO;

	return sys_call3(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) ==
	       0;
}
