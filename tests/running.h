/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the tests of runs and rings: arguments for the tool "tree", a pipe that
 * tells whether a tree lives, checks that nothing is left behind and that a result
 * is sound, and cgroups.
 */
#ifndef TESTS_RUNNING_H
#define TESTS_RUNNING_H

#include "harness.h"

#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#define MS 1000000ULL
#define SECOND (1000 * MS)

#define RUN(x) SPAWN_TEMPLATE_RUN_##x
#define RESULT(x) SPAWN_TEMPLATE_RESULT_##x

/* Arguments of "tree"; see tests/tools/tree.c for its words. */
#define TREE(...) TEST_ARGV("tree", __VA_ARGS__)

static inline int template_of(const char *tool)
{
	return CHECK_OK(spawn_template_open(test_tool(tool),
					    SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static inline int tree_template(void)
{
	return template_of("tree");
}

/* A copy for users who cannot go to the build's directory. */
static inline int public_tree(void)
{
	char *path = test_path("tree");

	if (access(path, X_OK))
		test_copy(test_tool("tree"), path, 0755);
	return CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static inline struct spawn_template_run_args run_args(char *const argv[])
{
	return (struct spawn_template_run_args){
		.spawn = test_args(NULL, argv),
		.cgroup_parent_fd = -1,
	};
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ms(void)
{
	return now_ns() / MS;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* An upper bound for an idle machine, or a longer one for slow sanitizers. */
static inline uint64_t at_most_ms(uint64_t ms)
{
	return TEST_SANITIZED || getenv("TEST_SLOW") ? ms * 10 : ms;
}

static inline pthread_t start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static inline void join_thread(pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Programs that have the caller's own stdout write to nowhere from now on. */
static inline void stdout_to_null(void)
{
	int fd = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));

	CHECK_SYS(dup2(fd, 1));
	CHECK_SYS(close(fd));
}

/* ---- nothing is left ---- */

struct scene {
	int fds, threads;
	uint64_t mask;
	bool alone;
};

static inline int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static inline int count_threads(void)
{
	return count_entries("/proc/self/task");
}

static inline void *tell_tid(void *tid)
{
	*(pid_t *)tid = (pid_t)syscall(SYS_gettid);
	return NULL;
}

/* Starts a thread, and waits until it is gone from /proc. */
static inline void one_thread(void)
{
	pid_t tid = 0;
	char *path;

	join_thread(start_thread(tell_tid, &tid));
	path = test_fmt("/proc/self/task/%d", tid);
	for (int i = 0; i < 10000 && !access(path, F_OK); i++)
		sleep_ms(1);
}

static inline struct scene scene_now(void)
{
	static bool begun;

	/* ThreadSanitizer's own thread comes with the first one */
	if (TEST_TSAN && !begun)
		one_thread();
	begun = true;
	return (struct scene){
		.fds = test_count_fds(),
		.threads = count_threads(),
		.mask = test_sigmask(),
		.alone = test_no_children(),
	};
}

/*
 * A joined thread is in /proc for a moment longer, and the last fd of a run is
 * closed a moment after its completion.
 */
static inline void check_scene(const struct scene *before)
{
	for (int i = 0; i < 10000; i++) {
		if (count_threads() <= before->threads &&
		    test_count_fds() <= before->fds)
			break;
		sleep_ms(1);
	}
	CHECK_EQ(count_threads(), before->threads);
	CHECK_EQ(test_count_fds(), before->fds);
	CHECK_EQ(test_sigmask(), before->mask);
	if (before->alone)
		CHECK(test_no_children());
}

/* Zombies do not live: the harness reaps those without a parent later. */
static inline bool is_alive(pid_t pid)
{
	char state = test_process_state(pid);

	return state && state != 'Z' && state != 'X';
}

static inline bool dies_within(pid_t pid, int ms)
{
	for (; ms > 0 && is_alive(pid); ms--)
		sleep_ms(1);
	return !is_alive(pid);
}

/* ---- the pipe of life: held by all of a tree, at fd 9 ---- */

struct life {
	int fds[2];
	struct spawn_template_action actions[2];
};

static inline void life_open(struct life *life,
			     struct spawn_template_spawn_args *args)
{
	CHECK_SYS(pipe2(life->fds, O_CLOEXEC));
	life->actions[0] = ACT_DUP2(life->fds[1], 9);
	life->actions[1] = ACT_KEEP(9);
	args->actions = (uintptr_t)life->actions;
	args->actions_len = TEST_COUNT(life->actions);
}

/* Waits for the next process of the tree that marks. Return: its pid. */
static inline pid_t life_pid(struct life *life)
{
	struct pollfd pfd = { .fd = life->fds[0], .events = POLLIN };
	int32_t pid = 0;
	int n;

	do {
		n = poll(&pfd, 1, 20000);
	} while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
	CHECK_EQ(CHECK_SYS(read(life->fds[0], &pid, sizeof(pid))), sizeof(pid));
	return pid;
}

/* Closes this process's own end of the pipe. */
static inline void life_let_go(struct life *life)
{
	if (life->fds[1] >= 0)
		CHECK_SYS(close(life->fds[1]));
	life->fds[1] = -1;
}

/* Return: true if nobody holds the pipe within the time. Reads the marks. */
static inline bool life_ends(struct life *life, int ms)
{
	uint64_t end = now_ms() + (uint64_t)ms;
	struct pollfd pfd = { .fd = life->fds[0], .events = POLLIN };
	char buf[4096];

	life_let_go(life);
	for (;;) {
		uint64_t now = now_ms();

		if (poll(&pfd, 1, now < end ? (int)(end - now) : 0) == 1 &&
		    !CHECK_SYS(read(life->fds[0], buf, sizeof(buf))))
			return true;
		if (now >= end)
			return false;
	}
}

/* ---- results ---- */

#define RESULT_ALL                                                           \
	(RESULT(TIMED_OUT) | RESULT(OUT_TRUNCATED) | RESULT(ERR_TRUNCATED) | \
	 RESULT(TREE_KILLED) | RESULT(PIPE_HELD) | RESULT(STATUS_LOST) |     \
	 RESULT(CGROUP) | RESULT(NOT_KILLED) | RESULT(IDLE) | \
	 RESULT(DETACHED) | RESULT(SPILLED) | RESULT(OOM) | \
	 RESULT(LEFTOVERS) | RESULT(UNSEEN))

static inline void check_stream(const char *data, size_t len, uint64_t max,
				bool truncated)
{
	CHECK(data);
	CHECK_EQ(data[len], 0);
	CHECK(len <= (max ? max : SPAWN_TEMPLATE_RUN_MAX_OUTPUT));
	if (truncated)
		CHECK_EQ(len, max ? max : SPAWN_TEMPLATE_RUN_MAX_OUTPUT);
}

static inline uint64_t timeval_us(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

/* Version 1 tells the same usage as the libc's structure does. */
static inline void check_usage(const struct spawn_template_result *res)
{
	const struct rusage *u = &res->usage;

	CHECK_EQ(res->size, sizeof(*res));
	CHECK_EQ(res->user_us, timeval_us(u->ru_utime));
	CHECK_EQ(res->system_us, timeval_us(u->ru_stime));
	CHECK_EQ(res->max_rss_kib, u->ru_maxrss);
	CHECK_EQ(res->minor_faults, u->ru_minflt);
	CHECK_EQ(res->major_faults, u->ru_majflt);
	CHECK_EQ(res->block_inputs, u->ru_inblock);
	CHECK_EQ(res->block_outputs, u->ru_oublock);
	CHECK_EQ(res->voluntary_switches, u->ru_nvcsw);
	CHECK_EQ(res->involuntary_switches, u->ru_nivcsw);
}

/* Checks that a result is sound. */
static inline void check_result(const struct spawn_template_run_args *args,
				const struct spawn_template_result *res)
{
	if (res->flags & RESULT(STATUS_LOST))
		CHECK(res->code == -1 && res->signal == -1);
	else
		CHECK((res->code == -1) != (res->signal == -1));
	CHECK(res->code >= -1 && res->code <= 255);
	CHECK(res->signal == -1 || (res->signal > 0 && res->signal <= 64));
	CHECK_EQ(res->flags & ~RESULT_ALL, 0);
	check_usage(res);
	CHECK_GT(res->spawn_ns, 0);
	CHECK_GE(res->total_ns, res->spawn_ns);
	CHECK_GE(res->out_total, res->out_len);
	CHECK_GE(res->err_total, res->err_len);
	if (args->flags & (RUN(NO_CAPTURE) | RUN(STREAM))) {
		CHECK(!res->out && !res->err && !res->out_len && !res->err_len);
		return;
	}
	check_stream(res->out, res->out_len, args->max_output,
		     res->flags & RESULT(OUT_TRUNCATED));
	check_stream(res->err, res->err_len, args->max_output,
		     res->flags & RESULT(ERR_TRUNCATED));
}

/*
 * spawn_template_run(), which may fail. It leaves nothing, and a sound result or an
 * untouched one.
 */
static inline int run_any(int tfd, const struct spawn_template_run_args *args,
			  struct spawn_template_result *res)
{
	struct spawn_template_result as_before;
	struct scene before = scene_now();
	int ret;

	memset(res, 0x5a, sizeof(*res));
	as_before = *res;
	ret = spawn_template_run(tfd, args, sizeof(*args), res, sizeof(*res));
	check_scene(&before);
	CHECK_LE(ret, 0);
	if (ret)
		CHECK(!memcmp(res, &as_before, sizeof(*res)));
	else
		check_result(args, res);
	return ret;
}

/* A run that must go well. The caller frees its output. */
static inline struct spawn_template_result
run_ok(int tfd, const struct spawn_template_run_args *args)
{
	struct spawn_template_result res;

	CHECK_EQ(run_any(tfd, args, &res), 0);
	return res;
}

/* A run with plain arguments, which must exit with this code. */
static inline struct spawn_template_result run_argv(int tfd, char *const argv[],
						    int code)
{
	struct spawn_template_run_args args = run_args(argv);
	struct spawn_template_result res = run_ok(tfd, &args);

	CHECK_EQ(res.code, code);
	return res;
}

/* A run that must go well, and whose output does not matter. */
static inline struct spawn_template_result
run_only(int tfd, const struct spawn_template_run_args *args)
{
	struct spawn_template_result res = run_ok(tfd, args);

	spawn_template_result_free(&res);
	return res;
}

/* Bytes of all kinds, to be freed by the caller. */
static inline char *numbered_bytes(size_t len)
{
	char *data = malloc(len + 1);

	CHECK(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (char)((i * 2654435761U) >> 13);
	return data;
}

/* True for the output of "flood". */
static inline bool is_flood(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != (char)(i % 251))
			return false;
	}
	return true;
}

/* ---- cgroups ---- */

static char running_cgroup[4096];

/* Finds a mount of this type with this option; path is "" if there is none. */
static inline void find_mount(const char *type, const char *option, char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], found[64], options[1024], *rest;

	CHECK(f);
	*path = 0;
	while (!*path && fgets(line, sizeof(line), f)) {
		rest = strstr(line, " - ");
		if (!rest ||
		    sscanf(rest, " - %63s %*s %1023s", found, options) != 2 ||
		    strcmp(found, type) || !strstr(options, option))
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			*path = 0;
	}
	fclose(f);
}

static inline void write_file(const char *path, const char *text)
{
	int fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(CHECK_SYS(write(fd, text, strlen(text))), strlen(text));
	CHECK_SYS(close(fd));
}

/* Runs under nftw(3), at exit, and so makes no checks. */
static inline int remove_directory(const char *path, const struct stat *st,
				   int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	for (int i = 0; type == FTW_DP && i < 100 && rmdir(path); i++) {
		if (errno != EBUSY)
			break;
		sleep_ms(5);
	}
	return 0;
}

static pid_t running_cgroup_owner;

static inline void remove_running_cgroup(void)
{
	char path[4200];
	int fd;

	if (getpid() != running_cgroup_owner)
		return;
	/* this process may be in it */
	snprintf(path, sizeof(path), "%s/../cgroup.procs", running_cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) == 1)
		close(fd);
	snprintf(path, sizeof(path), "%s/cgroup.kill", running_cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) == 1)
		close(fd);
	nftw(running_cgroup, remove_directory, 8, FTW_DEPTH | FTW_PHYS);
}

/* A case that failed has left its cgroup behind. */
static inline void remove_stale_cgroups(const char *mount)
{
	DIR *dir = opendir(mount);
	int pid;

	for (struct dirent *d; dir && (d = readdir(dir));) {
		if (sscanf(d->d_name, "st-run-%d", &pid) == 1 && kill(pid, 0) &&
		    errno == ESRCH)
			nftw(test_fmt("%s/%s", mount, d->d_name),
			     remove_directory, 8, FTW_DEPTH | FTW_PHYS);
	}
	if (dir)
		closedir(dir);
}

/* Makes a cgroup v2 directory, running_cgroup. Return: an fd of it. */
static inline int make_cgroup(void)
{
	char mount[4096];

	test_need_root();
	find_mount("cgroup2", "", mount);
	if (!*mount)
		TEST_SKIP("no cgroup2 is mounted");
	remove_stale_cgroups(mount);
	snprintf(running_cgroup, sizeof(running_cgroup), "%.4000s/st-run-%d",
		 mount, getpid());
	if (mkdir(running_cgroup, 0755))
		TEST_SKIP("cannot make %s: %s", running_cgroup,
			  strerror(errno));
	running_cgroup_owner = getpid();
	atexit(remove_running_cgroup);
	return CHECK_SYS(
		open(running_cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* The calling process goes into running_cgroup. */
static inline void enter_cgroup(void)
{
	write_file(test_fmt("%s/cgroup.procs", running_cgroup), "0");
}

static inline int count_dirs(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));)
		n += d->d_type == DT_DIR && d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* The cgroup v2 path of a process, from /proc; "" if the process is gone. */
static inline char *cgroup_of(pid_t pid)
{
	char path[64];
	char *text, *line;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "";
	text = test_read_fd(fd);
	close(fd);
	line = strstr(text, "0::");
	return line ? test_fmt("%.*s", (int)strcspn(line + 3, "\n"), line + 3)
		    : "";
}

#endif /* TESTS_RUNNING_H */
