/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template run: what was asked for (options), what is under
 * way (struct job), and how it ended.
 */
#ifndef RUN_H
#define RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <termios.h>

#include "cli.h"

/* --env and --unset, in the order given */
struct env_change {
	const char *text; /* NAME=VALUE, or NAME to unset it */
	bool unset;
};

struct run_options {
	const char *cwd, *cgroup, *argv0;
	int64_t timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint64_t flags; /* SPAWN_TEMPLATE_SPAWN_* */
	unsigned int umask;
	int nice;
	bool json, clear_env;
	struct env_change *env;
	size_t n_env;
	int *keep;
	size_t n_keep;
	char **argv;
};

/*
 * The terminal, when the program gets a process group of its own although this
 * tool is in the foreground: the group is made first, so that the program
 * starts in the foreground. Its leader is a process that has already ended and
 * is not reaped before the end, so that the group's number stays taken.
 */
struct run_terminal {
	int fd; /* /dev/tty; -1: none, or not ours to give */
	pid_t holder; /* leads the group; 0: none */
	struct termios modes; /* as found */
};

enum job_end { JOB_RUNNING, JOB_ENDED, JOB_LOST };

struct job {
	const struct run_options *options;
	pid_t pid;
	int pidfd;
	pid_t group; /* the program's own; 0: it shares ours */
	int signals; /* signalfd */
	sigset_t blocked, inherited;
	struct run_terminal terminal;

	int64_t started, spawn_ns, total_ns;
	int64_t deadline; /* of the next step; INT64_MAX: none */
	bool timed_out, killed;

	enum job_end end;
	int code, signal; /* one is >= 0, the other -1 */
	bool core_dumped;
	struct rusage usage;
};

/* run_terminal.c */

/* Make the group and hand the terminal to it, if there is one and it is ours. */
void terminal_open(struct run_terminal *t);
/* Make the program's group the foreground one, if ours is. Return: whether. */
bool terminal_give(const struct run_terminal *t, pid_t group);
/* Take it back. */
void terminal_take(const struct run_terminal *t, pid_t group);
/* Take it back for good; with restore, in the modes in which it was found. */
void terminal_close(struct run_terminal *t, pid_t group, bool restore);

/* Prepare, launch, wait if it was launched, then finish in any case. All but
 * job_launch() are in run_job.c. */

/* Return: 0, or an exit code with the error told and nothing to finish. */
int job_prepare(struct job *job, const struct run_options *options);

/* run_launch.c. Return: 0, or an exit code with the error explained. *report is
 * the JSON that describes the launch or its failure; NULL without --json. */
int job_launch(struct job *job, json_t **report);

void job_wait(struct job *job);
void job_finish(struct job *job);

#endif
