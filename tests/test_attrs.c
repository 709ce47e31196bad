/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes of a launch: session and group, umask, nice, ids, no_new_privs,
 * cgroup, parent-death signal. The cases show the effect on the program, that
 * the caller is left alone, and how each failure comes back.
 */
#include "harness.h"

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define FLAG(name) SPAWN_TEMPLATE_SPAWN_##name
#define STAGE_ATTR SPAWN_TEMPLATE_STAGE_ATTR

#define NOBODY 65534

/* The probe's report on itself; argv is used up to the launch. */
#define TELL(tfd, args, ...)                                        \
	((args)->argv = (uintptr_t)TEST_ARGV("probe", __VA_ARGS__), \
	 test_output_args(tfd, *(args), NULL))

static struct spawn_template_spawn_args with(uint64_t flags)
{
	struct spawn_template_spawn_args args = test_args(NULL, NULL);

	args.flags = flags;
	return args;
}

/* ---- session and process group ---- */

static void setpgroup_0_makes_a_new_group(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETPGROUP));
	char *text = TELL(test_probe(), &args, "pids");

	CHECK_STR(test_value(text, "pgrp"), test_value(text, "pid"));
	CHECK_STR(test_value(text, "sid"), test_fmt("%d", getsid(0)));
}

static void setpgroup_joins_an_existing_group(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETPGROUP));
	int tfd = test_probe(), pidfd;
	pid_t leader;
	char *text;

	args.argv = (uintptr_t)TEST_ARGV("probe", "pause");
	args.pidfd = (uintptr_t)&pidfd;
	leader = CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
	CHECK_EQ(getpgid(leader), leader);
	args.pgroup = leader;
	text = TELL(tfd, &args, "pids");
	CHECK_STR(test_value(text, "pgrp"), test_fmt("%d", leader));
	CHECK_SYS(kill(-leader, SIGTERM));
	CHECK_EQ(test_wait(pidfd), 128 + SIGTERM);
}

static void setpgroup_fails_with_eperm_at_the_attr_stage(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("probe"));
	int tfd = test_probe();

	args.flags = FLAG(SETPGROUP);
	args.pgroup = INT32_MAX;
	CHECK_FAILS(tfd, args, EPERM, STAGE_ATTR, 0);
	/* a session's leader is its group's leader, and stays so */
	args.flags = FLAG(SETPGROUP) | FLAG(SETSID);
	CHECK_FAILS(tfd, args, EPERM, STAGE_ATTR, 0);
}

static void setsid_makes_a_new_session(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETSID));
	char *text = TELL(test_probe(), &args, "pids");

	CHECK_STR(test_value(text, "sid"), test_value(text, "pid"));
	CHECK_STR(test_value(text, "pgrp"), test_value(text, "pid"));
	CHECK_STR(test_value(text, "foreground"), test_fmt("%d", -ENOTTY));
}

static void without_flags_nothing_changes(void)
{
	struct spawn_template_spawn_args args = with(0);
	char *text;

	args.pgroup = 1;
	args.umask = 0777;
	args.uid = args.gid = 7;
	args.nice = 9;
	args.n_groups = 4;
	umask(031);
	text = TELL(test_probe(), &args, "pids", "umask", "nice", "nnp",
		    "pdeathsig", "ids");
	CHECK_STR(test_value(text, "pgrp"), test_fmt("%d", getpgrp()));
	CHECK_STR(test_value(text, "ppid"), test_fmt("%d", getpid()));
	CHECK_STR(test_value(text, "umask"), "031");
	CHECK_STR(test_value(text, "nice"),
		  test_fmt("%d", getpriority(PRIO_PROCESS, 0)));
	CHECK_STR(test_value(text, "nnp"),
		  test_fmt("%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
	CHECK_STR(test_value(text, "pdeathsig"), "0");
	CHECK_STR(test_value(text, "uid"),
		  test_fmt("%u,%u,%u", getuid(), getuid(), getuid()));
}

/* ---- umask, nice, no_new_privs ---- */

static void umask_is_the_programs(void)
{
	static const unsigned int masks[] = { 0, 022, 077, 0777 };
	struct spawn_template_spawn_args args = with(FLAG(UMASK));
	int tfd = test_probe();

	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		args.umask = masks[i];
		CHECK_STR(test_value(TELL(tfd, &args, "umask"), "umask"),
			  test_fmt("%03o", masks[i]));
		CHECK_EQ(umask(022), 022);
	}
}

/* OPEN actions run with the caller's umask; the program has its own. */
static void umask_comes_after_actions(void)
{
	struct spawn_template_spawn_args args = with(FLAG(UMASK));
	char *before = test_path("before"), *after = test_path("after");
	struct stat st;

	args.umask = 077;
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 9,
			      TEST_OPEN(before, O_CREAT | O_WRONLY, 0666, 0)));
	TELL(test_probe(), &args, "touch", after);
	CHECK_SYS(stat(before, &st));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_SYS(stat(after, &st));
	CHECK_EQ(st.st_mode & 07777, 0600);
}

static void nice_is_absolute(void)
{
	struct spawn_template_spawn_args args = with(FLAG(NICE));
	int own = getpriority(PRIO_PROCESS, 0), tfd = test_probe();

	if (own < 3)
		own = 3;
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, own));
	args.nice = own < 15 ? own + 4 : 19;
	CHECK_STR(test_value(TELL(tfd, &args, "nice"), "nice"),
		  test_fmt("%d", args.nice));
	args.nice = 19;
	CHECK_STR(test_value(TELL(tfd, &args, "nice"), "nice"), "19");
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), own);
}

static void nice_may_be_below_zero_for_root(void)
{
	struct spawn_template_spawn_args args = with(FLAG(NICE));

	test_need_root();
	args.nice = -20;
	CHECK_STR(test_value(TELL(test_probe(), &args, "nice"), "nice"), "-20");
}

static void nice_below_zero_is_refused_without_the_right(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("true"));
	struct rlimit none = { 0, 0 };
	int tfd;

	if (test_is_root())
		CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	CHECK_SYS(setrlimit(RLIMIT_NICE, &none));
	tfd = CHECK_OK(spawn_template_open("/bin/true", CLOEXEC));
	args.flags = FLAG(NICE);
	args.nice = -20;
	CHECK_FAILS(tfd, args, EACCES, STAGE_ATTR, 0);
	args.nice = 19;
	CHECK_EQ(test_spawn_args(tfd, args), 0);
}

static void no_new_privs_is_set_for_the_program_only(void)
{
	struct spawn_template_spawn_args args = with(FLAG(NO_NEW_PRIVS));
	int tfd = test_probe();

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		TEST_SKIP("this test runs with no_new_privs");
	CHECK_STR(test_value(TELL(tfd, &args, "nnp"), "nnp"), "1");
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	args.flags = 0;
	CHECK_STR(test_value(TELL(tfd, &args, "nnp"), "nnp"), "0");
}

/* ---- ids ---- */

/* A probe that anybody may launch: the build directory may be closed. */
static int public_probe(void)
{
	return CHECK_OK(spawn_template_open(test_copy_probe("probe"), CLOEXEC));
}

static void setuid_sets_all_three_ids(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETUID));
	char *text;

	test_need_root();
	args.uid = NOBODY;
	text = TELL(public_probe(), &args, "ids");
	CHECK_STR(test_value(text, "uid"), "65534,65534,65534");
	CHECK_STR(test_value(text, "gid"), "0,0,0");
	CHECK_EQ(getuid(), 0);
}

static void setgid_sets_all_three_ids(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETGID));
	char *text;

	test_need_root();
	args.gid = 1234;
	text = TELL(public_probe(), &args, "ids");
	CHECK_STR(test_value(text, "gid"), "1234,1234,1234");
	CHECK_STR(test_value(text, "uid"), "0,0,0");
}

static void setgroups_sets_and_clears(void)
{
	struct spawn_template_spawn_args args = with(FLAG(SETGROUPS));
	gid_t groups[] = { 3, 1, 70000 }, here[] = { 11, 12 };
	int tfd;

	test_need_root();
	tfd = public_probe();
	CHECK_SYS(setgroups(2, here));
	args.groups = (uintptr_t)groups;
	args.n_groups = 3;
	CHECK_STR(test_value(TELL(tfd, &args, "ids"), "groups"), "1,3,70000");
	args.groups = 0;
	args.n_groups = 0;
	CHECK_STR(test_value(TELL(tfd, &args, "ids"), "groups"), "");
	args.flags = 0;
	CHECK_STR(test_value(TELL(tfd, &args, "ids"), "groups"), "11,12");
}

/* Each attribute comes before the one that takes away the right to it. */
static void ids_and_other_attributes_work_together(void)
{
	struct spawn_template_spawn_args args =
		with(FLAG(SETUID) | FLAG(SETGID) | FLAG(SETGROUPS) |
		     FLAG(NICE) | FLAG(NO_NEW_PRIVS) | FLAG(SETSID) |
		     FLAG(UMASK) | FLAG(DIE_WITH_PARENT));
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	gid_t group = 77;
	char *text;

	test_need_root();
	args.uid = NOBODY;
	args.gid = 1234;
	args.groups = (uintptr_t)&group;
	args.n_groups = 1;
	args.nice = -3;
	args.umask = 027;
	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_CORE, &core));
	text = TELL(public_probe(), &args, "ids", "nice", "nnp", "umask",
		    "pdeathsig", "pids", "fds");
	CHECK_STR(test_value(text, "uid"), "65534,65534,65534");
	CHECK_STR(test_value(text, "gid"), "1234,1234,1234");
	CHECK_STR(test_value(text, "groups"), "77");
	CHECK_STR(test_value(text, "nice"), "-3");
	CHECK_STR(test_value(text, "nnp"), "1");
	CHECK_STR(test_value(text, "umask"), "027");
	CHECK_STR(test_value(text, "pdeathsig"), test_fmt("%d", SIGKILL));
	CHECK_STR(test_value(text, "sid"), test_value(text, "pid"));
	CHECK_HAS_NOT(text, "fd.3=");
}

/* The child's change of ids does not reach the caller's memory. */
static void setuid_leaves_the_caller_dumpable(void)
{
	struct spawn_template_spawn_args args =
		with(FLAG(SETUID) | FLAG(SETGID));
	int tfd;

	test_need_root();
	tfd = public_probe();
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	args.uid = args.gid = NOBODY;
	for (int i = 0; i < 3; i++) {
		TELL(tfd, &args, "ids");
		CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	}
	CHECK_OK(spawn_template_check(tfd));
}

static void ids_that_may_not_be_taken_fail_with_eperm(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("true"));
	gid_t group = 1;
	int tfd;

	if (test_is_root())
		CHECK_SYS(setresuid(NOBODY, NOBODY, NOBODY));
	tfd = CHECK_OK(spawn_template_open("/bin/true", CLOEXEC));
	args.flags = FLAG(SETUID);
	CHECK_FAILS(tfd, args, EPERM, STAGE_ATTR, 0);
	args.flags = FLAG(SETGID);
	args.gid = 4321;
	CHECK_FAILS(tfd, args, EPERM, STAGE_ATTR, 0);
	args.flags = FLAG(SETGROUPS);
	args.groups = (uintptr_t)&group;
	args.n_groups = 1;
	CHECK_FAILS(tfd, args, EPERM, STAGE_ATTR, 0);
	/* the caller's own ids may be asked for */
	args.flags = FLAG(SETUID);
	args.uid = getuid();
	CHECK_EQ(test_spawn_args(tfd, args), 0);
}

/* A change of ids gives the child memory of its own. */
static void failures_in_a_child_with_own_memory_are_told(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("true"));
	char *closed = test_copy_probe("closed");
	int tfd = CHECK_OK(spawn_template_open("/bin/true", CLOEXEC));

	args.flags = FLAG(SETUID);
	args.uid = getuid();
	TEST_ACTIONS(&args, ACT_DUP2(1, 1), ACT_CLOSE(99));
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_ACTION, 1);
	args.actions_len = 1;
	CHECK_EQ(test_spawn_args(tfd, args), 0);
	test_need_root();
	/* the file is not for the new user to execute */
	CHECK_SYS(chmod(closed, 0700));
	tfd = CHECK_OK(spawn_template_open(closed, CLOEXEC));
	args.uid = NOBODY;
	CHECK_FAILS(tfd, args, EACCES, SPAWN_TEMPLATE_STAGE_EXEC, 0);
}

/* ---- cgroup ---- */

static char cgroup_dir[4096];

static void remove_cgroup(void)
{
	rmdir(cgroup_dir);
}

/* A new cgroup below the first cgroup2 mount; an fd of its directory. */
static int make_cgroup(void)
{
	char line[4096], mount[4096], *type;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int err = 0;

	CHECK(f);
	*mount = 0;
	while (!*mount && fgets(line, sizeof(line), f)) {
		type = strstr(line, " - cgroup2 ");
		if (type && sscanf(line, "%*s %*s %*s %*s %4095s", mount) != 1)
			*mount = 0;
	}
	fclose(f);
	if (!*mount)
		TEST_SKIP("no cgroup2 is mounted");
	snprintf(cgroup_dir, sizeof(cgroup_dir), "%.4000s/st-test-%d", mount,
		 getpid());
	if (mkdir(cgroup_dir, 0755))
		err = errno;
	if (err)
		TEST_SKIP("cannot make %s: %s", cgroup_dir, strerror(err));
	atexit(remove_cgroup);
	return CHECK_SYS(open(cgroup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void into_cgroup_starts_the_program_there(void)
{
	struct spawn_template_spawn_args args = with(FLAG(INTO_CGROUP));
	int tfd = test_probe();
	char *text, *procs;

	args.cgroup_fd = make_cgroup();
	text = TELL(tfd, &args, "cgroup", "fds");
	CHECK_HAS(test_value(text, "cgroup"), strrchr(cgroup_dir, '/'));
	CHECK_HAS_NOT(text, "fd.3=");
	procs = test_fmt("%s/cgroup.procs", cgroup_dir);
	CHECK_STR(test_read(procs), "");
	/* a launch without the flag stays where the caller is */
	args.flags = 0;
	text = TELL(tfd, &args, "cgroup");
	CHECK_HAS_NOT(test_value(text, "cgroup"), strrchr(cgroup_dir, '/'));
}

static void into_cgroup_works_with_ids_and_a_session(void)
{
	struct spawn_template_spawn_args args =
		with(FLAG(INTO_CGROUP) | FLAG(SETUID) | FLAG(SETSID));
	char *text;

	test_need_root();
	args.uid = NOBODY;
	args.cgroup_fd = make_cgroup();
	text = TELL(public_probe(), &args, "cgroup", "ids", "pids");
	CHECK_HAS(test_value(text, "cgroup"), strrchr(cgroup_dir, '/'));
	CHECK_STR(test_value(text, "uid"), "65534,65534,65534");
	CHECK_STR(test_value(text, "sid"), test_value(text, "pid"));
}

static void into_cgroup_refuses_what_is_no_cgroup(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("probe"));
	int tfd = test_probe();

	if (!test_has_clone3())
		TEST_SKIP("clone3(2) is not allowed here");
	args.flags = FLAG(INTO_CGROUP);
	args.cgroup_fd = 999;
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_CLONE, 0);
	args.cgroup_fd = 0;
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_CLONE, 0);
	args.cgroup_fd = CHECK_SYS(open("/", O_RDONLY | O_CLOEXEC));
	CHECK_FAILS(tfd, args, EBADF, SPAWN_TEMPLATE_STAGE_CLONE, 0);
}

/* The launch fails without clone3(2): it does not leave the cgroup out. */
static void into_cgroup_is_never_dropped(void)
{
	struct spawn_template_spawn_args args =
		test_args(&(int){ 0 }, TEST_ARGV("probe", "exit", "5"));
	int tfd = test_probe();

	args.cgroup_fd = make_cgroup();
	test_seccomp(SYS_clone3, ENOSYS);
	CHECK_EQ(test_spawn_args(tfd, args), 5);
	args.flags = FLAG(INTO_CGROUP);
	CHECK_FAILS(tfd, args, ENOSYS, SPAWN_TEMPLATE_STAGE_CLONE, 0);
}

/* ---- the parent's death ---- */

/* The program holds the write end of the pipe as its stdout until it is killed. */
static void launch_pausing(int out, uint64_t flags)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args = test_args(
		&pidfd, TEST_ARGV("probe", "write", "1", "r", "pause"));

	args.flags = flags;
	TEST_ACTIONS(&args, ACT_DUP2(out, 1));
	CHECK_OK(spawn_template_spawn(tfd, &args, sizeof(args)));
}

static void dying_parent(void *arg)
{
	int *pipes = arg;
	char c;

	launch_pausing(pipes[1], pipes[2] ? FLAG(DIE_WITH_PARENT) : 0);
	close(pipes[1]);
	CHECK_EQ(CHECK_SYS(read(pipes[0], &c, 1)), 1);
}

/* True when all writers of the pipe are gone within the time. */
static bool ends_within(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char c;

	return CHECK_SYS(poll(&pfd, 1, ms)) == 1 && read(fd, &c, 1) == 0;
}

static void die_with_parent_kills_the_program(void)
{
	int pipes[3];

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	pipes[2] = true;
	test_in_child(dying_parent, pipes);
	close(pipes[1]);
	CHECK(ends_within(pipes[0], 10000));
}

static void dying_parent_outside(void *pipes)
{
	CHECK_SYS(unshare(CLONE_NEWPID));
	dying_parent(pipes);
}

/* The program's parent has no number there. */
static void die_with_parent_kills_the_first_of_a_pid_namespace(void)
{
	int pipes[3];

	test_need_root();
	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	pipes[2] = true;
	test_in_child(dying_parent_outside, pipes);
	close(pipes[1]);
	CHECK(ends_within(pipes[0], 10000));
}

static void a_program_outlives_its_parent_without_the_flag(void)
{
	int pipes[3];

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	pipes[2] = false;
	test_in_child(dying_parent, pipes);
	close(pipes[1]);
	CHECK(!ends_within(pipes[0], 300));
}

static void *launching_thread(void *arg)
{
	launch_pausing(*(int *)arg, FLAG(DIE_WITH_PARENT));
	return NULL;
}

/* The signal is sent when the thread ends that launched, as documented. */
static void a_program_dies_with_the_thread_that_launched_it(void)
{
	pthread_t thread;
	int pipes[2];
	char c;

	CHECK_SYS(pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(pthread_create(&thread, NULL, launching_thread, &pipes[1]), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	close(pipes[1]);
	while (CHECK_SYS(read(pipes[0], &c, 1)) == 1)
		;
	CHECK_EQ(CHECK_SYS(waitpid(-1, NULL, 0)) > 0, true);
	CHECK(test_no_children());
}

/* A change of ids clears the signal, so it is set behind that. */
static void die_with_parent_survives_setuid(void)
{
	struct spawn_template_spawn_args args =
		with(FLAG(SETUID) | FLAG(DIE_WITH_PARENT));

	test_need_root();
	args.uid = NOBODY;
	CHECK_STR(test_value(TELL(public_probe(), &args, "pdeathsig"),
			     "pdeathsig"),
		  test_fmt("%d", SIGKILL));
}

static const struct test_case cases[] = {
	TEST_CASE(setpgroup_0_makes_a_new_group),
	TEST_CASE(setpgroup_joins_an_existing_group),
	TEST_CASE(setpgroup_fails_with_eperm_at_the_attr_stage),
	TEST_CASE(setsid_makes_a_new_session),
	TEST_CASE(without_flags_nothing_changes),
	TEST_CASE(umask_is_the_programs),
	TEST_CASE(umask_comes_after_actions),
	TEST_CASE(nice_is_absolute),
	TEST_CASE(nice_may_be_below_zero_for_root),
	TEST_CASE(nice_below_zero_is_refused_without_the_right),
	TEST_CASE(no_new_privs_is_set_for_the_program_only),
	TEST_CASE(setuid_sets_all_three_ids),
	TEST_CASE(setgid_sets_all_three_ids),
	TEST_CASE(setgroups_sets_and_clears),
	TEST_CASE(ids_and_other_attributes_work_together),
	TEST_CASE(setuid_leaves_the_caller_dumpable),
	TEST_CASE(ids_that_may_not_be_taken_fail_with_eperm),
	TEST_CASE(failures_in_a_child_with_own_memory_are_told),
	TEST_CASE(into_cgroup_starts_the_program_there),
	TEST_CASE(into_cgroup_works_with_ids_and_a_session),
	TEST_CASE(into_cgroup_refuses_what_is_no_cgroup),
	TEST_CASE(into_cgroup_is_never_dropped),
	TEST_CASE(die_with_parent_kills_the_program),
	TEST_CASE(die_with_parent_kills_the_first_of_a_pid_namespace),
	TEST_CASE(a_program_outlives_its_parent_without_the_flag),
	TEST_CASE(a_program_dies_with_the_thread_that_launched_it),
	TEST_CASE(die_with_parent_survives_setuid),
};
TEST_MAIN(cases)
