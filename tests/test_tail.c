/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output beyond its bound: the last bytes of it, and files that have all of it.
 */
#include "growth.h"
#include "rings.h"

#define KIB 1024U

/* Checks the first and the last bytes of a flood of so many. */
static void check_ends(const char *data, size_t len, size_t tail, size_t total)
{
	CHECK(is_flood(data, len - tail));
	for (size_t i = 0; i < tail; i++) {
		if (data[len - tail + i] != (char)((total - tail + i) % 251))
			test_fail(__FILE__, __LINE__, "byte %zu of %zu", i,
				  tail);
	}
}

static struct spawn_template_run_args flooding(const char *bytes, size_t max,
					       size_t tail)
{
	static char *argv[6];
	struct spawn_template_run_args args;

	argv[0] = "tree";
	argv[1] = "flood";
	argv[2] = "1";
	argv[3] = (char *)bytes;
	args = run_args(argv);
	args.flags = RUN(TAIL);
	args.max_output = max;
	args.tail_output = tail;
	return args;
}

static void the_first_and_the_last_bytes_are_kept(void)
{
	static const size_t amounts[] = { 1,	999,  1000, 1001, 1299,
					  1300, 1301, 5000, 70000 };
	int tfd = tree_template();

	for (size_t i = 0; i < TEST_COUNT(amounts); i++) {
		size_t n = amounts[i];
		struct spawn_template_run_args args =
			flooding(test_fmt("%zu", n), 1000, 300);
		struct spawn_template_result res = run_ok(tfd, &args);

		test_doing("%zu bytes", n);
		CHECK_EQ(res.out_total, n);
		CHECK_EQ(res.out_len, n < 1000 ? n : 1000);
		CHECK_EQ(res.flags, n > 1000 ? RESULT(OUT_TRUNCATED) : 0);
		check_ends(res.out, res.out_len, n < 300 ? n : 300, n);
		spawn_template_result_free(&res);
	}
}

static void the_tail_may_be_all_or_half(void)
{
	struct spawn_template_run_args args = flooding("50000", 1000, 1000);
	int tfd = tree_template();
	struct spawn_template_result res = run_ok(tfd, &args);

	CHECK_EQ(res.out_len, 1000);
	check_ends(res.out, 1000, 1000, 50000);
	spawn_template_result_free(&res);
	args.tail_output = 0;
	res = run_ok(tfd, &args);
	CHECK_EQ(res.out_len, 1000);
	check_ends(res.out, 1000, 500, 50000);
	spawn_template_result_free(&res);
	args.tail_output = 1001;
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
}

static void long_output_takes_no_more_memory(void)
{
	struct spawn_template_run_args args =
		flooding("100000000", 64 * KIB, 16 * KIB);
	int tfd = tree_template();
	struct memory before, now;

	for (int i = 0; i < 2; i++) {
		struct spawn_template_result res;

		before = memory_now();
		res = run_ok(tfd, &args);
		now = memory_now();
		CHECK_EQ(res.out_total, 100000000);
		CHECK_EQ(res.out_len, 64 * KIB);
		check_ends(res.out, 64 * KIB, 16 * KIB, 100000000);
		spawn_template_result_free(&res);
	}
	memory_check(&before, &now, 2, 256);
}

static void a_detached_run_tells_its_tail_in_order(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("flood", "1", "7777", "sleep", "900", "say", "x"));
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;

	args.flags = RUN(TAIL) | RUN(DETACH_ON_TIMEOUT);
	args.max_output = 1000;
	args.tail_output = 301;
	args.timeout_ns = 400 * MS;
	args.detached_timeout_ns = 60 * SECOND;
	queue_run_args(ring, tree_template(), &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->kind, SPAWN_TEMPLATE_CQE_DETACHED);
	check_ends(cqe->result->out, 1000, 301, 7777);
	spawn_template_ring_seen(ring, cqe);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->result->out[999], 'x');
	cqe->result->out[999] = (char)(7777 % 251);
	check_ends(cqe->result->out, 1000, 301, 7778);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/* ---- files ---- */

static int open_dir(const char *path)
{
	return CHECK_SYS(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void check_file(const char *path, size_t len)
{
	int fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	struct stat st;
	char *text;

	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(st.st_size, len);
	text = test_read_fd(fd);
	CHECK(is_flood(text, len));
	close(fd);
}

static struct spawn_template_run_args spilling(char *const argv[], int fd)
{
	struct spawn_template_run_args args = run_args(argv);

	args.flags = RUN(SPILL);
	args.max_output = 1000;
	args.spill_fd = fd;
	return args;
}

static void a_file_has_all_of_a_long_stream(void)
{
	int dir = open_dir(test_tmpdir());
	struct spawn_template_run_args args = spilling(
		TREE("flood", "1", "3000000", "flood", "2", "1000"), dir);
	struct spawn_template_result res = run_ok(tree_template(), &args);
	struct stat st;

	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED) | RESULT(SPILLED));
	CHECK_EQ(res.out_len, 1000);
	CHECK(is_flood(res.out, 1000));
	CHECK_EQ(res.err_len, 1000);
	check_file(test_path("out"), 3000000);
	CHECK_SYS(stat(test_path("out"), &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
	/* the other stream fits */
	CHECK_EQ(access(test_path("err"), F_OK), -1);
	spawn_template_result_free(&res);
	close(dir);
}

static void both_streams_of_a_ring_go_to_files(void)
{
	int dir = open_dir(test_tmpdir());
	struct spawn_template_run_args args = spilling(
		TREE("flood", "1", "2000", "flood", "2", "300000"), dir);
	struct spawn_template_ring *ring = ring_new(1, 1);
	int tfd = tree_template();
	struct scene before = scene_now();
	struct spawn_template_cqe *cqe;

	args.flags |= RUN(TAIL);
	queue_run_args(ring, tfd, &args, 3);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->flags, RESULT(OUT_TRUNCATED) |
					     RESULT(ERR_TRUNCATED) |
					     RESULT(SPILLED));
	check_ends(cqe->result->err, 1000, 500, 300000);
	check_file(test_path("out"), 2000);
	check_file(test_path("err"), 300000);
	spawn_template_ring_seen(ring, cqe);
	check_scene(&before);
	close(dir);
	spawn_template_ring_exit(ring);
}

static void a_file_of_the_callers_takes_merged_output(void)
{
	char *path = test_path("all");
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	struct spawn_template_run_args args =
		spilling(TREE("flood", "1", "5020"), fd);
	struct spawn_template_result res;
	int tfd = tree_template();

	CHECK_EQ(run_any(tfd, &args, &res), -ENOTDIR);
	args.flags |= RUN(MERGE_STDERR);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED) | RESULT(SPILLED));
	check_file(path, 5020);
	close(fd);
}

static void an_unusable_place_is_refused_before_the_launch(void)
{
	struct spawn_template_run_args args = spilling(TREE("exit", "0"), -1);
	struct spawn_template_result res;
	int tfd = tree_template(), pipes[2];

	CHECK_EQ(run_any(tfd, &args, &res), -EBADF);
	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	args.spill_fd = pipes[1];
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
	args.flags |= RUN(NO_CAPTURE);
	CHECK_EQ(run_any(tfd, &args, &res), -EINVAL);
}

/* Nor does a full disk, as which this limit counts, end the caller. */
static void a_file_that_cannot_have_all_is_not_told(void)
{
	int dir = open_dir(test_tmpdir());
	struct spawn_template_run_args args =
		spilling(TREE("flood", "1", "100000", "exit", "4"), dir);
	struct rlimit limit = { 50000, 50000 };
	struct spawn_template_result res;
	int tfd = tree_template();

	/* somebody else's file is not written to */
	test_write(test_path("out"), "mine", 0600);
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED));
	CHECK_STR(test_read(test_path("out")), "mine");
	CHECK_SYS(unlink(test_path("out")));
	CHECK_SYS(setrlimit(RLIMIT_FSIZE, &limit));
	res = run_only(tfd, &args);
	CHECK_EQ(res.flags, RESULT(OUT_TRUNCATED));
	CHECK_EQ(res.code, 4);
	CHECK_EQ(res.out_total, 100000);
	close(dir);
}

static const struct test_case cases[] = {
	TEST_CASE(the_first_and_the_last_bytes_are_kept),
	TEST_CASE(the_tail_may_be_all_or_half),
	TEST_CASE(long_output_takes_no_more_memory),
	TEST_CASE(a_detached_run_tells_its_tail_in_order),
	TEST_CASE(a_file_has_all_of_a_long_stream),
	TEST_CASE(both_streams_of_a_ring_go_to_files),
	TEST_CASE(a_file_of_the_callers_takes_merged_output),
	TEST_CASE(an_unusable_place_is_refused_before_the_launch),
	TEST_CASE(a_file_that_cannot_have_all_is_not_told),
};

TEST_MAIN(cases)
