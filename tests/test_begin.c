/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches that the thread does not wait for: it goes on while they are under way,
 * learns when they have come to exec, and nothing is left of those that do not.
 */
#include "begin_spawn.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

#define ENDED_MS 20000

/* Does done read as ended, within ms? */
static bool ends(const struct st_begin *p, int ms)
{
	struct pollfd entry = { .fd = p->done, .events = POLLIN };

	return poll(&entry, 1, ms) == 1;
}

static void begin(struct st_begin *p, int tfd,
		  struct spawn_template_spawn_args args)
{
	CHECK_OK(st_begin_launch(p, tfd, &args));
}

/* The program runs; what it exits with. */
static int finish(struct st_begin *p)
{
	struct spawn_template_failure failure;
	pid_t begun = p->pid;
	int pidfd = -1;

	CHECK(ends(p, ENDED_MS));
	CHECK_EQ(CHECK_OK(st_begin_wait(p, &pidfd, &failure)), begun);
	much_check_pidfd(pidfd, begun);
	return test_wait(pidfd);
}

static int open_template(const char *path)
{
	return CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static struct spawn_template_stat stat_of(int tfd)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	return st;
}

/* ---- children that wait on their way ---- */

/* Opens a fifo as one of its actions, so it waits until let_on(). */
#define HELD_ARGS(name, argv)                                          \
	struct spawn_template_spawn_args name = test_args(NULL, argv); \
	TEST_ACTIONS(&(name),                                          \
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(fifo(), O_RDONLY, 0, 0)))

static const char *fifo(void)
{
	char *path = test_path("fifo");

	if (mkfifo(path, 0600))
		CHECK_EQ(errno, EEXIST);
	return path;
}

/* Each open of the other end lets on whoever waits at that moment. */
static void let_on(struct st_begin *p)
{
	while (!ends(p, 10)) {
		int fd = CHECK_SYS(open(fifo(), O_RDWR | O_CLOEXEC));

		CHECK_SYS(close(fd));
	}
}

static void thread_goes_on(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	struct st_begin p;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	begin(&p, tfd, args);
	CHECK(!ends(&p, 50));
	/* also to launch others */
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny-7")), 7);
	CHECK(!ends(&p, 0));
	let_on(&p);
	CHECK_EQ(finish(&p), 7);
	CHECK_EQ(stat_of(tfd).cold, 2);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void many_at_once(void)
{
	enum { MANY = 40 };
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	int mappings = 0;
	static struct st_begin p[MANY];

	HELD_ARGS(args, TEST_ARGV("tiny"));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			begin(&p[i], tfd, args);
		for (int i = 0; i < MANY; i++)
			CHECK(!ends(&p[i], 0));
		for (int i = 0; i < MANY; i++)
			let_on(&p[i]);
		for (int i = MANY - 1; i >= 0; i--)
			CHECK_EQ(finish(&p[i]), 0);
		if (round == 0)
			mappings = test_count_mappings();
	}
	/* stacks beside each other may count as one, or not */
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), mappings + 16);
	CHECK_EQ(stat_of(tfd).cold, 3 * MANY);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* ---- the child is as that of any launch ---- */

static void all_is_done(void)
{
	int tfd = test_probe();
	struct much m;
	char *want, *got;

	much_scene();
	want = much_output(tfd, 0);
	much_check(want);
	much_ask(&m, 0);
	m.spawn = begin_spawn;
	CHECK_EQ(much_try(tfd, &m, &got), 0);
	CHECK_STR(got, want);
}

static void many_fds_are_closed(void)
{
	int tfd = test_probe();
	struct much m;
	char *got;

	much_scene();
	for (int fd = 300; fd < 900; fd++)
		CHECK_SYS(dup2(0, fd));
	/* so that the library has seen the number of a pidfd */
	for (int fd = 3; fd < 300; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	much_check(much_output(tfd, 0));
	much_ask(&m, 0);
	m.spawn = begin_spawn;
	CHECK_EQ(much_try(tfd, &m, &got), 0);
	much_check(got);
}

static void *launch_restricted(void *arg)
{
	int tfd = *(int *)arg;
	struct much m;
	char *got;

	CHECK_SYS(setpriority(PRIO_PROCESS, 0, 7));
	test_seccomp(SYS_sethostname, ERANGE);
	much_ask(&m, 0);
	m.args.flags &= ~(uint64_t)SPAWN_TEMPLATE_SPAWN_NICE;
	m.spawn = begin_spawn;
	CHECK_EQ(much_try(tfd, &m, &got), 0);
	CHECK_STR(test_value(got, "nice"), "7");
	return NULL;
}

/* Of the calling thread, not of the process. */
static void inherits_from_the_thread(void)
{
	int tfd = test_probe();
	pthread_t thread;

	much_scene();
	CHECK_EQ(pthread_create(&thread, NULL, launch_restricted, &tfd), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The host's handler runs in the host, and never in the child. */
static void under_signals(void)
{
	const struct timeval soon = { 0, 50 }, never = { 0, 0 };
	const struct itimerval often = { soon, soon }, off = { never, never };
	struct sigaction act = { .sa_handler = on_alarm,
				 .sa_flags = SA_RESTART };
	int tfd = open_template(test_tool("tiny-7"));
	struct st_begin p;

	CHECK_SYS(sigaction(SIGALRM, &act, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 300; i++) {
		begin(&p, tfd, test_args(NULL, TEST_ARGV("tiny-7")));
		CHECK(st_begin_wait(&p, &(int){ -1 },
				    &(struct spawn_template_failure){ 0 }) > 0);
	}
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_EQ(stat_of(tfd).cold, 300);
}

/* ---- what does not come to exec ---- */

static void check_end(struct st_begin *p, int err, uint32_t stage,
		      uint32_t action)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	int pidfd = -7;

	CHECK(ends(p, ENDED_MS));
	CHECK_EQ(st_begin_wait(p, &pidfd, &failure), -err);
	CHECK_EQ(pidfd, -7);
	CHECK_EQ(failure.error, err);
	CHECK_EQ(failure.stage, stage);
	CHECK_EQ(failure.action, action);
}

static void failures_are_told(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct st_begin p;

	TEST_ACTIONS(&args, ACT_DUP2(0, 5), ACT_CHDIR("/nowhere"));
	begin(&p, tfd, args);
	check_end(&p, ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 1);
	CHECK_EQ(stat_of(tfd).failed, 0);
	CHECK_EQ(stat_of(tfd).cold, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* Killed by the kernel, with a core where one is wanted. */
static void child_that_is_killed(void)
{
	int tfd = open_template(test_tool("tiny")), fds;
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct st_begin p;

	test_need_kill_of_child_only();
	TEST_ACTIONS(&args, ACT_CHDIR("/"));
	test_seccomp(SYS_chdir, TEST_KILL);
	fds = test_count_fds();
	begin(&p, tfd, args);
	check_end(&p, ECHILD, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void file_that_changed(void)
{
	char *path = test_path("program");
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("program"));
	struct st_begin p;
	int tfd, fds;

	test_copy(test_tool("tiny"), path, 0755);
	tfd = open_template(path);
	fds = test_count_fds();
	test_copy(test_tool("tiny-7"), path, 0755);
	CHECK_EQ(st_begin_launch(&p, tfd, &args), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	begin(&p, tfd, args);
	CHECK_EQ(finish(&p), 7);
	CHECK_EQ(test_count_fds(), fds);
}

static void what_is_refused(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct st_begin p;

	CHECK_EQ(st_begin_launch(&p, 500, &args), -EBADF);
	args.flags = 1ULL << 62;
	CHECK_EQ(st_begin_launch(&p, tfd, &args), -EINVAL);
	args.flags = SPAWN_TEMPLATE_SPAWN_SETUID;
	args.uid = getuid();
	CHECK_EQ(st_begin_launch(&p, tfd, &args), -ENOSYS);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void without_clone3(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny-7"));
	struct st_begin p;

	test_seccomp(SYS_clone3, ENOSYS);
	CHECK_EQ(st_begin_launch(&p, tfd, &args), -ENOSYS);
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny-7")), 7);
	CHECK_EQ(st_begin_launch(&p, tfd, &args), -ENOSYS);
	CHECK_EQ(test_count_fds(), fds);
}

static void out_of_fds(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct rlimit limit;
	struct st_begin p;
	rlim_t most;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	most = limit.rlim_cur;
	/* none for the pipe; one; both, but none for the pidfd */
	for (unsigned int more = 0; more < 3; more++) {
		limit.rlim_cur = (rlim_t)tfd + 1 + more;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		CHECK_EQ(st_begin_launch(&p, tfd, &args), -EMFILE);
		limit.rlim_cur = most;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		CHECK_EQ(test_count_fds(), fds);
	}
	CHECK(test_no_children());
}

/* ---- what nobody wants any more ---- */

static void dropped_on_its_way(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct st_begin p;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	begin(&p, tfd, args);
	CHECK(!ends(&p, 20));
	st_begin_drop(&p);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void dropped_when_it_runs(void)
{
	int tfd = test_probe(), fds = test_count_fds();
	struct st_begin p;

	begin(&p, tfd, test_args(NULL, TEST_ARGV("probe", "pause")));
	CHECK(ends(&p, ENDED_MS));
	st_begin_drop(&p);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void dropped_at_any_time(void)
{
	int tfd = test_probe(), fds = test_count_fds();
	struct st_begin p;

	for (int i = 0; i < 300; i++) {
		begin(&p, tfd, test_args(NULL, TEST_ARGV("probe", "pause")));
		for (int k = 0; k < i * 50; k++)
			__asm__ volatile("");
		st_begin_drop(&p);
	}
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void killed_then_ended(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct st_begin p;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	begin(&p, tfd, args);
	st_begin_kill(&p);
	check_end(&p, ECHILD, p.report.stage, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* ---- fork ---- */

static void end_inherited(void *arg)
{
	struct st_begin *p = arg;
	struct spawn_template_failure failure;
	int pidfd;

	st_begin_kill(p);
	CHECK_EQ(st_begin_wait(p, &pidfd, &failure), -ESRCH);
}

static void drop_inherited(void *arg)
{
	st_begin_drop(arg);
}

static void child_of_fork_leaves_it_alone(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	struct st_begin p;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	begin(&p, tfd, args);
	test_in_child(end_inherited, &p);
	test_in_child(drop_inherited, &p);
	CHECK(!ends(&p, 20));
	let_on(&p);
	CHECK_EQ(finish(&p), 7);
}

/* ---- threads ---- */

static void *launch_often(void *arg)
{
	int tfd = *(int *)arg;
	struct st_begin p[4];

	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 4; k++)
			begin(&p[k], tfd, test_args(NULL, TEST_ARGV("tiny-7")));
		for (int k = 0; k < 4; k++)
			CHECK_EQ(finish(&p[k]), 7);
	}
	return NULL;
}

static void threads(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, launch_often, &tfd),
			 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(stat_of(tfd).cold, 8 * 50 * 4);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(thread_goes_on),
	TEST_CASE(many_at_once),
	TEST_CASE(all_is_done),
	TEST_CASE(many_fds_are_closed),
	TEST_CASE(inherits_from_the_thread),
	TEST_CASE(under_signals),
	TEST_CASE(failures_are_told),
	TEST_CASE(child_that_is_killed),
	TEST_CASE(file_that_changed),
	TEST_CASE(what_is_refused),
	TEST_CASE(without_clone3),
	TEST_CASE(out_of_fds),
	TEST_CASE(dropped_on_its_way),
	TEST_CASE(dropped_when_it_runs),
	TEST_CASE(dropped_at_any_time),
	TEST_CASE(killed_then_ended),
	TEST_CASE(child_of_fork_leaves_it_alone),
	TEST_CASE(threads),
};
TEST_MAIN(cases)
