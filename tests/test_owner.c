/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of cgroups that callers have left which were killed: the next run of
 * the same user removes those in which nothing lives, and thaws the others.
 */
#include "trees.h"

#define OTHER_UID 64124

/* The name of a directory that another process has made last. */
static char *last_name;

/*
 * Looks for the place anew, as a run does. It has another fd each time, since one
 * place is swept once a second.
 */
static void look_again(void)
{
	int fd = CHECK_SYS(open(running_cgroup, O_RDONLY | O_CLOEXEC));
	struct st_tree_home home;

	CHECK_EQ(st_tree_home_open(&home, fd, false), 0);
	st_tree_home_close(&home);
}

static void place(void)
{
	CHECK_SYS(close(make_cgroup()));
	last_name = mmap(NULL, ST_CGROUP_NAME, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(last_name != MAP_FAILED);
}

static char *path_of(const char *name, const char *file)
{
	return test_fmt("%s/%s/%s", running_cgroup, name, file);
}

static bool is_there(const char *name)
{
	return access(path_of(name, ""), F_OK) == 0;
}

static void forge(const char *name)
{
	CHECK_SYS(mkdir(path_of(name, ""), 0755));
}

/* Makes trees, and in the last of them, frozen, a process that calls fn. */
static void make_trees(int n, void (*fn)(void))
{
	struct st_tree_home home = {
		.dir = CHECK_SYS(open(running_cgroup, O_RDONLY | O_CLOEXEC)),
		.parent = -1,
		.lifeline = -1,
	};
	struct st_tree t;

	for (int i = 0; i < n; i++)
		CHECK_EQ(st_tree_make(&t, &home), 0);
	memcpy(last_name, t.name, ST_CGROUP_NAME);
	if (!fn)
		return;
	if (!CHECK_SYS(fork())) {
		write_file(path_of(t.name, "cgroup.procs"), "0");
		fn();
	}
	wait_enrolled(1);
	write_file(path_of(t.name, "cgroup.freeze"), "1");
}

/* Has a caller make trees and be killed. */
static void lose_trees(int n, void (*fn)(void), bool reap)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid) {
		make_trees(n, fn);
		raise(SIGKILL);
	}
	if (reap)
		CHECK_SYS(waitpid(pid, NULL, 0));
	else
		CHECK(state_within(pid, 'Z', 2000));
	CHECK_EQ(count_dirs(running_cgroup), n);
}

static void empty_directories_of_killed_callers_are_removed(void)
{
	place();
	lose_trees(3, NULL, true);
	look_again();
	CHECK_EQ(count_dirs(running_cgroup), 0);
	/* nobody waits for this one */
	lose_trees(2, NULL, false);
	look_again();
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void what_lives_in_a_directory_is_thawed_and_lives_on(void)
{
	pid_t pid;

	place();
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	tree_open();
	lose_trees(1, park_counting, true);
	pid = enrolled(0);
	CHECK_SYS(kill(pid, SIGTERM));
	sleep_ms(50);
	CHECK_EQ(atomic_load(&roll->who[0].terms), 0);
	look_again();
	CHECK(waits_for(&roll->who[0].terms, 1, 2000));
	CHECK_EQ(count_dirs(running_cgroup), 1);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_SYS(waitpid(pid, NULL, 0));
	look_again();
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* So is that of runs whose supervisor was killed, too. */
static void a_directory_below_one_that_was_left_is_thawed(void)
{
	char *inner;

	place();
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	lose_trees(1, NULL, true);
	inner = test_fmt("%s/%s", last_name, last_name);
	forge(inner);
	forge(test_fmt("%s/more", inner));
	tree_open();
	if (!CHECK_SYS(fork())) {
		write_file(path_of(inner, "cgroup.procs"), "0");
		park_counting();
	}
	wait_enrolled(1);
	write_file(path_of(inner, "cgroup.freeze"), "1");
	look_again();
	CHECK_STR(test_read(path_of(inner, "cgroup.freeze")), "0\n");
	CHECK_SYS(kill(enrolled(0), SIGKILL));
	CHECK_SYS(waitpid(enrolled(0), NULL, 0));
	look_again();
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void others_directories_stay(void)
{
	unsigned long long start, spaces;
	char mine[ST_CGROUP_NAME];
	int before, pid;

	place();
	lose_trees(1, NULL, true);
	CHECK_EQ(sscanf(last_name, "spawn-template.%d.%llu.%llx", &pid, &start,
			&spaces),
		 3);
	CHECK_SYS(rmdir(path_of(last_name, "")));
	st_owner_name(mine);
	forge(mine);
	forge("spawn-template.left");
	forge(test_fmt("spawn-template.%d.0", pid));
	forge(test_fmt("spawn-template.%d.0.%llx.1", pid, spaces));
	forge(test_fmt("spawn-template.%d.%llu.%llx.1", pid, start,
		       spaces + 1));
	forge(test_fmt("spawn-template.%d.%llu.%llx.1x", pid, start, spaces));
	forge(test_fmt("spawn-template.-1.%llu.%llx.1", start, spaces));
	forge(test_fmt("other.%d.%llu.%llx.1", pid, start, spaces));
	before = count_dirs(running_cgroup);
	look_again();
	/* the last place of a home is removed with it, as ever */
	CHECK(!is_there("spawn-template.left"));
	CHECK_EQ(count_dirs(running_cgroup), before - 1);
	/* a number that is used again is another process's */
	CHECK_EQ(sscanf(mine, "spawn-template.%d.%llu", &pid, &start), 2);
	forge(test_fmt("spawn-template.%d.%llu.%llx.2", pid, start - 1,
		       spaces));
	look_again();
	CHECK_EQ(count_dirs(running_cgroup), before - 1);
	CHECK(is_there(mine));
}

static void other_users_directories_stay(void)
{
	place();
	lose_trees(1, NULL, true);
	CHECK_SYS(chown(path_of(last_name, ""), OTHER_UID, OTHER_UID));
	look_again();
	CHECK(is_there(last_name));
	CHECK_SYS(chown(path_of(last_name, ""), 0, 0));
	look_again();
	CHECK(!is_there(last_name));
}

/* A child that is forked has another start than its parent, under any number. */
static void a_forked_child_names_itself(void)
{
	char mine[ST_CGROUP_NAME], *childs, *cut;

	place();
	CHECK_OK(test_probe()); /* the process has an epoch */
	st_owner_name(mine);
	st_owner_name(mine);
	sleep_ms(20);
	lose_trees(1, NULL, true);
	childs = strchr(strchr(last_name, '.') + 1, '.');
	cut = strchr(strchr(mine, '.') + 1, '.');
	CHECK_NE(strtoull(childs + 1, NULL, 10), strtoull(cut + 1, NULL, 10));
	look_again();
	CHECK(!is_there(last_name));
}

static const struct test_case cases[] = {
	TEST_CASE(empty_directories_of_killed_callers_are_removed),
	TEST_CASE(what_lives_in_a_directory_is_thawed_and_lives_on),
	TEST_CASE(a_directory_below_one_that_was_left_is_thawed),
	TEST_CASE(others_directories_stay),
	TEST_CASE(other_users_directories_stay),
	TEST_CASE(a_forked_child_names_itself),
};
TEST_MAIN(cases)
