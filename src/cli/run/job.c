/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One launched program and its supervision: signals that reach this tool are
 * passed on to the program, a stop of the program stops this tool, too, and a
 * timeout ends the program's whole tree.
 *
 * All signals that matter are blocked and read from a signalfd; the program
 * gets the mask that this tool was started with. No handler is installed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "cli/run/run.h"

/* Passed on to the program. */
static const int forwarded[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT,
};

/*
 * Also blocked: SIGCHLD reports the program; the others would stop this tool
 * when it handles the terminal, or before the program has stopped.
 */
static const int watched[] = { SIGCHLD, SIGTTIN, SIGTTOU };

/*
 * Block signals, but not those that are ignored: they stay ignored, here and in
 * the program, for nohup(1).
 */
static void block_unless_ignored(sigset_t *set, const int *signals, size_t n)
{
	struct sigaction action;

	for (size_t i = 0; i < n; i++)
		if (sigaction(signals[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

/* Tell whether a group, or a terminal in its stead, has to tell the tree. */
static bool needs_group(const struct run_options *options)
{
	return (options->timeout_ns || options->whole) &&
	       !(options->flags & SPAWN_TEMPLATE_SPAWN_SETSID);
}

int job_prepare(struct job *job, const struct run_options *options)
{
	memset(job, 0, sizeof(*job));
	job->options = options;
	job->pidfd = job->terminal.fd = -1;
	job->deadline = INT64_MAX;
	job->code = job->signal = -1;

	/* if SIGCHLD were ignored, the exit status would be lost */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&job->blocked);
	block_unless_ignored(&job->blocked, forwarded,
			     sizeof(forwarded) / sizeof(forwarded[0]));
	block_unless_ignored(&job->blocked, watched,
			     sizeof(watched) / sizeof(watched[0]));
	sigprocmask(SIG_BLOCK, &job->blocked, &job->inherited);
	job->signals = signalfd(-1, &job->blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (job->signals < 0) {
		out_error("cannot read signals: %s", strerror(errno));
		sigprocmask(SIG_SETMASK, &job->inherited, NULL);
		return CLI_FAILED;
	}
	if (needs_group(options))
		terminal_open(&job->terminal);
	return 0;
}

int job_launch(struct job *job, struct run_plan *plan, json_t **report)
{
	const struct run_options *o = job->options;
	pid_t pid;

	plan->args.pidfd = (uintptr_t)&job->pidfd;
	if (!o->keep_leftovers) {
		left_adopt(&job->tree);
		/* it would be what keeps a prepared launch cold, which --warm tells */
		if (o->create_flags == 0)
			plan->args.flags |=
				SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT;
	}
	if (!job->tree.others && job->terminal.fd >= 0)
		tree_adopt(&job->tree);
	if (job->terminal.fd < 0 && needs_group(o))
		plan->args.flags |= SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	job->started = st_now();
	pid = spawn_template_spawn(plan->tfd, &plan->args, sizeof(plan->args));
	job->spawn_ns = st_now() - job->started;
	if (pid < 0)
		return plan_explain(plan, -pid, report);
	job->pid = job->tree.program = pid;
	job->tree.pidfd = job->pidfd;
	if (plan->args.flags &
	    (SPAWN_TEMPLATE_SPAWN_SETPGROUP | SPAWN_TEMPLATE_SPAWN_SETSID))
		job->group = job->tree.group = pid;
	if (o->json)
		*report = plan_describe(plan);
	if (o->timeout_ns)
		job->deadline = job->started + o->timeout_ns;
	return 0;
}

/* Note the end of the program as siginfo describes it. */
static void note_end(struct job *job, const siginfo_t *info)
{
	job->end = JOB_ENDED;
	job->total_ns = st_now() - job->started;
	if (info->si_code == CLD_EXITED) {
		job->code = info->si_status;
		return;
	}
	job->signal = info->si_status;
	job->core_dumped = info->si_code == CLD_DUMPED;
}

/* A ring may have reaped the program: then the number may be another's. */
static void to_program(const struct job *job, int sig)
{
	if (job->pidfd >= 0 &&
	    syscall(SYS_pidfd_send_signal, job->pidfd, 0, NULL, 0) < 0 &&
	    errno == ESRCH)
		return;
	kill(job->group ? -job->group : job->pid, sig);
}

/*
 * Continue the program, unless a signal to its group has done so already: it
 * may have been stopped again since, and must then stay stopped.
 */
static void continue_program(const struct job *job)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)job->pid, &info,
		   WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid)
		return;
	to_program(job, SIGCONT);
}

/*
 * Stop this tool, too, because the terminal or a forwarded SIGTSTP has stopped
 * the program; stop the whole job if the program has its own group; go on
 * together.
 */
void job_stop_together(struct job *job, int sig)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, sig);
	kill(job->group ? 0 : getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* the stop happens here */
	sigprocmask(SIG_BLOCK, &job->blocked, NULL);

	sigemptyset(&pending);
	sigpending(&pending);
	if (sigismember(&pending, SIGCONT) == 1)
		continue_program(job);
}

/* Stop with a program that the terminal, or a forwarded SIGTSTP, has stopped. */
static void note_stop(struct job *job, const siginfo_t *info)
{
	if (info->si_status == SIGTSTP || info->si_status == SIGTTIN ||
	    info->si_status == SIGTTOU)
		job_stop_together(job, info->si_status);
}

/*
 * Note stops and the end. Once the time is up, note only the end, and do not
 * reap the program before its tree has ended: it keeps the number of its group.
 */
static void reap_program(struct job *job)
{
	int options = job->timed_out ? WNOWAIT : WSTOPPED;
	siginfo_t info = { 0 };
	long err;

	/* the raw call also returns the rusage; __WALL as in the library */
	err = syscall(SYS_waitid, P_PID, job->pid, &info,
		      options | WEXITED | WNOHANG | __WALL, &job->usage);
	if (err < 0) {
		if (errno != EINTR)
			job->end = JOB_LOST;
		return;
	}
	if (info.si_pid == 0)
		return;
	if (info.si_code != CLD_STOPPED) {
		note_end(job, &info);
		return;
	}
	note_stop(job, &info);
}

void job_note_stops(struct job *job)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)job->pid, &info, WSTOPPED | WNOHANG | __WALL) ==
		    0 &&
	    info.si_pid)
		note_stop(job, &info);
}

/*
 * Pass on a signal that this tool got. A group that the program shares has
 * already got the terminal's signals. A signal that the program sent itself
 * (kill 0) is not returned to it.
 */
static void forward(struct job *job, const struct signalfd_siginfo *info,
		    bool from_terminal_too)
{
	int sig = (int)info->ssi_signo;

	if (sig == SIGCHLD || sig == SIGTTIN || sig == SIGTTOU)
		return;
	if (info->ssi_code == SI_KERNEL && !job->group && !from_terminal_too)
		return;
	if (info->ssi_code != SI_KERNEL && info->ssi_pid == (uint32_t)job->pid)
		return;
	if (sig == SIGCONT) {
		continue_program(job);
		return;
	}
	to_program(job, sig);
}

void job_read_signals(struct job *job, bool from_terminal_too)
{
	struct signalfd_siginfo info;

	while (read(job->signals, &info, sizeof(info)) == sizeof(info))
		forward(job, &info, from_terminal_too);
}

/* End the tree, as the time is up: TERM, then KILL after the grace period. */
static void escalate(struct job *job)
{
	if (!job->timed_out) {
		job->timed_out = true;
		if (!job->tree.others)
			tree_adopt(&job->tree);
		else if (job->options->keep_leftovers || job->tree.n_others)
			tree_spare(&job->tree);
		tree_signal(&job->tree, SIGTERM);
		job->deadline = st_now() + job->options->grace_ns;
		return;
	}
	job->killed = true;
	tree_signal(&job->tree, SIGKILL);
	job->deadline = INT64_MAX;
}

static int wait_ready(const struct job *job)
{
	struct pollfd fds[2] = {
		{ .fd = job->signals, .events = POLLIN },
		{ .fd = job->pidfd, .events = POLLIN },
	};
	struct timespec ts = { 0 };
	int64_t left = job->deadline - st_now();

	if (job->deadline == INT64_MAX)
		return ppoll(fds, 2, NULL, NULL);
	if (left > 0) {
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
	}
	return ppoll(fds, 2, &ts, NULL);
}

/*
 * End the rest of the tree after the program has ended. Its processes have the
 * rest of the grace period. After KILL they are gone at once, except for those
 * that wait for a device: they get a second.
 */
static void end_tree(struct job *job)
{
	struct timespec step = { .tv_nsec = 2000000 };
	int64_t patience = INT64_MAX;

	while (tree_lives(&job->tree) && st_now() < patience) {
		if (!job->killed && st_now() >= job->deadline)
			escalate(job);
		else if (job->killed)
			tree_signal(&job->tree, SIGKILL); /* new ones */
		if (job->killed && patience == INT64_MAX)
			patience = st_now() + 1000000000;
		nanosleep(&step, NULL);
		if (step.tv_nsec < 50000000)
			step.tv_nsec *= 2;
	}
	if (job->end == JOB_ENDED)
		waitid(P_PID, (id_t)job->pid, &(siginfo_t){ 0 },
		       WEXITED | __WALL);
}

void job_wait(struct job *job)
{
	/* nobody knows whether the program got the signals before now, too */
	job_read_signals(job, true);
	for (reap_program(job); job->end == JOB_RUNNING; reap_program(job)) {
		if (st_now() >= job->deadline)
			escalate(job);
		wait_ready(job);
		job_read_signals(job, false);
		if (job->tree.others && !job->timed_out)
			tree_reap(&job->tree);
	}
	if (job->timed_out)
		end_tree(job);
	else if (!job->options->keep_leftovers)
		job->leftovers = left_end(&job->tree, job->signals,
					  job->options->grace_ns, &job->killed);
}

void job_finish(struct job *job)
{
	terminal_close(&job->terminal, job->timed_out || job->signal >= 0);
	free(job->tree.others);
	if (job->pidfd >= 0)
		close(job->pidfd);
	close(job->signals);
	sigprocmask(SIG_SETMASK, &job->inherited, NULL);
}

int job_end_like(const struct job *job)
{
	if (job->end == JOB_LOST) {
		out_error("the exit status was lost: something else waited for "
			  "process %d",
			  (int)job->pid);
		return CLI_FAILED;
	}
	if (job->timed_out)
		return CLI_TIMED_OUT;
	return job->signal < 0 ? job->code : end_by_signal(job->signal);
}
