/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared launches where only a guest can have them: with each setting of yama, in
 * cgroups with limits, and on an overlay.
 *
 * Runs as root in a guest, and as the last program there: yama's strictest setting stays
 * until the next boot. The program to prepare is the command, since the test's own tools
 * are static in a guest.
 */
#include "../parked.h"
#include "../running.h"

#include <sys/mount.h>
#include <sys/resource.h>

#define TOOL "spawn-template"
#define USER 64331
#define SCOPE "/proc/sys/kernel/yama/ptrace_scope"

static char *version[] = { TOOL, "--version", NULL };

/* Return: the output of a launch, which tells the version. */
static void launch_tool(int tfd)
{
	CHECK_HAS(test_output(tfd, version), TOOL);
}

/* Return: a template with a process that waits. */
static int ready_tool(const char *path, uint64_t flags)
{
	int tfd = open_warm(path, flags);

	launch_tool(tfd);
	launch_tool(tfd);
	await_ready(tfd);
	return tfd;
}

static void launches_are_prepared_on_this_kernel(void)
{
	const uint64_t ways[] = { ONCE, FORK };

	for (int i = 0; i < 2; i++) {
		int tfd = ready_tool(test_tool(TOOL), ways[i]);

		CHECK_WARM(tfd, launch_tool(tfd));
		CHECK_OK(spawn_template_close(tfd));
		await_no_children();
	}
}

/* ---- cgroups */

static void write_limit(const char *name, const char *text)
{
	write_file(test_fmt("%s/%s", running_cgroup, name), text);
}

/* Makes a cgroup that has this controller. Return: its descriptor. */
static int cgroup_with(const char *controller)
{
	int dir = make_cgroup();
	char *above = test_fmt("%s/..", running_cgroup);

	if (!strstr(test_read(test_fmt("%s/cgroup.controllers", above)),
		    controller))
		TEST_SKIP("cgroup v2 has no controller \"%s\"", controller);
	write_file(test_fmt("%s/cgroup.subtree_control", above),
		   test_fmt("+%s", controller));
	return dir;
}

static bool was_killed(void)
{
	const char *events =
		test_read(test_fmt("%s/memory.events", running_cgroup));
	const char *kills = strstr(events, "oom_kill ");

	return kills && atoi(kills + strlen("oom_kill ")) > 0;
}

static void set_oom_score(const char *text)
{
	write_file("/proc/self/oom_score_adj", text);
}

/*
 * The kernel ends all processes of a cgroup but this one, which waits there for
 * launches: these go on, and nothing is left.
 */
static void survives_no_memory(uint64_t flags)
{
	int tfd = ready_tool(test_tool(TOOL), flags), fds = test_count_fds();
	pid_t pids[16];
	int n = children(pids, 16), ended = 0;

	CHECK_GT(n, 0);
	set_oom_score("-1000");
	write_limit("memory.max", "0");
	for (int i = 0; i < 1000 && ended < n; i++) {
		nap();
		ended = 0;
		for (int k = 0; k < n; k++)
			ended += kill(pids[k], 0) < 0 ||
				 test_process_state(pids[k]) == 'Z';
	}
	write_limit("memory.max", "max");
	set_oom_score("0");
	CHECK(was_killed());
	CHECK_EQ(ended, n);
	launch_tool(tfd);
	launch_tool(tfd);
	CHECK_WARM(tfd, launch_tool(tfd));
	CHECK_EQ(stat_of(tfd).failed, 0);
	/* this thread and the keeper have files of /proc open */
	CHECK_LE(test_count_fds(), fds + 14);
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

static void a_pool_that_is_killed_for_lack_of_memory_is_renewed(void)
{
	CHECK_SYS(close(cgroup_with("memory")));
	write_limit("cgroup.procs", "0");
	survives_no_memory(ONCE);
	survives_no_memory(FORK);
}

/* Ending the processes that wait would give that cgroup no room. */
static void a_full_cgroup_of_a_launch_ends_no_waiting_process(void)
{
	int dir = cgroup_with("pids"), tfd = ready_tool(test_tool(TOOL), FORK);
	struct spawn_template_spawn_args args = test_args(NULL, version);
	struct spawn_template_begin *b = NULL;
	pid_t before[16], after[16];
	int n = children(before, 16);

	write_limit("pids.max", "0");
	args.flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	args.cgroup_fd = dir;
	CHECK_EQ(test_spawn_args(tfd, args), -EAGAIN);
	CHECK_EQ(spawn_template_begin(tfd, &args, sizeof(args), &b), -EAGAIN);
	CHECK_EQ(children(after, 16), n);
	CHECK_EQ(memcmp(before, after, (size_t)n * sizeof(*before)), 0);
	CHECK_WARM(tfd, launch_tool(tfd));
	CHECK_SYS(close(dir));
}

/* ---- overlays */

/* Mounts an overlay above a folder that has the program. Return: its path there. */
static char *tool_on_overlay(void)
{
	static const char *const folders[] = { "lower", "upper", "work", "o" };
	char *options;

	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	for (size_t i = 0; i < TEST_COUNT(folders); i++)
		CHECK_SYS(mkdir(test_path("%s", folders[i]), 0755));
	test_copy(test_tool(TOOL), test_path("lower/" TOOL), 0755);
	options = test_fmt("lowerdir=%s,upperdir=%s,workdir=%s",
			   test_path("lower"), test_path("upper"),
			   test_path("work"));
	if (mount("overlay", test_path("o"), "overlay", 0, options) < 0)
		TEST_SKIP("no overlay: %s", strerror(errno));
	return test_path("o/" TOOL);
}

/* Old kernels name the lower file in /proc/PID/maps: cold, with that reason. */
static int ready_on_overlay(const char *path, uint64_t flags)
{
	int tfd = open_warm(path, flags);

	for (int i = 0; i < 40 && !stat_of(tfd).warm_ready; i++) {
		launch_tool(tfd);
		if (stat_of(tfd).cold_reasons[COLD(PROGRAM)])
			TEST_SKIP("nothing is prepared on this overlay");
		usleep(250000);
	}
	await_ready(tfd);
	return tfd;
}

static void a_program_on_an_overlay_is_prepared(void)
{
	char *path = tool_on_overlay();
	int once = ready_on_overlay(path, ONCE);
	int tfd = ready_on_overlay(path, FORK);

	CHECK_WARM(once, launch_tool(once));
	CHECK_WARM(tfd, launch_tool(tfd));
}

/* Each way to replace the lower file is seen, also by a process that has it mapped. */
static void an_upgrade_through_an_overlay_is_seen(void)
{
	char *path = tool_on_overlay();
	struct spawn_template_spawn_args args = test_args(NULL, version);
	int tfd = ready_on_overlay(path, FORK), other;

	CHECK_SYS(chmod(path, 0700)); /* copies it to the upper layer */
	CHECK_EQ(test_spawn_args(tfd, args), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	launch_tool(tfd);
	launch_tool(tfd);
	CHECK_WARM(tfd, launch_tool(tfd));

	other = ready_tool(path, ONCE);
	test_copy(test_tool("tiny-7"), test_path("o/new"), 0755);
	CHECK_SYS(rename(test_path("o/new"), path));
	CHECK_EQ(test_spawn_args(tfd, args), -ESTALE);
	CHECK_EQ(test_spawn_args(other, args), -ESTALE);
	CHECK_OK(spawn_template_refresh(tfd));
	CHECK_EQ(test_spawn_args(tfd, args), 7);
}

/* ---- yama; the last ones */

static void set_scope(const char *text)
{
	if (access(SCOPE, W_OK) < 0)
		TEST_SKIP("this kernel has no yama");
	write_file(SCOPE, text);
	CHECK_EQ(atoi(test_read(SCOPE)), atoi(text));
}

/* All launches are cold, none fails, and the command tells of the remedy. */
static void all_are_cold(void)
{
	char *tool = test_tool(TOOL);
	char *tells[] = { TOOL, "warm", "--json", "--rounds", "1", tool, NULL };
	int tfd = open_warm(tool, FORK), status;
	struct spawn_template_spawn_args args = test_args(NULL, tells);

	/* no progress for the terminal */
	TEST_ACTIONS(&args, ACT_OPEN(AT_FDCWD, 2,
				     TEST_OPEN("/dev/null", O_WRONLY, 0, 0)));
	for (int i = 0; i < 6; i++) {
		launch_tool(tfd);
		nap();
	}
	CHECK_EQ(stat_of(tfd).cold, 6);
	CHECK_EQ(stat_of(tfd).failed, 0);
	CHECK_HAS(test_output_args(tfd, args, &status), "ptrace_scope=1");
	CHECK_EQ(status, 1);
	CHECK_OK(spawn_template_close(tfd));
	await_no_children();
}

static void become_user(void)
{
	CHECK_SYS(syscall(SYS_setresuid, USER, USER, USER));
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); /* may be traced */
}

static void with_scope_1_a_user_is_served(void)
{
	int tfd;

	set_scope("1");
	become_user();
	tfd = ready_tool(test_tool(TOOL), FORK);
	CHECK_WARM(tfd, launch_tool(tfd));
}

static void with_scope_2_all_launches_of_a_user_are_cold(void)
{
	set_scope("2");
	become_user();
	all_are_cold();
}

/* It has CAP_SYS_PTRACE. */
static void with_scope_2_root_is_served(void)
{
	int tfd;

	set_scope("2");
	tfd = ready_tool(test_tool(TOOL), FORK);
	CHECK_WARM(tfd, launch_tool(tfd));
}

static void with_scope_3_all_launches_are_cold(void)
{
	set_scope("3");
	all_are_cold();
}

static const struct test_case cases[] = {
	TEST_CASE(launches_are_prepared_on_this_kernel),
	TEST_CASE(a_pool_that_is_killed_for_lack_of_memory_is_renewed),
	TEST_CASE(a_full_cgroup_of_a_launch_ends_no_waiting_process),
	TEST_CASE(a_program_on_an_overlay_is_prepared),
	TEST_CASE(an_upgrade_through_an_overlay_is_seen),
	TEST_CASE(with_scope_1_a_user_is_served),
	TEST_CASE(with_scope_2_all_launches_of_a_user_are_cold),
	TEST_CASE(with_scope_2_root_is_served),
	TEST_CASE(with_scope_3_all_launches_are_cold),
};
TEST_MAIN(cases)
