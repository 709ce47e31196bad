/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another thread keeps giving the template's fd number to other files while
 * launches go on. A launch may fail then, but never runs the wrong file.
 *
 * The right file exits with 0, the wrong one with 7.
 */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define ARGV TEST_ARGV("tiny")
#define LAUNCHES 1600

/* Only the swapper uses this number: all other fds are lower. */
#define NUMBER 120

/* ---- the thread that swaps ---- */

struct swapper {
	pthread_t thread;
	atomic_bool stop;
	atomic_long swaps;
	bool closes; /* leaves the number free at times */
	int right; /* a dup of the template */
	int wrong[4];
};

static void *swap(void *arg)
{
	struct swapper *s = arg;

	for (unsigned int i = 0; !atomic_load(&s->stop); i++) {
		CHECK_EQ(dup2(s->wrong[i % 4], NUMBER), NUMBER);
		if (s->closes && i % 3 == 0)
			close(NUMBER);
		CHECK_EQ(dup2(s->right, NUMBER), NUMBER);
		atomic_fetch_add(&s->swaps, 1);
	}
	return NULL;
}

/* Moves the template to NUMBER and lets the thread loose. */
static void start(struct swapper *s, int tfd)
{
	const char *wrong = test_tool("tiny-7");
	int fds[2];

	CHECK_NE(tfd, NUMBER);
	CHECK_SYS(dup2(tfd, NUMBER));
	CHECK_EQ(test_spawn(NUMBER, ARGV), 0);
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
	s->right = tfd;
	s->wrong[0] = CHECK_SYS(open(wrong, O_PATH | O_CLOEXEC));
	s->wrong[1] = CHECK_SYS(open(wrong, O_RDONLY | O_CLOEXEC));
	s->wrong[2] = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	s->wrong[3] = fds[0];
	atomic_store(&s->stop, false);
	atomic_store(&s->swaps, 0);
	CHECK_EQ(pthread_create(&s->thread, NULL, swap, s), 0);
}

static void finish(struct swapper *s)
{
	atomic_store(&s->stop, true);
	CHECK_EQ(pthread_join(s->thread, NULL), 0);
	CHECK_EQ(test_spawn(NUMBER, ARGV), 0);
	CHECK(test_no_children());
}

/* ---- launching meanwhile ---- */

static void check_result(int ret)
{
	if (ret != -EACCES && ret != -EINVAL && ret != -EBADF && ret != -ESTALE)
		CHECK_EQ(ret, 0);
}

/* Launches until enough of the launches went well and enough were refused. */
static void launch_many(int tfd, uint64_t flags, bool closes)
{
	struct swapper s = { .closes = closes };
	struct spawn_template_spawn_args args = test_args(NULL, ARGV);
	int right = 0, refused = 0;

	args.flags = flags;
	args.uid = getuid();
	start(&s, tfd);
	while (right + refused < LAUNCHES || right < 300 || refused < 50) {
		int ret = test_spawn_args(NUMBER, args);

		check_result(ret);
		right += ret == 0;
		refused += ret < 0;
	}
	CHECK_GT(atomic_load(&s.swaps), 1000);
	finish(&s);
}

static int path_template(uint64_t flags)
{
	return CHECK_OK(spawn_template_open(
		test_tool("tiny"), flags | SPAWN_TEMPLATE_CREATE_CLOEXEC));
}

static int fd_template(uint64_t flags)
{
	int fd = CHECK_SYS(open(test_tool("tiny"), O_PATH | O_CLOEXEC));
	struct spawn_template_create_args args = {
		.flags = flags | SPAWN_TEMPLATE_CREATE_CLOEXEC,
		.execfd = fd,
	};
	int tfd = CHECK_OK(spawn_template_create(&args, sizeof(args)));

	CHECK_SYS(close(fd));
	return tfd;
}

static void a_path_template_never_runs_the_wrong_file(void)
{
	launch_many(path_template(0), 0, true);
}

static void an_fd_template_never_runs_the_wrong_file(void)
{
	launch_many(fd_template(0), 0, true);
}

static void auto_refresh_never_runs_the_wrong_file(void)
{
	launch_many(fd_template(SPAWN_TEMPLATE_CREATE_AUTO_REFRESH), 0, true);
}

static void inherit_fds_never_runs_the_wrong_file(void)
{
	launch_many(path_template(0), SPAWN_TEMPLATE_SPAWN_INHERIT_FDS, true);
}

static void a_child_with_own_memory_never_runs_the_wrong_file(void)
{
	launch_many(path_template(0), SPAWN_TEMPLATE_SPAWN_SETUID, true);
}

/*
 * With many fds a launch begins on a shared table. The swapper never closes the
 * number: no lower one is free, so that a pidfd would take it.
 */
static void many_fds_never_run_the_wrong_file(void)
{
	int tfd = path_template(0);

	for (int fd = NUMBER + 1; fd < 900; fd++)
		CHECK_SYS(fcntl(tfd, F_DUPFD_CLOEXEC, fd));
	for (int fd = 3; fd < 300; fd++) {
		if (fd != NUMBER && fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	}
	launch_many(tfd, 0, false);
}

/* A launch takes the steps that old kernels and sandboxes leave. */
static void the_fallbacks_never_run_the_wrong_file(void)
{
	test_seccomp(SYS_clone3, ENOSYS);
	test_seccomp(SYS_close_range, ENOSYS);
	test_seccomp_arg(SYS_clone, 0, 0x1000 /* CLONE_PIDFD */, 0x1000,
			 EINVAL);
	launch_many(path_template(0), 0, true);
}

static void execve_never_runs_the_wrong_file(void)
{
	int tfd = path_template(0);

	test_seccomp(SYS_execveat, ENOSYS);
	launch_many(tfd, 0, true);
}

/* ---- refreshing meanwhile ---- */

/* Refresh takes its own file anew, not the one at the number by chance. */
static void refresh_many(int tfd)
{
	int right = 0, refused = 0, refreshed = 0;
	struct swapper s = { .closes = true };

	start(&s, tfd);
	while (right + refused < LAUNCHES || right < 300 || refused < 50 ||
	       refreshed < 20) {
		int ret = spawn_template_refresh(NUMBER);

		if (ret != -ENOENT) /* gone between two steps */
			check_result(ret);
		refreshed += ret == 0;
		ret = test_spawn(NUMBER, ARGV);
		check_result(ret);
		right += ret == 0;
		refused += ret < 0;
	}
	finish(&s);
}

static void refresh_of_a_path_never_takes_the_wrong_file(void)
{
	refresh_many(path_template(0));
}

static void refresh_of_an_fd_never_takes_the_wrong_file(void)
{
	refresh_many(fd_template(0));
}

/* ---- asking meanwhile ---- */

static void check_and_stat_never_tell_of_the_wrong_file(void)
{
	int tfd = path_template(0), good = 0;
	struct spawn_template_stat st;
	struct swapper s = { .closes = true };
	struct stat file;

	CHECK_SYS(stat(test_tool("tiny"), &file));
	start(&s, tfd);
	for (int i = 0; i < 5 * LAUNCHES; i++) {
		int ret = spawn_template_stat(NUMBER, &st, sizeof(st));

		check_result(ret);
		check_result(spawn_template_check(NUMBER));
		if (ret)
			continue;
		CHECK_EQ(st.key.ino, file.st_ino);
		CHECK_STR(st.path, test_tool("tiny"));
		good++;
	}
	CHECK_GT(good, 0);
	finish(&s);
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(a_path_template_never_runs_the_wrong_file, 60),
	TEST_CASE_SECONDS(an_fd_template_never_runs_the_wrong_file, 60),
	TEST_CASE_SECONDS(auto_refresh_never_runs_the_wrong_file, 60),
	TEST_CASE_SECONDS(inherit_fds_never_runs_the_wrong_file, 60),
	TEST_CASE_SECONDS(a_child_with_own_memory_never_runs_the_wrong_file,
			  60),
	TEST_CASE_SECONDS(many_fds_never_run_the_wrong_file, 60),
	TEST_CASE_SECONDS(the_fallbacks_never_run_the_wrong_file, 60),
	TEST_CASE_SECONDS(execve_never_runs_the_wrong_file, 60),
	TEST_CASE_SECONDS(refresh_of_a_path_never_takes_the_wrong_file, 60),
	TEST_CASE_SECONDS(refresh_of_an_fd_never_takes_the_wrong_file, 60),
	TEST_CASE_SECONDS(check_and_stat_never_tell_of_the_wrong_file, 60),
};
TEST_MAIN(cases)
