/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of a ring whose input comes while they run, and its end; and runs that go on in
 * the background after their deadline.
 */
#include "rings.h"

#define KIB 1024U
#define MIB (1U << 20)
#define FOLLOWED(kind) ((kind) != SPAWN_TEMPLATE_CQE_END)

static struct spawn_template_run_args open_input(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(OPEN_INPUT);
	return args;
}

static int put(struct spawn_template_ring *ring, uint64_t id, const char *text)
{
	return spawn_template_ring_write(ring, id, text, strlen(text));
}

static int finish(struct spawn_template_ring *ring, uint64_t id)
{
	return spawn_template_ring_close_input(ring, id);
}

/* Takes the end of a run, whose code must be 0 and whose output this. */
static void take_output(struct spawn_template_ring *ring, uint64_t id,
			const char *want)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, id);

	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 0);
	CHECK_EQ(cqe->result->flags, 0);
	CHECK_STR(cqe->result->out, want);
	spawn_template_ring_seen(ring, cqe);
}

/* Waits for output of a run with RUN_STREAM, and gives it back. */
static void take_said(struct spawn_template_ring *ring, const char *want)
{
	struct spawn_template_cqe *cqe = ring_take(ring);

	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_OUT);
	CHECK_STR(test_fmt("%.*s", (int)cqe->data_len, (char *)cqe->data),
		  want);
	spawn_template_ring_seen(ring, cqe);
}

static void take_cancelled(struct spawn_template_ring *ring, uint64_t id)
{
	struct spawn_template_cqe *cqe;

	CHECK_EQ(spawn_template_ring_cancel(ring, id), 1);
	while (FOLLOWED((cqe = ring_take_of(ring, id))->kind))
		spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
}

/* ---- input ---- */

static void bytes_reach_the_program_while_it_runs(void)
{
	struct spawn_template_run_args args = open_input(TREE("cat"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;

	args.flags |= RUN(STREAM);
	args.input = (uintptr_t) "first ";
	args.input_len = 6;
	queue_run_args(ring, tree_template(), &args, 3);
	take_said(ring, "first ");
	CHECK_EQ(put(ring, 3, "second"), 6);
	take_said(ring, "second");
	CHECK_EQ(put(ring, 3, "third"), 5);
	take_said(ring, "third");
	CHECK_EQ(finish(ring, 3), 0);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
	CHECK_EQ(cqe->result->code, 0);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void bytes_wait_for_a_run_that_is_queued(void)
{
	struct spawn_template_run_args args = open_input(TREE("cat"));
	struct spawn_template_ring *ring = ring_new(2, 1);
	int tfd = tree_template();

	queue_run_args(ring, tfd, &args, 3);
	CHECK_EQ(put(ring, 3, "early "), 6);
	CHECK_EQ(put(ring, 3, "bird"), 4);
	CHECK_EQ(finish(ring, 3), 0);
	take_output(ring, 3, "early bird");
	/* and the end alone */
	queue_run_args(ring, tfd, &args, 4);
	CHECK_EQ(finish(ring, 4), 0);
	take_output(ring, 4, "");
	check_quiet(ring);
	spawn_template_ring_exit(ring);
}

static void any_amount_goes_through(void)
{
	struct spawn_template_run_args args = open_input(TREE("cat"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	const size_t len = 9U * MIB + 17;
	char *data = numbered_bytes(len);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct scene before = scene_now();

	queue_run_args(ring, tfd, &args, 3);
	spawn_template_ring_submit(ring);
	for (size_t at = 0; at < len;) {
		int n = spawn_template_ring_write(ring, 3, data + at, len - at);

		if (n == -EAGAIN) {
			sleep_ms(1);
			continue;
		}
		CHECK_GT(n, 0);
		at += (size_t)n;
	}
	CHECK_EQ(finish(ring, 3), 0);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->result->out_len, len);
	CHECK(!memcmp(cqe->result->out, data, len));
	spawn_template_ring_seen(ring, cqe);
	check_scene(&before);
	free(data);
	spawn_template_ring_exit(ring);
}

static void a_program_that_does_not_read_bounds_what_is_kept(void)
{
	struct spawn_template_run_args args = open_input(TREE("pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	char *data = numbered_bytes(100 * KIB);
	size_t taken = 0;
	int n, full = 0;

	queue_run_args(ring, tree_template(), &args, 3);
	spawn_template_ring_submit(ring);
	while (full < 300) {
		n = spawn_template_ring_write(ring, 3, data, 100 * KIB);
		if (n == -EAGAIN) {
			full++;
			sleep_ms(1);
			continue;
		}
		CHECK_GT(n, 0);
		taken += (size_t)n;
	}
	/* the pipe has some, too */
	CHECK_GE(taken, SPAWN_TEMPLATE_RING_MAX_INPUT);
	CHECK_LE(taken, SPAWN_TEMPLATE_RING_MAX_INPUT + MIB);
	take_cancelled(ring, 3);
	free(data);
	spawn_template_ring_exit(ring);
}

static void a_closed_stdin_is_epipe_and_no_signal(void)
{
	struct spawn_template_run_args args =
		open_input(TREE("close", "0", "say", "x", "pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);

	args.flags |= RUN(STREAM);
	queue_run_args(ring, tree_template(), &args, 3);
	take_said(ring, "x");
	/* the thread that has launched it may not have closed its copy yet */
	for (int i = 0; i < 5000 && put(ring, 3, "hello") != -EPIPE; i++)
		sleep_ms(1);
	CHECK_EQ(put(ring, 3, "hello"), -EPIPE);
	CHECK_EQ(finish(ring, 3), 0);
	take_cancelled(ring, 3);
	spawn_template_ring_exit(ring);
}

/* The kernel's buffer is full when the reader goes. */
static void bytes_that_nobody_reads_are_no_signal_either(void)
{
	struct spawn_template_run_args args =
		open_input(TREE("sleep", "200", "exit", "5"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	char *data = numbered_bytes(MIB / 2);
	struct spawn_template_cqe *cqe;

	queue_run_args(ring, tree_template(), &args, 3);
	CHECK_EQ(spawn_template_ring_write(ring, 3, data, MIB / 2), MIB / 2);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->result->code, 5);
	CHECK_EQ(cqe->result->flags, 0);
	CHECK_EQ(put(ring, 3, "late"), -ENOENT);
	spawn_template_ring_seen(ring, cqe);
	free(data);
	spawn_template_ring_exit(ring);
}

static void errors_are_told_and_change_nothing(void)
{
	struct spawn_template_run_args args = open_input(TREE("cat"));
	struct spawn_template_ring *ring = ring_new(3, 1);
	struct spawn_template_result res;
	int tfd = tree_template();

	CHECK_EQ(put(ring, 3, "x"), -ENOENT);
	CHECK_EQ(finish(ring, 3), -ENOENT);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	queue_run_args(ring, tfd, &args, 3);
	queue_run(ring, tfd, TREE("sleep", "300"), 4);
	CHECK_EQ(put(ring, 4, "x"), -EINVAL);
	CHECK_EQ(finish(ring, 4), -EINVAL);
	CHECK_EQ(spawn_template_ring_write(ring, 3, NULL, 1), -EINVAL);
	CHECK_EQ(spawn_template_ring_write(ring, 3, NULL, 0), 0);
	CHECK_EQ(put(ring, 3, "y"), 1);
	CHECK_EQ(finish(ring, 3), 0);
	CHECK_EQ(put(ring, 3, "x"), -EPIPE);
	take_output(ring, 3, "y");
	CHECK_EQ(finish(ring, 3), -ENOENT);
	CHECK_EQ(take_run_code(ring, 4), 0);
	spawn_template_ring_exit(ring);
}

static void in_a_child_of_fork(void *ring)
{
	CHECK_EQ(put(ring, 3, "x"), -EACCES);
	CHECK_EQ(finish(ring, 3), -EACCES);
}

static void a_forked_child_cannot_write(void)
{
	struct spawn_template_run_args args = open_input(TREE("cat"));
	struct spawn_template_ring *ring = ring_new(1, 1);

	queue_run_args(ring, tree_template(), &args, 3);
	test_in_child(in_a_child_of_fork, ring);
	take_cancelled(ring, 3);
	spawn_template_ring_exit(ring);
}

/* ---- going on after the deadline ---- */

static struct spawn_template_run_args detaching(uint64_t ms, uint64_t more_ms,
						char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(DETACH_ON_TIMEOUT);
	args.timeout_ns = ms * MS;
	args.detached_timeout_ns = more_ms * MS;
	return args;
}

static void take_detached(struct spawn_template_ring *ring, uint64_t id,
			  uint32_t flags, const char *out)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, id);

	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_DETACHED);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->flags,
		 flags | RESULT(TIMED_OUT) | RESULT(DETACHED));
	CHECK_EQ(cqe->result->code, -1);
	CHECK_EQ(cqe->result->signal, -1);
	CHECK_STR(cqe->result->out, out);
	CHECK_EQ(cqe->result->out_len, strlen(out));
	CHECK(is_alive(cqe->pid));
	spawn_template_ring_seen(ring, cqe);
}

static void a_run_goes_on_after_its_deadline(void)
{
	struct spawn_template_run_args args =
		detaching(300, 60000, TREE("say", "a", "cat", "exit", "6"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;

	args.flags |= RUN(OPEN_INPUT);
	queue_run_args(ring, tree_template(), &args, 3);
	take_detached(ring, 3, 0, "a");
	check_none(ring);
	/* it is still the same run */
	CHECK_EQ(put(ring, 3, "b"), 1);
	CHECK_EQ(finish(ring, 3), 0);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
	CHECK_EQ(cqe->result->code, 6);
	CHECK_EQ(cqe->result->flags, RESULT(DETACHED));
	CHECK_STR(cqe->result->out, "ab");
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void the_second_deadline_ends_it(void)
{
	struct spawn_template_run_args args =
		detaching(200, 0, TREE("drip", "20", "x"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();

	/* without one of its own, the first time counts once more */
	queue_run_args(ring, tfd, &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_DETACHED);
	spawn_template_ring_seen(ring, cqe);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_END);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->signal, SIGKILL);
	CHECK_EQ(cqe->result->flags,
		 RESULT(DETACHED) | RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	CHECK_GE(cqe->result->total_ns, 400 * MS);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static void a_program_that_writes_nothing_is_detached_too(void)
{
	struct spawn_template_run_args args =
		detaching(60000, 60000, TREE("say", "x", "pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);

	args.idle_timeout_ns = 200 * MS;
	queue_run_args(ring, tree_template(), &args, 3);
	take_detached(ring, 3, RESULT(IDLE), "x");
	/* and does not count any more */
	sleep_ms(500);
	check_none(ring);
	take_cancelled(ring, 3);
	spawn_template_ring_exit(ring);
}

static void a_run_that_ends_in_time_is_not_detached(void)
{
	struct spawn_template_run_args args =
		detaching(60000, 60000, TREE("exit", "2"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_result res;
	int tfd = tree_template();

	queue_run_args(ring, tfd, &args, 3);
	CHECK_EQ(take_run_code(ring, 3), 2);
	check_quiet(ring);
	/* never without a deadline, nor for a caller that waits */
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.timeout_ns = 0;
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 3),
		 -EINVAL);
	spawn_template_ring_exit(ring);
}

static void ring_exit_ends_a_detached_run(void)
{
	struct spawn_template_run_args args =
		detaching(100, 60000, TREE("mark", "pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	struct life life;

	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_DETACHED);
	/* what is not given back is freed */
	spawn_template_ring_exit(ring);
	CHECK(life_ends(&life, 10000));
}

static const struct test_case cases[] = {
	TEST_CASE(bytes_reach_the_program_while_it_runs),
	TEST_CASE(bytes_wait_for_a_run_that_is_queued),
	TEST_CASE(any_amount_goes_through),
	TEST_CASE(a_program_that_does_not_read_bounds_what_is_kept),
	TEST_CASE(a_closed_stdin_is_epipe_and_no_signal),
	TEST_CASE(bytes_that_nobody_reads_are_no_signal_either),
	TEST_CASE(errors_are_told_and_change_nothing),
	TEST_CASE(a_forked_child_cannot_write),
	TEST_CASE(a_run_goes_on_after_its_deadline),
	TEST_CASE(the_second_deadline_ends_it),
	TEST_CASE(a_program_that_writes_nothing_is_detached_too),
	TEST_CASE(a_run_that_ends_in_time_is_not_detached),
	TEST_CASE(ring_exit_ends_a_detached_run),
};

TEST_MAIN(cases)
