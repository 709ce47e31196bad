/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls for one run of a ring while it is under way. No call waits for the program, or
 * for the ring's thread.
 */
#include "epoch.h"
#include "run/feed.h"
#include "run/ring.h"

/* A run that was found, and may be over by now. */
struct found {
	struct st_slot *slot;
	uint64_t use;
	struct st_feed *feed;	/* held; NULL: its input is not open */
	bool terminal;
};

/* Tells whether a slot has a run with this user_data. The lock is held. */
static bool is_run_of(struct st_slot *slot, uint64_t user_data)
{
	unsigned int phase = atomic_load(&slot->state) & ST_SLOT_PHASE;

	return phase != ST_SLOT_FREE && phase != ST_SLOT_DONE && slot->job &&
	       slot->job->is_run && atomic_load(&slot->user_data) == user_data;
}

/* Finds a run, and, unless it is 0, notes the new size of its terminal. */
static int find_run(struct spawn_template_ring *ring, uint64_t user_data,
		    uint32_t winsize, struct found *found)
{
	int ret = -ENOENT;

	if (ring->epoch != st_epoch_current())
		return -EACCES;
	if (!st_ring_intact(ring))
		return -EBADF;
	pthread_mutex_lock(&ring->lock);
	for (unsigned int i = 0; ret && i < ring->entries; i++) {
		struct st_slot *slot = &ring->slots[i];

		if (!is_run_of(slot, user_data))
			continue;
		found->slot = slot;
		found->use = atomic_load(&slot->state) & ~(ST_SLOT_USE - 1);
		found->feed =
			slot->job->feed ? st_feed_hold(slot->job->feed) : NULL;
		found->terminal =
			slot->job->args.flags & SPAWN_TEMPLATE_RUN_PTY;
		if (found->terminal && winsize)
			atomic_store(&slot->job->winsize, winsize);
		ret = 0;
	}
	pthread_mutex_unlock(&ring->lock);
	return ret;
}

int spawn_template_ring_write(struct spawn_template_ring *ring,
			      uint64_t user_data, const void *buf, size_t len)
{
	struct found found;
	int ret = find_run(ring, user_data, 0, &found);

	if (ret < 0)
		return ret;
	if (!found.feed || (!buf && len))
		ret = -EINVAL;
	else if (len)
		ret = st_feed_put(found.feed, buf, len);
	if (ret > 0)
		st_slot_attend(ring, found.slot, found.use);
	st_feed_drop(found.feed);
	return ret;
}

int spawn_template_ring_close_input(struct spawn_template_ring *ring,
				    uint64_t user_data)
{
	struct found found;
	int ret = find_run(ring, user_data, 0, &found);

	if (ret < 0)
		return ret;
	if (!found.feed)
		return -EINVAL;
	st_feed_finish(found.feed);
	st_slot_attend(ring, found.slot, found.use);
	st_feed_drop(found.feed);
	return 0;
}

int spawn_template_ring_winsize(struct spawn_template_ring *ring,
				uint64_t user_data, uint32_t winsize)
{
	struct found found;
	int ret;

	if (!winsize)
		return -EINVAL;
	ret = find_run(ring, user_data, winsize, &found);
	if (ret < 0)
		return ret;
	st_feed_drop(found.feed);
	if (!found.terminal)
		return -EINVAL;
	st_slot_attend(ring, found.slot, found.use);
	return 0;
}
