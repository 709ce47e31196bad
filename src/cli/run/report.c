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

/*
 * Report the end. "cgroup" is false, because the tree has no cgroup of its own:
 * --cgroup names one that is shared.
 */
json_t *report_json(const struct job *job, json_t *launch)
{
	return json_pack(
		"{s:o, s:i, s:o, s:s?, s:o, s:b, s:b, s:b, s:b, s:I, s:I, s:o, "
		"s:o}",
		"command", command_json(job->options->argv), "pid",
		(int)job->pid, "exit_code", out_number(job->code), "signal",
		job->signal >= 0 ? name_signal(job->signal) : NULL,
		"signal_number", out_number(job->signal), "core_dumped",
		job->core_dumped, "timed_out", job->timed_out, "killed",
		job->killed, "cgroup", false, "spawn_ns",
		(json_int_t)job->spawn_ns, "total_ns",
		(json_int_t)job->total_ns, "rusage", usage_json(&job->usage),
		"launch", launch);
}
