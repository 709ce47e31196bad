/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An exec that takes long, as from a slow disk, holds up neither other runs nor the
 * end of a ring. A seccomp filter reports each exec to the test, which decides when
 * the exec goes on.
 */
#include "rings.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

static int execs; /* the listener */

static void report_execs(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TEST_COUNT(code), code };

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	execs = (int)CHECK_SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				       SECCOMP_FILTER_FLAG_NEW_LISTENER,
				       &prog));
	CHECK_SYS(fcntl(execs, F_SETFD, FD_CLOEXEC));
}

/* The next exec of any child, which waits until let_go(). */
static uint64_t next_exec(void)
{
	struct seccomp_notif notif = { .id = 0 };

	CHECK_SYS(ioctl(execs, SECCOMP_IOCTL_NOTIF_RECV, &notif));
	return notif.id;
}

static void let_go(uint64_t id)
{
	struct seccomp_notif_resp resp = {
		.id = id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	CHECK_SYS(ioctl(execs, SECCOMP_IOCTL_NOTIF_SEND, &resp));
}

/*
 * The child of every other launch has a copy of a run's pipes. A run that ends
 * meanwhile sees their end all the same, and does not report them as held.
 */
static void a_slow_exec_holds_no_pipes_of_other_runs(void)
{
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	uint64_t slow;

	report_execs();
	ring = ring_new(8, 2);
	queue_run(ring, tfd, TREE("say", "text", "sleep", "300"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	let_go(next_exec());
	queue_run(ring, tfd, TREE("exit", "5"), 2);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	slow = next_exec();
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->flags, 0);
	CHECK_STR(cqe->result->out, "text");
	spawn_template_ring_seen(ring, cqe);
	let_go(slow);
	CHECK_EQ(take_run_code(ring, 2), 5);
	spawn_template_ring_exit(ring);
}

static void a_slow_exec_does_not_hold_up_the_exit(void)
{
	struct spawn_template_ring *ring;
	int tfd = tree_template();
	uint64_t start;

	report_execs();
	ring = ring_new(8, 2);
	queue_run(ring, tfd, TREE("exit", "5"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	next_exec();
	start = now_ms();
	spawn_template_ring_exit(ring);
	CHECK_LE(now_ms() - start, at_most_ms(1000));
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(a_slow_exec_holds_no_pipes_of_other_runs),
	TEST_CASE(a_slow_exec_does_not_hold_up_the_exit),
};
TEST_MAIN(cases)
