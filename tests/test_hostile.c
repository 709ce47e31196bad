/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile programs end within the bounds of their run, each of them in all modes: with
 * the session alone, below a keeper, in a cgroup, and in a cgroup with a supervisor; by
 * the blocking call and in a ring.
 * The runs of a case go at the same time, so that they disturb each other, too.
 */
#include "rings.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define TERM "15"
#define HUP "1"
#define STOP "19"

#define TIMEOUT_MS 600
#define GRACE_MS 100

enum mode { SESSION, KEPT, CGROUP, SUPERVISED, MODES };

struct hostile {
	char *const *argv;
	int marks; /* processes that tell their pid before the deadline */
	bool escapes; /* leaves the session, and has no parent */
	bool alone; /* one run after the other */
	bool limited; /* has a user of its own, with few processes */
	uint32_t flags; /* further RUN flags */
};

struct attempt {
	const struct hostile *what;
	enum mode mode;
	bool in_ring;
	int cgroup, tfd;
	uid_t uid;
	struct spawn_template_run_args args;
	struct spawn_template_action actions[3];
	struct rlimit limit;
	struct life life;
};

static void prepare(struct attempt *a)
{
	struct spawn_template_run_args *args = &a->args;

	*args = run_args(a->what->argv);
	args->timeout_ns = TIMEOUT_MS * MS;
	args->grace_ns = GRACE_MS * MS;
	args->max_output = 65536;
	args->flags = a->what->flags;
	if (a->mode != SESSION)
		args->flags |= a->mode == CGROUP ? RUN(CGROUP) : RUN(SUPERVISE);
	args->cgroup_parent_fd = a->cgroup;
	life_open(&a->life, &args->spawn);
	if (!a->what->limited)
		return;
	memcpy(a->actions, a->life.actions, sizeof(a->life.actions));
	a->limit = (struct rlimit){ 40, 40 };
	a->actions[2] = ACT_RLIMIT(RLIMIT_NPROC, &a->limit);
	args->spawn.actions = (uintptr_t)a->actions;
	args->spawn.actions_len = TEST_COUNT(a->actions);
	args->spawn.flags |= SPAWN_TEMPLATE_SPAWN_SETUID;
	args->spawn.uid = a->uid;
}

static void check_end(const struct attempt *a,
		      const struct spawn_template_result *res)
{
	uint64_t took = res->total_ns / MS;

	test_note("mode %d, %s: flags %#x, took %llu ms", a->mode,
		  a->in_ring ? "ring" : "blocking", res->flags,
		  (unsigned long long)took);
	CHECK(res->flags & RESULT(TIMED_OUT));
	CHECK_EQ(!!(res->flags & RESULT(CGROUP)), a->mode >= CGROUP);
	CHECK_EQ(res->flags & RESULT(NOT_KILLED), 0);
	CHECK_GE(took, TIMEOUT_MS);
	/* pipes that are held cost another second */
	CHECK_LE(took, TIMEOUT_MS + GRACE_MS + at_most_ms(1000) + 3000);
	CHECK_LE(res->out_len, 65536);
	CHECK_LE(res->err_len, 65536);
}

static void run_blocking(struct attempt *a)
{
	struct spawn_template_result res;

	CHECK_EQ(spawn_template_run(a->tfd, &a->args, sizeof(a->args), &res,
				    sizeof(res)),
		 0);
	check_end(a, &res);
	spawn_template_result_free(&res);
}

/* Takes nothing before the end, also of a stream. */
static void run_in_ring(struct attempt *a)
{
	struct spawn_template_ring *ring = ring_new(1, 1);
	struct spawn_template_cqe *cqe;
	bool end;

	queue_run_args(ring, a->tfd, &a->args, 1);
	spawn_template_ring_submit(ring);
	if (a->what->flags & RUN(STREAM))
		sleep_ms(TIMEOUT_MS);
	do {
		cqe = ring_take_of(ring, 1);
		end = cqe->kind == SPAWN_TEMPLATE_CQE_END;
		CHECK_EQ(cqe->res, 0);
		if (end)
			check_end(a, cqe->result);
		spawn_template_ring_seen(ring, cqe);
	} while (!end);
	spawn_template_ring_exit(ring);
}

/* All that told their pid are dead, and nobody else holds the pipe. */
static void check_dead(struct attempt *a)
{
	bool may_live = a->what->escapes && a->mode == SESSION;

	life_let_go(&a->life);
	for (int i = 0; i < a->what->marks; i++) {
		pid_t pid = life_pid(&a->life);

		if (may_live)
			kill(pid, SIGKILL);
		CHECK(dies_within(pid, may_live ? 2000 : (int)at_most_ms(20)));
	}
	CHECK(life_ends(&a->life, may_live ? 2000 : (int)at_most_ms(20)));
	CHECK_SYS(close(a->life.fds[0]));
}

static void *attempt(void *arg)
{
	struct attempt *a = arg;

	prepare(a);
	if (a->in_ring)
		run_in_ring(a);
	else
		run_blocking(a);
	check_dead(a);
	return NULL;
}

static void try_all(const struct hostile *what, enum mode first, enum mode end,
		    int cgroup)
{
	struct attempt attempts[2 * MODES] = { 0 };
	pthread_t threads[2 * MODES];
	int tfd = what->limited ? public_tree() : tree_template(), n = 0;

	for (enum mode mode = first; mode < end; mode++) {
		for (int in_ring = 0; in_ring < 2; in_ring++, n++) {
			/* on_output is for the blocking call */
			if (!in_ring && what->flags & RUN(STREAM))
				continue;
			attempts[n] = (struct attempt){
				.what = what,
				.mode = mode,
				.in_ring = in_ring,
				.cgroup = cgroup,
				.tfd = tfd,
				.uid = 64140 + (uid_t)n,
			};
			threads[n] = start_thread(attempt, &attempts[n]);
			if (what->alone)
				join_thread(threads[n]);
		}
	}
	for (int i = 0; i < n && !what->alone; i++)
		if (attempts[i].what)
			join_thread(threads[i]);
}

static void without_cgroup(const struct hostile *what)
{
	ring_warm_up(2);
	try_all(what, SESSION, KEPT, -1);
	CHECK(test_no_children());
}

/* In a place without cgroups, as most containers are, where root has a keeper, too. */
static void below_keeper(const struct hostile *what)
{
	char path[4096];

	test_need_root();
	if (unshare(CLONE_NEWNS))
		TEST_SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	for (find_mount("cgroup2", "", path); *path;
	     find_mount("cgroup2", "", path))
		CHECK_SYS(umount2(path, MNT_DETACH));
	ring_warm_up(2);
	try_all(what, KEPT, CGROUP, -1);
	CHECK(test_no_children());
}

static void in_cgroup(const struct hostile *what)
{
	int cgroup = make_cgroup();

	ring_warm_up(2);
	try_all(what, CGROUP, MODES, cgroup);
	CHECK_EQ(count_dirs(running_cgroup), 0);
	CHECK(test_no_children());
}

/* ---- the programs */

/* Ignores the signals that ask for an end. */
#define DEAF "ignore", TERM, "ignore", HUP

#define DEAF_PROGRAM DEAF, "mark", "(", "mark", "pause", ")", "pause"

static void a_program_that_ignores_signals_ends(void)
{
	struct hostile h = { TREE(DEAF_PROGRAM), .marks = 2 };

	without_cgroup(&h);
}

static void a_program_that_ignores_signals_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(DEAF_PROGRAM), .marks = 2 };

	in_cgroup(&h);
}

static void a_program_that_ignores_signals_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(DEAF_PROGRAM), .marks = 2 };

	below_keeper(&h);
}

#define HIDDEN                                                              \
	"(", "setsid", "(", "setsid", DEAF, "mark", "pause", ")", ")", "(", \
		"daemon", DEAF, "mark", "pause", ")", "pause"

/* The daemons live on: only a cgroup and a keeper find them. */
static void a_run_with_hidden_daemons_ends(void)
{
	struct hostile h = { TREE(HIDDEN), .marks = 2, .escapes = true };

	without_cgroup(&h);
}

static void hidden_daemons_end_in_a_cgroup(void)
{
	struct hostile h = { TREE(HIDDEN), .marks = 2, .escapes = true };

	in_cgroup(&h);
}

static void hidden_daemons_end_below_a_keeper(void)
{
	struct hostile h = { TREE(HIDDEN), .marks = 2, .escapes = true };

	below_keeper(&h);
}

#define FLOOD \
	DEAF, "mark", "(", "mark", "flood", "2", "0", ")", "flood", "1", "0"

static long peak_kib(void)
{
	struct rusage usage;

	CHECK_SYS(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_maxrss;
}

static void a_flood_of_output_ends_and_takes_no_memory(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2 };
	long before = peak_kib();

	without_cgroup(&h);
	if (!TEST_SANITIZED)
		CHECK_LE(peak_kib(), before + 8192);
}

static void a_flood_of_output_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2 };

	in_cgroup(&h);
}

static void a_flood_of_output_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2 };

	below_keeper(&h);
}

static void a_flood_that_nobody_takes_ends(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2, .flags = RUN(STREAM) };
	long before = peak_kib();

	without_cgroup(&h);
	if (!TEST_SANITIZED)
		CHECK_LE(peak_kib(), before + 8192);
}

static void a_flood_that_nobody_takes_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2, .flags = RUN(STREAM) };

	in_cgroup(&h);
}

static void a_flood_through_a_terminal_ends(void)
{
	struct hostile h = { TREE(FLOOD), .marks = 2, .flags = RUN(PTY) };

	without_cgroup(&h);
}

#define STOPPER                                                                \
	DEAF, "mark", "(", "mark", "raise", STOP, "pause", ")", "raise", STOP, \
		"pause"

static void a_program_that_stops_itself_ends(void)
{
	struct hostile h = { TREE(STOPPER), .marks = 2 };

	without_cgroup(&h);
}

static void a_program_that_stops_itself_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(STOPPER), .marks = 2 };

	in_cgroup(&h);
}

static void a_program_that_stops_itself_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(STOPPER), .marks = 2 };

	below_keeper(&h);
}

#define CLOSER                                                          \
	DEAF, "mark", "(", "mark", "closeall", "setpgrp", "pause", ")", \
		"closeall", "pause"

static void a_program_that_closes_everything_ends(void)
{
	struct hostile h = { TREE(CLOSER), .marks = 2 };

	without_cgroup(&h);
}

static void a_program_that_closes_everything_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(CLOSER), .marks = 2 };

	in_cgroup(&h);
}

static void a_program_that_closes_everything_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(CLOSER), .marks = 2 };

	below_keeper(&h);
}

/* The tracer marks twice: the second time when it holds the others. */
#define TRACER                                                                 \
	DEAF, "mark", "(", "mark", "pause", ")", "(", "sleep", "100", "seize", \
		"mark", "pause", ")", "pause"

static void a_program_that_traces_its_siblings_ends(void)
{
	struct hostile h = { TREE(TRACER), .marks = 3 };

	test_need_root(); /* another user may trace descendants only */
	without_cgroup(&h);
}

static void a_program_that_traces_its_siblings_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(TRACER), .marks = 3 };

	in_cgroup(&h);
}

static void a_program_that_traces_its_siblings_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(TRACER), .marks = 3 };

	below_keeper(&h);
}

#define BOMB DEAF, "(", "setpgrp", "(", "bomb", ")", "bomb", ")", "bomb"

static void a_fork_bomb_ends(void)
{
	struct hostile h = { TREE(BOMB), .limited = true, .alone = true };

	test_need_root();
	without_cgroup(&h);
}

static void a_fork_bomb_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(BOMB), .limited = true, .alone = true };

	in_cgroup(&h);
}

static void a_fork_bomb_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(BOMB), .limited = true, .alone = true };

	below_keeper(&h);
}

#define RELAY "(", DEAF, "relay", ")", "pause"

static void a_process_that_forks_away_ends(void)
{
	struct hostile h = { TREE(RELAY), .alone = true };

	without_cgroup(&h);
}

static void a_process_that_forks_away_ends_in_a_cgroup(void)
{
	struct hostile h = { TREE(RELAY), .alone = true };

	in_cgroup(&h);
}

static void a_process_that_forks_away_ends_below_a_keeper(void)
{
	struct hostile h = { TREE(RELAY), .alone = true };

	below_keeper(&h);
}

/* The program ends by itself, and what it leaves is never seen at rest. */
static void a_process_that_forks_away_is_no_leftover(void)
{
	struct spawn_template_run_args args = run_args(
		TREE("(", DEAF, "relay", ")", "sleep", "200", "exit", "0"));
	struct spawn_template_result res;
	struct life life;

	args.flags = RUN(END_LEFTOVERS);
	life_open(&life, &args.spawn);
	res = run_only(tree_template(), &args);
	CHECK(life_ends(&life, (int)at_most_ms(20)));
	CHECK_EQ(res.code, 0);
	CHECK_EQ(res.flags, RESULT(LEFTOVERS) | RESULT(TREE_KILLED));
	CHECK_GE(res.leftovers, 1);
}

static const struct test_case cases[] = {
	TEST_CASE(a_program_that_ignores_signals_ends),
	TEST_CASE(a_program_that_ignores_signals_ends_in_a_cgroup),
	TEST_CASE(a_program_that_ignores_signals_ends_below_a_keeper),
	TEST_CASE(a_run_with_hidden_daemons_ends),
	TEST_CASE(hidden_daemons_end_in_a_cgroup),
	TEST_CASE(hidden_daemons_end_below_a_keeper),
	TEST_CASE(a_flood_of_output_ends_and_takes_no_memory),
	TEST_CASE(a_flood_of_output_ends_in_a_cgroup),
	TEST_CASE(a_flood_of_output_ends_below_a_keeper),
	TEST_CASE(a_flood_that_nobody_takes_ends),
	TEST_CASE(a_flood_that_nobody_takes_ends_in_a_cgroup),
	TEST_CASE(a_flood_through_a_terminal_ends),
	TEST_CASE(a_program_that_stops_itself_ends),
	TEST_CASE(a_program_that_stops_itself_ends_in_a_cgroup),
	TEST_CASE(a_program_that_stops_itself_ends_below_a_keeper),
	TEST_CASE(a_program_that_closes_everything_ends),
	TEST_CASE(a_program_that_closes_everything_ends_in_a_cgroup),
	TEST_CASE(a_program_that_closes_everything_ends_below_a_keeper),
	TEST_CASE(a_program_that_traces_its_siblings_ends),
	TEST_CASE(a_program_that_traces_its_siblings_ends_in_a_cgroup),
	TEST_CASE(a_program_that_traces_its_siblings_ends_below_a_keeper),
	TEST_CASE(a_fork_bomb_ends),
	TEST_CASE(a_fork_bomb_ends_in_a_cgroup),
	TEST_CASE(a_fork_bomb_ends_below_a_keeper),
	TEST_CASE(a_process_that_forks_away_ends),
	TEST_CASE(a_process_that_forks_away_ends_in_a_cgroup),
	TEST_CASE(a_process_that_forks_away_ends_below_a_keeper),
	TEST_CASE(a_process_that_forks_away_is_no_leftover),
};
TEST_MAIN(cases)
