/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges whether a prepared process may serve a launch: by its arguments, by the
 * files that the process has mapped, and by all that a child would inherit.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "identity.h"
#include "sys.h"
#include "warm/pool.h"

/* Flags that only cold launches serve. */
#define COLD_FLAGS                                                          \
	(SPAWN_TEMPLATE_SPAWN_INHERIT_FDS | SPAWN_TEMPLATE_SPAWN_SETUID |   \
	 SPAWN_TEMPLATE_SPAWN_SETGID | SPAWN_TEMPLATE_SPAWN_SETGROUPS |     \
	 SPAWN_TEMPLATE_SPAWN_INTO_CGROUP | SPAWN_TEMPLATE_SPAWN_LANDLOCK | \
	 SPAWN_TEMPLATE_SPAWN_SECCOMP)

/* in a set of ignored signals: each launch resets it */
#define PIPE (1ULL << (SIGPIPE - 1))

static bool is_linkers(const char *variable)
{
	static const char *const names[] = {
		"LD_",		"GLIBC_TUNABLES=", "MALLOC_",	   "LOCPATH=",
		"NLSPATH=",	"GCONV_PATH=",	   "GETCONF_DIR=", "TZDIR=",
		"HOSTALIASES=", "LOCALDOMAIN=",	   "RES_OPTIONS=", "RESOLV_",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Tells whether the launch has variables that ld.so or libc reads before main. */
bool st_judge_has_linkers(const struct st_launch *l)
{
	char *const *envp = (char **)(uintptr_t)l->args->envp;

	for (; envp && *envp; envp++)
		if (strchr("LGMNTHR", **envp) && is_linkers(*envp))
			return true;
	return false;
}

static bool files_same(const struct st_parked *parked)
{
	struct spawn_template_key now;

	for (unsigned int i = 0; i < parked->n_files; i++) {
		const struct warm_file *f = &parked->files[i];
		int ret = st_key_of_path(f->path, &now);

		if (ret == -ENOENT && !f->key.ino)
			continue;
		if (ret < 0 || !st_key_equal(&now, &f->key))
			return false;
	}
	return true;
}

/*
 * Tells whether an action marks one of 0 to 2 as close-on-exec: no exec will
 * come. Others are closed before the program starts anyway, or are kept.
 */
static bool marks_standard(const struct spawn_template_action *a)
{
	const struct spawn_template_open *open;

	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return a->newfd <= 2 && a->flags;
	case SPAWN_TEMPLATE_ACTION_OPEN:
		open = (const void *)(uintptr_t)a->arg;
		return a->newfd <= 2 && (open->how.flags & O_CLOEXEC);
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return a->fd <= 2 && (a->flags & CLOSE_RANGE_CLOEXEC);
	default:
		return false;
	}
}

/* A path by which the child looks at its own descriptors: it has the sent ones only. */
static bool names_own_files(const struct spawn_template_action *a)
{
	const struct spawn_template_open *open;
	const char *path;

	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_OPEN:
		open = (const void *)(uintptr_t)a->arg;
		path = (const char *)(uintptr_t)open->path;
		break;
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		path = (const char *)(uintptr_t)a->arg;
		break;
	default:
		return false;
	}
	return strncmp(path, "/dev/fd", 7) == 0 ||
	       strncmp(path, "/proc", 5) == 0;
}

/* Limits by which exec lays out the memory: that of the child is there already. */
static bool limits_layout(const struct spawn_template_action *a)
{
	return a->type == SPAWN_TEMPLATE_ACTION_RLIMIT &&
	       (a->fd == RLIMIT_STACK || a->fd == RLIMIT_AS);
}

/* Return: a reason to go cold, or ST_COLD_NONE. */
static unsigned int judge_actions(const struct st_launch *l)
{
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];

		if (marks_standard(a) || names_own_files(a))
			return SPAWN_TEMPLATE_COLD_DESCRIPTORS;
		if (limits_layout(a))
			return SPAWN_TEMPLATE_COLD_FLAGS;
	}
	return ST_COLD_NONE;
}

/*
 * Tells whether the flags fit. The parent-death signal comes when the keeper ends,
 * which lives as long as the process; so do the threads of a ring, and a thread that
 * waits for the run is there until the program has ended.
 */
static bool flags_fit(const struct st_launch *l)
{
	uint64_t flags = l->args->flags;

	if ((flags & SPAWN_TEMPLATE_SPAWN_DIE_WITH_PARENT) && !l->outlives)
		return false;
	return !(flags & COLD_FLAGS);
}

/* Tells whether the actions open a file at the number, or take its mark away. */
static bool sets(const struct st_launch *l, int fd)
{
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];

		if (a->type == SPAWN_TEMPLATE_ACTION_KEEP && a->fd == fd)
			return true;
		if (a->newfd == fd &&
		    (a->type == SPAWN_TEMPLATE_ACTION_OPEN ||
		     (a->type == SPAWN_TEMPLATE_ACTION_DUP2 && a->fd != fd)))
			return true;
	}
	return false;
}

/*
 * Tells whether 0 to 2 are open, and stay open at exec: otherwise they would not be
 * sent. Node marks its own as close-on-exec; the mark of one that the launch sets
 * has no effect.
 */
bool st_judge_standard(const struct st_launch *l)
{
	for (int fd = 0; fd <= 2; fd++) {
		int flags = sys_fcntl(fd, F_GETFD, 0);

		if (flags < 0 || (flags && !sets(l, fd)))
			return false;
	}
	return true;
}

/* Return: a reason to go cold, or ST_COLD_NONE. It makes no system call. */
unsigned int st_judge_arguments(const struct st_warm *w,
				const struct st_launch *l)
{
	char *const *argv = (char **)(uintptr_t)l->args->argv;
	unsigned int reason;

	if (!flags_fit(l))
		return SPAWN_TEMPLATE_COLD_FLAGS;
	reason = judge_actions(l);
	if (reason != ST_COLD_NONE)
		return reason;
	if (w->argv0 && strcmp(argv[0], w->argv0) != 0)
		return SPAWN_TEMPLATE_COLD_ARGV0;
	if (st_judge_has_linkers(l))
		return SPAWN_TEMPLATE_COLD_ENVIRONMENT;
	if (w->python)
		return st_python_judge(w->python, l);
	return w->session ? st_session_judge(w->session, l) : ST_COLD_NONE;
}

/* Tells whether the caller's descriptor still is of the template's file. */
bool st_judge_descriptor(const struct st_warm *w, const struct st_launch *l)
{
	struct spawn_template_key now;

	return st_key_of_fd(l->tfd, &now) == 0 && st_key_equal(&now, &w->key);
}

/* Judges with system calls, too; a process that no longer matches is ended. */
unsigned int st_judge_process(const struct warm_seat *seat,
			      const struct st_launch *l,
			      struct warm_caller *caller)
{
	struct st_same same;
	uint64_t reset;

	if (!files_same(&seat->parked))
		return SPAWN_TEMPLATE_COLD_FILES;
	/* ask, and only then make sure that it was this process that was asked */
	if (st_same_reaches(seat->pid) < 0 || !st_seat_lives(seat))
		return SPAWN_TEMPLATE_COLD_SANDBOX;
	if (st_same_read(&same) < 0)
		return SPAWN_TEMPLATE_COLD_INHERITED;
	if (l->batch && same.policy == SCHED_BATCH)
		same.policy = SCHED_OTHER; /* see set_scheduler() */
	if (st_same_differs(&seat->same, &same))
		return SPAWN_TEMPLATE_COLD_INHERITED;
	/* its file has seen these; it was parked for signals that are reset */
	reset = PIPE | st_session_defaulted(l);
	if (seat->parked.control.shell.shell &&
	    (same.umask != seat->same.umask ||
	     (same.ignored | reset) != (seat->same.ignored | reset)))
		return SPAWN_TEMPLATE_COLD_INHERITED;
	if (seat->parked.control.python.python &&
	    (same.ignored | ST_PYTHON_IGNORES) !=
		    (seat->same.ignored | ST_PYTHON_IGNORES))
		return SPAWN_TEMPLATE_COLD_INHERITED;
	/* each of its threads would need it */
	if (seat->parked.control.node.node &&
	    same.no_new_privs != seat->same.no_new_privs)
		return SPAWN_TEMPLATE_COLD_INHERITED;
	caller->ignored = same.ignored;
	caller->umask = (unsigned int)same.umask;
	caller->no_new_privs = same.no_new_privs;
	return ST_COLD_NONE;
}
