/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists the descriptors of the caller that a launch sends to a prepared process, and
 * the numbers that they have there.
 */
#include <fcntl.h>

#include "warm/image.h"

/*
 * Finds a low number for a descriptor whose own is too high; -1: none is left.
 */
static int low_number(const struct warm_fds *fds, const struct st_launch *l)
{
	const int least = fds->first ? fds->first : 3;

	for (int number = WARM_FD_LIMIT - 1; number >= least; number--) {
		bool used = st_launch_names(l, number);

		for (int i = 0; i < fds->n; i++)
			used |= fds->number[i] == number;
		if (!used)
			return number;
	}
	return -1;
}

/*
 * Tells whether a descriptor of the caller's, at this number, is to be sent. One of the
 * library's there shows that the caller had none, and that the launch fails.
 */
bool st_fds_has(const struct warm_fds *fds, int fd)
{
	for (int i = 1; i < fds->n; i++)
		if (fds->fd[i] == fd)
			return true;
	return false;
}

static bool add_fd(struct warm_fds *fds, const struct st_launch *l, int fd)
{
	if (st_fds_has(fds, fd))
		return true;
	if (fds->n == WARM_FDS_MOST)
		return false;
	fds->fd[fds->n] = fd;
	fds->number[fds->n] = st_fds_same(fds, fd) ? fd : low_number(fds, l);
	return fds->number[fds->n++] >= 0;
}

/*
 * Tells whether the action needs the caller's descriptor at this number. During
 * the actions it has another number, which matters only to KEEP.
 */
static bool needs_source(const struct spawn_template_action *a)
{
	switch (a->type) {
	case SPAWN_TEMPLATE_ACTION_CLOSE:
	case SPAWN_TEMPLATE_ACTION_DUP2:
	case SPAWN_TEMPLATE_ACTION_FCHDIR:
	case SPAWN_TEMPLATE_ACTION_KEEP:
	case SPAWN_TEMPLATE_ACTION_SETCTTY:
		return true;
	case SPAWN_TEMPLATE_ACTION_OPEN:
		return a->fd != AT_FDCWD;
	default:
		return false;
	}
}

/* Tells whether an earlier action opens the number. */
static bool is_made(const struct st_launch *l, uint32_t before, int fd)
{
	for (uint32_t i = 0; i < before; i++)
		if ((l->actions[i].type == SPAWN_TEMPLATE_ACTION_DUP2 ||
		     l->actions[i].type == SPAWN_TEMPLATE_ACTION_OPEN) &&
		    l->actions[i].newfd == fd)
			return true;
	return false;
}

/*
 * Adds 0 to 2 and the descriptors that actions name to a list, which has the working
 * directory already. Return: false if the launch has to be cold.
 */
bool st_fds_list(struct warm_fds *fds, const struct st_launch *l)
{
	bool ranges = false;

	for (int fd = 0; fd <= 2; fd++)
		add_fd(fds, l, fd);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];
		bool keeps = a->type == SPAWN_TEMPLATE_ACTION_KEEP;

		if (a->type == SPAWN_TEMPLATE_ACTION_CLOSE_RANGE) {
			ranges = true;
			continue;
		}
		if (a->newfd >= WARM_FD_LIMIT ||
		    (keeps && a->fd >= WARM_FD_LIMIT))
			return false;
		if (needs_source(a) && !is_made(l, i, a->fd) &&
		    !add_fd(fds, l, a->fd))
			return false;
	}
	/* a range means numbers as the caller has them */
	for (int i = 1; ranges && i < fds->n; i++)
		if (fds->number[i] != fds->fd[i])
			return false;
	return true;
}
