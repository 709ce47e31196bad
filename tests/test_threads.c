/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: launches by many at once, from one template and from many, beside
 * threads that fork, launch by other means, open and close fds, make, refresh,
 * replace and close templates. Every launch has its own program's answer, and
 * when all is over nothing is left.
 */
#include "harness.h"

#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC

#define THREADS 8

static atomic_bool done;

/* Sanitizers are slow, and find what there is in fewer rounds. */
static int rounds(int n)
{
	return getenv("TEST_SLOW") ? n / 5 : n;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void check_nothing_left(int fds)
{
	CHECK(test_no_children());
	CHECK_EQ(test_count_fds(), fds);
}

/* Launch a program that exits with this code; -errno, or what it exits with. */
static int launch(int tfd, int code)
{
	char text[16];
	char *argv[] = { "probe", "exit", text, NULL };

	snprintf(text, sizeof(text), "%d", code);
	return test_spawn(tfd, argv);
}

/* The text that comes through the pipe must be this thread's own. */
static void launch_with_pipe(int tfd, int code)
{
	int pipes[2], pidfd;
	char text[16], got[16] = { 0 };
	char *argv[] = { "probe", "write", "1", text, NULL };
	struct spawn_template_spawn_args args = test_args(&pidfd, argv);

	snprintf(text, sizeof(text), "%d", code);
	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	TEST_ACTIONS(&args, ACT_DUP2(pipes[1], 1), ACT_CHDIR("/"));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_SYS(close(pipes[1]));
	CHECK_GT(CHECK_SYS(read(pipes[0], got, sizeof(got) - 1)), 0);
	CHECK_SYS(close(pipes[0]));
	CHECK_STR(got, text);
	CHECK_EQ(test_wait(pidfd), 0);
}

static void launch_and_fail(int tfd)
{
	int pidfd = -1;
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	args.failure = (uintptr_t)&failure;
	TEST_ACTIONS(&args, ACT_CHDIR("/"), ACT_FCHDIR(0));
	CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)), -ENOTDIR);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK_EQ(failure.action, 1);
	CHECK_EQ(pidfd, -1);
}

struct worker {
	pthread_t thread;
	int tfd, number;
};

static void *launch_mix(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < rounds(60); i++) {
		CHECK_EQ(launch(w->tfd, w->number * 10 + i % 10),
			 w->number * 10 + i % 10);
		launch_with_pipe(w->tfd, w->number * 1000 + i);
		launch_and_fail(w->tfd);
	}
	return NULL;
}

static void run_workers(const int *tfds)
{
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].tfd = tfds[i];
		workers[i].thread = start(launch_mix, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		join(workers[i].thread);
}

/* ---- launching ---- */

static void threads_launch_from_one_template(void)
{
	int tfds[THREADS], tfd = test_probe(), fds = test_count_fds();
	struct spawn_template_stat st;

	for (int i = 0; i < THREADS; i++)
		tfds[i] = tfd;
	run_workers(tfds);
	check_nothing_left(fds);
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.cold, THREADS * 2 * rounds(60));
	CHECK_EQ(st.failed, THREADS * rounds(60));
}

static void threads_launch_from_a_template_each(void)
{
	int tfds[THREADS], fds;

	for (int i = 0; i < THREADS; i++)
		tfds[i] = CHECK_OK(spawn_template_open(
			test_copy_probe(test_fmt("probe%d", i)), CLOEXEC));
	fds = test_count_fds();
	run_workers(tfds);
	check_nothing_left(fds);
}

/* ---- beside noise: each of these goes on until done is set ---- */

static void *noise_fork(void *arg)
{
	int status;

	while (!atomic_load(&done)) {
		pid_t pid = CHECK_SYS(fork());

		if (!pid)
			_exit(7);
		CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(status, 7 << 8);
	}
	return arg;
}

static void *noise_posix_spawn(void *arg)
{
	int status;
	pid_t pid;

	while (!atomic_load(&done)) {
		CHECK_EQ(posix_spawn(&pid, arg, NULL, NULL,
				     TEST_ARGV("probe", "exit", "8"), environ),
			 0);
		CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(status, 8 << 8);
	}
	return NULL;
}

static void *noise_fds(void *arg)
{
	int fds[16];

	while (!atomic_load(&done)) {
		for (size_t i = 0; i < TEST_COUNT(fds); i++)
			fds[i] = CHECK_SYS(
				open("/dev/null", O_RDONLY | O_CLOEXEC));
		for (size_t i = 0; i < TEST_COUNT(fds); i++)
			CHECK_SYS(close(fds[i]));
	}
	return arg;
}

static void *noise_templates(void *arg)
{
	while (!atomic_load(&done)) {
		int tfd = CHECK_OK(spawn_template_open(arg, CLOEXEC));

		CHECK_OK(spawn_template_check(tfd));
		CHECK_EQ(launch(tfd, 9), 9);
		CHECK_OK(spawn_template_refresh(tfd));
		CHECK_OK(spawn_template_close(tfd));
	}
	return NULL;
}

static void launches_work_beside_noise(void)
{
	int tfds[THREADS], fds;
	char *path = test_copy_probe("other");
	pthread_t noise[4];

	for (int i = 0; i < THREADS; i++)
		tfds[i] = i < 4 ? test_probe() : tfds[0];
	fds = test_count_fds();
	noise[0] = start(noise_fork, NULL);
	noise[1] = start(noise_posix_spawn, path);
	noise[2] = start(noise_fds, NULL);
	noise[3] = start(noise_templates, path);
	run_workers(tfds);
	atomic_store(&done, true);
	for (size_t i = 0; i < TEST_COUNT(noise); i++)
		join(noise[i]);
	check_nothing_left(fds);
}

/* The table is so large that the child copies only a part of it. */
static void launches_work_beside_noise_with_many_fds(void)
{
	for (int fd = 300; fd < 900; fd++)
		CHECK_SYS(dup3(0, fd, fd & 1 ? O_CLOEXEC : 0));
	for (int fd = 20; fd < 300; fd++)
		CHECK_SYS(dup3(0, fd, O_CLOEXEC));
	launches_work_beside_noise();
	for (int fd = 300; fd < 900; fd++)
		CHECK_EQ(fcntl(fd, F_GETFD), fd & 1 ? FD_CLOEXEC : 0);
}

/* ---- storms of templates ---- */

static void *create_and_close(void *arg)
{
	struct worker *w = arg;
	struct spawn_template_stat st;
	int tfds[5];

	for (int i = 0; i < rounds(100); i++) {
		for (size_t j = 0; j < TEST_COUNT(tfds); j++) {
			tfds[j] = test_probe();
			CHECK_OK(spawn_template_stat(tfds[j], &st, sizeof(st)));
			CHECK_EQ(st.cold, 0);
		}
		CHECK_EQ(launch(tfds[i % 5], w->number), w->number);
		CHECK_OK(spawn_template_stat(tfds[i % 5], &st, sizeof(st)));
		CHECK_EQ(st.cold, 1);
		/* both ways of closing */
		for (size_t j = 0; j < TEST_COUNT(tfds); j++) {
			if (j & 1)
				CHECK_OK(spawn_template_close(tfds[j]));
			else
				CHECK_SYS(close(tfds[j]));
		}
	}
	return NULL;
}

static void threads_create_and_close_templates_at_once(void)
{
	struct worker workers[THREADS];
	int fds = test_count_fds();

	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i + 1;
		workers[i].thread = start(create_and_close, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		join(workers[i].thread);
	check_nothing_left(fds);
}

/* The number may be closed, or another template's, at any time. */
static void *launch_whatever_it_is(void *arg)
{
	int tfd = *(int *)arg;

	while (!atomic_load(&done)) {
		int ret = launch(tfd, 11);

		/* EINVAL: for a moment it was some other fd */
		if (ret != 11 && ret != -EBADF && ret != -EINVAL &&
		    ret != -EACCES && ret != -ESTALE)
			CHECK_EQ(ret, 11);
	}
	return NULL;
}

static void a_template_may_be_closed_while_launched_from(void)
{
	char *one = test_copy_probe("one"), *two = test_copy_probe("two");
	int fds = test_count_fds();
	int tfd = CHECK_OK(spawn_template_open(one, CLOEXEC));
	pthread_t threads[4];

	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		threads[i] = start(launch_whatever_it_is, &tfd);
	for (int i = 0; i < rounds(500); i++) {
		CHECK_OK(spawn_template_close(tfd));
		/* the number is free; others may take it for a moment */
		for (;;) {
			int got = CHECK_OK(spawn_template_open(
				i & 1 ? one : two, CLOEXEC));

			if (got == tfd)
				break;
			CHECK_OK(spawn_template_close(got));
		}
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		join(threads[i]);
	CHECK_EQ(launch(tfd, 12), 12);
	CHECK_OK(spawn_template_close(tfd));
	check_nothing_left(fds);
}

/* A launch runs the old file or the new, or is stale between rename and refresh. */
static atomic_int n_launched;

static void *launch_or_stale(void *arg)
{
	int tfd = *(int *)arg;

	while (!atomic_load(&done)) {
		int ret = launch(tfd, 11);

		if (ret != -ESTALE)
			CHECK_EQ(ret, 11);
		atomic_fetch_add(&n_launched, ret == 11);
	}
	return NULL;
}

/*
 * Writes the files that will replace the program. Beside launches the file would be
 * busy for a moment, as each child has a copy of the descriptor until it executes.
 */
static void copies_ahead(int n)
{
	for (int i = 0; i < n; i++)
		test_copy(test_tool("probe"), test_path("new-%d", i), 0755);
}

/* Replaces the template's file again and again while four threads run fn. */
static int refresh_during(void *(*fn)(void *))
{
	char *path = test_copy_probe("tool");
	int tfd = CHECK_OK(spawn_template_open(path, CLOEXEC));
	int fds = test_count_fds();
	pthread_t threads[4];

	copies_ahead(rounds(100));
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		threads[i] = start(fn, &tfd);
	for (int i = 0; i < rounds(100); i++) {
		CHECK_SYS(rename(test_path("new-%d", i), path));
		CHECK_OK(spawn_template_refresh(tfd));
		CHECK_OK(spawn_template_check(tfd));
		CHECK_EQ(launch(tfd, 12), 12);
	}
	atomic_store(&done, true);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		join(threads[i]);
	check_nothing_left(fds);
	return tfd;
}

static void a_template_may_be_refreshed_while_launched_from(void)
{
	struct spawn_template_stat st;
	int tfd = refresh_during(launch_or_stale);

	/* refresh keeps the counters, also those of launches under way */
	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.cold, atomic_load(&n_launched) + rounds(100));
	CHECK_EQ(st.failed, 0);
}

static void *refresh_often(void *arg)
{
	int tfd = *(int *)arg;

	while (!atomic_load(&done))
		CHECK_OK(spawn_template_refresh(tfd));
	return NULL;
}

static void many_threads_may_refresh_a_template(void)
{
	refresh_during(refresh_often);
}

/* A template that refreshes itself never fails for one replacement. */
struct steady {
	int tfd;
	atomic_int launches;
};

static void *launch_always(void *arg)
{
	struct steady *s = arg;

	while (!atomic_load(&done)) {
		CHECK_EQ(launch(s->tfd, 11), 11);
		atomic_fetch_add(&s->launches, 1);
	}
	return NULL;
}

/* Waits for two launches: the second one began after the last replacement. */
static void await_launches(struct steady *s)
{
	int now = atomic_load(&s->launches);

	while (atomic_load(&s->launches) < now + 2)
		usleep(1000);
}

static void auto_refresh_never_fails_under_many_threads(void)
{
	char *path = test_copy_probe("tool");
	int tfd = CHECK_OK(spawn_template_open(
		path, CLOEXEC | SPAWN_TEMPLATE_CREATE_AUTO_REFRESH));
	int fds = test_count_fds();
	struct steady steady[4];
	pthread_t threads[4];

	copies_ahead(rounds(50));
	for (int i = 0; i < 4; i++) {
		steady[i].tfd = tfd;
		atomic_init(&steady[i].launches, 0);
		threads[i] = start(launch_always, &steady[i]);
	}
	for (int i = 0; i < rounds(50); i++) {
		CHECK_SYS(rename(test_path("new-%d", i), path));
		for (int j = 0; j < 4; j++)
			await_launches(&steady[j]);
	}
	atomic_store(&done, true);
	for (int i = 0; i < 4; i++)
		join(threads[i]);
	check_nothing_left(fds);
}

/* ---- stacks ---- */

/* Mappings that sanitizers make now and then. */
#define SLACK (TEST_SANITIZED ? 12 : 0)

static void *launch_once(void *arg)
{
	CHECK_EQ(launch(*(int *)arg, 3), 3);
	return NULL;
}

static void a_stack_is_one_mapping(void)
{
	int tfd = test_probe(), before;

	test_count_mappings();
	before = test_count_mappings();
	launch(tfd, 3);
	/* the stack, its guard page, and what lay around them */
	CHECK_LE(test_count_mappings(), before + 3 + SLACK);
	before = test_count_mappings();
	for (int i = 0; i < 50; i++)
		launch(tfd, 3);
	CHECK_LE(test_count_mappings(), before + SLACK);
}

static void run_at_once(int tfd, int n)
{
	pthread_t threads[16];

	for (int i = 0; i < n; i++)
		threads[i] = start(launch_once, &tfd);
	for (int i = 0; i < n; i++)
		join(threads[i]);
}

/* libc keeps some stacks of its own; the library keeps none. */
static void stacks_go_with_their_threads(void)
{
	int tfd = test_probe(), before;

	for (int i = 0; i < 3; i++)
		run_at_once(tfd, 16);
	before = test_count_mappings();
	for (int i = 0; i < 10; i++)
		run_at_once(tfd, 16);
	/* 160 threads; a mapping and a guard page of each would show */
	CHECK_LE(test_count_mappings(), before + 16 + 8 * SLACK);
}

static pthread_key_t late_key;

static void launch_late(void *arg)
{
	static __thread int again;

	/* destructors run in any order, and up to four times */
	CHECK_EQ(launch(*(int *)arg, 3), 3);
	if (again++ < 2)
		pthread_setspecific(late_key, arg);
}

static void *ends_with_launches(void *arg)
{
	CHECK_EQ(launch(*(int *)arg, 3), 3);
	pthread_setspecific(late_key, arg);
	return NULL;
}

/* A destructor launches when the thread's stack for children may be gone. */
static void a_thread_may_launch_while_it_ends(void)
{
	int tfd = test_probe(), before = 0;

	CHECK_EQ(pthread_key_create(&late_key, launch_late), 0);
	for (int i = 0; i < 60; i++) {
		join(start(ends_with_launches, &tfd));
		if (i == 9)
			before = test_count_mappings();
	}
	CHECK_LE(test_count_mappings(), before + 8 + 3 * SLACK);
	check_nothing_left(4);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(threads_launch_from_one_template, 60),
	TEST_CASE_SECONDS(threads_launch_from_a_template_each, 60),
	TEST_CASE_SECONDS(launches_work_beside_noise, 60),
	TEST_CASE_SECONDS(launches_work_beside_noise_with_many_fds, 60),
	TEST_CASE_SECONDS(threads_create_and_close_templates_at_once, 60),
	TEST_CASE_SECONDS(a_template_may_be_closed_while_launched_from, 60),
	TEST_CASE_SECONDS(a_template_may_be_refreshed_while_launched_from, 60),
	TEST_CASE_SECONDS(many_threads_may_refresh_a_template, 60),
	TEST_CASE_SECONDS(auto_refresh_never_fails_under_many_threads, 60),
	TEST_CASE(a_stack_is_one_mapping),
	TEST_CASE(stacks_go_with_their_threads),
	TEST_CASE(a_thread_may_launch_while_it_ends),
};
TEST_MAIN(cases)
