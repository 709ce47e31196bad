/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four ways to launch a program, behind one interface, doing the same work:
 *
 *	- fds 0, 1 and 2 become three given fds (three dup2)
 *	- the working directory is set (one chdir)
 *	- every fd above 2 is gone after exec
 *	- SIGPIPE is at its default
 *	- the program starts with the caller's signal mask
 *
 * The call that a caller would make is measured. Steps that can be prepared
 * once (the file actions of posix_spawn, the action array of a template) are
 * prepared once, for every method. These differences remain, to the cost or
 * benefit of a method:
 *
 *	fork		does not wait for exec and does not report its failure;
 *			no pidfd
 *	vfork		reports a failure of exec; opens a pidfd within the call;
 *			handlers of the caller are reset by exec only
 *	posix_spawn	reports a failure; no pidfd
 *	template	reports a failure; pidfd; resets handlers; checks the
 *			identity of the file and of the caller
 */
#ifndef MEASURE_LAUNCHERS_H
#define MEASURE_LAUNCHERS_H

#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "spawn_template.h"

enum launch_method {
	LAUNCH_FORK,
	LAUNCH_VFORK,
	LAUNCH_POSIX_SPAWN,
	LAUNCH_TEMPLATE,
	LAUNCH_METHODS,
};

struct launch_spec {
	const char *path; /* absolute */
	int tfd; /* its template; -1: LAUNCH_TEMPLATE not used */
	char *const *argv;
	char *const *envp;
	const char *cwd; /* absolute */
	int stdio[3]; /* each above 2 */
};

/* The prepared form of a spec. One thread at a time uses it. */
struct launch_plan {
	struct launch_spec spec; /* its pointers belong to the caller */
	posix_spawn_file_actions_t file_actions;
	posix_spawnattr_t attributes;
	struct spawn_template_action actions[4];
	sigset_t mask; /* the caller's, at launch_prepare() */
};

struct launched {
	pid_t pid;
	int pidfd; /* the caller's, close-on-exec; -1 if the method has none */
	uint64_t start_ns; /* CLOCK_MONOTONIC before the call and after it: */
	uint64_t return_ns; /* the difference is how long the caller blocked */
};

/* "fork", "vfork", "posix_spawn", "template" */
const char *launch_name(enum launch_method method);
/* "fork + execve", "hand-written vfork + execve", ... */
const char *launch_title(enum launch_method method);

int launch_prepare(struct launch_plan *plan, const struct launch_spec *spec);
void launch_unprepare(struct launch_plan *plan);

/* Adds an action that closes every fd above 2; ENOSYS if libc has none. */
int launch_add_closefrom(posix_spawn_file_actions_t *actions);

/*
 * Launches.
 * Return: 0 and *ret filled in; or -errno, no child left and *ret as it was.
 */
int launch(const struct launch_plan *plan, enum launch_method method,
	   struct launched *ret);

/* Waits for the launched program, by pidfd if there is one, and reaps it. */
int launch_wait(const struct launched *l, siginfo_t *info,
		struct rusage *usage);

uint64_t now_ns(void);

#endif
