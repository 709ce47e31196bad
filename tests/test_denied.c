/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sandboxes: each call of the table in shared/calls.h is denied in turn, with each
 * errno that a filter may choose, and then every function is called. It does its
 * work in another way, or fails with the documented errno in bounded time, and
 * leaves nothing.
 */
#include "rings.h"

#include <sys/mount.h>

#include "denied.h"

/* The errors that sandboxes give. */
static const int denials[] = { ENOSYS, EPERM, EACCES };

/* What is denied now. */
static enum st_call call;
static int denial;

/* No thread can be started: glibc falls back to clone(2) on ENOSYS only. */
static bool has_no_threads(void)
{
#ifdef __GLIBC__
	return call == ST_CALL_CLONE3 && denial != ENOSYS;
#else
	return false;
#endif
}

/* The folder of the programs. */
static const char *tools(void)
{
	const char *tree = test_tool("tree");

	return test_fmt("%.*s", (int)(strrchr(tree, '/') - tree), tree);
}

/* ---- one function after the other ---- */

static int make(void)
{
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	int tfd = tree_template(), other;

	create.flags = SPAWN_TEMPLATE_CREATE_CLOEXEC;
	create.execfd = tfd;
	other = CHECK_OK(spawn_template_create(&create, sizeof(create)));
	CHECK_EQ(spawn_template_close(other), 0);
	other = CHECK_OK(spawn_template_search("tree", tools(),
					       SPAWN_TEMPLATE_CREATE_CLOEXEC));
	CHECK_EQ(spawn_template_close(other), 0);
	return tfd;
}

static void look(int tfd)
{
	struct spawn_template_stat st;

	CHECK_EQ(spawn_template_check(tfd), 0);
	CHECK_EQ(spawn_template_stat(tfd, &st, sizeof(st)), 0);
	CHECK_EQ(st.state, SPAWN_TEMPLATE_STATE_FRESH);
	CHECK_EQ(spawn_template_refresh(tfd), 0);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		CHECK_EQ(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t spawn(int tfd, char *const argv[], int *pidfd)
{
	struct spawn_template_spawn_args args = test_args(pidfd, argv);

	return CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
}

static void spawn_and_kill(int tfd)
{
	struct spawn_template_child child = SPAWN_TEMPLATE_CHILD_INIT;

	child.pid = spawn(tfd, TREE("exit", "3"), &child.pidfd);
	CHECK_EQ(wait_for(child.pid), 3);
	CHECK_EQ(spawn_template_kill(&child, SIGKILL, 0), -ESRCH);
	CHECK_SYS(close(child.pidfd));
	for (unsigned int flags = 0; flags < 2; flags++) {
		child.pid = spawn(tfd, TREE("pause"), &child.pidfd);
		CHECK_EQ(spawn_template_kill(&child, 0, flags), 0);
		CHECK_EQ(spawn_template_kill(&child, SIGKILL, flags), 0);
		CHECK_EQ(wait_for(child.pid), 128 + SIGKILL);
		CHECK_SYS(close(child.pidfd));
	}
	CHECK_EQ(spawn_template_kill(&child, 0, 0), -EBADF);
}

static void begin_and_kill(int tfd)
{
	char *const argv[] = { "tree", "pause", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *begin;
	int pidfd;
	pid_t pid;

	pid = CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &begin));
	CHECK_EQ(spawn_template_begin_wait(begin, &pidfd, NULL, 0), pid);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(wait_for(pid), 128 + SIGKILL);
	CHECK_SYS(close(pidfd));
	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &begin));
	CHECK_EQ(spawn_template_begin_kill(begin), 0);
	spawn_template_begin_drop(begin);
}

/* The program's own child has left its group and session, but is found. */
static struct spawn_template_run_args late_run(void)
{
	static char *const argv[] = { "tree",	"say",	 "hi",	  "(",
				      "setsid", "pause", ")",	  "(",
				      "pause",	")",	 "pause", NULL };
	struct spawn_template_run_args args = run_args(argv);

	args.timeout_ns = 150 * MS;
	return args;
}

static void check_late(const struct spawn_template_result *res)
{
	CHECK_STR(res->out, "hi");
	CHECK_EQ(res->signal, SIGKILL);
	CHECK(res->flags & RESULT(TIMED_OUT));
	CHECK(res->flags & RESULT(TREE_KILLED));
	CHECK(!(res->flags & RESULT(PIPE_HELD)));
	CHECK_LT(res->total_ns / MS, at_most_ms(2000));
}

static void run(int tfd)
{
	struct spawn_template_run_args args = run_args(TREE("cat"));
	struct spawn_template_result res;

	args.input = (uintptr_t) "fed";
	args.input_len = 3;
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "fed");
	spawn_template_result_free(&res);
	args.flags = RUN(CGROUP);
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "fed");
	spawn_template_result_free(&res);
	args = late_run();
	res = run_ok(tfd, &args);
	check_late(&res);
	spawn_template_result_free(&res);
}

static void ring_work(struct spawn_template_ring *ring, int tfd)
{
	struct spawn_template_run_args args = late_run();
	struct spawn_template_cqe *cqe;

	queue_spawn(ring, tfd, TREE("exit", "3"), 1);
	spawn_template_ring_submit(ring);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(wait_for(cqe->pid), 3);
	CHECK_SYS(close(cqe->pidfd));
	spawn_template_ring_seen(ring, cqe);
	queue_run(ring, tfd, TREE("exit", "4"), 2);
	spawn_template_ring_submit(ring);
	CHECK_EQ(take_run_code(ring, 2), 4);
	queue_run_args(ring, tfd, &args, 3);
	spawn_template_ring_submit(ring);
	cqe = ring_take_of(ring, 3);
	CHECK_EQ(cqe->res, 0);
	check_late(cqe->result);
	spawn_template_ring_seen(ring, cqe);
	queue_run(ring, tfd, TREE("pause"), 4);
	spawn_template_ring_submit(ring);
	CHECK_OK(spawn_template_ring_cancel(ring, 4));
	cqe = ring_take_of(ring, 4);
	CHECK_EQ(cqe->res, -ECANCELED);
	spawn_template_ring_seen(ring, cqe);
	/* it is ended with the ring */
	queue_run(ring, tfd, TREE("pause"), 5);
	spawn_template_ring_submit(ring);
}

static void use_ring(int tfd)
{
	struct spawn_template_ring *ring;

	if (has_no_threads()) {
		CHECK_EQ(spawn_template_ring_init(4, NULL, 0, &ring), -denial);
		return;
	}
	ring = ring_new(4, 1);
	ring_work(ring, tfd);
	spawn_template_ring_exit(ring);
}

static void use_cache(void)
{
	struct spawn_template_cache *cache;
	int tfd, pidfd;

	CHECK_EQ(spawn_template_cache_new(NULL, 0, &cache), 0);
	for (int i = 0; i < 2; i++) {
		tfd = CHECK_OK(
			spawn_template_cache_get(cache, "tree", tools()));
		CHECK_EQ(wait_for(spawn(tfd, TREE("exit", "5"), &pidfd)), 5);
		CHECK_SYS(close(pidfd));
		CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	}
	spawn_template_cache_free(cache);
}

/* ---- all of them, for each call and errno ---- */

static void use_all(void)
{
	int tfd = make();

	look(tfd);
	spawn_and_kill(tfd);
	begin_and_kill(tfd);
	run(tfd);
	use_ring(tfd);
	use_cache();
	CHECK_EQ(spawn_template_close(tfd), 0);
}

/*
 * The filter is in force for this thread and its children only, so that sanitizers
 * can do their work when the process ends.
 */
static void *denied_thread(void *arg)
{
	int fds = test_count_fds();

	(void)arg;
	CHECK_SYS(denied_begin(call, denial));
	use_all();
	for (int i = 0; i < 10000 && test_count_fds() > fds; i++)
		sleep_ms(1);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
	return NULL;
}

static void denied_child(void *arg)
{
	(void)arg;
	join_thread(start_thread(denied_thread, NULL));
}

static void deny(enum st_call this_call, int err)
{
	call = this_call;
	denial = err;
	test_doing("%s answers %d", denied_calls[call].id, err);
	test_in_child(denied_child, NULL);
}

static void every_function_works_without_each_call(void)
{
	for (int i = 0; i < ST_N_CALLS; i++) {
		CHECK(denied_calls[i].id);
		if (i == ST_CALL_STATX)
			continue; /* nothing takes its place */
		for (size_t j = 0; j < TEST_COUNT(denials); j++)
			deny((enum st_call)i, denials[j]);
	}
}

/* ---- a call that has no substitute */

static void all_fail(int tfd)
{
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	struct spawn_template_create_args create =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_begin *begin;
	struct spawn_template_cache *cache;
	struct spawn_template_result res;
	struct spawn_template_stat st;
	char text[512];

	CHECK_EQ(spawn_template_open(test_tool("tree"), 0), -ENOSYS);
	CHECK_EQ(spawn_template_search("tree", tools(), 0), -ENOSYS);
	create.execfd = tfd;
	CHECK_EQ(spawn_template_create(&create, sizeof(create)), -ENOSYS);
	CHECK_EQ(spawn_template_check(tfd), -ENOSYS);
	CHECK_EQ(spawn_template_stat(tfd, &st, sizeof(st)), -ENOSYS);
	CHECK_EQ(spawn_template_refresh(tfd), -ENOSYS);
	args.spawn.failure = (uintptr_t)&failure;
	CHECK_EQ(test_spawn_args(tfd, args.spawn), -ENOSYS);
	CHECK_EQ(failure.error, ENOSYS);
	CHECK_OK(spawn_template_strerror(&failure, text, sizeof(text)));
	CHECK_HAS(text, "statx(2)");
	CHECK_EQ(spawn_template_begin(tfd, &args.spawn, sizeof(args.spawn),
				      &begin),
		 -ENOSYS);
	args.spawn.failure = 0;
	CHECK_EQ(run_any(tfd, &args, &res), -ENOSYS);
	CHECK_EQ(spawn_template_cache_new(NULL, 0, &cache), 0);
	CHECK_EQ(spawn_template_cache_get(cache, "tree", tools()), -ENOSYS);
	spawn_template_cache_free(cache);
}

static void ring_fails(int tfd)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	struct spawn_template_cqe *cqe;

	queue_spawn(ring, tfd, TREE("exit", "0"), 1);
	queue_run(ring, tfd, TREE("exit", "0"), 2);
	spawn_template_ring_submit(ring);
	for (int i = 0; i < 2; i++) {
		cqe = ring_take(ring);
		CHECK_EQ(cqe->res, -ENOSYS);
		CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
			 SPAWN_TEMPLATE_STAGE_ARGS);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static void *no_statx_thread(void *arg)
{
	int tfd = tree_template(), *err = arg;

	CHECK_SYS(denied_begin(ST_CALL_STATX, *err));
	all_fail(tfd);
	ring_fails(tfd);
	CHECK(test_no_children());
	return NULL;
}

static void no_statx_child(void *arg)
{
	join_thread(start_thread(no_statx_thread, arg));
}

static void without_statx_every_function_says_so(void)
{
	for (size_t i = 0; i < TEST_COUNT(denials); i++) {
		int err = denials[i];

		test_doing("statx answers %d", err);
		test_in_child(no_statx_child, &err);
	}
}

/* ---- a root directory without devices */

static void *no_dev_thread(void *arg)
{
	struct spawn_template_run_args args = run_args(TREE("cat"));
	struct spawn_template_result res;
	int tfd, *done = arg;

	if (unshare(CLONE_FS | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/dev", "tmpfs", 0, NULL))
		return NULL;
	*done = 1;
	tfd = tree_template();
	res = run_ok(tfd, &args);
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.out_len, 0);
	spawn_template_result_free(&res);
	call = ST_N_CALLS;
	use_ring(tfd);
	return NULL;
}

static void runs_need_no_dev_null(void)
{
	int done = 0;

	join_thread(start_thread(no_dev_thread, &done));
	if (!done)
		TEST_SKIP("no file system can be mounted");
}

/* ---- a new pid namespace, which ends with its first process ---- */

static void *new_pids_thread(void *arg)
{
	struct spawn_template_run_args args;
	struct spawn_template_result res;
	int tfd, *done = arg;

	if (unshare(CLONE_NEWPID))
		return NULL;
	*done = 1;
	tfd = CHECK_OK(spawn_template_open("/bin/sh", 0));
	args = run_args(TEST_ARGV("sh", "-c", "echo $$"));
	args.flags = RUN(SUPERVISE);
	CHECK_EQ(run_any(tfd, &args, &res), -EOPNOTSUPP);
	args.flags = 0;
	res = run_ok(tfd, &args);
	CHECK_STR(res.out, "1\n");
	spawn_template_result_free(&res);
	return NULL;
}

static void the_first_child_of_a_pid_namespace_is_the_program(void)
{
	int done = 0;

	join_thread(start_thread(new_pids_thread, &done));
	if (!done)
		TEST_SKIP("unshare(CLONE_NEWPID) is not allowed");
}

static const struct test_case cases[] = {
	TEST_CASE(without_statx_every_function_says_so),
	TEST_CASE(runs_need_no_dev_null),
	TEST_CASE(the_first_child_of_a_pid_namespace_is_the_program),
	TEST_CASE_SECONDS(every_function_works_without_each_call, 120),
};
TEST_MAIN(cases)
