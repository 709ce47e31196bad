/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches a child for child_process, as libuv would. */
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"
#include "process.h"

extern char **environ;

/* ---- ids */

/* Tells whether the thread may take any ids, as root may. */
static bool may_set_ids(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	const uint32_t both = 1U << CAP_SETUID | 1U << CAP_SETGID;

	return syscall(SYS_capget, &head, data) == 0 &&
	       (data[0].effective & both) == both;
}

/*
 * libuv's child drops all supplementary groups before it takes other ids. A process
 * that may not do that leaves the launch to libuv, whose rules for it are others.
 */
static int take_ids(struct spawn_template_spawn_args *args, double uid,
		    double gid)
{
	if (uid < 0 && gid < 0)
		return 0;
	if (!may_set_ids())
		return -EPERM;
	args->flags |= SPAWN_TEMPLATE_SPAWN_SETGROUPS;
	if (uid >= 0)
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETUID;
	if (gid >= 0)
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETGID;
	args->uid = uid >= 0 ? (uint32_t)uid : 0;
	args->gid = gid >= 0 ? (uint32_t)gid : 0;
	return 0;
}

/* ---- arguments */

/* Signals are as libuv's child sets them: all default, none blocked. */
static void put_actions(struct launch *l)
{
	static const uint64_t all = ~0ULL, none;
	static const struct spawn_template_sigset every = {
		.sigset = (uintptr_t)&all,
		.sigsetsize = sizeof(all),
	};
	static const struct spawn_template_sigset no = {
		.sigset = (uintptr_t)&none,
		.sigsetsize = sizeof(none),
	};
	size_t n = stdio_actions(&l->io, l->actions);

	if (l->terminal)
		l->actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_SETCTTY,
			.fd = 0,
		};
	if (l->run.cwd.at)
		l->actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_CHDIR,
			.arg = (uintptr_t)l->run.cwd.at,
		};
	l->actions[n++] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_SIGDEFAULT,
		.arg = (uintptr_t)&every,
	};
	l->actions[n++] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_SIGMASK,
		.arg = (uintptr_t)&no,
	};
	l->run.args.spawn.actions = (uintptr_t)l->actions;
	l->run.args.spawn.actions_len = n;
}

static int take_strings(struct run *run, napi_env napi,
			const napi_value *values)
{
	int ret = vector_take(&run->argv, napi, values[0]);

	if (ret == 0)
		ret = vector_take(&run->envp, napi, values[1]);
	if (ret == 0)
		ret = text_take(&run->cwd, napi, values[2]);
	run->args.spawn.argv = (uintptr_t)run->argv.list;
	run->args.spawn.envp =
		(uintptr_t)(run->envp.list ? run->envp.list : environ);
	return ret;
}

/* Two Int32Arrays of one length. */
static int take_stdio(struct stdio *io, napi_env napi, const napi_value *values)
{
	napi_typedarray_type types[2];
	void *given, *ours;
	size_t n;

	if (napi_get_typedarray_info(napi, values[0], &types[0], &io->n, &given,
				     NULL, NULL) != napi_ok ||
	    napi_get_typedarray_info(napi, values[1], &types[1], &n, &ours,
				     NULL, NULL) != napi_ok ||
	    types[0] != napi_int32_array || types[1] != napi_int32_array ||
	    n != io->n || n > STDIO_MAX)
		return -EINVAL;
	io->given = given;
	io->ours = ours;
	return 0;
}

static int take_numbers(struct launch *l, napi_env napi, napi_value value)
{
	struct spawn_template_spawn_args *args = &l->run.args.spawn;
	napi_typedarray_type type;
	void *data;
	double *numbers;
	unsigned int how;
	size_t n;

	if (napi_get_typedarray_info(napi, value, &type, &n, &data, NULL,
				     NULL) != napi_ok ||
	    type != napi_float64_array || n < 3)
		return -EINVAL;
	numbers = data;
	how = (unsigned int)numbers[0];
	args->flags = 0;
	if (!(how & LAUNCH_STDIO_ONLY))
		args->flags |= SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	if (how & (LAUNCH_SESSION | LAUNCH_TERMINAL))
		args->flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
	l->terminal = how & LAUNCH_TERMINAL;
	return take_ids(args, numbers[1], numbers[2]);
}

int launch_take(struct launch *l, napi_env napi, const napi_value *values)
{
	int ret;

	l->run = (struct run){ .args = SPAWN_TEMPLATE_RUN_ARGS_INIT };
	l->io.n = 0;
	if (napi_get_value_int32(napi, values[0], &l->tfd) != napi_ok)
		return -EINVAL;
	ret = take_strings(&l->run, napi, values + 1);
	if (ret == 0)
		ret = take_numbers(l, napi, values[6]);
	if (ret == 0)
		ret = take_stdio(&l->io, napi, values + 4);
	if (ret == 0)
		ret = child_end_try();
	if (ret < 0)
		return ret;
	ret = stdio_open(&l->io);
	if (ret < 0)
		stdio_close(&l->io, true);
	else
		put_actions(l);
	return ret;
}

void launch_free(struct launch *l)
{
	run_free(&l->run);
}

/* ---- the launch */

static int begin(struct env *env, double id, const struct launch *l)
{
	const struct spawn_template_spawn_args *args = &l->run.args.spawn;
	struct spawn_template_begin *begin;
	int pid = spawn_template_begin(l->tfd, args, sizeof(*args), &begin);
	int ret;

	if (pid < 0)
		return pid;
	ret = kid_add(env, id, pid, begin);
	if (ret < 0) {
		spawn_template_begin_drop(begin);
		return ret;
	}
	return pid;
}

/*
 * process_spawn(id, tfd, argv, env, cwd, stdio, ours, numbers): the pid, or -errno.
 * ours gets the descriptors of pipes.
 */
napi_value process_spawn(napi_env napi, napi_callback_info info)
{
	struct env *env = env_of(napi);
	napi_value args[1 + LAUNCH_VALUES];
	size_t n = COUNT(args);
	struct launch l;
	double id;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != COUNT(args) || !env->kids ||
	    napi_get_value_double(napi, args[0], &id) != napi_ok)
		return throw_arguments(napi);
	ret = launch_take(&l, napi, args + 1);
	if (ret == 0) {
		ret = begin(env, id, &l);
		stdio_close(&l.io, ret < 0);
	}
	launch_free(&l);
	return number_value(napi, ret);
}
