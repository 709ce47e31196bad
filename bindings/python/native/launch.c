/* SPDX-License-Identifier: BSD-2-Clause */
/* Collects the arguments of a launch, and frees them. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "native.h"

extern char **environ;

void launch_begin(struct launch *l)
{
	/* not the actions: they are many, and written before they are read */
	l->args = (struct spawn_template_spawn_args)
		SPAWN_TEMPLATE_SPAWN_ARGS_INIT;
	l->failure = (struct spawn_template_failure){ .error = 0 };
	l->argv = l->env = (struct strings){ .list = NULL };
	l->cwd = l->cwd_bytes = l->sandbox = NULL;
	l->groups = NULL;
	l->n_spare = 0;
	l->args.actions = (uintptr_t)l->actions;
	l->args.failure = (uintptr_t)&l->failure;
}

int launch_strings(struct launch *l, PyObject *argv, PyObject *env,
		   enum launch_environ how)
{
	int ret;

	if (strings_argv(&l->argv, argv) < 0)
		return -1;
	l->args.argv = (uintptr_t)l->argv.list;
	if (env && env != Py_None) {
		ret = strings_env(&l->env, env);
	} else if (how == LAUNCH_ENVIRON_COPY) {
		ret = strings_environ(&l->env);
	} else {
		return 0;
	}
	l->args.envp = (uintptr_t)l->env.list;
	return ret;
}

uint64_t launch_environ_of(const struct launch *l)
{
	return l->env.list ? l->args.envp : (uintptr_t)environ;
}

int launch_action(struct launch *l, uint32_t type, int fd, int newfd,
		  const void *arg)
{
	if (l->args.actions_len == SPAWN_TEMPLATE_ACTIONS_MAX) {
		error_raise(&(struct error){ .error = E2BIG });
		return -1;
	}
	l->actions[l->args.actions_len++] = (struct spawn_template_action){
		.type = type,
		.fd = fd,
		.newfd = newfd,
		.arg = (uintptr_t)arg,
	};
	return 0;
}

int launch_cwd(struct launch *l, PyObject *cwd)
{
	if (!cwd || cwd == Py_None)
		return 0;
	if (!PyUnicode_FSConverter(cwd, &l->cwd_bytes))
		return -1;
	l->cwd = cwd;
	return launch_action(l, SPAWN_TEMPLATE_ACTION_CHDIR, 0, 0,
			     PyBytes_AsString(l->cwd_bytes));
}

int launch_signals(struct launch *l, bool restore)
{
	if (!restore) {
		l->args.flags |= SPAWN_TEMPLATE_SPAWN_KEEP_SIGPIPE;
		return 0;
	}
	/* every launch resets SIGPIPE */
	l->signals = 1ULL << (SIGXFSZ - 1);
	l->sigset = (struct spawn_template_sigset){
		.sigset = (uintptr_t)&l->signals,
		.sigsetsize = sizeof(l->signals),
	};
	return launch_action(l, SPAWN_TEMPLATE_ACTION_SIGDEFAULT, 0, 0,
			     &l->sigset);
}

void launch_free(struct launch *l)
{
	while (l->n_spare > 0)
		close(l->spare[--l->n_spare]);
	strings_free(&l->argv);
	strings_free(&l->env);
	Py_CLEAR(l->cwd_bytes);
	PyMem_Free(l->groups);
	l->groups = NULL;
}

const char *launch_action_name(uint32_t type)
{
	switch (type) {
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return "dup2";
	case SPAWN_TEMPLATE_ACTION_KEEP:
		return "keep";
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return "chdir";
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return "sigdefault";
	default:
		return NULL;
	}
}

/* Returns the error of the launch, with the stage if the failure has one. */
struct error launch_error(const struct launch *l, int error, PyObject *path)
{
	struct error e = {
		.error = error,
		.stage = l->failure.stage,
		.filename = path,
	};

	if (e.stage == SPAWN_TEMPLATE_STAGE_ATTR)
		e.index = l->failure.action;
	if (l->failure.error && e.stage == SPAWN_TEMPLATE_STAGE_ACTION &&
	    l->failure.action < l->args.actions_len) {
		uint32_t type = l->actions[l->failure.action].type;

		e.index = l->failure.action;
		e.action = launch_action_name(type);
		e.filename =
			type == SPAWN_TEMPLATE_ACTION_CHDIR ? l->cwd : NULL;
	}
	return e;
}
