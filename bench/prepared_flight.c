/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures prepared launches with 16 runs in flight: see prepared.h. */
#include <errno.h>
#include <unistd.h>

#include "prepared.h"
#include "shared/measure/launchers.h"
#include "shared/measure/progress.h"

#define RUNS 128 /* in a turn of a way */

const enum way flight_way[FLIGHT_WAYS] = {
	[FLIGHT_LOOP] = WAY_LOOP,
	[FLIGHT_RING] = WAY_RING,
	[FLIGHT_PREPARED] = WAY_PREPARED,
};

static const struct flight_row rows[FLIGHT_PROGRAMS] = {
	{ .program = PROGRAM_TRUE, .least = 3 },
	{ .program = PROGRAM_DASH, .least = 3 },
	{ .program = PROGRAM_CAT, .least = 1.7 },
	{ .program = PROGRAM_64_KIB, .least = 1.7 },
	{ .program = PROGRAM_SED, .least = 1.7 },
	{ .program = PROGRAM_GREP, .least = 1.7 },
	{ .program = PROGRAM_GIT, .least = 1.7 },
	{ .program = PROGRAM_BASH, .least = 1.5 },
};

static int start(struct prepared *p, struct worker *workers)
{
	char self[4096] = "";
	struct worker_options o = { .self = self };
	int err = work_prepare(&p->work);

	if (!err && readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		err = -errno;
	for (int w = 0; w < FLIGHT_WAYS && !err; w++)
		err = worker_start(&workers[w], flight_way[w], &o);
	for (int i = 0; i < FLIGHT_PROGRAMS; i++)
		p->flight[i] = rows[i];
	return err;
}

static int take_turn(struct flight_row *row, struct worker *workers,
		     unsigned int n)
{
	struct round round = { row->program, FLIGHT, RUNS };
	int err = 0;

	for (unsigned int i = 0; i < FLIGHT_WAYS && !err; i++) {
		unsigned int w = (n + i) % FLIGHT_WAYS;

		err = worker_ask(&workers[w], &round, FLIGHT, &row->ways[w]);
	}
	return err;
}

static int make_ratios(struct flight_row *row)
{
	int err = 0;

	for (int w = 0; w < FLIGHT_WAYS && !err; w++) {
		err = samples_sort(&row->ways[w].rate);
		if (!err)
			err = samples_sort(&row->ways[w].cpu_us);
	}
	for (int w = 0; w < FLIGHT_WAYS && !err; w++) {
		err = samples_ratio(&row->ways[w].rate,
				    &row->ways[FLIGHT_LOOP].rate,
				    &row->rate[w]);
		if (!err)
			err = samples_ratio(&row->ways[w].cpu_us,
					    &row->ways[FLIGHT_LOOP].cpu_us,
					    &row->cpu[w]);
	}
	return err;
}

static int run_rounds(struct prepared *p, struct worker *workers,
		      double seconds)
{
	struct progress bar = progress_start();
	uint64_t start = now_ns();
	double passed = 0;
	int err = 0;

	for (unsigned int n = 0; !err && (n < 3 || passed < seconds); n++) {
		for (int i = 0; i < FLIGHT_PROGRAMS && !err; i++)
			err = take_turn(&p->flight[i], workers, n);
		passed = (double)(now_ns() - start) / 1e9;
		progress_show(&bar, passed / seconds, "16 in flight");
		p->flight_rounds = n + 1;
	}
	progress_end(&bar);
	return err;
}

int flight_measure(struct prepared *p, double seconds)
{
	struct worker workers[FLIGHT_WAYS] = { 0 };
	int err = start(p, workers);

	if (!err)
		err = run_rounds(p, workers, seconds);
	for (int w = 0; w < FLIGHT_WAYS; w++)
		worker_stop(&workers[w]);
	for (int i = 0; i < FLIGHT_PROGRAMS && !err; i++)
		err = make_ratios(&p->flight[i]);
	return err;
}
