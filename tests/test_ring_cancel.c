/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cancelling, and ending a ring: an entry that was not launched never is, a run is
 * ended with its tree, a completion stays as it is, and each entry completes once.
 * A ring that ends with work of all kinds in it leaves nothing but the children
 * of its spawns, and does not take long.
 */
#include "rings.h"

/* ---- cancel ---- */

static struct spawn_template_cqe *
take_cancelled(struct spawn_template_ring *ring, uint64_t user_data)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, user_data);

	CHECK_EQ(cqe->res, -ECANCELED);
	return cqe;
}

/* The entry was never launched: it has no process and no result. */
static void take_unlaunched(struct spawn_template_ring *ring,
			    uint64_t user_data)
{
	struct spawn_template_cqe *cqe = take_cancelled(ring, user_data);

	CHECK_EQ(cqe->pid, -1);
	CHECK(!cqe->result);
	spawn_template_ring_seen(ring, cqe);
}

static void cancel_of_nothing_is_enoent(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);

	CHECK_EQ(spawn_template_ring_cancel(ring, 0), -ENOENT);
	CHECK_EQ(spawn_template_ring_cancel(ring, 5), -ENOENT);
	queue_run(ring, template_of("tiny"), TEST_ARGV("tiny"), 5);
	CHECK_EQ(spawn_template_ring_cancel(ring, 4), -ENOENT);
	CHECK_EQ(spawn_template_ring_cancel(ring, 0), -ENOENT);
	CHECK_EQ(take_run_code(ring, 5), 0);
	CHECK_EQ(spawn_template_ring_cancel(ring, 5), -ENOENT);
	check_none(ring);
	spawn_template_ring_exit(ring);
}

static void a_cancelled_entry_never_runs_before_submit(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	char *path = test_path("touched");
	int tfd = test_probe();

	queue_run(ring, tfd, TEST_ARGV("probe", "touch", path), 1);
	queue_spawn(ring, tfd, TEST_ARGV("probe", "touch", path), 2);
	queue_run(ring, tfd, TEST_ARGV("probe", "exit", "3"), 3);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), 1);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), -ENOENT);
	take_unlaunched(ring, 1);
	take_unlaunched(ring, 2);
	CHECK_EQ(take_run_code(ring, 3), 3);
	check_none(ring);
	CHECK_EQ(access(path, F_OK), -1);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

/* The only launching thread is busy. */
static void a_cancelled_entry_never_runs_before_its_launch(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_run_args args = run_args(TREE("exit", "9"));
	char *path = test_path("touched");
	int tfd = tree_template(), probe = test_probe();
	struct hold hold;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	queue_run_args(ring, tfd, &args, 1);
	queue_run(ring, probe, TEST_ARGV("probe", "touch", path), 2);
	queue_spawn(ring, probe, TEST_ARGV("probe", "touch", path), 2);
	queue_run(ring, probe, TEST_ARGV("probe", "exit", "4"), 3);
	CHECK_EQ(spawn_template_ring_submit(ring), 4);
	wait_children(NULL, 1);
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), 2);
	/* they complete while the thread is still busy, and make room */
	take_unlaunched(ring, 2);
	take_unlaunched(ring, 2);
	check_none(ring);
	for (int i = 0; i < 6; i++)
		queue_run(ring, probe, TEST_ARGV("probe", "exit", "4"), 3);
	hold_release(&hold);
	for (int i = 0; i < 8; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->code, cqe->user_data == 1 ? 9 : 4);
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK_EQ(access(path, F_OK), -1);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

static void cancelled_during_the_launch(bool is_run, bool stopped)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_run_args args = run_args(TREE("exit", "9"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct hold hold;
	uint64_t start;
	pid_t pid;

	test_doing("run: %d, stopped: %d", is_run, stopped);
	args.grace_ns = 20 * SECOND; /* the grace is for programs only */
	hold_make(&hold, test_fmt("fifo-%d-%d", is_run, stopped));
	hold_args(&hold, &args.spawn);
	if (is_run)
		queue_run_args(ring, tfd, &args, 1);
	else
		queue_spawn_args(ring, tfd, &args.spawn, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	wait_children(&pid, 1);
	if (stopped)
		CHECK_SYS(kill(pid, SIGSTOP));
	start = now_ms();
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	cqe = take_cancelled(ring, 1);
	CHECK_LE(now_ms() - start, at_most_ms(5000));
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	check_none(ring);
	queue_run(ring, tfd, TREE("exit", "2"), 2);
	CHECK_EQ(take_run_code(ring, 2), 2);
	spawn_template_ring_exit(ring);
}

static void cancel_kills_a_launch_under_way(void)
{
	for (int i = 0; i < 4; i++)
		cancelled_during_the_launch(i & 1, i & 2);
}

/* The tree gets TERM, and KILL after the run's own grace. */
static void cancel_ends_a_tree_by_term_and_kill(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_run_args args =
		run_args(TREE("on", "15", "6", "say", "so far", "(", "ignore",
			      "15", "mark", "pause", ")", "pause"));
	struct spawn_template_cqe *cqe;
	struct life life;

	args.grace_ns = 200 * MS;
	args.timeout_ns = 60 * SECOND;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	life_pid(&life);
	sleep_ms(50);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	cqe = take_cancelled(ring, 1);
	/* the result tells how far the run came */
	CHECK(cqe->result);
	check_result(&args, cqe->result);
	CHECK_EQ(cqe->result->code, 6);
	CHECK_STR(cqe->result->out, "so far");
	CHECK_EQ(cqe->result->flags, RESULT(TREE_KILLED));
	CHECK_GE(cqe->result->total_ns, 240 * MS);
	CHECK_GT(cqe->pid, 0);
	CHECK(life_ends(&life, 0));
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

static void cancel_without_grace_kills_at_once(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_run_args args =
		run_args(TREE("(", "mark", "pause", ")", "pause"));
	struct spawn_template_cqe *cqe;
	struct life life;
	uint64_t start;

	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	life_pid(&life);
	start = now_ms();
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	cqe = take_cancelled(ring, 1);
	CHECK_LE(now_ms() - start, at_most_ms(5000));
	CHECK_EQ(cqe->result->signal, SIGKILL);
	CHECK_EQ(cqe->result->flags, RESULT(TREE_KILLED));
	CHECK(life_ends(&life, 0));
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* The run completes once, when its program ends by itself. */
static void a_second_cancel_does_not_shorten_the_grace(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_run_args args = run_args(
		TREE("ignore", "15", "mark", "sleep", "2000", "exit", "3"));
	struct spawn_template_cqe *cqe;
	struct life life;
	int ret;

	args.grace_ns = 20 * SECOND;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	life_pid(&life);
	sleep_ms(20);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	for (uint64_t most = now_ms() + 200; now_ms() < most;) {
		/* the run is not complete yet, so it is found again */
		ret = spawn_template_ring_cancel(ring, 1);
		CHECK_EQ(ret, 1);
		sleep_ms(10);
	}
	cqe = take_cancelled(ring, 1);
	CHECK_EQ(cqe->result->code, 3);
	CHECK_EQ(cqe->result->flags, 0);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), -ENOENT);
	spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), -ENOENT);
	check_none(ring);
	spawn_template_ring_exit(ring);
}

/* A completion counts as such, also before it is taken. */
static void cancel_after_completion_changes_nothing(void)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	int tfd = tree_template(), fd = spawn_template_ring_fd(ring);
	struct spawn_template_cqe *cqe;

	queue_run(ring, tfd, TREE("exit", "3"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	CHECK(is_readable(fd, 20000));
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), -ENOENT);
	CHECK_EQ(take_run_code(ring, 1), 3);
	check_quiet(ring);
	queue_spawn(ring, tfd, TREE("sleep", "200", "exit", "4"), 2);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	CHECK(is_readable(fd, 20000));
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), -ENOENT);
	cqe = ring_take_of(ring, 2);
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), -ENOENT);
	CHECK_EQ(reap_spawn(ring, cqe), 4);
	check_none(ring);
	spawn_template_ring_exit(ring);
}

/* The entries are queued, submitted and running; others are left alone. */
static void cancel_takes_all_of_one_user_data(void)
{
	struct spawn_template_ring *ring = ring_new(32, 2);
	int tfd = tree_template(), cancelled = 0, others = 0;

	for (int i = 0; i < 10; i++) {
		queue_run(ring, tfd, TREE("pause"), 7);
		queue_run(ring, tfd, TREE("sleep", "400", "exit", "1"), 8);
		if (i == 5) {
			spawn_template_ring_submit(ring);
			sleep_ms(50);
		}
	}
	CHECK_EQ(spawn_template_ring_cancel(ring, 7), 10);
	for (int i = 0; i < 20; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		if (cqe->user_data == 7) {
			CHECK_EQ(cqe->res, -ECANCELED);
			cancelled++;
		} else {
			CHECK_EQ(cqe->res, 0);
			CHECK_EQ(cqe->result->code, 1);
			others++;
		}
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK_EQ(cancelled, 10);
	CHECK_EQ(others, 10);
	check_none(ring);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

/* Each entry completes once, and leaves no child. */
static void cancel_at_any_moment_gives_one_completion(void)
{
	struct spawn_template_ring *ring = ring_new(64, 2);
	int tfd = tree_template(), counts[2] = { 0 };
	int rounds = getenv("TEST_SLOW") ? 100 : 600;
	struct scene before = scene_now();

	srand(7);
	for (int i = 0; i < rounds; i++) {
		struct spawn_template_cqe *cqe;
		bool is_run = i % 2;
		int ret, late;

		if (is_run)
			queue_run(ring, tfd, TREE("exit", "5"), (uint64_t)i);
		else
			queue_spawn(ring, tfd, TREE("exit", "5"), (uint64_t)i);
		CHECK_EQ(spawn_template_ring_submit(ring), 1);
		late = rand() % 1500;
		for (uint64_t end = now_ns() + (uint64_t)late * 1000;
		     now_ns() < end;)
			;
		ret = spawn_template_ring_cancel(ring, (uint64_t)i);
		CHECK(ret == 1 || ret == -ENOENT);
		cqe = ring_take_of(ring, (uint64_t)i);
		if (ret == -ENOENT)
			CHECK_EQ(cqe->res, 0);
		counts[!cqe->res]++;
		if (!cqe->res && !is_run) {
			CHECK_EQ(reap_spawn(ring, cqe), 5);
		} else {
			CHECK(!cqe->res || cqe->res == -ECANCELED);
			if (!cqe->res)
				CHECK_EQ(cqe->result->code, 5);
			spawn_template_ring_seen(ring, cqe);
		}
	}
	test_note("%d cancelled, %d not", counts[0], counts[1]);
	CHECK_GT(counts[0], 5);
	check_none(ring);
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

struct racer {
	struct spawn_template_ring *ring;
	atomic_bool done;
};

static void *cancel_odd(void *arg)
{
	struct racer *r = arg;

	while (!atomic_load(&r->done)) {
		int ret = spawn_template_ring_cancel(r->ring, 1);

		CHECK(ret == 1 || ret == -ENOENT);
	}
	return NULL;
}

/* Two user_data use the only slot by turns: cancel takes only the one it names. */
static void cancel_takes_no_other(void)
{
	struct racer r = { .ring = ring_new(1, 1) };
	int rounds = getenv("TEST_SLOW") ? 1000 : 10000, odd = 0;
	pthread_t threads[2] = { start_thread(cancel_odd, &r),
				 start_thread(cancel_odd, &r) };

	for (int i = 0; i < rounds; i++) {
		struct spawn_template_cqe *cqe;

		/* fails at once, so that the turns are quick */
		queue_spawn(r.ring, 9999, TEST_ARGV("x"), i % 2);
		cqe = ring_take_of(r.ring, i % 2);
		if (i % 2)
			odd += cqe->res == -ECANCELED;
		else
			CHECK_EQ(cqe->res, -EBADF);
		spawn_template_ring_seen(r.ring, cqe);
	}
	atomic_store(&r.done, true);
	join_thread(threads[0]);
	join_thread(threads[1]);
	test_note("%d of %d cancelled", odd, rounds / 2);
	spawn_template_ring_exit(r.ring);
}

/* ---- the end of a ring ---- */

/* The exit must be done in this time, and leave all as it was before. */
static void exit_within(struct spawn_template_ring *ring, uint64_t ms,
			const struct scene *before)
{
	uint64_t start = now_ms();

	spawn_template_ring_exit(ring);
	test_note("exit took %llu ms", (unsigned long long)(now_ms() - start));
	CHECK_LE(now_ms() - start, at_most_ms(ms));
	check_scene(before);
}

static void exit_launches_nothing_that_was_queued(void)
{
	char *path = test_path("touched");
	int tfd = test_probe();
	struct scene before;
	struct spawn_template_ring *ring;

	ring_warm_up(2);
	before = scene_now();
	ring = ring_new(64, 2);
	for (int i = 0; i < 32; i++) {
		queue_run(ring, tfd, TEST_ARGV("probe", "touch", path), 1);
		queue_spawn(ring, tfd, TEST_ARGV("probe", "touch", path), 1);
	}
	exit_within(ring, 1500, &before);
	sleep_ms(100);
	CHECK_EQ(access(path, F_OK), -1);
	CHECK(test_no_children());
}

/* The trees get KILL at once, whatever their grace is. */
static void exit_kills_the_trees_of_runs(void)
{
	int tfd = tree_template();
	struct spawn_template_run_args args =
		run_args(TREE("ignore", "15", "(", "ignore", "15", "mark",
			      "pause", ")", "pause"));
	struct spawn_template_ring *ring;
	struct scene before;
	struct life life;

	ring_warm_up(2);
	args.grace_ns = 60 * SECOND;
	life_open(&life, &args.spawn);
	before = scene_now();
	ring = ring_new(64, 2);
	for (int i = 0; i < 10; i++)
		queue_run_args(ring, tfd, &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 10);
	for (int i = 0; i < 10; i++)
		life_pid(&life);
	exit_within(ring, 1500, &before);
	CHECK(life_ends(&life, 0));
}

/* The trees do not hold each other up. */
static void exit_kills_many_trees_in_time(void)
{
	int tfd = tree_template();
	struct spawn_template_ring *ring;
	struct scene before;

	ring_warm_up(4);
	for (int flood = 0; flood < 2; flood++) {
		int n = flood ? 8 : 64;
		struct spawn_template_run_args args = run_args(
			flood ? TREE("mark", "(", "pause", ")", "flood", "1",
				     "0")
			      : TREE("(", "mark", "pause", ")", "pause"));
		struct life life;

		life_open(&life, &args.spawn);
		before = scene_now();
		ring = ring_new(64, 4);
		for (int i = 0; i < n; i++)
			queue_run_args(ring, tfd, &args, 1);
		CHECK_EQ(spawn_template_ring_submit(ring), n);
		for (int i = 0; i < n; i++)
			life_pid(&life);
		exit_within(ring, 1500, &before);
		CHECK(life_ends(&life, 0));
		CHECK_SYS(close(life.fds[0]));
	}
}

static void exit_ends_launches_under_way(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "9"));
	char *path = test_path("touched");
	int tfd = tree_template(), probe = test_probe();
	struct spawn_template_ring *ring;
	struct scene before;
	struct hold hold;

	ring_warm_up(2);
	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	before = scene_now();
	ring = ring_new(64, 2);
	queue_run_args(ring, tfd, &args, 1);
	queue_spawn_args(ring, tfd, &args.spawn, 2);
	for (int i = 0; i < 10; i++)
		queue_run(ring, probe, TEST_ARGV("probe", "touch", path), 3);
	CHECK_EQ(spawn_template_ring_submit(ring), 12);
	wait_children(NULL, 2);
	exit_within(ring, 1500, &before);
	CHECK_EQ(access(path, F_OK), -1);
	/* the launching threads are free for other rings */
	ring = ring_new(4, 2);
	queue_run(ring, tfd, TREE("exit", "2"), 1);
	CHECK_EQ(take_run_code(ring, 1), 2);
	spawn_template_ring_exit(ring);
}

/* Results are freed and pidfds closed. */
static void exit_frees_completions_that_nobody_took(void)
{
	int tfd = tree_template();
	struct spawn_template_ring *ring;
	struct scene before;

	ring_warm_up(2);
	before = scene_now();
	ring = ring_new(64, 2);
	for (int i = 0; i < 20; i++) {
		queue_run(ring, tfd, TREE("flood", "1", "50000"), 1);
		queue_run(ring, 9999, TREE("exit", "1"), 2);
	}
	/* two are taken, but not given back */
	ring_take(ring);
	ring_take(ring);
	sleep_ms((unsigned int)at_most_ms(150));
	exit_within(ring, 1500, &before);
}

/* Children of spawns live on, and the host reaps them. */
static void exit_leaves_spawned_children(void)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TREE("mark", "sleep", "4000", "exit", "7"));
	int tfd = tree_template(), taken_pidfd, status;
	struct spawn_template_ring *ring, *other;
	struct spawn_template_cqe *cqe;
	struct scene before;
	struct life life;
	pid_t taken, pid;

	ring_warm_up(1);
	other = ring_new(1, 1);
	life_open(&life, &args);
	before = scene_now();
	before.alone = false;
	ring = ring_new(64, 1);
	for (int i = 0; i < 5; i++)
		queue_spawn_args(ring, tfd, &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 5);
	cqe = ring_take(ring);
	taken = cqe->pid;
	taken_pidfd = cqe->pidfd;
	before.fds++;
	for (int i = 0; i < 5; i++)
		CHECK(is_alive(life_pid(&life)));
	/* the launches are complete, too */
	ring_catch_up(other);
	exit_within(ring, 1500, &before);
	CHECK_EQ(waitpid(taken, &status, WNOHANG), 0);
	CHECK_EQ(test_wait(taken_pidfd), 7);
	for (int i = 0; i < 4; i++) {
		pid = CHECK_SYS(waitpid(-1, &status, 0));
		CHECK_GT(pid, 0);
		CHECK_EQ(status, 7 << 8);
	}
	CHECK(test_no_children());
	spawn_template_ring_exit(other);
}

static void exit_ends_work_of_all_kinds_in_time(void)
{
	struct spawn_template_run_args stuck = run_args(TREE("exit", "9"));
	int tfd = tree_template();
	struct scene before;

	ring_warm_up(4);
	before = scene_now();
	for (int round = 0; round < 20; round++) {
		struct spawn_template_ring *ring = ring_new(128, 4);
		struct hold hold;

		hold_make(&hold, test_fmt("fifo-%d", round));
		hold_args(&hold, &stuck.spawn);
		queue_run_args(ring, tfd, &stuck, 1);
		for (int i = 0; i < 20; i++) {
			queue_run(ring, tfd, TREE("exit", "0"), 2);
			queue_run(ring, tfd, TREE("pause"), 4);
		}
		queue_run(ring, tfd, TREE("(", "pause", ")", "flood", "1", "0"),
			  3);
		spawn_template_ring_submit(ring);
		usleep((unsigned int)(round * 1500));
		for (int i = 0; i < 20; i++)
			queue_run(ring, tfd, TREE("pause"), 5);
		if (round % 3 == 0)
			spawn_template_ring_cancel(ring, 4);
		exit_within(ring, 1900, &before);
	}
}

/* The daemons in the cgroups end, too, and the directories are removed. */
static void exit_ends_runs_in_cgroups(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("(", "daemon", "mark", "pause", ")", "pause"));
	int tfd = tree_template();
	struct spawn_template_ring *ring;
	struct scene before;
	struct life life;

	args.cgroup_parent_fd = make_cgroup();
	ring_warm_up(2);
	life_open(&life, &args.spawn);
	before = scene_now();
	ring = ring_new(16, 2);
	for (int i = 0; i < 6; i++) {
		args.flags = i % 2 ? RUN(CGROUP) : RUN(SUPERVISE);
		queue_run_args(ring, tfd, &args, 1);
	}
	CHECK_EQ(spawn_template_ring_submit(ring), 6);
	for (int i = 0; i < 6; i++)
		life_pid(&life);
	exit_within(ring, 1900, &before);
	CHECK(life_ends(&life, 0));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void many_rings_in_turn_leave_nothing(void)
{
	int tfd = template_of("tiny"), n = getenv("TEST_SLOW") ? 50 : 300;
	struct scene before;

	ring_warm_up(2);
	before = scene_now();
	for (int i = 0; i < n; i++) {
		struct spawn_template_ring *ring = ring_new(16, 2);

		for (int k = 0; k < i % 10; k++)
			queue_run(ring, tfd, TEST_ARGV("tiny"), 1);
		if (i % 3)
			spawn_template_ring_submit(ring);
		spawn_template_ring_exit(ring);
	}
	check_scene(&before);
}

static const struct test_case cases[] = {
	TEST_CASE(cancel_of_nothing_is_enoent),
	TEST_CASE(a_cancelled_entry_never_runs_before_submit),
	TEST_CASE(a_cancelled_entry_never_runs_before_its_launch),
	TEST_CASE(cancel_kills_a_launch_under_way),
	TEST_CASE(cancel_ends_a_tree_by_term_and_kill),
	TEST_CASE(cancel_without_grace_kills_at_once),
	TEST_CASE(a_second_cancel_does_not_shorten_the_grace),
	TEST_CASE(cancel_after_completion_changes_nothing),
	TEST_CASE(cancel_takes_all_of_one_user_data),
	TEST_CASE(cancel_at_any_moment_gives_one_completion),
	TEST_CASE(cancel_takes_no_other),
	TEST_CASE(exit_launches_nothing_that_was_queued),
	TEST_CASE(exit_kills_the_trees_of_runs),
	TEST_CASE(exit_kills_many_trees_in_time),
	TEST_CASE(exit_ends_launches_under_way),
	TEST_CASE(exit_frees_completions_that_nobody_took),
	TEST_CASE(exit_leaves_spawned_children),
	TEST_CASE(exit_ends_work_of_all_kinds_in_time),
	TEST_CASE(exit_ends_runs_in_cgroups),
	TEST_CASE(many_rings_in_turn_leave_nothing),
};
TEST_MAIN(cases)
