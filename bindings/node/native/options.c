/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arguments of a run. JavaScript has checked their types, and puts the numbers into
 * a Float64Array, in the order of the table here; NaN is a number that is not given.
 */
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "native.h"

extern char **environ;

enum unit { MS, BYTES, U32, S32, RUN_FLAGS, SPAWN_FLAGS };

#define AT(field) offsetof(struct spawn_template_run_args, field)
#define FLAG(name) SPAWN_TEMPLATE_SPAWN_##name

/* A number: its place, and the flag that it needs. */
static const struct number {
	const char *name;
	enum unit unit;
	size_t at;
	uint64_t flag;			/* of the launch */
} numbers[] = {
	{ "timeout", MS, AT(timeout_ns), 0 },
	{ "grace", MS, AT(grace_ns), 0 },
	{ "idleTimeout", MS, AT(idle_timeout_ns), 0 },
	{ "detachedTimeout", MS, AT(detached_timeout_ns), 0 },
	{ "heldQuiet", MS, AT(held_quiet_ns), 0 },
	{ "heldMost", MS, AT(held_most_ns), 0 },
	{ "maxOutput", BYTES, AT(max_output), 0 },
	{ "tailOutput", BYTES, AT(tail_output), 0 },
	{ "memoryMax", BYTES, AT(memory_max), 0 },
	{ "memorySwapMax", BYTES, AT(memory_swap_max), 0 },
	{ "cpuMaxUs", BYTES, AT(cpu_max_us), 0 },
	{ "pidsMax", U32, AT(pids_max), 0 },
	{ "cpuWeight", U32, AT(cpu_weight), 0 },
	{ "ioWeight", U32, AT(io_weight), 0 },
	{ "winsize", U32, AT(winsize), 0 },
	{ "spillFd", S32, AT(spill_fd), 0 },
	{ "cgroupFd", S32, AT(cgroup_parent_fd), 0 },
	{ "umask", U32, AT(spawn.umask), FLAG(UMASK) },
	{ "uid", U32, AT(spawn.uid), FLAG(SETUID) },
	{ "gid", U32, AT(spawn.gid), FLAG(SETGID) },
	{ "nice", S32, AT(spawn.nice), FLAG(NICE) },
	{ "runFlags", RUN_FLAGS, AT(flags), 0 },
	{ "spawnFlags", SPAWN_FLAGS, 0, 0 },
};

napi_value run_number_names(napi_env napi)
{
	napi_value list, name;

	napi_create_array(napi, &list);
	for (uint32_t i = 0; i < COUNT(numbers); i++) {
		napi_create_string_utf8(napi, numbers[i].name, NAPI_AUTO_LENGTH,
					&name);
		napi_set_element(napi, list, i, name);
	}
	return list;
}

/* Converts ms to ns: no time becomes the shortest, and infinity no bound. */
static uint64_t nanoseconds(double ms)
{
	if (ms >= 1.8e13) /* nearly 2^64 ns */
		return UINT64_MAX;
	return ms > 1e-6 ? (uint64_t)(ms * 1e6) : 1;
}

static void put_number(struct spawn_template_run_args *args,
		       const struct number *n, double value)
{
	char *at = (char *)args + n->at;
	uint64_t u64 = n->unit == MS   ? nanoseconds(value)
		       : value >= 9e15 ? UINT64_MAX
				       : (uint64_t)value;
	uint32_t u32 = (uint32_t)(int64_t)value;

	args->spawn.flags |= n->flag;
	switch (n->unit) {
	case MS:
	case BYTES:
		memcpy(at, &u64, sizeof(u64));
		break;
	case U32:
	case S32:
	case RUN_FLAGS:
		memcpy(at, &u32, sizeof(u32));
		break;
	case SPAWN_FLAGS:
		/* bits from 32 up, which a double holds */
		args->spawn.flags |= (uint64_t)value << 32;
		break;
	}
}

static int take_numbers(struct spawn_template_run_args *args, napi_env napi,
			napi_value value)
{
	napi_typedarray_type type;
	void *data;
	size_t n;

	if (napi_get_typedarray_info(napi, value, &type, &n, &data, NULL,
				     NULL) != napi_ok ||
	    type != napi_float64_array || n != COUNT(numbers))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		double number = ((double *)data)[i];

		if (!isnan(number))
			put_number(args, &numbers[i], number);
	}
	return 0;
}

/* The library copies the input before any JavaScript runs again. */
static int take_input(struct spawn_template_run_args *args, napi_env napi,
		      napi_value value)
{
	napi_valuetype type;
	void *data;
	size_t len;

	napi_typeof(napi, value, &type);
	if (type == napi_null || type == napi_undefined)
		return 0;
	if (napi_get_buffer_info(napi, value, &data, &len) != napi_ok)
		return -EINVAL;
	args->input = len ? (uintptr_t)data : 0;
	args->input_len = len;
	return 0;
}

/* Without an environment of the caller's, the program has that of the process. */
static int take_strings(struct run *run, napi_env napi,
			const napi_value *values)
{
	struct spawn_template_spawn_args *args = &run->args.spawn;
	int ret = vector_take(&run->argv, napi, values[0]);

	if (ret == 0)
		ret = vector_take(&run->envp, napi, values[1]);
	if (ret == 0)
		ret = text_take(&run->cwd, napi, values[2]);
	if (ret < 0)
		return ret;
	args->argv = (uintptr_t)run->argv.list;
	args->envp = (uintptr_t)(run->envp.list ? run->envp.list : environ);
	return 0;
}

/*
 * Node marks its own 0 to 2 as close-on-exec. A program that is to write there has its
 * mark removed; one that is closed stays closed. Node also makes pipes and sockets there
 * non-blocking, which few programs expect: as for child_process, that ends here.
 */
static bool pass_on(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fcntl(fd, F_GETFD) > 0;
}

static void add_actions(struct run *run)
{
	struct spawn_template_spawn_args *args = &run->args.spawn;
	bool inherits = run->args.flags & SPAWN_TEMPLATE_RUN_NO_CAPTURE;
	size_t n = 0;

	/* a failed launch names action 0, the only one that can fail */
	if (run->cwd.at)
		run->actions[n++] = (struct spawn_template_action){
			.type = SPAWN_TEMPLATE_ACTION_CHDIR,
			.arg = (uintptr_t)run->cwd.at,
		};
	for (int fd = 1; inherits && fd <= 2; fd++)
		if (pass_on(fd))
			run->actions[n++] = (struct spawn_template_action){
				.type = SPAWN_TEMPLATE_ACTION_KEEP,
				.fd = fd,
			};
	args->actions = n ? (uintptr_t)run->actions : 0;
	args->actions_len = n;
}

/* As by child_process, root's groups do not go to a program with other ids. */
static void drop_groups(struct spawn_template_spawn_args *args)
{
	if (args->flags & (FLAG(SETUID) | FLAG(SETGID)) && geteuid() == 0)
		args->flags |= FLAG(SETGROUPS);
}

int run_take(struct run *run, napi_env napi, const napi_value *values)
{
	int ret;

	run->args =
		(struct spawn_template_run_args)SPAWN_TEMPLATE_RUN_ARGS_INIT;
	run->argv.list = run->envp.list = NULL;
	run->argv.text.at = run->envp.text.at = run->cwd.at = NULL;
	ret = take_strings(run, napi, values);
	if (ret == 0)
		ret = take_input(&run->args, napi, values[3]);
	if (ret == 0)
		ret = take_numbers(&run->args, napi, values[4]);
	if (ret == 0) {
		add_actions(run);
		drop_groups(&run->args.spawn);
	}
	if (ret == 0)
		ret = sandbox_use(napi, values[5], &run->args.spawn);
	return ret;
}

void run_free(struct run *run)
{
	vector_free(&run->argv);
	vector_free(&run->envp);
	text_free(&run->cwd);
}
