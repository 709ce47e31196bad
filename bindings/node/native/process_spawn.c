/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches a child for child_process, with the stdio that libuv would give it. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "native.h"
#include "process.h"

extern char **environ;

/* An entry of stdio, beside the number of a descriptor. */
#define STDIO_NULL (-1)			/* /dev/null */
#define STDIO_PIPE (-2)			/* a new socket */
#define STDIO_NONE (-3)			/* nothing is opened there */

#define STDIO_MAX 64

struct stdio {
	size_t n;
	const int32_t *given;
	int32_t *ours;			/* the ends of this process, for JavaScript */
	int theirs[STDIO_MAX];
	bool made[STDIO_MAX];		/* theirs is to be closed */
};

static const struct spawn_template_open null_file = {
	.path = (uintptr_t) "/dev/null",
	.how = { .flags = O_RDWR },
};

/* Moves a descriptor above the numbers that the child's stdio takes. */
static int lift(struct stdio *io, size_t i)
{
	int fd = fcntl(io->theirs[i], F_DUPFD_CLOEXEC, (int)io->n);

	if (fd < 0)
		return -errno;
	if (io->made[i])
		close(io->theirs[i]);
	io->theirs[i] = fd;
	io->made[i] = true;
	return 0;
}

static int make_pipe(struct stdio *io, size_t i)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	io->ours[i] = pair[0];
	io->theirs[i] = pair[1];
	io->made[i] = true;
	fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK);
	return (size_t)pair[1] < io->n ? lift(io, i) : 0;
}

/* libuv's child clears O_NONBLOCK of what it inherits as 0 to 2. */
static int take_fd(struct stdio *io, size_t i)
{
	int fd = io->given[i], flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (i <= 2 && (flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	io->theirs[i] = fd;
	return (size_t)fd < io->n && (size_t)fd != i ? lift(io, i) : 0;
}

static int open_stdio(struct stdio *io)
{
	int ret = 0;

	for (size_t i = 0; i < io->n; i++) {
		io->ours[i] = io->theirs[i] = -1;
		io->made[i] = false;
	}
	for (size_t i = 0; i < io->n && ret == 0; i++) {
		if (io->given[i] == STDIO_PIPE)
			ret = make_pipe(io, i);
		else if (io->given[i] >= 0)
			ret = take_fd(io, i);
	}
	return ret;
}

static void close_stdio(struct stdio *io, bool failed)
{
	for (size_t i = 0; i < io->n; i++) {
		if (io->made[i])
			close(io->theirs[i]);
		if (failed && io->ours[i] >= 0) {
			close(io->ours[i]);
			io->ours[i] = -1;
		}
	}
}

static size_t stdio_actions(const struct stdio *io,
			    struct spawn_template_action *a)
{
	size_t n = 0;

	for (int i = 0; i < (int)io->n; i++) {
		if (io->given[i] == STDIO_NULL)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_OPEN,
				.fd = AT_FDCWD,
				.newfd = i,
				.arg = (uintptr_t)&null_file,
			};
		else if (io->given[i] != STDIO_NONE && io->theirs[i] != i)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_DUP2,
				.fd = io->theirs[i],
				.newfd = i,
			};
		else if (io->given[i] != STDIO_NONE)
			a[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_KEEP,
				.fd = i,
			};
	}
	return n;
}

/* Begins the launch. Signals are as libuv's child sets them: all default, none blocked. */
static int begin(struct env *env, double id, int tfd, struct run *run,
		 const struct stdio *io)
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
	struct spawn_template_spawn_args *args = &run->args.spawn;
	struct spawn_template_action actions[STDIO_MAX + 3];
	struct spawn_template_begin *begin;
	size_t n = stdio_actions(io, actions);
	int pid, ret;

	if (run->cwd.at)
		actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_CHDIR,
			.arg = (uintptr_t)run->cwd.at,
		};
	actions[n++] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_SIGDEFAULT,
		.arg = (uintptr_t)&every,
	};
	actions[n++] = (struct spawn_template_action){
		.type = SPAWN_TEMPLATE_ACTION_SIGMASK,
		.arg = (uintptr_t)&no,
	};
	args->actions = (uintptr_t)actions;
	args->actions_len = n;
	pid = spawn_template_begin(tfd, args, sizeof(*args), &begin);
	if (pid < 0)
		return pid;
	ret = kid_add(env, id, pid, begin);
	if (ret < 0) {
		spawn_template_begin_drop(begin);
		return ret;
	}
	return pid;
}

static int take(struct run *run, napi_env napi, const napi_value *values)
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

/*
 * process_spawn(id, tfd, argv, env, cwd, stdio, detached, ours): the pid, or -errno.
 * stdio and ours are Int32Arrays of one length.
 */
napi_value process_spawn(napi_env napi, napi_callback_info info)
{
	struct run run = { .args = SPAWN_TEMPLATE_RUN_ARGS_INIT };
	struct env *env = env_of(napi);
	struct stdio io;
	napi_value args[8];
	size_t n = 8, n_ours;
	napi_typedarray_type types[2];
	void *given, *ours;
	bool detached;
	int32_t tfd;
	double id;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 8 || !env->kids ||
	    napi_get_value_double(napi, args[0], &id) != napi_ok ||
	    napi_get_value_int32(napi, args[1], &tfd) != napi_ok ||
	    napi_get_typedarray_info(napi, args[5], &types[0], &io.n, &given,
				     NULL, NULL) != napi_ok ||
	    napi_get_value_bool(napi, args[6], &detached) != napi_ok ||
	    napi_get_typedarray_info(napi, args[7], &types[1], &n_ours, &ours,
				     NULL, NULL) != napi_ok ||
	    types[0] != napi_int32_array || types[1] != napi_int32_array ||
	    n_ours != io.n || io.n > STDIO_MAX)
		return throw_arguments(napi);
	io.given = given;
	io.ours = ours;
	run.args.spawn.flags = SPAWN_TEMPLATE_SPAWN_INHERIT_FDS;
	if (detached)
		run.args.spawn.flags |= SPAWN_TEMPLATE_SPAWN_SETSID;
	ret = take(&run, napi, args + 2);
	if (ret == 0) {
		ret = open_stdio(&io);
		if (ret == 0)
			ret = begin(env, id, tfd, &run, &io);
		close_stdio(&io, ret < 0);
	}
	run_free(&run);
	return number_value(napi, ret);
}
