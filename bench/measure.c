/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process of one cell: becomes the parent that the cell asks for, then runs
 * rounds when the driver says so, and leaves the samples in shared memory.
 *
 * In each round vfork, posix_spawn and the template take their turns, in an
 * order that goes through all permutations; fork comes last, and not in every
 * round. A turn is three launches: an unmeasured one, a measured one of the
 * program, and one of the program that reports its first instruction. So each
 * measured launch follows one by the same method, and no method pays for what
 * another has left behind: page faults after a fork, or caches emptied by the
 * copy of a large fd table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cells.h"
#include "parent.h"
#include "spawn_template.h"

struct cell_run {
	const struct cell_setup *setup;
	struct cell_samples *samples;
	struct parent parent;
	char *program_argv[2], *first_argv[2];
	struct launch_plan program, first;
	unsigned int round;
};

static double cpu_time_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double usage_us(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e6 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static void record(struct cell_run *run, enum launch_method method,
		   enum metric metric, double us)
{
	uint32_t *count = &run->samples->count[method][metric];

	if (*count < SAMPLES_MAX)
		run->samples->value[method][metric][(*count)++] = us;
}

static int fail_cell(struct cell_run *run, enum launch_method method,
		     const char *what, int err)
{
	snprintf(run->samples->failed, sizeof(run->samples->failed),
		 "%s: %s: %s", launch_name(method), what, strerror(-err));
	return err;
}

/*
 * Waits, then closes the pidfd; -ECANCELED if the program did not exit with 0.
 */
static int finish(const struct launched *l, struct rusage *usage,
		  uint64_t *seen_ns)
{
	siginfo_t info = { 0 };
	int err = launch_wait(l, &info, usage);

	*seen_ns = now_ns();
	if (l->pidfd >= 0)
		close(l->pidfd);
	if (err)
		return err;
	return info.si_code == CLD_EXITED && !info.si_status ? 0 : -ECANCELED;
}

/* Launches the program itself once: three of the four metrics. */
static int measure_program(struct cell_run *run, enum launch_method method,
			   bool measured)
{
	double cpu = cpu_time_us();
	struct rusage usage;
	struct launched l;
	uint64_t seen;
	int err;

	err = launch(&run->program, method, &l);
	if (err)
		return fail_cell(run, method, "launch", err);
	err = finish(&l, &usage, &seen);
	if (err)
		return fail_cell(run, method, run->setup->program, err);
	cpu = cpu_time_us() - cpu + usage_us(&usage);
	if (!measured)
		return 0;
	record(run, method, METRIC_BLOCKED,
	       (double)(l.return_ns - l.start_ns) / 1e3);
	record(run, method, METRIC_TO_EXIT, (double)(seen - l.start_ns) / 1e3);
	record(run, method, METRIC_CPU, cpu);
	return 0;
}

/* Launches the program that reports when it began once. */
static int measure_first(struct cell_run *run, enum launch_method method)
{
	struct timespec began;
	struct rusage usage;
	struct launched l;
	uint64_t seen;
	int err;

	err = launch(&run->first, method, &l);
	if (err)
		return fail_cell(run, method, "launch", err);
	err = finish(&l, &usage, &seen);
	if (err)
		return fail_cell(run, method, run->setup->first_program, err);
	if (read(run->parent.report[0], &began, sizeof(began)) != sizeof(began))
		return fail_cell(run, method, "report", -EIO);
	record(run, method, METRIC_FIRST,
	       (double)began.tv_sec * 1e6 + (double)began.tv_nsec / 1e3 -
		       (double)l.start_ns / 1e3);
	return 0;
}

static int take_turn(struct cell_run *run, enum launch_method method)
{
	int err = measure_program(run, method, false);

	if (!err)
		err = measure_program(run, method, true);
	return err ? err : measure_first(run, method);
}

static int one_round(struct cell_run *run)
{
	static const enum launch_method orders[6][3] = {
		{ LAUNCH_VFORK, LAUNCH_POSIX_SPAWN, LAUNCH_TEMPLATE },
		{ LAUNCH_POSIX_SPAWN, LAUNCH_TEMPLATE, LAUNCH_VFORK },
		{ LAUNCH_TEMPLATE, LAUNCH_VFORK, LAUNCH_POSIX_SPAWN },
		{ LAUNCH_TEMPLATE, LAUNCH_POSIX_SPAWN, LAUNCH_VFORK },
		{ LAUNCH_POSIX_SPAWN, LAUNCH_VFORK, LAUNCH_TEMPLATE },
		{ LAUNCH_VFORK, LAUNCH_TEMPLATE, LAUNCH_POSIX_SPAWN },
	};
	unsigned int round = run->round++;
	int err = 0;

	for (int i = 0; i < 3 && !err; i++)
		err = take_turn(run, orders[round % 6][i]);
	if (!err && round % run->setup->cell->fork_every == 0)
		err = take_turn(run, LAUNCH_FORK);
	return err;
}

static int prepare_plan(struct cell_run *run, struct launch_plan *plan,
			const char *path, char *argv[2], int output)
{
	struct launch_spec spec = {
		.path = path,
		.argv = argv,
		.envp = run->parent.envp,
		.cwd = "/",
		.stdio = { run->parent.null_fd, output, run->parent.null_fd },
	};

	argv[0] = (char *)path;
	spec.tfd = spawn_template_open(path, SPAWN_TEMPLATE_CREATE_CLOEXEC);
	if (spec.tfd < 0) {
		snprintf(run->samples->failed, sizeof(run->samples->failed),
			 "template of %s: %s", path, strerror(-spec.tfd));
		return spec.tfd;
	}
	return launch_prepare(plan, &spec);
}

static int set_up(struct cell_run *run)
{
	const struct cell_setup *setup = run->setup;
	char *why = run->samples->skipped;
	size_t size = sizeof(run->samples->skipped);
	int err = parent_become(setup->cell, &run->parent, why, size);

	if (!err)
		err = prepare_plan(run, &run->program, setup->program,
				   run->program_argv, run->parent.null_fd);
	if (!err)
		err = prepare_plan(run, &run->first, setup->first_program,
				   run->first_argv, run->parent.report[1]);
	if (!err)
		err = parent_open_fds(setup->cell, why, size);
	return err;
}

int cell_process(const struct cell_setup *setup)
{
	struct cell_run run = { .setup = setup, .samples = setup->samples };
	int err = set_up(&run);
	uint32_t rounds;

	while (write(setup->responses, "", 1) == 1 && !err) {
		if (read(setup->requests, &rounds, sizeof(rounds)) !=
		    sizeof(rounds))
			break;
		while (rounds-- && !err)
			err = one_round(&run);
	}
	return err != 0;
}
