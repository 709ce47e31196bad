/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library with a guard: it knows the state of a template before a launch, and
 * the kernel lets its launches through, whatever way they are made.
 */
#include "guarding.h"
#include "../begin_spawn.h"

#include <pthread.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define GUARD SPAWN_TEMPLATE_CREATE_GUARD
#define DENY SPAWN_TEMPLATE_CREATE_DENY_WRITE

static char *program(void)
{
	return guard_program(test_path("p"), "tiny-7");
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

static int template(uint64_t flags)
{
	int tfd = CHECK_OK(spawn_template_open(program(), CLOEXEC | flags));

	CHECK_EQ(stat_of(tfd).guarded,
		 !(flags & SPAWN_TEMPLATE_CREATE_NO_GUARD));
	return tfd;
}

static struct st_msg_item item_of(int tfd)
{
	struct st_msg_item item;
	struct client c;

	client_open(&c);
	item = client_item(&c, stat_of(tfd).guard_id);
	client_close(&c);
	return item;
}

static int launch(int tfd)
{
	return test_spawn(tfd, TEST_ARGV("p"));
}

/* ---- state of a template */

/* The file has not changed, so only the guard knows. */
static void an_open_for_writing_is_told_at_once(void)
{
	int tfd = template(0);

	CHECK_OK(spawn_template_check(tfd));
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(spawn_template_check(tfd), -ESTALE);
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_STALE);
	CHECK_EQ(stat_of(tfd).stale_reason, SPAWN_TEMPLATE_STALE_GUARD);
	CHECK_EQ(stat_of(tfd).guard_why, SPAWN_TEMPLATE_GUARD_WHY_OPENED);
	CHECK_EQ(launch(tfd), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_OK(spawn_template_check(tfd));
	CHECK_EQ(stat_of(tfd).guarded, 1);
	CHECK_EQ(launch(tfd), 7);
}

static void auto_refresh_makes_a_template_fresh(void)
{
	int tfd = template(SPAWN_TEMPLATE_CREATE_AUTO_REFRESH);
	uint64_t before = stat_of(tfd).guard_id;

	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(launch(tfd), 7);
	CHECK_NE(stat_of(tfd).guard_id, before);
	/* only the launch notices the new link */
	CHECK_SYS(link(test_path("p"), test_path("q")));
	CHECK_EQ(launch(tfd), 7);
	CHECK_EQ(stat_of(tfd).state, SPAWN_TEMPLATE_STATE_FRESH);
}

static void stat_tells_of_the_guard(void)
{
	int tfd = template(DENY | GUARD);
	struct spawn_template_stat st = stat_of(tfd);

	CHECK_EQ(st.deny_write, 1);
	CHECK_NE(st.guard_id, 0);
	CHECK_EQ(st.guard_why, 0);
	CHECK_EQ(st.flags, CLOEXEC | DENY | GUARD);
	CHECK_EQ(item_of(tfd).flags, ST_REGISTER_DENY_WRITE);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), -ETXTBSY);
	CHECK_OK(spawn_template_check(tfd));
}

static void a_template_with_no_guard_is_left_alone(void)
{
	int tfd = template(SPAWN_TEMPLATE_CREATE_NO_GUARD);

	CHECK_EQ(launch(tfd), 7);
	CHECK_EQ(stat_of(tfd).guard_id, 0);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(launch(tfd), 7);
}

/* A dup holds the file open. */
static void close_ends_deny_write_whoever_holds_the_file(void)
{
	int tfd = template(DENY), copy = CHECK_SYS(dup(tfd));

	CHECK_OK(spawn_template_close(tfd));
	GUARD_UNTIL(guard_write(test_path("p"), O_RDWR) == 0);
	CHECK_SYS(close(copy));
}

/* ---- ways to launch */

/* The mark is in memory that must outlive the call that begins the launch. */
static void launches_not_waited_for_are_let_through(void)
{
	int tfd = template(GUARD), pidfd = -1;
	struct spawn_template_spawn_args args = test_args(NULL, TEST_ARGV("p"));
	struct spawn_template_begin *begin;

	for (int i = 0; i < 20; i++) {
		CHECK_OK(
			spawn_template_begin(tfd, &args, sizeof(args), &begin));
		CHECK_OK(spawn_template_begin_wait(begin, &pidfd, NULL, 0));
		CHECK_EQ(test_wait(pidfd), 7);
	}
	CHECK_EQ(item_of(tfd).launches, 20);
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(spawn_template_begin(tfd, &args, sizeof(args), &begin),
		 -ESTALE);
}

static void check_way(const char *what, struct spawn_template_spawn_args args)
{
	int tfd = CHECK_OK(spawn_template_open(test_tool("tiny-7"), CLOEXEC));

	test_doing("%s", what);
	args.pidfd = 0;
	CHECK_EQ(test_spawn_args(tfd, args), 7);
	CHECK_EQ(item_of(tfd).launches, 1);
	CHECK_EQ(item_of(tfd).refused, 0);
	CHECK_OK(spawn_template_close(tfd));
}

/* The child has other ids when it execs, and the guard looks at its parent. */
static void launches_with_attributes_are_let_through(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, TEST_ARGV("p")),
					 plain = args;

	check_way("plain", args);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID | SPAWN_TEMPLATE_SPAWN_SETGID |
		     SPAWN_TEMPLATE_SPAWN_SETGROUPS;
	args.uid = args.gid = NOBODY;
	check_way("other ids", args);
	args = plain;
	args.flags = SPAWN_TEMPLATE_SPAWN_SETSID |
		     SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |
		     SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	check_way("session, no new privileges", args);
	args = plain;
	TEST_ACTIONS(&args, ACT_DUP2(2, 9), ACT_CHDIR("/"));
	check_way("actions", args);
	CHECK_SYS(dup2(2, 700));
	check_way("a large table", plain);
	check_way("a large table again", plain);
}

/* Landlock gives the child credentials that the creator does not have. */
static void launches_in_a_sandbox_are_let_through(void)
{
	static const char *const root[] = { "/", NULL };
	struct spawn_template_sandbox_args wishes =
		SPAWN_TEMPLATE_SANDBOX_ARGS_INIT;
	struct spawn_template_spawn_args args = test_args(NULL, TEST_ARGV("p"));
	struct spawn_template_sandbox *sandbox;
	int tfd = template(GUARD);

	wishes.flags = SPAWN_TEMPLATE_SANDBOX_NO_NET |
		       SPAWN_TEMPLATE_SANDBOX_BEST_EFFORT;
	wishes.read_only = (uintptr_t)root;
	CHECK_EQ(spawn_template_sandbox_new(&wishes, sizeof(wishes), &sandbox),
		 0);
	CHECK_EQ(spawn_template_sandbox_apply(sandbox, &args, sizeof(args)), 0);
	CHECK_EQ(test_spawn_args(tfd, args), 7);
	CHECK_EQ(stat_of(tfd).refused, 0);
	/* the checks inside exec hold there, too */
	CHECK_EQ(guard_write(test_path("p"), O_RDWR), 0);
	CHECK_EQ(test_spawn_args(tfd, args), -ESTALE);
	spawn_template_sandbox_free(sandbox);
}

static void launches_by_fallbacks_are_let_through(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, TEST_ARGV("p"));

	test_seccomp(SYS_clone3, ENOSYS);
	check_way("no clone3", args);
	test_seccomp(SYS_close_range, ENOSYS);
	check_way("no close_range", args);
	test_seccomp(SYS_execveat, ENOSYS);
	check_way("no execveat", args);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = NOBODY;
	check_way("no execveat, other ids", args);
}

static void a_script_launches_until_it_is_written_to(void)
{
	char *path = test_path("script");
	int tfd;

	test_write(path, test_fmt("#!%s\n", test_tool("tiny-7")), 0755);
	guard_tick();
	tfd = CHECK_OK(spawn_template_open(
		path, CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT | GUARD));
	CHECK_EQ(launch(tfd), 7);
	CHECK_EQ(item_of(tfd).launches, 1);
	CHECK_EQ(guard_write(path, O_RDWR), 0);
	CHECK_EQ(launch(tfd), -ESTALE);
}

static void run_with(uint32_t flags)
{
	int tfd = template(GUARD);
	struct spawn_template_run_args args = {
		.spawn = test_args(NULL, TEST_ARGV("p")),
		.flags = flags,
		.cgroup_parent_fd = -1,
	};
	struct spawn_template_result result;

	CHECK_OK(spawn_template_run(tfd, &args, sizeof(args), &result,
				    sizeof(result)));
	CHECK_EQ(result.code, 7);
	spawn_template_result_free(&result);
	CHECK_EQ(item_of(tfd).launches, 1);
	CHECK_OK(spawn_template_close(tfd));
}

static void runs_are_let_through(void)
{
	run_with(0);
	run_with(SPAWN_TEMPLATE_RUN_CGROUP);
	run_with(SPAWN_TEMPLATE_RUN_SUPERVISE);
}

static void launches_of_rings_are_let_through(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, TEST_ARGV("p"));
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	int tfd = template(GUARD);

	CHECK_OK(spawn_template_ring_init(16, NULL, 0, &ring));
	for (int i = 0; i < 16; i++)
		CHECK_OK(spawn_template_ring_spawn(ring, tfd, &args,
						   sizeof(args), 1));
	for (int i = 0; i < 16; i++) {
		CHECK_OK(spawn_template_ring_wait(ring, &cqe, -1));
		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(test_wait(cqe->pidfd), 7);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
	CHECK_EQ(item_of(tfd).launches, 16);
}

/* ---- many at a time */

#define THREADS 4
#define ROUNDS 25

static void *make_and_launch(void *arg)
{
	const char *path = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int tfd = CHECK_OK(spawn_template_open(path, CLOEXEC | GUARD));

		CHECK_EQ(launch(tfd), 7);
		CHECK_OK(spawn_template_close(tfd));
	}
	return NULL;
}

static void many_threads_make_and_launch_templates(void)
{
	pthread_t threads[THREADS];
	char *path = program();
	struct client c;

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, make_and_launch,
					path),
			 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	client_open(&c);
	GUARD_UNTIL(client_list(&c) == 0);
	client_close(&c);
}

static const struct test_case cases[] = {
	TEST_CASE(an_open_for_writing_is_told_at_once),
	TEST_CASE(auto_refresh_makes_a_template_fresh),
	TEST_CASE(stat_tells_of_the_guard),
	TEST_CASE(a_template_with_no_guard_is_left_alone),
	TEST_CASE(close_ends_deny_write_whoever_holds_the_file),
	TEST_CASE(launches_not_waited_for_are_let_through),
	TEST_CASE(launches_with_attributes_are_let_through),
	TEST_CASE(launches_in_a_sandbox_are_let_through),
	TEST_CASE(launches_by_fallbacks_are_let_through),
	TEST_CASE(a_script_launches_until_it_is_written_to),
	TEST_CASE(runs_are_let_through),
	TEST_CASE(launches_of_rings_are_let_through),
	TEST_CASE(many_threads_make_and_launch_templates),
};
GUARD_MAIN(cases)
