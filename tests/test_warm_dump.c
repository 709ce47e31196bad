/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that tells everything that it can observe says the same after a warm
 * launch as after a cold one. known[] lists what differs, with the reason.
 */
#include "warming.h"

#include <time.h>

enum way { IN_ONCE = 1, IN_FORK = 2 };

/* A difference is known by the start of its line. */
static const struct {
	const char *line;
	enum way way;
	const char *why;
} known[] = {
	{ "stat.flags=", IN_FORK,
	  "PF_FORKNOEXEC: the child has not executed a file; nothing clears it" },
	{ "status.FDSize:", IN_ONCE,
	  "the parked process has used descriptors above 63 before it exec'ed" },
};

#define KNOWN TEST_COUNT(known)

static char *environment[] = {
	"HOME=/", "PATH=/usr/bin:/bin", "LC_ALL=C", "EMPTY=", "A=a b", NULL
};

static struct spawn_template_spawn_args args_of(char *const argv[])
{
	struct spawn_template_spawn_args args = test_args(NULL, argv);

	args.envp = (uintptr_t)environment;
	return args;
}

/* The pipe for the output has another inode each time. */
static void blur_pipes(char *text)
{
	while ((text = strstr(text, "pipe:[")))
		for (text += 6; *text && *text != ']'; text++)
			*text = '#';
}

static char *dump_of(int tfd, int *status)
{
	char *argv[] = { "dump", "one", "", "th ree", NULL };
	char *text = test_output_args(tfd, args_of(argv), status);

	blur_pipes(text);
	return text;
}

/* Returns the number of the known difference with this line; KNOWN: none. */
static size_t which_known(const char *line, enum way way)
{
	size_t i;

	for (i = 0; i < KNOWN; i++)
		if ((known[i].way & way) &&
		    !strncmp(line, known[i].line, strlen(known[i].line)))
			break;
	return i;
}

static void compare(const char *cold, const char *warm, enum way way)
{
	bool seen[KNOWN] = { false };

	while (*cold && *warm) {
		const char *want = next_line(&cold), *got = next_line(&warm);
		size_t i = which_known(want, way);

		if (!strcmp(want, got))
			continue;
		if (i == KNOWN)
			CHECK_STR(got, want);
		seen[i] = true;
	}
	CHECK_STR(warm, cold);
	/* the list names nothing that does not differ */
	for (size_t i = 0; i < KNOWN; i++)
		if ((known[i].way & way) && !seen[i])
			test_fail(__FILE__, __LINE__, "%s is the same, but: %s",
				  known[i].line, known[i].why);
}

static int ready_dump(uint64_t flags)
{
	char *argv[] = { "dump", "secrets", NULL };
	int tfd = open_warm(test_tool("dump"), flags);

	CHECK_EQ(test_spawn(tfd, argv), 0);
	CHECK_EQ(test_spawn(tfd, argv), 0);
	await_ready(tfd);
	return tfd;
}

static int cold_dump(void)
{
	return CHECK_OK(spawn_template_open(test_tool("dump"), CLOEXEC));
}

/* The launches of ready_dump() print to fd 1, too. */
static void quiet(void)
{
	int fd = CHECK_SYS(open("/dev/null", O_WRONLY | O_CLOEXEC));

	CHECK_SYS(dup2(fd, 1));
}

static void sees_the_same(uint64_t flags, enum way way)
{
	int tfd, status;
	char *cold, *warm;

	quiet();
	tfd = ready_dump(flags);
	for (int i = 0; i < 3; i++) {
		cold = dump_of(cold_dump(), &status);
		CHECK_EQ(status, 42);
		CHECK_WARM(tfd, warm = dump_of(tfd, &status));
		CHECK_EQ(status, 42);
		compare(cold, warm, way);
	}
}

static void two_cold_launches_show_the_same(void)
{
	int status;
	char *first = dump_of(cold_dump(), &status);

	check_lines(dump_of(cold_dump(), &status), first);
}

static void nothing_but_the_known_differs_with_once(void)
{
	sees_the_same(ONCE, IN_ONCE);
}

static void nothing_but_the_known_differs_with_fork(void)
{
	sees_the_same(FORK, IN_FORK);
}

static void sees_changes_of_the_caller(uint64_t flags, enum way way)
{
	int tfd, status;
	char *cold, *warm;

	quiet();
	tfd = ready_dump(flags);
	umask(0127);
	CHECK_SYS(chdir("/usr"));
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	cold = dump_of(cold_dump(), &status);
	CHECK_HAS(cold, "umask=127");
	CHECK_WARM(tfd, warm = dump_of(tfd, &status));
	compare(cold, warm, way);
}

static void changes_of_the_caller_are_seen_with_once(void)
{
	sees_changes_of_the_caller(ONCE, IN_ONCE);
}

static void changes_of_the_caller_are_seen_with_fork(void)
{
	sees_changes_of_the_caller(FORK, IN_FORK);
}

/* ---- what has to differ between children */

static void has_secrets_of_its_own(uint64_t flags)
{
	char *argv[] = { "dump", "secrets", NULL }, *text[3];
	int tfd;

	tfd = ready_dump(flags);
	for (int i = 0; i < 3; i++) {
		CHECK_WARM(tfd, text[i] = test_output(tfd, argv));
		for (int k = 0; k < i; k++) {
			const char *a = text[i], *b = text[k];

			/* canary, pointer guard and AT_RANDOM */
			for (int line = 0; line < 3; line++)
				CHECK(strcmp(next_line(&a), next_line(&b)));
		}
	}
}

static void each_child_has_secrets_of_its_own(void)
{
	quiet();
	has_secrets_of_its_own(ONCE);
	has_secrets_of_its_own(FORK);
}

/* ps shows a process as old as it is, and a warm child was made ahead. */
static void a_warm_child_is_older_than_its_launch(void)
{
	struct timespec now;
	long long ticks;
	char *argv[] = { "dump", "since", NULL, NULL };
	int tfd;

	quiet();
	tfd = ready_dump(FORK);
	usleep(50000);
	CHECK_SYS(clock_gettime(CLOCK_BOOTTIME, &now));
	ticks = now.tv_sec * 100LL + now.tv_nsec / 10000000;
	argv[2] = test_fmt("%lld", ticks);
	CHECK_STR(test_output(cold_dump(), argv), "started=after\n");
	CHECK_WARM(tfd, CHECK_STR(test_output(tfd, argv), "started=before\n"));
}

static const struct test_case cases[] = {
	TEST_CASE(two_cold_launches_show_the_same),
	TEST_CASE(nothing_but_the_known_differs_with_once),
	TEST_CASE(nothing_but_the_known_differs_with_fork),
	TEST_CASE(changes_of_the_caller_are_seen_with_once),
	TEST_CASE(changes_of_the_caller_are_seen_with_fork),
	TEST_CASE(each_child_has_secrets_of_its_own),
	TEST_CASE(a_warm_child_is_older_than_its_launch),
};
TEST_MAIN(cases)
