/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random sequences of changes and launches: after each change, a launch from a
 * template with prepared processes and a cold one show the same, or fail with the
 * same error. ROUNDS=N sets their number, SEED=N repeats a sequence; a failure names
 * its seed.
 */
#include "changes.h"
#include "warming.h"

#include <pthread.h>

#define STEPS 6

struct round {
	unsigned int seed;
	uint64_t flags;
	unsigned int target;
	bool elsewhere; /* another thread changes itself and launches */
	bool as_user;
	int warm, cold; /* templates */
};

static unsigned int roll(struct round *r, unsigned int most)
{
	r->seed = r->seed * 1103515245 + 12345;
	return (r->seed >> 16) % most;
}

/* ---- one launch */

/* Leave out what differs between any cold and any warm launch. */
static char *without_known(char *text)
{
	static const char *const known[] = { "stat.flags=", "status.FDSize:",
					     "started=" };

	for (char *at = text; (at = strstr(at, "pipe:[")); at++)
		memset(at, '#', strcspn(at, "]"));
	for (size_t i = 0; i < TEST_COUNT(known); i++) {
		char *at = strstr(text, known[i]);

		if (at)
			memmove(at, at + strcspn(at, "\n"),
				strlen(at + strcspn(at, "\n")) + 1);
	}
	return text;
}

/* Returns the text, or the error in words. */
static char *launch(int tfd)
{
	char *argv[] = { "dump", NULL },
	     *envp[] = { "PATH=/usr/bin:/bin", NULL };
	struct spawn_template_spawn_args args = test_args(NULL, argv);
	struct test_stdout out = test_stdout_begin();
	char *text;
	int status;

	args.envp = (uintptr_t)envp;
	status = test_spawn_args(tfd, args);
	text = test_stdout_end(out);
	if (status != 42)
		return test_fmt("status %d: %s", status, text);
	return without_known(text);
}

/* Give a process the time to be parked, without asking for it. */
static void wait_a_little(struct round *r)
{
	unsigned int naps = roll(r, 3) ? roll(r, 12) : 0;

	while (naps-- && !stat_of(r->warm).warm_ready)
		nap();
}

static void compare(struct round *r, const char *after)
{
	char *cold, *warm;

	test_doing("SEED=%u: %s", r->seed, after);
	wait_a_little(r);
	cold = launch(r->cold);
	warm = launch(r->warm);
	check_lines(warm, cold);
}

/* ---- a round */

static void change(struct round *r)
{
	const struct change *c = &changes[roll(r, TEST_COUNT(changes))];
	int ret;

	if (c->once)
		return;
	if (c->before && roll(r, 2))
		c->before();
	ret = c->make();
	test_note("SEED=%u: %s: %s", r->seed, c->name,
		  ret < 0 ? strerror(-ret) : "made");
	compare(r, c->name);
}

static void *steps(void *arg)
{
	struct round *r = arg;

	for (int i = 0; i < STEPS; i++) {
		compare(r, "no change");
		if (roll(r, 3))
			change(r);
	}
	return NULL;
}

static int open_template(struct round *r, uint64_t flags)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;

	args.filename = (uintptr_t)test_tool("dump");
	args.flags = flags;
	args.warm_target = flags == CLOEXEC ? 0 : r->target;
	return CHECK_OK(spawn_template_create(&args, sizeof(args)));
}

static void one_round(void *arg)
{
	struct round *r = arg;
	pthread_t thread;

	if (r->as_user) {
		CHECK_SYS(syscall(SYS_setgroups, 0, NULL));
		CHECK_SYS(syscall(SYS_setresgid, 65534, 65534, 65534));
		CHECK_SYS(syscall(SYS_setresuid, 65534, 65534, 65534));
		CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
	}
	r->warm = open_template(r, r->flags);
	r->cold = open_template(r, CLOEXEC);
	for (int i = 0; i < 3; i++)
		compare(r, "the start");
	if (r->elsewhere) {
		CHECK_EQ(pthread_create(&thread, NULL, steps, r), 0);
		pthread_join(thread, NULL);
		compare(r, "the other thread");
	} else {
		steps(r);
	}
}

static void no_warm_child_differs_from_a_cold_one(void)
{
	const char *rounds = getenv("ROUNDS"), *seed = getenv("SEED");
	unsigned int n = rounds ? (unsigned int)atoi(rounds) : 12;
	struct round r = { .seed = seed ? (unsigned int)strtoul(seed, 0, 10)
					: (unsigned int)getpid() };

	open_warm(test_tool("dump"), FORK);
	for (unsigned int i = 0; i < n; i++) {
		test_doing("SEED=%u", r.seed);
		r.flags = roll(&r, 2) ? ONCE : FORK;
		r.target = 1 + roll(&r, 3);
		r.elsewhere = roll(&r, 2);
		r.as_user = test_is_root() && roll(&r, 2);
		test_in_child(one_round, &r);
		r.seed += i + 1;
	}
}

static const struct test_case cases[] = {
	TEST_CASE_SECONDS(no_warm_child_differs_from_a_cold_one, 600),
};
TEST_MAIN(cases)
