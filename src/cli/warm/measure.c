/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Launches one program cold, by WARM_ONCE, by WARM_FORK and, if it is a Python, by
 * WARM_RUNTIME in turn, at ease: before each
 * launch that is measured, a process waits for every way that has one. So no launch
 * shares the processor with the preparation of another one.
 *
 * The templates are made without the guard: one that the guard knows is always cold.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/warm/warm.h"
#include "shared/clock.h"
#include "shared/measure/launchers.h"

extern char **environ;

#define FLAGS                                                            \
	(SPAWN_TEMPLATE_CREATE_CLOEXEC | SPAWN_TEMPLATE_CREATE_SCRIPT |  \
	 SPAWN_TEMPLATE_CREATE_NO_GUARD)
#define READY_MOST (3000 * ST_MS) /* a preparation takes about 10 ms */
#define PYTHON_MOST (20000 * ST_MS) /* one with modules may take a second */
#define READY_HARDLY (300 * ST_MS) /* then see what stands in the way */
#define END_MOST (5000 * ST_MS) /* for a program that does not end by itself */
#define CONTENDERS (WARM_WAYS + 1)

static const uint64_t way_flags[WARM_WAYS] = {
	[WAY_ONCE] = SPAWN_TEMPLATE_CREATE_WARM_ONCE,
	[WAY_FORK] = SPAWN_TEMPLATE_CREATE_WARM_FORK,
	[WAY_PYTHON] = SPAWN_TEMPLATE_CREATE_WARM_RUNTIME,
};

const char *warm_way_name(enum warm_way way)
{
	static const char *const names[WARM_WAYS] = {
		[WAY_ONCE] = "once",
		[WAY_FORK] = "fork",
		[WAY_PYTHON] = "python",
	};

	return names[way];
}

/* The measurement under way. Contender 0 is cold. */
struct course {
	const struct warm_spec *spec;
	struct warm_program *program;
	struct launch_plan plan[CONTENDERS];
	enum warm_way way[CONTENDERS]; /* of each other one */
	int contenders;
	char *sources; /* with a profile: the cold command, which sources it */
	char **cold_argv;
	unsigned int planned;
	int tfd[CONTENDERS], null;
	char cwd[PATH_MAX];
};

/* ---- templates and plans */

static void choose_ways(struct course *c)
{
	const char *path = c->program->st.path;

	c->contenders = 1;
	for (int i = 0; i < WARM_WAYS; i++) {
		bool is_runtime = i == WAY_PYTHON;

		if (is_runtime ? !c->spec->profile && !names_python(path)
			       : c->spec->profile != NULL)
			continue;
		c->program->way[i].tried = true;
		c->way[c->contenders++] = (enum warm_way)i;
	}
}

static int make_templates(struct course *c)
{
	const char *preload =
		c->spec->profile ? c->spec->profile : c->spec->modules;
	int err;

	c->tfd[0] = launch_searched(
		spawn_template_search(c->spec->name, NULL, FLAGS),
		c->spec->name, NULL);
	if (c->tfd[0] < 0)
		return c->tfd[0];
	err = spawn_template_stat(c->tfd[0], &c->program->st,
				  sizeof(c->program->st));
	choose_ways(c);
	for (int i = 1; i < c->contenders && !err; i++) {
		int tfd = launch_template_warm(c->program->st.path,
					       FLAGS | way_flags[c->way[i]],
					       preload);

		c->tfd[i] = tfd;
		err = tfd < 0 ? tfd : 0;
	}
	return err;
}

/* Have the cold contender source the profile, as a session shell's cold launch does. */
static int source_profile(struct course *c)
{
	size_t n = 0;

	if (!c->spec->profile)
		return 0;
	while (c->spec->argv[n])
		n++;
	c->cold_argv = calloc(n + 1, sizeof(*c->cold_argv));
	if (!c->cold_argv || asprintf(&c->sources, ". '%s'\n%s",
				      c->spec->profile, c->spec->argv[2]) < 0) {
		c->sources = NULL;
		return -ENOMEM;
	}
	memcpy(c->cold_argv, c->spec->argv, n * sizeof(*c->cold_argv));
	c->cold_argv[2] = c->sources;
	return 0;
}

static int make_plans(struct course *c)
{
	struct launch_spec spec = {
		.path = c->program->st.path,
		.argv = c->spec->argv,
		.envp = environ,
		.cwd = c->cwd,
	};
	int err = source_profile(c);

	c->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (c->null < 0 || !getcwd(c->cwd, sizeof(c->cwd)))
		return -errno;
	spec.stdio[0] = spec.stdio[1] = spec.stdio[2] = c->null;
	for (int i = 0; i < c->contenders && !err; i++) {
		spec.tfd = c->tfd[i];
		spec.argv = i || !c->cold_argv ? c->spec->argv : c->cold_argv;
		err = launch_prepare(&c->plan[i], &spec);
		c->planned += !err;
	}
	return err;
}

static void put_away(struct course *c)
{
	for (unsigned int i = 0; i < c->planned; i++)
		launch_unprepare(&c->plan[i]);
	for (int i = 0; i < CONTENDERS; i++)
		if (c->tfd[i] >= 0)
			spawn_template_close(c->tfd[i]);
	if (c->null >= 0)
		close(c->null);
	free(c->cold_argv);
	free(c->sources);
}

/* ---- one launch */

/* A program that waits for something must not hold up the measurement. */
static void wait_or_kill(struct course *c, const struct launched *l)
{
	struct pollfd pfd = { .fd = l->pidfd, .events = POLLIN };
	int64_t until = st_now() + END_MOST, left;

	if (l->pidfd < 0)
		return;
	while ((left = until - st_now()) > 0)
		if (poll(&pfd, 1, (int)(left / ST_MS) + 1) > 0)
			return;
	c->program->slow = true;
	kill(l->pid, SIGKILL); /* not reaped: the number is its own */
}

static uint64_t warm_count(const struct course *c, int i)
{
	static struct spawn_template_stat st;

	return spawn_template_stat(c->tfd[i], &st, sizeof(st)) ? 0 : st.warm;
}

static int add_times(struct warm_times *times, const struct launched *l,
		     int64_t end)
{
	int err = samples_add(&times->blocked,
			      (double)(l->return_ns - l->start_ns));

	return err ? err
		   : samples_add(&times->to_exit,
				 (double)(end - (int64_t)l->start_ns));
}

/* Launch once; @counted: into the times, if it went the contender's way. */
static int launch_one(struct course *c, int i, bool counted)
{
	struct warm_program *p = c->program;
	uint64_t warm = i ? warm_count(c, i) : 0;
	struct rusage usage;
	struct launched l;
	siginfo_t info;
	int64_t end;
	int err = launch(&c->plan[i], LAUNCH_TEMPLATE, &l);

	if (err)
		return err;
	wait_or_kill(c, &l);
	err = launch_wait(&l, &info, &usage);
	end = st_now();
	if (l.pidfd >= 0)
		close(l.pidfd);
	if (err)
		return err;
	p->code = info.si_code == CLD_EXITED ? info.si_status : -1;
	p->signal = info.si_code == CLD_EXITED ? -1 : info.si_status;
	if (!counted || (i && warm_count(c, i) == warm))
		return 0;
	return add_times(i ? &p->way[c->way[i]].times : &p->cold, &l, end);
}

/* ---- preparation */

/* Tell whether no process is being prepared: a launch asked for none. */
static bool is_hopeless(const struct spawn_template_stat *st)
{
	for (unsigned int i = 0; i < SPAWN_TEMPLATE_COLD_REASONS_MAX; i++)
		if (st->cold_reasons[i] && i != SPAWN_TEMPLATE_COLD_FIRST &&
		    i != SPAWN_TEMPLATE_COLD_NOT_READY)
			return !st->warm;
	return false;
}

bool warm_await(int tfd, int64_t most_ns)
{
	const struct timespec step = { .tv_nsec = 200000 };
	static struct spawn_template_stat st;
	int64_t until = st_now() + most_ns;

	for (;;) {
		if (spawn_template_stat(tfd, &st, sizeof(st)))
			return false;
		if (st.warm_ready)
			return true;
		if (is_hopeless(&st) || st_now() >= until)
			return false;
		nanosleep(&step, NULL);
	}
}

/* Wait long only where nothing is known to stand in the way. */
static bool await_first(int tfd, bool failed_before)
{
	int error;

	if (warm_await(tfd, READY_HARDLY))
		return true;
	return !failed_before && warm_lacking(&error) == WARM_NEEDS &&
	       warm_await(tfd, READY_MOST);
}

/*
 * Launch now and then: a launch is told that the Python before it could not be
 * prepared, and then there is nothing to wait for.
 */
static int await_python(struct course *c, int i, bool failed, bool *prepared)
{
	int64_t until = st_now() + PYTHON_MOST, step = READY_HARDLY;
	static struct spawn_template_stat st;
	int err = 0, error;

	*prepared = warm_await(c->tfd[i], READY_HARDLY);
	if (failed || warm_lacking(&error) != WARM_NEEDS)
		return 0;
	while (!*prepared && !err && st_now() < until) {
		err = launch_one(c, i, false);
		if (err || c->program->slow ||
		    spawn_template_stat(c->tfd[i], &st, sizeof(st)) ||
		    is_hopeless(&st))
			break;
		*prepared = warm_await(c->tfd[i], step);
		step *= 2;
	}
	return err;
}

/* The second launch from a template is the one that has a process prepared. */
static int prepare(struct course *c)
{
	int err = launch_one(c, 0, false);

	for (int i = 1; i < c->contenders && !err && !c->program->slow; i++) {
		struct warm_fact *fact = &c->program->way[c->way[i]];
		bool failed = i > 1 && !c->program->way[c->way[i - 1]].prepared;
		int64_t start;

		err = launch_one(c, i, false);
		if (!err)
			err = launch_one(c, i, false);
		if (err)
			break;
		start = st_now();
		if (c->way[i] == WAY_PYTHON)
			err = await_python(c, i, failed, &fact->prepared);
		else
			fact->prepared = await_first(c->tfd[i], failed);
		fact->prepare_ns = st_now() - start;
	}
	return err;
}

/*
 * Wait until all processes are ready, and then until the last one has copied its
 * pages, which would slow down whichever launch comes next.
 */
static void await_all(const struct course *c)
{
	const struct timespec settle = { .tv_nsec = 1000000 };

	for (int i = 1; i < c->contenders; i++)
		if (c->program->way[c->way[i]].prepared)
			warm_await(c->tfd[i], READY_MOST);
	nanosleep(&settle, NULL);
}

/* ---- the rounds */

/* Begin each round with another contender, so that none has the best place. */
static int measure_round(struct course *c, long round)
{
	int err = 0;

	for (int j = 0; j < c->contenders && !err; j++) {
		int i = (int)((round + j) % c->contenders);

		if (i && !c->program->way[c->way[i]].prepared)
			continue;
		await_all(c);
		err = launch_one(c, i, true);
	}
	return err;
}

static int measure_rounds(struct course *c)
{
	struct warm_program *p = c->program;
	const struct warm_spec *spec = c->spec;
	int64_t start = st_now();
	int err = 0;

	if (!warm_can(p) || p->slow)
		return 0;
	while (!err && p->rounds < spec->rounds && !p->slow) {
		double spent = (double)(st_now() - start);
		double by_time = spent / (double)spec->time_ns;
		double by_rounds = (double)p->rounds / (double)spec->rounds;

		if (p->rounds && by_time >= 1)
			break;
		if (spec->progress)
			spec->progress(spec->data, by_time > by_rounds
							   ? by_time
							   : by_rounds);
		err = measure_round(c, p->rounds++);
	}
	return err;
}

static int sort_times(struct warm_times *times)
{
	int err = samples_sort(&times->blocked);

	return err ? err : samples_sort(&times->to_exit);
}

/* ---- what is known at the end */

static void add_memory(struct warm_program *p)
{
	struct parked_list list;

	if (parked_look(getpid(), &list) == 0)
		for (size_t i = 0; i < list.n; i++) {
			const struct parked *at = &list.list[i];
			struct warm_fact *fact = &p->way[at->way];

			fact->processes++;
			fact->pss += at->pss;
			fact->private_bytes += at->private_bytes;
		}
	parked_free(&list);
}

static void take_counters(const struct course *c, int i)
{
	static struct spawn_template_stat st;
	struct warm_fact *fact = &c->program->way[c->way[i]];

	if (spawn_template_stat(c->tfd[i], &st, sizeof(st)))
		return;
	fact->warm = st.warm;
	fact->cold = st.cold;
	memcpy(fact->cold_reasons, st.cold_reasons, sizeof(st.cold_reasons));
}

/* Processes of a program measured before must not be counted for this one. */
static void await_none(void)
{
	const struct timespec step = { .tv_nsec = 2000000 };
	struct parked_list list;
	size_t n = 1;

	for (int i = 0; i < 500 && n; i++) {
		n = parked_look(getpid(), &list) ? 0 : list.n;
		parked_free(&list);
		if (n)
			nanosleep(&step, NULL);
	}
}

int warm_measure(const struct warm_spec *spec, struct warm_program *ret,
		 bool *launching)
{
	struct course *c = calloc(1, sizeof(*c));
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->code = ret->signal = -1;
	*launching = false;
	if (!c)
		return -ENOMEM;
	c->spec = spec;
	c->program = ret;
	c->null = -1;
	for (int i = 0; i < CONTENDERS; i++)
		c->tfd[i] = -1;
	err = make_templates(c);
	if (!err)
		err = make_plans(c);
	*launching = !err;
	if (!err)
		err = prepare(c);
	if (!err)
		err = measure_rounds(c);
	if (!err) {
		await_all(c);
		add_memory(ret);
		for (int i = 1; i < c->contenders; i++)
			take_counters(c, i);
		err = sort_times(&ret->cold);
	}
	for (int i = 0; i < WARM_WAYS && !err; i++)
		err = sort_times(&ret->way[i].times);
	put_away(c);
	free(c);
	await_none();
	return err;
}

static void times_free(struct warm_times *times)
{
	samples_free(&times->blocked);
	samples_free(&times->to_exit);
}

void warm_program_free(struct warm_program *program)
{
	times_free(&program->cold);
	for (int i = 0; i < WARM_WAYS; i++)
		times_free(&program->way[i].times);
}
