/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the command line that every protocol over the engine has. */
#include "cli/engine/engine.h"

int engine_read_jobs(struct engine_options *o, const char *text)
{
	long n;

	if (parse_number(text, 10, 1, ENGINE_JOBS_MAX, &n))
		return out_bad_usage("--jobs %s: not from 1 to %d", text,
				     ENGINE_JOBS_MAX);
	o->jobs = (unsigned int)n;
	return 0;
}

int engine_read_way(struct engine_options *o, const char *text)
{
	uint64_t flag;
	int err = read_warm(text, &flag);

	if (!err)
		o->way = engine_way_of(flag);
	return err;
}
