/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program without --capture whose whole tree is held: by a cgroup with limits, by a
 * supervisor, or because its leftovers are to be ended. A ring runs it. Its standard
 * streams, its terminal and its job control are those of any other program of this tool
 * (job.c), so it shares this tool's process group where there is a terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run/run.h"
#include "cli/session.h"
#include "shared/clock.h"
#include "shared/process/process.h"

#define THE_RUN 1 /* user_data */

/* Milliseconds between looks for a stop of a program that is not this tool's child. */
#define LOOK_MS 100

/* ---- the launch */

/*
 * Without a terminal nobody else signals the group, and a group of its own tells what is
 * in the tree.
 */
static enum session session_for(const struct job *job)
{
	const struct run_options *o = job->options;

	if (o->flags & SPAWN_TEMPLATE_SPAWN_SETSID)
		return SESSION_OWN;
	if (o->session != SESSION_UNSET)
		return o->session;
	return job->terminal.fd >= 0 ? SESSION_CALLER : SESSION_GROUP;
}

/* Return: 0, or an exit code as plan_make(). */
static int queue_run(struct job *job, struct spawn_template_ring *ring,
		     struct run_plan *plan, json_t **report)
{
	struct spawn_template_run_args args = SPAWN_TEMPLATE_RUN_ARGS_INIT;
	enum session session = session_for(job);
	int err = plan_run(plan, &args);

	if (err)
		return err;
	args.flags |=
		SPAWN_TEMPLATE_RUN_NO_CAPTURE | SPAWN_TEMPLATE_RUN_TELL_START;
	session_apply(session, &args);
	job->leads = session != SESSION_CALLER;
	err = spawn_template_ring_run(ring, plan->tfd, &args, sizeof(args),
				      THE_RUN);
	if (err)
		return plan_explain(plan, -err, report);
	job->started = st_now();
	spawn_template_ring_submit(ring);
	return 0;
}

static void note_start(struct job *job, const struct spawn_template_cqe *cqe)
{
	siginfo_t info;

	job->pid = cqe->pid;
	job->pidfd = cqe->pidfd;
	if (job->leads)
		job->group = cqe->pid;
	/* below a keeper it is not */
	job->is_child = waitid(P_PID, (id_t)job->pid, &info,
			       WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
	/* nobody knows whether the program got the signals before now, too */
	job_read_signals(job, true);
}

static void note_end(struct job *job, const struct spawn_template_result *r)
{
	job->end = r->flags & SPAWN_TEMPLATE_RESULT_STATUS_LOST ? JOB_LOST
								: JOB_ENDED;
	job->code = r->code;
	job->signal = r->signal;
	job->timed_out = r->flags & SPAWN_TEMPLATE_RESULT_TIMED_OUT;
	job->killed = r->flags & SPAWN_TEMPLATE_RESULT_TREE_KILLED;
	job->usage = r->usage;
	job->result = r;
}

/* ---- waiting */

/* Tell whether the ring may end the tree by now, for which it stops that. */
static bool is_time_up(const struct job *job)
{
	int64_t most = job->options->timeout_ns;

	return most && st_now() >= st_after(job->started, (uint64_t)most);
}

/*
 * Look whether a program that a keeper has launched was stopped at the terminal. SIGSTOP
 * is from elsewhere: whoever sends it continues the program, but not this tool.
 */
static void look_for_stop(struct job *job)
{
	int sig = st_process_stopped(job->pid);

	if (sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		job_stop_together(job, sig);
	else if (sig == -ENODATA && !is_time_up(job))
		job_stop_together(job, SIGTSTP);
}

/* Tell whether no event reports a stop of the program, but looks do. */
static bool has_to_look(const struct job *job)
{
	return job->pid && !job->is_child && job->terminal.fd >= 0;
}

static void tend_program(struct job *job)
{
	job_read_signals(job, false);
	if (job->is_child)
		job_note_stops(job);
	else if (has_to_look(job))
		look_for_stop(job);
}

/*
 * Read the signals that came before the end of the program, and were the program's, too.
 * Unblocked, they would end this tool, which has to tell how the program took them. The
 * program is gone, and gets none.
 */
static void drop_signals(struct job *job)
{
	if (job->pidfd >= 0)
		job_read_signals(job, false);
}

/* Return: the completion; the one of the start lives on with its descriptor. */
static struct spawn_template_cqe *wait_for_it(struct job *job,
					      struct spawn_template_ring *ring)
{
	struct pollfd fds[2] = {
		{ .fd = spawn_template_ring_fd(ring), .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	struct spawn_template_cqe *cqe;

	for (;;) {
		while (spawn_template_ring_wait(ring, &cqe, 0) == 0) {
			if (cqe->kind != SPAWN_TEMPLATE_CQE_STARTED) {
				drop_signals(job);
				return cqe;
			}
			note_start(job, cqe);
			fds[1].fd = job->signals;
		}
		/* it may have stopped before now */
		if (job->pid)
			tend_program(job);
		poll(fds, 2, has_to_look(job) ? LOOK_MS : -1);
	}
}

/* ---- all of it */

/* Return: 0 or an exit code; *report is the launch or what failed. */
static int run_in(struct job *job, struct spawn_template_ring *ring,
		  struct run_plan *plan, json_t **report)
{
	struct spawn_template_cqe *cqe;
	int status = queue_run(job, ring, plan, report);

	if (status)
		return status;
	cqe = wait_for_it(job, ring);
	if (!cqe->result)
		return plan_explain_run(plan, cqe, report);
	note_end(job, cqe->result);
	if (job->options->json)
		*report = plan_describe(plan);
	return 0;
}

static void report(const struct job *job, json_t *launch, int status)
{
	const struct run_options *o = job->options;

	signal(SIGPIPE, SIG_IGN); /* the status matters more than the report */
	if (!status && o->json)
		launch = report_json(job, launch);
	else if (launch)
		launch = failure_json(o, launch);
	if (launch)
		out_json(STDERR_FILENO, launch, JSON_COMPACT);
}

int run_whole(const struct run_options *o)
{
	struct spawn_template_ring *ring = NULL;
	json_t *launch = NULL;
	struct run_plan plan;
	struct job job;
	int status = job_prepare(&job, o);

	if (status)
		return status;
	status = plan_make(&plan, o, &job.inherited, &launch);
	if (!status)
		status = plan_ring(&ring);
	if (!status)
		status = run_in(&job, ring, &plan, &launch);
	job.pidfd = -1; /* the ring's */
	job_finish(&job);
	report(&job, launch, status);
	spawn_template_ring_exit(ring);
	plan_free(&plan);
	return status ? status : job_end_like(&job);
}
