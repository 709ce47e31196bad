/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings: arguments, completions, how much a ring holds, submitting and waiting
 * by many threads, the fd to poll, and who owns memory and fds.
 */
#include "rings.h"

#include <grp.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* ---- init ---- */

static void check_init(unsigned int entries, const void *params, size_t size,
		       int want)
{
	struct spawn_template_ring *ring = (void *)&ring;
	struct scene before = scene_now();
	int ret = spawn_template_ring_init(entries, params, size, &ring);

	CHECK_EQ(ret, want);
	if (ret < 0)
		CHECK(ring == (void *)&ring);
	else
		spawn_template_ring_exit(ring);
	check_scene(&before);
}

static void init_takes_1_to_the_most_entries(void)
{
	ring_warm_up(8);
	check_init(0, NULL, 0, -EINVAL);
	check_init(1, NULL, 0, 0);
	check_init(3, NULL, 0, 0);
	check_init(SPAWN_TEMPLATE_RING_ENTRIES_MAX, NULL, 0, 0);
	check_init(SPAWN_TEMPLATE_RING_ENTRIES_MAX + 1, NULL, 0, -EINVAL);
	check_init(UINT32_MAX, NULL, 0, -EINVAL);
}

static void init_refuses_params_that_it_does_not_know(void)
{
	struct {
		struct spawn_template_ring_params p;
		char tail[5000];
	} a = { .p = { .threads = 1 } };
	const size_t ver0 = SPAWN_TEMPLATE_RING_PARAMS_SIZE_VER0;

	ring_warm_up(8);
	CHECK_EQ(sizeof(a.p), ver0);
	check_init(4, &a, ver0, 0);
	check_init(4, &a, ver0 - 1, -EINVAL);
	check_init(4, &a, 0, -EINVAL);
	check_init(4, NULL, ver0, -EINVAL);
	check_init(4, &a, 4096, 0);
	check_init(4, &a, 4097, -E2BIG);
	a.tail[50] = 1;
	check_init(4, &a, 4096, -E2BIG);
	check_init(4, &a, ver0 + 50, 0);
	for (int bit = 0; bit < 32; bit++) {
		a.p.flags = 1U << bit;
		check_init(4, &a, ver0, -EINVAL);
	}
	a.p.flags = 0;
	for (size_t i = 0; i < TEST_COUNT(a.p.reserved); i++) {
		a.p.reserved[i] = 1;
		check_init(4, &a, ver0, -EINVAL);
		a.p.reserved[i] = 0;
	}
	a.p.threads = SPAWN_TEMPLATE_RING_THREADS_MAX + 1;
	check_init(4, &a, ver0, -EINVAL);
	a.p.threads = UINT32_MAX;
	check_init(4, &a, ver0, -EINVAL);
	CHECK_EQ(spawn_template_ring_init(4, NULL, 0, NULL), -EINVAL);
	spawn_template_ring_exit(NULL);
}

/* Launching threads stay; the watching thread is there as long as a ring is. */
static void threads_are_as_documented(void)
{
	int before = scene_now().threads;
	struct spawn_template_ring *one = ring_new(1, 3), *two;
	struct scene scene;

	CHECK_EQ(count_threads(), before + 3 + 1);
	spawn_template_ring_exit(one);
	scene = scene_now();
	for (int i = 0; i < 10000 && count_threads() > before + 3; i++)
		sleep_ms(1);
	CHECK_EQ(count_threads(), before + 3);
	CHECK_EQ(scene.fds, test_count_fds());
	/* all rings share the threads, of which there are at least so many */
	one = ring_new(1, 2);
	CHECK_LE(count_threads(), before + 3 + 1);
	two = ring_new(1, SPAWN_TEMPLATE_RING_THREADS_MAX);
	CHECK_GE(count_threads(), before + SPAWN_TEMPLATE_RING_THREADS_MAX + 1);
	CHECK_LE(count_threads(), before + SPAWN_TEMPLATE_RING_THREADS_MAX + 2);
	spawn_template_ring_exit(one);
	spawn_template_ring_exit(two);
}

static void the_default_of_threads_follows_the_cpus(void)
{
	struct spawn_template_ring *ring = NULL;
	int before = scene_now().threads, want;
	cpu_set_t sets[8];

	CHECK_SYS(sched_getaffinity(0, sizeof(sets), sets));
	want = 2 * CPU_COUNT_S(sizeof(sets), sets);
	want = want < 2 ? 2 : want > 8 ? 8 : want;
	CHECK_EQ(spawn_template_ring_init(8, NULL, 0, &ring), 0);
	CHECK_EQ(count_threads(), before + want + 1);
	spawn_template_ring_exit(ring);
}

/* The kernel wants room for all CPUs that it could have. */
static void the_default_of_threads_is_right_on_a_large_machine(void)
{
	test_seccomp_arg(SYS_sched_getaffinity, 1, ~0ULL, 1024 / 8, EINVAL);
	the_default_of_threads_follows_the_cpus();
}

/* No handler of the host runs on a thread of the library. */
static void threads_block_all_signals(void)
{
	/* libc keeps two or three signals for itself, and sends one to all threads */
	const uint64_t all =
		~(TEST_SIGBIT(SIGKILL) | TEST_SIGBIT(SIGSTOP) |
		  TEST_SIGBIT(32) | TEST_SIGBIT(33) | TEST_SIGBIT(34));
	struct spawn_template_ring *ring;
	char self[32];
	int others = 0;
	DIR *dir;

	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer has a thread of its own");
	ring = ring_new(1, 4);
	sleep_ms(50); /* until the new threads have begun */
	snprintf(self, sizeof(self), "%d", getpid());
	dir = opendir("/proc/self/task");
	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		char *status, *line;

		if (d->d_name[0] == '.' || !strcmp(d->d_name, self))
			continue;
		status = test_read(
			test_fmt("/proc/self/task/%s/status", d->d_name));
		line = strstr(status, "SigBlk:");
		CHECK(line);
		CHECK_EQ(strtoull(line + 7, NULL, 16) & all, all);
		others++;
	}
	closedir(dir);
	CHECK_EQ(others, 5);
	spawn_template_ring_exit(ring);
}

/* ---- completions ---- */

static void a_spawn_completes(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template(), pidfd;
	struct scene before = scene_now();
	char *info;

	queue_spawn(ring, tfd, TREE("exit", "37"), 0xfedcba9876543210);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	cqe = ring_take_of(ring, 0xfedcba9876543210);
	CHECK_EQ(cqe->res, 0);
	CHECK_GE(cqe->pidfd, 0);
	info = test_read(test_fmt("/proc/self/fdinfo/%d", cqe->pidfd));
	CHECK_HAS(info, test_fmt("Pid:\t%d\n", cqe->pid));
	CHECK_EQ(fcntl(cqe->pidfd, F_GETFD), FD_CLOEXEC);
	/* the child and its pidfd are the caller's */
	pidfd = cqe->pidfd;
	spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(test_wait(pidfd), 37);
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

static void a_pidfd_outlives_the_ring(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;
	int pidfd;

	queue_spawn(ring, tree_template(), TREE("sleep", "100", "exit", "3"),
		    1);
	cqe = ring_take(ring);
	pidfd = cqe->pidfd;
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	CHECK_EQ(test_wait(pidfd), 3);
}

static void a_run_completes(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("cat", "err", "more", "exit", "5"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct scene before = scene_now();

	args.input = (uintptr_t) "input";
	args.input_len = 5;
	queue_run_args(ring, tfd, &args, 2);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	cqe = ring_take_of(ring, 2);
	CHECK_EQ(cqe->res, 0);
	CHECK(cqe->result);
	check_result(&args, cqe->result);
	CHECK_EQ(cqe->result->code, 5);
	CHECK_STR(cqe->result->out, "input");
	CHECK_STR(cqe->result->err, "more");
	CHECK_EQ(cqe->result->flags, 0);
	spawn_template_ring_seen(ring, cqe);
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

static void output_may_be_taken(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;
	char *out;

	queue_run(ring, tree_template(), TREE("say", "kept", "err", "x"), 1);
	cqe = ring_take(ring);
	out = cqe->result->out;
	cqe->result->out = NULL;
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
	CHECK_STR(out, "kept");
	free(out);
}

static void check_failure(struct spawn_template_ring *ring, uint64_t data,
			  int err, unsigned int stage, unsigned int action)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, data);

	CHECK_EQ(cqe->res, -err);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags), stage);
	CHECK_EQ(SPAWN_TEMPLATE_CQE_ACTION(cqe->flags), action);
	CHECK_EQ(cqe->pid, -1);
	CHECK_EQ(cqe->pidfd, -1);
	CHECK(!cqe->result);
	spawn_template_ring_seen(ring, cqe);
}

static void failures_complete_with_stage_and_action(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	char *path = test_path("prog");
	int tfd;

	test_copy(test_tool("tree"), path, 0755);
	tfd = CHECK_OK(spawn_template_open(path, 0));
	TEST_ACTIONS(&args.spawn, ACT_DUP2(0, 7), ACT_DUP2(0, 8),
		     ACT_CLOSE(600));
	args.input = (uintptr_t) "input";
	args.input_len = 5;
	/* neither is written to */
	args.spawn.failure = args.spawn.pidfd = 8;
	queue_run_args(ring, tfd, &args, 1);
	check_failure(ring, 1, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	queue_spawn_args(ring, tfd, &args.spawn, 2);
	check_failure(ring, 2, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 2);
	args.spawn.actions_len = 0;
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	args.spawn.pgroup = 1;
	queue_run_args(ring, tfd, &args, 3);
	check_failure(ring, 3, EPERM, SPAWN_TEMPLATE_STAGE_ATTR, 0);
	CHECK_SYS(unlink(path));
	queue_run_args(ring, tfd, &args, 4);
	check_failure(ring, 4, ESTALE, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	queue_spawn_args(ring, 9999, &args.spawn, 5);
	check_failure(ring, 5, EBADF, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	queue_run_args(ring, 0, &args, 6);
	check_failure(ring, 6, EINVAL, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

static void check_refused(struct spawn_template_ring *ring,
			  struct spawn_template_run_args args, int run,
			  int spawn)
{
	int tfd = tree_template();

	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1),
		 run);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, &args.spawn,
					   sizeof(args.spawn), 1),
		 spawn);
	CHECK_SYS(close(tfd));
}

/* Refused arguments take no room in the ring. */
static void malformed_arguments_are_refused_at_once(void)
{
	struct spawn_template_run_args args, good = run_args(TREE("exit", "4"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_action actions[257];
	int tfd = tree_template();

	args = good;
	args.flags = 1U << 20;
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1),
		 -EINVAL);
	args = good;
	args.input_len = 1;
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1),
		 -EINVAL);
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &good,
					 SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0 - 1,
					 1),
		 -EINVAL);
	CHECK_EQ(spawn_template_ring_run(ring, tfd, NULL, sizeof(good), 1),
		 -EINVAL);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, &good.spawn, 79, 1),
		 -EINVAL);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, &good.spawn, 4097, 1),
		 -E2BIG);
	args = good;
	args.spawn.argv = 0;
	check_refused(ring, args, -EINVAL, -EINVAL);
	args = good;
	args.spawn.flags = 1ULL << 50;
	check_refused(ring, args, -EINVAL, -EINVAL);
	args = good;
	args.spawn.reserved[0] = 1;
	check_refused(ring, args, -EINVAL, -EINVAL);
	args = good;
	args.spawn.actions_len = 1;
	check_refused(ring, args, -EINVAL, -EINVAL);
	TEST_ACTIONS(&args.spawn, ACT_CHDIR(NULL));
	check_refused(ring, args, -EINVAL, -EINVAL);
	TEST_ACTIONS(&args.spawn, ACT_(CLOSE, .fd = 3, .newfd = 1));
	check_refused(ring, args, -EINVAL, -EINVAL);
	for (size_t i = 0; i < TEST_COUNT(actions); i++)
		actions[i] = ACT_DUP2(0, 0);
	args.spawn.actions = (uintptr_t)actions;
	args.spawn.actions_len = TEST_COUNT(actions);
	check_refused(ring, args, -E2BIG, -E2BIG);
	CHECK_EQ(spawn_template_ring_submit(ring), 0);
	check_none(ring);
	queue_run_args(ring, tfd, &good, 2);
	CHECK_EQ(take_run_code(ring, 2), 4);
	spawn_template_ring_exit(ring);
}

/* The oldest version of a launch's arguments is enough. */
static void old_arguments_are_accepted(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TREE("exit", "6"));
	struct spawn_template_ring *ring = ring_new(1, 1);

	memset(&args.failure, 0x5a, sizeof(args) - 80);
	CHECK_EQ(spawn_template_ring_spawn(ring, tree_template(), &args, 80, 1),
		 0);
	CHECK_EQ(reap_spawn(ring, ring_take(ring)), 6);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETSID;
	CHECK_EQ(spawn_template_ring_spawn(ring, tree_template(), &args, 80, 1),
		 -EINVAL);
	spawn_template_ring_exit(ring);
}

/* ---- how much it holds, and when it starts ---- */

static void check_full(struct spawn_template_ring *ring, int tfd)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));

	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 9),
		 -EAGAIN);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, &args.spawn,
					   sizeof(args.spawn), 9),
		 -EAGAIN);
}

static void full_until_seen(unsigned int entries)
{
	struct spawn_template_cqe *cqes[70];
	struct spawn_template_ring *ring = ring_new(entries, 1);
	int tfd = template_of("tiny");

	test_doing("%u entries", entries);
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < entries; i++)
			queue_run(ring, tfd, TEST_ARGV("tiny"), i);
		check_full(ring, tfd);
		CHECK_EQ(spawn_template_ring_submit(ring), entries);
		CHECK_EQ(spawn_template_ring_submit(ring), 0);
		for (unsigned int i = 0; i < entries; i++) {
			check_full(ring, tfd);
			cqes[i] = ring_take(ring);
		}
		/* taken is not seen */
		check_full(ring, tfd);
		check_none(ring);
		spawn_template_ring_seen(ring, cqes[entries / 2]);
		queue_run(ring, tfd, TEST_ARGV("tiny"), 99);
		check_full(ring, tfd);
		CHECK_EQ(take_run_code(ring, 99), 0);
		for (unsigned int i = 0; i < entries; i++) {
			if (i != entries / 2)
				spawn_template_ring_seen(ring, cqes[i]);
		}
	}
	spawn_template_ring_exit(ring);
}

static void a_full_ring_is_eagain_until_one_is_seen(void)
{
	full_until_seen(1);
	full_until_seen(2);
	full_until_seen(7);
	full_until_seen(64);
}

static void nothing_starts_before_submit(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	char *path = test_path("touched");
	int tfd = test_probe();

	queue_spawn(ring, tfd, TEST_ARGV("probe", "touch", path), 1);
	queue_run(ring, tfd, TEST_ARGV("probe", "touch", path), 2);
	sleep_ms(150);
	CHECK(test_no_children());
	CHECK_EQ(access(path, F_OK), -1);
	CHECK(!is_readable(spawn_template_ring_fd(ring), 0));
	CHECK_EQ(spawn_template_ring_submit(ring), 2);
	for (int i = 0; i < 2; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		if (cqe->result)
			spawn_template_ring_seen(ring, cqe);
		else
			CHECK_EQ(reap_spawn(ring, cqe), 0);
	}
	CHECK_EQ(access(path, F_OK), 0);
	CHECK_EQ(spawn_template_ring_submit(ring), 0);
	spawn_template_ring_exit(ring);
}

/* A wait submits, also with timeout 0. */
static void wait_submits(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_cqe *cqe = NULL;
	int tfd = tree_template();

	queue_run(ring, tfd, TREE("exit", "7"), 1);
	CHECK_EQ(take_run_code(ring, 1), 7);
	queue_run(ring, tfd, TREE("exit", "8"), 2);
	while (spawn_template_ring_wait(ring, &cqe, 0) == -ETIME)
		sleep_ms(1);
	CHECK_EQ(cqe->result->code, 8);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void wait_keeps_its_timeout(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_cqe *cqe = (void *)&cqe;
	uint64_t start = now_ms();

	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), -ETIME);
	CHECK_LE(now_ms() - start, at_most_ms(2000));
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 100), -ETIME);
	CHECK_GE(now_ms() - start, 100);
	CHECK_LE(now_ms() - start, at_most_ms(2000));
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, -2), -EINVAL);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, INT32_MIN), -EINVAL);
	/* the run takes longer than the first timeout */
	queue_run(ring, tree_template(), TREE("sleep", "300"), 3);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 100), -ETIME);
	CHECK(cqe == (void *)&cqe);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, -1), 0);
	CHECK_EQ(cqe->user_data, 3);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void on_signal(int sig)
{
	(void)sig;
}

struct interrupted {
	pthread_t thread;
	atomic_bool done;
};

/* Signals again and again, as the thread may not have begun to wait. */
static void *interrupt(void *arg)
{
	struct interrupted *in = arg;

	while (!atomic_load(&in->done)) {
		sleep_ms(20);
		CHECK_EQ(pthread_kill(in->thread, SIGUSR1), 0);
	}
	return NULL;
}

static void a_handler_ends_the_wait(int flags, int timeout)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_cqe *cqe = NULL;
	struct interrupted in = { .thread = pthread_self() };
	pthread_t thread;

	CHECK_SYS(sigaction(SIGUSR1, &act, NULL));
	queue_run(ring, tree_template(), TREE("pause"), 1);
	thread = start_thread(interrupt, &in);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, timeout), -EINTR);
	CHECK(!cqe);
	atomic_store(&in.done, true);
	join_thread(thread);
	spawn_template_ring_exit(ring);
}

static void handlers_end_the_wait(void)
{
	a_handler_ends_the_wait(0, -1);
	a_handler_ends_the_wait(0, 20000);
	a_handler_ends_the_wait(SA_RESTART, -1);
	a_handler_ends_the_wait(SA_RESTART, 20000);
}

/* ---- the fd ---- */

static void the_fd_is_an_eventfd(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	int fd = spawn_template_ring_fd(ring);
	char target[64] = { 0 };

	CHECK_GE(fd, 3);
	CHECK_EQ(spawn_template_ring_fd(ring), fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_SYS(readlink(test_fmt("/proc/self/fd/%d", fd), target,
			   sizeof(target) - 1));
	CHECK_STR(target, "anon_inode:[eventfd]");
	CHECK(!is_readable(fd, 0));
	spawn_template_ring_exit(ring);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

/* Takes n completions by polling alone; each must make the fd readable. */
static void take_by_polling(struct spawn_template_ring *ring, int n,
			    int *spurious)
{
	int fd = spawn_template_ring_fd(ring);
	struct spawn_template_cqe *cqe;

	while (n) {
		CHECK(is_readable(fd, (int)at_most_ms(10000)));
		if (spawn_template_ring_wait(ring, &cqe, 0) == -ETIME) {
			++*spurious;
			continue;
		}
		check_cqe(cqe);
		if (cqe->pidfd >= 0)
			CHECK_EQ(reap_spawn(ring, cqe), 0);
		else
			spawn_template_ring_seen(ring, cqe);
		n--;
	}
	if (is_readable(fd, 0)) {
		++*spurious;
		check_quiet(ring);
	}
}

static void the_fd_is_readable_while_completions_wait(void)
{
	struct spawn_template_ring *ring = ring_new(32, 2);
	int tfd = template_of("tiny"), spurious = 0, total = 0;
	int most = getenv("TEST_SLOW") ? 600 : 4000;

	srand(1);
	while (total < most) {
		int n = 1 + rand() % 20;

		for (int i = 0; i < n; i++) {
			/* they take different times; one fails at once */
			if (rand() % 2)
				queue_spawn(ring, 9999, TEST_ARGV("x"), 1);
			else if (rand() % 2)
				queue_run(ring, tfd, TEST_ARGV("tiny"), 1);
			else
				queue_spawn(ring, tfd, TEST_ARGV("tiny"), 1);
		}
		CHECK_EQ(spawn_template_ring_submit(ring), n);
		take_by_polling(ring, n, &spurious);
		total += n;
	}
	test_note("%d completions, %d times for nothing", total, spurious);
	CHECK_LE(spurious, total / 4);
	spawn_template_ring_exit(ring);
}

static void the_fd_stays_readable_until_all_are_taken(void)
{
	struct spawn_template_ring *ring = ring_new(32, 1), *other;
	int fd = spawn_template_ring_fd(ring);

	other = ring_new(1, 1);
	for (int i = 0; i < 20; i++)
		queue_spawn(ring, 9999, TEST_ARGV("x"), (uint64_t)i);
	CHECK_EQ(spawn_template_ring_submit(ring), 20);
	ring_catch_up(other);
	for (int i = 0; i < 20; i++) {
		struct spawn_template_cqe *cqe = NULL;

		CHECK(is_readable(fd, 0));
		CHECK(is_readable(fd, 0));
		CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), 0);
		spawn_template_ring_seen(ring, cqe);
	}
	check_quiet(ring);
	spawn_template_ring_exit(other);
	spawn_template_ring_exit(ring);
}

/*
 * The caller takes one completion without polling, and polls for the other: the
 * first must not have taken the other's event with it.
 */
static void the_fd_is_readable_after_a_look_without_poll(void)
{
	struct spawn_template_ring *ring = ring_new(4, 2);
	int fd = spawn_template_ring_fd(ring);
	uint64_t most = now_ms() + 5000;
	int rounds = getenv("TEST_SLOW") ? 500 : 5000;

	for (int i = 0; i < rounds && now_ms() < most; i++) {
		struct spawn_template_cqe *cqe = NULL;

		queue_spawn(ring, 9999, TEST_ARGV("x"), 1);
		queue_spawn(ring, 9999, TEST_ARGV("x"), 1);
		while (spawn_template_ring_wait(ring, &cqe, 0) == -ETIME)
			sched_yield();
		spawn_template_ring_seen(ring, cqe);
		CHECK(is_readable(fd, (int)at_most_ms(5000)));
		while (spawn_template_ring_wait(ring, &cqe, 0) == -ETIME)
			sched_yield();
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static int64_t processor_ms(void)
{
	struct rusage ru;

	CHECK_SYS(getrusage(RUSAGE_SELF, &ru));
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

/* The host may have closed all fds that it does not know. */
static void a_ring_that_cannot_wait_neither_spins_nor_hangs(void)
{
	struct spawn_template_ring *ring;
	int64_t before;
	uint64_t start;

#ifdef SYS_epoll_wait
	test_seccomp(SYS_epoll_wait, EBADF);
#endif
	test_seccomp(SYS_epoll_pwait, EBADF);
	ring = ring_new(4, 2);
	before = processor_ms();
	sleep_ms(500);
	/* no ring works then, but no ring spins or hangs at its end */
	CHECK_LE(processor_ms() - before, 100);
	start = now_ms();
	spawn_template_ring_exit(ring);
	CHECK_LE(now_ms() - start, at_most_ms(1000));
}

/* ---- the caller's memory ---- */

/* A page or more that is gone after the call. */
struct arena {
	char *base;
	size_t used, size;
};

static void *put(struct arena *a, const void *data, size_t len)
{
	void *to = a->base + a->used;

	a->used = (a->used + len + 15) & ~15UL;
	CHECK_LE(a->used, a->size);
	memcpy(to, data, len);
	return to;
}

static uint64_t put_string(struct arena *a, const char *s)
{
	return (uintptr_t)put(a, s, strlen(s) + 1);
}

static uint64_t put_strings(struct arena *a, const char *const *strings)
{
	char *copies[40] = { NULL };
	size_t n = 0;

	for (; strings[n]; n++)
		copies[n] = put(a, strings[n], strlen(strings[n]) + 1);
	return (uintptr_t)put(a, copies, (n + 1) * sizeof(*copies));
}

static uint64_t put_sigset(struct arena *a, uint64_t set)
{
	struct spawn_template_sigset arg = {
		.sigset = (uintptr_t)put(a, &set, sizeof(set)),
		.sigsetsize = 8,
	};

	return (uintptr_t)put(a, &arg, sizeof(arg));
}

static uint64_t put_actions(struct arena *a, size_t *n)
{
	struct rlimit limit = { 12345678, 12345678 };
	struct spawn_template_open open = {
		.path = put_string(a, "file"),
		.how = { .flags = O_RDONLY },
	};
	struct spawn_template_action actions[] = {
		ACT_CHDIR(put_string(a, test_tmpdir())),
		ACT_OPEN(AT_FDCWD, 40, put(a, &open, sizeof(open))),
		ACT_KEEP(40),
		ACT_SIGMASK(put_sigset(a, TEST_SIGBIT(SIGUSR1))),
		ACT_SIGDEFAULT(put_sigset(a, TEST_SIGBIT(SIGUSR2))),
		ACT_RLIMIT(RLIMIT_FSIZE, put(a, &limit, sizeof(limit))),
	};

	*n = TEST_COUNT(actions);
	return (uintptr_t)put(a, actions, sizeof(actions));
}

static struct spawn_template_run_args *put_args(struct arena *a)
{
	static const char *const argv[] = {
		"probe",  "args", "env",  "cwd", "ids", "signals",
		"rlimit", "1",	  "read", "40",	 "cat", NULL
	};
	static const char *const envp[] = { "ONE=1", "TWO=2", NULL };
	gid_t groups[] = { 7, 8, 9 };
	struct spawn_template_run_args args = {
		.spawn.argv = put_strings(a, argv),
		.spawn.envp = put_strings(a, envp),
		.input = put_string(a, "the input"),
		.input_len = 9,
		.cgroup_parent_fd = -1,
	};

	args.spawn.actions = put_actions(a, &args.spawn.actions_len);
	if (test_is_root()) {
		args.spawn.flags = SPAWN_TEMPLATE_SPAWN_SETGROUPS;
		args.spawn.groups = (uintptr_t)put(a, groups, sizeof(groups));
		args.spawn.n_groups = TEST_COUNT(groups);
	}
	return put(a, &args, sizeof(args));
}

static void all_arguments_are_copied_when_queued(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct arena a = { .size = 65536 };
	struct spawn_template_run_args *args;
	struct spawn_template_cqe *cqe;
	char *out;

	CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	test_write(test_path("file"), "from the file", 0644);
	a.base = mmap(NULL, a.size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(a.base != MAP_FAILED);
	args = put_args(&a);
	queue_run_args(ring, test_probe(), args, 1);
	/* a read after munmap() may not fault, so overwrite the memory first */
	memset(a.base, 0x5a, a.size);
	CHECK_SYS(munmap(a.base, a.size));
	cqe = ring_take(ring);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 0);
	out = cqe->result->out;
	CHECK_STR(test_value(out, "argc"), "11");
	CHECK_STR(test_value(out, "argv.10"), "cat");
	CHECK_STR(test_value(out, "ONE"), "1");
	CHECK_STR(test_value(out, "TWO"), "2");
	CHECK_STR(test_value(out, "cwd"), test_tmpdir());
	CHECK_STR(test_value(out, "data.40"), "from the file");
	CHECK_STR(test_value(out, "limit.1"), "12345678,12345678");
	CHECK_EQ(test_signals(out, "blocked"), TEST_SIGBIT(SIGUSR1));
	CHECK_EQ(test_signals(out, "ignored"), 0);
	if (test_is_root())
		CHECK_STR(test_value(out, "groups"), "7,8,9");
	CHECK_HAS(out, "the input");
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/*
 * An argument and a variable stand in pages that cannot be read at times. The
 * handler cuts the list short right after the library has counted it for the second
 * time, for the copy.
 */
#define CUT_PAGE 65536 /* several, on most machines */

static char *cut_pages[2];
static char *cut_argv[] = { "tree", NULL, "5", "say", "more", NULL };
static int cut_faults;

static void cut_short(int sig, siginfo_t *info, void *context)
{
	bool second = (char *)info->si_addr >= cut_pages[1];

	(void)sig;
	(void)context;
	mprotect(cut_pages[second], CUT_PAGE, PROT_READ);
	if (second)
		mprotect(cut_pages[0], CUT_PAGE, PROT_NONE);
	if (++cut_faults == 3)
		cut_argv[3] = NULL;
}

static void cut_prepare(void)
{
	struct sigaction act = { .sa_sigaction = cut_short,
				 .sa_flags = SA_SIGINFO };

	cut_pages[0] = mmap(NULL, 2 * CUT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(cut_pages[0] != MAP_FAILED);
	cut_pages[1] = cut_pages[0] + CUT_PAGE;
	cut_argv[1] = strcpy(cut_pages[0], "exit");
	strcpy(cut_pages[1], "NAME=value");
	CHECK_SYS(sigaction(SIGSEGV, &act, NULL));
	CHECK_SYS(mprotect(cut_pages[0], 2 * CUT_PAGE, PROT_NONE));
}

static void arguments_cut_short_meanwhile_are_copied_safely(void)
{
	struct spawn_template_run_args args = run_args(cut_argv);
	struct spawn_template_ring *ring = ring_new(4, 1);
	static char input[4000];

#ifdef __GLIBC__
	/* fill memory that is not written with bytes that are no pointer */
	mallopt(M_PERTURB, 0x5a);
#endif
	cut_prepare();
	args.spawn.envp = (uintptr_t)(char *[]){ cut_pages[1], NULL };
	args.input = (uintptr_t)input;
	args.input_len = sizeof(input);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(cut_faults, 3);
	CHECK_EQ(take_run_code(ring, 1), 5);
	spawn_template_ring_exit(ring);
}

/* ---- many threads ---- */

enum { SUBMITTERS = 64, WAITERS = 4 };

static int per_submitter(void)
{
	return getenv("TEST_SLOW") ? 8 : 40;
}

struct crowd {
	struct spawn_template_ring *ring;
	int tfd, all;
	atomic_int next, taken, full;
	atomic_int seen[SUBMITTERS * 64];
};

static void submit_one(struct crowd *c, int number)
{
	char text[16];
	struct spawn_template_run_args args = run_args(TREE("say", text));
	int ret;

	snprintf(text, sizeof(text), "%d", number);
	do {
		if (number % 4)
			ret = spawn_template_ring_run(c->ring, c->tfd, &args,
						      sizeof(args),
						      (uint64_t)number);
		else
			ret = spawn_template_ring_spawn(
				c->ring, number % 8 ? 9999 : c->tfd,
				&args.spawn, sizeof(args.spawn),
				(uint64_t)number);
		if (ret == -EAGAIN) {
			atomic_fetch_add(&c->full, 1);
			usleep(200);
		}
	} while (ret == -EAGAIN);
	CHECK_EQ(ret, 0);
	CHECK_GE(spawn_template_ring_submit(c->ring), 0);
}

static void *submitter(void *arg)
{
	struct crowd *c = arg;

	for (int i = per_submitter(); i; i--)
		submit_one(c, atomic_fetch_add(&c->next, 1));
	return NULL;
}

static void check_crowd_cqe(struct crowd *c, struct spawn_template_cqe *cqe)
{
	int number = (int)cqe->user_data;

	check_cqe(cqe);
	CHECK(number >= 0 && number < c->all);
	CHECK_EQ(atomic_fetch_add(&c->seen[number], 1), 0);
	if (number % 4) {
		CHECK_EQ(cqe->res, 0);
		CHECK_STR(cqe->result->out, test_fmt("%d", number));
		spawn_template_ring_seen(c->ring, cqe);
	} else if (number % 8) {
		CHECK_EQ(cqe->res, -EBADF);
		spawn_template_ring_seen(c->ring, cqe);
	} else {
		CHECK_EQ(reap_spawn(c->ring, cqe), 0);
	}
}

static void *waiter(void *arg)
{
	struct crowd *c = arg;
	struct spawn_template_cqe *cqe;

	while (atomic_load(&c->taken) < c->all) {
		int ret = spawn_template_ring_wait(c->ring, &cqe, 50);

		if (ret == -ETIME)
			continue;
		CHECK_EQ(ret, 0);
		check_crowd_cqe(c, cqe);
		atomic_fetch_add(&c->taken, 1);
	}
	return NULL;
}

static void each_entry_completes_once_under_many_threads(void)
{
	static struct crowd c;
	pthread_t threads[SUBMITTERS + WAITERS];
	struct scene before;

	stdout_to_null();
	c.tfd = tree_template();
	c.ring = ring_new(100, 4);
	c.all = SUBMITTERS * per_submitter();
	before = scene_now();
	for (int i = 0; i < SUBMITTERS + WAITERS; i++)
		threads[i] =
			start_thread(i < SUBMITTERS ? submitter : waiter, &c);
	for (int i = 0; i < SUBMITTERS + WAITERS; i++)
		join_thread(threads[i]);
	for (int i = 0; i < c.all; i++)
		CHECK_EQ(atomic_load(&c.seen[i]), 1);
	test_note("the ring was full %d times", atomic_load(&c.full));
	check_none(c.ring);
	CHECK_EQ(spawn_template_ring_submit(c.ring), 0);
	check_scene(&before);
	spawn_template_ring_exit(c.ring);
}

/* ---- the order of many submitters ---- */

struct queuer {
	struct spawn_template_ring *ring;
	int tfd, n;
	uint64_t first; /* user_data of its first entry */
};

static void *queue_in_order(void *arg)
{
	struct queuer *q = arg;
	struct spawn_template_run_args args = run_args(TEST_ARGV("tiny"));

	for (int i = 0; i < q->n; i++) {
		int ret;

		while ((ret = spawn_template_ring_run(
				q->ring, q->tfd, &args, sizeof(args),
				q->first + (uint64_t)i)) == -EAGAIN)
			usleep(200);
		CHECK_EQ(ret, 0);
		/* another thread may submit the entry meanwhile */
		sched_yield();
		CHECK_GE(spawn_template_ring_submit(q->ring), 0);
	}
	return NULL;
}

/* The order is that of queueing, whoever submits. */
static void launches_keep_the_order_of_each_thread(void)
{
	struct spawn_template_ring *ring = ring_new(100, 1);
	int tfd = template_of("tiny"), n = per_submitter();
	struct queuer queuers[SUBMITTERS];
	pthread_t threads[SUBMITTERS];
	static pid_t pids[SUBMITTERS * 64];

	for (int i = 0; i < SUBMITTERS; i++) {
		queuers[i] = (struct queuer){
			.ring = ring,
			.tfd = tfd,
			.n = n,
			.first = (uint64_t)(i * n),
		};
		threads[i] = start_thread(queue_in_order, &queuers[i]);
	}
	for (int i = 0; i < SUBMITTERS * n; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		CHECK_LT(cqe->user_data, SUBMITTERS * n);
		pids[cqe->user_data] = cqe->pid;
		spawn_template_ring_seen(ring, cqe);
	}
	for (int i = 0; i < SUBMITTERS; i++) {
		join_thread(threads[i]);
		for (int k = 1; k < n; k++) {
			pid_t less = pids[i * n + k - 1] - pids[i * n + k];

			/* the pids wrap around if the difference is large */
			CHECK(less < 0 || less > 10000);
		}
	}
	spawn_template_ring_exit(ring);
}

static void *wait_for_ever(void *arg)
{
	struct spawn_template_cqe *cqe = ring_take_of(arg, 5);

	spawn_template_ring_seen(arg, cqe);
	return NULL;
}

static void *wait_minus_one(void *arg)
{
	struct spawn_template_cqe *cqe = NULL;

	CHECK_EQ(spawn_template_ring_wait(arg, &cqe, -1), 0);
	CHECK_EQ(cqe->user_data, 5);
	spawn_template_ring_seen(arg, cqe);
	return NULL;
}

/* The threads wait though nothing is in flight. */
static void wait_waits_for_what_others_submit(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	pthread_t threads[3] = {
		start_thread(wait_minus_one, ring),
		start_thread(wait_minus_one, ring),
		start_thread(wait_for_ever, ring),
	};
	int tfd = template_of("tiny");

	sleep_ms(100);
	for (int i = 0; i < 3; i++) {
		queue_run(ring, tfd, TEST_ARGV("tiny"), 5);
		CHECK_EQ(spawn_template_ring_submit(ring), 1);
		sleep_ms(20);
	}
	for (int i = 0; i < 3; i++)
		join_thread(threads[i]);
	check_none(ring);
	spawn_template_ring_exit(ring);
}

/* The pids tell the order in which the only launching thread works. */
static void launches_keep_the_order_of_queueing(void)
{
	struct spawn_template_ring *ring = ring_new(200, 1);
	int tfd = template_of("tiny"), n = 200, wraps = 0;
	pid_t pids[200] = { 0 };

	for (int i = 0; i < n; i++) {
		queue_run(ring, tfd, TEST_ARGV("tiny"), (uint64_t)i);
		if (i % 7 == 0)
			spawn_template_ring_submit(ring);
	}
	for (int i = 0; i < n; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		CHECK_LT(cqe->user_data, n);
		pids[cqe->user_data] = cqe->pid;
		spawn_template_ring_seen(ring, cqe);
	}
	for (int i = 1; i < n; i++)
		wraps += pids[i] < pids[i - 1];
	/* pids wrap around, and other programs use them up as well */
	CHECK_LE(wraps, 10);
	spawn_template_ring_exit(ring);
}

/* Stops this process, and lets one child end after the other meanwhile. */
static void end_while_stopped(const pid_t *pids, int n)
{
	pid_t self = getpid(), helper = CHECK_SYS(fork());

	if (!helper) {
		kill(self, SIGSTOP);
		while (test_process_state(self) != 'T')
			sleep_ms(1);
		for (int i = 0; i < n; i++) {
			kill(pids[i], SIGKILL);
			while (is_alive(pids[i]))
				sleep_ms(1);
		}
		kill(self, SIGCONT);
		_exit(0);
	}
	CHECK_EQ(CHECK_SYS(waitpid(helper, NULL, 0)), helper);
}

/* The runs end one after the other while this process is stopped. */
static void completions_come_oldest_first(void)
{
	struct spawn_template_run_args args = run_args(TREE("mark", "pause"));
	struct spawn_template_ring *ring = ring_new(8, 1);
	int tfd = tree_template();
	struct life life;
	pid_t pids[5];

	life_open(&life, &args.spawn);
	for (int i = 0; i < 5; i++) {
		queue_run_args(ring, tfd, &args, (uint64_t)i);
		spawn_template_ring_submit(ring);
		pids[i] = life_pid(&life);
	}
	end_while_stopped(pids, 5);
	for (int i = 0; i < 5; i++) {
		struct spawn_template_cqe *cqe = ring_take_of(ring, i);

		CHECK_EQ(cqe->result->signal, SIGKILL);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE(init_takes_1_to_the_most_entries),
	TEST_CASE(init_refuses_params_that_it_does_not_know),
	TEST_CASE(threads_are_as_documented),
	TEST_CASE(the_default_of_threads_follows_the_cpus),
	TEST_CASE(the_default_of_threads_is_right_on_a_large_machine),
	TEST_CASE(threads_block_all_signals),
	TEST_CASE(a_spawn_completes),
	TEST_CASE(a_pidfd_outlives_the_ring),
	TEST_CASE(a_run_completes),
	TEST_CASE(output_may_be_taken),
	TEST_CASE(failures_complete_with_stage_and_action),
	TEST_CASE(malformed_arguments_are_refused_at_once),
	TEST_CASE(old_arguments_are_accepted),
	TEST_CASE(a_full_ring_is_eagain_until_one_is_seen),
	TEST_CASE(nothing_starts_before_submit),
	TEST_CASE(wait_submits),
	TEST_CASE(wait_keeps_its_timeout),
	TEST_CASE(handlers_end_the_wait),
	TEST_CASE(the_fd_is_an_eventfd),
	TEST_CASE(the_fd_is_readable_while_completions_wait),
	TEST_CASE(the_fd_stays_readable_until_all_are_taken),
	TEST_CASE(the_fd_is_readable_after_a_look_without_poll),
	TEST_CASE(a_ring_that_cannot_wait_neither_spins_nor_hangs),
	TEST_CASE(all_arguments_are_copied_when_queued),
	TEST_CASE(arguments_cut_short_meanwhile_are_copied_safely),
	TEST_CASE(each_entry_completes_once_under_many_threads),
	TEST_CASE(wait_waits_for_what_others_submit),
	TEST_CASE(launches_keep_the_order_of_queueing),
	TEST_CASE(launches_keep_the_order_of_each_thread),
	TEST_CASE(completions_come_oldest_first),
};
TEST_MAIN(cases)
