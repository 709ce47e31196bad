/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches that the thread does not wait for: it goes on while they are under way and
 * learns when they have come to exec. Launches that do not come to exec leave no trace.
 */
#include "begin_spawn.h"
#include "growth.h"
#include "inject.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define ENDED_MS 20000

/* Tell whether the launch ends, its fd being readable, within ms. */
static bool ends(struct spawn_template_begin *b, int ms)
{
	struct pollfd entry = { .events = POLLIN };

	entry.fd = CHECK_OK(spawn_template_begin_fd(b));
	return poll(&entry, 1, ms) == 1;
}

static struct spawn_template_begin *begin(int tfd,
					  struct spawn_template_spawn_args args)
{
	struct spawn_template_begin *b = NULL;

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK(b);
	return b;
}

/* Wait until the program has run. Return: its exit code. */
static int finish(struct spawn_template_begin *b)
{
	int pidfd = -1;
	pid_t pid;

	CHECK(ends(b, ENDED_MS));
	pid = CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	much_check_pidfd(pidfd, pid);
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

/* Arguments whose action opens a fifo, so that the child waits until let_on(). */
#define HELD_ARGS(name, argv)                                          \
	struct spawn_template_spawn_args name = test_args(NULL, argv); \
	TEST_ACTIONS(&(name),                                          \
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(fifo(), O_RDONLY, 0, 0)))

static const char *fifo(void)
{
	char *path = test_path("fifo");

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	if (mkfifo(path, 0600))
		CHECK_EQ(errno, EEXIST);
	return path;
}

/* Let the child go on: each open of the other end releases children that wait then. */
static void let_on(struct spawn_template_begin *b)
{
	while (!ends(b, 10)) {
		int fd = CHECK_SYS(open(fifo(), O_RDWR | O_CLOEXEC));

		CHECK_SYS(close(fd));
	}
}

static void the_thread_goes_on_while_the_child_is_held(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	CHECK(!ends(b, 50));
	/* the thread can launch others */
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny-7")), 7);
	CHECK(!ends(b, 0));
	let_on(b);
	CHECK_EQ(finish(b), 7);
	CHECK_EQ(stat_of(tfd).cold, 2);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void wait_blocks_until_exec(void)
{
	int tfd = open_template(test_tool("tiny-7")), pidfd = -1, fd;
	struct spawn_template_begin *b;
	pid_t helper;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	helper = CHECK_SYS(fork());
	if (!helper) {
		usleep(100000);
		fd = open(fifo(), O_RDWR);
		usleep(100000);
		_exit(fd < 0);
	}
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 7);
	CHECK_EQ(CHECK_SYS(waitpid(helper, NULL, 0)), helper);
}

static void the_fd_works_with_epoll(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	struct epoll_event event = { .events = EPOLLIN }, got;
	int epoll = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC)), fd;
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	fd = CHECK_OK(spawn_template_begin_fd(b));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(epoll_wait(epoll, &got, 1, 20), 0);
	let_on(b);
	CHECK_EQ(epoll_wait(epoll, &got, 1, ENDED_MS), 1);
	CHECK_EQ(finish(b), 7);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

static void many_are_under_way_at_once(void)
{
	enum { MANY = 40 };
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	int mappings = 0;
	struct spawn_template_begin *b[MANY];

	HELD_ARGS(args, TEST_ARGV("tiny"));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			b[i] = begin(tfd, args);
		for (int i = 0; i < MANY; i++)
			CHECK(!ends(b[i], 0));
		for (int i = 0; i < MANY; i++)
			let_on(b[i]);
		for (int i = MANY - 1; i >= 0; i--)
			CHECK_EQ(finish(b[i]), 0);
		if (round == 0)
			mappings = test_count_mappings();
	}
	/* adjacent stacks may count as one mapping, or not */
	if (!TEST_SANITIZED)
		CHECK_LE(test_count_mappings(), mappings + 16);
	CHECK_EQ(stat_of(tfd).cold, 3 * MANY);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* ---- the caller may free and close ---- */

/* Arguments in memory that the test overwrites and frees. */
struct lent {
	char path[256], word[16], text[16];
	char *argv[4], *envp[2];
	struct spawn_template_open open;
	struct spawn_template_action actions[2];
	struct spawn_template_spawn_args args;
};

static struct lent *lend(const char *held_by)
{
	struct lent *l = calloc(1, sizeof(*l));

	CHECK(l);
	strcpy(l->word, "args");
	strcpy(l->text, "ONE=1");
	snprintf(l->path, sizeof(l->path), "%s", held_by);
	l->argv[0] = l->argv[1] = l->word;
	l->argv[2] = (char *)"env";
	l->envp[0] = l->text;
	l->open.path = (uintptr_t)l->path;
	l->open.how.flags = O_RDONLY;
	l->actions[0] = ACT_OPEN(AT_FDCWD, 0, &l->open);
	l->actions[1] = ACT_CHDIR("/");
	l->args = (struct spawn_template_spawn_args){
		.argv = (uintptr_t)l->argv,
		.envp = (uintptr_t)l->envp,
		.actions = (uintptr_t)l->actions,
		.actions_len = 2,
	};
	return l;
}

static void arguments_are_copied(void)
{
	int tfd = test_probe(), pidfd = -1;
	struct lent *l = lend(fifo());
	struct test_stdout out = test_stdout_begin();
	struct spawn_template_begin *b = begin(tfd, l->args);
	char *text;

	memset(l, 0x5a, sizeof(*l));
	free(l);
	let_on(b);
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	text = test_stdout_end(out);
	CHECK_EQ(test_wait(pidfd), 0);
	CHECK_STR(test_value(text, "argc"), "3");
	CHECK_STR(test_value(text, "ONE"), "1");
}

static void the_callers_descriptors_may_be_closed(void)
{
	int tfd = open_template(test_tool("probe")), pidfd = -1, ends_of[2];
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "fd", "9"));
	struct spawn_template_begin *b;

	CHECK_SYS(pipe2(ends_of, O_CLOEXEC));
	TEST_ACTIONS(
		&args, ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(fifo(), O_RDONLY, 0, 0)),
		ACT_DUP2(ends_of[1], 1), ACT_DUP2(ends_of[1], 9), ACT_KEEP(9));
	b = begin(tfd, args);
	/* the template is closed, too */
	CHECK_SYS(close(tfd));
	CHECK_SYS(dup2(0, tfd));
	CHECK_SYS(close(ends_of[1]));
	let_on(b);
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_HAS(test_read_fd(ends_of[0]), "fdflags.9=0");
	CHECK_EQ(test_wait(pidfd), 0);
}

/* On success no output of the arguments is written. */
static void only_wait_writes_outputs(void)
{
	int tfd = open_template(test_tool("tiny-7")), unused = -7, pidfd = -1;
	struct spawn_template_failure told = { 1, 2, 3 }, failure = { 4, 5, 6 };
	struct spawn_template_spawn_args args =
		test_args(&unused, TEST_ARGV("tiny-7"));
	struct spawn_template_begin *b = NULL;
	pid_t pid;

	args.failure = (uintptr_t)&told;
	pid = CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK_EQ(
		spawn_template_begin_wait(b, &pidfd, &failure, sizeof(failure)),
		pid);
	much_check_pidfd(pidfd, pid);
	CHECK_EQ(test_wait(pidfd), 7);
	CHECK_EQ(unused, -7);
	CHECK_EQ(told.error, 1);
	CHECK_EQ(failure.error, 4);
}

static void a_pidfd_is_optional(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	struct spawn_template_begin *b =
		begin(tfd, test_args(NULL, TEST_ARGV("tiny-7")));
	pid_t pid = CHECK_OK(spawn_template_begin_wait(b, NULL, NULL, 0));
	int status;

	CHECK_EQ(test_count_fds(), fds);
	CHECK_EQ(CHECK_SYS(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(WEXITSTATUS(status), 7);
}

/* ---- the child is the same as that of any launch ---- */

static void all_actions_and_attributes_are_done(void)
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

static void actions_work_among_many_fds(void)
{
	int tfd = test_probe();
	struct much m;
	char *got;

	much_scene();
	for (int fd = 300; fd < 900; fd++)
		CHECK_SYS(dup2(0, fd));
	/* fill the gaps below, so that a pidfd has a high number */
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

	/* 19 is allowed to all users, whatever nice value the test was started with */
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, 19));
	test_seccomp(SYS_sethostname, ERANGE);
	much_ask(&m, 0);
	m.args.flags &= ~(uint64_t)SPAWN_TEMPLATE_SPAWN_NICE;
	m.spawn = begin_spawn;
	CHECK_EQ(much_try(tfd, &m, &got), 0);
	CHECK_STR(test_value(got, "nice"), "19");
	return NULL;
}

static void the_child_inherits_from_the_thread(void)
{
	int tfd = test_probe(), nice = getpriority(PRIO_PROCESS, 0);
	pthread_t thread;

	if (nice == 19)
		TEST_SKIP("this process has the nice value of the thread");
	much_scene();
	CHECK_EQ(pthread_create(&thread, NULL, launch_restricted, &tfd), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), nice);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The host's handler runs in the host and never in the child. */
static void signals_of_the_host_harm_no_launch(void)
{
	const struct timeval soon = { 0, 50 }, never = { 0, 0 };
	const struct itimerval often = { soon, soon }, off = { never, never };
	struct sigaction act = { .sa_handler = on_alarm,
				 .sa_flags = SA_RESTART };
	int tfd = open_template(test_tool("tiny-7"));

	CHECK_SYS(sigaction(SIGALRM, &act, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 300; i++)
		CHECK_OK(spawn_template_begin_wait(
			begin(tfd, test_args(NULL, TEST_ARGV("tiny-7"))), NULL,
			NULL, 0));
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_EQ(stat_of(tfd).cold, 300);
}

/* ---- launches that begin waits for after all ---- */

static void check_much_is_done(int tfd, uint64_t flags)
{
	int fds = test_count_fds(), mappings = test_count_mappings();
	struct much m;
	char *want = much_output(tfd, flags), *got;

	much_check(want);
	much_ask(&m, flags);
	m.spawn = begin_spawn;
	CHECK_EQ(much_try(tfd, &m, &got), 0);
	CHECK_STR(got, want);
	CHECK_EQ(test_count_fds(), fds);
	/* an unused stack is kept for another launch */
	check_mappings(mappings + 2);
	CHECK(test_no_children());
}

static void other_ids_are_set(void)
{
	much_scene();
	check_much_is_done(test_probe(), MUCH_OWN_MEMORY);
}

static void fallbacks_do_all_actions_and_attributes(void)
{
	int tfd = test_probe();

	much_scene();
	check_much_is_done(tfd, 0);
	test_seccomp(SYS_clone3, ENOSYS);
	check_much_is_done(tfd, 0);
	check_much_is_done(tfd, 0);
	test_seccomp(SYS_close_range, ENOSYS);
	check_much_is_done(tfd, 0);
	test_seccomp(SYS_execveat, ENOSYS);
	check_much_is_done(tfd, 0);
	CHECK_GE(stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_CLONE], 4);
	CHECK_EQ(stat_of(tfd).failed, 0);
}

/* A child that nobody waits for takes these fallbacks. */
static void fallbacks_of_the_child_do_all_actions(void)
{
	int tfd = test_probe();

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	much_scene();
	test_seccomp(SYS_close_range, EPERM);
	check_much_is_done(tfd, 0);
	test_seccomp(SYS_execveat, EPERM);
	check_much_is_done(tfd, 0);
	CHECK_EQ(stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_CLONE], 0);
	CHECK_GE(stat_of(tfd).fallbacks[SPAWN_TEMPLATE_FALLBACK_PROC_FD], 2);
}

static void a_failure_that_was_waited_for_is_told_at_once(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct spawn_template_failure failure = { 0, 99, 99 };
	struct spawn_template_begin *b = NULL;

	args.failure = (uintptr_t)&failure;
	TEST_ACTIONS(&args, ACT_DUP2(0, 5), ACT_CHDIR("/nowhere"));
	test_seccomp(SYS_clone3, ENOSYS);
	CHECK_EQ(spawn_template_begin(tfd, &args, sizeof(args), &b), -ENOENT);
	CHECK(!b);
	CHECK_EQ(failure.error, ENOENT);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK_EQ(failure.action, 1);
	CHECK_EQ(stat_of(tfd).failed, 1);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* ---- launches that do not come to exec ---- */

static void check_wait(struct spawn_template_begin *b, int err, uint32_t stage,
		       uint32_t action)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	int pidfd = -7;

	CHECK(ends(b, ENDED_MS));
	CHECK_EQ(
		spawn_template_begin_wait(b, &pidfd, &failure, sizeof(failure)),
		-err);
	CHECK_EQ(pidfd, -7);
	CHECK_EQ(failure.error, err);
	CHECK_EQ(failure.stage, stage);
	CHECK_EQ(failure.action, action);
}

/* The launch is over all the same. */
static void a_failure_of_a_wrong_size_is_not_told(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	const size_t sizes[] = { 0, 4,
				 sizeof(struct spawn_template_failure) - 1,
				 4097, SIZE_MAX };
	struct {
		struct spawn_template_failure failure;
		uint32_t later, behind;
	} room = { { 1, 2, 3 }, 4, 5 };

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	TEST_ACTIONS(&args, ACT_CHDIR("/nowhere"));
	for (size_t i = 0; i < TEST_COUNT(sizes); i++)
		CHECK_EQ(spawn_template_begin_wait(begin(tfd, args), NULL,
						   &room.failure, sizes[i]),
			 -ENOENT);
	CHECK_EQ(room.failure.error, 1);
	CHECK_EQ(room.later, 4);
	/* a later version has more, of which this one knows nothing */
	CHECK_EQ(spawn_template_begin_wait(begin(tfd, args), NULL,
					   &room.failure,
					   sizeof(room.failure) + 4),
		 -ENOENT);
	CHECK_EQ(room.failure.error, ENOENT);
	CHECK_EQ(room.later, 0);
	CHECK_EQ(room.behind, 5);
	CHECK_EQ(test_count_fds(), fds);
}

static void failures_are_told_and_counted(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	TEST_ACTIONS(&args, ACT_DUP2(0, 5), ACT_CHDIR("/nowhere"));
	check_wait(begin(tfd, args), ENOENT, SPAWN_TEMPLATE_STAGE_ACTION, 1);
	CHECK_EQ(spawn_template_begin_wait(begin(tfd, args), NULL, NULL, 0),
		 -ENOENT);
	CHECK_EQ(stat_of(tfd).failed, 2);
	CHECK_EQ(stat_of(tfd).cold, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* The kernel kills this child, and dumps core if that is enabled. */
static void a_killed_child_is_told(void)
{
	int tfd = open_template(test_tool("tiny")), fds;
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	test_need_kill_of_child_only();
	TEST_ACTIONS(&args, ACT_CHDIR("/"));
	test_seccomp(SYS_chdir, TEST_KILL);
	fds = test_count_fds();
	check_wait(begin(tfd, args), ECHILD, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* ---- a host that closes descriptors by number ---- */

static int pidfd_number(void)
{
	for (int fd = 3; fd < 64; fd++) {
		char *path = test_fmt("/proc/self/fdinfo/%d", fd);

		if (access(path, F_OK) == 0 &&
		    strstr(test_read(path), "\nPid:"))
			return fd;
	}
	test_fail(__FILE__, __LINE__, "there is no pidfd");
}

static ino_t inode_of(int fd)
{
	struct stat st;

	CHECK_SYS(fstat(fd, &st));
	return st.st_ino;
}

/* Have the numbers of a launch that is held up name a file of the host. */
static void take_numbers(struct spawn_template_begin *b, int numbers[2])
{
	int file = CHECK_SYS(open(test_tool("tiny"), O_RDONLY | O_CLOEXEC));

	numbers[0] = CHECK_OK(spawn_template_begin_fd(b));
	numbers[1] = pidfd_number();
	for (int i = 0; i < 2; i++)
		CHECK_SYS(dup3(file, numbers[i], O_CLOEXEC));
	CHECK_SYS(close(file));
}

static void check_numbers(const int numbers[2])
{
	int file = CHECK_SYS(open(test_tool("tiny"), O_RDONLY | O_CLOEXEC));

	CHECK_EQ(inode_of(numbers[0]), inode_of(file));
	CHECK_EQ(inode_of(numbers[1]), inode_of(file));
	for (int i = 0; i < 2; i++)
		CHECK_SYS(close(numbers[i]));
	CHECK_SYS(close(file));
}

static void files_at_the_numbers_of_a_launch_stay_open(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	int pidfd = -1, numbers[2];
	struct spawn_template_begin *b;
	pid_t helper, pid;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	take_numbers(b, numbers);
	helper = CHECK_SYS(fork());
	if (!helper) {
		usleep(100000);
		CHECK_SYS(open(fifo(), O_RDWR));
		/* the child may not have come to its open yet */
		for (;;)
			pause();
	}
	pid = CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_SYS(kill(helper, SIGKILL));
	much_check_pidfd(pidfd, pid);
	CHECK_EQ(test_wait(pidfd), 7);
	CHECK_EQ(CHECK_SYS(waitpid(helper, NULL, 0)), helper);
	check_numbers(numbers);
	CHECK_EQ(test_count_fds(), fds);
}

static void files_at_the_numbers_of_a_failed_launch_stay_open(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	int numbers[2];
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	take_numbers(b, numbers);
	CHECK_OK(spawn_template_begin_kill(b));
	CHECK_EQ(spawn_template_begin_wait(b, NULL, NULL, 0), -ECHILD);
	check_numbers(numbers);
	CHECK_EQ(test_count_fds(), fds);
	b = begin(tfd, args);
	take_numbers(b, numbers);
	spawn_template_begin_drop(b);
	check_numbers(numbers);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void check_begin(int tfd, struct spawn_template_spawn_args *args,
			int want, uint32_t stage)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	int fds = test_count_fds();
	struct spawn_template_begin *b = NULL;

	args->failure = (uintptr_t)&failure;
	CHECK_EQ(spawn_template_begin(tfd, args, sizeof(*args), &b), want);
	CHECK(!b);
	CHECK_EQ(failure.error, -want);
	CHECK_EQ(failure.stage, stage);
	CHECK_EQ(failure.action, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* Before Linux 5.16 the host would end with the child, which shares its memory. */
static void a_child_that_would_dump_core_is_told(void)
{
	int tfd = open_template(test_tool("tiny-7")), pidfd = -1;
	const struct rlimit none = { 0, 0 };
	struct spawn_template_begin *b;
	pid_t pid;

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	pid = CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	CHECK(!ends(b, 50));
	CHECK_SYS(kill(pid, SIGQUIT));
	CHECK(ends(b, ENDED_MS));
	CHECK_EQ(spawn_template_begin_wait(b, &pidfd, NULL, 0), -ECHILD);
	CHECK(test_no_children());
}

static void a_child_that_would_dump_core_without_futex_waitv_is_told(void)
{
	test_seccomp(SYS_futex_waitv, ENOSYS);
	a_child_that_would_dump_core_is_told();
}

static void a_changed_file_is_stale_before_there_is_a_child(void)
{
	char *path = test_path("program");
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("program"));
	int tfd, fds;

	test_copy(test_tool("tiny"), path, 0755);
	tfd = open_template(path);
	fds = test_count_fds();
	test_copy(test_tool("tiny-7"), path, 0755);
	check_begin(tfd, &args, -ESTALE, SPAWN_TEMPLATE_STAGE_ARGS);
	CHECK_EQ(stat_of(tfd).stale, 1);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(finish(begin(tfd, args)), 7);
	CHECK_EQ(test_count_fds(), fds);
}

/* Only the file is looked at by fd; for other launches the child alone does that. */
static void a_changed_file_of_an_fd_is_stale(void)
{
	char *path = test_path("program");
	struct spawn_template_create_args create = { .flags = 0 };
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("program"));
	int tfd;

	test_copy(test_tool("tiny"), path, 0755);
	create.execfd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	tfd = CHECK_OK(spawn_template_create(&create, sizeof(create)));
	CHECK_SYS(chmod(path, 0711));
	check_begin(tfd, &args, -ESTALE, SPAWN_TEMPLATE_STAGE_ARGS);
}

static void auto_refresh_makes_a_template_fresh(void)
{
	char *path = test_path("program");
	int tfd, fds;

	test_copy(test_tool("tiny"), path, 0755);
	tfd = CHECK_OK(
		spawn_template_open(path, SPAWN_TEMPLATE_CREATE_AUTO_REFRESH));
	fds = test_count_fds();
	test_copy(test_tool("tiny-7"), path, 0755);
	CHECK_EQ(finish(begin(tfd, test_args(NULL, TEST_ARGV("program")))), 7);
	CHECK_EQ(stat_of(tfd).cold, 1);
	CHECK_EQ(stat_of(tfd).stale, 0);
	CHECK_EQ(test_count_fds(), fds);
}

/* Only the child sees this change. */
static void a_file_that_changes_under_way_is_stale(void)
{
	char *path = test_path("script"), *other = test_path("other");
	int tfd, pidfd = -1, fds;
	struct spawn_template_begin *b;

	test_write(path, test_fmt("#!%s\n", test_tool("tiny")), 0755);
	test_write(other, test_fmt("#!%s\n", test_tool("tiny-7")), 0755);
	tfd = CHECK_OK(spawn_template_open(
		path, SPAWN_TEMPLATE_CREATE_SCRIPT |
			      SPAWN_TEMPLATE_CREATE_AUTO_REFRESH));
	fds = test_count_fds();
	HELD_ARGS(args, TEST_ARGV("script"));
	b = begin(tfd, args);
	CHECK(!ends(b, 20));
	CHECK_SYS(rename(other, path));
	let_on(b);
	check_wait(b, ESTALE, SPAWN_TEMPLATE_STAGE_EXEC, 0);
	CHECK_EQ(stat_of(tfd).stale, 1);
	CHECK_EQ(test_count_fds(), fds);
	b = begin(tfd, args);
	let_on(b);
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 7);
}

static void malformed_arguments_are_refused(void)
{
	int tfd = open_template(test_tool("tiny"));
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct spawn_template_action action = { .type = 99 };
	struct spawn_template_begin *b = NULL;

	check_begin(500, &args, -EBADF, SPAWN_TEMPLATE_STAGE_ARGS);
	check_begin(0, &args, -EINVAL, SPAWN_TEMPLATE_STAGE_ARGS);
	args.flags = 1ULL << 62;
	check_begin(tfd, &args, -EINVAL, SPAWN_TEMPLATE_STAGE_ARGS);
	/* a wrong fd is told before wrong flags */
	check_begin(500, &args, -EBADF, SPAWN_TEMPLATE_STAGE_ARGS);
	args.flags = 0;
	args.actions_len = 3;
	check_begin(tfd, &args, -EINVAL, SPAWN_TEMPLATE_STAGE_ARGS);
	args.actions = (uintptr_t)&action;
	args.actions_len = 1;
	check_begin(tfd, &args, -EINVAL, SPAWN_TEMPLATE_STAGE_ARGS);
	args.actions = args.actions_len = 0;
	args.argv = 0;
	check_begin(tfd, &args, -EINVAL, SPAWN_TEMPLATE_STAGE_ARGS);
	CHECK_EQ(spawn_template_begin(tfd, &args, 79, &b), -EINVAL);
	CHECK_EQ(spawn_template_begin(tfd, &args, 5000, &b), -E2BIG);
	CHECK(!b);
}

static void the_oldest_size_is_accepted(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny-7"));
	struct spawn_template_begin *b = NULL;

	args.failure = 1; /* no address, and not used */
	CHECK_OK(spawn_template_begin(tfd, &args,
				      SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER0, &b));
	CHECK_EQ(finish(b), 7);
}

static void begin_without_free_fds_fails_with_emfile(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct rlimit limit;
	rlim_t most;

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	most = limit.rlim_cur;
	/* free fds: none, one for half of the pipe, two but none for the pidfd */
	for (unsigned int more = 0; more < 3; more++) {
		struct spawn_template_failure failure = { 0, 99, 99 };
		struct spawn_template_begin *b = NULL;
		pid_t ret;

		args.failure = (uintptr_t)&failure;
		limit.rlim_cur = (rlim_t)tfd + 1 + more;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		ret = spawn_template_begin(tfd, &args, sizeof(args), &b);
		limit.rlim_cur = most;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		CHECK_EQ(ret, -EMFILE);
		CHECK(!b);
		CHECK_EQ(failure.error, EMFILE);
		CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_CLONE);
		CHECK_EQ(test_count_fds(), fds);
	}
	CHECK_EQ(finish(begin(tfd, args)), 0);
	CHECK_EQ(stat_of(tfd).failed, 3);
	CHECK(test_no_children());
}

/* ---- dropped and killed launches ---- */

static void a_drop_under_way_leaves_nothing(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	b = begin(tfd, args);
	CHECK(!ends(b, 20));
	spawn_template_begin_drop(b);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
	spawn_template_begin_drop(NULL);
}

static void a_drop_of_a_running_program_leaves_nothing(void)
{
	int tfd = test_probe(), fds = test_count_fds();
	struct spawn_template_begin *b =
		begin(tfd, test_args(NULL, TEST_ARGV("probe", "pause")));

	CHECK(ends(b, ENDED_MS));
	spawn_template_begin_drop(b);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void a_drop_at_any_moment_leaves_nothing(void)
{
	int tfd = test_probe(), fds = test_count_fds();

	for (int i = 0; i < 300; i++) {
		struct spawn_template_begin *b = begin(
			tfd, test_args(NULL, TEST_ARGV("probe", "pause")));

		for (int k = 0; k < i * 50; k++)
			__asm__ volatile("");
		spawn_template_begin_drop(b);
	}
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

/* The child waits for ever, and is ended by its pid. */
static void a_drop_works_without_signals_by_pidfd(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	int denials[] = { EPERM, ENOSYS };
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	for (size_t i = 0; i < TEST_COUNT(denials); i++) {
		test_seccomp(SYS_pidfd_send_signal, denials[i]);
		b = begin(tfd, args);
		CHECK(!ends(b, 20));
		spawn_template_begin_drop(b);
		CHECK_EQ(test_count_fds(), fds);
		CHECK(test_no_children());
	}
}

static void a_killed_launch_is_told_by_wait(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	b = begin(tfd, args);
	CHECK(!ends(b, 50)); /* the child is at its action */
	CHECK_EQ(spawn_template_begin_kill(b), 0);
	CHECK(ends(b, ENDED_MS));
	CHECK_EQ(spawn_template_begin_kill(b), 0);
	check_wait(b, ECHILD, SPAWN_TEMPLATE_STAGE_ACTION, 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void a_kill_of_a_running_program_is_a_launch(void)
{
	int tfd = test_probe(), pidfd = -1;
	char *path = test_path("runs");
	struct spawn_template_begin *b = begin(
		tfd,
		test_args(NULL, TEST_ARGV("probe", "touch", path, "pause")));

	CHECK(ends(b, ENDED_MS));
	/* it may be in the middle of exec by then */
	for (int i = 0; i < ENDED_MS && access(path, F_OK) < 0; i++)
		usleep(1000);
	CHECK_EQ(access(path, F_OK), 0);
	CHECK_EQ(spawn_template_begin_kill(b), 0);
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 128 + SIGKILL);
}

static void a_launch_goes_on_when_its_caller_ends(void)
{
	int tfd = open_template(test_tool("tiny")), fd;
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	char *out = test_path("out");
	pid_t pid = CHECK_SYS(fork());

	/* the held child has the file open until it has ended */
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(fifo(), O_RDONLY, 0, 0)),
		     ACT_OPEN(AT_FDCWD, 1,
			      TEST_OPEN(out, O_CREAT | O_WRONLY, 0600, 0)));
	if (!pid) {
		int mine = open_template(test_tool("tiny"));

		begin(mine, args);
		_exit(42);
	}
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	CHECK_EQ(access(out, F_OK), -1);
	fd = CHECK_SYS(open(fifo(), O_WRONLY));
	for (int i = 0; access(out, F_OK) && i < 2000; i++)
		usleep(10000);
	CHECK_SYS(access(out, F_OK));
	CHECK_SYS(close(fd));
	CHECK_SYS(close(tfd));
}

/* ---- fork ---- */

static void wait_inherited(void *arg)
{
	struct spawn_template_failure failure = { 0, 99, 99 };
	int pidfd = -7, fds = test_count_fds();

	CHECK_EQ(spawn_template_begin_fd(arg), -EACCES);
	CHECK_EQ(spawn_template_begin_kill(arg), -EACCES);
	CHECK_EQ(spawn_template_begin_wait(arg, &pidfd, &failure,
					   sizeof(failure)),
		 -EACCES);
	CHECK_EQ(pidfd, -7);
	CHECK_EQ(failure.error, EACCES);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ARGS);
	CHECK_EQ(test_count_fds(), fds);
}

static void drop_inherited(void *arg)
{
	int tfd = open_template(test_tool("tiny-7"));

	spawn_template_begin_drop(arg);
	CHECK_EQ(finish(begin(tfd, test_args(NULL, TEST_ARGV("tiny-7")))), 7);
}

static void a_forked_child_leaves_the_launch_alone(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	b = begin(tfd, args);
	test_in_child(wait_inherited, b);
	test_in_child(drop_inherited, b);
	CHECK(!ends(b, 20));
	let_on(b);
	CHECK_EQ(finish(b), 7);
}

/* A thread that forks a child, which does not exec, when it is told to. */
struct forker {
	pthread_t thread;
	atomic_bool go, done;
	pid_t pid;
};

static void *fork_when_told(void *arg)
{
	struct forker *f = arg;

	while (!atomic_load(&f->go))
		usleep(100);
	f->pid = fork();
	if (!f->pid) {
		sleep(60);
		_exit(0);
	}
	atomic_store(&f->done, true);
	return NULL;
}

/* Start the fork right before the child is made; a fork that waits goes on later. */
static void tell_to_fork(void *arg)
{
	struct forker *f = arg;

	atomic_store(&f->go, true);
	for (int i = 0; !atomic_load(&f->done) && i < 100; i++)
		usleep(1000);
}

struct beside_fork {
	struct inject inject;
	struct forker forker;
	int tfd;
};

static void *begin_beside_fork(void *arg)
{
	struct beside_fork *s = arg;
	struct spawn_template_begin *b;

	inject_here(&s->inject);
	inject_arm(&s->inject);
	b = begin(s->tfd, test_args(NULL, TEST_ARGV("tiny-7")));
	inject_disarm(&s->inject);
	CHECK_EQ(finish(b), 7);
	return NULL;
}

/* The call that makes the child is the last but one: a close of the pipe follows. */
static void a_forked_child_does_not_delay_the_launch(void)
{
	static struct beside_fork s;
	pthread_t thread;
	int hits = 0;

	s.tfd = open_template(test_tool("tiny-7"));
	s.inject.who = INJECT_PARENT;
	s.inject.err = INJECT_HOOK;
	s.inject.hook = tell_to_fork;
	s.inject.arg = &s.forker;
	for (int i = 0; i < 12; i++) {
		s.forker.go = s.forker.done = false;
		s.inject.index = i;
		atomic_store(&s.inject.stop, false);
		CHECK_EQ(pthread_create(&s.forker.thread, NULL, fork_when_told,
					&s.forker),
			 0);
		inject_start(&s.inject);
		CHECK_EQ(pthread_create(&thread, NULL, begin_beside_fork, &s),
			 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		inject_finish(&s.inject);
		hits += atomic_load(&s.inject.hit) >= 0;
		atomic_store(&s.forker.go, true);
		CHECK_EQ(pthread_join(s.forker.thread, NULL), 0);
		CHECK_SYS(kill(s.forker.pid, SIGKILL));
		CHECK_SYS(waitpid(s.forker.pid, NULL, 0));
	}
	/* at least these calls: two for ids, two statx, pipe2, clone3 */
	CHECK_GE(hits, 6);
}

static void *fork_often(void *arg)
{
	while (!atomic_load((atomic_bool *)arg)) {
		pid_t pid = CHECK_SYS(fork());

		if (!pid)
			_exit(0);
		CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	}
	return NULL;
}

/* Launches and forks do not wait for each other for ever. */
static void launch_beside_forks(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	atomic_bool stop = false;
	pthread_t threads[3];

	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, fork_often, &stop),
			 0);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(finish(begin(tfd,
				      test_args(NULL, TEST_ARGV("tiny-7")))),
			 7);
	atomic_store(&stop, true);
	for (size_t i = 0; i < TEST_COUNT(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void launches_and_forks_go_on_beside_each_other(void)
{
	launch_beside_forks();
}

/* Whoever runs may begin again before those that wait have run. */
static void launches_and_forks_take_turns_on_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_SYS(sched_setaffinity(0, sizeof(one), &one));
	launch_beside_forks();
}

static pthread_mutex_t callers_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool wants_lock, has_come;

static void take_callers_lock(void)
{
	if (!atomic_load(&wants_lock))
		return;
	atomic_store(&has_come, true);
	pthread_mutex_lock(&callers_lock);
	pthread_mutex_unlock(&callers_lock);
}

/* A handler that is registered before the library's runs after it. */
__attribute__((constructor(101))) static void register_before_library(void)
{
	pthread_atfork(take_callers_lock, NULL, NULL);
}

static void *fork_once(void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		_exit(0);
	CHECK_EQ(CHECK_SYS(waitpid(pid, NULL, 0)), pid);
	return arg;
}

static void a_launch_goes_on_where_a_fork_waits_for_its_caller(void)
{
	int tfd = open_template(test_tool("tiny-7"));
	pthread_t thread;

	CHECK_EQ(pthread_mutex_lock(&callers_lock), 0);
	atomic_store(&wants_lock, true);
	CHECK_EQ(pthread_create(&thread, NULL, fork_once, NULL), 0);
	while (!atomic_load(&has_come))
		usleep(1000);
	CHECK_EQ(finish(begin(tfd, test_args(NULL, TEST_ARGV("tiny-7")))), 7);
	CHECK_EQ(pthread_mutex_unlock(&callers_lock), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* ---- threads ---- */

static void *launch_often(void *arg)
{
	int tfd = *(int *)arg;
	struct spawn_template_begin *b[4];

	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 4; k++)
			b[k] = begin(tfd, test_args(NULL, TEST_ARGV("tiny-7")));
		for (int k = 0; k < 4; k++)
			CHECK_EQ(finish(b[k]), 7);
	}
	return NULL;
}

static void threads_launch_at_the_same_time(void)
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

static void *begin_and_end(void *arg)
{
	HELD_ARGS(args, TEST_ARGV("tiny-7"));
	return begin(*(int *)arg, args);
}

static void *finish_elsewhere(void *arg)
{
	CHECK_EQ(finish(arg), 7);
	return NULL;
}

static void another_thread_may_wait_when_the_first_has_ended(void)
{
	int tfd = open_template(test_tool("tiny-7")), fds = test_count_fds();
	pthread_t thread;
	void *b;

	CHECK_EQ(pthread_create(&thread, NULL, begin_and_end, &tfd), 0);
	CHECK_EQ(pthread_join(thread, &b), 0);
	CHECK(!ends(b, 20));
	let_on(b);
	CHECK_EQ(pthread_create(&thread, NULL, finish_elsewhere, b), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static void *kill_elsewhere(void *arg)
{
	ends(arg, 20);
	CHECK_EQ(spawn_template_begin_kill(arg), 0);
	CHECK(ends(arg, ENDED_MS));
	return NULL;
}

static void threads_may_poll_and_kill_at_the_same_time(void)
{
	int tfd = open_template(test_tool("tiny"));
	pthread_t thread[4];
	struct spawn_template_begin *b;

	HELD_ARGS(args, TEST_ARGV("tiny"));
	b = begin(tfd, args);
	for (size_t i = 0; i < TEST_COUNT(thread); i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, kill_elsewhere, b),
			 0);
	for (size_t i = 0; i < TEST_COUNT(thread); i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	CHECK_EQ(spawn_template_begin_wait(b, NULL, NULL, 0), -ECHILD);
	CHECK(test_no_children());
}

/* ---- growth ---- */

static void launch_each_way(int tfd, int i)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("tiny"));
	struct spawn_template_action action = ACT_CHDIR("/nowhere");
	struct spawn_template_begin *b = NULL;
	int pidfd;

	args.actions = (uintptr_t)&action;
	args.actions_len = i % 4 == 1;
	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	if (i % 4 == 2) {
		spawn_template_begin_drop(b);
		return;
	}
	if (spawn_template_begin_wait(b, &pidfd, NULL, 0) > 0)
		CHECK_EQ(test_wait(pidfd), 0);
	args.flags = 1ULL << 62;
	CHECK_EQ(spawn_template_begin(tfd, &args, sizeof(args), &b), -EINVAL);
}

static void nothing_grows_over_many_launches(void)
{
	int tfd = open_template(test_tool("tiny")), fds = test_count_fds();
	struct memory before, now;
	int n = growth_many("LAUNCHES", 4000);

	if (!test_has_clone3())
		TEST_SKIP("without clone3(2), begin waits for exec");
	for (int i = 0; i < 200; i++)
		launch_each_way(tfd, i);
	before = memory_now();
	for (int i = 0; i < n; i++) {
		launch_each_way(tfd, i);
		growth_progress(i + 1, n);
	}
	now = memory_now();
	memory_check(&before, &now, 2, 256);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(the_thread_goes_on_while_the_child_is_held),
	TEST_CASE(wait_blocks_until_exec),
	TEST_CASE(the_fd_works_with_epoll),
	TEST_CASE(many_are_under_way_at_once),
	TEST_CASE(arguments_are_copied),
	TEST_CASE(the_callers_descriptors_may_be_closed),
	TEST_CASE(only_wait_writes_outputs),
	TEST_CASE(a_pidfd_is_optional),
	TEST_CASE(all_actions_and_attributes_are_done),
	TEST_CASE(actions_work_among_many_fds),
	TEST_CASE(the_child_inherits_from_the_thread),
	TEST_CASE(signals_of_the_host_harm_no_launch),
	TEST_CASE(other_ids_are_set),
	TEST_CASE(fallbacks_do_all_actions_and_attributes),
	TEST_CASE(fallbacks_of_the_child_do_all_actions),
	TEST_CASE(a_failure_that_was_waited_for_is_told_at_once),
	TEST_CASE(failures_are_told_and_counted),
	TEST_CASE(a_failure_of_a_wrong_size_is_not_told),
	TEST_CASE(a_killed_child_is_told),
	TEST_CASE(a_child_that_would_dump_core_is_told),
	TEST_CASE(a_child_that_would_dump_core_without_futex_waitv_is_told),
	TEST_CASE(files_at_the_numbers_of_a_launch_stay_open),
	TEST_CASE(files_at_the_numbers_of_a_failed_launch_stay_open),
	TEST_CASE(a_changed_file_is_stale_before_there_is_a_child),
	TEST_CASE(a_changed_file_of_an_fd_is_stale),
	TEST_CASE(auto_refresh_makes_a_template_fresh),
	TEST_CASE(a_file_that_changes_under_way_is_stale),
	TEST_CASE(malformed_arguments_are_refused),
	TEST_CASE(the_oldest_size_is_accepted),
	TEST_CASE(begin_without_free_fds_fails_with_emfile),
	TEST_CASE(a_drop_under_way_leaves_nothing),
	TEST_CASE(a_drop_of_a_running_program_leaves_nothing),
	TEST_CASE(a_drop_at_any_moment_leaves_nothing),
	TEST_CASE(a_drop_works_without_signals_by_pidfd),
	TEST_CASE(a_killed_launch_is_told_by_wait),
	TEST_CASE(a_kill_of_a_running_program_is_a_launch),
	TEST_CASE(a_launch_goes_on_when_its_caller_ends),
	TEST_CASE(a_forked_child_leaves_the_launch_alone),
	TEST_CASE(a_forked_child_does_not_delay_the_launch),
	TEST_CASE(launches_and_forks_go_on_beside_each_other),
	TEST_CASE(launches_and_forks_take_turns_on_one_processor),
	TEST_CASE(a_launch_goes_on_where_a_fork_waits_for_its_caller),
	TEST_CASE(threads_launch_at_the_same_time),
	TEST_CASE(another_thread_may_wait_when_the_first_has_ended),
	TEST_CASE(threads_may_poll_and_kill_at_the_same_time),
	TEST_CASE_SECONDS(nothing_grows_over_many_launches, 120),
};
TEST_MAIN(cases)
