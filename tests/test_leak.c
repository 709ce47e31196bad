/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: many launches cost no fd, mapping, memory, child or call for memory. A
 * template costs at most 4 KiB, and nothing once it is closed. A thread that
 * launched leaves nothing when it ends.
 *
 * LAUNCHES=N sets the number of launches. The linker leads the library's calls for
 * memory through the counting functions here.
 */
#include "growth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define ARGV TEST_ARGV("tiny")

static int many(void)
{
	return growth_many("LAUNCHES", 20000);
}

/* ---- counting calls for memory ---- */

static atomic_long calls, maps;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **block, size_t align, size_t size);
void __real_free(void *block);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
int __wrap_posix_memalign(void **block, size_t align, size_t size);
void __wrap_free(void *block);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset);

void *__wrap_malloc(size_t size)
{
	atomic_fetch_add(&calls, 1);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	atomic_fetch_add(&calls, 1);
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	atomic_fetch_add(&calls, 1);
	return __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	atomic_fetch_add(&calls, 1);
	return __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **block, size_t align, size_t size)
{
	atomic_fetch_add(&calls, 1);
	return __real_posix_memalign(block, align, size);
}

void __wrap_free(void *block)
{
	atomic_fetch_add(&calls, 1);
	__real_free(block);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd,
		  off_t offset)
{
	atomic_fetch_add(&calls, 1);
	atomic_fetch_add(&maps, 1);
	return __real_mmap(at, size, prot, flags, fd, offset);
}

/* ---- memory, fds, children ---- */

struct usage {
	int fds;
	struct memory memory;
};

static struct usage usage_now(void)
{
	return (struct usage){
		.fds = test_count_fds(),
		.memory = memory_now(),
	};
}

static void check_no_growth(const struct usage *before, long rss_kib)
{
	struct usage now = usage_now();

	CHECK_EQ(now.fds, before->fds);
	CHECK(test_no_children());
	memory_check(&before->memory, &now.memory, 2, rss_kib);
}

static int template_of(const char *tool)
{
	return CHECK_OK(spawn_template_open(test_tool(tool),
					    SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

/* One launch without the harness, whose helpers need memory. */
static void launch(int tfd, struct spawn_template_spawn_args *args, int want)
{
	int pidfd = -1;
	siginfo_t info = { 0 };
	pid_t pid;

	args->pidfd = (uintptr_t)&pidfd;
	pid = spawn_template_spawn(tfd, args, sizeof(*args));
	if (want < 0) {
		CHECK_EQ(pid, want);
		return;
	}
	CHECK_OK(pid);
	CHECK_SYS(waitid((idtype_t)P_PID, (id_t)pid, &info, WEXITED));
	CHECK_EQ(info.si_status, want);
	CHECK_SYS(close(pidfd));
}

static void nothing_grows_over_many_launches(void)
{
	int tfd = template_of("tiny"), n = many();
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	struct usage before;

	for (int i = 0; i < 100; i++)
		launch(tfd, &args, 0);
	before = usage_now();
	for (int i = 1; i <= n; i++) {
		launch(tfd, &args, 0);
		growth_progress(i, n);
	}
	check_no_growth(&before, 256);
}

/* ---- no call for memory ---- */

static void check_no_calls(int tfd, struct spawn_template_spawn_args *args,
			   int want)
{
	long before;

	launch(tfd, args, want); /* the thread's stack is made here */
	before = atomic_load(&calls);
	for (int i = 0; i < 50; i++)
		launch(tfd, args, want);
	CHECK_EQ(atomic_load(&calls), before);
}

static void a_launch_makes_no_call_for_memory(void)
{
	int tfd = template_of("tiny"), by_path, dup_fd = CHECK_SYS(dup(tfd));
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	struct spawn_template_action actions[SPAWN_TEMPLATE_ACTIONS_MAX];
	struct spawn_template_failure failure;
	long before = atomic_load(&calls);

	CHECK_GT(before, 0); /* the counting works */
	CHECK_GT(atomic_load(&maps), 0);
	check_no_calls(tfd, &args, 0);
	check_no_calls(dup_fd, &args, 0);
	CHECK_SYS(symlink(test_tool("tiny"), test_path("alias")));
	by_path = CHECK_OK(spawn_template_open(test_path("alias"), 0));
	check_no_calls(by_path, &args, 0);

	for (size_t i = 0; i < TEST_COUNT(actions); i++)
		actions[i] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_DUP2,
			.fd = 0,
			.newfd = (int)i,
		};
	args.actions = (uintptr_t)actions;
	args.actions_len = TEST_COUNT(actions);
	args.failure = (uintptr_t)&failure;
	check_no_calls(tfd, &args, 0);
	actions[100].fd = 5000;
	check_no_calls(tfd, &args, -EBADF);
}

/* ---- failures ---- */

static void nothing_grows_over_many_failed_launches(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	struct spawn_template_action action = {
		.type = SPAWN_TEMPLATE_ACTION_CLOSE,
		.fd = 5000,
	};
	int tfd = template_of("tiny"), n = many() / 4;
	struct usage before;

	args.actions = (uintptr_t)&action;
	args.actions_len = 1;
	for (int i = 0; i < 100; i++)
		launch(tfd, &args, -EBADF);
	before = usage_now();
	for (int i = 0; i < n; i++) {
		args.flags = i % 16 ? 0 : SPAWN_TEMPLATE_SPAWN_SETUID;
		args.uid = getuid();
		launch(tfd, &args, -EBADF);
	}
	check_no_growth(&before, 256);
}

static void nothing_grows_over_many_templates_in_turn(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	char *path = test_path("prog"), *text = test_path("text");
	struct usage before = { 0 };
	int n = many() / 40;

	test_copy(test_tool("tiny"), path, 0755);
	test_write(text, "text", 0755);
	for (int i = 0; i < n; i++) {
		int tfd;

		if (i == n / 10)
			before = usage_now();
		CHECK_EQ(spawn_template_open(text, 0), -ENOEXEC);
		tfd = CHECK_OK(spawn_template_open(path, 0));
		launch(tfd, &args, 0);
		CHECK_SYS(chmod(path, i & 1 ? 0755 : 0711));
		launch(tfd, &args, -ESTALE);
		CHECK_EQ(spawn_template_refresh(tfd), 0);
		launch(tfd, &args, 0);
		if (i & 1)
			CHECK_OK(spawn_template_close(tfd));
		else
			CHECK_SYS(close(tfd));
	}
	check_no_growth(&before, 256);
}

/* ---- the cost of a template ---- */

#define TEMPLATES 500

static void a_template_costs_at_most_4_kib(void)
{
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	static int fds[TEMPLATES];
	struct rlimit limit;
	struct usage before;
	long kib;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_cur < TEMPLATES + 50)
		TEST_SKIP("RLIMIT_NOFILE is below %d", TEMPLATES + 50);
	launch(template_of("tiny"), &args, 0);
	template_of("probe");
	before = usage_now();
	for (int i = 0; i < TEMPLATES; i++) {
		fds[i] = template_of("probe");
		CHECK_NE(fcntl(fds[i], F_GETFD), -1);
	}
	launch(fds[TEMPLATES - 1], &args, 0);
	if (!TEST_SANITIZED) {
		struct usage now = usage_now();

		kib = now.memory.rss - before.memory.rss;
		test_note("%d templates: %ld KiB, %d mappings", TEMPLATES, kib,
			  now.memory.mappings - before.memory.mappings);
		CHECK_LE(kib, 4 * TEMPLATES);
		CHECK_LE(now.memory.virt - before.memory.virt,
			 4 * TEMPLATES + 256);
		CHECK_LE(now.memory.mappings, before.memory.mappings + 2);
	}

	/* Closed templates leave room for as many others. */
	for (int i = 0; i < TEMPLATES; i++)
		CHECK_OK(spawn_template_close(fds[i]));
	CHECK_EQ(test_count_fds(), before.fds);
	before = usage_now();
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < TEMPLATES; i++)
			fds[i] = template_of("tiny");
		for (int i = 0; i < TEMPLATES; i++)
			CHECK_SYS(close(fds[i]));
	}
	check_no_growth(&before, 512);
}

/* ---- threads that come and go ---- */

static void *launch_a_few(void *arg)
{
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);

	for (int i = 0; i < 5; i++)
		launch(*(int *)arg, &args, 0);
	return NULL;
}

static void run_threads(int tfd, int n)
{
	pthread_t threads[4];

	for (int round = 0; round < n; round++) {
		for (size_t i = 0; i < TEST_COUNT(threads); i++)
			CHECK_EQ(pthread_create(&threads[i], NULL, launch_a_few,
						&tfd),
				 0);
		for (size_t i = 0; i < TEST_COUNT(threads); i++)
			CHECK_EQ(pthread_join(threads[i], NULL), 0);
	}
}

static void nothing_grows_over_many_launching_threads(void)
{
	int tfd = template_of("tiny");
	struct usage before;

	run_threads(tfd, 20);
	before = usage_now();
	run_threads(tfd, many() / 200);
	check_no_growth(&before, 512);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(nothing_grows_over_many_launches, 220),
	TEST_CASE(a_launch_makes_no_call_for_memory),
	TEST_CASE_SECONDS(nothing_grows_over_many_failed_launches, 60),
	TEST_CASE_SECONDS(nothing_grows_over_many_templates_in_turn, 100),
	TEST_CASE_SECONDS(a_template_costs_at_most_4_kib, 60),
	TEST_CASE_SECONDS(nothing_grows_over_many_launching_threads, 60),
};
TEST_MAIN(cases)
