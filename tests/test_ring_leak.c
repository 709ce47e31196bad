/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: many runs through a ring, and without a ring, leave no fd, thread, child,
 * mapping or memory; nor do runs that fail, time out or are cancelled.
 *
 * RUNS=N sets the number of runs.
 */
#include "growth.h"
#include "rings.h"

static int many(void)
{
	return growth_many("RUNS", getenv("TEST_SLOW") ? 2000 : 20000);
}

/* A part of many(), and never more than most. */
static int some(int part, int most)
{
	return many() / part < most ? many() / part : most;
}

struct usage {
	struct scene scene;
	struct memory memory;
};

static struct usage usage_now(void)
{
	/* the fds of a completed run are closed a moment later */
	sleep_ms((unsigned int)at_most_ms(30));
	return (struct usage){
		.scene = scene_now(),
		.memory = memory_now(),
	};
}

static void check_no_growth(const struct usage *before)
{
	struct usage now;

	/* threads and fds may take a moment to go */
	for (int i = 0; i < 10000; i++) {
		if (count_threads() <= before->scene.threads &&
		    test_count_fds() <= before->scene.fds)
			break;
		sleep_ms(1);
	}
	now = usage_now();
	CHECK_LE(now.scene.threads, before->scene.threads);
	CHECK_LE(now.scene.fds, before->scene.fds);
	CHECK(now.scene.alone || !before->scene.alone);
	memory_check(&before->memory, &now.memory, 8, 512);
}

/* Keeps in_flight entries in flight until n have completed. */
static void keep_in_flight(struct spawn_template_ring *ring, int n,
			   int in_flight, void (*queue)(void *arg, int number),
			   void (*look)(struct spawn_template_cqe *cqe),
			   void *arg)
{
	int queued = 0;

	for (int done = 0; done < n; done++) {
		struct spawn_template_cqe *cqe;

		while (queued < n && queued - done < in_flight)
			queue(arg, queued++);
		cqe = ring_take(ring);
		look(cqe);
		spawn_template_ring_seen(ring, cqe);
		growth_progress(done + 1, n);
	}
}

struct many {
	struct spawn_template_ring *ring;
	int program, tree;
};

static void queue_echo(void *arg, int number)
{
	struct many *m = arg;

	(void)number;
	queue_run(m->ring, m->program, TEST_ARGV("echo", "captured"), 1);
}

static void look_echo(struct spawn_template_cqe *cqe)
{
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 0);
	CHECK_STR(cqe->result->out, "captured\n");
}

static int echo_template(void)
{
	return CHECK_OK(spawn_template_search("echo", NULL,
					      SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static void nothing_grows_over_many_runs_in_a_ring(void)
{
	struct many m = { .program = echo_template() };
	struct usage before;

	m.ring = ring_new(32, 2);
	keep_in_flight(m.ring, 1000, 16, queue_echo, look_echo, &m);
	before = usage_now();
	keep_in_flight(m.ring, many(), 16, queue_echo, look_echo, &m);
	check_no_growth(&before);
	spawn_template_ring_exit(m.ring);
}

/* The seven kinds: fail in two ways, time out, much output, cancel, input, spawn. */
static void queue_mixed(void *arg, int number)
{
	struct many *m = arg;
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));

	switch (number % 7) {
	case 0:
		TEST_ACTIONS(&args.spawn, ACT_CLOSE(600));
		queue_run_args(m->ring, m->tree, &args, 0);
		break;
	case 1:
		queue_run(m->ring, 9999, TREE("x"), 1);
		break;
	case 2:
		args = run_args(TREE("(", "pause", ")", "pause"));
		args.timeout_ns = 15 * MS;
		queue_run_args(m->ring, m->tree, &args, 2);
		break;
	case 3:
		queue_run(m->ring, m->tree, TREE("flood", "1", "300000"), 3);
		break;
	case 4:
		queue_run(m->ring, m->tree, TREE("pause"), 4);
		spawn_template_ring_submit(m->ring);
		CHECK_GE(spawn_template_ring_cancel(m->ring, 4), 1);
		break;
	case 5:
		args.input = (uintptr_t) "input";
		args.input_len = 5;
		queue_run_args(m->ring, m->tree, &args, 5);
		break;
	default:
		queue_spawn(m->ring, m->tree, TREE("exit", "3"), 6);
		break;
	}
}

static void look_mixed(struct spawn_template_cqe *cqe)
{
	const int want[] = { -EBADF, -EBADF, 0, 0, -ECANCELED, 0, 0 };

	/* the run's time may be over before exec */
	if (cqe->user_data == 2 && cqe->res == -ETIMEDOUT)
		return;
	CHECK_EQ(cqe->res, want[cqe->user_data]);
	if (cqe->user_data == 2)
		CHECK_EQ(cqe->result->signal, SIGKILL);
	if (cqe->user_data == 6)
		CHECK_EQ(test_wait(cqe->pidfd), 3);
}

static void nothing_grows_over_work_of_all_kinds(void)
{
	struct many m = { .tree = tree_template() };
	struct usage before;

	m.ring = ring_new(32, 2);
	keep_in_flight(m.ring, 420, 10, queue_mixed, look_mixed, &m);
	before = usage_now();
	keep_in_flight(m.ring, some(10, 5000), 10, queue_mixed, look_mixed, &m);
	check_no_growth(&before);
	spawn_template_ring_exit(m.ring);
}

static void nothing_grows_over_many_runs_without_a_ring(void)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("echo", "captured"));
	int tfd = echo_template(), n = some(10, 5000);
	struct usage before = { 0 };

	args.timeout_ns = 100 * SECOND;
	for (int i = -50; i < n; i++) {
		struct spawn_template_result res;

		if (!i)
			before = usage_now();
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		CHECK_STR(res.out, "captured\n");
		spawn_template_result_free(&res);
	}
	check_no_growth(&before);
}

static void nothing_grows_over_many_rings(void)
{
	struct many m = { .program = echo_template() };
	struct usage before = { 0 };
	int n = some(100, 500);

	for (int i = -20; i < n; i++) {
		if (!i)
			before = usage_now();
		m.ring = ring_new(16, 2);
		keep_in_flight(m.ring, 8, 8, queue_echo, look_echo, &m);
		queue_echo(&m, 0);
		if (i % 2)
			spawn_template_ring_submit(m.ring);
		spawn_template_ring_exit(m.ring);
	}
	check_no_growth(&before);
}

/*
 * The completions are taken and not given back before the ring ends: 40 MB in all,
 * of which the allocator may keep the part that one ring needs.
 */
static void nothing_grows_over_results_not_given_back(void)
{
	struct usage before = { 0 }, now;
	int tfd = tree_template();

	for (int i = -5; i < 20; i++) {
		struct spawn_template_ring *ring;

		if (!i)
			before = usage_now();
		ring = ring_new(4, 2);
		for (int k = 0; k < 2; k++)
			queue_run(ring, tfd, TREE("flood", "1", "1000000"), 1);
		for (int k = 0; k < 2; k++)
			CHECK_EQ(ring_take_of(ring, 1)->result->out_len,
				 1000000);
		spawn_template_ring_exit(ring);
	}
	check_scene(&before.scene);
	if (TEST_SANITIZED)
		return;
	now = usage_now();
	test_note("KiB resident %ld -> %ld", before.memory.rss, now.memory.rss);
	CHECK_LE(now.memory.rss, before.memory.rss + 8192);
}

static void a_ring_costs_at_most_1_mib_and_a_run_16_kib(void)
{
	struct spawn_template_ring *ring;
	struct usage before, now;
	int tfd = tree_template();

	if (TEST_SANITIZED)
		TEST_SKIP("sanitizers take more");
	ring_warm_up(2);
	before = usage_now();
	ring = ring_new(SPAWN_TEMPLATE_RING_ENTRIES_MAX, 2);
	now = usage_now();
	test_note("a ring: %ld KiB", now.memory.rss - before.memory.rss);
	CHECK_LE(now.memory.rss - before.memory.rss, 1024);
	before = now;
	for (int i = 0; i < 200; i++)
		queue_run(ring, tfd, TREE("pause"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 200);
	wait_children(NULL, 200);
	now = usage_now();
	test_note("200 runs: %ld KiB", now.memory.rss - before.memory.rss);
	CHECK_LE(now.memory.rss - before.memory.rss, 200 * 16);
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(nothing_grows_over_many_runs_in_a_ring, 600),
	TEST_CASE_SECONDS(nothing_grows_over_work_of_all_kinds, 200),
	TEST_CASE_SECONDS(nothing_grows_over_many_runs_without_a_ring, 100),
	TEST_CASE_SECONDS(nothing_grows_over_many_rings, 100),
	TEST_CASE(nothing_grows_over_results_not_given_back),
	TEST_CASE(a_ring_costs_at_most_1_mib_and_a_run_16_kib),
};
TEST_MAIN(cases)
