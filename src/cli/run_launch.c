/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The launch of spawn-template run: from the options to a running program, or to
 * an explanation of what failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "run.h"

extern char **environ;

/* The actions of one launch, with a description of each for errors. */
struct action_list {
	struct spawn_template_action *actions;
	const char **what;
	char (*text)[32];
	size_t n;
};

static int list_alloc(struct action_list *list, size_t n)
{
	list->n = 0;
	list->actions = calloc(n, sizeof(*list->actions));
	list->what = calloc(n, sizeof(*list->what));
	list->text = calloc(n, sizeof(*list->text));
	return list->actions && list->what && list->text ? 0 : -ENOMEM;
}

static void list_free(struct action_list *list)
{
	free(list->actions);
	free(list->what);
	free(list->text);
}

static uint64_t kernel_mask(const sigset_t *set)
{
	uint64_t mask = 0;

	for (int sig = 1; sig <= 64; sig++)
		if (sigismember(set, sig) == 1)
			mask |= UINT64_C(1) << (sig - 1);
	return mask;
}

static void list_mask(struct action_list *list,
		      const struct spawn_template_sigset *set)
{
	list->actions[list->n] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_SIGMASK,
		.arg = (uintptr_t)set,
	};
	list->what[list->n++] = "the signal mask";
}

static void list_keep(struct action_list *list, int fd)
{
	list->actions[list->n] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_KEEP,
		.fd = fd,
	};
	snprintf(list->text[list->n], sizeof(*list->text), "--keep-fd %d", fd);
	list->what[list->n] = list->text[list->n];
	list->n++;
}

/* Return: an open cgroup v2 directory, -1 if none was asked for, or -errno. */
static int open_cgroup(const char *path)
{
	struct statfs fs;
	int fd;

	if (!path)
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		out_error("--cgroup %s: %s", path, strerror(-fd));
	} else if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		close(fd);
		fd = -ENOTDIR;
		out_error("--cgroup %s: not a cgroup v2 directory", path);
		out_remedy("'spawn-template doctor' tells where cgroup v2 is "
			   "mounted and whether this account may use it");
	}
	return fd;
}

static pid_t spawn(struct job *job, int tfd, int cgroup_fd,
		   const struct action_list *list,
		   struct spawn_template_failure *failure)
{
	const struct run_options *o = job->options;
	char *name = (char *)(o->argv0 ? o->argv0 : o->argv[0]);
	char *first = o->argv[0];
	struct spawn_template_spawn_args args = {
		.flags = o->flags,
		.pidfd = (uintptr_t)&job->pidfd,
		.argv = (uintptr_t)o->argv,
		.envp = (uintptr_t)environ,
		.actions = (uintptr_t)list->actions,
		.actions_len = list->n,
		.failure = (uintptr_t)failure,
		.pgroup = job->terminal.holder,
		.cgroup_fd = cgroup_fd,
		.umask = o->umask,
		.nice = o->nice,
	};
	pid_t pid;

	if (o->timeout_ns && !(o->flags & SPAWN_TEMPLATE_SPAWN_SETSID))
		args.flags |= SPAWN_TEMPLATE_SPAWN_SETPGROUP;
	if (cgroup_fd >= 0)
		args.flags |= SPAWN_TEMPLATE_SPAWN_INTO_CGROUP;
	o->argv[0] = name;
	job->started = monotonic_ns();
	pid = spawn_template_spawn(tfd, &args, sizeof(args));
	job->spawn_ns = monotonic_ns() - job->started;
	o->argv[0] = first;
	if (args.flags &
	    (SPAWN_TEMPLATE_SPAWN_SETPGROUP | SPAWN_TEMPLATE_SPAWN_SETSID))
		job->group = job->terminal.holder ? job->terminal.holder : pid;
	return pid;
}

static int explain(struct job *job, int tfd, int error,
		   const struct action_list *list,
		   const struct spawn_template_failure *failure,
		   json_t **report)
{
	static struct spawn_template_stat st;
	struct launch_error e = {
		.command = job->options->argv[0],
		.path = "",
		.interpreter = "",
		.error = error,
		.failure = *failure,
		.actions = list->what,
		.n_actions = list->n,
	};

	if (tfd >= 0 && spawn_template_stat(tfd, &st, sizeof(st)) == 0) {
		e.path = st.path;
		e.interpreter = st.interpreter;
	}
	if (job->options->json)
		*report = launch_error_json(&e);
	if (tfd < 0)
		return launch_explain_create(e.command, error);
	return launch_explain(&e);
}

static json_t *describe(int tfd)
{
	static struct spawn_template_stat st;

	if (spawn_template_stat(tfd, &st, sizeof(st)) < 0)
		return json_null();
	return launch_json(&st);
}

static int launch_in(struct job *job, int cgroup_fd,
		     const struct action_list *list, json_t **report)
{
	struct spawn_template_failure failure = { 0 };
	const char *cwd = job->options->cwd;
	int tfd, status = 0;
	pid_t pid;

	if (cwd && chdir(cwd)) {
		out_error("--cwd %s: %s", cwd, strerror(errno));
		return CLI_FAILED;
	}
	tfd = launch_template(job->options->argv[0]);
	if (tfd < 0)
		return explain(job, -1, -tfd, list, &failure, report);
	pid = spawn(job, tfd, cgroup_fd, list, &failure);
	if (pid < 0) {
		status = explain(job, tfd, -pid, list, &failure, report);
	} else {
		job->pid = pid;
		if (job->options->json)
			*report = describe(tfd);
		if (job->options->timeout_ns)
			job->deadline = job->started + job->options->timeout_ns;
	}
	spawn_template_close(tfd);
	return status;
}

int job_launch(struct job *job, json_t **report)
{
	const struct run_options *o = job->options;
	uint64_t mask = kernel_mask(&job->inherited);
	const struct spawn_template_sigset set = {
		.sigset = (uintptr_t)&mask,
		.sigsetsize = sizeof(mask),
	};
	struct action_list list;
	int status = CLI_FAILED, cgroup_fd;

	if (list_alloc(&list, o->n_keep + 1)) {
		out_error("out of memory");
		goto out;
	}
	list_mask(&list, &set);
	for (size_t i = 0; i < o->n_keep; i++)
		list_keep(&list, o->keep[i]);
	cgroup_fd = open_cgroup(o->cgroup);
	if (cgroup_fd < -1)
		goto out;
	status = launch_in(job, cgroup_fd, &list, report);
	if (cgroup_fd >= 0)
		close(cgroup_fd);
out:
	list_free(&list);
	return status;
}
