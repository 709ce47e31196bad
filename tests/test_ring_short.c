/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings where fds, processes or memory run short: launches wait until others give
 * some back, and all complete. If nothing is given back, each completes with the
 * error after about a second, and the ring works on when there is enough again.
 */
#include "rings.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define OTHER_UID 64321

static void limit(int resource, rlim_t value)
{
	struct rlimit r;

	CHECK_SYS(getrlimit(resource, &r));
	r.rlim_cur = value;
	CHECK_SYS(setrlimit(resource, &r));
}

/* Unlike test_seccomp(), this is in force for all threads of the process. */
static void all_threads_fail(long nr, int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TEST_COUNT(code), code };

	if (!test_is_root())
		CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 SECCOMP_FILTER_FLAG_TSYNC, &prog),
		 0);
}

/* Queues n runs and spawns at a time, all of which must go well. */
static void all_complete(struct spawn_template_ring *ring, int tfd, int n)
{
	bool seen[256] = { false };

	for (int i = 0; i < n; i++) {
		if (i % 4)
			queue_run(ring, tfd,
				  TREE("sleep", "15", "say", "x", "exit", "3"),
				  (uint64_t)i);
		else
			queue_spawn(ring, tfd, TREE("exit", "3"), (uint64_t)i);
	}
	for (int i = 0; i < n; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK(cqe->user_data < (uint64_t)n && !seen[cqe->user_data]);
		seen[cqe->user_data] = true;
		CHECK_EQ(cqe->res, 0);
		if (cqe->pidfd >= 0) {
			CHECK_EQ(reap_spawn(ring, cqe), 3);
			continue;
		}
		CHECK_EQ(cqe->result->code, 3);
		CHECK_EQ(cqe->result->flags, 0);
		CHECK_STR(cqe->result->out, "x");
		spawn_template_ring_seen(ring, cqe);
	}
	check_none(ring);
	/* the fds of the last runs are closed a moment later */
	sleep_ms((unsigned int)at_most_ms(20));
}

/* Each must fail with the error after about a second. */
static void all_fail(struct spawn_template_ring *ring, int tfd, int err)
{
	uint64_t start = now_ms();

	queue_run(ring, tfd, TREE("exit", "3"), 1);
	queue_spawn(ring, tfd, TREE("exit", "3"), 1);
	for (int i = 0; i < 2; i++) {
		struct spawn_template_cqe *cqe = ring_take_of(ring, 1);

		CHECK_EQ(cqe->res, -err);
		CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
			 SPAWN_TEMPLATE_STAGE_CLONE);
		CHECK_EQ(SPAWN_TEMPLATE_CQE_ACTION(cqe->flags), 0);
		CHECK_EQ(cqe->pid, -1);
		CHECK_GE(now_ms() - start, 900);
		CHECK_LE(now_ms() - start, at_most_ms(6000));
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK(test_no_children());
}

/* A sandbox that comes after the ring may keep programs from SCHED_OTHER. */
static void launches_need_no_sched_setscheduler(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	int tfd = tree_template();

	all_threads_fail(SYS_sched_setscheduler, EPERM);
	all_complete(ring, tfd, 4);
	spawn_template_ring_exit(ring);
}

/* ---- fds ---- */

static void runs_complete_with_few_fds(void)
{
	struct spawn_template_ring *ring = ring_new(100, 1);
	int tfd = tree_template(), top;

	all_complete(ring, tfd, 4);
	top = CHECK_SYS(dup(0));
	CHECK_SYS(close(top));
	/* enough for one or two runs */
	for (int room = 8; room <= 14; room += 3) {
		test_doing("%d fds", room);
		limit(RLIMIT_NOFILE, (rlim_t)(top + room));
		all_complete(ring, tfd, 60);
	}
	spawn_template_ring_exit(ring);
}

/* Takes all free fds up to this limit. Return: the highest. */
static int take_fds(int most)
{
	int fd, last = -1;

	limit(RLIMIT_NOFILE, (rlim_t)most);
	while ((fd = dup(0)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	return last;
}

static void runs_fail_without_fds_and_work_again_later(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	int tfd = tree_template(), last;

	all_complete(ring, tfd, 4);
	last = take_fds(40);
	CHECK_EQ(last, 39);
	all_fail(ring, tfd, EMFILE);
	CHECK_SYS(syscall(SYS_close_range, last - 12, last, 0));
	all_complete(ring, tfd, 20);
	spawn_template_ring_exit(ring);
}

static void runs_fail_without_fds_in_the_system(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	int tfd = tree_template();

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	all_complete(ring, tfd, 4);
	all_threads_fail(SYS_clone3, ENFILE);
	all_fail(ring, tfd, ENFILE);
	spawn_template_ring_exit(ring);
}

/* The template's number is above the limit: no open gives it any more. */
static void a_template_above_the_fd_limit_launches(void)
{
	int tfd = CHECK_SYS(fcntl(tree_template(), F_DUPFD_CLOEXEC, 100));
	struct spawn_template_ring *ring = ring_new(100, 1);

	limit(RLIMIT_NOFILE, 40);
	all_complete(ring, tfd, 20);
	limit(RLIMIT_NOFILE, 3);
	all_fail(ring, tfd, EMFILE);
	limit(RLIMIT_NOFILE, 40);
	all_complete(ring, tfd, 4);
	spawn_template_ring_exit(ring);
}

static void a_waiting_launch_takes_fds_that_come_back(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	int tfd = tree_template(), last;

	all_complete(ring, tfd, 4);
	last = take_fds(40);
	queue_run(ring, tfd, TREE("exit", "3"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	sleep_ms(300);
	check_none(ring);
	CHECK_SYS(syscall(SYS_close_range, last - 12, last, 0));
	CHECK_EQ(take_run_code(ring, 1), 3);
	spawn_template_ring_exit(ring);
}

/* A launch that waits does not hold up the end of the ring, either. */
static void a_launch_that_waits_for_fds_can_be_cancelled(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	uint64_t start;

	all_complete(ring, tfd, 4);
	take_fds(40);
	queue_run(ring, tfd, TREE("exit", "3"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	sleep_ms(100);
	start = now_ms();
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
	CHECK_LE(now_ms() - start, at_most_ms(1000));
	queue_run(ring, tfd, TREE("exit", "3"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	sleep_ms(100);
	start = now_ms();
	spawn_template_ring_exit(ring);
	CHECK_LE(now_ms() - start, at_most_ms(1000));
}

/*
 * The launch is cancelled between two tries and fds come back then. If it were
 * launched, it would take until its deadline.
 */
static void a_launch_cancelled_between_tries_never_runs(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	int tfd = tree_template(), last, found;
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct spawn_template_cqe *cqe;
	struct hold hold;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	args.timeout_ns = 1000 * SECOND;
	last = take_fds(60);
	do {
		queue_run_args(ring, tfd, &args, 1);
		spawn_template_ring_submit(ring);
		sleep_ms(300);
		found = spawn_template_ring_cancel(ring, 1);
		/* the launching thread most likely sleeps now */
		sleep_ms(2);
		if (found == 1)
			syscall(SYS_close_range, last - 14, last, 0);
		cqe = ring_take_of(ring, 1);
		CHECK_EQ(cqe->res, found == 1 ? -ECANCELED : -EMFILE);
		spawn_template_ring_seen(ring, cqe);
	} while (found != 1);
	spawn_template_ring_exit(ring);
}

static void init_with_few_fds_works_or_leaves_nothing(void)
{
	struct spawn_template_ring *ring;
	int failed = 0, made = 0;

	ring_warm_up(2);
	for (int last = take_fds(40); last > 40 - 12; last--) {
		int ret;

		ring = NULL;
		ret = spawn_template_ring_init(8, NULL, 0, &ring);
		if (ret) {
			CHECK_EQ(ret, -EMFILE);
			CHECK(!ring);
			CHECK_EQ(made, 0);
			failed++;
		} else {
			spawn_template_ring_exit(ring);
			made++;
		}
		for (int fd = last + 1; fd < 40; fd++)
			CHECK_EQ(fcntl(fd, F_GETFD), -1);
		CHECK_SYS(close(last));
	}
	test_note("%d failed, %d made", failed, made);
	CHECK_GE(failed, 3);
	CHECK_GE(made, 1);
}

/* ---- processes ---- */

static void become_other(void)
{
	CHECK_SYS(setgroups(0, NULL));
	CHECK_SYS(setresgid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
}

/* The limit counts the threads of the ring, too. */
static void runs_complete_with_few_processes(void)
{
	struct spawn_template_ring *ring;
	int tfd;

	test_need_root();
	public_tree();
	become_other();
	tfd = public_tree();
	ring = ring_new(100, 1);
	all_complete(ring, tfd, 4);
	limit(RLIMIT_NPROC, (rlim_t)count_threads() + 3);
	all_complete(ring, tfd, 60);
	limit(RLIMIT_NPROC, 0);
	all_fail(ring, tfd, EAGAIN);
	limit(RLIMIT_NPROC, (rlim_t)count_threads() + 2);
	all_complete(ring, tfd, 10);
	spawn_template_ring_exit(ring);
}

static void init_fails_without_threads_and_leaves_nothing(void)
{
	struct spawn_template_ring *ring = NULL;
	struct scene before;

	test_need_root();
	before = scene_now();
	become_other();
	limit(RLIMIT_NPROC, 0);
	CHECK_EQ(spawn_template_ring_init(8, NULL, 0, &ring), -EAGAIN);
	CHECK(!ring);
	check_scene(&before);
	/* there is room for a launching thread, and none for the reactor */
	limit(RLIMIT_NPROC, 2);
	CHECK_EQ(spawn_template_ring_init(
			 8,
			 &(struct spawn_template_ring_params){ .threads = 1 },
			 SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0, &ring),
		 -EAGAIN);
	CHECK(!ring);
	CHECK_EQ(test_count_fds(), before.fds);
	limit(RLIMIT_NPROC, 100);
	ring = ring_new(8, 1);
	spawn_template_ring_exit(ring);
	CHECK_EQ(test_count_fds(), before.fds);
}

/* ---- memory ---- */

static void runs_fail_without_memory_for_a_child(void)
{
	struct spawn_template_ring *ring = ring_new(100, 2);
	int tfd = tree_template();

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	all_complete(ring, tfd, 4);
	all_threads_fail(SYS_clone3, ENOMEM);
	all_fail(ring, tfd, ENOMEM);
	spawn_template_ring_exit(ring);
}

/* The run is refused when it is queued, and takes no room. */
static void a_run_without_memory_for_its_copy_is_refused(void)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_run_args args = run_args(TREE("count"));
	const size_t len = 64 << 20;
	int tfd = tree_template();
	const char *vm;

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers need address space");
	args.input_len = len;
	args.input = (uintptr_t)mmap(NULL, len, PROT_READ,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_NE(args.input, (uintptr_t)MAP_FAILED);
	vm = strstr(test_read("/proc/self/status"), "VmSize:");
	CHECK(vm);
	limit(RLIMIT_AS, ((rlim_t)atol(vm + 7) + 8192) * 1024);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args),
						 1),
			 -ENOMEM);
	CHECK_EQ(spawn_template_ring_submit(ring), 0);
	limit(RLIMIT_AS, RLIM_INFINITY);
	queue_run_args(ring, tfd, &args, 2);
	CHECK_EQ(take_run_code(ring, 2), 0);
	spawn_template_ring_exit(ring);
}

/* The sum of a huge length and the library's own needs must not wrap around. */
static void a_huge_input_length_never_wraps_around(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	/* a sanitizer ends the process for a request that is too large */
	int tfd = tree_template(), bits = TEST_SANITIZED ? 8 : 64;

	args.input = (uintptr_t) "input";
	for (int bit = 0; bit < bits; bit++) {
		args.input_len = UINT64_MAX >> (bit / 4);
		args.input_len -= 1ULL << (bit % 12);
		test_doing("%llu bytes", (unsigned long long)args.input_len);
		CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args),
						 1),
			 -ENOMEM);
	}
	spawn_template_ring_exit(ring);
}

static void output_without_memory_is_dropped_and_told(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_run_args args =
		run_args(TREE("flood", "1", "60000000", "exit", "5"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	const char *vm;

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers need address space");
	args.max_output = 50 << 20;
	all_complete(ring, tfd, 4);
	vm = strstr(test_read("/proc/self/status"), "VmSize:");
	CHECK(vm);
	limit(RLIMIT_AS, ((rlim_t)atol(vm + 7) + 8192) * 1024);
	queue_run_args(ring, tfd, &args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 5);
	CHECK_EQ(cqe->result->flags, RESULT(OUT_TRUNCATED));
	CHECK_LT(cqe->result->out_len, 50 << 20);
	CHECK(is_flood(cqe->result->out, cqe->result->out_len));
	spawn_template_ring_seen(ring, cqe);
	limit(RLIMIT_AS, RLIM_INFINITY);
	all_complete(ring, tfd, 4);
	spawn_template_ring_exit(ring);
}

/* ---- the reactor's own ---- */

/* Runs fail, or are watched in another way, where epoll_ctl(2) fails. */
static void nothing_can_be_watched(int err)
{
	struct spawn_template_ring *ring = ring_new(16, 2);
	struct spawn_template_run_args args =
		run_args(TREE("sleep", "50", "exit", "4"));
	int tfd = tree_template();

	all_complete(ring, tfd, 4);
	stdout_to_null();
	all_threads_fail(SYS_epoll_ctl, err);
	for (int i = 0; i < 8; i++) {
		args.flags = i % 2 ? RUN(NO_CAPTURE) : 0;
		queue_run_args(ring, tfd, &args, (uint64_t)i % 2);
	}
	for (int i = 0; i < 8; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		if (cqe->res)
			CHECK_EQ(cqe->res, -err);
		else
			CHECK_EQ(cqe->result->code, 4);
		/* a run without output needs nothing to be watched */
		if (cqe->user_data)
			CHECK_EQ(cqe->res, 0);
		spawn_template_ring_seen(ring, cqe);
	}
	check_none(ring);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

static void runs_end_where_epoll_has_no_room(void)
{
	nothing_can_be_watched(ENOSPC);
}

static void runs_end_where_epoll_is_forbidden(void)
{
	nothing_can_be_watched(EPERM);
}

static const struct test_case cases[] = {
	TEST_CASE(launches_need_no_sched_setscheduler),
	TEST_CASE(runs_complete_with_few_fds),
	TEST_CASE(runs_fail_without_fds_and_work_again_later),
	TEST_CASE(runs_fail_without_fds_in_the_system),
	TEST_CASE(a_template_above_the_fd_limit_launches),
	TEST_CASE(a_waiting_launch_takes_fds_that_come_back),
	TEST_CASE(a_launch_that_waits_for_fds_can_be_cancelled),
	TEST_CASE(a_launch_cancelled_between_tries_never_runs),
	TEST_CASE(init_with_few_fds_works_or_leaves_nothing),
	TEST_CASE(runs_complete_with_few_processes),
	TEST_CASE(init_fails_without_threads_and_leaves_nothing),
	TEST_CASE(runs_fail_without_memory_for_a_child),
	TEST_CASE(a_run_without_memory_for_its_copy_is_refused),
	TEST_CASE(a_huge_input_length_never_wraps_around),
	TEST_CASE(output_without_memory_is_dropped_and_told),
	TEST_CASE(runs_end_where_epoll_has_no_room),
	TEST_CASE(runs_end_where_epoll_is_forbidden),
};
TEST_MAIN(cases)
