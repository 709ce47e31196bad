/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks the actions of a launch and computes what they need, before there is a
 * child. The child does not check again. The memory that actions point to is
 * read here once, and again by the kernel or the child, so it must not change
 * during the call.
 */
#include <stddef.h>
#include <sys/resource.h>

#include "action.h"
#include "args.h"
#include "sys.h"

/* The child hands struct rlimit to prlimit64(2) as it is. */
_Static_assert(sizeof(struct rlimit) == 16, "rlimit is two 64-bit words");

static bool fd_ok(const struct spawn_template_action *a)
{
	return a->fd >= 0;
}

static bool open_ok(const struct spawn_template_action *a)
{
	const struct spawn_template_open *o = st_pointer(a->arg);

	return o && o->path && a->newfd >= 0 &&
	       (a->fd >= 0 || a->fd == AT_FDCWD);
}

static bool sigset_ok(const struct spawn_template_action *a)
{
	const struct spawn_template_sigset *s = st_pointer(a->arg);

	return s && s->sigset && s->sigsetsize == sizeof(uint64_t);
}

/*
 * Checks that fields which the type does not use are zero, and others in range.
 */
static bool action_ok(const struct spawn_template_action *a, uint64_t flags)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_CLOSE:
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
	case SPAWN_TEMPLATE_ACTION_KEEP:
		return fd_ok(a) && !a->flags && !a->newfd && !a->arg;
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		return fd_ok(a) && !a->flags && !a->newfd && !a->arg &&
		       (flags & SPAWN_TEMPLATE_SPAWN_SETSID);
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return fd_ok(a) && a->newfd >= 0 && !a->arg &&
		       !(a->flags & ~(uint32_t)O_CLOEXEC);
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return !a->flags && open_ok(a);
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return fd_ok(a) && !a->arg &&
		       (a->newfd == -1 || a->newfd >= a->fd) &&
		       !(a->flags &
			 ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC));
	case SPAWN_TEMPLATE_ACTION_SIGMASK:
	case SPAWN_TEMPLATE_ACTION_SIGDEFAULT:
		return !a->flags && !a->fd && !a->newfd && sigset_ok(a);
	case SPAWN_TEMPLATE_ACTION_CHDIR:
		return !a->flags && !a->fd && !a->newfd && a->arg;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		return fd_ok(a) && a->fd < (int)RLIM_NLIMITS && !a->flags &&
		       !a->newfd && a->arg;
	default:
		return false;
	}
}

static void raise_to(int *to, int value)
{
	if (*to < value)
		*to = value;
}

/* Tells whether an action takes the file away from a number that is needed. */
static bool hits(const struct spawn_template_action *a, int fd)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_DUP2:
		return a->newfd == fd && a->fd != fd;
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return a->newfd == fd;
	case SPAWN_TEMPLATE_ACTION_CLOSE:
		return a->fd == fd;
	case SPAWN_TEMPLATE_ACTION_CLOSE_RANGE:
		return !(a->flags & CLOSE_RANGE_CLOEXEC) && a->fd <= fd &&
		       (a->newfd == -1 || fd <= a->newfd);
	default:
		return false;
	}
}

/*
 * Adds the needs of one action to the plan. A range is closed around the held
 * fd wherever that is, so the held fd need not avoid the range's bounds.
 */
static void action_plan(const struct spawn_template_action *a,
			struct st_plan *plan)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_DUP2:
	case SPAWN_TEMPLATE_ACTION_OPEN:
		raise_to(&plan->highest_source, a->fd);
		raise_to(&plan->highest, a->newfd);
		break;
	case SPAWN_TEMPLATE_ACTION_CLOSE:
		raise_to(&plan->highest_source, a->fd);
		break;
	case SPAWN_TEMPLATE_ACTION_KEEP:
		plan->keeps = true;
		raise_to(&plan->highest_source, a->fd);
		break;
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		raise_to(&plan->highest_source, a->fd);
		break;
	case SPAWN_TEMPLATE_ACTION_RLIMIT:
		plan->limits = true;
		break;
	default:
		break;
	}
}

/**
 * st_action_plan - check the actions of a launch
 * @args: flags, actions, actions_len and landlock_fd are read
 * @n_own: how many leading actions are the library's, not the caller's
 * @tfd: the number of the held fd
 * @plan: filled in
 *
 * Return: 0; -E2BIG for too many; -EINVAL for a malformed one.
 */
int st_action_plan(const struct spawn_template_spawn_args *args, uint32_t n_own,
		   int tfd, struct st_plan *plan)
{
	const struct spawn_template_action *actions = st_pointer(args->actions);
	bool has_ruleset = args->flags & SPAWN_TEMPLATE_SPAWN_LANDLOCK;

	*plan = (struct st_plan){ .highest = 2, .highest_source = 2 };
	if (args->actions_len > SPAWN_TEMPLATE_ACTIONS_MAX + n_own)
		return -E2BIG;
	if (args->actions_len && !actions)
		return -EINVAL;
	for (uint64_t i = 0; i < args->actions_len; i++)
		if (!action_ok(&actions[i], args->flags))
			return -EINVAL;
	if (has_ruleset)
		raise_to(&plan->highest_source, args->landlock_fd);
	for (uint64_t i = 0; i < args->actions_len; i++) {
		action_plan(&actions[i], plan);
		plan->collides |= hits(&actions[i], tfd);
		if (has_ruleset && hits(&actions[i], args->landlock_fd))
			plan->hits_ruleset = true;
	}
	raise_to(&plan->highest, plan->highest_source);
	return 0;
}
