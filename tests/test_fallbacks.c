/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Old kernels and sandboxes: a filter answers for one system call after the
 * other, or for all at once, and the launch still does all that was asked, in
 * another way that stat counts. A launch without another way fails and leaves
 * nothing.
 */
#include "much.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <linux/close_range.h>
#include <linux/sched.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define FALLBACK(name) (1U << SPAWN_TEMPLATE_FALLBACK_##name)

/* ---- filters ---- */

struct filter {
	long nr;
	unsigned int arg;
	uint64_t mask, value; /* 0: every call */
};

#define CLONE3                   \
	{                        \
		.nr = SYS_clone3 \
	}
#define CLONE_WITH_PIDFD                                        \
	{                                                       \
		.nr = SYS_clone, .arg = 0, .mask = CLONE_PIDFD, \
		.value = CLONE_PIDFD                            \
	}
#define CLONE_WITHOUT_SIGNAL                                                  \
	{                                                                     \
		.nr = SYS_clone, .arg = 0, .mask = CSIGNAL | CLONE_THREAD,    \
		.value = 0                                                    \
	}
#define CLOSE_RANGE_ALL               \
	{                             \
		.nr = SYS_close_range \
	}
#define CLOSE_RANGE_WITH_CLOEXEC                                              \
	{                                                                     \
		.nr = SYS_close_range, .arg = 2, .mask = CLOSE_RANGE_CLOEXEC, \
		.value = CLOSE_RANGE_CLOEXEC                                  \
	}
#define CLOSE_RANGE_WITH_UNSHARE                                              \
	{                                                                     \
		.nr = SYS_close_range, .arg = 2, .mask = CLOSE_RANGE_UNSHARE, \
		.value = CLOSE_RANGE_UNSHARE                                  \
	}
#define EXECVEAT                   \
	{                          \
		.nr = SYS_execveat \
	}
#define FACCESSAT2                   \
	{                            \
		.nr = SYS_faccessat2 \
	}
#define OPENAT2                   \
	{                         \
		.nr = SYS_openat2 \
	}
#define UNSHARE                   \
	{                         \
		.nr = SYS_unshare \
	}
#define PIDFD_OPEN                   \
	{                            \
		.nr = SYS_pidfd_open \
	}

struct plan {
	struct filter filters[8];
	int errs[5]; /* each in a process of its own */
	uint32_t used; /* fallbacks that are counted */
	bool at_create; /* the template is made under the filter too */
	int fds; /* this many fds are open */
};

/* A plan with one of its errnos. */
struct run {
	const struct plan *plan;
	int err;
};

static void install(const struct filter *filters, int err)
{
	for (const struct filter *f = filters; f->nr; f++)
		test_seccomp_arg(f->nr, f->arg, f->mask, f->value, err);
}

/*
 * The fallbacks that this kernel counts, asked for before any filter: without
 * CLOSE_RANGE_CLOEXEC (before 5.11) ranges are closed in any case, and a template
 * that launches by path anyway (before 6.14) does not fall back to the path. A
 * sandbox around the test may lack clone3, and deny unshare.
 */
static uint32_t on_this_kernel(int tfd, uint32_t used)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	if (st.launch_by == SPAWN_TEMPLATE_LAUNCH_BY_PATH)
		used &= ~FALLBACK(PATH);
	if (syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC) < 0 &&
	    !(used & FALLBACK(PROC_FD)))
		used |= FALLBACK(RANGES);
	if (!test_has_clone3())
		used |= FALLBACK(CLONE);
	if (used & FALLBACK(PIDFD) && used & FALLBACK(PROC_FD) &&
	    syscall(SYS_unshare, 0) < 0)
		used |= FALLBACK(FORK);
	return used;
}

static void check_counted(int tfd, uint32_t used, uint64_t launches)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(tfd, &st, sizeof(st)));
	CHECK_EQ(st.cold, launches);
	for (int i = 0; i < SPAWN_TEMPLATE_FALLBACKS_MAX; i++) {
		uint64_t want = used & (1U << i) ? launches : 0;

		if (st.fallbacks[i] != want)
			test_note("fallback %d", i);
		CHECK_EQ(st.fallbacks[i], want);
	}
}

/* The program has all fds that do not close at exec. */
static void check_inherit(int tfd)
{
	struct spawn_template_spawn_args args = test_args(
		NULL, TEST_ARGV("probe", "fd", "20", "fd", "60", "fd", "200"));
	char *out;

	args.flags = SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	out = test_output_args(tfd, args, NULL);
	CHECK_STR(test_value(out, "fdflags.20"), "0");
	CHECK_STR(test_value(out, "fdflags.60"), test_fmt("%d", -EBADF));
	CHECK_STR(test_value(out, "fdflags.200"), "0");
}

static int make_template(void)
{
	return CHECK_OK(spawn_template_open(test_tool("probe-static"), 0));
}

/* The next pidfd has a number of at least fds, which tells of many fds. */
static void fill(int fds)
{
	for (int fd = 3; fd < fds; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	}
}

/*
 * The filter is in force for this thread and its children only, so that sanitizers
 * can do their work when the process ends.
 */
static void *run_thread(void *arg)
{
	const struct run *run = arg;
	const struct plan *plan = run->plan;
	char *want, *want_setsid;
	uint32_t used;
	int tfd;

	want = much_output(make_template(), 0);
	want_setsid = much_output(make_template(), SPAWN_TEMPLATE_SPAWN_SETSID);
	much_check(want);
	tfd = make_template();
	used = on_this_kernel(tfd, plan->used);
	fill(plan->fds);
	install(plan->filters, run->err);
	if (plan->at_create)
		tfd = make_template();
	for (int i = 0; i < 3; i++)
		CHECK_STR(much_output(tfd, 0), want);
	check_counted(tfd, used, 3);
	CHECK_STR(much_output(tfd, SPAWN_TEMPLATE_SPAWN_SETSID), want_setsid);
	CHECK_STR(much_output(tfd, MUCH_OWN_MEMORY), want);
	CHECK_STR(much_output(CHECK_SYS(dup(tfd)), 0), want);
	check_inherit(tfd);
	return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, fn, arg), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(test_no_children());
}

static void run_plan(void *arg)
{
	much_scene();
	in_thread(run_thread, arg);
}

static void run_all(const struct plan *plan)
{
	test_tmpdir();
	for (size_t i = 0; i < TEST_COUNT(plan->errs) && plan->errs[i]; i++) {
		struct run run = { plan, plan->errs[i] };

		test_note("errno %d", run.err);
		test_in_child(run_plan, &run);
	}
}

/* ---- one at a time ---- */

static void clone_stands_in_for_clone3(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3 },
		.errs = { ENOSYS, EPERM, EACCES, EINVAL },
		.used = FALLBACK(CLONE),
	});
}

static void pidfd_open_stands_in_for_clone_pidfd(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD },
		.errs = { ENOSYS, EPERM, EACCES, EINVAL },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD),
	});
}

/* An emulator has fork(2) only: the child has memory of its own. */
static void fork_stands_in_for_a_clone_without_exit_signal(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITHOUT_SIGNAL },
		.errs = { EINVAL, ENOSYS, EACCES },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(FORK),
		.fds = 600,
	});
}

static void forked_launches_work_with_everything_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITHOUT_SIGNAL, CLOSE_RANGE_ALL,
			     EXECVEAT, FACCESSAT2, OPENAT2 },
		.errs = { ENOSYS, EPERM, EACCES },
		/* no child can be made to ask the kernel, so exec decides */
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(FORK) |
			FALLBACK(PROC_FD) | FALLBACK(PATH),
		.at_create = true,
	});
}

static void fork_stands_in_where_a_table_cannot_be_left(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     UNSHARE },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(FORK) |
			FALLBACK(PROC_FD),
		.fds = 600,
	});
}

static void ranges_stand_in_for_close_range_cloexec(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_WITH_CLOEXEC },
		.errs = { EINVAL, ENOSYS, EPERM, EACCES },
		.used = FALLBACK(RANGES),
	});
}

static void proc_self_fd_stands_in_for_close_range(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_ALL },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(PROC_FD),
	});
}

/* The library copies the whole table then, and counts no fallback. */
static void many_fds_need_no_close_range_unshare(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_WITH_UNSHARE },
		.errs = { EINVAL, ENOSYS, EPERM, EACCES },
		.fds = 600,
	});
}

static void many_fds_need_no_close_range(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_ALL },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(PROC_FD),
		.fds = 600,
	});
}

static void many_fds_launch_with_everything_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD) |
			FALLBACK(PATH),
		.fds = 600,
	});
}

static void execve_stands_in_for_execveat(void)
{
	run_all(&(struct plan){
		.filters = { EXECVEAT },
		.errs = { ENOSYS, EPERM, EACCES, EINVAL },
		.used = FALLBACK(PATH),
	});
}

/* The template notices it when it is made: its launches do not fall back. */
static void a_template_made_without_execveat_needs_no_fallback(void)
{
	run_all(&(struct plan){
		.filters = { EXECVEAT },
		.errs = { ENOSYS, EPERM, EACCES, EINVAL },
		.at_create = true,
	});
}

static void launches_need_no_faccessat2(void)
{
	run_all(&(struct plan){
		.filters = { FACCESSAT2 },
		.errs = { ENOSYS, EPERM, EACCES },
		.at_create = true,
	});
}

static void open_actions_need_no_openat2(void)
{
	run_all(&(struct plan){
		.filters = { OPENAT2 },
		.errs = { ENOSYS, EPERM, EACCES },
		.at_create = true,
	});
}

/* clone(2) gives the pidfd. */
static void clone_needs_no_pidfd_open(void)
{
	run_all(&(struct plan){
		.filters = { PIDFD_OPEN, CLONE3 },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(CLONE),
	});
}

/* ---- together ---- */

static void launches_work_with_everything_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT, FACCESSAT2, OPENAT2 },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD) |
			FALLBACK(PATH),
	});
}

static void templates_are_made_with_everything_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT, FACCESSAT2, OPENAT2 },
		.errs = { ENOSYS, EPERM, EACCES },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD),
		.at_create = true,
	});
}

/* ---- no other way ---- */

struct failing {
	struct filter filters[5];
	int err;
	struct spawn_template_spawn_args args;
	struct spawn_template_action action;
	uint32_t stage;
};

static void *fail_thread(void *arg)
{
	struct spawn_template_failure failure = { 0 };
	struct failing *f = arg;
	int tfd = make_template(), fds, mappings;

	CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), 0);
	install(f->filters, f->err);
	f->args.argv = (uintptr_t)TEST_ARGV("probe");
	f->args.failure = (uintptr_t)&failure;
	if (f->action.type) {
		f->args.actions = (uintptr_t)&f->action;
		f->args.actions_len = 1;
	}
	CHECK_EQ(test_spawn_args(tfd, f->args), -f->err);
	fds = test_count_fds();
	mappings = test_count_mappings();
	for (int i = 0; i < 10; i++)
		CHECK_EQ(test_spawn_args(tfd, f->args), -f->err);
	CHECK_EQ(failure.error, f->err);
	CHECK_EQ(failure.stage, f->stage);
	CHECK_EQ(test_count_fds(), fds);
	check_mappings(mappings);
	CHECK(test_no_children());
	return NULL;
}

static void fail_child(void *arg)
{
	in_thread(fail_thread, arg);
}

static void check_fails(struct failing f)
{
	const int errs[] = { ENOSYS, EPERM };

	for (size_t i = 0; i < TEST_COUNT(errs); i++) {
		f.err = errs[i];
		test_in_child(fail_child, &f);
	}
}

/* A program must not start outside the cgroup that was asked for. */
static void into_cgroup_needs_clone3(void)
{
	int dir = CHECK_SYS(open("/", O_PATH | O_CLOEXEC));

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	check_fails((struct failing){
		.filters = { CLONE3 },
		.args = { .flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP,
			  .cgroup_fd = dir },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void a_launch_fails_without_a_way_to_a_pidfd(void)
{
	check_fails((struct failing){
		.filters = { CLONE3, CLONE_WITH_PIDFD, PIDFD_OPEN },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void a_launch_fails_without_a_way_to_a_child(void)
{
	check_fails((struct failing){
		.filters = { CLONE3, { .nr = SYS_clone } },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void a_launch_fails_without_a_way_to_exec(void)
{
	check_fails((struct failing){
		.filters = { EXECVEAT, { .nr = SYS_execve } },
		.stage = SPAWN_TEMPLATE_STAGE_EXEC,
	});
}

static void a_forked_launch_fails_without_a_way_to_exec(void)
{
	check_fails((struct failing){
		.filters = { CLONE3,
			     CLONE_WITHOUT_SIGNAL,
			     EXECVEAT,
			     { .nr = SYS_execve } },
		.stage = SPAWN_TEMPLATE_STAGE_EXEC,
	});
}

static void a_forked_launch_fails_without_a_pidfd(void)
{
	check_fails((struct failing){
		.filters = { CLONE3, CLONE_WITHOUT_SIGNAL, PIDFD_OPEN },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void open_with_resolve_flags_needs_openat2(void)
{
	struct spawn_template_open open = {
		.path = (uintptr_t) "/dev/null",
		.how = { .resolve = RESOLVE_NO_SYMLINKS },
	};

	check_fails((struct failing){
		.filters = { OPENAT2 },
		.action = { .type = SPAWN_TEMPLATE_ACTION_OPEN,
			    .fd = AT_FDCWD,
			    .newfd = 5,
			    .arg = (uintptr_t)&open },
		.stage = SPAWN_TEMPLATE_STAGE_ACTION,
	});
}

/* Without statx(2) the library knows nothing about the file. */
static void *statx_thread(void *arg)
{
	int tfd = make_template(), err = *(int *)arg;
	int fds = test_count_fds();

	test_seccomp(SYS_statx, err);
	CHECK_LT(spawn_template_open(test_tool("probe-static"), 0), 0);
	CHECK_LT(test_spawn(tfd, TEST_ARGV("probe")), 0);
	CHECK_LT(spawn_template_check(tfd), 0);
	CHECK_EQ(test_count_fds(), fds);
	CHECK(test_no_children());
	return NULL;
}

static void statx_child(void *arg)
{
	in_thread(statx_thread, arg);
}

static void nothing_launches_without_statx(void)
{
	int errs[] = { ENOSYS, EPERM };

	for (size_t i = 0; i < TEST_COUNT(errs); i++)
		test_in_child(statx_child, &errs[i]);
}

/* Neither faccessat2(2) nor AT_EXECVE_CHECK can be asked, so exec decides. */
static void *not_executable_thread(void *arg)
{
	int tfd;

	test_seccomp(SYS_faccessat2, ENOSYS);
	test_seccomp_arg(SYS_execveat, 4, 0x10000, 0x10000, EINVAL);
	tfd = spawn_template_open(arg, 0);
	if (tfd >= 0)
		CHECK_EQ(test_spawn(tfd, TEST_ARGV("probe")), -EACCES);
	else
		CHECK_EQ(tfd, -EACCES);
	CHECK(test_no_children());
	return NULL;
}

static void exec_refuses_a_file_that_nothing_else_checked(void)
{
	test_copy(test_tool("probe-static"), test_path("tool"), 0644);
	in_thread(not_executable_thread, test_path("tool"));
}

/* ---- without /proc ---- */

static void *no_proc_thread(void *arg)
{
	struct spawn_template_create_args create = { 0 };
	const char *path = test_tool("tiny");
	int tfd, *done = arg;

	if (unshare(CLONE_FS | CLONE_NEWNS))
		return NULL;
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_SYS(umount2("/proc", MNT_DETACH));
	CHECK_EQ(access("/proc/self", F_OK), -1);
	tfd = CHECK_OK(spawn_template_open(path, 0));
	CHECK_EQ(test_spawn(tfd, TEST_ARGV("tiny")), 0);
	create.execfd = CHECK_SYS(open(path, O_PATH | O_CLOEXEC));
	CHECK_EQ(spawn_template_create(&create, sizeof(create)), -ENOENT);
	*done = 1;
	return NULL;
}

static void a_template_of_a_path_needs_no_proc(void)
{
	int done = 0;

	test_need_root();
	in_thread(no_proc_thread, &done);
	if (!done)
		TEST_SKIP("unshare(CLONE_NEWNS) is not allowed");
}

/* ---- filters that kill ---- */

struct killing {
	struct filter filter;
	uint64_t flags;
	int want;
};

static void *kill_thread(void *arg)
{
	const struct killing *k = arg;
	struct filter f = k->filter;
	struct much m;
	int tfd = make_template(), fds;

	much_ask(&m, k->flags);
	/* SIGDEFAULT and RLIMIT are not on every path below */
	m.args.actions_len -= 2;
	if (f.nr == SYS_statx) {
		f.mask = ~0ULL >> 32;
		f.value = (uint64_t)tfd;
	}
	fds = test_count_fds();
	test_seccomp_arg(f.nr, f.arg, f.mask, f.value, TEST_KILL);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(test_spawn_args(tfd, m.args), k->want);
		if (k->want < 0)
			CHECK_EQ(m.failure.error, -k->want);
		CHECK(test_no_children());
	}
	CHECK_EQ(test_count_fds(), fds);
	return NULL;
}

static void kill_child(void *arg)
{
	const struct rlimit none = { 0, 0 };

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	much_scene();
	in_thread(kill_thread, arg);
}

/* The exec call of a launch of the probe: by path on older kernels. */
static long exec_call(void)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(make_template(), &st, sizeof(st)));
	return st.launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD ? SYS_execveat
							   : SYS_execve;
}

/*
 * The filters match calls of the child only. A child that exec itself kills counts
 * as launched: test_wait() has __WALL for it.
 */
static void a_child_killed_by_a_filter_leaves_nothing(void)
{
	struct killing all[] = {
		{ { .nr = SYS_statx }, 0, -ECHILD },
		{ { .nr = SYS_chdir }, 0, -ECHILD },
		{ { .nr = SYS_openat2 }, 0, -ECHILD },
		{ { .nr = SYS_dup3 }, 0, -ECHILD },
		{ { .nr = SYS_umask }, 0, -ECHILD },
		{ { .nr = SYS_setpriority }, 0, -ECHILD },
		{ { .nr = SYS_setsid }, SPAWN_TEMPLATE_SPAWN_SETSID, -ECHILD },
		{ { .nr = SYS_setpgid },
		  SPAWN_TEMPLATE_SPAWN_SETPGROUP,
		  -ECHILD },
		{ { .nr = SYS_setresuid }, MUCH_OWN_MEMORY, -ECHILD },
		{ { .nr = SYS_setresgid }, MUCH_OWN_MEMORY, -ECHILD },
		{ { .nr = SYS_close_range }, 0, -ECHILD },
		{ { .nr = SYS_close_range }, MUCH_OWN_MEMORY, -ECHILD },
		{ { .nr = SYS_rt_sigaction }, 0, -ECHILD },
		{ { .nr = SYS_prctl }, 0, -ECHILD },
		{ { .nr = exec_call() }, 0, 128 + SIGSYS },
		{ { .nr = exec_call() }, MUCH_OWN_MEMORY, 128 + SIGSYS },
	};

	test_need_kill_of_child_only();
	test_tmpdir();
	for (size_t i = 0; i < TEST_COUNT(all); i++) {
		test_note("system call %ld", all[i].filter.nr);
		test_in_child(kill_child, &all[i]);
	}
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(clone_stands_in_for_clone3, 60),
	TEST_CASE_SECONDS(pidfd_open_stands_in_for_clone_pidfd, 60),
	TEST_CASE_SECONDS(fork_stands_in_for_a_clone_without_exit_signal, 60),
	TEST_CASE_SECONDS(forked_launches_work_with_everything_missing, 60),
	TEST_CASE_SECONDS(fork_stands_in_where_a_table_cannot_be_left, 60),
	TEST_CASE_SECONDS(ranges_stand_in_for_close_range_cloexec, 60),
	TEST_CASE_SECONDS(proc_self_fd_stands_in_for_close_range, 60),
	TEST_CASE_SECONDS(many_fds_need_no_close_range_unshare, 60),
	TEST_CASE_SECONDS(many_fds_need_no_close_range, 60),
	TEST_CASE_SECONDS(many_fds_launch_with_everything_missing, 60),
	TEST_CASE_SECONDS(execve_stands_in_for_execveat, 60),
	TEST_CASE_SECONDS(a_template_made_without_execveat_needs_no_fallback,
			  60),
	TEST_CASE_SECONDS(launches_need_no_faccessat2, 60),
	TEST_CASE_SECONDS(open_actions_need_no_openat2, 60),
	TEST_CASE_SECONDS(clone_needs_no_pidfd_open, 60),
	TEST_CASE_SECONDS(launches_work_with_everything_missing, 60),
	TEST_CASE_SECONDS(templates_are_made_with_everything_missing, 60),
	TEST_CASE(into_cgroup_needs_clone3),
	TEST_CASE(a_launch_fails_without_a_way_to_a_pidfd),
	TEST_CASE(a_launch_fails_without_a_way_to_a_child),
	TEST_CASE(a_launch_fails_without_a_way_to_exec),
	TEST_CASE(a_forked_launch_fails_without_a_way_to_exec),
	TEST_CASE(a_forked_launch_fails_without_a_pidfd),
	TEST_CASE(open_with_resolve_flags_needs_openat2),
	TEST_CASE(nothing_launches_without_statx),
	TEST_CASE(exec_refuses_a_file_that_nothing_else_checked),
	TEST_CASE(a_template_of_a_path_needs_no_proc),
	TEST_CASE_SECONDS(a_child_killed_by_a_filter_leaves_nothing, 60),
};
TEST_MAIN(cases)
