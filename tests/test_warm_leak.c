/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: many warm launches cost no fd, mapping, memory or child, neither in the
 * caller nor in the processes that wait for them. LAUNCHES=N sets their number.
 */
#include "growth.h"
#include "warming.h"

#include <dirent.h>

#define CHILDREN_MOST 16

/* A file of /proc, in memory that does not grow. */
static const char *proc_text(const char *fmt, const char *name)
{
	static char text[8192], path[300];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), fmt, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* Return: KiB of private memory of a process; 0 if it has ended. */
static long memory_of(const char *pid)
{
	const char *status = proc_text("/proc/%s/status", pid);

	return strstr(status, "VmData:") ? memory_kib(status, "RssAnon:") +
						   memory_kib(status, "VmData:")
					 : 0;
}

/* Return: the number of children, the largest memory of one of them in *kib. */
static int measure_children(long *kib)
{
	DIR *dir = opendir("/proc/self/task");
	char list[512], *end = NULL;
	int n = 0;

	CHECK(dir);
	*kib = 0;
	for (struct dirent *d; (d = readdir(dir));) {
		snprintf(list, sizeof(list), "%s",
			 proc_text("/proc/self/task/%s/children", d->d_name));
		for (char *pid = strtok_r(list, " \n", &end); pid;
		     pid = strtok_r(NULL, " \n", &end)) {
			long used = memory_of(pid);

			*kib = used > *kib ? used : *kib;
			n++;
		}
	}
	closedir(dir);
	return n;
}

/* Waits until all are there that wait after a while without launches. */
static int settle(int tfd, long *kib)
{
	int n = 0, again = -1;

	await_ready(tfd);
	for (int i = 0; i < 50 && (n != again || i < 10); i++) {
		again = n;
		nap();
		n = measure_children(kib);
	}
	return n;
}

static void launch_many(int tfd, int n)
{
	for (int i = 0; i < n; i++) {
		if (i % 16 == 2)
			await_ready(tfd);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		growth_progress(i + 1, n);
	}
}

static void leaves_nothing(uint64_t flags)
{
	int tfd = open_warm(test_tool("probe"), flags), fds, before, after;
	int many = growth_many("LAUNCHES", 400);
	struct memory at_first, at_last;
	long kib, kib_after;

	launch_many(tfd, 100);
	before = settle(tfd, &kib);
	fds = test_count_fds();
	at_first = memory_now();
	launch_many(tfd, many);
	after = settle(tfd, &kib_after);
	/* the keeper ends replaced processes when it finds time */
	for (int i = 0; i < 1000 && after > before + 1; i++) {
		nap();
		after = measure_children(&kib_after);
	}
	at_last = memory_now();
	test_note("%d of %d warm, %d then %d children of %ld then %ld KiB",
		  (int)stat_of(tfd).warm, many, before, after, kib, kib_after);
	CHECK_LE(test_count_fds(), fds + 1);
	memory_check(&at_first, &at_last, 2, 128);
	CHECK_LE(after, before + 1);
	CHECK_LE(kib_after, kib + 32);
	CHECK_GT(stat_of(tfd).warm, (uint64_t)many / 20);
	CHECK_EQ(stat_of(tfd).failed, 0);
	CHECK_OK(spawn_template_close(tfd));
	for (int i = 0; i < 1000 && measure_children(&kib); i++)
		nap();
	CHECK_EQ(measure_children(&kib), 0);
	CHECK(test_no_children());
}

static void many_launches_leave_nothing_with_once(void)
{
	leaves_nothing(ONCE);
}

static void many_launches_leave_nothing_with_fork(void)
{
	leaves_nothing(FORK);
}

/* ---- templates that come and go */

static void closed_templates_leave_nothing(void)
{
	int many = growth_many("LAUNCHES", 400) / 40, fds = 0;
	struct memory at_first, at_last;
	long kib;

	for (int i = 0; i < many + 5; i++) {
		int tfd = open_warm(test_tool("probe"), i % 2 ? ONCE : FORK);

		if (i == 5) {
			fds = test_count_fds();
			at_first = memory_now();
		}
		launch_many(tfd, 3);
		await_ready(tfd);
		CHECK_OK(spawn_template_close(tfd));
		for (int k = 0; k < 1000 && measure_children(&kib); k++)
			nap();
	}
	at_last = memory_now();
	CHECK_LE(test_count_fds(), fds + 1);
	memory_check(&at_first, &at_last, 2, 128);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(many_launches_leave_nothing_with_once, 7200),
	TEST_CASE_SECONDS(many_launches_leave_nothing_with_fork, 7200),
	TEST_CASE_SECONDS(closed_templates_leave_nothing, 7200),
};
TEST_MAIN(cases)
