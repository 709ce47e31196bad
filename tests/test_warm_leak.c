/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: many warm launches cost no fd, mapping, memory or child, neither in the
 * caller nor in the processes that wait for them. LAUNCHES=N sets their number; each
 * STEP launches, growth is looked for.
 */
#include "growth.h"
#include "warming.h"

#include <dirent.h>
#include <limits.h>
#include <time.h>

/* Launches between two looks for growth. */
#define STEP 50000

/* A file of /proc, in memory that does not grow. */
static const char *proc_text(const char *fmt, const char *name)
{
	static char text[32768], path[300];
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

static bool has_waited; /* so one can be prepared here */

/*
 * An hour of launches may have moments with other load, in which a fork or a preparation
 * fails. It is made up for without a launch, and before the processes of a template
 * that is not used end.
 */
#define READY_MOST 25 /* seconds */

static void await_long(int tfd)
{
	time_t most = time(NULL) + READY_MOST;

	while (has_waited && !stat_of(tfd).warm_ready) {
		CHECK_LE(time(NULL), most);
		nap();
	}
	await_ready(tfd);
	has_waited = true;
}

static void launch_many(int tfd, int n)
{
	for (int i = 0; i < n; i++) {
		if (i % 16 == 2)
			await_long(tfd);
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
		growth_progress(i + 1, n);
	}
}

/* As memory_now(), but the measurement itself costs no memory. */
static struct memory measure_caller(void)
{
	struct memory m = { 0 };
	const char *text = proc_text("/proc/self/%s", "status");

	m.rss = memory_kib(text, "RssAnon:") + memory_kib(text, "RssShmem:");
	m.virt = memory_kib(text, "VmSize:");
	text = proc_text("/proc/self/%s", "maps");
	for (; (text = strchr(text, '\n')); text++)
		m.mappings++;
	return m;
}

/* All that may grow. */
struct state {
	struct memory memory;
	int fds, children;
	long kib; /* of the largest child */
};

/* Measures; the keeper ends replaced processes when it finds time. */
static struct state state_now(int tfd, int children)
{
	struct state s = { .children = settle(tfd, &s.kib) };

	for (int i = 0; i < 1000 && s.children > children; i++) {
		nap();
		s.children = measure_children(&s.kib);
	}
	s.fds = test_count_fds();
	s.memory = measure_caller();
	return s;
}

static void check_growth(int tfd, const struct state *first)
{
	struct state now = state_now(tfd, first->children + 1);

	CHECK_LE(now.fds, first->fds + 1);
	memory_check(&first->memory, &now.memory, 2, 128);
	CHECK_LE(now.children, first->children + 1);
	CHECK_LE(now.kib, first->kib + 32);
	CHECK_EQ(stat_of(tfd).failed, 0);
}

static void leaves_nothing(uint64_t flags)
{
	int tfd = open_warm(test_tool("probe"), flags), n;
	int many = growth_many("LAUNCHES", 400);
	struct state first;
	long kib;

	launch_many(tfd, 100);
	first = state_now(tfd, INT_MAX);
	for (int done = 0; done < many; done += n) {
		n = many - done < STEP ? many - done : STEP;
		launch_many(tfd, n);
		check_growth(tfd, &first);
		test_note("%d of %d were warm", (int)stat_of(tfd).warm,
			  done + n + 100);
	}
	CHECK_GT(stat_of(tfd).warm, (uint64_t)many / 20);
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
