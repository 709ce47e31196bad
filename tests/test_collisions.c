/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actions that name the template's own fd number, and fd tables of every shape.
 *
 * To the actions the template is an fd like any other: it can be replaced,
 * closed, kept, copied. A launch always runs the template's file, and neither an
 * action nor the program sees an fd of the library's own.
 */
#include "harness.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define CLOEXEC SPAWN_TEMPLATE_CREATE_CLOEXEC
#define INHERIT SPAWN_TEMPLATE_SPAWN_INHERIT_FDS
#define STAGE_ACTION SPAWN_TEMPLATE_STAGE_ACTION

/* The report that a launched program wrote to a file. */
struct told {
	int status;
	char *text; /* exe, comm and fds of the probe */
	char *report; /* path of that file */
};

static struct told launch(int tfd, struct spawn_template_spawn_args args)
{
	struct told told = { .report = test_path("report") };

	args.argv = (uintptr_t)TEST_ARGV("probe", "out", told.report, "exe",
					 "comm", "fds");
	args.envp = (uintptr_t)environ;
	if (unlink(told.report))
		CHECK_EQ(errno, ENOENT);
	told.status = test_spawn_args(tfd, args);
	if (told.status >= 0)
		told.text = test_read(told.report);
	return told;
}

/* The right program ran, under the right name. */
static void check_probe(struct told told)
{
	CHECK_EQ(told.status, 0);
	CHECK_STR(test_value(told.text, "comm"), "probe");
	CHECK_STR(test_value(told.text, "exe"), test_tool("probe"));
}

/* Open fds of the program, without the one of its report. */
static int told_fds(struct told told)
{
	int n = -1;

	for (const char *p = told.text; (p = strstr(p, "\nfd.")); p++)
		n++;
	return n;
}

/* The target of fd n in the program: "" if it is closed, or just its report. */
static const char *told_fd(struct told told, int n)
{
	char *key = test_fmt("fd.%d", n);
	const char *target;

	if (!strstr(told.text, test_fmt("\n%s=", key)))
		return "";
	target = test_value(told.text, key);
	return strcmp(target, told.report) ? target : "";
}

static int open_zero(void)
{
	return CHECK_SYS(open("/dev/zero", O_RDONLY | O_CLOEXEC));
}

/* A template of the probe at this number, in place of any other fd. */
static int probe_at(int n, uint64_t flags)
{
	int tfd = CHECK_OK(spawn_template_open(test_tool("probe"), 0));

	if (tfd != n) {
		CHECK_SYS(dup3(tfd, n, flags & CLOEXEC ? O_CLOEXEC : 0));
		CHECK_SYS(close(tfd));
	} else if (flags & CLOEXEC) {
		CHECK_SYS(fcntl(tfd, F_SETFD, FD_CLOEXEC));
	}
	return n;
}

/* ---- each action on the template's number, at many places ---- */

/* The number's state in the program. */
enum want {
	CLOSED,
	EXE, /* the template's file */
	ZERO, /* /dev/zero, by an action */
	AS_BEFORE, /* no action changed it */
};

struct collision {
	const char *what;
	size_t n;
	struct spawn_template_action actions[3];
	enum want inherit, by_default, stdio;
};

static enum want unchanged(int n, bool cloexec, bool inherit)
{
	if (cloexec)
		return CLOSED;
	return inherit || n < 3 ? EXE : CLOSED;
}

static const char *target_of(enum want want)
{
	switch (want) {
	case EXE:
		return test_tool("probe");
	case ZERO:
		return "/dev/zero";
	default:
		return "";
	}
}

static void try_collision(int n, bool cloexec, bool inherit,
			  const struct collision *c)
{
	int tfd = probe_at(n, cloexec ? CLOEXEC : 0), before = test_count_fds();
	enum want want = inherit ? c->inherit : c->by_default;
	struct spawn_template_spawn_args args = {
		.flags = inherit ? INHERIT : 0,
		.actions = (uintptr_t)c->actions,
		.actions_len = c->n,
	};
	struct told told;

	if (!inherit && n < 3)
		want = c->stdio;
	if (want == AS_BEFORE)
		want = unchanged(n, cloexec, inherit);
	test_doing("%s, template at %d, cloexec %d, inherit %d", c->what, n,
		   cloexec, inherit);
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, n), target_of(want));
	/* the caller's template is as it was */
	CHECK_OK(spawn_template_check(tfd));
	CHECK_EQ(test_count_fds(), before);
}

#define ROW(what, inherit, by_default, stdio, ...) \
	{ \
		what, \
			TEST_COUNT(((struct spawn_template_action[]){ \
				__VA_ARGS__ })), \
			{ __VA_ARGS__ }, inherit, by_default, stdio \
	}
#define CLOSES(what, ...) ROW(what, CLOSED, CLOSED, CLOSED, __VA_ARGS__)
#define BECOMES_ZERO(what, ...) ROW(what, ZERO, ZERO, ZERO, __VA_ARGS__)

static void try_all_actions(int n)
{
	struct spawn_template_open *zero =
		TEST_OPEN("/dev/zero", O_RDONLY, 0, 0);
	int src = open_zero();
	int file = CHECK_SYS(fcntl(src, F_DUPFD_CLOEXEC, 40));
	const struct spawn_template_action opens = ACT_OPEN(AT_FDCWD, n, zero);
	const struct collision all[] = {
		ROW("nothing", AS_BEFORE, AS_BEFORE, AS_BEFORE),
		ROW("DUP2 itself", AS_BEFORE, AS_BEFORE, AS_BEFORE,
		    ACT_DUP2(n, n)),
		ROW("DUP2", ZERO, CLOSED, ZERO, ACT_DUP2(file, n)),
		ROW("OPEN", ZERO, CLOSED, ZERO, opens),
		ROW("KEEP", EXE, EXE, EXE, ACT_KEEP(n)),
		CLOSES("CLOSE", ACT_CLOSE(n)),
		CLOSES("DUP2, CLOSE", ACT_DUP2(file, n), ACT_CLOSE(n)),
		CLOSES("range of it", ACT_CLOSE_RANGE(n, n, 0)),
		CLOSES("range of all", ACT_CLOSE_RANGE(0, -1, 0)),
		CLOSES("range up to it", ACT_CLOSE_RANGE(0, n, 0)),
		CLOSES("range from it on", ACT_CLOSE_RANGE(n, -1, 0)),
		CLOSES("range that marks",
		       ACT_CLOSE_RANGE(0, -1, CLOSE_RANGE_CLOEXEC)),
		CLOSES("range with unshare",
		       ACT_CLOSE_RANGE(n, n, CLOSE_RANGE_UNSHARE)),
		BECOMES_ZERO("DUP2, KEEP", ACT_DUP2(file, n), ACT_KEEP(n)),
		BECOMES_ZERO("KEEP, OPEN", ACT_KEEP(n), opens),
		BECOMES_ZERO("CLOSE, OPEN, KEEP", ACT_CLOSE(n), opens,
			     ACT_KEEP(n)),
		BECOMES_ZERO("range of all, OPEN, KEEP",
			     ACT_CLOSE_RANGE(0, -1, 0), opens, ACT_KEEP(n)),
	};

	CHECK_SYS(close(src));
	for (size_t i = 0; i < 4 * TEST_COUNT(all); i++)
		try_collision(n, i & 1, i & 2, &all[i / 4]);
}

static void every_action_works_on_a_template_at_0(void)
{
	try_all_actions(0);
}

static void every_action_works_on_a_template_at_1(void)
{
	try_all_actions(1);
}

static void every_action_works_on_a_template_at_2(void)
{
	try_all_actions(2);
}

static void every_action_works_on_a_template_at_3(void)
{
	try_all_actions(3);
}

static void every_action_works_on_a_template_at_17(void)
{
	try_all_actions(17);
}

static void every_action_works_on_a_template_at_300(void)
{
	try_all_actions(300);
}

/* ---- the template's number as a source ---- */

static void the_program_may_get_copies_of_the_template(void)
{
	int tfd = probe_at(9, CLOEXEC);
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	TEST_ACTIONS(&args, ACT_DUP2(tfd, 20), ACT_KEEP(20), ACT_DUP2(tfd, 0));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 20), test_tool("probe"));
	CHECK_STR(told_fd(told, 0), test_tool("probe"));
	CHECK_STR(told_fd(told, 9), "");
	CHECK_EQ(told_fds(told), 4);
}

static void the_template_is_no_directory(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_DUP2(1, 1), ACT_FCHDIR(tfd));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 1);
	TEST_ACTIONS(&args, ACT_OPEN(tfd, 0, TEST_OPEN("x", O_RDONLY, 0, 0)));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 0);
}

/* Actions do not see the descriptor that the library holds for itself. */
static void a_template_that_an_action_closed_is_closed(void)
{
	int tfd = test_probe(), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	for (int i = 0; i < 2; i++, args.flags = INHERIT) {
		TEST_ACTIONS(&args, ACT_CLOSE(tfd), ACT_DUP2(tfd, 20));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
		TEST_ACTIONS(&args, ACT_CLOSE(tfd), ACT_CLOSE(tfd));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
		TEST_ACTIONS(&args, ACT_CLOSE(tfd), ACT_KEEP(tfd));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
		TEST_ACTIONS(&args, ACT_CLOSE_RANGE(3, -1, 0),
			     ACT_DUP2(tfd, 20));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
		TEST_ACTIONS(&args, ACT_CLOSE_RANGE(3, -1, 0), ACT_CLOSE(tfd));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
		TEST_ACTIONS(&args, ACT_CLOSE_RANGE(3, -1, 0), ACT_KEEP(tfd));
		CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
	}
}

static void a_template_that_an_action_replaced_is_replaced(void)
{
	int tfd = probe_at(9, 0);
	int zero = open_zero();
	struct spawn_template_spawn_args args = { .flags = INHERIT };
	struct told told;

	TEST_ACTIONS(&args, ACT_DUP2(zero, 9), ACT_DUP2(9, 20));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 20), "/dev/zero");
	CHECK_STR(told_fd(told, 9), "/dev/zero");
	/* an absolute path needs no directory */
	TEST_ACTIONS(&args,
		     ACT_OPEN(9, 9, TEST_OPEN("/dev/zero", O_RDONLY, 0, 0)));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 9), "/dev/zero");
}

static void the_template_and_other_fds_may_change_places(void)
{
	int tfd = probe_at(9, CLOEXEC);
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	CHECK_SYS(dup3(open_zero(), 8, O_CLOEXEC));
	TEST_ACTIONS(&args, ACT_DUP2(9, 30), ACT_DUP2(8, 9), ACT_DUP2(30, 8),
		     ACT_KEEP(8), ACT_KEEP(9));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 8), test_tool("probe"));
	CHECK_STR(told_fd(told, 9), "/dev/zero");
	CHECK_EQ(told_fds(told), 5);
	/* the standard fds take part: 0 -> 9 -> 1 -> 0 */
	TEST_ACTIONS(&args, ACT_DUP2(0, 30), ACT_DUP2(1, 0), ACT_DUP2(9, 1),
		     ACT_DUP2(30, 9), ACT_KEEP(9));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 1), test_tool("probe"));
	CHECK_STR(told_fd(told, 9), "/dev/null");
	CHECK_EQ(told_fds(told), 4);
}

/* The program has the fds that it was given, and no other. */
static void nothing_of_the_library_is_inherited(void)
{
	int tfd = probe_at(9, CLOEXEC);
	struct spawn_template_spawn_args args = { .flags = INHERIT };
	struct told told;

	TEST_ACTIONS(&args, ACT_CLOSE(9));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 3);
	TEST_ACTIONS(&args, ACT_DUP2(0, 9));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 4);
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(9, -1, 0), ACT_DUP2(0, 9),
		     ACT_DUP2(0, 10));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 5);
}

static void actions_may_close_everything(void)
{
	int tfd = test_probe();
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	for (int i = 0; i < 2; i++, args.flags = INHERIT) {
		TEST_ACTIONS(&args, ACT_CLOSE_RANGE(0, -1, 0));
		told = launch(tfd, args);
		check_probe(told);
		CHECK_EQ(told_fds(told), 0);
		TEST_ACTIONS(&args, ACT_CLOSE(0), ACT_CLOSE(1), ACT_CLOSE(2),
			     ACT_CLOSE(tfd));
		told = launch(tfd, args);
		check_probe(told);
		CHECK_EQ(told_fds(told), 0);
	}
}

/* No number is above the highest, so the held fd gets one that is free. */
static void an_action_may_name_the_highest_number(void)
{
	int tfd = test_probe(), src = open_zero();
	struct spawn_template_failure failure = { 0 };
	struct spawn_template_spawn_args args =
		test_args(NULL, TEST_ARGV("probe"));

	args.failure = (uintptr_t)&failure;
	TEST_ACTIONS(&args, ACT_DUP2(src, tfd), ACT_DUP2(src, INT_MAX));
	/* a number that has overflowed is negative */
	test_seccomp_arg(SYS_fcntl, 2, 1U << 31, 1U << 31, ENOTTY);
	CHECK_EQ(test_spawn_args(tfd, args), -EBADF);
	CHECK_EQ(failure.stage, STAGE_ACTION);
	CHECK_EQ(failure.action, 1);
}

/* ---- few numbers ---- */

static void limit_fds(rlim_t n)
{
	struct rlimit limit = { n, n };

	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

/* One number is free, below all others, and no action names it. */
static void one_free_number_is_enough(void)
{
	int tfd = probe_at(15, CLOEXEC);
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	for (int fd = 3; fd < 15; fd++)
		CHECK_SYS(dup3(0, fd, O_CLOEXEC));
	CHECK_SYS(close(5));
	/* the pidfd takes a number, too; the child does not have it */
	CHECK_SYS(close(6));
	limit_fds(16);
	TEST_ACTIONS(&args, ACT_DUP2(1, 15), ACT_KEEP(15));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 4);
	TEST_ACTIONS(&args, ACT_DUP2(1, 15), ACT_DUP2(1, 14), ACT_DUP2(1, 3),
		     ACT_CLOSE(4), ACT_KEEP(15));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 4);
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_DUP2(1, 15));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 4);
}

/*
 * The template has no free number to move to. The launch may fail with EMFILE, as
 * elsewhere without a free fd; it must not run another file.
 */
static void no_free_number_never_runs_another_file(void)
{
	int tfd = probe_at(15, CLOEXEC);
	struct spawn_template_spawn_args args = { 0 };
	struct told told;
	int fds;

	for (int fd = 3; fd < 15; fd++)
		CHECK_SYS(dup3(0, fd, O_CLOEXEC));
	CHECK_SYS(close(5)); /* for the pidfd */
	limit_fds(16);
	fds = test_count_fds();
	TEST_ACTIONS(
		&args,
		ACT_OPEN(AT_FDCWD, 5, TEST_OPEN("/dev/zero", O_RDONLY, 0, 0)),
		ACT_DUP2(1, 15), ACT_KEEP(5), ACT_KEEP(15));
	told = launch(tfd, args);
	if (told.status < 0) {
		CHECK_EQ(told.status, -EMFILE);
		CHECK(test_no_children());
	} else {
		check_probe(told);
		CHECK_STR(told_fd(told, 5), "/dev/zero");
	}
	CHECK_EQ(test_count_fds(), fds);
	/* the same without a collision needs no number */
	TEST_ACTIONS(
		&args,
		ACT_OPEN(AT_FDCWD, 5, TEST_OPEN("/dev/zero", O_RDONLY, 0, 0)),
		ACT_KEEP(5));
	check_probe(launch(tfd, args));
}

/* Numbers stay open when the limit is lowered below them. */
static void numbers_above_the_limit_may_be_sources(void)
{
	int tfd = probe_at(200, CLOEXEC), pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));
	struct told told;

	CHECK_SYS(dup2(0, 210));
	CHECK_SYS(dup2(0, 199));
	limit_fds(32);
	TEST_ACTIONS(&args, ACT_CLOSE(200));
	check_probe(launch(tfd, args));
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(100, -1, 0));
	check_probe(launch(tfd, args));
	TEST_ACTIONS(&args, ACT_DUP2(210, 10), ACT_KEEP(199), ACT_KEEP(10));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 5);
	CHECK_STR(told_fd(told, 199), "/dev/null");
	TEST_ACTIONS(&args, ACT_DUP2(0, 200));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
}

/* The program's limit must not hinder the move of the template. */
static void a_low_fd_limit_does_not_hinder_a_collision(void)
{
	int tfd = probe_at(12, CLOEXEC);
	struct rlimit few = { 5, 5 };
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	TEST_ACTIONS(&args, ACT_RLIMIT(RLIMIT_NOFILE, &few), ACT_DUP2(0, 12),
		     ACT_DUP2(0, 40), ACT_KEEP(40), ACT_KEEP(12));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 5);
	CHECK_STR(told_fd(told, 12), "/dev/null");
	CHECK_STR(told_fd(told, 40), "/dev/null");
}

/* ---- no stdio ---- */

static void a_caller_without_stdio_launches(void)
{
	struct spawn_template_spawn_args args = { 0 };
	char *path = test_path("file");
	struct told told;
	int tfd;

	test_write(path, "", 0666);
	CHECK_SYS(close(0));
	CHECK_SYS(close(1));
	CHECK_SYS(close(2));
	tfd = CHECK_OK(spawn_template_open(test_tool("probe"), CLOEXEC));
	CHECK_EQ(tfd, 0);
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 0);
	/* actions open all three, one of them over the template */
	TEST_ACTIONS(&args,
		     ACT_OPEN(AT_FDCWD, 0, TEST_OPEN(path, O_RDONLY, 0, 0)),
		     ACT_OPEN(AT_FDCWD, 1, TEST_OPEN(path, O_WRONLY, 0, 0)),
		     ACT_DUP2(1, 2));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 0), path);
	CHECK_STR(told_fd(told, 1), path);
	CHECK_STR(told_fd(told, 2), path);
	CHECK_EQ(told_fds(told), 3);
	CHECK_OK(spawn_template_close(tfd));
	CHECK_EQ(test_count_fds(), 0);
}

/* ---- large numbers, many fds ---- */

/* Raises the limit as far as it goes; at least `need`. */
static int raise_limit(int need)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < (rlim_t)need)
		TEST_SKIP("needs %d fds, the hard limit is %llu", need,
			  (unsigned long long)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > 60000)
		limit.rlim_cur = 60000;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	return (int)limit.rlim_cur;
}

static void the_template_may_have_the_highest_number(void)
{
	int max = raise_limit(2000), top = max - 1;
	int tfd = probe_at(top, CLOEXEC);
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	CHECK_SYS(dup3(open_zero(), top - 5, O_CLOEXEC));
	TEST_ACTIONS(&args, ACT_DUP2(top - 5, 0), ACT_DUP2(1, top - 9),
		     ACT_KEEP(top - 9));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 0), "/dev/zero");
	CHECK_EQ(told_fds(told), 4);
	/* no number above the template's */
	TEST_ACTIONS(&args, ACT_DUP2(top - 5, top), ACT_KEEP(top),
		     ACT_CLOSE(top - 5));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, top), "/dev/zero");
	CHECK_EQ(told_fds(told), 4);
	args.flags = INHERIT;
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(top, -1, 0));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 3);
}

/* Numbers below this are open; every other one closes on exec. */
#define MANY 5100

/*
 * With gaps, numbers from 3 to 99 are left as they are, and the next fd gets a
 * low number; without gaps it gets a high one. A library that guesses the size of
 * the table may take the two for different tables. Return: the number of open fds.
 */
static int fill_table(bool gaps)
{
	for (int fd = gaps ? 100 : 3; fd < MANY; fd++) {
		if (fd >= 100 || fcntl(fd, F_GETFD) < 0)
			CHECK_SYS(dup3(0, fd, fd & 1 ? O_CLOEXEC : 0));
	}
	return test_count_fds();
}

/* The launches have not changed the caller's table. */
static void check_table(int count)
{
	CHECK_EQ(test_count_fds(), count);
	for (int fd = 100; fd < MANY; fd++)
		CHECK_EQ(fcntl(fd, F_GETFD), fd & 1 ? FD_CLOEXEC : 0);
}

static void low_of_many(int tfd, int zero)
{
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	TEST_ACTIONS(&args, ACT_DUP2(zero, 0));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 0), "/dev/zero");
	CHECK_EQ(told_fds(told), 3);
	/* a high target needs no high fd in the caller */
	TEST_ACTIONS(&args, ACT_DUP2(zero, 3000), ACT_KEEP(3000));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 3000), "/dev/zero");
	CHECK_EQ(told_fds(told), 4);
	TEST_ACTIONS(&args, ACT_DUP2(50, 0), ACT_KEEP(zero), ACT_DUP2(0, 1));
	told = launch(tfd, args);
	if (fcntl(50, F_GETFD) < 0) {
		CHECK_EQ(told.status, -EBADF);
		return;
	}
	check_probe(told);
	CHECK_STR(told_fd(told, 1), "/dev/null");
	CHECK_STR(told_fd(told, zero), "/dev/zero");
	CHECK_EQ(told_fds(told), 4);
}

static void high_of_many(int tfd)
{
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	TEST_ACTIONS(&args, ACT_DUP2(4999, 0), ACT_KEEP(4001), ACT_CLOSE(4002),
		     ACT_KEEP(5000));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_STR(told_fd(told, 4001), "/dev/null");
	CHECK_STR(told_fd(told, 5000), "/dev/null");
	CHECK_EQ(told_fds(told), 5);
}

static void middle_of_many(int tfd)
{
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	/* a library may draw the line between low and high about here */
	for (int fd = 254; fd < 260; fd++) {
		TEST_ACTIONS(&args, ACT_KEEP(fd), ACT_DUP2(fd, 1));
		told = launch(tfd, args);
		check_probe(told);
		CHECK_STR(told_fd(told, fd), "/dev/null");
		CHECK_EQ(told_fds(told), 4);
	}
}

static void all_of_many(int tfd, bool gaps)
{
	struct spawn_template_spawn_args args = { .flags = INHERIT };
	struct told told = launch(tfd, args);

	check_probe(told);
	if (gaps)
		CHECK_EQ(told_fds(told), 3 + (MANY - 100) / 2);
	CHECK_STR(told_fd(told, 4000), "/dev/null");
	CHECK_STR(told_fd(told, 4001), "");
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(0, 199, 0),
		     ACT_CLOSE_RANGE(300, -1, 0));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 50);
}

static void collisions_of_many(int tfd)
{
	struct spawn_template_spawn_args args = { 0 };
	struct told told;

	TEST_ACTIONS(&args, ACT_DUP2(1, tfd), ACT_KEEP(tfd));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 4);
	TEST_ACTIONS(&args, ACT_CLOSE(tfd));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 3);
	TEST_ACTIONS(&args, ACT_CLOSE_RANGE(0, -1, 0));
	told = launch(tfd, args);
	check_probe(told);
	CHECK_EQ(told_fds(told), 0);
}

static void failures_of_many(int tfd)
{
	int pidfd;
	struct spawn_template_spawn_args args =
		test_args(&pidfd, TEST_ARGV("probe"));

	TEST_ACTIONS(&args, ACT_DUP2(1, 1), ACT_FCHDIR(0));
	CHECK_FAILS(tfd, args, ENOTDIR, STAGE_ACTION, 1);
	TEST_ACTIONS(&args, ACT_CLOSE(0), ACT_CLOSE(0));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 1);
	TEST_ACTIONS(&args, ACT_DUP2(6000, 0));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
	TEST_ACTIONS(&args, ACT_KEEP(6000));
	CHECK_FAILS(tfd, args, EBADF, STAGE_ACTION, 0);
}

/* A launch may use what an earlier launch found out, so each is repeated. */
static void try_many(int tfd, bool gaps)
{
	int zero = open_zero(), count = fill_table(gaps);

	CHECK_LT(zero, 100);
	for (int i = 0; i < 3; i++) {
		low_of_many(tfd, zero);
		high_of_many(tfd);
		low_of_many(tfd, zero);
		middle_of_many(tfd);
		all_of_many(tfd, gaps);
		low_of_many(tfd, zero);
		collisions_of_many(tfd);
		failures_of_many(tfd);
		check_table(count);
	}
}

static void actions_work_among_many_fds(void)
{
	raise_limit(7000);
	try_many(test_probe(), true);
}

static void actions_work_among_many_fds_on_a_high_template(void)
{
	raise_limit(7000);
	try_many(probe_at(5500, CLOEXEC), true);
}

static void actions_work_without_a_free_low_number(void)
{
	raise_limit(7000);
	try_many(test_probe(), false);
}

static void a_high_template_works_without_a_free_low_number(void)
{
	raise_limit(7000);
	try_many(probe_at(5500, CLOEXEC), false);
}

static const struct test_case cases[] = {
	TEST_CASE(every_action_works_on_a_template_at_0),
	TEST_CASE(every_action_works_on_a_template_at_1),
	TEST_CASE(every_action_works_on_a_template_at_2),
	TEST_CASE(every_action_works_on_a_template_at_3),
	TEST_CASE(every_action_works_on_a_template_at_17),
	TEST_CASE(every_action_works_on_a_template_at_300),
	TEST_CASE(the_program_may_get_copies_of_the_template),
	TEST_CASE(the_template_is_no_directory),
	TEST_CASE(a_template_that_an_action_closed_is_closed),
	TEST_CASE(a_template_that_an_action_replaced_is_replaced),
	TEST_CASE(the_template_and_other_fds_may_change_places),
	TEST_CASE(nothing_of_the_library_is_inherited),
	TEST_CASE(actions_may_close_everything),
	TEST_CASE(an_action_may_name_the_highest_number),
	TEST_CASE(one_free_number_is_enough),
	TEST_CASE(no_free_number_never_runs_another_file),
	TEST_CASE(numbers_above_the_limit_may_be_sources),
	TEST_CASE(a_low_fd_limit_does_not_hinder_a_collision),
	TEST_CASE(a_caller_without_stdio_launches),
	TEST_CASE(the_template_may_have_the_highest_number),
	TEST_CASE(actions_work_among_many_fds),
	TEST_CASE(actions_work_among_many_fds_on_a_high_template),
	TEST_CASE(actions_work_without_a_free_low_number),
	TEST_CASE(a_high_template_works_without_a_free_low_number),
};
TEST_MAIN(cases)
