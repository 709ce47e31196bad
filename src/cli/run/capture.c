/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template run --capture: prints the program's output and end as one JSON
 * object.
 *
 * It uses a ring of one run, not spawn_template_run(): a signal that asks this
 * tool to end must end the tree first, and the pid is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/run.h"

#define THE_RUN 1 /* user_data */

int plan_ring(struct spawn_template_ring **ring)
{
	struct spawn_template_ring_params params =
		SPAWN_TEMPLATE_RING_PARAMS_INIT;
	int err;

	params.threads = 1;
	err = spawn_template_ring_init(1, &params, sizeof(params), ring);
	return err ? launch_no_ring(-err) : 0;
}

int plan_run(struct run_plan *plan, struct spawn_template_run_args *args)
{
	const struct run_options *o = plan->options;

	args->max_output = o->max_output;
	args->timeout_ns = (uint64_t)o->timeout_ns;
	args->grace_ns = (uint64_t)o->grace_ns;
	args->held_quiet_ns = o->held_quiet_ns;
	args->held_most_ns = o->held_most_ns;
	args->idle_timeout_ns = (uint64_t)o->idle_timeout_ns;
	args->tail_output = o->tail;
	args->spill_fd = o->spill_fd;
	args->winsize = o->winsize;
	args->flags = o->run_flags | o->output_flags;
	if (args->flags & SPAWN_TEMPLATE_RUN_PTY)
		args->flags |= SPAWN_TEMPLATE_RUN_OPEN_INPUT;
	if (o->keep_leftovers)
		plan->args.flags |= SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	else
		args->flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS |
			       SPAWN_TEMPLATE_RUN_END_WITH_CALLER;
	limits_apply(&o->limits, args);
	if (o->tree_parent) {
		args->cgroup_parent_fd =
			open_cgroup("--cgroup-tree", o->tree_parent, true);
		if (args->cgroup_parent_fd < 0)
			return CLI_FAILED;
		plan->cgroup_fd = args->cgroup_parent_fd;
	}
	args->spawn = plan->args;
	return 0;
}

/*
 * Queue the run without submitting it.
 * Return: 0, or an exit code as plan_make().
 */
static int queue_run(struct spawn_template_ring *ring, struct run_plan *plan,
		     json_t **report)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	int err = plan_run(plan, &args);

	if (err)
		return err;
	session_apply(plan->options->session, &args);
	err = spawn_template_ring_run(ring, plan->tfd, &args, sizeof(args),
				      THE_RUN);
	return err ? plan_explain(plan, -err, report) : 0;
}

/*
 * Wait for the run. The first signal that asks this tool to end is for the
 * tree; another one ends the tree at once.
 * Return: the completion, or NULL.
 */
static struct spawn_template_cqe *wait_for_it(struct spawn_template_ring *ring,
					      struct feed *feed)
{
	struct pollfd fds[2] = {
		{ .fd = spawn_template_ring_fd(ring), .events = POLLIN },
		{ .events = POLLIN },
	};
	struct spawn_template_cqe *cqe = NULL;
	bool cancelled = false;

	while (spawn_template_ring_wait(ring, &cqe, 0) != 0) {
		if (stop_signal() && !cancelled) {
			spawn_template_ring_cancel(ring, THE_RUN);
			cancelled = true;
		}
		if (stop_count() > 1)
			return NULL;
		fds[1].fd = feed_fd(feed);
		fds[1].revents = 0;
		if (poll(fds, 2, feed_wait_ms(feed)) >= 0)
			feed_on(feed, fds[1].revents != 0);
	}
	return cqe;
}

int plan_explain_run(struct run_plan *plan,
		     const struct spawn_template_cqe *cqe, json_t **report)
{
	plan->failure = (struct spawn_template_failure){
		.error = -cqe->res,
		.stage = SPAWN_TEMPLATE_CQE_STAGE(cqe->flags),
		.action = SPAWN_TEMPLATE_CQE_ACTION(cqe->flags),
	};
	return plan_explain(plan, -cqe->res, report);
}

static int report_launch_failure(struct run_plan *plan,
				 const struct spawn_template_cqe *cqe)
{
	json_t *error = NULL;
	int status = plan_explain_run(plan, cqe, &error);

	out_json(STDOUT_FILENO, failure_json(plan->options, error),
		 JSON_COMPACT);
	return status;
}

/* Return: the exit code, as run without --capture; or minus a signal. */
static int report_end(const struct run_plan *plan,
		      const struct spawn_template_cqe *cqe)
{
	struct spawn_template_result *r = cqe->result;
	json_t *report = json_pack("{s:o}", "command",
				   command_json(plan->options->argv));
	struct result_form form = { 0 };
	json_t *result;

	if (plan->options->tail)
		result_set_tail(&form, plan->options->max_output,
				plan->options->tail);
	result = result_json(r, cqe->pid, &form);
	json_object_set_new(report, "launch", plan_describe(plan));
	json_object_set_new(report, "cancelled",
			    json_boolean(cqe->res == -ECANCELED));
	if (!result || json_object_update(report, result)) {
		json_decref(report);
		report = NULL;
	}
	json_decref(result);
	if (out_json(STDOUT_FILENO, report,
		     JSON_COMPACT | JSON_REAL_PRECISION(9)))
		return CLI_FAILED;
	if (r->flags & SPAWN_TEMPLATE_RESULT_TIMED_OUT)
		return CLI_TIMED_OUT;
	if (r->flags & SPAWN_TEMPLATE_RESULT_STATUS_LOST) {
		out_error("the exit status was lost: something else waited for "
			  "process %d",
			  cqe->pid);
		return CLI_FAILED;
	}
	return r->signal >= 0 ? -r->signal : r->code;
}

/* Return: as report_end(). */
static int run_in(struct spawn_template_ring *ring, struct run_plan *plan)
{
	struct spawn_template_cqe *cqe;
	struct feed *feed = NULL;
	json_t *error = NULL;
	int status = queue_run(ring, plan, &error);

	if (status) {
		if (error)
			out_json(STDOUT_FILENO,
				 failure_json(plan->options, error),
				 JSON_COMPACT);
		return status;
	}
	stop_watch();
	spawn_template_ring_submit(ring);
	if (plan->options->output_flags & SPAWN_TEMPLATE_RUN_PTY)
		feed = feed_start(ring, THE_RUN);
	cqe = wait_for_it(ring, feed);
	feed_end(feed);
	stop_unwatch();
	if (!cqe)
		return CLI_FAILED; /* ended by the signal */
	if (cqe->result)
		status = report_end(plan, cqe);
	else
		status = report_launch_failure(plan, cqe);
	spawn_template_ring_seen(ring, cqe);
	return status;
}

int run_captured(const struct run_options *o)
{
	struct spawn_template_ring *ring = NULL;
	json_t *error = NULL;
	struct run_plan plan;
	sigset_t mask;
	int status;

	/* if SIGCHLD were ignored, the exit status would be lost */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	status = plan_make(&plan, o, &mask, &error);
	if (error)
		out_json(STDOUT_FILENO, failure_json(o, error), JSON_COMPACT);
	if (!status)
		status = plan_ring(&ring);
	if (!status)
		status = run_in(ring, &plan);
	spawn_template_ring_exit(ring);
	plan_free(&plan);
	status = out_finish(status);
	if (stop_signal())
		return end_by_signal(stop_signal());
	return status < 0 ? end_by_signal(-status) : status;
}
