/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The result of a run: filled in when the run is over, in the caller's version.
 */
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

_Static_assert(sizeof(struct spawn_template_result) ==
			       SPAWN_TEMPLATE_RESULT_SIZE_VER2 &&
		       offsetof(struct spawn_template_result, out_total) ==
			       SPAWN_TEMPLATE_RESULT_SIZE_VER1 &&
		       offsetof(struct spawn_template_result, user_us) ==
			       SPAWN_TEMPLATE_RESULT_SIZE_VER0,
	       "result");

static uint64_t us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void fill_usage(struct spawn_template_result *to,
		       const struct rusage *from)
{
	to->usage = *from;
	to->user_us = us(&from->ru_utime);
	to->system_us = us(&from->ru_stime);
	to->max_rss_kib = (uint64_t)from->ru_maxrss;
	to->minor_faults = (uint64_t)from->ru_minflt;
	to->major_faults = (uint64_t)from->ru_majflt;
	to->block_inputs = (uint64_t)from->ru_inblock;
	to->block_outputs = (uint64_t)from->ru_oublock;
	to->voluntary_switches = (uint64_t)from->ru_nvcsw;
	to->involuntary_switches = (uint64_t)from->ru_nivcsw;
}

static uint32_t output_flags(const struct st_io *io)
{
	uint32_t flags = 0;

	if (io->out.truncated)
		flags |= SPAWN_TEMPLATE_RESULT_OUT_TRUNCATED;
	if (io->err.truncated)
		flags |= SPAWN_TEMPLATE_RESULT_ERR_TRUNCATED;
	if (st_io_spilled(io))
		flags |= SPAWN_TEMPLATE_RESULT_SPILLED;
	return flags;
}

/* Fills in a result with the output so far of a run that goes on. */
void st_run_snapshot(struct st_run *run, struct spawn_template_result *result)
{
	*result = (struct spawn_template_result){
		.code = -1,
		.signal = -1,
		.flags = run->detach_flags | output_flags(&run->io) |
			 (run->result_flags & SPAWN_TEMPLATE_RESULT_CGROUP),
		.size = sizeof(*result),
		.spawn_ns = (uint64_t)(run->spawned - run->started),
		.total_ns = (uint64_t)(st_now() - run->started),
		.out_total = run->io.out.total,
		.err_total = run->io.err.total,
	};
	st_io_copy_output(&run->io, result);
}

/* Fills in a whole result, which takes over the output. */
void st_run_result(struct st_run *run, struct spawn_template_result *result)
{
	run->result_flags |= output_flags(&run->io);
	st_io_give_output(&run->io, result);
	result->code = run->code;
	result->signal = run->signal;
	result->flags = run->result_flags;
	result->size = sizeof(*result);
	fill_usage(result, &run->usage);
	result->spawn_ns = (uint64_t)(run->spawned - run->started);
	result->total_ns = (uint64_t)(run->over - run->started);
	result->out_total = run->io.out.total;
	result->err_total = run->io.err.total;
	result->leftovers = run->leftovers;
	result->memory_peak = run->tree_usage.memory_peak;
	result->cpu_us = run->tree_usage.cpu_us;
}

/**
 * st_run_give_result - fill in a result of the caller's size
 * @run: it is over
 * @to: the caller's, which takes over the output
 * @size: its sizeof, at least version 0's
 *
 * A size between two versions counts as the smaller one; the bytes behind that
 * version become zero, up to the caller's size.
 */
void st_run_give_result(struct st_run *run, void *to, size_t size)
{
	struct spawn_template_result result;
	size_t known = sizeof(result);

	st_run_result(run, &result);
	if (size < SPAWN_TEMPLATE_RESULT_SIZE_VER1) {
		known = SPAWN_TEMPLATE_RESULT_SIZE_VER0;
		result.size = 0;
	} else if (size < known) {
		known = SPAWN_TEMPLATE_RESULT_SIZE_VER1;
		result.size = (uint32_t)known;
	}
	memset(to, 0, size);
	memcpy(to, &result, known);
}

void spawn_template_result_free(struct spawn_template_result *result)
{
	if (!result)
		return;
	free(result->out);
	free(result->err);
	result->out = result->err = NULL;
	result->out_len = result->err_len = 0;
}
