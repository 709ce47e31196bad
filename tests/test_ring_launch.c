/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches of a ring are made by other threads than the asking one. The cases show
 * which attributes come from which thread, that a stuck launch holds up no other,
 * and that deadlines, other rings and many fds do not matter.
 */
#include "rings.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "clone.h"

/* ---- the source of each attribute ---- */

static char *out_of(struct spawn_template_ring *ring,
		    struct spawn_template_cqe *cqe)
{
	char *out;

	CHECK_EQ(cqe->res, 0);
	CHECK(cqe->result);
	CHECK_EQ(cqe->result->code, 0);
	out = test_fmt("%s", cqe->result->out);
	spawn_template_ring_seen(ring, cqe);
	return out;
}

static void set_mask(uint64_t mask)
{
	CHECK_SYS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8));
}

/* The mask is taken when the entry is queued. */
static void the_mask_is_that_of_the_queueing_thread(void)
{
	const uint64_t masks[] = { 0, TEST_SIGBIT(SIGUSR1),
				   TEST_SIGBIT(SIGTERM) | TEST_SIGBIT(64),
				   TEST_SIGBIT(32) | TEST_SIGBIT(33), 0 };
	struct spawn_template_ring *ring = ring_new(16, 2);
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "signals", "pending"));
	int tfd = test_probe();

	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		set_mask(masks[i]);
		queue_run_args(ring, tfd, &args, masks[i]);
		args.spawn.flags ^= SPAWN_TEMPLATE_SPAWN_NICE;
		args.spawn.nice = 19;
	}
	set_mask(TEST_SIGBIT(SIGHUP));
	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);
		uint64_t mask = cqe->user_data;
		char *out = out_of(ring, cqe);

		CHECK_EQ(test_signals(out, "blocked"), mask);
		CHECK_EQ(test_signals(out, "caught"), 0);
		CHECK_EQ(test_signals(out, "ignored"), 0);
	}
	CHECK_EQ(test_sigmask(), TEST_SIGBIT(SIGHUP));
	spawn_template_ring_exit(ring);
}

/* Handled signals and SIGPIPE are at their default, ignored ones stay ignored. */
static void dispositions_are_as_of_a_direct_launch(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);
	char *out;

	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGUSR2, exit) != SIG_ERR);
	queue_run(ring, test_probe(), TEST_ARGV("probe", "signals"), 1);
	out = out_of(ring, ring_take(ring));
	CHECK_EQ(test_signals(out, "ignored"), TEST_SIGBIT(SIGUSR1));
	CHECK_EQ(test_signals(out, "caught"), 0);
	spawn_template_ring_exit(ring);
}

static void the_directory_is_that_at_the_launch(void)
{
	struct spawn_template_ring *ring = ring_new(4, 1);

	CHECK_SYS(chdir("/proc"));
	queue_run(ring, test_probe(), TEST_ARGV("probe", "cwd"), 1);
	CHECK_SYS(chdir("/sys"));
	CHECK_STR(test_value(out_of(ring, ring_take(ring)), "cwd"), "/sys");
	spawn_template_ring_exit(ring);
}

/* The actions use fds by number, when the launch is made. */
static void fds_are_those_at_the_launch(void)
{
	struct spawn_template_run_args args =
		run_args(TEST_ARGV("probe", "fds"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	int fd = CHECK_SYS(open("/proc", O_RDONLY | O_CLOEXEC)), other;
	char *out;

	TEST_ACTIONS(&args.spawn, ACT_DUP2(fd, 30), ACT_KEEP(30));
	queue_run_args(ring, test_probe(), &args, 1);
	other = CHECK_SYS(open("/sys", O_RDONLY | O_CLOEXEC));
	CHECK_SYS(dup3(other, fd, O_CLOEXEC));
	out = out_of(ring, ring_take(ring));
	CHECK_STR(test_value(out, "fd.30"), "/sys");
	CHECK_STR(test_value(out, "fd.0"), "/dev/null");
	CHECK_HAS_NOT(out, "fd.3=");
	CHECK_HAS_NOT(out, "eventfd");
	spawn_template_ring_exit(ring);
}

static void attributes_of_many_kinds_are_set(void)
{
	struct spawn_template_run_args args = run_args(TEST_ARGV(
		"probe", "pids", "umask", "nice", "nnp", "pdeathsig"));
	struct spawn_template_ring *ring = ring_new(4, 1);
	char *out;

	args.spawn.flags =
		SPAWN_TEMPLATE_SPAWN_SETSID | SPAWN_TEMPLATE_SPAWN_UMASK |
		SPAWN_TEMPLATE_SPAWN_NICE | SPAWN_TEMPLATE_SPAWN_NO_NEW_PRIVS |
		SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	args.spawn.umask = 027;
	args.spawn.nice = 19;
	queue_run_args(ring, test_probe(), &args, 1);
	out = out_of(ring, ring_take(ring));
	CHECK_STR(test_value(out, "sid"), test_value(out, "pid"));
	CHECK_STR(test_value(out, "ppid"), test_fmt("%d", getpid()));
	CHECK_STR(test_value(out, "umask"), "027");
	CHECK_STR(test_value(out, "nice"), "19");
	CHECK_STR(test_value(out, "nnp"), "1");
	CHECK_STR(test_value(out, "pdeathsig"), test_fmt("%d", SIGKILL));
	spawn_template_ring_exit(ring);
}

/* The library's own threads may have another policy. */
static void scheduled_as(void *arg)
{
	const int *want = arg; /* policy, addition to the nice value */
	struct sched_param param = { .sched_priority =
					     want[0] == SCHED_FIFO ? 1 : 0 };
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	int tfd = tree_template(), nice = getpriority(PRIO_PROCESS, 0);

	nice = nice + want[1] < 19 ? nice + want[1] : 19;
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, nice));
	if (syscall(SYS_sched_setscheduler, 0, want[0], &param))
		TEST_SKIP("sched_setscheduler: %s", strerror(errno));
	ring = ring_new(4, 1);
	queue_spawn(ring, tfd, TREE("pause"), 1);
	cqe = ring_take(ring);
	CHECK_EQ(cqe->res, 0);
	/* musl's wrapper refuses */
	CHECK_EQ(syscall(SYS_sched_getscheduler, cqe->pid), want[0]);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)cqe->pid), nice);
	CHECK_SYS(kill(cqe->pid, SIGKILL));
	CHECK_EQ(reap_spawn(ring, cqe), 128 + SIGKILL);
	spawn_template_ring_exit(ring);
}

static void programs_are_scheduled_as_the_host(void)
{
	int want[][2] = { { SCHED_OTHER, 0 },
			  { SCHED_OTHER, 5 },
			  { SCHED_BATCH, 3 },
			  { SCHED_FIFO, 0 },
			  { SCHED_IDLE, 0 } };

	for (size_t i = 0; i < TEST_COUNT(want); i++) {
		test_doing("policy %d, nice + %d", want[i][0], want[i][1]);
		test_in_child(scheduled_as, want[i]);
	}
}

/* ---- restricted threads ---- */

struct restricted {
	struct spawn_template_ring *ring;
	int tfd;
	int (*restrict_it)(void);
};

static int set_nnp(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int set_filter(void)
{
	test_seccomp(SYS_acct, EPERM);
	return 0;
}

static void *ask_restricted(void *arg)
{
	struct restricted *r = arg;
	struct spawn_template_run_args args = run_args(TREE("exit", "0"));
	int ret;

	CHECK_EQ(r->restrict_it(), 0);
	ret = spawn_template_ring_run(r->ring, r->tfd, &args, sizeof(args), 5);
	CHECK_EQ(ret, 0);
	CHECK_EQ(spawn_template_ring_spawn(r->ring, r->tfd, &args.spawn,
					   sizeof(args.spawn), 5),
		 0);
	return NULL;
}

/* A thread with fewer rights than the launching threads gets none of theirs. */
static void refused_if(int (*restrict_it)(void))
{
	struct restricted r = { ring_new(8, 1), tree_template(), restrict_it };

	queue_run(r.ring, r.tfd, TREE("exit", "3"), 1);
	CHECK_EQ(take_run_code(r.ring, 1), 3);
	join_thread(start_thread(ask_restricted, &r));
	for (int i = 0; i < 2; i++) {
		struct spawn_template_cqe *cqe = ring_take_of(r.ring, 5);

		CHECK_EQ(cqe->res, -EACCES);
		CHECK_EQ(cqe->flags, SPAWN_TEMPLATE_STAGE_ARGS);
		CHECK_EQ(cqe->pid, -1);
		spawn_template_ring_seen(r.ring, cqe);
	}
	CHECK(test_no_children());
	/* other threads are served as before */
	queue_run(r.ring, r.tfd, TREE("exit", "4"), 2);
	CHECK_EQ(take_run_code(r.ring, 2), 4);
	spawn_template_ring_exit(r.ring);
}

static void a_thread_with_no_new_privs_is_refused(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		TEST_SKIP("all threads of this test have no_new_privs");
	refused_if(set_nnp);
}

static void a_thread_with_a_filter_is_refused(void)
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0)
		TEST_SKIP("all threads of this test have a seccomp filter");
	refused_if(set_filter);
}

/* The raw calls change the thread that makes them, and no other. */
static int drop_user(void)
{
	return (int)syscall(SYS_setresuid, -1, 65534, -1);
}

static int drop_group(void)
{
	return (int)syscall(SYS_setresgid, 65534, 65534, 65534);
}

static int drop_groups(void)
{
	static const gid_t one = 65533;

	return (int)syscall(SYS_setgroups, 1, &one);
}

static int drop_bounding(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0);
}

/* Leaves out one capability of one of the three sets, or adds it there. */
static int change_set(bool effective, bool permitted, bool inheritable)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint32_t bit = 1U << CAP_KILL;

	CHECK_SYS(syscall(SYS_capget, &header, data));
	data[0].effective &= effective ? ~bit : ~0U;
	data[0].permitted &= permitted ? ~bit : ~0U;
	data[0].inheritable ^= inheritable ? bit : 0;
	return (int)syscall(SYS_capset, &header, data);
}

static int drop_effective(void)
{
	return change_set(true, false, false);
}

static int drop_permitted(void)
{
	return change_set(true, true, false);
}

static int change_inheritable(void)
{
	return change_set(false, false, true);
}

static void a_thread_that_has_dropped_rights_is_refused(void)
{
	int (*drops[])(void) = { drop_user,	    drop_group,
				 drop_groups,	    drop_bounding,
				 drop_effective,    drop_permitted,
				 change_inheritable };

	test_need_root();
	for (size_t i = 0; i < TEST_COUNT(drops); i++) {
		test_doing("way %zu", i);
		refused_if(drops[i]);
	}
}

/* The launching threads are made later, and have the same restrictions. */
static void a_host_restricted_before_the_ring_is_served(void)
{
	struct spawn_template_ring *ring;

	CHECK_EQ(set_nnp(), 0);
	set_filter();
	ring = ring_new(4, 1);
	queue_run(ring, test_probe(), TEST_ARGV("probe", "nnp"), 1);
	CHECK_STR(test_value(out_of(ring, ring_take(ring)), "nnp"), "1");
	spawn_template_ring_exit(ring);
}

/* libc's setresuid() has to reach all threads, also those that block signals. */
static void setresuid_works_with_a_ring_open(void)
{
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	int tfd;

	test_need_root();
	tfd = tree_template();
	ring = ring_new(4, 3);
	queue_run(ring, tfd, TREE("exit", "3"), 1);
	CHECK_EQ(take_run_code(ring, 1), 3);
	CHECK_SYS(setresuid(65534, 65534, 65534));
	queue_run(ring, tfd, TREE("exit", "3"), 2);
	cqe = ring_take_of(ring, 2);
	CHECK_EQ(cqe->res, -EACCES);
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

/* The program has more rights than the thread that is to kill it. */
static void a_run_that_cannot_be_killed_ends_and_tells(void)
{
	struct spawn_template_run_args args = run_args(TREE("pause"));
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;
	pid_t pid;

	test_need_root();
	ring = ring_new(4, 1);
	args.timeout_ns = 300 * 1000 * 1000;
	queue_run_args(ring, tree_template(), &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	sleep_ms(100);
	CHECK_SYS(setresuid(65534, 65534, 0));
	cqe = ring_take_of(ring, 1);
	CHECK_SYS(setresuid(0, 0, 0));
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->flags & ~RESULT(PIPE_HELD),
		 RESULT(TIMED_OUT) | RESULT(NOT_KILLED) | RESULT(STATUS_LOST));
	CHECK_EQ(cqe->result->code, -1);
	CHECK_EQ(cqe->result->signal, -1);
	pid = cqe->pid;
	spawn_template_ring_seen(ring, cqe);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	spawn_template_ring_exit(ring);
}

static volatile sig_atomic_t handler_thread;

static void note_thread(int sig)
{
	(void)sig;
	handler_thread = (int)syscall(SYS_gettid);
}

static void signals_reach_only_threads_of_the_host(void)
{
	struct spawn_template_ring *ring;

	if (TEST_TSAN)
		TEST_SKIP("ThreadSanitizer delays handlers");
	ring = ring_new(4, 4);
	CHECK(signal(SIGUSR1, note_thread) != SIG_ERR);
	set_mask(TEST_SIGBIT(SIGUSR1));
	sleep_ms(30);
	for (int i = 0; i < 50; i++) {
		CHECK_SYS(kill(getpid(), SIGUSR1));
		usleep(200);
	}
	CHECK_EQ(handler_thread, 0);
	set_mask(0);
	CHECK_EQ(handler_thread, getpid());
	spawn_template_ring_exit(ring);
}

/* ---- launches that are stuck ---- */

static void a_stuck_launch_stops_no_other(void)
{
	struct spawn_template_ring *ring = ring_new(64, 2);
	struct spawn_template_run_args args = run_args(TREE("exit", "5"));
	int tfd = tree_template();
	struct hold hold;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	queue_run_args(ring, tfd, &args, 100);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	wait_children(NULL, 1);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 5; i++)
			queue_run(ring, tfd, TREE("exit", "1"), 1);
		for (int i = 0; i < 5; i++)
			CHECK_EQ(take_run_code(ring, 1), 1);
	}
	check_none(ring);
	hold_release(&hold);
	CHECK_EQ(take_run_code(ring, 100), 5);
	spawn_template_ring_exit(ring);
}

/* The child is stopped before exec. */
static void a_stopped_launch_stops_no_other(void)
{
	struct spawn_template_ring *ring = ring_new(64, 2);
	struct spawn_template_spawn_args args =
		test_args(NULL, TREE("exit", "5"));
	int tfd = tree_template();
	struct hold hold;
	pid_t pid;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args);
	queue_spawn_args(ring, tfd, &args, 100);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	wait_children(&pid, 1);
	CHECK_SYS(kill(pid, SIGSTOP));
	hold_release(&hold);
	for (int i = 0; i < 20; i++) {
		queue_run(ring, tfd, TREE("exit", "1"), 1);
		CHECK_EQ(take_run_code(ring, 1), 1);
	}
	check_none(ring);
	CHECK_SYS(kill(pid, SIGCONT));
	CHECK_EQ(reap_spawn(ring, ring_take_of(ring, 100)), 5);
	spawn_template_ring_exit(ring);
}

/* Submitting, waiting, cancelling and ending do not wait for a launch. */
static void a_stuck_launch_stops_no_caller(void)
{
	struct spawn_template_ring *ring = ring_new(64, 1);
	struct spawn_template_run_args args = run_args(TREE("exit", "5"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct hold hold;
	uint64_t start;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	queue_run_args(ring, tfd, &args, 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	wait_children(NULL, 1);
	start = now_ms();
	for (int i = 0; i < 60; i++) {
		queue_run(ring, tfd, TREE("exit", "1"), 2);
		CHECK_EQ(spawn_template_ring_submit(ring), 1);
		CHECK_EQ(spawn_template_ring_wait(ring, &cqe, 0), -ETIME);
	}
	CHECK_LE(now_ms() - start, at_most_ms(5000));
	hold_release(&hold);
	for (int i = 0; i < 61; i++) {
		cqe = ring_take(ring);
		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->code, cqe->user_data == 1 ? 5 : 1);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

/* The deadline of a run in a ring holds for its launch, too. */
static void a_stuck_launch_times_out(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_run_args args = run_args(TREE("exit", "5"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct hold hold;
	uint64_t start;

	hold_make(&hold, "fifo");
	hold_args(&hold, &args.spawn);
	args.timeout_ns = 200 * MS;
	args.grace_ns = 20 * SECOND; /* the grace is for programs only */
	queue_run_args(ring, tfd, &args, 1);
	start = now_ms();
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, -ETIMEDOUT);
	CHECK_EQ(cqe->pid, -1);
	CHECK_GE(now_ms() - start, 200);
	CHECK_LE(now_ms() - start, at_most_ms(10000));
	spawn_template_ring_seen(ring, cqe);
	CHECK(test_no_children());
	queue_run(ring, tfd, TREE("exit", "1"), 2);
	CHECK_EQ(take_run_code(ring, 2), 1);
	spawn_template_ring_exit(ring);
}

/* ---- signals before exec ---- */

/*
 * The child is held up before exec, gets one signal, goes on if `release` is set,
 * and gets a second signal if there is one. The launch fails.
 */
static void ends_before_exec(int first, bool release, int second)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_run_args args = run_args(TREE("exit", "5"));
	int tfd = tree_template();

	for (int is_run = 0; is_run < 2; is_run++) {
		struct spawn_template_cqe *cqe;
		struct hold hold;
		pid_t pid;

		test_doing("signal %d, run %d", first, is_run);
		hold_make(&hold, test_fmt("fifo-%d-%d", first, is_run));
		hold_args(&hold, &args.spawn);
		if (is_run)
			queue_run_args(ring, tfd, &args, 1);
		else
			queue_spawn_args(ring, tfd, &args.spawn, 1);
		spawn_template_ring_submit(ring);
		wait_children(&pid, 1);
		CHECK_SYS(kill(pid, first));
		if (release)
			hold_release(&hold);
		if (second)
			CHECK_SYS(kill(pid, second));
		cqe = ring_take_of(ring, 1);
		CHECK_EQ(cqe->res, -ECHILD);
		CHECK_EQ(cqe->pid, -1);
		CHECK(!cqe->result);
		if (!release)
			CHECK_EQ(SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
				 SPAWN_TEMPLATE_STAGE_ACTION);
		spawn_template_ring_seen(ring, cqe);
		CHECK(test_no_children());
	}
	spawn_template_ring_exit(ring);
}

static void a_child_killed_before_exec_fails_the_launch(void)
{
	ends_before_exec(SIGKILL, false, 0);
	ends_before_exec(SIGSTOP, false, SIGKILL);
}

static atomic_int handled;

static void count_handled(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

/* The signal is blocked until exec and then ends the child. */
static void a_child_signalled_before_exec_runs_no_handler(void)
{
	ends_before_exec(SIGTERM, true, 0);
	CHECK(signal(SIGUSR1, count_handled) != SIG_ERR);
	ends_before_exec(SIGUSR1, true, 0);
	CHECK_EQ(atomic_load(&handled), 0);
}

static void stuck_without_clone3(void *arg)
{
	(void)arg;
	test_seccomp(SYS_clone3, ENOSYS);
	a_stuck_launch_times_out();
}

static void stuck_without_clone_pidfd(void *arg)
{
	(void)arg;
	test_seccomp_arg(SYS_clone, 0, CLONE_PIDFD, CLONE_PIDFD, EINVAL);
	stuck_without_clone3(NULL);
}

/* The kernel tells less of a child that is under way. */
static void a_stuck_launch_times_out_on_fallbacks(void)
{
	test_in_child(stuck_without_clone3, NULL);
	CHECK_SYS(unlink(test_path("fifo")));
	test_in_child(stuck_without_clone_pidfd, NULL);
}

/*
 * A clone that fails late leaves the number of a pidfd that it has closed again,
 * and the number may stand for another process by then.
 */
static void a_launch_without_a_child_ends_nobody(void)
{
	struct st_watch watch = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct st_report report = { .pidfd = -1 };
	struct st_launch launch = { .report = &report, .watch = &watch };
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		for (;;)
			pause();
	launch.pidfd = CHECK_SYS((int)syscall(SYS_pidfd_open, pid, 0));
	watch.launch = &launch;
	st_watch_kill(&watch);
	sleep_ms(50);
	CHECK(is_alive(pid));
	launch.tid = pid;
	st_watch_kill(&watch);
	CHECK(dies_within(pid, 20000));
}

/* The clock of a run starts with its launch, not with its queueing. */
static void deadlines_count_from_the_launch(void)
{
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_run_args stuck = run_args(TREE("exit", "5")),
				       args = run_args(TREE("sleep", "100"));
	struct spawn_template_cqe *cqe;
	int tfd = tree_template();
	struct hold hold;

	hold_make(&hold, "fifo");
	hold_args(&hold, &stuck.spawn);
	queue_run_args(ring, tfd, &stuck, 1);
	args.timeout_ns = 1500 * MS;
	queue_run_args(ring, tfd, &args, 2);
	CHECK_EQ(spawn_template_ring_submit(ring), 2);
	sleep_ms(2000);
	hold_release(&hold);
	for (int i = 0; i < 2; i++) {
		cqe = ring_take(ring);
		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->flags, 0);
		CHECK_EQ(cqe->result->code, cqe->user_data == 1 ? 5 : 0);
		if (cqe->user_data == 2)
			CHECK_LE(cqe->result->total_ns, args.timeout_ns);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

/* The deadlines come in no order. */
static void each_deadline_is_kept(void)
{
	struct spawn_template_ring *ring;
	int tfd = tree_template();

	/* the programs ignore TERM, too, from their first instruction on */
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	ring = ring_new(64, 2);
	for (int i = 0; i < 40; i++) {
		struct spawn_template_run_args args = run_args(TREE("pause"));
		uint64_t ms = at_most_ms(200) + (uint64_t)i * 17 % 40 * 15;

		args.timeout_ns = ms * MS;
		args.grace_ns = (uint64_t)i % 3 * 50 * MS;
		queue_run_args(ring, tfd, &args, ms + (uint64_t)i % 3 * 50);
	}
	for (int i = 0; i < 40; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);
		const struct spawn_template_result *res = cqe->result;

		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(res->signal, SIGKILL);
		CHECK_EQ(res->flags, RESULT(TIMED_OUT) | RESULT(TREE_KILLED));
		CHECK_GE(res->total_ns, cqe->user_data * MS);
		CHECK_LE(res->total_ns / MS, cqe->user_data + at_most_ms(5000));
		spawn_template_ring_seen(ring, cqe);
	}
	CHECK(test_no_children());
	spawn_template_ring_exit(ring);
}

/* ---- programs that hold, stop or are traced ---- */

/* The run completes though its output is still held. */
static void a_held_pipe_does_not_hold_up_the_end(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("(", "mark", "pause", ")", "say", "text", "exit", "3"));
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct spawn_template_cqe *cqe;
	struct life life;
	pid_t holder;

	life_open(&life, &args.spawn);
	queue_run_args(ring, tree_template(), &args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->code, 3);
	CHECK_EQ(cqe->result->flags, RESULT(PIPE_HELD));
	CHECK_STR(cqe->result->out, "text");
	spawn_template_ring_seen(ring, cqe);
	holder = life_pid(&life);
	CHECK(is_alive(holder));
	/* the holder outlives the ring */
	spawn_template_ring_exit(ring);
	CHECK(!life_ends(&life, 50));
	CHECK_SYS(kill(holder, SIGKILL));
	CHECK(life_ends(&life, 20000));
}

/* The run times out: this signal must end its program, and its tree ends, too. */
static void ends_by(struct spawn_template_ring *ring,
		    struct spawn_template_run_args *args, struct life *life,
		    int sig)
{
	struct spawn_template_cqe *cqe;

	queue_run_args(ring, tree_template(), args, 1);
	cqe = ring_take_of(ring, 1);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->result->signal, sig);
	CHECK_EQ(cqe->result->flags,
		 RESULT(TIMED_OUT) |
			 (sig == SIGKILL ? RESULT(TREE_KILLED) : 0));
	spawn_template_ring_seen(ring, cqe);
	CHECK(life_ends(life, 20000));
	CHECK_SYS(close(life->fds[0]));
}

static void stopped_programs_time_out(void)
{
	char *stop = test_fmt("%d", SIGSTOP);
	struct spawn_template_run_args args =
		run_args(TREE("(", "raise", stop, ")", "raise", stop));
	struct spawn_template_ring *ring = ring_new(8, 1);
	struct life life;

	/* the library continues the program, so that TERM reaches it */
	args.timeout_ns = 300 * MS;
	args.grace_ns = 1000 * SECOND;
	life_open(&life, &args.spawn);
	ends_by(ring, &args, &life, SIGTERM);
	args = run_args(TREE("ignore", "15", "raise", stop, "pause"));
	args.timeout_ns = 800 * MS;
	args.grace_ns = 100 * MS;
	life_open(&life, &args.spawn);
	ends_by(ring, &args, &life, SIGKILL);
	spawn_template_ring_exit(ring);
}

/* Follows the process as strace does, to its end. */
static void trace(struct life *life)
{
	pid_t pid = life_pid(life);
	int status;

	life_let_go(life);
	CHECK_SYS(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, NULL,
		       (void *)(uintptr_t)WSTOPSIG(status));
	_exit(0);
}

static void traced_programs_time_out(void)
{
	struct spawn_template_run_args args = run_args(TREE("mark", "pause"));
	struct spawn_template_ring *ring;
	struct life life;
	pid_t tracer;

	args.timeout_ns = 1000 * MS;
	args.grace_ns = 1000 * SECOND;
	life_open(&life, &args.spawn);
	tracer = CHECK_SYS(fork());
	if (!tracer)
		trace(&life);
	ring = ring_new(8, 1);
	ends_by(ring, &args, &life, SIGTERM);
	CHECK_SYS(waitpid(tracer, NULL, 0));
	spawn_template_ring_exit(ring);
}

/* ---- beside others ---- */

static void much_output_of_many_runs_is_whole(void)
{
	struct spawn_template_ring *ring = ring_new(64, 2);
	int tfd = tree_template();

	for (int i = 1; i <= 64; i++)
		queue_run(ring, tfd,
			  TREE("flood", "1", test_fmt("%d", i * 20000), "flood",
			       "2", test_fmt("%d", i * 3000)),
			  (uint64_t)i);
	for (int i = 0; i < 64; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);

		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->flags, 0);
		CHECK_EQ(cqe->result->out_len, cqe->user_data * 20000);
		CHECK_EQ(cqe->result->err_len, cqe->user_data * 3000);
		CHECK(is_flood(cqe->result->out, cqe->result->out_len));
		CHECK(is_flood(cqe->result->err, cqe->result->err_len));
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static void much_input_of_many_runs_arrives(void)
{
	static char data[2 << 20];
	struct spawn_template_ring *ring = ring_new(20, 2);
	int tfd = tree_template();

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i % 251);
	for (int i = 0; i < 20; i++) {
		struct spawn_template_run_args args =
			run_args(i % 2 ? TREE("cat")
				       : TREE("close", "0", "sleep", "20"));

		args.input = (uintptr_t)data;
		args.input_len = sizeof(data) - (size_t)i;
		queue_run_args(ring, tfd, &args, (uint64_t)i);
	}
	for (int i = 0; i < 20; i++) {
		struct spawn_template_cqe *cqe = ring_take(ring);
		size_t want =
			cqe->user_data % 2 ? sizeof(data) - cqe->user_data : 0;

		CHECK_EQ(cqe->res, 0);
		CHECK_EQ(cqe->result->code, 0);
		CHECK_EQ(cqe->result->out_len, want);
		CHECK(is_flood(cqe->result->out, want));
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
}

static void two_rings_work_at_once(void)
{
	struct spawn_template_ring *rings[2] = { ring_new(32, 1),
						 ring_new(32, 2) };
	int tfd = tree_template();

	CHECK_NE(spawn_template_ring_fd(rings[0]),
		 spawn_template_ring_fd(rings[1]));
	for (int i = 0; i < 60; i++)
		queue_run(rings[i % 2], tfd,
			  TREE("exit", test_fmt("%d", 1 + i % 2)),
			  (uint64_t)(i % 2));
	for (int i = 0; i < 30; i++) {
		CHECK_EQ(take_run_code(rings[0], 0), 1);
		CHECK_EQ(take_run_code(rings[1], 1), 2);
	}
	/* the first ring ends with work in it, the second works on */
	queue_run(rings[0], tfd, TREE("pause"), 7);
	CHECK_EQ(spawn_template_ring_submit(rings[0]), 1);
	queue_run(rings[1], tfd, TREE("sleep", "100", "exit", "3"), 7);
	CHECK_EQ(spawn_template_ring_submit(rings[1]), 1);
	spawn_template_ring_exit(rings[0]);
	CHECK_EQ(take_run_code(rings[1], 7), 3);
	spawn_template_ring_exit(rings[1]);
	CHECK(test_no_children());
}

static void direct_calls_work_beside_a_ring(void)
{
	struct spawn_template_ring *ring = ring_new(32, 2);
	struct spawn_template_run_args args =
		run_args(TREE("say", "x", "exit", "4"));
	int tfd = tree_template();

	for (int i = 0; i < 20; i++) {
		struct spawn_template_result res;

		queue_run(ring, tfd, TREE("sleep", "5", "exit", "2"), 2);
		CHECK_EQ(spawn_template_ring_submit(ring), 1);
		CHECK_EQ(spawn_template_run(tfd, &args, sizeof(args), &res,
					    sizeof(res)),
			 0);
		CHECK_EQ(res.code, 4);
		CHECK_STR(res.out, "x");
		spawn_template_result_free(&res);
		CHECK_EQ(test_spawn(tfd, TREE("exit", "1")), 1);
	}
	for (int i = 0; i < 20; i++)
		CHECK_EQ(take_run_code(ring, 2), 2);
	spawn_template_ring_exit(ring);
}

static void launches_work_among_three_thousand_fds(void)
{
	struct rlimit limit;
	struct spawn_template_ring *ring;
	int tfd = tree_template();

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < 4000)
		TEST_SKIP("at most %llu fds",
			  (unsigned long long)limit.rlim_max);
	limit.rlim_cur = 4000;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < 3000; i++)
		CHECK_SYS(dup(0)); /* not close-on-exec */
	ring = ring_new(32, 2);
	for (int i = 0; i < 300; i++) {
		queue_run(ring, tfd, TREE("say", "x", "exit", "9"), 1);
		queue_run(ring, test_probe(), TEST_ARGV("probe", "nfds"), 2);
		for (int k = 0; k < 2; k++) {
			struct spawn_template_cqe *cqe = ring_take(ring);

			CHECK_EQ(cqe->res, 0);
			if (cqe->user_data == 1)
				CHECK_EQ(cqe->result->code, 9);
			else
				CHECK_STR(cqe->result->out, "nfds=3\n");
			spawn_template_ring_seen(ring, cqe);
		}
	}
	spawn_template_ring_exit(ring);
}

/* The child has ended before the reactor watches it. */
static void children_that_end_at_once_complete(void)
{
	struct spawn_template_ring *ring = ring_new(64, 2);
	int tfd = template_of("tiny-7"), n = getenv("TEST_SLOW") ? 300 : 2000;
	struct scene before = scene_now();

	for (int i = 0; i < n; i += 50) {
		for (int k = 0; k < 50; k++)
			queue_run(ring, tfd, TEST_ARGV("tiny"), 1);
		for (int k = 0; k < 50; k++)
			CHECK_EQ(take_run_code(ring, 1), 7);
	}
	check_scene(&before);
	spawn_template_ring_exit(ring);
}

/* ---- hosts that close their standard descriptors for a moment ---- */

static void check_none_is_open(void)
{
	int open = 3;

	/* a launching thread uses the lowest numbers for a moment */
	for (int i = 0; i < 10 && open; i++) {
		open = 0;
		for (int fd = 0; fd < 3; fd++)
			open += fcntl(fd, F_GETFD) >= 0;
		sleep_ms(1);
	}
	CHECK_EQ(open, 0);
}

/* The ring would close the host's file at the end of the run. */
static void a_run_keeps_no_standard_descriptor(void)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	int tfd = test_probe(), saved[3];

	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = CHECK_SYS(fcntl(fd, F_DUPFD_CLOEXEC, 3));
		CHECK_SYS(close(fd));
	}
	queue_run(ring, tfd, TEST_ARGV("probe", "sleep", "400"), 1);
	CHECK_EQ(spawn_template_ring_submit(ring), 1);
	sleep_ms(100);
	check_none_is_open();
	for (int fd = 0; fd < 3; fd++)
		CHECK_SYS(dup2(saved[fd], fd));
	CHECK_EQ(take_run_code(ring, 1), 0);
	for (int fd = 0; fd < 3; fd++)
		CHECK_SYS(fcntl(fd, F_GETFD));
	spawn_template_ring_exit(ring);
}

static const struct test_case cases[] = {
	TEST_CASE(the_mask_is_that_of_the_queueing_thread),
	TEST_CASE(dispositions_are_as_of_a_direct_launch),
	TEST_CASE(the_directory_is_that_at_the_launch),
	TEST_CASE(fds_are_those_at_the_launch),
	TEST_CASE(attributes_of_many_kinds_are_set),
	TEST_CASE(programs_are_scheduled_as_the_host),
	TEST_CASE(a_thread_that_has_dropped_rights_is_refused),
	TEST_CASE(a_thread_with_no_new_privs_is_refused),
	TEST_CASE(a_thread_with_a_filter_is_refused),
	TEST_CASE(a_host_restricted_before_the_ring_is_served),
	TEST_CASE(setresuid_works_with_a_ring_open),
	TEST_CASE(a_run_that_cannot_be_killed_ends_and_tells),
	TEST_CASE(signals_reach_only_threads_of_the_host),
	TEST_CASE(a_stuck_launch_stops_no_other),
	TEST_CASE(a_stopped_launch_stops_no_other),
	TEST_CASE(a_stuck_launch_stops_no_caller),
	TEST_CASE(a_stuck_launch_times_out),
	TEST_CASE(a_stuck_launch_times_out_on_fallbacks),
	TEST_CASE(a_launch_without_a_child_ends_nobody),
	TEST_CASE(a_child_killed_before_exec_fails_the_launch),
	TEST_CASE(a_child_signalled_before_exec_runs_no_handler),
	TEST_CASE(deadlines_count_from_the_launch),
	TEST_CASE(each_deadline_is_kept),
	TEST_CASE(a_held_pipe_does_not_hold_up_the_end),
	TEST_CASE(stopped_programs_time_out),
	TEST_CASE(traced_programs_time_out),
	TEST_CASE(much_output_of_many_runs_is_whole),
	TEST_CASE(much_input_of_many_runs_arrives),
	TEST_CASE(two_rings_work_at_once),
	TEST_CASE(direct_calls_work_beside_a_ring),
	TEST_CASE(launches_work_among_three_thousand_fds),
	TEST_CASE(children_that_end_at_once_complete),
	TEST_CASE(a_run_keeps_no_standard_descriptor),
};
TEST_MAIN(cases)
