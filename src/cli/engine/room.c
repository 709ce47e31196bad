/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells how many programs there is room for: memory and open files. */
#include <unistd.h>

#include "cli/engine/engine.h"

#define FDS_PER_JOB 10 /* pidfd, pipes, cgroup, template; more in the launch */
#define FDS_BESIDES 64
#define FDS_PER_POOL 8 /* a template and what connects it with its processes */

/* All programs may fill both of their streams at once: that takes half of the memory. */
unsigned int room_for_jobs(uint64_t max_output)
{
	uint64_t each = max_output ? max_output : SPAWN_TEMPLATE_RUN_MAX_OUTPUT;
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t memory = UINT64_MAX, n;
	struct rlimit limit;

	if (pages > 0 && size > 0)
		memory = (uint64_t)pages * (uint64_t)size;
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < memory)
		memory = limit.rlim_cur;
	n = each < memory / 4 ? memory / 4 / each : 1;
	return n < ENGINE_JOBS_DEFAULT ? (unsigned int)n : ENGINE_JOBS_DEFAULT;
}

void room_raise_files(struct engine *e)
{
	rlim_t want = FDS_BESIDES + ENGINE_TOOLS_KNOWN +
		      (rlim_t)e->pools * FDS_PER_POOL +
		      (rlim_t)e->max_jobs * FDS_PER_JOB;
	struct rlimit more;
	rlim_t fit;

	if (getrlimit(RLIMIT_NOFILE, &e->files) || e->files.rlim_cur >= want)
		return;
	more = e->files;
	more.rlim_cur = want < more.rlim_max ? want : more.rlim_max;
	if (more.rlim_cur > e->files.rlim_cur)
		e->files_raised = setrlimit(RLIMIT_NOFILE, &more) == 0;
	if (more.rlim_cur >= want)
		return;
	e->known = (unsigned int)more.rlim_cur / 8;
	e->pools = e->known / 2 / FDS_PER_POOL + 1;
	fit = more.rlim_cur - e->known;
	fit = fit > FDS_BESIDES ? (fit - FDS_BESIDES) / FDS_PER_JOB : 0;
	if (fit < e->max_jobs)
		e->max_jobs = fit ? (unsigned int)fit : 1;
}
