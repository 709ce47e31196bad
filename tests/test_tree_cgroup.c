/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees with a cgroup: how its place is found, how it is made, how all in it is
 * signalled with and without cgroup.kill, and how it is removed.
 *
 * A filter imitates a kernel without cgroup.kill (before Linux 5.14): the library
 * opens no other file of a cgroup for writing alone.
 */
#include "trees.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>

#define OTHER_UID 64124

/* ---- the place of a cgroup */

static void the_path_is_found_by_the_mount(void)
{
	static const struct {
		const char *own, *mount, *path;
	} cases[] = {
		{ "/", "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
		  "/sys/fs/cgroup" },
		{ "/a/b.scope",
		  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - "
		  "cgroup2 cgroup2 rw,nsdelegate",
		  "/sys/fs/cgroup/unified/a/b.scope" },
		/* mounts of other kinds, and broken lines */
		{ "/", "22 27 0:21 / /proc rw,relatime - proc proc rw", NULL },
		{ "/", "33 31 0:30 / /s/cpu rw - cgroup cgroup rw,cpu", NULL },
		{ "/", "33 31 0:30 / /s/cgroup2 rw - tmpfs cgroup2 rw", NULL },
		{ "/", "33 31 0:30 / /s rw - cgroup2fs x rw", NULL },
		{ "/", "33 31 0:30 / /s", NULL },
		{ "/", "33 - cgroup2 x rw", NULL },
		{ "/", "", NULL },
		/* escapes, in both fields */
		{ "/a b/c",
		  "1 2 0:3 /a\\040b /m\\011t\\134\\012 rw - cgroup2 n rw",
		  "/m\tt\\\n/c" },
		/* a mount of a part: bind mounts and containers */
		{ "/docker/abc", "1 2 0:3 /docker/abc /c rw - cgroup2 n rw",
		  "/c" },
		{ "/docker/abc/in/side",
		  "1 2 0:3 /docker/abc /c rw - cgroup2 n rw", "/c/in/side" },
		{ "/docker/abcd", "1 2 0:3 /docker/abc /c rw - cgroup2 n rw",
		  NULL },
		{ "/docker", "1 2 0:3 /docker/abc /c rw - cgroup2 n rw", NULL },
		{ "/", "1 2 0:3 /docker/abc /c rw - cgroup2 n rw", NULL },
		/* outside of the cgroup namespace */
		{ "/", "1 2 0:3 /.. /c rw - cgroup2 n rw", NULL },
		{ "/../x", "1 2 0:3 / /c rw - cgroup2 n rw", NULL },
		{ "/../x", "1 2 0:3 /.. /c rw - cgroup2 n rw", NULL },
		/* the cgroup may be gone, or be called so */
		{ "/a (deleted)", "1 2 0:3 / /c rw - cgroup2 n rw",
		  "/c/a (deleted)" },
		/* the mount's place is longer than the path may be */
		{ "/a",
		  "1 2 0:3 / /123456789012345678901234567890 rw - cgroup2 n rw",
		  NULL },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		char path[32 + 8];
		char *line = strdup(cases[i].mount);
		size_t size = i + 1 == TEST_COUNT(cases) ? 32 : sizeof(path);
		bool is = st_cgroup_path(cases[i].own, line, path, size);

		test_doing("%s, %s", cases[i].own, cases[i].mount);
		CHECK_EQ(is, cases[i].path != NULL);
		if (is)
			CHECK_STR(path, cases[i].path);
		free(line);
	}
}

/* True for the directory of the cgroup that this process is in. */
static bool is_own(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char *text = test_fmt("\n%s", test_read_fd(fd));

	CHECK_SYS(close(fd));
	return strstr(text, test_fmt("\n%d\n", getpid())) != NULL;
}

static int find_own(void)
{
	struct st_tree_home home;
	int ret = st_tree_home_open(&home, -1, false);

	if (ret < 0) {
		CHECK_EQ(home.dir, -1);
		return ret;
	}
	CHECK(is_own(home.dir));
	CHECK(fcntl(home.dir, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(home.lifeline, -1);
	st_tree_home_close(&home);
	CHECK_EQ(home.dir, -1);
	return 0;
}

/*
 * Goes on in a child, in a cgroup of the test's and in a mount namespace of its own.
 * The parent can still remove the cgroup.
 */
static void enter_private(void)
{
	pid_t pid;
	int status;

	CHECK_SYS(close(make_cgroup()));
	pid = CHECK_SYS(fork());
	if (pid) {
		CHECK_SYS(waitpid(pid, &status, 0));
		CHECK(WIFEXITED(status));
		exit(WEXITSTATUS(status));
	}
	enter_cgroup();
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static char *mount_point(void)
{
	static char path[4096];

	find_mount("cgroup2", "", path);
	CHECK(*path);
	return path;
}

static void the_own_cgroup_is_found(void)
{
	CHECK_SYS(close(make_cgroup()));
	enter_cgroup();
	CHECK_EQ(find_own(), 0);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void *find_own_in_thread(void *arg)
{
	CHECK_EQ(find_own(), 0);
	return arg;
}

static void the_own_cgroup_is_found_by_threads(void)
{
	CHECK_SYS(close(make_cgroup()));
	enter_cgroup();
	for (int i = 0; i < 3; i++)
		join_thread(start_thread(find_own_in_thread, NULL));
}

/* One mount shows another part; the right one is elsewhere and has a space. */
static void the_own_cgroup_is_found_by_a_bind_mount(void)
{
	char *elsewhere = test_path("else where"), *other;

	enter_private();
	other = test_fmt("%s/other", running_cgroup);
	CHECK_SYS(mkdir(other, 0755));
	CHECK_SYS(mkdir(elsewhere, 0755));
	CHECK_SYS(mkdir(test_path("part"), 0755));
	CHECK_SYS(mount(other, test_path("part"), NULL, MS_BIND, NULL));
	CHECK_SYS(mount(running_cgroup, elsewhere, NULL, MS_BIND, NULL));
	CHECK_SYS(umount2(mount_point(), MNT_DETACH));
	CHECK_EQ(find_own(), 0);
	CHECK_SYS(umount2(elsewhere, MNT_DETACH));
	CHECK_EQ(find_own(), -EOPNOTSUPP);
	CHECK_SYS(mount(elsewhere, elsewhere, NULL, MS_BIND, NULL));
	CHECK_EQ(find_own(), -EOPNOTSUPP);
}

static void the_own_cgroup_is_found_in_a_namespace(void)
{
	char *mounted = test_path("mount");

	enter_private();
	if (unshare(CLONE_NEWCGROUP))
		TEST_SKIP("no cgroup namespace: %s", strerror(errno));
	/* the mount belongs to another namespace, so its paths mean nothing */
	CHECK_EQ(find_own(), -EOPNOTSUPP);
	CHECK_SYS(mkdir(mounted, 0755));
	CHECK_SYS(mount("none", mounted, "cgroup2", 0, NULL));
	CHECK_EQ(find_own(), 0);
	/* a process outside of the namespace's root has no place */
	write_file(test_fmt("%s/../cgroup.procs", running_cgroup), "0");
	CHECK_EQ(find_own(), -EOPNOTSUPP);
}

static void a_read_only_cgroup_is_no_place(void)
{
	enter_private();
	CHECK_EQ(find_own(), 0);
	CHECK_SYS(mount(NULL, mount_point(), NULL,
			MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	CHECK_EQ(find_own(), -EOPNOTSUPP);
}

static void an_unmounted_cgroup_is_no_place(void)
{
	enter_private();
	CHECK_SYS(umount2(mount_point(), MNT_DETACH));
	CHECK_EQ(find_own(), -EOPNOTSUPP);
}

/* Another file system with the same directory is mounted over it. */
static void a_covered_cgroup_is_no_place(void)
{
	char *mount_at;

	enter_private();
	mount_at = strdup(mount_point());
	CHECK_SYS(mount("tmpfs", mount_at, "tmpfs", 0, NULL));
	CHECK_SYS(mkdir(running_cgroup, 0755));
	test_write(test_fmt("%s/cgroup.procs", running_cgroup), "", 0644);
	CHECK_EQ(find_own(), -EOPNOTSUPP);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK_SYS(umount(mount_at));
	CHECK_EQ(find_own(), 0);
	free(mount_at);
}

static void no_place_is_found_without_proc(void)
{
	enter_private();
	CHECK_SYS(mount("tmpfs", "/proc", "tmpfs", 0, NULL));
	CHECK_EQ(find_own(), -EOPNOTSUPP);
	CHECK_SYS(umount("/proc"));
}

static void chown_cgroup(const char *dir, const char *file)
{
	CHECK_SYS(chown(*file ? test_fmt("%s/%s", dir, file) : dir, OTHER_UID,
			OTHER_UID));
}

static void as_another(void *arg)
{
	CHECK_SYS(setresgid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
	CHECK_EQ(find_own(), *(int *)arg);
}

/* The user must own the directory, and cgroup.procs of it. */
static void the_own_cgroup_must_be_delegated(void)
{
	int no = -EOPNOTSUPP, yes = 0;

	CHECK_SYS(close(make_cgroup()));
	enter_cgroup();
	test_in_child(as_another, &no);
	chown_cgroup(running_cgroup, "cgroup.procs");
	test_in_child(as_another, &no);
	chown_cgroup(running_cgroup, "");
	test_in_child(as_another, &yes);
	CHECK_SYS(chown(test_fmt("%s/cgroup.procs", running_cgroup), 0, 0));
	test_in_child(as_another, &no);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- making cgroups */

static struct st_tree_home home_in(int dir)
{
	struct st_tree_home home;

	CHECK_EQ(st_tree_home_open(&home, dir, false), 0);
	CHECK_NE(home.dir, dir);
	return home;
}

static void fds_of_no_cgroup_are_ebadf(void)
{
	int fds[2], plain = CHECK_SYS(open("/", O_RDONLY | O_CLOEXEC));
	int file = CHECK_SYS(open("/dev/null", O_RDONLY | O_CLOEXEC));
	int closed = CHECK_SYS(dup(plain));
	int before;

	CHECK_SYS(pipe(fds));
	CHECK_SYS(close(closed));
	before = test_count_fds();
	for (int supervise = 0; supervise < 2; supervise++) {
		struct st_tree_home home;

		CHECK_EQ(st_tree_home_open(&home, closed, supervise), -EBADF);
		CHECK_EQ(st_tree_home_open(&home, plain, supervise), -EBADF);
		CHECK_EQ(st_tree_home_open(&home, file, supervise), -EBADF);
		CHECK_EQ(st_tree_home_open(&home, fds[0], supervise), -EBADF);
		CHECK_EQ(home.dir, -1);
		st_tree_home_close(&home);
		st_tree_home_close(&home);
	}
	CHECK_EQ(test_count_fds(), before);
	CHECK(test_no_children());
}

static void cgroups_are_made_and_removed(void)
{
	int dir = make_cgroup(), before = test_count_fds();
	struct st_tree_home home = home_in(dir);
	struct st_tree t[3];

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(st_tree_make(&t[i], &home), 0);
		CHECK(fcntl(t[i].cgroup, F_GETFD) & FD_CLOEXEC);
		CHECK_EQ(count_dirs(running_cgroup), i + 1);
		CHECK_EQ(access(test_fmt("%s/%s", running_cgroup, t[i].name),
				F_OK),
			 0);
		CHECK_HAS(t[i].name, test_fmt("spawn-template.%d.", getpid()));
		for (int j = 0; j < i; j++)
			CHECK(strcmp(t[i].name, t[j].name));
	}
	for (int i = 0; i < 3; i++) {
		st_tree_remove(&t[i]);
		CHECK_EQ(t[i].cgroup, -1);
		CHECK_EQ(count_dirs(running_cgroup), 2 - i);
		st_tree_remove(&t[i]);
	}
	st_tree_home_close(&home);
	CHECK_EQ(test_count_fds(), before);
}

static void a_tree_without_a_home_has_no_cgroup(void)
{
	struct st_tree t;

	memset(&t, 0x5a, sizeof(t));
	CHECK_EQ(st_tree_make(&t, NULL), 0);
	CHECK_EQ(t.cgroup, -1);
	CHECK_EQ(t.pidfd, -1);
	CHECK(!t.members);
	st_tree_remove(&t);
}

/* Without /proc, a process of another namespace may use the same names. */
static void names_in_use_are_passed_over(void)
{
	struct st_tree_home home = home_in(make_cgroup());
	struct st_tree t;
	unsigned long long serial;
	int stem;

	CHECK_EQ(st_tree_make(&t, &home), 0);
	stem = (int)(strrchr(t.name, '.') - t.name);
	serial = strtoull(t.name + stem + 1, NULL, 10);
	st_tree_remove(&t);
	for (unsigned int i = 1; i < 5; i++)
		CHECK_SYS(mkdir(test_fmt("%s/%.*s.%llu", running_cgroup, stem,
					 t.name, serial + i),
				0755));
	CHECK_EQ(st_tree_make(&t, &home), 0);
	CHECK_EQ(strtoull(strrchr(t.name, '.') + 1, NULL, 10), serial + 5);
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 4);
}

static void the_longest_name_fits(void)
{
	char longest[128];

	CHECK_LT(snprintf(longest, sizeof(longest),
			  "spawn-template.%d.%llu.%llx.%llu", INT32_MAX, ~0ULL,
			  ~0ULL, ~0ULL),
		 (int)ST_CGROUP_NAME);
}

static void tick(int sig)
{
	(void)sig;
}

static void a_wait_takes_its_time_under_signals(void)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } }, off = { 0 };
	uint64_t start = now_ms();
	int dir = make_cgroup();

	CHECK(signal(SIGALRM, tick) != SIG_ERR);
	CHECK_SYS(setitimer(ITIMER_REAL, &often, NULL));
	CHECK(!walk_wait_event(dir, &st_walk_names, 'p', 1, 200));
	CHECK_SYS(setitimer(ITIMER_REAL, &off, NULL));
	CHECK_GE(now_ms() - start, 200);
}

static void a_tree_without_room_is_eagain_or_has_no_cgroup(void)
{
	int dir = make_cgroup();
	struct st_tree_home home = home_in(dir);
	struct st_tree t;

	write_file(test_fmt("%s/cgroup.max.descendants", running_cgroup), "0");
	CHECK_EQ(st_tree_make(&t, &home), -EAGAIN);
	CHECK_EQ(t.cgroup, -1);
	st_tree_remove(&t);
	CHECK_EQ(st_tree_make_or_none(&t, &home), 0);
	CHECK_EQ(t.cgroup, -1);
	st_tree_remove(&t);
	/* a full cgroup is a place all the same */
	enter_cgroup();
	CHECK_EQ(find_own(), 0);
	CHECK_EQ(st_tree_home_open(&home, dir, true), -EAGAIN);
	CHECK(test_no_children());
}

static void a_tree_without_free_fds_is_emfile(void)
{
	int dir = make_cgroup(), fd = CHECK_SYS(dup(0));
	struct st_tree_home home = home_in(dir), more;
	struct rlimit limit = { (rlim_t)fd, 1024 };
	struct st_tree t;

	CHECK_EQ(home.dir, fd + 1);
	CHECK_SYS(close(fd));
	/* the only free number is not below the limit */
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(st_tree_make(&t, &home), -EMFILE);
	CHECK_EQ(st_tree_make_or_none(&t, &home), -EMFILE);
	CHECK_EQ(st_tree_home_open(&more, dir, false), -EMFILE);
	CHECK_EQ(st_tree_home_open(&more, -1, false), -EMFILE);
	limit.rlim_cur = 1024;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* A cgroup below a threaded one can be made, but takes no process. */
static void a_threaded_cgroup_is_no_place(void)
{
	char *inner;
	struct st_tree_home home;
	struct st_tree t;
	int dir = make_cgroup();

	CHECK_SYS(close(dir));
	inner = test_fmt("%s/inner", running_cgroup);
	CHECK_SYS(mkdir(inner, 0755));
	write_file(test_fmt("%s/cgroup.type", inner), "threaded");
	dir = CHECK_SYS(open(inner, O_RDONLY | O_CLOEXEC));
	home = home_in(dir);
	CHECK_EQ(st_tree_make(&t, &home), -EOPNOTSUPP);
	CHECK_EQ(count_dirs(inner), 0);
	CHECK_EQ(st_tree_home_open(&home, dir, true), -EOPNOTSUPP);
	CHECK_EQ(count_dirs(inner), 0);
	CHECK(test_no_children());
}

/* ---- a tree in a cgroup */

static struct st_tree_home nest;
static struct st_tree *planted;

static void go_into(int dir, const char *name)
{
	/* O_RDWR: see without_cgroup_kill() */
	int fd = CHECK_SYS(openat(dir, test_fmt("%s/cgroup.procs", name),
				  O_RDWR | O_CLOEXEC));

	CHECK_EQ(CHECK_SYS(write(fd, "0", 1)), 1);
	CHECK_SYS(close(fd));
}

/* Unlike grow(), this makes a cgroup and puts the tree into it. */
static struct st_tree plant(void (*fn)(void), int n)
{
	static struct st_tree t;
	pid_t pid;

	if (nest.dir <= 0)
		nest = home_in(make_cgroup());
	if (roll) {
		atomic_store(&roll->n, 0);
		CHECK_SYS(close(roll_pipe[0]));
		CHECK_SYS(pipe2(roll_pipe, O_CLOEXEC));
	} else {
		tree_open();
	}
	CHECK_EQ(st_tree_make(&t, &nest), 0);
	planted = &t;
	pid = CHECK_SYS(fork());
	if (!pid) {
		go_into(t.cgroup, ".");
		setpgid(0, 0);
		fn();
		_exit(0);
	}
	wait_enrolled(n);
	t.pid = pid;
	t.pidfd = open_pidfd(pid);
	return t;
}

static void kill_planted(struct st_tree *t)
{
	CHECK_EQ(st_tree_signal(t, SIGKILL), 0);
	CHECK(empty_within(t, 2000));
	check_ended(t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* Imitates a kernel before Linux 5.14. */
static void without_cgroup_kill(void)
{
	test_seccomp_arg(SYS_openat, 2, ~0ULL, O_WRONLY | O_CLOEXEC, ENOENT);
}

static void hidden(void)
{
	setsid();
	branch_orphan(park_stubborn);
	park_stubborn();
}

static void daemons(void)
{
	branch_orphan(hidden);
	branch_orphan(hidden);
	branch(hidden);
	park_stubborn();
}

static void daemons_are_ended(void)
{
	struct st_tree t = plant(daemons, 7);

	CHECK_EQ(st_tree_signal(&t, 0), 0);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(!st_tree_empty(&t));
	kill_planted(&t);
}

static void daemons_are_ended_without_cgroup_kill(void)
{
	struct st_tree t = plant(daemons, 7);

	without_cgroup_kill();
	kill_planted(&t);
}

/* The tree makes cgroups below its own and goes into them. */
static void settle_below(void)
{
	static const char *const names[] = { "a",   "a/b", "a/b/c", "d",
					     "d/e", "d/f", "d/f/t" };

	for (size_t i = 0; i < TEST_COUNT(names); i++)
		CHECK_SYS(mkdirat(planted->cgroup, names[i], 0755));
	for (size_t i = 0; i < TEST_COUNT(names); i++) {
		if (fork() == 0) {
			go_into(planted->cgroup, names[i]);
			branch_orphan(hidden);
			park_stubborn();
		}
	}
	park_stubborn();
}

static void cgroups_below_are_ended(void)
{
	struct st_tree t = plant(settle_below, 22);

	kill_planted(&t);
	without_cgroup_kill();
	t = plant(settle_below, 22);
	kill_planted(&t);
}

/* Makes directories in its cgroup, as fast as it can. */
static void floods(void)
{
	signal(SIGTERM, SIG_IGN);
	enrol();
	for (int i = 0; i < 20000; i++)
		mkdirat(planted->cgroup, test_fmt("%d", i), 0755);
	for (;;)
		pause();
}

/* The flood delays neither signals nor the removal of its directories. */
static void a_flood_of_directories_delays_no_end(void)
{
	struct st_tree t = plant(floods, 1);
	uint64_t start;

	sleep_ms(300);
	start = now_ms();
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK(empty_within(&t, 5000));
	check_ended(&t);
	test_note("%d ms", (int)(now_ms() - start));
	CHECK_LE(now_ms() - start, at_most_ms(5000));
}

/* The cgroups are deeper than any stack of fds, and wider than a buffer. */
static void deep_and_wide(void)
{
	int fd = CHECK_SYS(dup(planted->cgroup)), next;

	for (int i = 0; i < 60; i++)
		CHECK_SYS(
			mkdirat(planted->cgroup, test_fmt("wide-%d", i), 0755));
	for (int i = 0; i < 60; i++) {
		CHECK_SYS(mkdirat(fd, "deep", 0755));
		next = CHECK_SYS(openat(fd, "deep", O_RDONLY));
		CHECK_SYS(close(fd));
		fd = next;
	}
	for (int i = 0; i < 60; i += 10) {
		if (fork() == 0) {
			go_into(planted->cgroup, test_fmt("wide-%d", i));
			park_stubborn();
		}
	}
	if (fork() == 0) {
		go_into(fd, ".");
		park_stubborn();
	}
	CHECK_SYS(close(fd));
	park_stubborn();
}

static void deep_and_wide_cgroups_are_ended(void)
{
	struct st_tree t;

	without_cgroup_kill();
	t = plant(deep_and_wide, 8);
	kill_planted(&t);
}

static void threaded_below(void)
{
	CHECK_SYS(mkdirat(planted->cgroup, "t", 0755));
	if (fork() == 0) {
		int fd = CHECK_SYS(openat(planted->cgroup, "t/cgroup.type",
					  O_WRONLY | O_CLOEXEC));

		CHECK_EQ(CHECK_SYS(write(fd, "threaded", 8)), 8);
		CHECK_SYS(close(fd));
		fd = CHECK_SYS(openat(planted->cgroup, "t/cgroup.threads",
				      O_WRONLY | O_CLOEXEC));
		CHECK_EQ(CHECK_SYS(write(fd, "0", 1)), 1);
		CHECK_SYS(close(fd));
		park_stubborn();
	}
	park_stubborn();
}

static void threaded_cgroups_are_ended(void)
{
	struct st_tree t = plant(threaded_below, 2);

	kill_planted(&t);
}

static void threaded_cgroups_are_ended_without_cgroup_kill(void)
{
	struct st_tree t = plant(threaded_below, 2);

	without_cgroup_kill();
	kill_planted(&t);
}

static void an_empty_cgroup_is_esrch(void)
{
	struct st_tree t = plant(enrol, 1);

	CHECK(empty_within(&t, 5000));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
	CHECK_EQ(st_tree_signal(&t, SIGKILL), -ESRCH);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), -ESRCH);
	CHECK_EQ(st_tree_signal(&t, 0), -ESRCH);
	CHECK(st_tree_empty(&t));
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- each once */

static void counting_below(void)
{
	CHECK_SYS(mkdirat(planted->cgroup, "sub", 0755));
	branch_orphan(park_counting);
	wait_enrolled(1);
	if (fork() == 0) {
		go_into(planted->cgroup, "sub");
		setsid();
		park_counting();
	}
	wait_enrolled(2);
	park_counting();
}

static void each_process_gets_a_signal_once(void)
{
	struct st_tree t = plant(counting_below, 3);

	for (int round = 1; round <= 3; round++) {
		CHECK_EQ(st_tree_signal(&t, COUNTED), 0);
		CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
		for (int i = 0; i < 3; i++) {
			CHECK(waits_for(&roll->who[i].counted, round, 2000));
			CHECK(waits_for(&roll->who[i].terms, round, 2000));
		}
	}
	sleep_ms(50);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(atomic_load(&roll->who[i].counted), 3);
		CHECK_EQ(atomic_load(&roll->who[i].terms), 3);
	}
	kill_planted(&t);
}

static void stops(void)
{
	branch(park);
	enrol();
	for (;;)
		raise(SIGSTOP);
}

static void stopped_processes_are_ended(void)
{
	struct st_tree t = plant(stops, 2);

	CHECK(state_within(t.pid, 'T', 2000));
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(empty_within(&t, 2000));
	check_ended(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	t = plant(stops, 2);
	kill_planted(&t);
}

/* A frozen process sees a signal later. */
static void a_frozen_cgroup_stays_so_and_can_be_killed(void)
{
	int fd;
	struct st_tree t = plant(park_counting, 1);
	char *freeze = test_fmt("%s/%s/cgroup.freeze", running_cgroup, t.name);

	write_file(freeze, "1");
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK_STR(test_read(freeze), "1\n");
	sleep_ms(30);
	CHECK_EQ(atomic_load(&roll->who[0].terms), 0);
	write_file(freeze, "0");
	CHECK(waits_for(&roll->who[0].terms, 1, 2000));
	kill_planted(&t);
	for (int walk = 0; walk < 2; walk++) {
		if (walk)
			without_cgroup_kill();
		t = plant(park, 1);
		freeze =
			test_fmt("%s/%s/cgroup.freeze", running_cgroup, t.name);
		fd = CHECK_SYS(open(freeze, O_RDWR | O_CLOEXEC));
		CHECK_EQ(CHECK_SYS(write(fd, "1", 1)), 1);
		CHECK_SYS(close(fd));
		kill_planted(&t);
	}
}

static void signals_leave_nothing_frozen(void)
{
	struct st_tree t = plant(counting_below, 3);
	const int signals[] = { SIGTERM, COUNTED, SIGCONT, SIGWINCH };
	char *freeze = test_fmt("%s/%s/cgroup.freeze", running_cgroup, t.name);

	for (size_t i = 0; i < TEST_COUNT(signals); i++) {
		CHECK_EQ(st_tree_signal(&t, signals[i]), 0);
		CHECK_STR(test_read(freeze), "0\n");
	}
	CHECK_EQ(st_tree_signal(&t, SIGSTOP), 0);
	CHECK_STR(test_read(freeze), "0\n");
	for (int i = 0; i < 3; i++)
		CHECK(state_within(enrolled(i), 'T', 2000));
	CHECK_EQ(st_tree_signal(&t, SIGCONT), 0);
	for (int i = 0; i < 3; i++)
		CHECK(state_within(enrolled(i), 'S', 2000));
	kill_planted(&t);
}

/* The caller is neither killed nor frozen. */
static void a_caller_in_the_cgroup_is_passed_over(void)
{
	for (int walk = 0; walk < 2; walk++) {
		struct st_tree t = plant(daemons, 7);

		go_into(t.cgroup, ".");
		if (walk)
			without_cgroup_kill();
		CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
		CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
		CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
		CHECK(tree_ends(2000));
		CHECK(!st_tree_empty(&t));
		if (walk) {
			/* the filter keeps st_tree_remove() from moving it out */
			go_into(nest.dir, "..");
			st_tree_remove(&t);
			break;
		}
		st_tree_remove(&t);
		CHECK(is_own(nest.dir));
		CHECK_EQ(count_dirs(running_cgroup), 0);
	}
}

/* The child leaves the cgroup; the library knows its pid. */
static void leaves(void)
{
	branch_orphan(park_stubborn);
	go_into(nest.dir, ".");
	park_stubborn();
}

static void a_child_that_left_the_cgroup_is_ended(void)
{
	struct st_tree t = plant(leaves, 2);

	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	CHECK(!st_tree_empty(&t));
	kill_planted(&t);
}

/* Somebody has removed the directory, so the library goes by /proc. */
static void a_child_is_ended_though_the_directory_is_gone(void)
{
	struct st_tree t = plant(leaves, 2);

	for (int i = 0; i < 2; i++)
		if (enrolled(i) != t.pid)
			CHECK_SYS(kill(enrolled(i), SIGKILL));
	for (int i = 0; i < 1000; i++) {
		if (rmdir(test_fmt("%s/%s", running_cgroup, t.name)) == 0)
			break;
		CHECK_EQ(errno, EBUSY);
		sleep_ms(1);
	}
	CHECK(!st_tree_empty(&t));
	kill_planted(&t);
}

static void pair(void)
{
	branch_orphan(park_stubborn);
	park_stubborn();
}

/* The library falls back to the process group. */
static void a_group_is_ended_without_a_free_fd(void)
{
	struct st_tree t = plant(pair, 2);
	int fd = CHECK_SYS(dup(0));
	struct rlimit limit = { (rlim_t)fd, 1024 };

	CHECK_SYS(close(fd));
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(st_tree_signal(&t, SIGKILL), 0);
	CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
	CHECK(!st_tree_empty(&t));
	CHECK(tree_ends(1000));
	limit.rlim_cur = 1024;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK(empty_within(&t, 2000));
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

/* ---- trees that fork while they are ended */

static void relay(void)
{
	setsid();
	enrol();
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		if (pid == 0)
			setsid();
	}
}

#define RELAYS 12

static void relays(void)
{
	for (int i = 0; i < RELAYS; i++)
		branch(relay);
	park_stubborn();
}

/* SIGTERM may miss a process that is being forked; SIGKILL must not. */
static void relays_do_not_escape(void)
{
	for (int walk = 0; walk < 2; walk++) {
		if (walk)
			without_cgroup_kill();
		for (int i = 0; i < 6; i++) {
			struct st_tree t = plant(relays, RELAYS + 1);

			if (i & 1)
				CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
			kill_planted(&t);
		}
	}
}

static void bomb(void)
{
	struct rlimit limit = { 100, 100 };

	CHECK_SYS(setrlimit(RLIMIT_NPROC, &limit));
	CHECK_SYS(setresuid(OTHER_UID, OTHER_UID, OTHER_UID));
	enrol();
	signal(SIGTERM, SIG_IGN);
	for (;;)
		if (fork() == 0)
			setsid();
}

static void a_fork_bomb_is_ended(void)
{
	struct st_tree t = plant(bomb, 1);

	sleep_ms(100);
	CHECK_EQ(st_tree_signal(&t, SIGTERM), 0);
	kill_planted(&t);
}

static void a_fork_bomb_is_ended_without_cgroup_kill(void)
{
	struct st_tree t = plant(bomb, 1);

	sleep_ms(100);
	without_cgroup_kill();
	kill_planted(&t);
}

/* ---- leftovers when a cgroup is removed */

static void leaves_orphans(void)
{
	branch_orphan(hidden);
	wait_enrolled(2);
}

static void leftovers_are_moved(void)
{
	struct st_tree t = plant(leaves_orphans, 2);

	CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
	CHECK(!st_tree_empty(&t));
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_STR(cgroup_of(enrolled(i)), strrchr(running_cgroup, '/'));
		CHECK(state_within(enrolled(i), 'S', 1000));
	}
}

/* The leftovers are in all cgroups below; some are stopped or frozen. */
static void settles_below_and_ends(void)
{
	if (fork() == 0)
		settle_below();
	wait_enrolled(22);
}

static void leftovers_in_cgroups_below_are_moved(void)
{
	struct st_tree t = plant(settles_below_and_ends, 22);

	write_file(test_fmt("%s/%s/d/f/cgroup.freeze", running_cgroup, t.name),
		   "1");
	CHECK_SYS(kill(enrolled(5), SIGSTOP));
	CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	for (int i = 0; i < 22; i++) {
		CHECK_STR(cgroup_of(enrolled(i)), strrchr(running_cgroup, '/'));
		CHECK(state_within(enrolled(i), i == 5 ? 'T' : 'S', 1000));
	}
}

/* The library freezes leftovers that fork while it moves them. */
static void relays_and_ends(void)
{
	branch_orphan(relay);
	branch_orphan(relay);
	wait_enrolled(2);
}

static void leftovers_that_fork_are_moved(void)
{
	struct st_tree t = plant(relays_and_ends, 2);

	CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
	st_tree_remove(&t);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	write_file(test_fmt("%s/cgroup.freeze", running_cgroup), "1");
	CHECK_HAS_NOT(test_fmt("=%s", test_read(test_fmt("%s/cgroup.procs",
							 running_cgroup))),
		      "=\n");
}

/* A controller that the parent of the test's cgroup did not give before. */
static char *controller;

/* Runs at exit, and so makes no checks. */
static void take_back(const char *dir)
{
	int fd = open(test_fmt("%s/cgroup.subtree_control", dir),
		      O_WRONLY | O_CLOEXEC);

	dprintf(fd, "-%s", controller);
	close(fd);
}

static void give_back(void)
{
	if (getpid() != running_cgroup_owner)
		return;
	take_back(running_cgroup);
	take_back(test_fmt("%s/..", running_cgroup));
}

/* The first controller that a cgroup may give to cgroups below it. */
static char *first_controller(const char *dir)
{
	return strtok(test_read(test_fmt("%s/cgroup.controllers", dir)), " \n");
}

/* The test's cgroup gives a controller to cgroups below. Return: false without one. */
static bool give_controller(void)
{
	char *parent = test_fmt("%s/..", running_cgroup);
	char *name = first_controller(running_cgroup);

	if (!name) {
		name = first_controller(parent);
		if (!name)
			return false;
		controller = name;
		atexit(give_back);
		write_file(test_fmt("%s/cgroup.subtree_control", parent),
			   test_fmt("+%s", name));
	}
	write_file(test_fmt("%s/cgroup.subtree_control", running_cgroup),
		   test_fmt("+%s", name));
	return true;
}

/* The parent distributes a resource, so that it may hold no process. */
static void leftovers_go_elsewhere_if_the_parent_is_busy(void)
{
	pid_t left[4];
	int dir = make_cgroup();

	nest = home_in(dir);
	if (!give_controller())
		TEST_SKIP("no controller of cgroup v2");
	for (int i = 0; i < 4; i += 2) {
		struct st_tree t = plant(leaves_orphans, 2);

		CHECK_EQ(waitpid(t.pid, NULL, 0), t.pid);
		st_tree_remove(&t);
		CHECK_EQ(count_dirs(running_cgroup), 1);
		for (int j = 0; j < 2; j++) {
			left[i + j] = enrolled(j);
			CHECK_HAS(cgroup_of(left[i + j]), "/" ST_CGROUP_LEFT);
		}
	}
	/* the directory goes with a home once nobody is in it */
	st_tree_home_close(&nest);
	CHECK_EQ(count_dirs(running_cgroup), 1);
	for (int i = 0; i < 4; i++)
		CHECK_SYS(kill(left[i], SIGKILL));
	for (int i = 0; i < 2000 && count_dirs(running_cgroup); i++) {
		nest = home_in(dir);
		st_tree_home_close(&nest);
		sleep_ms(1);
	}
	for (int i = 0; i < 4 && count_dirs(running_cgroup); i++)
		test_note("%d: state %c, in %s", left[i],
			  test_process_state(left[i]), cgroup_of(left[i]));
	CHECK_EQ(count_dirs(running_cgroup), 0);
}

static void nothing_grows_over_many_cgroups(void)
{
	struct scene before = { 0 };

	for (int i = 0; i < 30; i++) {
		struct st_tree t =
			plant(i & 1 ? daemons : leaves_orphans, i & 1 ? 7 : 2);

		if (i == 4)
			before = scene_now();
		if (i & 1) {
			kill_planted(&t);
		} else {
			CHECK_SYS(waitpid(t.pid, NULL, 0));
			st_tree_remove(&t);
			CHECK_SYS(close(t.pidfd));
			CHECK_SYS(close(roll_pipe[1]));
			roll_pipe[1] = -1;
			CHECK_SYS(kill(enrolled(0), SIGKILL));
			CHECK_SYS(kill(enrolled(1), SIGKILL));
		}
	}
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK_LE(test_count_fds(), before.fds);
}

static const struct test_case cases[] = {
	TEST_CASE(the_path_is_found_by_the_mount),
	TEST_CASE(the_own_cgroup_is_found),
	TEST_CASE(the_own_cgroup_is_found_by_threads),
	TEST_CASE(the_own_cgroup_is_found_by_a_bind_mount),
	TEST_CASE(the_own_cgroup_is_found_in_a_namespace),
	TEST_CASE(a_read_only_cgroup_is_no_place),
	TEST_CASE(an_unmounted_cgroup_is_no_place),
	TEST_CASE(a_covered_cgroup_is_no_place),
	TEST_CASE(no_place_is_found_without_proc),
	TEST_CASE(the_own_cgroup_must_be_delegated),
	TEST_CASE(fds_of_no_cgroup_are_ebadf),
	TEST_CASE(cgroups_are_made_and_removed),
	TEST_CASE(a_tree_without_a_home_has_no_cgroup),
	TEST_CASE(names_in_use_are_passed_over),
	TEST_CASE(the_longest_name_fits),
	TEST_CASE(a_wait_takes_its_time_under_signals),
	TEST_CASE(a_tree_without_room_is_eagain_or_has_no_cgroup),
	TEST_CASE(a_tree_without_free_fds_is_emfile),
	TEST_CASE(a_threaded_cgroup_is_no_place),
	TEST_CASE(daemons_are_ended),
	TEST_CASE(daemons_are_ended_without_cgroup_kill),
	TEST_CASE(cgroups_below_are_ended),
	TEST_CASE_SECONDS(a_flood_of_directories_delays_no_end, 120),
	TEST_CASE(deep_and_wide_cgroups_are_ended),
	TEST_CASE(threaded_cgroups_are_ended),
	TEST_CASE(threaded_cgroups_are_ended_without_cgroup_kill),
	TEST_CASE(an_empty_cgroup_is_esrch),
	TEST_CASE(each_process_gets_a_signal_once),
	TEST_CASE(stopped_processes_are_ended),
	TEST_CASE(a_frozen_cgroup_stays_so_and_can_be_killed),
	TEST_CASE(signals_leave_nothing_frozen),
	TEST_CASE(a_caller_in_the_cgroup_is_passed_over),
	TEST_CASE(a_child_that_left_the_cgroup_is_ended),
	TEST_CASE(a_child_is_ended_though_the_directory_is_gone),
	TEST_CASE(a_group_is_ended_without_a_free_fd),
	TEST_CASE(relays_do_not_escape),
	TEST_CASE(a_fork_bomb_is_ended),
	TEST_CASE(a_fork_bomb_is_ended_without_cgroup_kill),
	TEST_CASE(leftovers_are_moved),
	TEST_CASE(leftovers_in_cgroups_below_are_moved),
	TEST_CASE(leftovers_that_fork_are_moved),
	TEST_CASE(leftovers_go_elsewhere_if_the_parent_is_busy),
	TEST_CASE(nothing_grows_over_many_cgroups),
};
TEST_MAIN(cases)
