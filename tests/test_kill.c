/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn_template_kill(): what it accepts, what it answers, one child and whole
 * trees of launched programs, with and without a cgroup.
 */
#include "running.h"

#define KILL_TREE SPAWN_TEMPLATE_KILL_TREE
#define OTHER_UID 64126
#define CLOSED_FD 700

/* A launched "tree" that has marked, in a group of its own. */
struct launched {
	struct spawn_template_child child;
	struct life life;
};

static struct launched launch_with(char *const argv[], uint64_t flags,
				   int cgroup)
{
	struct launched l = { .child = { .cgroup_fd = cgroup } };
	struct spawn_template_spawn_args args = test_args(&l.child.pidfd, argv);

	args.flags = flags;
	if (cgroup >= 0) {
		args.flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
		args.cgroup_fd = cgroup;
	}
	life_open(&l.life, &args);
	l.child.pid = CHECK_OK(
		spawn_template_spawn(public_tree(), &args, sizeof(args)));
	CHECK(is_alive(life_pid(&l.life)));
	return l;
}

static struct launched launch(char *const argv[])
{
	return launch_with(argv, SPAWN_TEMPLATE_SPAWN_SETPGROUP, -1);
}

static int kill_one(const struct launched *l, int sig)
{
	return spawn_template_kill(&l->child, sig, 0);
}

static int kill_tree(const struct launched *l, int sig)
{
	return spawn_template_kill(&l->child, sig, KILL_TREE);
}

/* Return: the status of the child. Nothing of the tree is left. */
static int wait_all(struct launched *l)
{
	int status = test_wait(l->child.pidfd);

	CHECK(life_ends(&l->life, 2000));
	CHECK_SYS(close(l->life.fds[0]));
	return status;
}

/* ---- arguments ---- */

static void bad_arguments_are_refused(void)
{
	struct launched l = launch(TREE("mark", "pause"));
	struct spawn_template_child bad;
	const int signals[] = { -1, 65, 66, 1000, INT32_MAX, INT32_MIN };
	const int pids[] = { 0, -1, 1, getpid(), INT32_MIN };

	for (unsigned int tree = 0; tree < 2; tree++) {
		CHECK_EQ(spawn_template_kill(NULL, SIGTERM, tree), -EINVAL);
		for (size_t i = 0; i < TEST_COUNT(signals); i++)
			CHECK_EQ(
				spawn_template_kill(&l.child, signals[i], tree),
				-EINVAL);
		for (size_t i = 0; i < TEST_COUNT(pids); i++) {
			bad = l.child;
			bad.pid = pids[i];
			CHECK_EQ(spawn_template_kill(&bad, SIGTERM, tree),
				 -EINVAL);
		}
		bad = l.child;
		bad.size = 1;
		CHECK_EQ(spawn_template_kill(&bad, SIGTERM, tree), -EINVAL);
		bad = l.child;
		bad.cgroup_fd = -2;
		CHECK_EQ(spawn_template_kill(&bad, SIGTERM, tree), -EINVAL);
		for (unsigned int bit = 1; bit < 32; bit++)
			CHECK_EQ(spawn_template_kill(&l.child, SIGTERM,
						     tree | 1U << bit),
				 -EINVAL);
	}
	CHECK(is_alive(l.child.pid));
	CHECK_EQ(kill_one(&l, SIGKILL), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
}

static void bad_fds_are_refused(void)
{
	struct launched l = launch(TREE("mark", "pause"));
	struct spawn_template_child bad = l.child;
	const int fds[] = { -1, CLOSED_FD, 0, INT32_MAX };
	int plain = CHECK_SYS(open("/", O_RDONLY | O_CLOEXEC));
	int before = test_count_fds();

	for (size_t i = 0; i < TEST_COUNT(fds); i++) {
		bad.pidfd = fds[i];
		for (unsigned int tree = 0; tree < 2; tree++)
			CHECK_EQ(spawn_template_kill(&bad, SIGKILL, tree),
				 -EBADF);
	}
	bad = l.child;
	for (size_t i = 1; i < TEST_COUNT(fds); i++) {
		bad.cgroup_fd = fds[i];
		CHECK_EQ(spawn_template_kill(&bad, SIGKILL, KILL_TREE), -EBADF);
	}
	bad.cgroup_fd = plain; /* a directory, but of no cgroup */
	CHECK_EQ(spawn_template_kill(&bad, SIGKILL, KILL_TREE), -EBADF);
	CHECK_EQ(test_count_fds(), before);
	CHECK(is_alive(l.child.pid));
	CHECK_EQ(kill_one(&l, SIGKILL), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
}

static void every_signal_reaches_the_child(void)
{
	const int skip[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
			     SIGCHLD, SIGCONT, SIGURG,	SIGWINCH };

	for (int sig = 1; sig <= 64; sig++) {
		unsigned int tree = sig & 1 ? KILL_TREE : 0;
		struct launched l;
		bool ends = true;

		test_doing("signal %d", sig);
		for (size_t i = 0; i < TEST_COUNT(skip); i++)
			ends &= sig != skip[i];
		l = launch(TREE("mark", "pause"));
		CHECK_EQ(spawn_template_kill(&l.child, 0, tree), 0);
		CHECK_EQ(spawn_template_kill(&l.child, sig, tree), 0);
		if (!ends)
			CHECK_EQ(kill_tree(&l, SIGKILL), 0);
		CHECK_EQ(wait_all(&l), 128 + (ends ? sig : SIGKILL));
	}
}

/* ---- one child ---- */

static void a_kill_without_the_tree_leaves_grandchildren(void)
{
	struct launched l =
		launch(TREE("(", "mark", "pause", ")", "wait", "pause"));

	CHECK_EQ(kill_one(&l, SIGTERM), 0);
	CHECK(dies_within(l.child.pid, 2000));
	CHECK(!life_ends(&l.life, 50));
	/* the child has ended and is not waited for: it stands for its group */
	CHECK_EQ(kill_one(&l, 0), 0);
	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	CHECK(life_ends(&l.life, 2000));
	CHECK_EQ(kill_tree(&l, SIGKILL), -ESRCH);
	CHECK_EQ(kill_one(&l, 0), 0); /* kill(2) of a zombie does so */
	CHECK_EQ(waitpid(l.child.pid, NULL, 0), l.child.pid);
	CHECK_EQ(kill_one(&l, 0), -ESRCH);
	CHECK_EQ(kill_one(&l, SIGKILL), -ESRCH);
	CHECK_EQ(kill_tree(&l, SIGKILL), -ESRCH);
	CHECK_EQ(kill_tree(&l, 0), -ESRCH);
}

static void a_stopped_child_obeys_term_only_with_its_tree(void)
{
	struct launched l = launch(TREE("mark", "pause"));

	CHECK_EQ(kill_one(&l, SIGSTOP), 0);
	for (int i = 0; i < 2000 && test_process_state(l.child.pid) != 'T'; i++)
		sleep_ms(1);
	CHECK_EQ(test_process_state(l.child.pid), 'T');
	/* a stopped child does not see it; with the tree it is continued, too */
	CHECK_EQ(kill_one(&l, SIGTERM), 0);
	CHECK(!dies_within(l.child.pid, 50));
	CHECK_EQ(kill_tree(&l, SIGTERM), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGTERM);
}

static void without_right(void *arg)
{
	struct launched *l = arg;

	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_EQ(kill_one(l, SIGKILL), -EPERM);
	CHECK_EQ(kill_one(l, 0), -EPERM);
	CHECK_EQ(kill_tree(l, SIGKILL), -EPERM);
	CHECK_EQ(kill_tree(l, SIGTERM), -EPERM);
}

static void a_kill_without_the_right_fails_with_eperm(void)
{
	struct launched l;

	test_need_root();
	l = launch(TREE("(", "mark", "pause", ")", "pause"));
	test_in_child(without_right, &l);
	CHECK(is_alive(l.child.pid));
	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
}

static void kills_work_without_pidfd_send_signal(void)
{
	struct launched l = launch(TREE("(", "mark", "pause", ")", "pause"));
	struct launched two = launch(TREE("mark", "pause"));

	test_seccomp(SYS_pidfd_send_signal, ENOSYS);
	CHECK_EQ(kill_one(&two, SIGTERM), 0);
	CHECK_EQ(wait_all(&two), 128 + SIGTERM);
	CHECK_EQ(kill_tree(&l, SIGTERM), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGTERM);
}

/* ---- trees ---- */

#define TERM_IGNORED "ignore", "15"

static void kill_tree_reaches_groups_and_sessions_below(void)
{
	struct launched l = launch(TREE(TERM_IGNORED, "(", "(", "(", "setsid",
					"mark", "pause", ")", "pause", ")",
					"setpgrp", "pause", ")", "pause"));
	struct scene before = scene_now();

	CHECK_EQ(kill_tree(&l, 0), 0);
	CHECK_EQ(kill_tree(&l, SIGTERM), 0);
	CHECK(!life_ends(&l.life, 50));
	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	before.fds--; /* life_ends() has closed one */
	check_scene(&before);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
}

/* The child leads neither group nor session: only its descendants are killed. */
static void kill_tree_leaves_the_callers_group_alone(void)
{
	pid_t other = CHECK_SYS(fork());
	struct launched l;

	if (!other)
		for (;;)
			pause();
	l = launch_with(
		TREE("(", "(", "mark", "pause", ")", "pause", ")", "pause"), 0,
		-1);
	CHECK_EQ(getpgid(l.child.pid), getpgrp());
	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
	CHECK(is_alive(other));
	CHECK_SYS(kill(other, SIGKILL));
	CHECK_SYS(waitpid(other, NULL, 0));
}

static void kill_tree_ends_orphans_in_the_session(void)
{
	struct launched l =
		launch_with(TREE("(", "(", "setpgrp", TERM_IGNORED, "mark",
				 "pause", ")", ")", "pause"),
			    SPAWN_TEMPLATE_SPAWN_SETSID, -1);

	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	CHECK_EQ(wait_all(&l), 128 + SIGKILL);
}

static void kill_tree_ends_daemons_in_the_cgroup(void)
{
	int parent = make_cgroup(), dir;

	for (int path = 0; path < 2; path++) {
		struct launched l;
		int before;

		CHECK_SYS(mkdirat(parent, "run", 0755));
		dir = CHECK_SYS(openat(parent, "run",
				       (path ? O_PATH : O_RDONLY) | O_CLOEXEC));
		l = launch_with(TREE(TERM_IGNORED, "(", "daemon", "mark",
				     "pause", ")", "pause"),
				0, dir);
		before = test_count_fds();
		CHECK_EQ(kill_tree(&l, 0), 0);
		CHECK_EQ(kill_tree(&l, SIGTERM), 0);
		CHECK_EQ(kill_tree(&l, SIGKILL), 0);
		CHECK_EQ(test_count_fds(), before);
		CHECK_EQ(wait_all(&l), 128 + SIGKILL);
		l.child.pidfd = CHECK_SYS(dup(dir)); /* is no pidfd */
		CHECK_EQ(kill_tree(&l, SIGKILL), -EBADF);
		CHECK_SYS(close(l.child.pidfd));
		CHECK_SYS(close(dir));
		for (int i = 0; unlinkat(parent, "run", AT_REMOVEDIR); i++) {
			CHECK_EQ(errno, EBUSY);
			CHECK_LT(i, 1000);
			sleep_ms(1);
		}
	}
}

static void kill_tree_ends_what_a_reaped_child_left(void)
{
	int parent = make_cgroup(), dir;
	struct launched l;

	CHECK_SYS(mkdirat(parent, "run", 0755));
	dir = CHECK_SYS(openat(parent, "run", O_RDONLY | O_CLOEXEC));
	l = launch_with(TREE("(", TERM_IGNORED, "daemon", "mark", "pause", ")"),
			0, dir);
	CHECK_EQ(waitpid(l.child.pid, NULL, 0), l.child.pid);
	CHECK_EQ(kill_tree(&l, SIGTERM), 0);
	CHECK_EQ(kill_tree(&l, SIGKILL), 0);
	CHECK(life_ends(&l.life, 2000));
	/* a dying process closes its fds before it leaves the cgroup */
	for (int i = 0; i < 10000 && kill_tree(&l, 0) == 0; i++)
		sleep_ms(1);
	CHECK_EQ(kill_tree(&l, SIGKILL), -ESRCH);
}

/* ---- threads ---- */

static void *kill_in_thread(void *arg)
{
	int ret;

	do {
		ret = kill_tree(arg, SIGTERM);
		CHECK(ret == 0 || ret == -ESRCH);
	} while (ret == 0);
	return NULL;
}

/* The first thread ends the tree, the others find less and then nothing. */
static void several_threads_may_kill_a_tree_at_once(void)
{
	for (int i = 0; i < 5; i++) {
		struct launched l =
			launch(TREE("(", "(", "setsid", "pause", ")", "setsid",
				    "mark", "pause", ")", "pause"));
		pthread_t threads[4];

		for (size_t j = 0; j < TEST_COUNT(threads); j++)
			threads[j] = start_thread(kill_in_thread, &l);
		for (size_t j = 0; j < TEST_COUNT(threads); j++)
			join_thread(threads[j]);
		CHECK_EQ(wait_all(&l), 128 + SIGTERM);
	}
}

static const struct test_case cases[] = {
	TEST_CASE(bad_arguments_are_refused),
	TEST_CASE(bad_fds_are_refused),
	TEST_CASE_SECONDS(every_signal_reaches_the_child, 60),
	TEST_CASE(a_kill_without_the_tree_leaves_grandchildren),
	TEST_CASE(a_stopped_child_obeys_term_only_with_its_tree),
	TEST_CASE(a_kill_without_the_right_fails_with_eperm),
	TEST_CASE(kills_work_without_pidfd_send_signal),
	TEST_CASE(kill_tree_reaches_groups_and_sessions_below),
	TEST_CASE(kill_tree_leaves_the_callers_group_alone),
	TEST_CASE(kill_tree_ends_orphans_in_the_session),
	TEST_CASE(kill_tree_ends_daemons_in_the_cgroup),
	TEST_CASE(kill_tree_ends_what_a_reaped_child_left),
	TEST_CASE(several_threads_may_kill_a_tree_at_once),
};
TEST_MAIN(cases)
