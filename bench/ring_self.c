/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the work through a ring of spawn_template: the way that is measured, from
 * templates without and with prepared processes.
 */
#include <errno.h>
#include <stddef.h>

#include "shared/measure/launchers.h"
#include "ring_work.h"
#include "spawn_template.h"

static struct self {
	const struct work *work;
	struct spawn_template_ring *ring;
	int templates[PROGRAMS];
} self;

static int start_from(const struct work *work, unsigned int threads,
		      uint64_t flags)
{
	struct spawn_template_ring_params params =
		SPAWN_TEMPLATE_RING_PARAMS_INIT;

	params.threads = threads;
	self.work = work;
	for (int i = 0; i < PROGRAMS; i++) {
		int tfd = spawn_template_open(work->programs[i].argv[0],
					      SPAWN_TEMPLATE_CREATE_CLOEXEC |
						      flags);

		if (tfd < 0)
			return tfd;
		self.templates[i] = tfd;
	}
	return spawn_template_ring_init(INFLIGHT_MAX, &params, sizeof(params),
					&self.ring);
}

static int start_cold(const struct work *work, unsigned int threads)
{
	return start_from(work, threads, 0);
}

static int start_prepared(const struct work *work, unsigned int threads)
{
	return start_from(work, threads, SPAWN_TEMPLATE_CREATE_WARM_FORK);
}

/* Does what a caller of the ring has to do. Its time is the time measured. */
static int submit(unsigned int program, uint64_t user_data)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	int err;

	args.spawn.argv = (uintptr_t)self.work->programs[program].argv;
	args.spawn.envp = (uintptr_t)self.work->envp;
	err = spawn_template_ring_run(self.ring, self.templates[program], &args,
				      sizeof(args), user_data);
	if (!err)
		err = spawn_template_ring_submit(self.ring);
	return err < 0 ? err : 0;
}

static int start_run(unsigned int program, uint64_t user_data,
		     double *blocked_us)
{
	uint64_t start = now_ns();
	int err = submit(program, user_data);

	if (blocked_us)
		*blocked_us = (double)(now_ns() - start) / 1e3;
	return err;
}

static int take_run(const struct program *p)
{
	struct spawn_template_result *result;
	struct spawn_template_cqe *cqe;
	int err = spawn_template_ring_wait(self.ring, &cqe, -1);

	if (err)
		return err;
	err = cqe->res;
	result = cqe->result;
	if (!err &&
	    (result->code || result->out_len != p->out_len || result->err_len))
		err = -ECANCELED;
	spawn_template_ring_seen(self.ring, cqe);
	return err;
}

static int self_run(const struct round *round, double *blocked_us)
{
	unsigned int started = 0, done = 0;
	int err = 0;

	while (done < round->runs && !err) {
		while (started < round->runs &&
		       started - done < round->inflight && !err) {
			err = start_run(round->program, started,
					blocked_us ? &blocked_us[started]
						   : NULL);
			started++;
		}
		if (!err)
			err = take_run(&self.work->programs[round->program]);
		done++;
	}
	return err ? work_failed("ring", err) : 0;
}

const struct engine ring_engine = {
	.name = "ring of spawn_template",
	.start = start_cold,
	.run = self_run,
};

const struct engine prepared_engine = {
	.name = "ring of spawn_template, CREATE_WARM_FORK",
	.start = start_prepared,
	.run = self_run,
};
