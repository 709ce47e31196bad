/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completions that tell of room in the input of a run: they come once after a lack of
 * it, as soon as writing is worth while, and never else.
 */
#include "rings.h"

#define MIB (1U << 20)
#define END SPAWN_TEMPLATE_CQE_END
#define ROOM SPAWN_TEMPLATE_CQE_ROOM

#define ID 3

static char bytes[MIB];

/* Starts a run in a ring of its own. */
static struct spawn_template_ring *start(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_ring *ring = ring_new(1, 1);

	args.flags = RUN(OPEN_INPUT) | RUN(TELL_ROOM);
	queue_run_args(ring, tree_template(), &args, ID);
	spawn_template_ring_submit(ring);
	return ring;
}

static int put(struct spawn_template_ring *ring)
{
	return spawn_template_ring_write(ring, ID, bytes, sizeof(bytes));
}

/* Return: the bytes that were taken before there was no room. */
static size_t fill(struct spawn_template_ring *ring)
{
	size_t taken = 0;
	int n;

	while ((n = put(ring)) > 0)
		taken += (size_t)n;
	CHECK_EQ(n, -EAGAIN);
	return taken;
}

static struct spawn_template_cqe *take_room(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, ID);

	CHECK_EQ(cqe->kind, ROOM);
	return cqe;
}

static void check_silent(struct spawn_template_ring *ring, int ms)
{
	struct spawn_template_cqe *cqe;

	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, ms), -ETIME);
}

/* The stdin of a program may close a moment before the program is seen to end. */
static struct spawn_template_cqe *take_end(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe = ring_take_of(ring, ID);

	if (cqe->kind == ROOM) {
		spawn_template_ring_seen(ring, cqe);
		cqe = ring_take_of(ring, ID);
	}
	CHECK_EQ(cqe->kind, END);
	return cqe;
}

static void check_cancelled(struct spawn_template_ring *ring)
{
	struct spawn_template_cqe *cqe;

	CHECK_EQ(spawn_template_ring_cancel(ring, ID), 1);
	cqe = take_end(ring);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
	check_silent(ring, 20);
}

static void end_input(struct spawn_template_ring *ring, size_t taken)
{
	struct spawn_template_cqe *cqe;

	CHECK_EQ(spawn_template_ring_close_input(ring, ID), 0);
	cqe = ring_take_of(ring, ID);
	CHECK_EQ(cqe->kind, END);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(strtoull(cqe->result->out, NULL, 10), taken);
	spawn_template_ring_seen(ring, cqe);
}

static void room_is_told_once_when_half_is_free(void)
{
	struct spawn_template_ring *ring = start(TREE("sleep", "200", "count"));
	size_t taken = fill(ring);
	int n;

	CHECK_EQ(put(ring), -EAGAIN);
	spawn_template_ring_seen(ring, take_room(ring));
	check_silent(ring, 100);
	n = put(ring);
	CHECK_GE(n, MIB / 2);
	check_silent(ring, 50);
	end_input(ring, taken + (size_t)n);
	spawn_template_ring_exit(ring);
}

/* As the event comes while the one before is still the caller's, it comes later. */
static void any_amount_goes_through_by_room_alone(void)
{
	struct spawn_template_cqe *held = NULL;
	struct spawn_template_ring *ring = start(TREE("count"));
	const size_t most = 40U * MIB;
	size_t taken = 0;
	int n, told = 0;

	while (taken < most) {
		n = put(ring);
		if (n > 0) {
			taken += (size_t)n;
			continue;
		}
		CHECK_EQ(n, -EAGAIN);
		if (held)
			spawn_template_ring_seen(ring, held);
		held = take_room(ring);
		told++;
	}
	CHECK_GT(told, 0);
	if (held)
		spawn_template_ring_seen(ring, held);
	end_input(ring, taken);
	check_silent(ring, 20);
	spawn_template_ring_exit(ring);
}

static void nothing_is_told_while_a_program_reads_nothing(void)
{
	struct spawn_template_ring *ring = start(TREE("pause"));

	/* the pipe takes some of it only once the program runs */
	for (int i = 0; i < 20; i++) {
		fill(ring);
		check_silent(ring, 10);
	}
	check_cancelled(ring);
	spawn_template_ring_exit(ring);
}

static void room_is_told_when_nobody_reads_any_more(void)
{
	struct spawn_template_ring *ring =
		start(TREE("sleep", "200", "close", "0", "pause"));

	fill(ring);
	spawn_template_ring_seen(ring, take_room(ring));
	CHECK_EQ(put(ring), -EPIPE);
	check_cancelled(ring);
	spawn_template_ring_exit(ring);
}

static void nothing_is_told_after_the_end_of_a_run(void)
{
	struct spawn_template_ring *ring = start(TREE("sleep", "200"));

	fill(ring);
	spawn_template_ring_seen(ring, take_end(ring));
	check_silent(ring, 20);
	spawn_template_ring_exit(ring);
}

static void an_input_that_was_closed_needs_no_room(void)
{
	struct spawn_template_ring *ring = start(TREE("sleep", "200", "count"));
	size_t taken = fill(ring);

	end_input(ring, taken);
	spawn_template_ring_exit(ring);
}

/* A sanitizer looks for what is left of it. */
static void a_ring_ends_with_room_that_nobody_has_seen(void)
{
	for (int taken = 0; taken < 2; taken++) {
		struct spawn_template_ring *ring =
			start(TREE("sleep", "50", "count"));

		fill(ring);
		if (taken)
			take_room(ring);
		else
			sleep_ms(150);
		spawn_template_ring_exit(ring);
	}
}

static void the_flag_needs_an_open_input(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_result res;
	int tfd = tree_template();

	args.flags = RUN(TELL_ROOM);
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), ID),
		 -EINVAL);
	args.flags = RUN(TELL_ROOM) | RUN(OPEN_INPUT);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE(room_is_told_once_when_half_is_free),
	TEST_CASE(any_amount_goes_through_by_room_alone),
	TEST_CASE(nothing_is_told_while_a_program_reads_nothing),
	TEST_CASE(room_is_told_when_nobody_reads_any_more),
	TEST_CASE(nothing_is_told_after_the_end_of_a_run),
	TEST_CASE(an_input_that_was_closed_needs_no_room),
	TEST_CASE(a_ring_ends_with_room_that_nobody_has_seen),
	TEST_CASE(the_flag_needs_an_open_input),
};
TEST_MAIN(cases)
