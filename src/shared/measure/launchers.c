/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four ways to launch a program: launchers.h lists their common work. Code
 * between a clone and exec calls nothing but system calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/calls.h"
#include "shared/measure/launchers.h"

static const struct {
	const char *name, *title;
} methods[LAUNCH_METHODS] = {
	[LAUNCH_FORK] = { "fork", "fork + execve" },
	[LAUNCH_VFORK] = { "vfork", "hand-written vfork + execve" },
	[LAUNCH_POSIX_SPAWN] = { "posix_spawn", "posix_spawn" },
	[LAUNCH_TEMPLATE] = { "template", "spawn_template" },
};

const char *launch_name(enum launch_method method)
{
	return methods[method].name;
}

const char *launch_title(enum launch_method method)
{
	return methods[method].title;
}

uint64_t now_ns(void)
{
	return (uint64_t)st_now();
}

/* Uses the raw call, because libc leaves its own signals out of every set. */
static void set_mask(const uint64_t *set, uint64_t *old)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, set, old, sizeof(*set));
}

/* Runs the child's part of fork and vfork; returns errno of the failed step. */
static int become(const struct launch_spec *s, const uint64_t *mask)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	for (int i = 0; i < 3; i++)
		if (dup2(s->stdio[i], i) < 0)
			return errno;
	if (chdir(s->cwd))
		return errno;
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC))
		return errno;
	if (sigaction(SIGPIPE, &dfl, NULL))
		return errno;
	set_mask(mask, NULL);
	execve(s->path, s->argv, s->envp);
	return errno;
}

static int by_fork(const struct launch_plan *plan, struct launched *l)
{
	const uint64_t all = ~0ULL;
	uint64_t mask;

	l->start_ns = now_ns();
	set_mask(&all, &mask);
	l->pid = fork();
	if (!l->pid) {
		become(&plan->spec, &mask);
		_exit(127);
	}
	int err = l->pid < 0 ? -errno : 0;

	set_mask(&mask, NULL);
	l->return_ns = now_ns();
	return err;
}

static int __attribute__((noinline))
by_vfork(const struct launch_plan *plan, struct launched *l)
{
	const uint64_t all = ~0ULL;
	uint64_t mask;
	volatile int failed = 0; /* in memory shared with the child */
	pid_t pid;

	l->start_ns = now_ns();
	set_mask(&all, &mask);
	pid = vfork();
	if (!pid) {
		failed = become(&plan->spec, &mask);
		_exit(127);
	}
	if (pid < 0)
		failed = errno;
	set_mask(&mask, NULL);
	if (failed) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return -failed;
	}
	l->pid = pid;
	l->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	l->return_ns = now_ns();
	return 0;
}

static int by_posix_spawn(const struct launch_plan *plan, struct launched *l)
{
	const struct launch_spec *s = &plan->spec;
	int err;

	l->start_ns = now_ns();
	err = posix_spawn(&l->pid, s->path, &plan->file_actions,
			  &plan->attributes, s->argv, s->envp);
	l->return_ns = now_ns();
	return -err;
}

static int by_template(const struct launch_plan *plan, struct launched *l)
{
	const struct launch_spec *s = &plan->spec;
	struct spawn_template_spawn_args args = SPAWN_TEMPLATE_SPAWN_ARGS_INIT;

	args.pidfd = (uintptr_t)&l->pidfd;
	args.argv = (uintptr_t)s->argv;
	args.envp = (uintptr_t)s->envp;
	args.actions = (uintptr_t)plan->actions;
	args.actions_len = 4;
	l->start_ns = now_ns();
	l->pid = spawn_template_spawn(s->tfd, &args, sizeof(args));
	l->return_ns = now_ns();
	return l->pid < 0 ? l->pid : 0;
}

int launch(const struct launch_plan *plan, enum launch_method method,
	   struct launched *ret)
{
	static int (*const by[LAUNCH_METHODS])(const struct launch_plan *,
					       struct launched *) = {
		[LAUNCH_FORK] = by_fork,
		[LAUNCH_VFORK] = by_vfork,
		[LAUNCH_POSIX_SPAWN] = by_posix_spawn,
		[LAUNCH_TEMPLATE] = by_template,
	};
	struct launched l = { .pid = -1, .pidfd = -1 };
	int err = by[method](plan, &l);

	if (!err)
		*ret = l;
	return err;
}

int launch_wait(const struct launched *l, siginfo_t *info, struct rusage *usage)
{
	bool by_pidfd = l->pidfd >= 0;

	/* the raw call, because libc's returns no rusage */
	while (syscall(SYS_waitid, by_pidfd ? P_PIDFD : P_PID,
		       by_pidfd ? l->pidfd : l->pid, info, WEXITED,
		       usage) < 0) {
		if (errno == EINTR)
			continue;
		if (!by_pidfd ||
		    !st_call_is_missing(ST_CALL_WAITID_PIDFD, -errno))
			return -errno;
		by_pidfd = false;
	}
	return 0;
}

#ifdef __GLIBC__
int launch_add_closefrom(posix_spawn_file_actions_t *actions)
{
	return posix_spawn_file_actions_addclosefrom_np(actions, 3);
}
#else
/* musl lacks the action; without it the methods would not do the same work. */
int launch_add_closefrom(posix_spawn_file_actions_t *actions)
{
	(void)actions;
	return ENOSYS;
}
#endif

static int add_file_actions(posix_spawn_file_actions_t *actions,
			    const struct launch_spec *s)
{
	int err = 0;

	for (int i = 0; i < 3 && !err; i++)
		err = posix_spawn_file_actions_adddup2(actions, s->stdio[i], i);
	if (!err)
		err = posix_spawn_file_actions_addchdir_np(actions, s->cwd);
	if (!err)
		err = launch_add_closefrom(actions);
	return err;
}

static int set_attributes(posix_spawnattr_t *attributes, const sigset_t *mask)
{
	sigset_t pipe;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	err = posix_spawnattr_setsigdefault(attributes, &pipe);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, mask);
	if (!err)
		err = posix_spawnattr_setflags(attributes,
					       POSIX_SPAWN_SETSIGDEF |
						       POSIX_SPAWN_SETSIGMASK);
	return err;
}

static void set_actions(struct spawn_template_action *actions,
			const struct launch_spec *s)
{
	for (int i = 0; i < 3; i++)
		actions[i] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_DUP2,
			.fd = s->stdio[i],
			.newfd = i,
		};
	actions[3] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_CHDIR,
		.arg = (uintptr_t)s->cwd,
	};
}

int launch_prepare(struct launch_plan *plan, const struct launch_spec *spec)
{
	int err;

	plan->spec = *spec;
	sigprocmask(SIG_SETMASK, NULL, &plan->mask);
	set_actions(plan->actions, spec);
	err = posix_spawn_file_actions_init(&plan->file_actions);
	if (err)
		return -err;
	err = posix_spawnattr_init(&plan->attributes);
	if (err)
		goto out_actions;
	err = add_file_actions(&plan->file_actions, spec);
	if (!err)
		err = set_attributes(&plan->attributes, &plan->mask);
	if (!err)
		return 0;
	posix_spawnattr_destroy(&plan->attributes);
out_actions:
	posix_spawn_file_actions_destroy(&plan->file_actions);
	return -err;
}

void launch_unprepare(struct launch_plan *plan)
{
	posix_spawnattr_destroy(&plan->attributes);
	posix_spawn_file_actions_destroy(&plan->file_actions);
}
