/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arguments of a run: the caller's version of them, and which of them fit
 * together.
 */
#include <string.h>

#include "args.h"
#include "run/run.h"
#include "spawn.h"

#define RUN_FLAGS                                                          \
	(SPAWN_TEMPLATE_RUN_MERGE_STDERR | SPAWN_TEMPLATE_RUN_NO_CAPTURE | \
	 SPAWN_TEMPLATE_RUN_CGROUP | SPAWN_TEMPLATE_RUN_SUPERVISE)
#define RUN_FLAGS_VER3 \
	(SPAWN_TEMPLATE_RUN_STREAM | SPAWN_TEMPLATE_RUN_OPEN_INPUT | \
	 SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT | SPAWN_TEMPLATE_RUN_TAIL | \
	 SPAWN_TEMPLATE_RUN_SPILL | SPAWN_TEMPLATE_RUN_PTY | \
	 SPAWN_TEMPLATE_RUN_NO_ECHO | SPAWN_TEMPLATE_RUN_END_LEFTOVERS | \
	 SPAWN_TEMPLATE_RUN_LIMITS | SPAWN_TEMPLATE_RUN_SAME_GROUP | \
	 SPAWN_TEMPLATE_RUN_TELL_START | SPAWN_TEMPLATE_RUN_TELL_ROOM | \
	 SPAWN_TEMPLATE_RUN_END_WITH_CALLER | SPAWN_TEMPLATE_RUN_RAW)

/* Flags of a terminal that the program gets. */
#define TERMINAL_FLAGS (SPAWN_TEMPLATE_RUN_NO_ECHO | SPAWN_TEMPLATE_RUN_RAW)

/* The runs that fail rather than go on without a cgroup. */
#define CGROUP_FLAGS (SPAWN_TEMPLATE_RUN_SUPERVISE | SPAWN_TEMPLATE_RUN_LIMITS)

/* The kernel's bounds. */
#define WEIGHT_MOST 10000
#define CPU_LEAST_US 1000

/* A caller that waits for the result could make no use of these. */
#define RING_FLAGS \
	(SPAWN_TEMPLATE_RUN_OPEN_INPUT | SPAWN_TEMPLATE_RUN_TELL_ROOM | \
	 SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT | \
	 SPAWN_TEMPLATE_RUN_TELL_START | SPAWN_TEMPLATE_RUN_END_WITH_CALLER)

static const size_t run_versions[] = {
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0,
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1,
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2,
	SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3,
};
#define N_RUN_VERSIONS 4

/* The size of the spawn arguments in version 0 of those of a run. */
#define VER0_SPAWN SPAWN_TEMPLATE_SPAWN_ARGS_SIZE_VER1
#define VER0_REST (SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER0 - VER0_SPAWN)

_Static_assert(sizeof(struct spawn_template_run_args) ==
			       SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER3 &&
		       offsetof(struct spawn_template_run_args,
				idle_timeout_ns) ==
			       SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER2 &&
		       offsetof(struct spawn_template_run_args,
				held_quiet_ns) ==
			       SPAWN_TEMPLATE_RUN_ARGS_SIZE_VER1,
	       "run args");
_Static_assert(offsetof(struct spawn_template_run_args, spill_fd) -
			       offsetof(struct spawn_template_run_args,
					input) ==
		       VER0_REST,
	       "run args, version 0 behind spawn");

/*
 * Takes the caller's version. Version 0 has version 1 of the spawn arguments at its
 * start, and so all that is behind these stands elsewhere than it does now.
 */
static int take_args(struct spawn_template_run_args *args, const void *from,
		     size_t size)
{
	union {
		struct spawn_template_run_args now;
		unsigned char ver0[sizeof(struct spawn_template_run_args)];
	} u;
	int version;

	version = st_args_copy(&u, from, size, run_versions, N_RUN_VERSIONS);
	if (version < 0)
		return version;
	if (version > 0) {
		*args = u.now;
	} else {
		memset(args, 0, sizeof(*args));
		memcpy(&args->spawn, u.ver0, VER0_SPAWN);
		memcpy(&args->input, u.ver0 + VER0_SPAWN, VER0_REST);
	}
	st_spawn_version(&args->spawn, version > 0 ? 2 : 1);
	if (args->flags & ~(RUN_FLAGS | (version < 3 ? 0 : RUN_FLAGS_VER3)))
		return -EINVAL;
	return 0;
}

/* Tells whether the bounds of the output that is kept fit together. */
static bool is_kept_soundly(const struct spawn_template_run_args *args)
{
	bool tail = args->flags & SPAWN_TEMPLATE_RUN_TAIL;
	bool spill = args->flags & SPAWN_TEMPLATE_RUN_SPILL;
	uint64_t max = args->max_output ? args->max_output
					: SPAWN_TEMPLATE_RUN_MAX_OUTPUT;

	if (!spill && args->spill_fd != 0 && args->spill_fd != -1)
		return false;
	if (!tail && !spill)
		return true;
	if (args->flags &
	    (SPAWN_TEMPLATE_RUN_STREAM | SPAWN_TEMPLATE_RUN_NO_CAPTURE))
		return false;
	return !tail || args->tail_output <= max;
}

/* Tells whether the output goes one way, and that of the call which asks for it. */
static bool is_output_sound(const struct spawn_template_run_args *args,
			    bool of_ring)
{
	bool streams = args->flags & SPAWN_TEMPLATE_RUN_STREAM;

	if (args->flags & SPAWN_TEMPLATE_RUN_NO_CAPTURE &&
	    (streams || args->idle_timeout_ns))
		return false;
	if (!is_kept_soundly(args))
		return false;
	if (streams && !of_ring)
		return args->on_output;
	return !args->on_output && !args->on_output_data;
}

static bool is_terminal_sound(const struct spawn_template_run_args *args)
{
	if (!(args->flags & SPAWN_TEMPLATE_RUN_PTY))
		return !(args->flags & TERMINAL_FLAGS);
	/* only the leader of a session gets a controlling terminal */
	return !(args->flags & SPAWN_TEMPLATE_RUN_NO_CAPTURE) &&
	       !(args->spawn.flags & SPAWN_TEMPLATE_SPAWN_SETPGROUP);
}

/* Tells whether only one wish says which session and group it gets. */
static bool is_group_sound(const struct spawn_template_run_args *args)
{
	return !(args->flags & SPAWN_TEMPLATE_RUN_SAME_GROUP) ||
	       (!(args->flags & SPAWN_TEMPLATE_RUN_PTY) &&
		!(args->spawn.flags & (SPAWN_TEMPLATE_SPAWN_SETSID |
				       SPAWN_TEMPLATE_SPAWN_SETPGROUP)));
}

/* Tells whether the limits are within the kernel's bounds, and have their flag. */
static bool are_limits_sound(const struct spawn_template_run_args *args)
{
	if (!(args->flags & SPAWN_TEMPLATE_RUN_LIMITS))
		return !args->memory_max && !args->memory_swap_max &&
		       !args->cpu_max_us && !args->pids_max &&
		       !args->cpu_weight && !args->io_weight;
	return args->cpu_weight <= WEIGHT_MOST &&
	       args->io_weight <= WEIGHT_MOST &&
	       (!args->cpu_max_us || args->cpu_max_us >= CPU_LEAST_US);
}

/**
 * st_run_args - take and judge the caller's arguments of a run
 * @args: filled in
 * @from, @size: the caller's
 * @of_ring: a ring asks for it, not the blocking call
 *
 * Return: 0, -EINVAL or -E2BIG. It judges the actions, but not the template.
 */
int st_run_args(struct spawn_template_run_args *args, const void *from,
		size_t size, bool of_ring)
{
	int ret = take_args(args, from, size);

	if (ret < 0)
		return ret;
	if ((!args->input && args->input_len) || args->reserved ||
	    (args->flags & RING_FLAGS && !of_ring) ||
	    (args->flags & SPAWN_TEMPLATE_RUN_DETACH_ON_TIMEOUT &&
	     !args->timeout_ns) ||
	    (args->flags & SPAWN_TEMPLATE_RUN_TELL_ROOM &&
	     !(args->flags & SPAWN_TEMPLATE_RUN_OPEN_INPUT)) ||
	    !is_output_sound(args, of_ring) || !is_terminal_sound(args) ||
	    !is_group_sound(args) || !are_limits_sound(args))
		return -EINVAL;
	/* a terminal has one stream */
	if (args->flags & SPAWN_TEMPLATE_RUN_PTY)
		args->flags |= SPAWN_TEMPLATE_RUN_MERGE_STDERR;
	if (args->max_output > SIZE_MAX / 4)
		args->max_output = SIZE_MAX / 4;
	/* the end of the cgroup would free them from their limits */
	if (args->flags & SPAWN_TEMPLATE_RUN_LIMITS)
		args->flags |= SPAWN_TEMPLATE_RUN_END_LEFTOVERS;
	if (args->flags & CGROUP_FLAGS)
		args->flags |= SPAWN_TEMPLATE_RUN_CGROUP;
	if (args->flags & SPAWN_TEMPLATE_RUN_CGROUP &&
	    (args->cgroup_parent_fd < -1 ||
	     args->spawn.flags & SPAWN_TEMPLATE_SPAWN_INTO_CGROUP))
		return -EINVAL;
	return st_spawn_check(&args->spawn);
}
