/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports a launch and its end as JSON. */
#include "cli/run/run.h"

static int64_t timeval_ns(const struct timeval *tv)
{
	return tv->tv_sec * INT64_C(1000000000) + tv->tv_usec * INT64_C(1000);
}

static json_t *usage_json(const struct rusage *ru)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "user_ns", (json_int_t)timeval_ns(&ru->ru_utime),
			 "system_ns", (json_int_t)timeval_ns(&ru->ru_stime),
			 "max_rss_kib", (json_int_t)ru->ru_maxrss,
			 "minor_faults", (json_int_t)ru->ru_minflt,
			 "major_faults", (json_int_t)ru->ru_majflt, "blocks_in",
			 (json_int_t)ru->ru_inblock, "blocks_out",
			 (json_int_t)ru->ru_oublock, "voluntary_switches",
			 (json_int_t)ru->ru_nvcsw, "involuntary_switches",
			 (json_int_t)ru->ru_nivcsw);
}

json_t *command_json(char **argv)
{
	json_t *command = json_array();

	for (; *argv; argv++)
		json_array_append_new(command, out_text(*argv));
	return command;
}

json_t *failure_json(const struct run_options *o, json_t *error)
{
	return json_pack("{s:o, s:o}", "command", command_json(o->argv),
			 "error", error);
}

/* Return the end as that of a captured run, for the same keys. */
static struct spawn_template_result result_of(const struct job *job)
{
	const struct rusage *ru = &job->usage;
	struct spawn_template_result r = {
		.code = job->code,
		.signal = job->signal,
		.spawn_ns = (uint64_t)job->spawn_ns,
		.total_ns = (uint64_t)job->total_ns,
		.user_us = (uint64_t)timeval_ns(&ru->ru_utime) / 1000,
		.system_us = (uint64_t)timeval_ns(&ru->ru_stime) / 1000,
		.max_rss_kib = (uint64_t)ru->ru_maxrss,
		.minor_faults = (uint64_t)ru->ru_minflt,
		.major_faults = (uint64_t)ru->ru_majflt,
		.block_inputs = (uint64_t)ru->ru_inblock,
		.block_outputs = (uint64_t)ru->ru_oublock,
		.voluntary_switches = (uint64_t)ru->ru_nvcsw,
		.involuntary_switches = (uint64_t)ru->ru_nivcsw,
	};

	r.leftovers = job->leftovers;
	if (job->leftovers)
		r.flags |= SPAWN_TEMPLATE_RESULT_LEFTOVERS;
	if (job->timed_out)
		r.flags |= SPAWN_TEMPLATE_RESULT_TIMED_OUT;
	if (job->killed)
		r.flags |= SPAWN_TEMPLATE_RESULT_TREE_KILLED;
	if (job->end == JOB_LOST)
		r.flags |= SPAWN_TEMPLATE_RESULT_STATUS_LOST;
	return r;
}

/*
 * Report the end. "cgroup" is false without one of the tree's own: --cgroup names one
 * that is shared. exit_code, killed and rusage are the names of 0.3. A ring does not
 * tell of core dumps.
 */
json_t *report_json(const struct job *job, json_t *launch)
{
	static const struct result_form form = { .streamed = true };
	struct spawn_template_result r =
		job->result ? *job->result : result_of(job);
	json_t *result = result_json(&r, (int)job->pid, &form);
	json_t *report = json_pack(
		"{s:o, s:o, s:o, s:b, s:o, s:o}", "command",
		command_json(job->options->argv), "core_dumped",
		job->result ? json_null() : json_boolean(job->core_dumped),
		"exit_code", out_number(job->code), "killed", job->killed,
		"rusage", usage_json(&job->usage), "launch", launch);

	if (!report || !result || json_object_update(report, result)) {
		json_decref(report);
		report = NULL;
	}
	json_decref(result);
	json_object_del(report, "out_total"); /* this tool sees no output */
	json_object_del(report, "err_total");
	return report;
}
