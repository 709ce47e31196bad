/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared launches: a program sees the same as after a cold launch, launches that
 * cannot be warm are cold, and no process is left.
 */
#include "harness.h"
#include "much.h"
#include "warming.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <linux/landlock.h>

/* ---- the same program */

#define TELL \
	"probe", "args", "cwd", "comm", "exe", "cmdline", "secure", "nfds", \
		"rlimit", "4", "fd", "0", "fd", "1", "fd", "2", "signals", \
		"pending", "ids", "umask", "nice", "nnp", "pdeathsig", \
		"cgroup", "dumpable", "rlimit", "3", "rlimit", "7", "env"

static void shows_what_a_cold_one_shows(int tfd)
{
	char *argv[] = { TELL, NULL };
	char *cold = test_output(test_probe(), argv), *warm;

	CHECK_WARM(tfd, warm = test_output(tfd, argv));
	CHECK_STR(warm, cold);
}

static void a_warm_program_sees_the_same_as_a_cold_one(void)
{
	each_mode(shows_what_a_cold_one_shows);
}

/* Ask for all actions and attributes that a warm launch serves. */
static char *do_much(int tfd)
{
	struct much m;
	char *output;

	much_ask(&m, SPAWN_TEMPLATE_SPAWN_SETSID);
	m.args.flags &= ~SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	CHECK_OK(much_try(tfd, &m, &output));
	return output;
}

static void does_much(int tfd)
{
	char *cold = do_much(test_probe()), *warm;

	CHECK_WARM(tfd, warm = do_much(tfd));
	CHECK_STR(warm, cold);
}

static void actions_and_attributes_are_done_warm_as_cold(void)
{
	much_scene();
	each_mode(does_much);
}

static void large_arguments_arrive(int tfd)
{
	char *argv[300], *envp[2] = { "A=1", NULL };
	struct spawn_template_spawn_args args;
	char *cold, *warm;

	argv[0] = "probe";
	argv[1] = "args";
	for (int i = 2; i < 5; i++)
		argv[i] = "nnp";
	argv[5] = NULL;
	envp[0] = malloc(60000);
	memset(envp[0], 'x', 59999);
	envp[0][1] = '=';
	envp[0][59999] = 0;
	args = test_args(NULL, argv);
	args.envp = (uintptr_t)envp;
	argv[1] = "env";
	cold = test_output_args(test_probe(), args, NULL);
	CHECK_WARM(tfd, warm = test_output_args(tfd, args, NULL));
	CHECK_STR(warm, cold);
	CHECK_GT(strlen(warm), 59000);
	free(envp[0]);
}

static void an_image_larger_than_the_gap_arrives_whole(void)
{
	each_mode(large_arguments_arrive);
}

static void exits_with(int tfd)
{
	char *argv[] = { "probe", "exit", "7", NULL };
	char *killed[] = { "probe", "raise", "9", NULL };

	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 7));
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, killed), 128 + SIGKILL));
}

static void a_warm_child_is_waited_for_as_a_cold_one(void)
{
	each_mode(exits_with);
}

/* ---- runs */

static struct spawn_template_run_args run_of(char *const argv[])
{
	struct spawn_template_run_args args = {
		.spawn = { .argv = (uintptr_t)argv,
			   .envp = (uintptr_t)environ },
		.input = (uintptr_t) "to the program",
		.input_len = 14,
		.cgroup_parent_fd = -1,
	};

	return args;
}

static void runs(int tfd)
{
	char *argv[] = { "probe", "cat", NULL };
	struct spawn_template_run_args args = run_of(argv);
	struct spawn_template_result result;

	CHECK_WARM(tfd, CHECK_OK(spawn_template_run(tfd, &args, sizeof(args),
						    &result, sizeof(result))));
	CHECK_EQ(result.code, 0);
	CHECK_STR(result.out, "to the program");
	CHECK(result.flags & SPAWN_TEMPLATE_RESULT_WARM);
	spawn_template_result_free(&result);
	CHECK_OK(spawn_template_run(test_probe(), &args, sizeof(args), &result,
				    sizeof(result)));
	CHECK(!(result.flags & SPAWN_TEMPLATE_RESULT_WARM));
	spawn_template_result_free(&result);
}

static void a_run_is_served_warm(void)
{
	each_mode(runs);
}

/* The pipes of the run then have numbers above those of a prepared process. */
static void descriptors_may_have_high_numbers(void)
{
	for (int fd = 3; fd < 90; fd++)
		CHECK_SYS(dup2(0, fd));
	each_mode(runs);
}

static void runs_on_a_ring(int tfd)
{
	char *argv[] = { "probe", "cat", NULL };
	struct spawn_template_run_args args = run_of(argv);
	struct spawn_template_ring *ring;
	struct spawn_template_cqe *cqe;

	CHECK_OK(spawn_template_ring_init(4, NULL, 0, &ring));
	/* the attributes of the launching thread count, too */
	for (int i = 0; i < 5; i++) {
		await_ready(tfd);
		CHECK_OK(spawn_template_ring_run(ring, tfd, &args, sizeof(args),
						 1));
		CHECK_OK(spawn_template_ring_submit(ring));
		CHECK_OK(spawn_template_ring_wait(ring, &cqe, 10000));
		CHECK_EQ(cqe->res, 0);
		CHECK_STR(cqe->result->out, "to the program");
		CHECK(cqe->result->flags & SPAWN_TEMPLATE_RESULT_WARM);
		spawn_template_ring_seen(ring, cqe);
	}
	spawn_template_ring_exit(ring);
	CHECK_GE(stat_of(tfd).warm, 5);
}

static void a_ring_is_served_warm(void)
{
	each_mode(runs_on_a_ring);
}

/* ---- many at a time */

/* List the parked processes, which are children of this one. */
static int children(pid_t *pids, int most)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int n = 0;

	CHECK(dir);
	while ((e = readdir(dir)) && n < most) {
		int pid = atoi(e->d_name), ppid = 0;
		FILE *f = NULL;

		if (pid > 0)
			f = fopen(test_fmt("/proc/%d/stat", pid), "re");
		/* a process may end at any time */
		if (!f)
			continue;
		if (fscanf(f, "%*d (%*[^)]) %*c %d", &ppid) == 1 &&
		    ppid == getpid())
			pids[n++] = pid;
		fclose(f);
	}
	closedir(dir);
	return n;
}

#define THREADS 6
#define LAUNCHES 40

static void *launch_often(void *arg)
{
	char *argv[] = { "probe", "exit", "7", NULL };
	int tfd = *(int *)arg;

	for (int i = 0; i < LAUNCHES; i++)
		CHECK_EQ(test_spawn(tfd, argv), 7);
	return NULL;
}

/* One process waits; for the other launches, one is forked on request. */
static void launches_of_many_threads_are_warm(void)
{
	int tfd = ready_probe(FORK);
	struct spawn_template_stat before = stat_of(tfd), after;
	pthread_t threads[THREADS];
	pid_t pids[64];
	int n = 0;

	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, launch_often, &tfd),
			 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	after = stat_of(tfd);
	/* on a loaded machine a process may come too late, or a lock */
	CHECK_GT(after.warm - before.warm, THREADS * LAUNCHES * 9 / 10);
	await_ready(tfd);
	/* no more than were wanted at a time, and the one that forks */
	n = children(pids, 64);
	CHECK_LE(n, THREADS + 3);
	CHECK_OK(spawn_template_close(tfd));
	for (int i = 0; i < 1000 && children(pids, 8); i++)
		nap();
	CHECK_EQ(children(pids, 8), 0);
	CHECK(test_no_children());
}

static void launches_in_a_row_are_warm_without_a_wait(void)
{
	char *argv[] = { "probe", "exit", "7", NULL };
	int tfd = ready_probe(FORK);
	struct spawn_template_stat before = stat_of(tfd);

	for (int i = 0; i < 100; i++)
		CHECK_EQ(test_spawn(tfd, argv), 7);
	CHECK_GT(stat_of(tfd).warm - before.warm, 90);
}

/* ---- failures */

static void fails_as_cold(int tfd)
{
	struct spawn_template_action actions[] = {
		ACT_DUP2(1, 5),
		ACT_CHDIR("/there/is/no/such/directory"),
	};
	char *argv[] = { "probe", NULL };
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int fds, pidfd = -7;

	args.pidfd = (uintptr_t)&pidfd;
	args.failure = (uintptr_t)&failure;
	args.actions = (uintptr_t)actions;
	args.actions_len = 2;
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
	await_ready(tfd);
	fds = test_count_fds();
	CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)), -ENOENT);
	CHECK_EQ(failure.error, ENOENT);
	CHECK_EQ(failure.stage, SPAWN_TEMPLATE_STAGE_ACTION);
	CHECK_EQ(failure.action, 1);
	CHECK_EQ(pidfd, -7);
	CHECK_LE(test_count_fds(), fds);
	CHECK_EQ(stat_of(tfd).failed, 1);
	/* the failure does not disturb the next launch */
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
}

static void a_failed_action_is_told_as_by_a_cold_launch(void)
{
	each_mode(fails_as_cold);
}

static void survives(int tfd, int sig)
{
	char *argv[] = { "probe", NULL };
	pid_t pids[16];
	int n;

	await_ready(tfd);
	n = children(pids, 16);
	CHECK_GT(n, 0);
	for (int i = 0; i < n; i++)
		CHECK_SYS(kill(pids[i], sig));
	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
}

static void survives_a_kill(int tfd)
{
	survives(tfd, SIGKILL);
}

static void survives_a_stop(int tfd)
{
	survives(tfd, SIGSTOP);
}

static void launches_work_after_parked_processes_are_killed(void)
{
	each_mode(survives_a_kill);
}

static void launches_work_after_parked_processes_are_stopped(void)
{
	each_mode(survives_a_stop);
}

/* ---- changes of the caller after parking */

static void gets_what_can_be_given(int tfd)
{
	char *argv[] = { "probe", "umask", "nnp", "signals", NULL };
	char *cold, *warm;

	umask(0137);
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	cold = test_output(test_probe(), argv);
	CHECK_STR(test_value(cold, "nnp"), "1");
	CHECK_WARM(tfd, warm = test_output(tfd, argv));
	CHECK_STR(warm, cold);
}

static void in_child(void (*fn)(int tfd), uint64_t flags)
{
	pid_t pid = CHECK_SYS(fork());
	int status;

	if (pid == 0) {
		fn(ready_probe(flags));
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(77); /* it has said why */
	CHECK_EQ(status, 0);
}

static void each_mode_in_a_child(void (*fn)(int tfd))
{
	in_child(fn, ONCE);
	in_child(fn, FORK);
}

static void umask_signals_and_no_new_privs_are_given(void)
{
	each_mode_in_a_child(gets_what_can_be_given);
}

static void a_new_limit_is_in_force(int tfd)
{
	struct rlimit limit = { 1234567, 1234567 };
	char *argv[] = { "probe", "rlimit", "1", NULL };
	char *output;

	CHECK_SYS(setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_COLD(tfd, INHERITED, output = test_output(tfd, argv));
	CHECK_STR(test_value(output, "limit.1"), "1234567,1234567");
}

static void limits_set_after_parking_hold(void)
{
	each_mode_in_a_child(a_new_limit_is_in_force);
}

static void a_filter_is_in_force(int tfd)
{
	char *argv[] = { "probe", NULL };

	await_ready(tfd);
	test_seccomp(SYS_getpriority, ENOSYS);
	CHECK_COLD(tfd, INHERITED, test_spawn(tfd, argv));
}

static void a_seccomp_filter_entered_after_parking_holds(void)
{
	each_mode_in_a_child(a_filter_is_in_force);
}

static void a_domain_is_in_force(int tfd)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	char *path = test_path("touched");
	char *argv[] = { "probe", "touch", path, NULL };
	int fd;

	await_ready(tfd);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		_exit(77);
	test_write(path, "x", 0644);
	/* the probe complains to fd 2 */
	CHECK_SYS(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2));
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(syscall(SYS_landlock_restrict_self, fd, 0));
	CHECK_COLD(tfd, SANDBOX, CHECK_NE(test_spawn(tfd, argv), 0));
}

static void a_landlock_domain_entered_after_parking_holds(void)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0)
		test_skip("this kernel has no Landlock");
	each_mode_in_a_child(a_domain_is_in_force);
}

static void dropped_capabilities_stay_dropped(int tfd)
{
	char *argv[] = { "probe", NULL };

	await_ready(tfd);
	CHECK_SYS(prctl(PR_CAPBSET_DROP, 5, 0, 0, 0));
	CHECK_COLD(tfd, INHERITED, CHECK_EQ(test_spawn(tfd, argv), 0));
}

static void a_smaller_bounding_set_holds(void)
{
	test_need_root();
	each_mode_in_a_child(dropped_capabilities_stay_dropped);
}

static void is_in_the_new_root(int tfd)
{
	char *argv[] = { "probe", NULL };
	pid_t pid;
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int pidfd;

	args.pidfd = (uintptr_t)&pidfd;
	await_ready(tfd);
	CHECK_SYS(chroot(test_tmpdir()));
	/* the path does not exist in the new root */
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	CHECK_EQ(pid, -ESTALE);
	CHECK_EQ(stat_of(tfd).warm, 0);
}

static void no_launch_escapes_a_chroot(void)
{
	test_need_root();
	each_mode_in_a_child(is_in_the_new_root);
}

static void new_ids_are_refused(int tfd)
{
	char *argv[] = { "probe", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int pidfd;

	args.pidfd = (uintptr_t)&pidfd;
	await_ready(tfd);
	CHECK_SYS(syscall(SYS_setresuid, 65534, 65534, 65534));
	CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)), -EACCES);
}

static void changed_ids_are_refused(void)
{
	test_need_root();
	each_mode_in_a_child(new_ids_are_refused);
}

/* ---- launches that go cold */

static void goes_cold(int tfd)
{
	char *argv[] = { "probe", NULL }, *other[] = { "other", NULL };
	char *envp[] = { "LD_BIND_NOW=1", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);

	args.envp = (uintptr_t)envp;
	CHECK_COLD(tfd, ENVIRONMENT, CHECK_EQ(test_spawn_args(tfd, args), 0));
	CHECK_COLD(tfd, ARGV0, CHECK_EQ(test_spawn(tfd, other), 0));
	args = test_args(NULL, argv);
	args.flags |= SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	CHECK_COLD(tfd, FLAGS, CHECK_EQ(test_spawn_args(tfd, args), 0));
}

static void launches_that_cannot_be_warm_are_counted_as_cold(void)
{
	each_mode(goes_cold);
}

static void a_static_program_goes_cold(void)
{
	char *argv[] = { "tiny", NULL };
	int tfd = open_warm(test_tool("tiny"), FORK);

	for (int i = 0; i < 5; i++)
		CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(stat_of(tfd).cold_reasons[COLD(PROGRAM)], 5);
	CHECK_EQ(stat_of(tfd).cold, 5);
}

static void one_launch_parks_nothing(void)
{
	char *argv[] = { "probe", NULL };
	int tfd = open_warm(test_tool("probe"), FORK);
	pid_t pids[4];

	CHECK_EQ(test_spawn(tfd, argv), 0);
	usleep(100000);
	CHECK_EQ(children(pids, 4), 0);
	CHECK_EQ(stat_of(tfd).warm_ready, 0);
}

static void a_replaced_program_is_stale(void)
{
	char *argv[] = { "probe", NULL };
	char *path = test_copy_probe("tool");
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int tfd = open_warm(path, FORK), pidfd;

	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	await_ready(tfd);
	test_copy(test_tool("tiny"), test_path("new"), 0755);
	CHECK_SYS(rename(test_path("new"), path));
	args.pidfd = (uintptr_t)&pidfd;
	CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)), -ESTALE);
}

/* A parked process runs the file, so that nobody can write to the file. */
static void a_parked_file_is_busy(void)
{
	char *argv[] = { "probe", NULL };
	char *path = test_copy_probe("tool");
	int tfd = open_warm(path, FORK);

	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	await_ready(tfd);
	CHECK_EQ(open(path, O_WRONLY | O_CLOEXEC), -1);
	CHECK_EQ(errno, ETXTBSY);
}

/* ---- leftovers */

static void close_ends_parked_processes(void)
{
	pid_t pids[8];
	int tfd = ready_probe(FORK), once = ready_probe(ONCE);

	CHECK_EQ(children(pids, 8), 3);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_OK(spawn_template_close(once));
	for (int i = 0; i < 1000 && children(pids, 8); i++)
		nap();
	CHECK_EQ(children(pids, 8), 0);
	CHECK(test_no_children());
}

static void refresh_ends_parked_processes(void)
{
	char *argv[] = { "probe", NULL };
	int tfd = ready_probe(FORK);
	pid_t pids[8];

	CHECK_OK(spawn_template_refresh(tfd));
	for (int i = 0; i < 1000 && children(pids, 8); i++)
		nap();
	CHECK_EQ(children(pids, 8), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
}

static void parked_processes_end_with_their_caller(void)
{
	int pipe_fds[2], status, left;
	pid_t pids[4] = { 0 }, pid;

	CHECK_SYS(pipe(pipe_fds));
	pid = CHECK_SYS(fork());
	if (pid == 0) {
		ready_probe(FORK);
		left = children(pids, 4);
		CHECK_EQ(left, 2);
		CHECK_EQ(write(pipe_fds[1], pids, sizeof(pids)), sizeof(pids));
		kill(getpid(), SIGKILL);
	}
	CHECK_SYS(close(pipe_fds[1]));
	CHECK_SYS(waitpid(pid, &status, 0));
	/* the child has failed, or has told why it skips */
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	CHECK_EQ(read(pipe_fds[0], pids, sizeof(pids)), sizeof(pids));
	for (int i = 0; i < 500; i++) {
		left = 0;
		for (int k = 0; k < 2; k++)
			left += pids[k] && kill(pids[k], 0) == 0 &&
				test_process_state(pids[k]) != 'Z';
		if (!left)
			break;
		nap();
	}
	CHECK_EQ(left, 0);
}

static void a_forked_child_uses_no_process_of_its_parent(void)
{
	char *argv[] = { "probe", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	int tfd, status, pidfd;
	pid_t pid;

#if TEST_TSAN
	TEST_SKIP("ThreadSanitizer allows no thread after fork");
#endif
	tfd = ready_probe(FORK);
	pid = CHECK_SYS(fork());
	args.pidfd = (uintptr_t)&pidfd;
	if (pid == 0) {
		CHECK_EQ(spawn_template_spawn(tfd, &args, sizeof(args)),
			 -EACCES);
		ready_probe(FORK);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
	CHECK_WARM(tfd, CHECK_EQ(test_spawn(tfd, argv), 0));
}

static void many_launches_leave_nothing(int tfd)
{
	char *argv[] = { "probe", NULL };
	pid_t pids[8];
	int fds, before;

	await_ready(tfd);
	fds = test_count_fds();
	before = children(pids, 8);
	for (int i = 0; i < 200; i++) {
		await_ready(tfd);
		CHECK_EQ(test_spawn(tfd, argv), 0);
	}
	await_ready(tfd);
	CHECK_GT(stat_of(tfd).warm, 190);
	/* files of /proc that this thread reads stay open */
	CHECK_LE(test_count_fds(), fds + 6);
	CHECK_EQ(children(pids, 8), before);
}

static void many_warm_launches_leave_nothing_behind(void)
{
	each_mode(many_launches_leave_nothing);
}

static const struct test_case cases[] = {
	TEST_CASE(a_warm_program_sees_the_same_as_a_cold_one),
	TEST_CASE(actions_and_attributes_are_done_warm_as_cold),
	TEST_CASE(an_image_larger_than_the_gap_arrives_whole),
	TEST_CASE(a_warm_child_is_waited_for_as_a_cold_one),
	TEST_CASE(a_run_is_served_warm),
	TEST_CASE(descriptors_may_have_high_numbers),
	TEST_CASE(a_ring_is_served_warm),
	TEST_CASE(launches_of_many_threads_are_warm),
	TEST_CASE(launches_in_a_row_are_warm_without_a_wait),
	TEST_CASE(a_failed_action_is_told_as_by_a_cold_launch),
	TEST_CASE(launches_work_after_parked_processes_are_killed),
	TEST_CASE(launches_work_after_parked_processes_are_stopped),
	TEST_CASE(umask_signals_and_no_new_privs_are_given),
	TEST_CASE(limits_set_after_parking_hold),
	TEST_CASE(a_seccomp_filter_entered_after_parking_holds),
	TEST_CASE(a_landlock_domain_entered_after_parking_holds),
	TEST_CASE(a_smaller_bounding_set_holds),
	TEST_CASE(no_launch_escapes_a_chroot),
	TEST_CASE(changed_ids_are_refused),
	TEST_CASE(launches_that_cannot_be_warm_are_counted_as_cold),
	TEST_CASE(a_static_program_goes_cold),
	TEST_CASE(one_launch_parks_nothing),
	TEST_CASE(a_replaced_program_is_stale),
	TEST_CASE(a_parked_file_is_busy),
	TEST_CASE(close_ends_parked_processes),
	TEST_CASE(refresh_ends_parked_processes),
	TEST_CASE(parked_processes_end_with_their_caller),
	TEST_CASE(a_forked_child_uses_no_process_of_its_parent),
	TEST_CASE(many_warm_launches_leave_nothing_behind),
};
TEST_MAIN(cases)
