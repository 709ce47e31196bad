/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Old kernels and sandboxes: a filter answers for one system call after the
 * other, or for all at once, and the launch still does all that was asked, in
 * another way that stat counts. What has no other way fails and leaves nothing.
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
#define PIDFD_OPEN                   \
	{                            \
		.nr = SYS_pidfd_open \
	}

struct plan {
	struct filter filters[8];
	int errs[3]; /* each in a process of its own */
	uint32_t used; /* fallbacks that are counted */
	bool at_create; /* the template is made under the filter too */
	int fds; /* this many fds are open */
};

/* What one run of a plan needs. */
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
 * What is counted on this kernel, asked before any filter: without
 * CLOSE_RANGE_CLOEXEC (before 5.11) ranges are closed in any case, and what goes
 * by path anyway (before 6.14) does not fall back to it.
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

/* INHERIT_FDS: all fds that do not close at exec are there. */
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

/* No number below is free any more, so the next pidfd tells of many fds. */
static void fill(int fds)
{
	for (int fd = 3; fd < fds; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup2(0, fd));
	}
}

/*
 * In a thread: the filter is the thread's and what it starts, so that the
 * process itself can end in peace, with the work that sanitizers do then.
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

static void clone3_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3 },
		.errs = { ENOSYS, EPERM, EINVAL },
		.used = FALLBACK(CLONE),
	});
}

static void clone_pidfd_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD },
		.errs = { ENOSYS, EPERM, EINVAL },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD),
	});
}

static void close_range_cloexec_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_WITH_CLOEXEC },
		.errs = { EINVAL, ENOSYS, EPERM },
		.used = FALLBACK(RANGES),
	});
}

static void close_range_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_ALL },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(PROC_FD),
	});
}

/* The next way is taken without a count: nothing is done differently. */
static void close_range_unshare_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_WITH_UNSHARE },
		.errs = { EINVAL, ENOSYS, EPERM },
		.fds = 600,
	});
}

static void many_fds_close_range_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLOSE_RANGE_ALL },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(PROC_FD),
		.fds = 600,
	});
}

static void many_fds_all_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD) |
			FALLBACK(PATH),
		.fds = 600,
	});
}

static void execveat_missing(void)
{
	run_all(&(struct plan){
		.filters = { EXECVEAT },
		.errs = { ENOSYS, EPERM, EINVAL },
		.used = FALLBACK(PATH),
	});
}

/* Known when the template is made, it is no fallback of the launch. */
static void execveat_missing_at_create(void)
{
	run_all(&(struct plan){
		.filters = { EXECVEAT },
		.errs = { ENOSYS, EPERM, EINVAL },
		.at_create = true,
	});
}

static void faccessat2_missing(void)
{
	run_all(&(struct plan){
		.filters = { FACCESSAT2 },
		.errs = { ENOSYS, EPERM },
		.at_create = true,
	});
}

static void openat2_missing(void)
{
	run_all(&(struct plan){
		.filters = { OPENAT2 },
		.errs = { ENOSYS, EPERM },
		.at_create = true,
	});
}

/* Not needed as long as clone gives a pidfd. */
static void pidfd_open_missing(void)
{
	run_all(&(struct plan){
		.filters = { PIDFD_OPEN, CLONE3 },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(CLONE),
	});
}

/* ---- together ---- */

static void all_missing(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT, FACCESSAT2, OPENAT2 },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD) |
			FALLBACK(PATH),
	});
}

static void all_missing_at_create(void)
{
	run_all(&(struct plan){
		.filters = { CLONE3, CLONE_WITH_PIDFD, CLOSE_RANGE_ALL,
			     EXECVEAT, FACCESSAT2, OPENAT2 },
		.errs = { ENOSYS, EPERM },
		.used = FALLBACK(CLONE) | FALLBACK(PIDFD) | FALLBACK(PROC_FD),
		.at_create = true,
	});
}

/* ---- what has no other way ---- */

struct failing {
	struct filter filters[4];
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

/* A program that was to be confined must not start unconfined. */
static void into_cgroup_needs_clone3(void)
{
	int dir = CHECK_SYS(open("/", O_PATH | O_CLOEXEC));

	check_fails((struct failing){
		.filters = { CLONE3 },
		.args = { .flags = SPAWN_TEMPLATE_SPAWN_INTO_CGROUP,
			  .cgroup_fd = dir },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void no_way_to_a_pidfd(void)
{
	check_fails((struct failing){
		.filters = { CLONE3, CLONE_WITH_PIDFD, PIDFD_OPEN },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void no_way_to_a_child(void)
{
	check_fails((struct failing){
		.filters = { CLONE3, { .nr = SYS_clone } },
		.stage = SPAWN_TEMPLATE_STAGE_CLONE,
	});
}

static void no_way_to_exec(void)
{
	check_fails((struct failing){
		.filters = { EXECVEAT, { .nr = SYS_execve } },
		.stage = SPAWN_TEMPLATE_STAGE_EXEC,
	});
}

static void resolve_needs_openat2(void)
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

/* Nothing can be said about the file: no template, and no launch. */
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

static void statx_missing(void)
{
	int errs[] = { ENOSYS, EPERM };

	for (size_t i = 0; i < TEST_COUNT(errs); i++)
		test_in_child(statx_child, &errs[i]);
}

/* Not executable, and nobody there who can be asked: in the end exec is. */
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

static void not_executable(void)
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

static void no_proc(void)
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

/*
 * What the child calls and, of what the parent also calls, only its own. One that
 * is killed by exec itself counts as launched: test_wait() has __WALL for it.
 */
/* What a launch of the probe ends with: by fd, or by path on older kernels. */
static long exec_call(void)
{
	struct spawn_template_stat st;

	CHECK_OK(spawn_template_stat(make_template(), &st, sizeof(st)));
	return st.launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD ? SYS_execveat
							   : SYS_execve;
}

static void killed_by_filter(void)
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
	{ "clone3 missing: clone", clone3_missing, 60 },
	{ "CLONE_PIDFD missing: pidfd_open in the child", clone_pidfd_missing,
	  60 },
	{ "CLOSE_RANGE_CLOEXEC missing: ranges", close_range_cloexec_missing,
	  60 },
	{ "close_range missing: /proc/self/fd", close_range_missing, 60 },
	{ "CLOSE_RANGE_UNSHARE missing, many fds", close_range_unshare_missing,
	  60 },
	{ "close_range missing, many fds", many_fds_close_range_missing, 60 },
	{ "everything missing, many fds", many_fds_all_missing, 60 },
	{ "execveat missing: execve", execveat_missing, 60 },
	{ "execveat missing from the start: by path",
	  execveat_missing_at_create, 60 },
	{ "faccessat2 missing", faccessat2_missing, 60 },
	{ "openat2 missing: openat", openat2_missing, 60 },
	{ "pidfd_open missing", pidfd_open_missing, 60 },
	{ "everything missing", all_missing, 60 },
	{ "everything missing from the start", all_missing_at_create, 60 },
	{ "INTO_CGROUP needs clone3", into_cgroup_needs_clone3, 0 },
	{ "no way to a pidfd", no_way_to_a_pidfd, 0 },
	{ "no way to a child", no_way_to_a_child, 0 },
	{ "no way to exec", no_way_to_exec, 0 },
	{ "OPEN with RESOLVE_ flags needs openat2", resolve_needs_openat2, 0 },
	{ "statx missing: nothing launches", statx_missing, 0 },
	{ "nothing to ask whether it is executable: exec says so",
	  not_executable, 0 },
	{ "without /proc", no_proc, 0 },
	{ "child killed by a filter: ECHILD, nothing left", killed_by_filter,
	  60 },
};
TEST_MAIN(cases)
