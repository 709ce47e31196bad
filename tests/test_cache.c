/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache of templates: it gives out the file that a search finds now, remembers as
 * many files as it was told to, holds no file open that no caller has, and serves
 * threads and forked children.
 *
 * tiny exits with 0, tiny-7 with 7, so that a launch tells which of the two has run.
 */
#include "growth.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <time.h>

#define CREATE(x) SPAWN_TEMPLATE_CREATE_##x
#define ARGV TEST_ARGV("tiny")
#define MS 1000000ULL

/* ---- caches, files, launches ---- */

static struct spawn_template_cache *
cache_of(struct spawn_template_cache_params params)
{
	struct spawn_template_cache *cache;

	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	return cache;
}

static struct spawn_template_cache *new_cache(void)
{
	struct spawn_template_cache *cache;

	CHECK_EQ(spawn_template_cache_new(NULL, 0, &cache), 0);
	return cache;
}

static struct spawn_template_cache_stat
stat_of(struct spawn_template_cache *cache)
{
	struct spawn_template_cache_stat st;

	CHECK_EQ(spawn_template_cache_stat(cache, &st, sizeof(st)), 0);
	CHECK_EQ(st.reserved, 0);
	return st;
}

static char *put(const char *name, const char *tool)
{
	char *path = test_path("%s", name);

	test_copy(test_tool(tool), path, 0755);
	return path;
}

/* Put another inode at the same path, by rename. */
static void replace(const char *path, const char *tool)
{
	char *next = test_path("next");

	test_copy(test_tool(tool), next, 0755);
	CHECK_SYS(rename(next, path));
}

static int get(struct spawn_template_cache *cache, const char *name)
{
	return CHECK_OK(spawn_template_cache_get(cache, name, NULL));
}

static void drop(struct spawn_template_cache *cache, int tfd)
{
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), 0);
}

/* Get a template, launch from it and drop it. Return: the exit code. */
static int launch(struct spawn_template_cache *cache, const char *name,
		  const char *path)
{
	int tfd = CHECK_OK(spawn_template_cache_get(cache, name, path));
	int code = test_spawn(tfd, ARGV);

	drop(cache, tfd);
	return code;
}

static uint64_t launches_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st.cold;
}

static double ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* ---- files that the cache remembers ---- */

static void a_known_file_is_revived_and_not_made(void)
{
	struct spawn_template_cache *cache = new_cache();
	struct spawn_template_cache_stat st;

	for (int i = 0; i < 10; i++)
		CHECK_EQ(launch(cache, test_tool("tiny-7"), NULL), 7);
	st = stat_of(cache);
	CHECK_EQ(st.made, 1);
	CHECK_EQ(st.revived, 9);
	CHECK_EQ(st.shared, 0);
	CHECK_EQ(st.changed, 0);
	CHECK_EQ(st.known, 1);
	CHECK_EQ(st.out, 0);
	spawn_template_cache_free(cache);
}

static void a_revived_template_is_as_the_first_was(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){
			.create_flags = CREATE(SCRIPT) });
	const char *script = test_path("script");
	static struct spawn_template_stat first, again;
	int tfd;

	test_write(script, "#!/bin/sh\nexit 5\n", 0755);
	tfd = get(cache, script);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("script")), 5);
	CHECK_OK(spawn_template_stat(tfd, &first, sizeof(first)));
	drop(cache, tfd);
	tfd = get(cache, script);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK_OK(spawn_template_stat(tfd, &again, sizeof(again)));
	CHECK_EQ(memcmp(&first, &again, sizeof(first)), 0);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("script")), 5);
	/* the counters go on */
	CHECK_EQ(launches_of(tfd), 2);
	CHECK_EQ(again.flags, CREATE(SCRIPT) | CREATE(CLOEXEC));
	CHECK_EQ(fcntl(tfd, F_GETFD), FD_CLOEXEC);
	drop(cache, tfd);
	spawn_template_cache_free(cache);
}

static void a_dropped_template_is_closed_and_refused(void)
{
	struct spawn_template_cache *cache = new_cache();
	int tfd = get(cache, test_tool("tiny")), dup_fd = CHECK_SYS(dup(tfd));

	CHECK_EQ(test_spawn(dup_fd, ARGV), 0);
	drop(cache, tfd);
	CHECK_EQ(spawn_template_check(tfd), -EBADF);
	CHECK_EQ(test_spawn(dup_fd, ARGV), -EACCES);
	spawn_template_cache_free(cache);
}

static void the_least_recently_used_is_forgotten(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){ .entries = 2 });
	const char *a = put("a", "tiny"), *b = put("b", "tiny"),
		   *c = put("c", "tiny");

	CHECK_EQ(launch(cache, a, NULL), 0);
	CHECK_EQ(launch(cache, b, NULL), 0);
	CHECK_EQ(launch(cache, a, NULL), 0);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK_EQ(launch(cache, c, NULL), 0); /* b goes */
	CHECK_EQ(stat_of(cache).made, 3);
	CHECK_EQ(stat_of(cache).known, 2);
	CHECK_EQ(launch(cache, a, NULL), 0);
	CHECK_EQ(launch(cache, c, NULL), 0);
	CHECK_EQ(stat_of(cache).revived, 3);
	CHECK_EQ(launch(cache, b, NULL), 0);
	CHECK_EQ(stat_of(cache).made, 4);
	CHECK_EQ(stat_of(cache).known, 2);
	spawn_template_cache_free(cache);
}

static void templates_that_are_out_survive_being_forgotten(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){ .entries = 1 });
	int fds = test_count_fds(), tfds[20];

	for (int i = 0; i < 20; i++)
		tfds[i] = get(cache, put(test_fmt("%d", i), "tiny"));
	CHECK_EQ(stat_of(cache).known, 1);
	CHECK_EQ(stat_of(cache).out, 20);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(test_spawn(tfds[i], ARGV), 0);
		drop(cache, tfds[i]);
	}
	CHECK_EQ(stat_of(cache).out, 0);
	CHECK_EQ(test_count_fds(), fds);
	spawn_template_cache_free(cache);
}

static void callers_at_a_time_share_a_template(void)
{
	struct spawn_template_cache *cache = new_cache();
	int fds = test_count_fds(), a = get(cache, test_tool("tiny"));
	int b = get(cache, test_tool("tiny"));

	CHECK_EQ(a, b);
	CHECK_EQ(stat_of(cache).shared, 1);
	CHECK_EQ(stat_of(cache).out, 1);
	drop(cache, a);
	CHECK_EQ(test_spawn(b, ARGV), 0);
	drop(cache, b);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(spawn_template_cache_drop(cache, b), -EBADF);
	spawn_template_cache_free(cache);
}

/* ---- files that the cache does not hold ---- */

/* Mount a file system for this case; skip the case where that fails. */
static const char *mount_tmpfs(const char *options)
{
	const char *dir = test_path("mounted");

	CHECK_SYS(mkdir(dir, 0755));
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, options))
		TEST_SKIP("cannot mount: %s", strerror(errno));
	return dir;
}

static void a_mount_is_free_when_its_templates_are_dropped(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *dir = mount_tmpfs(""), *tool = test_fmt("%s/tool", dir);
	int tfd;

	test_copy(test_tool("tiny-7"), tool, 0755);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(launch(cache, tool, NULL), 7);
	tfd = get(cache, tool);
	CHECK_EQ(umount(dir), -1);
	CHECK_EQ(errno, EBUSY);
	drop(cache, tfd);
	CHECK_SYS(umount(dir));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -ENOENT);
	spawn_template_cache_free(cache);
}

static void the_space_of_deleted_files_is_free_when_they_are_dropped(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *dir = mount_tmpfs("size=4m"),
		   *tool = test_fmt("%s/tool", dir);
	struct statfs before, after;
	int fd;

	CHECK_SYS(statfs(dir, &before));
	for (int i = 0; i < 5; i++) {
		test_copy(test_tool("tiny"), tool, 0755);
		fd = CHECK_SYS(open(tool, O_RDWR | O_CLOEXEC));
		CHECK_SYS(fallocate(fd, 0, 0, 3 << 20));
		CHECK_SYS(close(fd));
		CHECK_EQ(launch(cache, tool, NULL), 0);
		CHECK_SYS(unlink(tool));
	}
	CHECK_SYS(statfs(dir, &after));
	CHECK_EQ(after.f_bfree, before.f_bfree);
	spawn_template_cache_free(cache);
}

static void another_file_system_at_the_path_is_looked_into(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *dir = mount_tmpfs(""), *tool = test_fmt("%s/tool", dir);

	test_copy(test_tool("tiny"), tool, 0755);
	CHECK_EQ(launch(cache, tool, NULL), 0);
	CHECK_SYS(umount(dir));
	CHECK_SYS(mount("none", dir, "tmpfs", 0, ""));
	test_copy(test_tool("tiny-7"), tool, 0755);
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).made, 2);
	spawn_template_cache_free(cache);
}

/* ---- files that change ---- */

static void a_replaced_file_is_launched_anew(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny");

	CHECK_EQ(launch(cache, tool, NULL), 0);
	replace(tool, "tiny-7");
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).changed, 1);
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).made, 2);
	CHECK_EQ(stat_of(cache).revived, 1);
	CHECK_SYS(chmod(tool, 0700));
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).changed, 2);
	CHECK_EQ(stat_of(cache).known, 1);
	spawn_template_cache_free(cache);
}

static void a_file_that_is_replaced_while_it_is_out_is_told_apart(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny");
	int fds = test_count_fds(), old = get(cache, tool), new;

	replace(tool, "tiny-7");
	new = get(cache, tool);
	CHECK_NE(old, new);
	CHECK_EQ(test_spawn(old, ARGV), -ESTALE);
	CHECK_EQ(test_spawn(new, ARGV), 7);
	CHECK_EQ(get(cache, tool), new);
	CHECK_EQ(stat_of(cache).known, 1);
	CHECK_EQ(stat_of(cache).out, 2);
	drop(cache, old);
	CHECK_EQ(spawn_template_check(old), -EBADF);
	CHECK_EQ(test_spawn(new, ARGV), 7);
	drop(cache, new);
	drop(cache, new);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).revived, 1);
	spawn_template_cache_free(cache);
}

static void a_file_that_is_replaced_before_its_launch_is_refreshed(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){
			.create_flags = CREATE(AUTO_REFRESH) });
	const char *tool = put("tool", "tiny");
	int fds = test_count_fds(), tfd = get(cache, tool);

	replace(tool, "tiny-7");
	CHECK_EQ(test_spawn(tfd, ARGV), 7);
	drop(cache, tfd);
	CHECK_EQ(test_count_fds(), fds);
	/* the cache has learned the new file from the launch */
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).made, 1);
	CHECK_EQ(stat_of(cache).revived, 1);
	spawn_template_cache_free(cache);
}

static void a_file_that_has_gone_is_forgotten(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny");

	CHECK_EQ(launch(cache, tool, NULL), 0);
	CHECK_SYS(unlink(tool));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -ENOENT);
	CHECK_EQ(stat_of(cache).known, 0);
	spawn_template_cache_free(cache);
}

/* ---- search ---- */

static const char *put_in(const char *dir, const char *name, const char *tool)
{
	mkdir(test_path("%s", dir), 0755);
	put(test_fmt("%s/%s", dir, name), tool);
	return test_path("%s/%s", dir, name);
}

static void a_program_that_was_just_installed_is_found(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){
			.negative_ns = 3600 * 1000 * MS });
	const char *path = test_fmt("%s:%s", test_path("a"), test_path("b"));

	CHECK_EQ(spawn_template_cache_get(cache, "tool", path), -ENOENT);
	put_in("b", "tool", "tiny");
	CHECK_EQ(launch(cache, "tool", path), 0);
	spawn_template_cache_free(cache);
}

static void a_new_file_earlier_on_the_path_is_taken(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *path = test_fmt("%s:%s", test_path("a"), test_path("b"));
	const char *first;

	put_in("b", "tool", "tiny");
	CHECK_EQ(launch(cache, "tool", path), 0);
	first = put_in("a", "tool", "tiny-7");
	CHECK_EQ(launch(cache, "tool", path), 7);
	CHECK_SYS(unlink(first));
	CHECK_EQ(launch(cache, "tool", path), 0);
	CHECK_EQ(stat_of(cache).revived, 1);
	/* the search passes over a file that may not be executed */
	put_in("a", "tool", "tiny-7");
	CHECK_SYS(chmod(first, 0644));
	CHECK_EQ(launch(cache, "tool", path), 0);
	CHECK_EQ(stat_of(cache).revived, 2);
	spawn_template_cache_free(cache);
}

static void a_relative_name_counts_from_the_directory_of_the_call(void)
{
	struct spawn_template_cache *cache = new_cache();

	put_in("a", "tool", "tiny");
	put_in("b", "tool", "tiny-7");
	for (int i = 0; i < 2; i++) {
		CHECK_SYS(chdir(test_path("a")));
		CHECK_EQ(launch(cache, "./tool", NULL), 0);
		CHECK_EQ(launch(cache, "tool", ""), 0);
		CHECK_SYS(chdir(test_path("b")));
		CHECK_EQ(launch(cache, "./tool", NULL), 7);
		CHECK_EQ(launch(cache, "tool", "."), 7);
	}
	CHECK_EQ(spawn_template_cache_get(cache, "c/tool", NULL), -ENOENT);
	spawn_template_cache_free(cache);
}

static void names_that_no_search_takes_are_refused(void)
{
	struct spawn_template_cache *cache = new_cache();

	CHECK_EQ(spawn_template_cache_get(cache, NULL, NULL), -EINVAL);
	CHECK_EQ(spawn_template_cache_get(cache, "", NULL), -ENOENT);
	CHECK_EQ(spawn_template_cache_get(cache, "/", NULL), -EACCES);
	CHECK_EQ(spawn_template_cache_get(cache, "/dev/null", NULL), -EACCES);
	CHECK_EQ(stat_of(cache).known, 0);
	spawn_template_cache_free(cache);
}

/* ---- refusals ---- */

static void a_refusal_is_believed_until_its_time_is_over(void)
{
	struct spawn_template_cache *cache = cache_of((
		struct spawn_template_cache_params){ .negative_ns = 300 * MS });
	const char *tool = put("tool", "tiny");
	int writer = CHECK_SYS(open(tool, O_WRONLY | O_CLOEXEC)), ret;
	double then;

	ret = spawn_template_cache_get(cache, tool, NULL);
	if (ret >= 0)
		TEST_SKIP("this kernel does not tell of writers");
	then = ms_now();
	CHECK_EQ(ret, -ETXTBSY);
	CHECK_SYS(close(writer));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -ETXTBSY);
	CHECK_EQ(stat_of(cache).refused, 1);
	while (ms_now() < then + 301)
		usleep(10000);
	CHECK_EQ(launch(cache, tool, NULL), 0);
	CHECK_EQ(stat_of(cache).refused, 1);
	CHECK_EQ(launch(cache, tool, NULL), 0);
	CHECK_EQ(stat_of(cache).revived, 1);
	spawn_template_cache_free(cache);
}

static void a_refused_file_that_has_changed_is_looked_into(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){
			.negative_ns = 3600 * 1000 * MS });
	const char *tool = put("tool", "tiny-7"), *text = test_path("text");

	CHECK_SYS(chmod(tool, 0644));
	test_write(text, "no program", 0755);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -EACCES);
		CHECK_EQ(spawn_template_cache_get(cache, text, NULL), -ENOEXEC);
		CHECK_EQ(stat_of(cache).refused, 2 * i);
	}
	CHECK_SYS(chmod(tool, 0755));
	CHECK_EQ(launch(cache, tool, NULL), 7);
	replace(text, "tiny-7");
	CHECK_EQ(launch(cache, text, NULL), 7);
	CHECK_SYS(chmod(tool, 0644));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -EACCES);
	spawn_template_cache_free(cache);
}

static void no_refusal_is_remembered_by_default(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny-7");

	CHECK_SYS(chmod(tool, 0644));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -EACCES);
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -EACCES);
	CHECK_EQ(stat_of(cache).refused, 0);
	CHECK_EQ(stat_of(cache).known, 0);
	spawn_template_cache_free(cache);
}

/* ---- descriptors ---- */

static void a_get_without_a_free_descriptor_loses_nothing(void)
{
	struct spawn_template_cache *cache = new_cache();
	struct rlimit limit, none;
	const char *tool = put("tool", "tiny-7");
	int fds;

	CHECK_EQ(launch(cache, tool, NULL), 7);
	fds = test_count_fds();
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &none));
	CHECK_EQ(spawn_template_cache_get(cache, tool, NULL), -EMFILE);
	CHECK_EQ(spawn_template_cache_get(cache, test_tool("tiny"), NULL),
		 -EMFILE);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).made, 1);
	CHECK_EQ(stat_of(cache).revived, 1);
	spawn_template_cache_free(cache);
}

/* Open /dev/null at this number. */
static void occupy(int number)
{
	int fd = CHECK_SYS(open("/dev/null", O_RDONLY | O_CLOEXEC));

	if (fd != number) {
		CHECK_SYS(dup3(fd, number, O_CLOEXEC));
		CHECK_SYS(close(fd));
	}
}

static void a_drop_spares_a_file_of_the_host_at_the_number(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny-7");
	int tfd = get(cache, tool), again;

	CHECK_SYS(close(tfd));
	occupy(tfd);
	again = get(cache, tool);
	CHECK_NE(again, tfd);
	CHECK_EQ(test_spawn(again, ARGV), 7);
	drop(cache, tfd);
	drop(cache, again);
	CHECK_SYS(fcntl(tfd, F_GETFD));
	CHECK_EQ(stat_of(cache).out, 0);
	spawn_template_cache_free(cache);
}

static void a_drop_spares_a_template_of_the_host_at_the_number(void)
{
	struct spawn_template_cache *cache = new_cache();
	int tfd = get(cache, test_tool("tiny")), own;

	CHECK_SYS(close(tfd));
	own = CHECK_OK(spawn_template_open(test_tool("tiny"), CREATE(CLOEXEC)));
	CHECK_EQ(own, tfd);
	drop(cache, tfd);
	CHECK_EQ(test_spawn(own, ARGV), 0);
	spawn_template_cache_free(cache);
}

static void only_templates_that_are_out_can_be_dropped(void)
{
	struct spawn_template_cache *cache = new_cache(), *other = new_cache();
	int tfd = get(cache, test_tool("tiny"));

	CHECK_EQ(spawn_template_cache_drop(other, tfd), -EINVAL);
	CHECK_EQ(spawn_template_cache_drop(cache, 0), -EINVAL);
	CHECK_EQ(spawn_template_cache_drop(cache, -1), -EBADF);
	CHECK_EQ(spawn_template_cache_drop(cache, 12345), -EBADF);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	drop(cache, tfd);
	CHECK_EQ(spawn_template_cache_drop(cache, tfd), -EBADF);
	spawn_template_cache_free(other);
	spawn_template_cache_free(cache);
}

static void templates_that_are_out_survive_their_cache(void)
{
	int fds = test_count_fds();
	struct spawn_template_cache *cache = new_cache();
	int tfd = get(cache, test_tool("tiny-7"));

	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	spawn_template_cache_free(cache);
	spawn_template_cache_free(NULL);
	CHECK_EQ(test_count_fds(), fds + 1);
	CHECK_EQ(test_spawn(tfd, ARGV), 7);
	CHECK_EQ(spawn_template_close(tfd), 0);
	CHECK_EQ(test_count_fds(), fds);
}

/* ---- arguments ---- */

static const struct spawn_template_cache_params some = {
	.create_flags = CREATE(SCRIPT),
	.hold_ns = 5,
	.negative_ns = 6,
	.entries = 7,
};

/* Params of exactly this size, at the end of the last readable page. */
static void *params_of(size_t size)
{
	char *end = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(end != MAP_FAILED);
	end += 2 * 4096;
	CHECK_SYS(mprotect(end, 4096, PROT_NONE));
	memcpy(end - size, &some, size < sizeof(some) ? size : sizeof(some));
	return end - size;
}

static int new_of(const void *params, size_t size)
{
	struct spawn_template_cache *canary = (void *)8, *cache = canary;
	int ret = spawn_template_cache_new(params, size, &cache);

	if (ret < 0)
		CHECK(cache == canary);
	else
		spawn_template_cache_free(cache);
	return ret;
}

static void params_follow_the_rule_of_sizes(void)
{
	char *larger = params_of(4096);

	CHECK_EQ(new_of(NULL, 0), 0);
	CHECK_EQ(new_of(NULL, 32), -EINVAL);
	CHECK_EQ(new_of(params_of(32), 0), -EINVAL);
	CHECK_EQ(new_of(params_of(31), 31), -EINVAL);
	CHECK_EQ(new_of(params_of(32), 32), 0);
	CHECK_EQ(new_of(params_of(33), 33), 0);
	CHECK_EQ(new_of(params_of(4096), 4096), 0);
	CHECK_EQ(new_of(params_of(4097), 4097), -E2BIG);
	larger[4095] = 1;
	CHECK_EQ(new_of(larger, 4096), -E2BIG);
	CHECK_EQ(new_of(larger, 4095), 0);
}

static void params_that_mean_nothing_are_refused(void)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache_params zero = { 0 };

	CHECK_EQ(memcmp(&params, &zero, sizeof(zero)), 0);
	CHECK_EQ(new_of(&params, sizeof(params)), 0);
	CHECK_EQ(spawn_template_cache_new(NULL, 0, NULL), -EINVAL);
	params.entries = SPAWN_TEMPLATE_CACHE_ENTRIES_MAX;
	CHECK_EQ(new_of(&params, sizeof(params)), 0);
	params.entries++;
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
	params = zero;
	params.create_flags = 1ULL << 63;
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
	params.create_flags = CREATE(GUARD) | CREATE(NO_GUARD);
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
	params.create_flags = CREATE(WARM_FORK) | CREATE(WARM_ONCE);
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
	params.create_flags = CREATE(DENY_WRITE) | CREATE(NO_GUARD);
	CHECK_EQ(new_of(&params, sizeof(params)), -EOPNOTSUPP);
	params.create_flags = CREATE(WARM_FORK);
	params.warm_preload = (uintptr_t) "json";
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
	params.create_flags |= CREATE(WARM_RUNTIME);
	CHECK_EQ(new_of(&params, sizeof(params)), 0);
	params.warm_preload = (uintptr_t) "/json";
	CHECK_EQ(new_of(&params, sizeof(params)), -EINVAL);
}

static void stat_fills_the_callers_size(void)
{
	struct spawn_template_cache *cache = new_cache();
	unsigned char larger[96];
	struct spawn_template_cache_stat st;

	memset(larger, 0xee, sizeof(larger));
	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(spawn_template_cache_stat(cache, (void *)larger, 71), -EINVAL);
	CHECK_EQ(spawn_template_cache_stat(cache, NULL, 72), -EINVAL);
	CHECK_EQ(larger[0], 0xee);
	CHECK_EQ(spawn_template_cache_stat(cache, (void *)larger, 88), 0);
	memcpy(&st, larger, sizeof(st));
	CHECK_EQ(st.made, 1);
	CHECK_EQ(larger[72], 0);
	CHECK_EQ(larger[87], 0);
	CHECK_EQ(larger[88], 0xee);
	spawn_template_cache_free(cache);
}

static void stat_counts_the_launches_of_forgotten_files_too(void)
{
	struct spawn_template_cache_params params =
		SPAWN_TEMPLATE_CACHE_PARAMS_INIT;
	struct spawn_template_cache *cache;
	int tfd;

	params.entries = 1;
	CHECK_EQ(spawn_template_cache_new(&params, sizeof(params), &cache), 0);
	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	tfd = CHECK_OK(
		spawn_template_cache_get(cache, test_tool("tiny"), NULL));
	CHECK_EQ(launch(cache, "true", NULL), 0);
	CHECK_EQ(test_spawn(tfd, ARGV), 0);
	CHECK_EQ(stat_of(cache).cold, 3);
	drop(cache, tfd);
	CHECK_EQ(launch(cache, "true", NULL), 0);
	CHECK_EQ(stat_of(cache).known, 1);
	CHECK_EQ(stat_of(cache).cold, 4);
	CHECK_EQ(stat_of(cache).warm, 0);
	spawn_template_cache_free(cache);
}

static void stat_counts_the_launches_of_replaced_files_too(void)
{
	struct spawn_template_cache *cache = new_cache();
	const char *tool = put("tool", "tiny");

	CHECK_EQ(launch(cache, tool, NULL), 0);
	replace(tool, "tiny-7");
	CHECK_EQ(launch(cache, tool, NULL), 7);
	CHECK_EQ(stat_of(cache).changed, 1);
	CHECK_EQ(stat_of(cache).cold, 2);
	spawn_template_cache_free(cache);
}

/* ---- ids ---- */

static void templates_are_made_anew_after_a_change_of_ids(void)
{
	struct spawn_template_cache *cache = new_cache();
	int tfd;

	test_need_root();
	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	tfd = get(cache, test_tool("tiny"));
	CHECK_SYS(setresuid(1234, 1234, 1234));
	CHECK_EQ(test_spawn(tfd, ARGV), -EACCES);
	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(stat_of(cache).made, 2);
	CHECK_EQ(stat_of(cache).changed, 0);
	drop(cache, tfd);
	CHECK_EQ(launch(cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(stat_of(cache).revived, 2);
	spawn_template_cache_free(cache);
}

/* ---- fork ---- */

struct family {
	struct spawn_template_cache *cache;
	int tfd;
};

static void use_in_child(void *arg)
{
	struct family *f = arg;
	int fds = test_count_fds();

	CHECK_EQ(test_spawn(f->tfd, ARGV), -EACCES);
	CHECK_EQ(launch(f->cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(launch(f->cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(stat_of(f->cache).out, 0);
	CHECK_EQ(stat_of(f->cache).known, 1);
	CHECK_EQ(spawn_template_cache_drop(f->cache, 0), -EINVAL);
	drop(f->cache, f->tfd);
	CHECK_EQ(test_count_fds(), fds - 1);
	CHECK_EQ(spawn_template_cache_drop(f->cache, f->tfd), -EBADF);
	spawn_template_cache_free(f->cache);
}

static void drop_in_child(void *arg)
{
	struct family *f = arg;

	drop(f->cache, f->tfd);
	CHECK_EQ(fcntl(f->tfd, F_GETFD), -1);
}

static void free_in_child(void *arg)
{
	spawn_template_cache_free(((struct family *)arg)->cache);
}

static void a_child_has_an_empty_cache_to_itself(void)
{
	struct family f = { .cache = new_cache() };

	f.tfd = get(f.cache, test_tool("tiny-7"));
	test_in_child(use_in_child, &f);
	test_in_child(drop_in_child, &f);
	test_in_child(free_in_child, &f);
	CHECK_EQ(test_spawn(f.tfd, ARGV), 7);
	drop(f.cache, f.tfd);
	spawn_template_cache_free(f.cache);
}

/* ---- threads ---- */

static _Atomic bool stop;
static _Atomic int done;

struct crowd {
	struct spawn_template_cache *cache;
	const char *tools[4];
};

static void *use_all_the_time(void *arg)
{
	const struct crowd *c = arg;

	for (unsigned int i = 0; !atomic_load(&stop); i++) {
		int tfd = get(c->cache, c->tools[i % 4]);
		int code = i % 8 ? spawn_template_check(tfd)
				 : test_spawn(tfd, ARGV);

		CHECK(code == 0 || code == 7 || code == -ESTALE);
		drop(c->cache, tfd);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void check_in_busy_child(void *arg)
{
	const struct crowd *c = arg;
	int code = launch(c->cache, c->tools[0], NULL);

	CHECK(code == 0 || code == 7 || code == -ESTALE);
	CHECK_EQ(stat_of(c->cache).out, 0);
}

static void threads_and_forks_use_one_cache(void)
{
	int rounds = TEST_SANITIZED ? 20 : 60;
	struct crowd c = { .cache = cache_of(
				   (struct spawn_template_cache_params){
					   .entries = 3 }) };
	pthread_t threads[4];
	int fds = test_count_fds();

	for (int i = 0; i < 4; i++)
		c.tools[i] = put(test_fmt("tool%d", i), "tiny");
	for (int i = 0; i < 4; i++)
		CHECK_EQ(
			pthread_create(&threads[i], NULL, use_all_the_time, &c),
			0);
	for (int i = 0; i < rounds; i++) {
		int before = atomic_load(&done);

		replace(c.tools[i % 4], i % 8 < 4 ? "tiny-7" : "tiny");
		/* a sanitizer's heap may be locked in the child */
		if (!TEST_SANITIZED)
			test_in_child(check_in_busy_child, &c);
		while (atomic_load(&done) < before + 20)
			usleep(1000);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(stat_of(c.cache).out, 0);
	CHECK_LE(stat_of(c.cache).known, 3);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
	spawn_template_cache_free(c.cache);
}

struct waiter {
	struct spawn_template_cache *cache;
	const char *tool;
	int ret;
	_Atomic bool over;
};

static void *get_busy(void *arg)
{
	struct waiter *w = arg;

	w->ret = spawn_template_cache_get(w->cache, w->tool, NULL);
	atomic_store(&w->over, true);
	return NULL;
}

/* Making a template waits tens of milliseconds until a writer closes the file. */
static void a_get_that_waits_delays_no_other(void)
{
	struct waiter w = { .cache = new_cache(), .tool = put("tool", "tiny") };
	int writer = CHECK_SYS(open(w.tool, O_WRONLY | O_CLOEXEC)), gets = 0;
	pthread_t thread;

	CHECK_EQ(launch(w.cache, test_tool("tiny"), NULL), 0);
	CHECK_EQ(pthread_create(&thread, NULL, get_busy, &w), 0);
	while (!atomic_load(&w.over)) {
		drop(w.cache, get(w.cache, test_tool("tiny")));
		gets++;
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_SYS(close(writer));
	if (w.ret >= 0)
		TEST_SKIP("this kernel does not tell of writers");
	CHECK_EQ(w.ret, -ETXTBSY);
	CHECK_GE(gets, 20);
	spawn_template_cache_free(w.cache);
}

/* ---- growth ---- */

static void churn(struct spawn_template_cache *cache, const char *tools[40],
		  int rounds)
{
	for (int i = 0; i < rounds; i++) {
		const char *tool = tools[i % 40];

		drop(cache, get(cache, tool));
		if (i % 7 == 0)
			CHECK_SYS(chmod(tool, i % 2 ? 0755 : 0700));
		CHECK_EQ(spawn_template_cache_get(cache, "none", "/bin"),
			 -ENOENT);
	}
}

static void use_leaves_nothing_behind(void)
{
	struct spawn_template_cache *cache =
		cache_of((struct spawn_template_cache_params){
			.entries = 16, .negative_ns = MS });
	struct memory before, after;
	int fds = test_count_fds();
	const char *tools[40];

	for (int i = 0; i < 40; i++)
		tools[i] = put(test_fmt("%d", i), "tiny");
	churn(cache, tools, 200);
	before = memory_now();
	churn(cache, tools, 2000);
	for (int i = 0; i < 2000; i++) {
		struct spawn_template_cache *another = new_cache();

		drop(another, get(another, tools[0]));
		spawn_template_cache_free(another);
	}
	after = memory_now();
	memory_check(&before, &after, 2, 256);
	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(stat_of(cache).known, 16);
	spawn_template_cache_free(cache);
}

static const struct test_case cases[] = {
	TEST_CASE(a_known_file_is_revived_and_not_made),
	TEST_CASE(a_revived_template_is_as_the_first_was),
	TEST_CASE(a_dropped_template_is_closed_and_refused),
	TEST_CASE(the_least_recently_used_is_forgotten),
	TEST_CASE(templates_that_are_out_survive_being_forgotten),
	TEST_CASE(callers_at_a_time_share_a_template),
	TEST_CASE(a_mount_is_free_when_its_templates_are_dropped),
	TEST_CASE(the_space_of_deleted_files_is_free_when_they_are_dropped),
	TEST_CASE(another_file_system_at_the_path_is_looked_into),
	TEST_CASE(a_replaced_file_is_launched_anew),
	TEST_CASE(a_file_that_is_replaced_while_it_is_out_is_told_apart),
	TEST_CASE(a_file_that_is_replaced_before_its_launch_is_refreshed),
	TEST_CASE(a_file_that_has_gone_is_forgotten),
	TEST_CASE(a_program_that_was_just_installed_is_found),
	TEST_CASE(a_new_file_earlier_on_the_path_is_taken),
	TEST_CASE(a_relative_name_counts_from_the_directory_of_the_call),
	TEST_CASE(names_that_no_search_takes_are_refused),
	TEST_CASE(a_refusal_is_believed_until_its_time_is_over),
	TEST_CASE(a_refused_file_that_has_changed_is_looked_into),
	TEST_CASE(no_refusal_is_remembered_by_default),
	TEST_CASE(a_get_without_a_free_descriptor_loses_nothing),
	TEST_CASE(a_drop_spares_a_file_of_the_host_at_the_number),
	TEST_CASE(a_drop_spares_a_template_of_the_host_at_the_number),
	TEST_CASE(only_templates_that_are_out_can_be_dropped),
	TEST_CASE(templates_that_are_out_survive_their_cache),
	TEST_CASE(params_follow_the_rule_of_sizes),
	TEST_CASE(params_that_mean_nothing_are_refused),
	TEST_CASE(stat_fills_the_callers_size),
	TEST_CASE(stat_counts_the_launches_of_forgotten_files_too),
	TEST_CASE(stat_counts_the_launches_of_replaced_files_too),
	TEST_CASE(templates_are_made_anew_after_a_change_of_ids),
	TEST_CASE(a_child_has_an_empty_cache_to_itself),
	TEST_CASE_SECONDS(threads_and_forks_use_one_cache, 60),
	TEST_CASE(a_get_that_waits_delays_no_other),
	TEST_CASE(use_leaves_nothing_behind),
};
TEST_MAIN(cases)
