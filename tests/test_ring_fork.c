/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings and processes: a forked child has no part in its parent's ring and may
 * have its own; programs inherit nothing of a ring. Children with DIE_WITH_PARENT
 * die when the process ends, whatever it is doing, and neither with the ring nor
 * with the thread that asked for them.
 */
#include "rings.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#define QUIET_LOOKS 3

#define DIE_WITH_PARENT SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT

/* ---- the child of a fork ---- */

static bool other_threads_sleep(void)
{
	DIR *dir = opendir("/proc/self/task");
	bool quiet = true;

	CHECK(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		pid_t tid = (pid_t)atoi(d->d_name);
		char state;

		if (tid <= 0 || tid == gettid())
			continue;
		state = test_process_state(tid);
		quiet = quiet && (state == 'S' || !state);
	}
	closedir(dir);
	return quiet;
}

/*
 * Runs a function in a forked child. AddressSanitizer's allocator has locks that
 * fork does not look after, so under it the process forks while the library's
 * threads are asleep and hold none. a_fork_at_any_moment_harms_nothing does not
 * wait for that, and runs under no sanitizer.
 */
static void in_child(void (*fn)(void *), void *arg)
{
	int quiet = 0;

	while (TEST_SANITIZED && !TEST_TSAN && quiet < QUIET_LOOKS) {
		quiet = other_threads_sleep() ? quiet + 1 : 0;
		sleep_ms(2);
	}
	test_in_child(fn, arg);
}

struct both {
	struct spawn_template_ring *ring;
	int tfd;
};

static void use_foreign(struct spawn_template_ring *ring, int tfd)
{
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	struct spawn_template_cqe *cqe = (void *)&cqe;

	CHECK_EQ(spawn_template_ring_fd(ring), -EACCES);
	CHECK_EQ(spawn_template_ring_run(ring, tfd, &args, sizeof(args), 1),
		 -EACCES);
	CHECK_EQ(spawn_template_ring_spawn(ring, tfd, &args.spawn,
					   sizeof(args.spawn), 1),
		 -EACCES);
	CHECK_EQ(spawn_template_ring_submit(ring), -EACCES);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), -EACCES);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, -1), -EACCES);
	CHECK(cqe == (void *)&cqe);
	CHECK_EQ(spawn_template_ring_cancel(ring, 1), -EACCES);
}

static void every_call_is_refused(void *arg)
{
	struct both *b = arg;

	use_foreign(b->ring, b->tfd);
	use_foreign(b->ring, template_of("tiny"));
}

static void a_forked_childs_copy_is_inert(void)
{
	struct both b = { ring_new(8, 2), tree_template() };

	in_child(every_call_is_refused, &b);
	queue_run(b.ring, b.tfd, TREE("sleep", "100", "exit", "3"), 1);
	in_child(every_call_is_refused, &b);
	spawn_template_ring_submit(b.ring);
	in_child(every_call_is_refused, &b);
	CHECK_EQ(take_run_code(b.ring, 1), 3);
	in_child(every_call_is_refused, &b);
	spawn_template_ring_exit(b.ring);
}

static void exit_foreign(void *arg)
{
	struct both *b = arg;
	int fds = test_count_fds();
	uint64_t start = now_ms();

	spawn_template_ring_exit(b->ring);
	CHECK_LE(now_ms() - start, at_most_ms(1500));
	CHECK_LT(test_count_fds(), fds);
}

/* The child frees its copy, and the parent's ring goes on. */
static void exit_in_the_child_harms_nothing(void)
{
	struct both b = { ring_new(32, 2), tree_template() };
	int fd = spawn_template_ring_fd(b.ring);

	for (int i = 0; i < 10; i++) {
		queue_run(b.ring, b.tfd, TREE("sleep", "150", "exit", "3"), 1);
		queue_run(b.ring, b.tfd, TREE("sleep", "10", "exit", "3"), 1);
		if (i % 2)
			spawn_template_ring_submit(b.ring);
		in_child(exit_foreign, &b);
	}
	for (int i = 0; i < 20; i++) {
		if (i % 2)
			CHECK(is_readable(fd, 10000));
		CHECK_EQ(take_run_code(b.ring, 1), 3);
	}
	check_none(b.ring);
	in_child(exit_foreign, &b);
	queue_run(b.ring, b.tfd, TREE("exit", "4"), 2);
	CHECK_EQ(take_run_code(b.ring, 2), 4);
	spawn_template_ring_exit(b.ring);
	CHECK(test_no_children());
}

static void exit_foreign_idle(void *arg)
{
	struct both *b = arg;

	spawn_template_ring_exit(b->ring);
	CHECK_EQ(test_count_fds(), b->tfd);
}

static void exit_in_the_child_closes_its_fds(void)
{
	struct both b = { .tfd = test_count_fds() };

	b.ring = ring_new(8, 2);
	in_child(exit_foreign_idle, &b);
	spawn_template_ring_exit(b.ring);
	CHECK_EQ(test_count_fds(), b.tfd);
}

/* ---- a host that closes descriptors by number ---- */

#define OWN_FILES 24

/* Close all but the standard files; files of the host have all their numbers. */
static void take_all_numbers(void)
{
	CHECK_EQ(syscall(SYS_close_range, 3, ~0U, 0), 0);
	for (int fd = 3; fd < OWN_FILES; fd++) {
		int epoll = fd % 2;

		/* as an event loop has */
		CHECK_EQ(CHECK_SYS(epoll ? epoll_create1(EPOLL_CLOEXEC)
					 : eventfd(0, EFD_NONBLOCK)),
			 fd);
	}
}

/* Nobody has closed or written to them. */
static void check_own_files(void)
{
	uint64_t n;

	for (int fd = 3; fd < OWN_FILES; fd++) {
		CHECK_SYS(fcntl(fd, F_GETFD));
		CHECK_EQ(read(fd, &n, sizeof(n)), -1);
		CHECK_EQ(errno, fd % 2 ? EINVAL : EAGAIN);
	}
}

static void exit_among_own_files(void *arg)
{
	struct both *b = arg;

	take_all_numbers();
	spawn_template_ring_exit(b->ring);
	check_own_files();
}

static void exit_in_a_child_leaves_its_own_files_open(void)
{
	struct both b = { ring_new(8, 2), tree_template() };

	queue_run(b.ring, b.tfd, TREE("exit", "3"), 1);
	CHECK_EQ(take_run_code(b.ring, 1), 3);
	in_child(exit_among_own_files, &b);
	queue_run(b.ring, b.tfd, TREE("exit", "4"), 1);
	CHECK_EQ(take_run_code(b.ring, 1), 4);
	spawn_template_ring_exit(b.ring);
}

/* Use a ring whose descriptors are others' files now, then a new one. */
static void use_closed(void *arg)
{
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_cqe *cqe;
	uint64_t start;
	int tfd;

	(void)arg;
	queue_run(ring, tree_template(), TREE("exit", "3"), 1);
	CHECK_EQ(take_run_code(ring, 1), 3);
	take_all_numbers();
	tfd = tree_template();
	CHECK_EQ(spawn_template_ring_fd(ring), -EBADF);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, -1), -EBADF);
	queue_run(ring, tfd, TREE("exit", "3"), 2);
	CHECK_EQ(spawn_template_ring_submit(ring), -EBADF);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), -EBADF);
	CHECK_EQ(spawn_template_ring_cancel(ring, 2), 1);
	CHECK_EQ(spawn_template_ring_wait(ring, &cqe, -1), 0);
	CHECK_EQ(cqe->res, -ECANCELED);
	start = now_ms();
	spawn_template_ring_exit(ring);
	CHECK_LE(now_ms() - start, at_most_ms(1000));
	check_own_files();
	ring = ring_new(8, 2);
	queue_run(ring, tfd, TREE("exit", "5"), 3);
	CHECK_EQ(take_run_code(ring, 3), 5);
	spawn_template_ring_exit(ring);
	check_own_files();
}

static void a_ring_whose_fds_were_closed_is_refused(void)
{
	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer allows no threads in such a child");
	test_in_child(use_closed, NULL);
}

/* ---- more of the child of a fork ---- */

static void make_own(void *arg)
{
	struct both *b = arg;
	struct spawn_template_ring *own = ring_new(8, 2);
	int tfd = tree_template();

	for (int i = 0; i < 20; i++) {
		queue_run(own, tfd, TREE("say", "own", "exit", "6"), 5);
		CHECK_EQ(take_run_code(own, 5), 6);
	}
	use_foreign(b->ring, tfd);
	queue_run(own, tfd, TREE("pause"), 5);
	spawn_template_ring_submit(own);
	spawn_template_ring_exit(b->ring);
	CHECK_EQ(spawn_template_ring_cancel(own, 5), 1);
	spawn_template_ring_seen(own, ring_take_of(own, 5));
	queue_spawn(own, tfd, TREE("exit", "7"), 6);
	CHECK_EQ(reap_spawn(own, ring_take_of(own, 6)), 7);
	spawn_template_ring_exit(own);
	CHECK(test_no_children());
}

static void a_child_may_have_a_ring_of_its_own(void)
{
	struct both b = { .tfd = tree_template() };

	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer allows no threads in such a child");
	b.ring = ring_new(8, 2);
	queue_run(b.ring, b.tfd, TREE("sleep", "300", "exit", "3"), 1);
	spawn_template_ring_submit(b.ring);
	in_child(make_own, &b);
	CHECK_EQ(take_run_code(b.ring, 1), 3);
	spawn_template_ring_exit(b.ring);
	/* the parent's ring and threads have been used before */
	b.ring = ring_new(8, 2);
	in_child(make_own, &b);
	spawn_template_ring_exit(b.ring);
}

struct storm {
	struct spawn_template_ring *ring;
	int tfd;
	atomic_bool done;
	atomic_int completed;
};

static void *keep_busy(void *arg)
{
	struct storm *s = arg;

	while (!atomic_load(&s->done)) {
		for (int i = 0; i < 4; i++)
			queue_run(s->ring, s->tfd, TREE("say", "x"), 1);
		for (int i = 0; i < 4; i++) {
			CHECK_EQ(take_run_code(s->ring, 1), 0);
			atomic_fetch_add(&s->completed, 1);
		}
	}
	return NULL;
}

static void own_ring_in_a_storm(void *arg)
{
	struct storm *s = arg;
	struct spawn_template_ring *own = ring_new(4, 1);

	CHECK_EQ(spawn_template_ring_submit(s->ring), -EACCES);
	spawn_template_ring_exit(s->ring);
	queue_run(own, tree_template(), TREE("exit", "2"), 1);
	CHECK_EQ(take_run_code(own, 1), 2);
	spawn_template_ring_exit(own);
}

/* The library's threads may hold locks when the process forks. */
static void a_fork_at_any_moment_harms_nothing(void)
{
	struct storm s = { .tfd = tree_template() };
	pthread_t thread;

	if (TEST_SANITIZED)
		TEST_SKIP("a sanitizer's locks are no good in such a child");
	s.ring = ring_new(8, 2);
	thread = start_thread(keep_busy, &s);
	for (int i = 0; i < 100; i++)
		test_in_child(own_ring_in_a_storm, &s);
	while (atomic_load(&s.completed) < 20)
		sleep_ms(1);
	atomic_store(&s.done, true);
	join_thread(thread);
	check_none(s.ring);
	spawn_template_ring_exit(s.ring);
	CHECK(test_no_children());
}

/* ---- exec ---- */

/* Execs while the library is at work: all its fds are close-on-exec. */
static void exec_probe(void *arg)
{
	struct spawn_template_ring *ring = ring_new(16, 2);
	char *const argv[] = { "probe", "out", arg, "fds", NULL };
	int tfd = tree_template();

	for (int i = 0; i < 4; i++) {
		struct spawn_template_run_args args =
			run_args(TREE("sleep", "200"));
		static char input[1 << 20];

		args.input = (uintptr_t)input;
		args.input_len = sizeof(input);
		args.timeout_ns = 100 * SECOND;
		queue_run_args(ring, tfd, &args, 1);
		queue_spawn(ring, tfd, TREE("sleep", "200"), 2);
	}
	spawn_template_ring_submit(ring);
	sleep_ms(50);
	execv(test_tool("probe"), argv);
	CHECK(false);
}

static void exec_inherits_nothing(void)
{
	char *path = test_path("out"), *text;

	test_in_child(exec_probe, path);
	text = test_read(path);
	CHECK_HAS(text, "fd.2=");
	for (int fd = 4; fd < 40; fd++)
		CHECK_HAS_NOT(text, test_fmt("fd.%d=", fd));
	/* the file that it writes to */
	CHECK_STR(test_value(text, "fd.3"), path);
}

/* ---- children that die with the process ---- */

struct host {
	struct life life;
	struct spawn_template_run_args args;
	int told[2]; /* a byte: the host has done its part */
};

static void host_begin(struct host *h, char *const argv[], uint64_t flags)
{
	h->args = run_args(argv);
	h->args.spawn.flags = flags;
	life_open(&h->life, &h->args.spawn);
	CHECK_SYS(pipe2(h->told, O_CLOEXEC));
}

static void host_tells(struct host *h)
{
	CHECK_EQ(CHECK_SYS(write(h->told[1], "", 1)), 1);
}

static void host_is_told(struct host *h)
{
	char c;

	CHECK(is_readable(h->told[0], (int)at_most_ms(20000)));
	CHECK_EQ(CHECK_SYS(read(h->told[0], &c, 1)), 1);
}

static void *spawn_and_end(void *arg)
{
	struct host *h = arg;
	struct spawn_template_ring *ring = ring_new(8, 2);

	for (int i = 0; i < 3; i++)
		queue_spawn_args(ring, tree_template(), &h->args.spawn, 1);
	for (int i = 0; i < 3; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
	return NULL;
}

static void outlive_thread_and_ring(struct host *h)
{
	join_thread(start_thread(spawn_and_end, h));
	host_tells(h);
	for (;;)
		pause();
}

static void children_outlive_thread_and_ring(void)
{
	pid_t host, pids[3];
	struct host h;

	host_begin(&h, TREE("mark", "pause"), DIE_WITH_PARENT);
	host = CHECK_SYS(fork());
	if (!host)
		outlive_thread_and_ring(&h);
	for (int i = 0; i < 3; i++)
		pids[i] = life_pid(&h.life);
	host_is_told(&h);
	sleep_ms(200);
	for (int i = 0; i < 3; i++)
		CHECK(is_alive(pids[i]));
	CHECK_SYS(kill(host, SIGKILL));
	CHECK(life_ends(&h.life, 5000));
	CHECK_SYS(waitpid(host, NULL, 0));
}

/* The children were launched without DIE_WITH_PARENT. */
static void children_outlive_the_process(void)
{
	pid_t host, pid;
	struct host h;

	host_begin(&h, TREE("mark", "pause"), 0);
	host = CHECK_SYS(fork());
	if (!host)
		outlive_thread_and_ring(&h);
	pid = life_pid(&h.life);
	host_is_told(&h);
	CHECK_SYS(kill(host, SIGKILL));
	CHECK_SYS(waitpid(host, NULL, 0));
	CHECK(!life_ends(&h.life, 200));
	CHECK(is_alive(pid));
}

/* Runs and spawns without end, until the process is killed. */
static void work(struct host *h)
{
	struct spawn_template_ring *ring = ring_new(32, 2);
	int tfd = tree_template(), i = 0;
	struct spawn_template_cqe *cqe;

	for (;; i++) {
		int ret = i % 2 ? spawn_template_ring_run(ring, tfd, &h->args,
							  sizeof(h->args), 1)
				: spawn_template_ring_spawn(
					  ring, tfd, &h->args.spawn,
					  sizeof(h->args.spawn), 1);

		if (ret != -EAGAIN) {
			CHECK_EQ(ret, 0);
			continue;
		}
		cqe = ring_take(ring);
		if (cqe->pidfd >= 0)
			close(cqe->pidfd);
		spawn_template_ring_seen(ring, cqe);
	}
}

static void reap_some(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* The host is killed at any moment of its work. */
static void a_killed_host_leaves_no_direct_children(void)
{
	int n = getenv("TEST_SLOW") ? 8 : 25;

	srand(3);
	for (int i = 0; i < n; i++) {
		struct host h;
		pid_t host;

		test_doing("round %d", i);
		host_begin(&h, i % 2 ? TREE("sleep", "2") : TREE("pause"),
			   DIE_WITH_PARENT);
		host = CHECK_SYS(fork());
		if (!host) {
			signal(SIGCHLD, reap_some);
			work(&h);
		}
		usleep((unsigned int)(rand() % 60000));
		CHECK_SYS(kill(host, SIGKILL));
		CHECK_SYS(waitpid(host, NULL, 0));
		CHECK(life_ends(&h.life, 5000));
		CHECK_SYS(close(h.life.fds[0]));
		CHECK_SYS(close(h.told[0]));
		CHECK_SYS(close(h.told[1]));
	}
}

static void work_supervised(struct host *h, int parent)
{
	struct spawn_template_ring *ring = ring_new(32, 2);
	int tfd = tree_template();

	h->args.flags = RUN(SUPERVISE);
	h->args.cgroup_parent_fd = parent;
	for (int i = 0; i < 6; i++)
		queue_run_args(ring, tfd, &h->args, 1);
	spawn_template_ring_submit(ring);
	for (;;)
		pause();
}

/* The supervisor ends the trees and removes the directories. */
static void a_killed_host_leaves_no_supervised_trees(void)
{
	int parent = make_cgroup();
	struct host h;
	pid_t host;

	host_begin(&h,
		   TREE("(", "daemon", "mark", "pause", ")", "(", "setsid", "(",
			"mark", "pause", ")", ")", "pause"),
		   0);
	host = CHECK_SYS(fork());
	if (!host)
		work_supervised(&h, parent);
	for (int i = 0; i < 12; i++)
		CHECK(is_alive(life_pid(&h.life)));
	CHECK_SYS(kill(host, SIGKILL));
	CHECK_SYS(waitpid(host, NULL, 0));
	CHECK(life_ends(&h.life, 5000));
	for (int i = 0; i < 5000 && count_dirs(running_cgroup); i++)
		sleep_ms(1);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* Runs without end: a run that ends makes room for the next. */
static void work_on_supervised(struct host *h, int parent)
{
	struct spawn_template_ring *ring = ring_new(16, 2);
	int tfd = tree_template();

	h->args.flags = RUN(SUPERVISE);
	h->args.cgroup_parent_fd = parent;
	for (;;) {
		while (spawn_template_ring_run(ring, tfd, &h->args,
					       sizeof(h->args), 1) == 0)
			;
		spawn_template_ring_seen(ring, ring_take(ring));
	}
}

static void a_host_killed_at_any_moment_leaves_no_trees(void)
{
	int parent = make_cgroup(), n = getenv("TEST_SLOW") ? 5 : 15;

	srand(5);
	for (int i = 0; i < n; i++) {
		struct host h;
		pid_t host;

		test_doing("round %d", i);
		host_begin(&h,
			   TREE("mark", "(", "daemon", "pause", ")", "sleep",
				"20"),
			   0);
		host = CHECK_SYS(fork());
		if (!host)
			work_on_supervised(&h, parent);
		/* a run has begun, so there is a supervisor */
		life_pid(&h.life);
		usleep((unsigned int)(rand() % 60000));
		CHECK_SYS(kill(host, SIGKILL));
		CHECK_SYS(waitpid(host, NULL, 0));
		CHECK(life_ends(&h.life, 20000));
		for (int k = 0; k < 20000 && count_dirs(running_cgroup); k++)
			sleep_ms(1);
		CHECK_EQ(count_dirs(running_cgroup), 0);
		CHECK_SYS(close(h.life.fds[0]));
		CHECK_SYS(close(h.told[0]));
		CHECK_SYS(close(h.told[1]));
	}
}

/* The run is finished and has left a daemon in its cgroup. */
static void supervised_leftovers_end_with_the_ring(void)
{
	int parent = make_cgroup();
	struct spawn_template_ring *ring = ring_new(8, 2);
	struct spawn_template_run_args args = run_args(
		TREE("(", "daemon", "mark", "pause", ")", "sleep", "100"));
	struct life life;
	pid_t pid;

	args.flags = RUN(SUPERVISE);
	args.cgroup_parent_fd = parent;
	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(take_run_code(ring, 1), 0);
	pid = life_pid(&life);
	test_note("left behind: %d, alive: %d", pid, is_alive(pid));
	spawn_template_ring_exit(ring);
	CHECK(life_ends(&life, 2000));
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK(test_no_children());
}

static const struct test_case cases[] = {
	TEST_CASE(a_forked_childs_copy_is_inert),
	TEST_CASE(exit_in_the_child_harms_nothing),
	TEST_CASE(exit_in_the_child_closes_its_fds),
	TEST_CASE(exit_in_a_child_leaves_its_own_files_open),
	TEST_CASE(a_ring_whose_fds_were_closed_is_refused),
	TEST_CASE(a_child_may_have_a_ring_of_its_own),
	TEST_CASE(a_fork_at_any_moment_harms_nothing),
	TEST_CASE(exec_inherits_nothing),
	TEST_CASE(children_outlive_thread_and_ring),
	TEST_CASE(children_outlive_the_process),
	TEST_CASE(a_killed_host_leaves_no_direct_children),
	TEST_CASE(a_killed_host_leaves_no_supervised_trees),
	TEST_CASE_SECONDS(a_host_killed_at_any_moment_leaves_no_trees, 60),
	TEST_CASE(supervised_leftovers_end_with_the_ring),
};
TEST_MAIN(cases)
