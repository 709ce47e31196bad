/* SPDX-License-Identifier: BSD-2-Clause */
/* Notes and describes what went wrong. */
#include <errno.h>
#include <string.h>

#include "cli/engine/engine.h"

json_t *error_json(int error, const char *message)
{
	return json_pack("{s:s, s:i, s:o}", "name", name_errno(error), "errno",
			 error, "message", out_text(message));
}

json_t *job_failure_json(const struct engine_job *job, int error,
			 uint32_t flags)
{
	static const char *const both[] = { "cwd", "RLIMIT_NOFILE" };
	static struct spawn_template_stat st;
	bool has_cwd = job->cwd || job->verdict.cwd >= 0;
	struct launch_error e = {
		.command = job->name,
		.path = "",
		.interpreter = "",
		.one_of_many = true,
		.error = error,
		.failure = {
			.error = error,
			.stage = SPAWN_TEMPLATE_CQE_STAGE(flags),
			.action = SPAWN_TEMPLATE_CQE_ACTION(flags),
		},
		.cwd = job->cwd,
		.actions = has_cwd ? both : both + 1,
		.n_actions = has_cwd ? 2 : 1,
		.sandboxed = job->sandboxed,
	};

	if (job->tfd >= 0 &&
	    spawn_template_stat(job->tfd, &st, sizeof(st)) == 0) {
		e.path = st.path;
		e.interpreter = st.interpreter;
	}
	return launch_error_json(&e);
}

void engine_no_memory(struct engine *e)
{
	e->error = ENOMEM;
}
