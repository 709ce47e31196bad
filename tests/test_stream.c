/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs whose output comes while they run: completions of a ring, the bound on those
 * that were not given back, the function of the blocking call, and deadlines for
 * programs that write nothing.
 */
#include "rings.h"

#define OUT SPAWN_TEMPLATE_CQE_OUT
#define ERR SPAWN_TEMPLATE_CQE_ERR
#define END SPAWN_TEMPLATE_CQE_END
#define KIB 1024U
#define MIB (1U << 20)

static struct spawn_template_run_args streaming(char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(STREAM);
	return args;
}

/* All that came from a run until its end. */
struct story {
	char *out, *err;
	size_t out_len, err_len, chunks;
	int res;
	struct spawn_template_result result;	/* without output */
};

static void append(char **to, size_t *len, const void *data, size_t n)
{
	*to = realloc(*to, *len + n + 1);
	CHECK(*to);
	memcpy(*to + *len, data, n);
	*len += n;
	(*to)[*len] = 0;
}

/* Takes a completion into the story. Return: false at the end. */
static bool add_to_story(struct spawn_template_ring *ring, struct story *story,
			 struct spawn_template_cqe *cqe)
{
	bool more = cqe->kind != END;

	if (cqe->kind == OUT)
		append(&story->out, &story->out_len, cqe->data, cqe->data_len);
	else if (cqe->kind == ERR)
		append(&story->err, &story->err_len, cqe->data, cqe->data_len);
	else if (cqe->result)
		story->result = *cqe->result;
	if (!more) {
		story->res = cqe->res;
		CHECK(!story->result.out && !story->result.err);
	}
	story->chunks += more;
	spawn_template_ring_seen(ring, cqe);
	return more;
}

static struct story whole_story(struct spawn_template_ring *ring, uint64_t id)
{
	struct story story = { .res = 1 };

	while (add_to_story(ring, &story, ring_take_of(ring, id)))
		;
	CHECK_EQ(story.result.out_total, story.out_len);
	CHECK_EQ(story.result.err_total, story.err_len);
	return story;
}

static void forget(struct story *story)
{
	free(story->out);
	free(story->err);
}

static struct spawn_template_cqe *take_kind(struct spawn_template_ring *ring,
					    uint32_t kind)
{
	struct spawn_template_cqe *cqe = ring_take(ring);

	CHECK_EQ(cqe->kind, kind);
	return cqe;
}

/* Takes completions without giving them back, until none comes. Return: bytes. */
static size_t hoard(struct spawn_template_ring *ring,
		    struct spawn_template_cqe **cqes, size_t *n, size_t max)
{
	size_t bytes = 0;

	while (*n < max &&
	       spawn_template_ring_wait(ring, &cqes[*n], 300) == 0) {
		if (cqes[*n]->kind != END)
			bytes += cqes[*n]->data_len;
		(*n)++;
	}
	CHECK_LT(*n, max);
	return bytes;
}

static void cancel_and_take(struct spawn_template_ring *ring, uint64_t id,
			    struct story *story)
{
	CHECK_EQ(spawn_template_ring_cancel(ring, id), 1);
	while (add_to_story(ring, story, ring_take_of(ring, id)))
		;
	CHECK_EQ(story->res, -ECANCELED);
	forget(story);
}

/* ---- a ring ---- */

static void output_comes_while_the_program_runs(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("say", "first", "err", "second", "pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	struct story story = { .res = 1 };

	queue_run_args(ring, tree_template(), &args, 7);
	while (story.out_len < 5 || story.err_len < 6) {
		cqe = ring_take_of(ring, 7);
		CHECK_NE(cqe->kind, END);
		add_to_story(ring, &story, cqe);
	}
	CHECK_STR(story.out, "first");
	CHECK_STR(story.err, "second");
	check_none(ring);
	cancel_and_take(ring, 7, &story);
	spawn_template_ring_exit(ring);
}

static void the_result_comes_last_and_all_bytes_before_it(void)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	int tfd = tree_template();
	struct scene before = scene_now();
	struct spawn_template_run_args args = streaming(TREE(
		"flood", "1", "5000000", "flood", "2", "70000", "exit", "9"));
	struct story story;

	queue_run_args(ring, tfd, &args, 3);
	story = whole_story(ring, 3);
	CHECK_EQ(story.res, 0);
	CHECK_EQ(story.result.code, 9);
	CHECK_EQ(story.result.flags, 0);
	CHECK_EQ(story.out_len, 5000000);
	CHECK_EQ(story.err_len, 70000);
	CHECK(is_flood(story.out, story.out_len));
	CHECK(is_flood(story.err, story.err_len));
	forget(&story);
	check_quiet(ring);
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

static void merged_streams_come_as_one(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("say", "a", "err", "b", "say", "c"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct story story;

	args.flags |= RUN(MERGE_STDERR);
	queue_run_args(ring, tree_template(), &args, 3);
	story = whole_story(ring, 3);
	CHECK_STR(story.out, "abc");
	CHECK_EQ(story.err_len, 0);
	forget(&story);
	spawn_template_ring_exit(ring);
}

static void a_program_that_writes_nothing_only_ends(void)
{
	struct spawn_template_run_args args = streaming(TREE("exit", "3"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct story story;

	queue_run_args(ring, tree_template(), &args, 3);
	story = whole_story(ring, 3);
	CHECK_EQ(story.chunks, 0);
	CHECK_EQ(story.result.code, 3);
	/* nor does one that is not launched */
	queue_run_args(ring, 9999, &args, 4);
	CHECK_EQ(whole_story(ring, 4).res, -EBADF);
	spawn_template_ring_exit(ring);
}

/* ---- the bound ---- */

#define HOARD 4096

static void a_program_waits_until_its_output_is_given_back(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "0"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqes[HOARD];
	struct story story = { .res = 1 };
	size_t n = 0;

	args.max_output = 100 * KIB;
	args.idle_timeout_ns = 100 * MS; /* counts only while output is read */
	queue_run_args(ring, tree_template(), &args, 3);
	for (int i = 0; i < 5; i++) {
		size_t bytes = hoard(ring, cqes, &n, HOARD);

		test_note("%zu bytes in %zu completions", bytes, n);
		CHECK_GT(bytes, 30 * KIB);
		CHECK_LE(bytes, 100 * KIB);
		while (n)
			CHECK(add_to_story(ring, &story, cqes[--n]));
	}
	cancel_and_take(ring, 3, &story);
	spawn_template_ring_exit(ring);
}

static void single_bytes_are_bounded_as_well(void)
{
	struct spawn_template_run_args args = streaming(TREE("drip", "0", "x"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqes[HOARD];
	struct story story = { .res = 1 };
	size_t n = 0, bytes;

	args.max_output = 8 * KIB;
	queue_run_args(ring, tree_template(), &args, 3);
	bytes = hoard(ring, cqes, &n, HOARD);
	/* a completion takes more memory than a byte */
	CHECK_LE(bytes + n * sizeof(*cqes[0]), 9 * KIB);
	while (n)
		add_to_story(ring, &story, cqes[--n]);
	cancel_and_take(ring, 3, &story);
	spawn_template_ring_exit(ring);
}

/* The program has ended long before the caller has seen its output. */
static void no_output_is_lost_by_a_slow_caller(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "60000", "exit", "4"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqes[HOARD];
	struct story story = { .res = 1 };
	bool more = true;

	args.max_output = 5 * KIB;
	args.held_quiet_ns = args.held_most_ns = 1;
	queue_run_args(ring, tree_template(), &args, 3);
	while (more) {
		size_t n = 0;

		hoard(ring, cqes, &n, HOARD);
		CHECK_GT(n, 0);
		for (size_t i = 0; i < n; i++)
			more = add_to_story(ring, &story, cqes[i]);
	}
	CHECK_EQ(story.result.flags, 0);
	CHECK_EQ(story.result.code, 4);
	CHECK_EQ(story.out_len, 60000);
	CHECK(is_flood(story.out, story.out_len));
	forget(&story);
	spawn_template_ring_exit(ring);
}

static void a_full_ring_does_not_hold_up_output(void)
{
	enum { RUNS = 4 };
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "3000000"));
	struct spawn_template_ring *ring = ring_new(RUNS, 2);
	struct story stories[RUNS] = { { .res = 1 } };
	int tfd = tree_template(), live = RUNS;

	args.max_output = 20 * KIB;
	for (uint64_t i = 0; i < RUNS; i++)
		queue_run_args(ring, tfd, &args, i);
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 9),
		 -EAGAIN);
	while (live) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		live -= !add_to_story(ring, &stories[cqe->user_data], cqe);
	}
	for (int i = 0; i < RUNS; i++) {
		CHECK_EQ(stories[i].out_len, 3000000);
		CHECK(is_flood(stories[i].out, stories[i].out_len));
		forget(&stories[i]);
	}
	spawn_template_ring_exit(ring);
}

static void a_deadline_does_not_wait_for_the_caller(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "0"));
	struct spawn_template_ring *ring = ring_new(2, 1);
	struct spawn_template_cqe *cqes[HOARD];
	struct spawn_template_result *result;
	size_t n = 0, bytes;

	args.max_output = 40 * KIB;
	args.timeout_ns = 1000 * MS;
	queue_run_args(ring, tree_template(), &args, 3);
	do {
		bytes = hoard(ring, cqes, &n, HOARD);
	} while (!n || cqes[n - 1]->kind != END);
	result = cqes[n - 1]->result;
	CHECK_EQ(cqes[n - 1]->res, 0);
	CHECK_EQ(result->signal, SIGKILL);
	CHECK(result->flags & RESULT(TIMED_OUT));
	CHECK(result->flags & RESULT(OUT_TRUNCATED) ||
	      result->out_total <= 104 * KIB);
	bytes = 0;
	for (size_t i = 0; i + 1 < n; i++)
		bytes += cqes[i]->data_len;
	CHECK_LE(bytes, 104 * KIB);
	while (n)
		spawn_template_ring_seen(ring, cqes[--n]);
	spawn_template_ring_exit(ring);
}

/* Room that comes back after something was dropped does not make a gap. */
static void what_comes_before_the_end_has_no_gap(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("ignore", "15", "flood", "1", "0"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqes[HOARD];
	struct story story = { .res = 1 };
	size_t n = 0, most = 0;
	bool more = true;

	args.max_output = 40 * KIB;
	args.grace_ns = 1500 * MS;
	queue_run_args(ring, tree_template(), &args, 3);
	hoard(ring, cqes, &n, HOARD);
	CHECK_EQ(spawn_template_ring_cancel(ring, 3), 1);
	hoard(ring, cqes, &n, HOARD);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(cqes[i]->kind, OUT);
		more = add_to_story(ring, &story, cqes[i]);
	}
	most = story.out_len;
	while (more)
		more = add_to_story(ring, &story, ring_take_of(ring, 3));
	CHECK_EQ(story.res, -ECANCELED);
	CHECK(story.result.flags & RESULT(OUT_TRUNCATED));
	CHECK_EQ(story.out_len, most);
	CHECK(is_flood(story.out, story.out_len));
	forget(&story);
	spawn_template_ring_exit(ring);
}

static void exit_frees_what_was_not_given_back(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "0"));
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	struct scene before;
	int tfd = tree_template();

	ring_warm_up(1);
	before = scene_now();
	ring = ring_new(2, 1);
	queue_run_args(ring, tfd, &args, 1);
	queue_run_args(ring, tfd, &args, 2);
	/* one is taken, others wait */
	cqe = take_kind(ring, OUT);
	CHECK(is_flood(cqe->data, cqe->data_len));
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), 1);
	sleep_ms(100);
	spawn_template_ring_exit(ring);
	check_scene(&before);
}

/* A slot is used again while chunks of the run before are still out. */
static void late_gives_back_do_not_disturb_the_next_run(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("flood", "1", "30000"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *kept[HOARD];
	int tfd = tree_template();
	size_t n = 0;

	for (int i = 0; i < 20; i++) {
		struct story story = { .res = 1 };
		struct spawn_template_cqe *cqe;

		queue_run_args(ring, tfd, &args, 3);
		while ((cqe = ring_take_of(ring, 3))->kind != END) {
			append(&story.out, &story.out_len, cqe->data,
			       cqe->data_len);
			CHECK_LT(n, HOARD);
			kept[n++] = cqe;
		}
		CHECK_EQ(cqe->result->code, 0);
		CHECK(is_flood(story.out, story.out_len));
		CHECK_EQ(story.out_len, 30000);
		spawn_template_ring_seen(ring, cqe);
		forget(&story);
	}
	while (n)
		spawn_template_ring_seen(ring, kept[--n]);
	check_quiet(ring);
	spawn_template_ring_exit(ring);
}

/* ---- the blocking call ---- */

struct taker {
	struct story story;
	size_t stop_at;		/* bytes; 0: never */
	int calls_after;	/* the stop */
	bool stopped;
};

static int take_output(void *data, uint32_t kind, const void *bytes, size_t len)
{
	struct taker *taker = data;
	struct story *story = &taker->story;

	taker->calls_after += taker->stopped;
	if (kind == OUT)
		append(&story->out, &story->out_len, bytes, len);
	else if (kind == ERR)
		append(&story->err, &story->err_len, bytes, len);
	else
		CHECK_EQ(kind, OUT);
	taker->stopped = taker->stop_at && story->out_len >= taker->stop_at;
	return taker->stopped;
}

static struct spawn_template_run_args taken_by(struct taker *taker,
					       char *const argv[])
{
	struct spawn_template_run_args args = streaming(argv);

	args.on_output = (uintptr_t)take_output;
	args.on_output_data = (uintptr_t)taker;
	return args;
}

static void a_function_takes_the_output_of_the_blocking_call(void)
{
	struct taker taker = { .stop_at = 0 };
	struct spawn_template_run_args args = taken_by(
		&taker, TREE("flood", "1", "3000000", "err", "e", "exit", "5"));
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.code, 5);
	CHECK_EQ(res.flags, 0);
	CHECK_EQ(res.out_total, 3000000);
	CHECK_EQ(res.err_total, 1);
	CHECK_EQ(taker.story.out_len, 3000000);
	CHECK(is_flood(taker.story.out, taker.story.out_len));
	CHECK_STR(taker.story.err, "e");
	forget(&taker.story);
}

static void the_function_can_end_the_run(void)
{
	struct taker taker = { .stop_at = 100000 };
	struct spawn_template_run_args args =
		taken_by(&taker, TREE("flood", "1", "0"));
	struct spawn_template_result res = run_only(tree_template(), &args);

	CHECK_EQ(res.signal, SIGKILL);
	CHECK_EQ(res.flags & ~RESULT(OUT_TRUNCATED), RESULT(TREE_KILLED));
	CHECK(taker.stopped);
	CHECK_EQ(taker.calls_after, 0);
	CHECK(is_flood(taker.story.out, taker.story.out_len));
	forget(&taker.story);
}

static void streams_have_one_way_out(void)
{
	struct taker taker = { .stop_at = 0 };
	struct spawn_template_run_args args =
		taken_by(&taker, TREE("exit", "0"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_result res;
	int tfd = tree_template();

	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1),
		 -EINVAL);
	args.flags = 0;
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.flags = RUN(STREAM) | RUN(NO_CAPTURE);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.flags = RUN(STREAM);
	args.on_output = 0;
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args = run_args(TREE("exit", "0"));
	args.flags = RUN(NO_CAPTURE);
	args.idle_timeout_ns = 1;
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	spawn_template_ring_exit(ring);
}

/* ---- time without output ---- */

static struct spawn_template_run_args idle(uint64_t ms, char *const argv[])
{
	struct spawn_template_run_args args = run_args(argv);

	args.idle_timeout_ns = ms * MS;
	args.timeout_ns = 60 * SECOND;
	return args;
}

static void check_idle(const struct spawn_template_result *res)
{
	CHECK_EQ(res->signal, SIGKILL);
	CHECK_EQ(res->flags,
		 RESULT(TIMED_OUT) | RESULT(IDLE) | RESULT(TREE_KILLED));
	CHECK_GE(res->total_ns, 300 * MS);
	CHECK_LE(res->total_ns, 20 * SECOND);
}

static void a_program_that_writes_nothing_is_ended(void)
{
	struct spawn_template_run_args args =
		idle(300, TREE("say", "x", "pause"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct spawn_template_result res = run_only(tfd, &args);

	check_idle(&res);
	queue_run_args(ring, tfd, &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->res, 0);
	check_idle(cqe->result);
	CHECK_STR(cqe->result->out, "x");
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

static int look_at_mask(void *data, uint32_t kind, const void *bytes,
			size_t len)
{
	sigset_t mask;

	(void)kind;
	(void)bytes;
	(void)len;
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	*(int *)data |= 1 | sigismember(&mask, SIGPIPE) << 1;
	return 0;
}

/* A function that launches something gives its own mask to that. */
static void the_function_has_the_callers_mask(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("say", "x", "cat"));
	struct spawn_template_result res;
	char *input = calloc(1, MIB);
	int seen = 0;

	args.on_output = (uintptr_t)look_at_mask;
	args.on_output_data = (uintptr_t)&seen;
	args.input = (uintptr_t)input;
	args.input_len = MIB;
	res = run_only(tree_template(), &args);
	CHECK_EQ(res.out_total, MIB + 1);
	CHECK_EQ(seen, 1);
	free(input);
}

/* The other deadline is the one that comes, and says so. */
static void a_program_that_writes_goes_on_to_its_deadline(void)
{
	struct spawn_template_run_args args =
		idle(at_most_ms(300), TREE("drip", "20", "x"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	struct spawn_template_result res;
	int tfd = tree_template();

	args.timeout_ns = 2 * args.idle_timeout_ns;
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	queue_run_args(ring, tfd, &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->result->flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* The time passes while the program waits for its input. */
static void a_detached_run_is_read_on(void)
{
	struct spawn_template_run_args args =
		streaming(TREE("say", "a", "cat", "exit", "6"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct story story = { .res = 1 };
	struct spawn_template_cqe *cqe;

	args.flags |= RUN(OPEN_INPUT) | RUN(DETACH_ON_TIMEOUT);
	args.timeout_ns = 500 * MS;
	args.detached_timeout_ns = UINT64_MAX;
	queue_run_args(ring, tree_template(), &args, 3);
	add_to_story(ring, &story, take_kind(ring, OUT));
	cqe = take_kind(ring, SPAWN_TEMPLATE_CQE_DETACHED);
	CHECK_EQ(cqe->result->flags, RESULT(TIMED_OUT) | RESULT(DETACHED));
	CHECK_EQ(cqe->result->out_total, 1);
	CHECK(!cqe->result->out);
	spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(spawn_template_ring_write(ring, 3, "b", 1), 1);
	add_to_story(ring, &story, take_kind(ring, OUT));
	CHECK_STR(story.out, "ab");
	/* no deadline is left, as was asked for */
	sleep_ms(1000);
	check_none(ring);
	CHECK_EQ(spawn_template_ring_close_input(ring, 3), 0);
	CHECK(!add_to_story(ring, &story, take_kind(ring, END)));
	CHECK_EQ(story.result.code, 6);
	CHECK_EQ(story.result.flags, RESULT(DETACHED));
	forget(&story);
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE(output_comes_while_the_program_runs),
	TEST_CASE(the_result_comes_last_and_all_bytes_before_it),
	TEST_CASE(merged_streams_come_as_one),
	TEST_CASE(a_program_that_writes_nothing_only_ends),
	TEST_CASE(a_program_waits_until_its_output_is_given_back),
	TEST_CASE(single_bytes_are_bounded_as_well),
	TEST_CASE(no_output_is_lost_by_a_slow_caller),
	TEST_CASE(a_full_ring_does_not_hold_up_output),
	TEST_CASE(a_deadline_does_not_wait_for_the_caller),
	TEST_CASE(what_comes_before_the_end_has_no_gap),
	TEST_CASE(exit_frees_what_was_not_given_back),
	TEST_CASE(late_gives_back_do_not_disturb_the_next_run),
	TEST_CASE(a_function_takes_the_output_of_the_blocking_call),
	TEST_CASE(the_function_has_the_callers_mask),
	TEST_CASE(the_function_can_end_the_run),
	TEST_CASE(streams_have_one_way_out),
	TEST_CASE(a_program_that_writes_nothing_is_ended),
	TEST_CASE(a_program_that_writes_goes_on_to_its_deadline),
	TEST_CASE(a_detached_run_is_read_on),
};

TEST_MAIN(cases)
