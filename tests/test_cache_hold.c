/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates in a cache that the guard knows or that processes are prepared for: these
 * stay open for the time that the caller has set and no longer, even if nobody uses the
 * cache any more. The test plays the guard's daemon.
 */
#include "fake_guard.h"
#include "harness.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#define CREATE(x) SPAWN_TEMPLATE_CREATE_##x
#define ARGV TEST_ARGV("tiny")
#define MS 1000000ULL
#define LONG (3600 * 1000 * MS)

static struct fake_guard *guard(void)
{
	struct fake_guard *f = fake_new(test_path("guard.sock"));

	fake_start(f, -1);
	return f;
}

static struct spawn_template_cache *cache_of(uint64_t hold_ns, uint32_t entries)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache;

	params.hold_ns = hold_ns;
	params.entries = entries;
	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	return cache;
}

static struct spawn_template_cache_stat
stat_of(struct spawn_template_cache *cache)
{
	struct spawn_template_cache_stat st;

	CHECK_EQ(spawn_template_cache_stat(cache, &st, sizeof(st)), 0);
	return st;
}

static bool is_guarded(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st.guarded;
}

static int get(struct spawn_template_cache *cache, const char *name)
{
	return CHECK_OK(spawn_template_cache_get(cache, name, NULL));
}

/* Get a guarded template of tiny and drop it. */
static int get_and_drop(struct spawn_template_cache *cache)
{
	int tfd = get(cache, test_tool("tiny"));

	CHECK(is_guarded(tfd));
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	return tfd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static double ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Count the threads that caches have started. */
static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], comm[32] = "";
	int n = 0, fd;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue; /* the thread has just ended */
		(void)!read(fd, comm, sizeof(comm) - 1);
		CHECK_SYS(close(fd));
		n += !strncmp(comm, "st-cache\n", 9);
	}
	closedir(dir);
	return n;
}

/* Wait for the number of threads without a call of the library. */
static void wait_for_threads(int n)
{
	for (int i = 0; i < 10000 && count_threads() != n; i++)
		usleep(1000);
	CHECK_EQ(count_threads(), n);
}

/* ---- the time to hold ---- */

static void a_guarded_template_is_held_and_given_out_again(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int tfd = get_and_drop(cache);

	CHECK_EQ(stat_of(cache).held, 1);
	CHECK_EQ(stat_of(cache).out, 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(get_and_drop(cache), tfd);
	CHECK_EQ(get(cache, test_tool("tiny")), tfd);
	CHECK_EQ(stat_of(cache).held, 0);
	CHECK_EQ(stat_of(cache).out, 1);
	CHECK_EQ(stat_of(cache).shared, 6);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), -EINVAL);
	CHECK_EQ(atomic_load(&f->registers), 1);
	CHECK_EQ(atomic_load(&f->unregisters), 0);
	spawn_template_cache_free(cache);
}

static void a_held_template_is_closed_in_time_without_a_call(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(300 * MS, 0);
	int tfd = get_and_drop(cache);
	double then = ms_now();

	wait_for_threads(1);
	while (is_open(tfd) && ms_now() < then + 20000)
		usleep(1000);
	CHECK(!is_open(tfd));
	CHECK_GE(ms_now() - then, 290);
	wait_for_threads(0);
	for (int i = 0; i < 5000 && !atomic_load(&f->unregisters); i++)
		usleep(1000);
	CHECK_EQ(atomic_load(&f->unregistered), atomic_load(&f->last_id));
	CHECK_EQ(stat_of(cache).held, 0);
	/* another thread closes it the second time */
	tfd = get_and_drop(cache);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK(is_open(tfd));
	wait_for_threads(1);
	wait_for_threads(0);
	CHECK(!is_open(tfd));
	spawn_template_cache_free(cache);
}

static void a_mount_is_free_when_the_time_is_over(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(200 * MS, 0);
	const char *dir = test_path("mounted"), *tool;
	int tfd;

	CHECK_SYS(mkdir(dir, 0755));
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, ""))
		TEST_SKIP("cannot mount: %s", strerror(errno));
	tool = test_fmt("%s/tool", dir);
	test_copy(test_tool("tiny"), tool, 0755);
	tfd = get(cache, tool);
	CHECK(is_guarded(tfd));
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	/* the fake daemon keeps the last file; this one replaces it */
	CHECK_OK(spawn_template_open(test_tool("tiny"), CREATE(CLOEXEC)));
	CHECK_EQ(atomic_load(&f->registers), 2);
	wait_for_threads(1);
	wait_for_threads(0);
	CHECK_SYS(umount(dir));
	spawn_template_cache_free(cache);
}

static void nothing_is_held_if_the_time_is_0(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(0, 0);

	CHECK(!is_open(get_and_drop(cache)));
	CHECK(!is_open(get_and_drop(cache)));
	CHECK_EQ(stat_of(cache).held, 0);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK_EQ(count_threads(), 0);
	CHECK_EQ(atomic_load(&f->registers), 2);
	spawn_template_cache_free(cache);
}

static void a_template_without_a_guard_is_not_held(void)
{
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int tfd = get(cache, test_tool("tiny"));

	CHECK(!is_guarded(tfd));
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	CHECK(!is_open(tfd));
	CHECK_EQ(stat_of(cache).held, 0);
	CHECK_EQ(count_threads(), 0);
	spawn_template_cache_free(cache);
}

static void the_longest_time_is_not_taken_for_none(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(UINT64_MAX, 0);
	int tfd = get_and_drop(cache);

	usleep(20000);
	CHECK_EQ(get_and_drop(cache), tfd);
	CHECK_EQ(atomic_load(&f->registers), 1);
	spawn_template_cache_free(cache);
}

/* ---- earlier closes ---- */

static void a_held_template_is_closed_when_it_is_forgotten(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(LONG, 1);
	int first = get_and_drop(cache), second;

	CHECK(is_open(first));
	second = get(cache, test_tool("tiny-7"));
	CHECK(!is_open(first));
	CHECK_EQ(spawn_template_cache_drop(cache, second), 0);
	CHECK_EQ(stat_of(cache).held, 1);
	CHECK_EQ(stat_of(cache).known, 1);
	CHECK_EQ(atomic_load(&f->registers), 2);
	spawn_template_cache_free(cache);
}

static void a_held_template_is_closed_when_descriptors_run_out(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int held = get_and_drop(cache), tfd;
	struct rlimit limit, less;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	less = limit;
	less.rlim_cur = (rlim_t)held + 1;
	/* use all numbers below the limit */
	while (dup(0) >= 0 && !is_open(held + 1))
		;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &less));
	while (dup(0) >= 0)
		;
	CHECK_EQ(errno, EMFILE);
	tfd = spawn_template_cache_get(cache, test_tool("tiny-7"), NULL);
	CHECK_EQ(stat_of(cache).held, 0);
	/* one fd may be too few to look into the file; now one is free */
	CHECK(tfd == held || tfd == -EMFILE);
	tfd = get(cache, test_tool("tiny"));
	CHECK_EQ(tfd, held);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK_GE(atomic_load(&f->registers), 2);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	spawn_template_cache_free(cache);
}

static void a_held_template_is_closed_with_its_cache(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int tfd = get_and_drop(cache);

	wait_for_threads(1);
	spawn_template_cache_free(cache);
	CHECK(!is_open(tfd));
	wait_for_threads(0);
	CHECK_EQ(atomic_load(&f->registers), 1);
}

/* ---- the guard's word ---- */

static void a_held_template_that_is_stale_is_made_anew(void)
{
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int tfd = get_and_drop(cache);

	fake_stale(f, atomic_load(&f->last_id), WHY_OPENED);
	tfd = get(cache, test_tool("tiny"));
	CHECK_EQ(atomic_load(&f->registers), 2);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	CHECK_EQ(stat_of(cache).known, 1);
	spawn_template_cache_free(cache);
}

static void a_guard_that_comes_or_goes_is_noticed(void)
{
	struct fake_guard *f = fake_new(test_path("guard.sock"));
	struct spawn_template_cache *cache = cache_of(LONG, 0);
	int tfd = get(cache, test_tool("tiny"));
	bool guarded = false;

	CHECK(!is_guarded(tfd));
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	fake_start(f, -1);
	/* the library looks for a guard once a second */
	for (int i = 0; i < 100 && !guarded; i++) {
		usleep(50000);
		tfd = get(cache, test_tool("tiny"));
		guarded = is_guarded(tfd);
		CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	}
	CHECK(guarded);
	CHECK_EQ(stat_of(cache).made, 1);
	CHECK_EQ(stat_of(cache).held, 1);
	fake_unload(f);
	fake_kill(f);
	CHECK_SYS(unlink(f->path));
	tfd = get(cache, test_tool("tiny"));
	CHECK(!is_guarded(tfd));
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	CHECK_EQ(stat_of(cache).held, 0);
	spawn_template_cache_free(cache);
}

static void a_cache_with_GUARD_gives_nothing_without_a_guard(void)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct fake_guard *f = guard();
	struct spawn_template_cache *cache;

	params.create_flags = CREATE(GUARD);
	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	get_and_drop(cache);
	fake_kill(f);
	CHECK_SYS(unlink(f->path));
	CHECK_EQ(spawn_template_cache_get(cache, test_tool("tiny"), NULL),
		 -ENOTCONN);
	fake_start(f, -1);
	get_and_drop(cache);
	spawn_template_cache_free(cache);
}

/* ---- prepared processes ---- */

static uint32_t ready(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st.warm_ready;
}

static bool is_executed(const char *path)
{
	DIR *dir = opendir("/proc");
	char link[300], exe[4096];
	struct dirent *entry;
	bool found = false;
	ssize_t n;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		snprintf(link, sizeof(link), "/proc/%s/exe", entry->d_name);
		n = readlink(link, exe, sizeof(exe) - 1);
		exe[n < 0 ? 0 : n] = 0;
		found |= !strcmp(exe, path);
	}
	closedir(dir);
	return found;
}

static void prepared_processes_end_with_their_template(void)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache;
	const char *tool = test_path("probe");
	int tfd = -1;

	test_copy(test_tool("probe"), tool, 0755);
	params.create_flags = CREATE(WARM_FORK);
	params.hold_ns = 1000 * MS;
	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	for (int i = 0; i < 2; i++) {
		tfd = get(cache, tool);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	}
	CHECK_EQ(stat_of(cache).shared, 1);
	CHECK_EQ(get(cache, tool), tfd);
	for (int i = 0; i < 2500 && !ready(tfd); i++)
		usleep(2000);
	if (!ready(tfd))
		TEST_SKIP("no launch is prepared here");
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	CHECK(is_executed(tool));
	for (int i = 0; i < 10000 && is_executed(tool); i++)
		usleep(1000);
	CHECK(!is_executed(tool));
	CHECK(!is_open(tfd));
	CHECK_EQ(stat_of(cache).known, 1);
	CHECK_EQ(stat_of(cache).cold + stat_of(cache).warm, 2);
	spawn_template_cache_free(cache);
}

static void as_many_processes_are_prepared_as_the_cache_is_told(void)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache;
	int tfd;

	params.create_flags = CREATE(WARM_ONCE);
	params.hold_ns = 10000 * MS;
	params.warm_target = 2;
	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	tfd = get(cache, "true");
	for (int i = 0; i < 2; i++)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("true")), 0);
	for (int i = 0; i < 2500 && ready(tfd) < 2; i++)
		usleep(2000);
	if (!ready(tfd))
		TEST_SKIP("no launch is prepared here");
	CHECK_EQ(ready(tfd), 2);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("true")), 0);
	CHECK_EQ(stat_of(cache).warm, 1);
	CHECK_EQ(stat_of(cache).cold, 2);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
	spawn_template_cache_free(cache);
}

/* ---- fork ---- */

static void hold_in_child(void *arg)
{
	struct spawn_template_cache *cache = arg;
	int tfd;

	CHECK_EQ(stat_of(cache).held, 0);
	tfd = get_and_drop(cache);
	CHECK_EQ(stat_of(cache).held, 1);
	wait_for_threads(1);
	wait_for_threads(0);
	CHECK(!is_open(tfd));
	spawn_template_cache_free(cache);
}

static void a_child_holds_its_own_templates(void)
{
	struct spawn_template_cache *cache;
	int tfd;

	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer starts no thread in a forked child");
	guard();
	cache = cache_of(500 * MS, 0);
	tfd = get_and_drop(cache);
	wait_for_threads(1);
	test_in_child(hold_in_child, cache);
	wait_for_threads(0);
	CHECK(!is_open(tfd));
	get_and_drop(cache);
	spawn_template_cache_free(cache);
}

static const struct test_case cases[] = {
	TEST_CASE(a_guarded_template_is_held_and_given_out_again),
	TEST_CASE(a_held_template_is_closed_in_time_without_a_call),
	TEST_CASE(a_mount_is_free_when_the_time_is_over),
	TEST_CASE(nothing_is_held_if_the_time_is_0),
	TEST_CASE(a_template_without_a_guard_is_not_held),
	TEST_CASE(the_longest_time_is_not_taken_for_none),
	TEST_CASE(a_held_template_is_closed_when_it_is_forgotten),
	TEST_CASE(a_held_template_is_closed_when_descriptors_run_out),
	TEST_CASE(a_held_template_is_closed_with_its_cache),
	TEST_CASE(a_held_template_that_is_stale_is_made_anew),
	TEST_CASE(a_guard_that_comes_or_goes_is_noticed),
	TEST_CASE(a_cache_with_GUARD_gives_nothing_without_a_guard),
	TEST_CASE(prepared_processes_end_with_their_template),
	TEST_CASE(as_many_processes_are_prepared_as_the_cache_is_told),
	TEST_CASE(a_child_holds_its_own_templates),
};
TEST_MAIN(cases)
