/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures of every version of the header: arguments of a program that was compiled
 * with an older header keep their meaning, no byte behind its structures is read or
 * written, and each size has one meaning.
 *
 * The older layouts are written out here, and are never changed.
 */
#include "rings.h"

/* Versions 0.1 to 0.3. */
struct old_spawn_args {
	uint64_t flags, pidfd, argv, envp, actions, actions_len, reserved[4];
	uint64_t failure;
	int32_t pgroup, cgroup_fd;
	uint32_t umask, uid, gid;
	int32_t nice;
	uint64_t groups, n_groups;
};

/* Versions 0.2 and 0.3. */
struct old_run_args {
	struct old_spawn_args spawn;
	uint64_t input, input_len, max_output, timeout_ns, grace_ns;
	uint32_t flags;
	int32_t cgroup_parent_fd;
};

struct old_result {
	int32_t code, signal;
	uint32_t flags, reserved;
	char *out, *err;
	size_t out_len, err_len;
	struct rusage usage;
	uint64_t spawn_ns, total_ns;
};

struct old_child {
	int32_t pid, pidfd, cgroup_fd;
	uint32_t reserved;
};

struct old_failure {
	int32_t error;
	uint32_t stage, action;
};

_Static_assert(sizeof(struct old_spawn_args) == 128, "spawn args of 0.3");
_Static_assert(sizeof(struct old_run_args) == 176, "run args of 0.3");
_Static_assert(sizeof(struct old_result) == SPAWN_TEMPLATE_RESULT_SIZE_VER0,
	       "result of 0.3");

#define SPAWN_VER1 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1
#define SPAWN_VER2 SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER2
#define RUN_VER0 SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0
#define RUN_VER1 SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1
#define RUN_VER2 SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2
#define RUN_VER3 SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3
#define RESULT_VER0 SPAWN_TEMPLATE_RESULT_SIZE_VER0
#define RESULT_VER1 SPAWN_TEMPLATE_RESULT_SIZE_VER1
#define RESULT_VER2 SPAWN_TEMPLATE_RESULT_SIZE_VER2
#define FAILURE_VER0 SPAWN_TEMPLATE_FAILURE_SIZE_VER0
#define CHILD_VER0 SPAWN_TEMPLATE_CHILD_SIZE_VER0

#define CANARY 0x5a

static void check_bytes(const void *from, size_t start, size_t end, int want)
{
	const unsigned char *bytes = from;

	for (size_t i = start; i < end; i++)
		if (bytes[i] != want)
			test_fail(__FILE__, __LINE__,
				  "byte %zu is %#x, not %#x", i, bytes[i],
				  want);
}

static struct old_spawn_args old_spawn(char *const argv[])
{
	return (struct old_spawn_args){
		.argv = (uintptr_t)argv,
		.envp = (uintptr_t)environ,
	};
}

static struct old_run_args old_run(char *const argv[])
{
	return (struct old_run_args){
		.spawn = old_spawn(argv),
		.cgroup_parent_fd = -1,
	};
}

/* ---- initialisers ---- */

/* A structure of zeros would mean fd 0, or root, in these fields. */
static void initialisers_name_no_fd_and_no_user(void)
{
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_run_args run = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_spawn_args spawn = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_child child = SPAWN_TEMPLATE_CHILD_INIT;

	CHECK_EQ(create.execfd, -1);
	CHECK_EQ(spawn.cgroup_fd, -1);
	CHECK_EQ(spawn.uid, UINT32_MAX);
	CHECK_EQ(spawn.gid, UINT32_MAX);
	CHECK_EQ(run.cgroup_parent_fd, -1);
	CHECK(!memcmp(&run.spawn, &spawn, sizeof(spawn)));
	CHECK_EQ(child.pidfd, -1);
	CHECK_EQ(child.cgroup_fd, -1);
}

/* But for descriptors, so that an older library takes what names none. */
static void initialisers_leave_new_fields_zero(void)
{
	struct spawn_template_run_args run = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_spawn_args spawn = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	CHECK_EQ(spawn.landlock_fd, -1);
	spawn.landlock_fd = 0;
	check_bytes(&spawn, SPAWN_VER1, sizeof(spawn), 0);
	CHECK_EQ(run.spill_fd, -1);
	run.spill_fd = 0;
	check_bytes(&run, offsetof(struct spawn_template_run_args, spill_fd),
		    sizeof(run), 0);
	check_bytes(&create, SPAWN_TEMPLATE_CREATE_ARGS_SIZE_VER0,
		    sizeof(create), 0);
}

static void initialised_arguments_launch(void)
{
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_spawn_args spawn = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int tfd;

	create.filename = (uintptr_t)test_tool("probe");
	tfd = CHECK_OK(spawn_template_create(&create, sizeof(create)));
	spawn.argv = (uintptr_t)TEST_ARGV("probe", "exit", "5");
	CHECK_EQ(test_spawn_args(tfd, spawn), 5);
}

static void setuid_without_a_user_is_refused(void)
{
	static const uint64_t flags[] = { SPAWN_TEMPLATE_SPAWN_SETUID,
					  SPAWN_TEMPLATE_SPAWN_SETGID };
	struct spawn_template_spawn_args spawn = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;

	spawn.argv = (uintptr_t)TEST_ARGV("probe", "exit", "5");
	for (size_t i = 0; i < TEST_COUNT(flags); i++) {
		spawn.flags = flags[i];
		CHECK_EQ(test_spawn_args(test_probe(), spawn), -EINVAL);
	}
}

/* The run has a cgroup below the caller's if possible, otherwise none. */
static void run_with_a_cgroup_needs_no_parent(void)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_result res;
	int tfd = tree_template();

	args.spawn.argv = (uintptr_t)TREE("exit", "3");
	args.flags = RUN(CGROUP);
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		0);
	CHECK_EQ(res.code, 3);
	test_note("it had %s cgroup", res.flags & RESULT(CGROUP) ? "a" : "no");
	spawn_template_result_free(&res);
	/* fd 0 is stdin, which is no cgroup */
	args.cgroup_parent_fd = 0;
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		-EBADF);
}

/* ---- spawn arguments ---- */

static void old_spawn_arguments_launch(void)
{
	struct {
		struct old_spawn_args args;
		unsigned char behind[SPAWN_VER2];
	} s = { .args = old_spawn(TEST_ARGV("probe", "exit", "5")) };
	int tfd = test_probe(), pidfd = -1;

	memset(s.behind, 0xff, sizeof(s.behind));
	s.args.pidfd = (uintptr_t)&pidfd;
	CHECK_OK(spawn_template_spawn(tfd, (void *)&s, sizeof(s.args)));
	CHECK_EQ(test_wait(pidfd), 5);
}

static void old_spawn_attributes_keep_their_meaning(void)
{
	struct old_spawn_args args = old_spawn(TEST_ARGV("probe", "umask"));
	struct old_failure f = { -9, 9, 9 };
	int tfd = test_probe(), pidfd = -1;

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	args.pidfd = (uintptr_t)&pidfd;
	args.failure = (uintptr_t)&f;
	args.flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args.cgroup_fd = 0;
	CHECK_EQ(spawn_template_spawn(tfd, (void *)&args, sizeof(args)),
		 -EBADF);
	CHECK_EQ(f.error, EBADF);
	CHECK_EQ(f.stage, SPAWN_TEMPLATE_STAGE_CLONE);
	CHECK_EQ(f.action, 0);
	CHECK_EQ(pidfd, -1);
}

/* A size between two versions means the smaller one, with zeros behind. */
static void spawn_sizes_between_versions_count_as_the_smaller(void)
{
	union {
		struct spawn_template_spawn_args args;
		unsigned char bytes[2 * SPAWN_VER2];
	} s = { .args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT };
	int tfd = test_probe(), pidfd = -1;

	s.args.argv = (uintptr_t)TEST_ARGV("probe", "exit", "5");
	s.args.cgroup_fd = s.args.landlock_fd = 0;
	s.args.uid = s.args.gid = 0;
	s.args.pidfd = (uintptr_t)&pidfd;
	for (size_t size = SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0 + 1;
	     size <= sizeof(s); size++) {
		CHECK_OK(spawn_template_spawn(tfd, &s.args, size));
		CHECK_EQ(test_wait(pidfd), 5);
		if (size == SPAWN_VER1 || size == SPAWN_VER2)
			continue;
		s.bytes[size - 1] = 1;
		CHECK_EQ(spawn_template_spawn(tfd, &s.args, size), -E2BIG);
		s.bytes[size - 1] = 0;
	}
}

static void reserved_fields_of_version_2_must_be_zero(void)
{
	struct spawn_template_spawn_args good = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_spawn_args args;
	int tfd = test_probe();

	good.argv = (uintptr_t)TEST_ARGV("probe", "exit", "5");
	for (size_t i = 0; i < TEST_COUNT(good.reserved2); i++) {
		args = good;
		args.reserved2[i] = 1ULL << (4 * i);
		CHECK_FAILS(tfd, args, EINVAL, SPAWN_TEMPLATE_STAGE_ARGS, 0);
	}
}

/* ---- failure ---- */

/* Launch with an action that fails, and tell that in the memory given. */
static void fail_and_tell(uint32_t failure_size, size_t args_size, void *told)
{
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	struct spawn_template_action close_99 = { .fd = 99 };
	int pidfd = -1;

	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)TEST_ARGV("probe", "exit", "5");
	args.actions = (uintptr_t)&close_99;
	args.actions_len = 1;
	args.failure = (uintptr_t)told;
	args.failure_size = failure_size;
	CHECK_EQ(spawn_template_spawn(test_probe(), &args, args_size), -EBADF);
}

static void check_told(const unsigned char *told, size_t size, size_t all)
{
	struct old_failure f;

	memcpy(&f, told, sizeof(f));
	CHECK_EQ(f.error, EBADF);
	CHECK_EQ(f.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK_EQ(f.action, 0);
	check_bytes(told, sizeof(f), size, 0);
	check_bytes(told, size, all, CANARY);
}

static void failure_is_written_up_to_its_size(void)
{
	static const uint32_t sizes[] = { FAILURE_VER0, 13, 16, 24, 63, 4096 };
	static unsigned char told[4200];

	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		memset(told, CANARY, sizeof(told));
		fail_and_tell(sizes[i], SPAWN_VER2, told);
		check_told(told, sizes[i], sizeof(told));
	}
}

static void failure_without_a_size_is_version_0(void)
{
	unsigned char told[64];

	memset(told, CANARY, sizeof(told));
	fail_and_tell(0, SPAWN_VER2, told);
	check_told(told, FAILURE_VER0, sizeof(told));
	/* VER1 has no such field: bytes behind the structure are no size */
	memset(told, CANARY, sizeof(told));
	fail_and_tell(64, SPAWN_VER1, told);
	check_told(told, FAILURE_VER0, sizeof(told));
}

static void failure_sizes_out_of_range_are_refused(void)
{
	static const uint32_t sizes[] = { 1,	4,	  FAILURE_VER0 - 1,
					  4097, 1U << 31, UINT32_MAX };
	struct spawn_template_run_args run =
		run_args(TEST_ARGV("probe", "exit", "5"));
	unsigned char told[64];
	struct spawn_template_result res;
	int pidfd = -1, tfd = test_probe();

	memset(told, CANARY, sizeof(told));
	run.spawn.pidfd = (uintptr_t)&pidfd;
	run.spawn.failure = (uintptr_t)told;
	for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
		run.spawn.failure_size = sizes[i];
		CHECK_EQ(spawn_template_spawn(tfd, &run.spawn,
					      sizeof(run.spawn)),
			 -EINVAL);
		CHECK_EQ(spawn_template_run(tfd, &run, sizeof(run), &res,
					    sizeof(res)),
			 -EINVAL);
	}
	CHECK_EQ(pidfd, -1);
	check_bytes(told, 0, sizeof(told), CANARY);
}

static void run_tells_failure_up_to_its_size(void)
{
	struct spawn_template_run_args run = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	struct spawn_template_action close_99 = { .fd = 99 };
	struct spawn_template_result res;
	unsigned char told[64];

	run.spawn.argv = (uintptr_t)TREE("exit", "0");
	run.spawn.actions = (uintptr_t)&close_99;
	run.spawn.actions_len = 1;
	run.spawn.failure = (uintptr_t)told;
	for (uint32_t size = 12; size <= 40; size += 7) {
		memset(told, CANARY, sizeof(told));
		run.spawn.failure_size = size;
		CHECK_EQ(spawn_template_run(tree_template(), &run, sizeof(run),
					    &res, sizeof(res)),
			 -EBADF);
		check_told(told, size, sizeof(told));
	}
}

/* ---- run arguments ---- */

static struct spawn_template_result run_old(const struct old_run_args *args)
{
	struct spawn_template_result res;

	CHECK_EQ(spawn_template_run(tree_template(), (const void *)args,
				    sizeof(*args), &res, sizeof(res)),
		 0);
	return res;
}

static void old_run_arguments_feed_and_capture(void)
{
	struct old_run_args args = old_run(TREE("cat"));
	struct spawn_template_result res;

	args.input = (uintptr_t) "some input";
	args.input_len = 10;
	res = run_old(&args);
	CHECK_EQ(res.code, 0);
	CHECK_STR(res.out, "some input");
	spawn_template_result_free(&res);

	args.max_output = 4;
	res = run_old(&args);
	CHECK_STR(res.out, "some");
	CHECK(res.flags & RESULT(OUT_TRUNCATED));
	spawn_template_result_free(&res);

	args.flags = RUN(NO_CAPTURE);
	args.input_len = 0;
	res = run_old(&args);
	CHECK(!res.out);
}

static void old_run_arguments_keep_time(void)
{
	struct old_run_args args =
		old_run(TREE("ignore", "15", "sleep", "20000"));
	struct spawn_template_result res;

	args.timeout_ns = 50 * MS;
	args.grace_ns = 200 * MS;
	res = run_old(&args);
	CHECK_EQ(res.signal, SIGKILL);
	CHECK(res.flags & RESULT(TIMED_OUT));
	CHECK(res.flags & RESULT(TREE_KILLED));
	CHECK_GE(res.total_ns, 250 * MS);
	spawn_template_result_free(&res);
}

static void old_run_arguments_name_a_cgroup(void)
{
	struct old_run_args args = old_run(TREE("exit", "3"));
	struct spawn_template_result res;

	args.flags = RUN(CGROUP);
	args.cgroup_parent_fd = -2;
	CHECK_EQ(spawn_template_run(tree_template(), (void *)&args,
				    sizeof(args), &res, sizeof(res)),
		 -EINVAL);
	args.cgroup_parent_fd = 0;
	CHECK_EQ(spawn_template_run(tree_template(), (void *)&args,
				    sizeof(args), &res, sizeof(res)),
		 -EBADF);
	args.cgroup_parent_fd = make_cgroup();
	res = run_old(&args);
	CHECK_EQ(res.code, 3);
	CHECK(res.flags & RESULT(CGROUP));
	spawn_template_result_free(&res);
}

static void old_run_arguments_take_attributes_and_tell_failure(void)
{
	struct old_run_args args = old_run(TREE("exit", "0"));
	struct old_failure f = { -9, 9, 9 };
	struct spawn_template_result res;

	args.spawn.failure = (uintptr_t)&f;
	args.spawn.flags = SPAWN_TEMPLATE_SPAWN_UMASK;
	args.spawn.umask = 01000;
	CHECK_EQ(spawn_template_run(tree_template(), (void *)&args,
				    sizeof(args), &res, sizeof(res)),
		 -EINVAL);
	CHECK_EQ(f.error, EINVAL);
	CHECK_EQ(f.stage, SPAWN_TEMPLATE_STAGE_ARGS);
	args.spawn.umask = 022;
	res = run_old(&args);
	CHECK_EQ(res.code, 0);
	spawn_template_result_free(&res);
}

/* Bytes behind an old structure are neither read nor written. */
static void old_run_arguments_end_at_their_old_size(void)
{
	struct {
		struct old_run_args args;
		unsigned char behind[RUN_VER1];
	} s = { .args = old_run(TREE("exit", "3")) };
	struct spawn_template_result res;

	memset(s.behind, CANARY, sizeof(s.behind));
	res = run_old(&s.args);
	CHECK_EQ(res.code, 3);
	check_bytes(s.behind, 0, sizeof(s.behind), CANARY);
	spawn_template_result_free(&res);
}

static void ring_takes_old_arguments(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct old_run_args run = old_run(TREE("cat"));
	struct old_spawn_args spawn = old_spawn(TREE("exit", "5"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();

	run.input = (uintptr_t) "fed";
	run.input_len = 3;
	CHECK_EQ(spawn_template_ring_run(ring, tfd, (void *)&run, sizeof(run),
					 1),
		 0);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 10000), 0);
	CHECK_EQ(cqe->res, 0);
	CHECK_STR(cqe->result->out, "fed");
	CHECK_EQ(cqe->result->size, RESULT_VER2);
	spawn_template_ring_seen(ring, cqe);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, (void *)&spawn,
					   sizeof(spawn), 2),
		 0);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 10000), 0);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(test_wait(cqe->pidfd), 5);
	spawn_template_ring_seen(ring, cqe);
	spawn_template_ring_exit(ring);
}

/*
 * From 176 bytes to 311 the layout is the old one, from 312 on the new one, to which
 * version 2 has added at its end. The same
 * field has two places, and only that of the layout counts.
 */
static void run_sizes_decide_on_the_layout(void)
{
	union {
		struct spawn_template_run_args now;
		struct old_run_args old;
		unsigned char bytes[2 * RUN_VER1];
	} s = { .old = old_run(TREE("cat")) };
	struct spawn_template_result res;
	int tfd = tree_template();

	s.old.input = (uintptr_t) "old";
	s.old.input_len = 3;
	for (size_t size = RUN_VER0; size < RUN_VER1; size++) {
		CHECK_EQ(spawn_template_run(tfd, &s.now, size, &res,
					    sizeof(res)),
			 0);
		CHECK_STR(res.out, "old");
		spawn_template_result_free(&res);
		s.bytes[size] = 1;
		CHECK_EQ(spawn_template_run(tfd, &s.now, size + 1, &res,
					    sizeof(res)),
			 size + 1 == RUN_VER1 ? -EINVAL : -E2BIG);
		s.bytes[size] = 0;
	}
	memset(&s, 0, sizeof(s));
	s.now = run_args(TREE("cat"));
	s.now.input = (uintptr_t) "now";
	s.now.input_len = 3;
	for (size_t size = RUN_VER1; size < sizeof(s); size += 3) {
		CHECK_EQ(spawn_template_run(tfd, &s.now, size, &res,
					    sizeof(res)),
			 0);
		CHECK_STR(res.out, "now");
		spawn_template_result_free(&res);
	}
	/* a version that is not whole does not count */
	for (size_t size = RUN_VER1; size < RUN_VER3; size++) {
		int ret;

		s.bytes[size] = 1;
		ret = spawn_template_run(tfd, &s.now, size + 1, &res,
					 sizeof(res));
		if (size + 1 == RUN_VER2)
			spawn_template_result_free(&res);
		/* the last field is only for runs that stream */
		CHECK_EQ(ret, size + 1 == RUN_VER2   ? 0
			      : size + 1 == RUN_VER3 ? -EINVAL
						     : -E2BIG);
		s.bytes[size] = 0;
	}
	/* one byte less means the old layout, with bytes behind that are not zero */
	CHECK_EQ(spawn_template_run(tfd, &s.now, RUN_VER1 - 1, &res,
				    sizeof(res)),
		 -E2BIG);
}

static void run_flags_need_their_version(void)
{
	static const uint32_t flags[] = { RUN(TAIL), RUN(PTY),
					  RUN(PTY) | RUN(NO_ECHO),
					  RUN(PTY) | RUN(RAW) };
	struct spawn_template_result res;
	int tfd = tree_template();

	for (size_t i = 0; i < TEST_COUNT(flags); i++) {
		struct spawn_template_run_args args =
			run_args(TREE("exit", "0"));

		args.flags = flags[i];
		CHECK_EQ(spawn_template_run(tfd, &args, RUN_VER3, &res,
					    sizeof(res)),
			 0);
		spawn_template_result_free(&res);
		CHECK_EQ(spawn_template_run(tfd, &args, RUN_VER2, &res,
					    sizeof(res)),
			 -EINVAL);
		CHECK_EQ(spawn_template_run(tfd, &args, RUN_VER1, &res,
					    sizeof(res)),
			 -EINVAL);
	}
}

static void reserved_fields_of_a_run_must_be_zero(void)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "3"));
	struct spawn_template_result res;
	int tfd = tree_template();

	args.reserved = 1;
	CHECK_EQ(
		spawn_template_run(tfd, &args, sizeof(args), &res, sizeof(res)),
		-EINVAL);
	args.reserved = 0;
	for (int fd = -2; fd < 3; fd++) {
		int want = fd == 0 || fd == -1 ? 0 : -EINVAL;

		args.spill_fd = fd;
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 want);
		if (!want)
			spawn_template_result_free(&res);
	}
}

/* ---- results ---- */

static void run_for(void *result, size_t size)
{
	struct spawn_template_run_args args =
		run_args(TREE("say", "abc", "exit", "3"));

	CHECK_EQ(spawn_template_run(tree_template(), &args, sizeof(args),
				    result, size),
		 0);
}

static void old_result_is_filled_in_as_it_was(void)
{
	struct {
		struct old_result res;
		unsigned char behind[256];
	} s;

	memset(&s, CANARY, sizeof(s));
	run_for(&s.res, sizeof(s.res));
	check_bytes(s.behind, 0, sizeof(s.behind), CANARY);
	CHECK_EQ(s.res.code, 3);
	CHECK_EQ(s.res.signal, -1);
	CHECK_EQ(s.res.reserved, 0);
	CHECK_EQ(s.res.out_len, 3);
	CHECK_GT(s.res.usage.ru_maxrss, 0);
	CHECK_GT(s.res.total_ns, 0);
	CHECK_GE(s.res.total_ns, s.res.spawn_ns);
	spawn_template_result_free((void *)&s.res);
	CHECK(!s.res.out);
	check_bytes(s.behind, 0, sizeof(s.behind), CANARY);
}

static void result_sizes_between_versions_count_as_the_smaller(void)
{
	union {
		struct spawn_template_result res;
		unsigned char bytes[2 * sizeof(struct spawn_template_result)];
	} s;

	for (size_t size = RESULT_VER0; size < sizeof(s); size += 8) {
		size_t known = size < RESULT_VER1   ? RESULT_VER0
			       : size < RESULT_VER2 ? RESULT_VER1
						    : RESULT_VER2;

		memset(&s, CANARY, sizeof(s));
		run_for(&s.res, size);
		CHECK_EQ(s.res.size, known == RESULT_VER0 ? 0 : known);
		check_bytes(s.bytes, known, size, 0);
		check_bytes(s.bytes, size, sizeof(s), CANARY);
		spawn_template_result_free(&s.res);
	}
}

static void usage_fields_equal_rusage(void)
{
	struct spawn_template_run_args args =
		run_args(TREE("burn", "60", "sleep", "10"));
	struct spawn_template_result res;

	CHECK_EQ(spawn_template_run(tree_template(), &args, sizeof(args), &res,
				    sizeof(res)),
		 0);
	check_result(&args, &res); /* compares all fields */
	CHECK_GE(res.user_us + res.system_us, 50000);
	CHECK_GE(res.max_rss_kib, 100);
	CHECK_GT(res.minor_faults, 0);
	CHECK_GT(res.voluntary_switches, 0);
	spawn_template_result_free(&res);
}

/* ---- a child ---- */

static void the_size_of_a_child_is_checked(void)
{
	union {
		struct spawn_template_child now;
		struct old_child old;
		unsigned char bytes[8192];
	} c = { .now = SPAWN_TEMPLATE_CHILD_INIT };
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	int pidfd = -1;

	args.pidfd = (uintptr_t)&pidfd;
	args.argv = (uintptr_t)TREE("pause");
	c.now.pid = CHECK_OK(
		spawn_template_spawn(tree_template(), &args, sizeof(args)));
	c.now.pidfd = pidfd;
	for (uint32_t size = 1; size < CHILD_VER0; size++) {
		c.now.size = size;
		CHECK_EQ(spawn_template_kill(&c.now, 0, 0), -EINVAL);
	}
	for (uint32_t size = CHILD_VER0; size <= 4096; size += 60) {
		c.now.size = size;
		CHECK_EQ(spawn_template_kill(&c.now, 0, 0), 0);
		c.bytes[size] = 1;
		CHECK_EQ(spawn_template_kill(&c.now, 0, 0), 0);
		c.now.size = size + 1;
		CHECK_EQ(spawn_template_kill(&c.now, 0, 0), -E2BIG);
		c.bytes[size] = 0;
	}
	c.now.size = 4097;
	CHECK_EQ(spawn_template_kill(&c.now, 0, 0), -E2BIG);
	memset(c.bytes + CHILD_VER0, CANARY, 64);
	c.old.reserved = 0;
	CHECK_EQ(spawn_template_kill(&c.now, SIGKILL, SPAWN_TEMPLATE_KILL_TREE),
		 0);
	CHECK_EQ(test_wait(pidfd), 128 + SIGKILL);
}

static const struct test_case cases[] = {
	TEST_CASE(initialisers_name_no_fd_and_no_user),
	TEST_CASE(initialisers_leave_new_fields_zero),
	TEST_CASE(initialised_arguments_launch),
	TEST_CASE(setuid_without_a_user_is_refused),
	TEST_CASE(run_with_a_cgroup_needs_no_parent),
	TEST_CASE(old_spawn_arguments_launch),
	TEST_CASE(old_spawn_attributes_keep_their_meaning),
	TEST_CASE(spawn_sizes_between_versions_count_as_the_smaller),
	TEST_CASE(reserved_fields_of_version_2_must_be_zero),
	TEST_CASE(failure_is_written_up_to_its_size),
	TEST_CASE(failure_without_a_size_is_version_0),
	TEST_CASE(failure_sizes_out_of_range_are_refused),
	TEST_CASE(run_tells_failure_up_to_its_size),
	TEST_CASE(old_run_arguments_feed_and_capture),
	TEST_CASE(old_run_arguments_keep_time),
	TEST_CASE(old_run_arguments_name_a_cgroup),
	TEST_CASE(old_run_arguments_take_attributes_and_tell_failure),
	TEST_CASE(old_run_arguments_end_at_their_old_size),
	TEST_CASE(ring_takes_old_arguments),
	TEST_CASE(run_sizes_decide_on_the_layout),
	TEST_CASE(run_flags_need_their_version),
	TEST_CASE(reserved_fields_of_a_run_must_be_zero),
	TEST_CASE(old_result_is_filled_in_as_it_was),
	TEST_CASE(result_sizes_between_versions_count_as_the_smaller),
	TEST_CASE(usage_fields_equal_rusage),
	TEST_CASE(the_size_of_a_child_is_checked),
};
TEST_MAIN(cases)
