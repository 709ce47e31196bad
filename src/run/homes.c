/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The homes of a ring's runs: each is searched for, or made, when the first run
 * needs it, and kept for later ones.
 */
#include <stdlib.h>

#include "identity.h"
#include "own.h"
#include "run/homes.h"
#include "run/run.h"

/* The home of one parent directory. */
struct st_home {
	struct st_home *next;
	struct st_tree_home home;
	/* the files behind home's directory, parent and lifeline */
	struct st_own dir, top, lifeline;
	uint64_t dev, ino; /* the parent's; 0: for a place that was found */
	unsigned int controllers;	/* enabled for its runs */
	bool supervised;
	bool limited;			/* the run that wants it has limits */
	bool gone;			/* removed, or unguarded: no new runs */
};

static void give_up_closed(const struct st_own *own, int *fd)
{
	if (*fd >= 0 && !st_own_is(own, *fd))
		*fd = -1;
}

/*
 * Gives up fds that the host has closed: their numbers may be other files' by now.
 * Return: false if the directory is among them, and the home takes no more runs.
 */
static bool look_after_fds(struct st_home *h)
{
	const int dir = h->home.dir;

	give_up_closed(&h->dir, &h->home.dir);
	give_up_closed(&h->top, &h->home.parent);
	give_up_closed(&h->lifeline, &h->home.lifeline);
	return h->home.dir == dir;
}

void st_homes_init(struct st_homes *homes)
{
	homes->first = NULL;
	pthread_mutex_init(&homes->lock, NULL);
}

/* Tells whether it is the place for a run; for one without limits, not theirs. */
static bool is_like(const struct st_home *h, const struct st_home *like)
{
	return h->dev == like->dev && h->ino == like->ino &&
	       h->supervised == like->supervised && !h->gone &&
	       (h->home.dir >= 0 || !like->limited) &&
	       !h->controllers == !like->controllers &&
	       (h->controllers & like->controllers) == like->controllers;
}

static struct st_home *homes_find(struct st_homes *homes,
				  const struct st_home *like)
{
	struct st_home *h = homes->first;

	while (h && !is_like(h, like))
		h = h->next;
	/* its supervisor was killed, or its fds were closed: make another */
	if (h && (!look_after_fds(h) || (h->supervised && h->home.dir >= 0 &&
					 !st_tree_home_guarded(&h->home)))) {
		h->gone = true;
		return NULL;
	}
	return h;
}

static int homes_add(struct st_homes *homes,
		     const struct spawn_template_run_args *args,
		     struct st_home *like, struct st_home **home,
		     struct spawn_template_failure *failure)
{
	struct st_home *h = NULL;
	bool fallback;
	int ret = st_run_home(args, &like->home, &fallback, failure);

	if (ret == 0)
		h = malloc(sizeof(*h));
	if (!h) {
		st_tree_home_close(&like->home);
		return ret < 0 ? ret : -ENOMEM;
	}
	*h = *like;
	st_own_take(&h->dir, h->home.dir);
	st_own_take(&h->top, h->home.parent);
	st_own_take(&h->lifeline, h->home.lifeline);
	h->next = homes->first;
	homes->first = h;
	*home = h;
	return 0;
}

/**
 * st_homes_get - find the place for the cgroup of a run
 * @homes: keeps the places that were found, or made, for later runs
 * @args: with RUN_CGROUP
 * @home: set; NULL if there is none
 * @fallback: set if the run may do without
 * @failure: names the limit that cannot be held, if it is for that
 *
 * Return: 0, or -errno as st_run_home().
 */
int st_homes_get(struct st_homes *homes,
		 const struct spawn_template_run_args *args,
		 const struct st_tree_home **home, bool *fallback,
		 struct spawn_template_failure *failure)
{
	const struct st_limits limits = st_run_limits(args);
	struct st_home like = {
		.controllers = st_limits_controllers(&limits),
		.supervised = st_run_is_supervised(args),
		.limited = limits.wanted,
	}, *found;
	struct spawn_template_key key;
	int ret = 0;

	*fallback = args->cgroup_parent_fd < 0 && !limits.wanted;
	if (args->cgroup_parent_fd >= 0) {
		ret = st_key_of_fd(args->cgroup_parent_fd, &key);
		if (ret < 0)
			return ret;
		like.dev = key.dev_major << 32 | key.dev_minor;
		like.ino = key.ino;
	}
	pthread_mutex_lock(&homes->lock);
	found = homes_find(homes, &like);
	if (!found)
		ret = homes_add(homes, args, &like, &found, failure);
	pthread_mutex_unlock(&homes->lock);
	if (ret == 0)
		*home = found->home.dir >= 0 ? &found->home : NULL;
	return ret;
}

/* Marks a home as gone. Runs that are in it go on. */
void st_homes_gone(struct st_homes *homes, const struct st_tree_home *home)
{
	struct st_home *h;

	pthread_mutex_lock(&homes->lock);
	for (h = homes->first; h; h = h->next)
		h->gone |= &h->home == home;
	pthread_mutex_unlock(&homes->lock);
}

void st_homes_close(struct st_homes *homes)
{
	struct st_home *h;

	while ((h = homes->first)) {
		homes->first = h->next;
		look_after_fds(h);
		st_tree_home_close(&h->home);
		free(h);
	}
	pthread_mutex_destroy(&homes->lock);
}

/* Closes the copies in a forked child, and ends nothing. */
void st_homes_forget(struct st_homes *homes)
{
	for (struct st_home *h = homes->first; h; h = h->next) {
		look_after_fds(h);
		st_tree_home_forget(&h->home);
	}
}
