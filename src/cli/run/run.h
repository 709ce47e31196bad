/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of spawn-template run: the options, the program under way (struct
 * job), and its end.
 */
#ifndef RUN_H
#define RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <termios.h>

#include "cli/cli.h"
#include "cli/limits.h"
#include "cli/sandbox.h"
#include "cli/session.h"

/* --env and --unset, in the order given */
struct env_change {
	const char *text; /* NAME=VALUE, or NAME to unset it */
	bool unset;
};

struct run_options {
	const char *cwd, *cgroup, *argv0;
	const char *tree_parent; /* --cgroup-tree; NULL: search for one */
	int64_t timeout_ns; /* 0: none */
	int64_t grace_ns;
	uint64_t max_output; /* 0: the default */
	uint64_t held_quiet_ns, held_most_ns; /* 0: the default */
	uint64_t flags; /* SPAWN_TEMPLATE_SPAWN_* */
	uint64_t create_flags; /* SPAWN_TEMPLATE_CREATE_*, of --warm */
	const char *modules; /* --modules; NULL: none */
	const char *profile; /* --profile, absolute; NULL: none */
	uint32_t run_flags; /* SPAWN_TEMPLATE_RUN_* */
	bool keep_leftovers;
	bool end_leftovers; /* by a cgroup or a keeper, also if this tool is killed */
	bool whole; /* without capture: the whole tree is held */
	enum session session;
	uint32_t output_flags; /* the same, of the options in options.c */
	int64_t idle_timeout_ns; /* 0: none */
	uint64_t tail; /* bytes; 0: none */
	uint32_t winsize; /* SPAWN_TEMPLATE_WINSIZE; 0: the default */
	int spill_fd; /* -1: none */
	unsigned int umask;
	int nice;
	struct sandbox_wishes sandbox;
	struct limits limits;
	bool json, capture, clear_env;
	struct env_change *env;
	size_t n_env;
	int *keep;
	size_t n_keep;
	char **argv;
};

/* The arguments of a launch, made from the options. */
struct run_plan {
	const struct run_options *options;
	struct spawn_template_spawn_args args;
	struct spawn_template_failure failure;
	struct spawn_template_action *actions;
	const char **what; /* a description of each, for errors */
	char (*text)[32];
	uint64_t mask;
	struct spawn_template_sigset set;
	char **argv;
	int tfd;
	int cgroup_fd; /* the cgroup to start in; -1: none */
	int stdin_fd; /* a dup that the launch cannot touch; -1: none */
	struct spawn_template_sandbox *sandbox; /* NULL: none */
};

/*
 * The controlling terminal of a tool with a timeout. The program then stays in
 * this tool's process group, which is that of a pipeline or a script: in another
 * group, either it or the rest of the pipeline would be in the background.
 */
struct run_terminal {
	int fd; /* -1: none */
	bool restorable; /* no other program of a pipeline has set its modes */
	struct termios modes; /* the modes found */
};

/* The processes that the program has started, as /proc shows them. */
struct run_tree {
	pid_t program; /* not reaped: its number stays taken */
	int pidfd; /* the program's */
	pid_t group; /* the program's own; 0: it shares ours */
	pid_t *others; /* this tool's children outside; NULL: none adopted */
	size_t n_others;
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

	struct run_tree tree;
	unsigned int
		leftovers; /* processes that were ended behind the program */

	int64_t started, spawn_ns, total_ns;
	int64_t deadline; /* for the next step; INT64_MAX: none */
	bool timed_out, killed;

	enum job_end end;
	int code, signal; /* one is >= 0, the other -1 */
	bool core_dumped;
	struct rusage usage;

	/* whole.c: */
	const struct spawn_template_result *result; /* NULL: there is none */
	bool is_child; /* of this tool; else of a keeper */
	bool leads; /* a group of its own */
};

/* terminal.c */

/* Look for a controlling terminal, and note its modes. */
void terminal_open(struct run_terminal *t);
/* restore: with the modes found, if this tool is in the foreground. */
void terminal_close(struct run_terminal *t, bool restore);

/*
 * named.c. Keep the descriptors that the arguments and MAKEFLAGS name; there is room for
 * one an argument and two.
 */
void keep_named(struct run_options *options);

/*
 * options.c. Each reads the value of an option of a captured run, or of a sandbox.
 * Return: 0, or an exit code after a message.
 */
int option_tail(struct run_options *o, const char *text);
int option_spill(struct run_options *o, const char *text);
int option_pty(struct run_options *o, const char *text);
int option_session(struct run_options *o, const char *text);
int option_port(struct run_options *o, bool bind, const char *text);

/* Check that what they have read fits together. */
int options_check(const struct run_options *o);

/*
 * feed.c. Passes this tool's stdin on to a program whose stdin is a terminal of its own.
 * feed_start() does so unless stdin is a terminal, too.
 */
struct feed;

struct feed *feed_start(struct spawn_template_ring *ring, uint64_t user_data);
int feed_fd(const struct feed *feed); /* to poll for reading; -1: none */
int feed_wait_ms(
	const struct feed *feed); /* time to wait at most; -1: no limit */
void feed_on(struct feed *feed, bool readable);
void feed_end(struct feed *feed); /* feed may be NULL, as in all of them */

/* launch.c */

/*
 * Set environment and directory, and plan the launch.
 * Return: 0, or an exit code after a message. *report is the JSON that
 * describes the failure; NULL without --json.
 */
int plan_make(struct run_plan *plan, const struct run_options *options,
	      const sigset_t *mask, json_t **report);
void plan_free(struct run_plan *plan);

/*
 * Explain that the launch failed with a positive errno.
 * Return: the exit code.
 */
int plan_explain(struct run_plan *plan, int error, json_t **report);

/*
 * capture.c: runs by a ring of one. Set the arguments of the run; make the ring; explain
 * that the launch failed.
 * Return: 0, or an exit code as plan_make().
 */
int plan_run(struct run_plan *plan, struct spawn_template_run_args *args);
int plan_ring(struct spawn_template_ring **ring);
int plan_explain_run(struct run_plan *plan,
		     const struct spawn_template_cqe *cqe, json_t **report);

/* Describe the template and the way it was launched. */
json_t *plan_describe(const struct run_plan *plan);

/* tree.c */

/*
 * Adopt orphans from now on: a process that loses its parent becomes this
 * tool's child, and so stays in the tree. An init would take it away, or might
 * never reap it.
 */
void tree_adopt(struct run_tree *tree);

/* Leave alone adopted processes that have left this tool's process group. */
void tree_spare(struct run_tree *tree);

/* Reap adopted processes that have ended; the program's status stays. */
void tree_reap(const struct run_tree *tree);

/* Signal every process of the tree. */
void tree_signal(const struct run_tree *tree, int sig);

/*
 * Reap processes of the tree that have ended, but not the program.
 * Return: true if one lives.
 */
bool tree_lives(const struct run_tree *tree);

/*
 * Signal what is left below this tool, whose program was reaped; 0: only look. Reap
 * what has ended. *busy is set if one runs, waits for a processor, or for a device.
 * Return: how many lived.
 */
unsigned int tree_left(const struct run_tree *tree, int sig, bool *busy);

/* left.c */

/*
 * Adopt orphans from now on, before the program is launched, unless this tool has
 * children: nobody could tell theirs from the program's.
 */
void left_adopt(struct run_tree *tree);

/*
 * End what the program has left, which was reaped; *killed is set if some got SIGKILL.
 * A signal in signals that tells this tool to end shortens what it waits for.
 * Return: how many there were.
 */
unsigned int left_end(const struct run_tree *tree, int signals,
		      int64_t grace_ns, bool *killed);

/*
 * job.c. Prepare, plan with job->inherited, launch, wait if that succeeded, and
 * finish in any case.
 */

/* Return: 0, or an exit code after a message, with nothing to finish. */
int job_prepare(struct job *job, const struct run_options *options);

/* Return: 0, or an exit code after an explanation. */
int job_launch(struct job *job, struct run_plan *plan, json_t **report);

void job_wait(struct job *job);
void job_finish(struct job *job);

/* Stop this tool with its program, until both go on. */
void job_stop_together(struct job *job, int sig);

/* Do so if the program, a child of this tool, was stopped at the terminal. */
void job_note_stops(struct job *job);

/* Pass signals on; from_terminal_too: also to a program in this tool's group. */
void job_read_signals(struct job *job, bool from_terminal_too);

/* Return: the exit code; or end by the program's signal. */
int job_end_like(const struct job *job);

/* whole.c, and capture.c below. Return: the exit code; may end by a signal instead. */
int run_whole(const struct run_options *options);

/* capture.c. Return: the exit code; may end by a signal instead. */
int run_captured(const struct run_options *options);

/* report.c. They take the references that they are given. */
json_t *command_json(char **argv);
json_t *failure_json(const struct run_options *options, json_t *error);
json_t *report_json(const struct job *job, json_t *launch);

extern const char run_help[];

#endif
