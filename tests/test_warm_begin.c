/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches that are begun take prepared processes, too. */
#include "harness.h"
#include "warming.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define OVER_MS 10000

static bool ends(struct spawn_template_begin *b, int ms)
{
	struct pollfd entry = { .events = POLLIN };

	entry.fd = CHECK_OK(spawn_template_begin_fd(b));
	return poll(&entry, 1, ms) == 1;
}

static struct spawn_template_begin *begin(int tfd,
					  struct spawn_template_spawn_args args)
{
	struct spawn_template_begin *b;

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	return b;
}

/* Return: the launch of a probe that exits with 7. */
static struct spawn_template_begin *begin_probe(int tfd)
{
	return begin(tfd, test_args(NULL, TEST_ARGV("probe", "exit", "7")));
}

static char *fifo(void)
{
	char *path = test_path("fifo");

	if (mkfifo(path, 0600) < 0)
		CHECK_EQ(errno, EEXIST);
	return path;
}

/* The arguments of a launch whose child waits until the fifo is opened. */
#define HELD_ARGS(args)                                                     \
	struct spawn_template_spawn_args args =                             \
		test_args(NULL, TEST_ARGV("probe", "exit", "7"));           \
	TEST_ACTIONS(&args, \
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(fifo(), O_RDONLY, 0, 0)))

static void let_go(void)
{
	int fd = CHECK_SYS(open(fifo(), O_WRONLY));

	CHECK_SYS(close(fd));
}

static void check_ends(struct spawn_template_begin *b)
{
	int pidfd;

	CHECK(ends(b, OVER_MS));
	CHECK_OK(spawn_template_begin_wait(b, &pidfd, NULL, 0));
	CHECK_EQ(test_wait(pidfd), 7);
}

/* The keeper closes what a launch has used up, and prepares the next. */
static void await_fds(int tfd, int fds)
{
	for (int i = 0; i < 1000 && test_count_fds() > fds; i++)
		nap();
	CHECK_LE(test_count_fds(), fds);
	CHECK_WARM(tfd, check_ends(begin_probe(tfd)));
}

static void begins(int tfd)
{
	struct spawn_template_begin *b;
	int fds;

	CHECK_WARM(tfd, check_ends(begin_probe(tfd)));
	await_ready(tfd);
	fds = test_count_fds();
	CHECK_WARM(tfd, {
		b = begin_probe(tfd);
		CHECK(ends(b, OVER_MS)); /* else it may be killed before */
		spawn_template_begin_drop(b);
	});
	await_fds(tfd, fds);
}

static void a_begun_launch_is_served_warm(void)
{
	each_mode(begins);
}

/* The library's own descriptors have free numbers, which the child's may have. */
static void begins_with_numbers(int tfd)
{
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe", "exit", "7"));
	int from;

	CHECK_WARM(tfd, check_ends(begin_probe(tfd)));
	await_ready(tfd);
	from = CHECK_SYS(dup(0));
	CHECK_SYS(close(from));
	TEST_ACTIONS(&args, ACT_DUP2(0, from), ACT_DUP2(0, from + 1),
		     ACT_DUP2(0, from + 2));
	CHECK_WARM(tfd, check_ends(begin(tfd, args)));
}

static void a_begun_launch_may_name_free_numbers(void)
{
	each_mode(begins_with_numbers);
}

static void goes_on(int tfd)
{
	struct spawn_template_begin *b;

	HELD_ARGS(args);
	CHECK_WARM(tfd, {
		b = begin(tfd, args);
		CHECK(!ends(b, 20));
		let_go();
		check_ends(b);
	});
}

static void the_caller_of_a_begun_launch_goes_on(void)
{
	each_mode(goes_on);
}

static void fails_to_begin(int tfd)
{
	struct spawn_template_action action = ACT_CHDIR("/none");
	char *argv[] = { "probe", NULL };
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *b = NULL;
	int fds, ret;

	args.failure = (uintptr_t)&failure;
	args.actions = (uintptr_t)&action;
	args.actions_len = 1;
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
	await_ready(tfd);
	fds = test_count_fds();
	ret = spawn_template_begin(tfd, &args, sizeof(args), &b);
	if (ret > 0) {
		CHECK(ends(b, OVER_MS));
		ret = spawn_template_begin_wait(b, NULL, &failure,
						sizeof(failure));
	}
	CHECK_EQ(ret, -ENOENT);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	await_fds(tfd, fds);
}

static void a_begun_launch_that_fails_warm_tells_where(void)
{
	each_mode(fails_to_begin);
}

/* Begins a launch whose child is held. *fds: how many were open before. */
static struct spawn_template_begin *begin_held(int tfd, int *fds)
{
	struct spawn_template_begin *b;

	HELD_ARGS(args);
	CHECK_WARM(tfd, check_ends(begin_probe(tfd)));
	await_ready(tfd);
	*fds = test_count_fds();
	b = begin(tfd, args);
	CHECK(!ends(b, 20));
	return b;
}

static void kills(int tfd)
{
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_begin *b;
	int fds;

	b = begin_held(tfd, &fds);
	CHECK_EQ(spawn_template_begin_kill(b), 0);
	CHECK(ends(b, OVER_MS));
	CHECK_EQ(spawn_template_begin_wait(b, NULL, &failure, sizeof(failure)),
		 -ECHILD);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	await_fds(tfd, fds);
}

static void a_begun_warm_launch_can_be_killed(void)
{
	each_mode(kills);
}

#define NUMBERS 64

/* Has a file of the host at each number that the library has. */
static void take_numbers(int file)
{
	for (int fd = 3; fd < NUMBERS; fd++)
		CHECK_SYS(dup3(file, fd, O_CLOEXEC));
}

/* Two follow each other: the second has one more process forked when it is over. */
static void loses_its_numbers(int tfd)
{
	int file = CHECK_SYS(memfd_create("host", MFD_CLOEXEC)), pidfd;
	struct spawn_template_begin *b[2];
	pid_t helper;

	HELD_ARGS(args);
	file = CHECK_SYS(fcntl(file, F_DUPFD_CLOEXEC, NUMBERS));
	for (int i = 0; i < 2; i++)
		b[i] = begin(tfd, args);
	CHECK(!ends(b[0], 20));
	take_numbers(file);
	helper = CHECK_SYS(fork());
	if (!helper) {
		usleep(50000);
		CHECK_SYS(open(fifo(), O_RDWR));
		for (;;) /* a child may not have come to its open yet */
			pause();
	}
	for (int i = 0; i < 2; i++) {
		CHECK_OK(spawn_template_begin_wait(b[i], &pidfd, NULL, 0));
		CHECK_EQ(test_wait(pidfd), 7);
	}
	CHECK_SYS(kill(helper, SIGKILL));
	CHECK_EQ(CHECK_SYS(waitpid(helper, NULL, 0)), helper);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 0);
	CHECK_EQ(lseek(file, 0, SEEK_END), 0);
	for (int fd = 3; fd < NUMBERS; fd++)
		CHECK_SYS(close(fd));
	CHECK_SYS(close(file));
}

/* It closes all that it does not know, and its own files get the numbers. */
static void a_host_may_take_the_numbers_of_a_warm_launch(void)
{
	each_mode(loses_its_numbers);
}

static void drops(int tfd)
{
	struct spawn_template_begin *b;
	int fds;

	b = begin_held(tfd, &fds);
	spawn_template_begin_drop(b);
	await_fds(tfd, fds);
}

static void a_drop_of_a_warm_launch_under_way_leaves_nothing(void)
{
	each_mode(drops);
}

/* More than can be under way from one process: the rest is cold. */
static void outlive(int tfd)
{
	struct spawn_template_begin *b[20];

	HELD_ARGS(args);
	for (size_t i = 0; i < TEST_COUNT(b); i++)
		b[i] = begin(tfd, args);
	CHECK_OK(spawn_template_close(tfd));
	for (size_t i = 0; i < TEST_COUNT(b); i++) {
		CHECK_EQ(spawn_template_begin_kill(b[i]), 0);
		spawn_template_begin_drop(b[i]);
	}
}

static void begun_launches_outlive_their_template(void)
{
	each_mode(outlive);
}

static void wait_inherited(void *arg)
{
	int pidfd = -7, fds = test_count_fds();

	CHECK_EQ(spawn_template_begin_fd(arg), -EACCES);
	CHECK_EQ(spawn_template_begin_wait(arg, &pidfd, NULL, 0), -EACCES);
	CHECK_EQ(pidfd, -7);
	CHECK_EQ(test_count_fds(), fds);
}

static void leaves_alone(int tfd)
{
	struct spawn_template_begin *b;

	HELD_ARGS(args);
	CHECK_WARM(tfd, {
		b = begin(tfd, args);
		test_in_child(wait_inherited, b);
		let_go();
		check_ends(b);
	});
}

static void a_forked_child_leaves_a_warm_launch_alone(void)
{
	each_mode(leaves_alone);
}

#define FORKS 400

struct forker {
	_Atomic bool stop;
	pid_t pid[FORKS];
	int n;
};

/* Makes children that do not exec, and live on. */
static void *fork_on(void *arg)
{
	struct forker *f = arg;

	while (!atomic_load(&f->stop) && f->n < FORKS) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid > 0)
			f->pid[f->n++] = pid;
	}
	return NULL;
}

/* None of the children has the end of the pipe: it would be open on. */
static void forks_do_not_delay_a_warm_launch(void)
{
	int tfd = ready_probe(FORK);
	struct forker f = { .stop = false };
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fork_on, &f), 0);
	for (int i = 0; i < 150; i++)
		check_ends(begin_probe(tfd));
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	CHECK_GT(f.n, 0);
	while (f.n--) {
		CHECK_SYS(kill(f.pid[f.n], SIGKILL));
		CHECK_EQ(waitpid(f.pid[f.n], NULL, 0), f.pid[f.n]);
	}
}

static void begins_cold(int tfd)
{
	char *argv[] = { "another", "exit", "7", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct spawn_template_begin *b;

	CHECK_OK(spawn_template_begin(tfd, &args, sizeof(args), &b));
	spawn_template_begin_drop(b);
}

static void goes_cold_when_begun(int tfd)
{
	int fds;

	await_ready(tfd);
	fds = test_count_fds();
	CHECK_COLD(tfd, ARGV0, begins_cold(tfd));
	CHECK_LE(test_count_fds(), fds);
}

static void a_begun_launch_that_fits_no_process_is_cold(void)
{
	each_mode(goes_cold_when_begun);
}

static const struct test_case cases[] = {
	TEST_CASE(a_begun_launch_is_served_warm),
	TEST_CASE(a_begun_launch_may_name_free_numbers),
	TEST_CASE(the_caller_of_a_begun_launch_goes_on),
	TEST_CASE(a_begun_launch_that_fails_warm_tells_where),
	TEST_CASE(a_begun_warm_launch_can_be_killed),
	TEST_CASE(a_host_may_take_the_numbers_of_a_warm_launch),
	TEST_CASE(a_drop_of_a_warm_launch_under_way_leaves_nothing),
	TEST_CASE(begun_launches_outlive_their_template),
	TEST_CASE(a_forked_child_leaves_a_warm_launch_alone),
	TEST_CASE(forks_do_not_delay_a_warm_launch),
	TEST_CASE(a_begun_launch_that_fits_no_process_is_cold),
};
TEST_MAIN(cases)
