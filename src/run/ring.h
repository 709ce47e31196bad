/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring and its jobs.
 *
 * A job is one launch or run that was asked for. It goes from the calling
 * thread, over the ring's queue and the pool's, to a thread that launches; a
 * run goes on to the ring's reactor. The present owner completes it: the
 * completion stays in the job's slot until the caller has seen it.
 *
 * A slot's state is one word, changed by compare and exchange only, so that
 * each job completes once, whichever thread cancels it meanwhile:
 *
 *	FREE -> QUEUED -> LAUNCHING -> RUNNING -> DONE -> FREE
 *
 * A spawn, and a failed launch, goes from LAUNCHING to DONE. A job that is
 * cancelled while queued goes from there to DONE, and the thread that takes it
 * finds it dead. The word's upper half counts the slot's uses, which tells a
 * dead job.
 *
 * ring->lock is held when a job is freed: a thread that holds it, and sees a
 * slot's state between QUEUED and RUNNING, can use the slot's job.
 */
#ifndef ST_RING_H
#define ST_RING_H

#include <pthread.h>

#include "clone.h"
#include "run/heap.h"
#include "run/homes.h"
#include "run/poller.h"
#include "run/pool.h"
#include "run/queue.h"
#include "run/rights.h"
#include "run/run.h"

enum st_slot_phase {
	ST_SLOT_FREE,
	ST_SLOT_QUEUED,
	ST_SLOT_LAUNCHING,
	ST_SLOT_RUNNING,
	ST_SLOT_DONE,
};

#define ST_SLOT_PHASE 7U
#define ST_SLOT_CANCELLED (1U << 3)	/* requested, not done yet */
#define ST_SLOT_EXITED (1U << 4)	/* the child has, while LAUNCHING */
#define ST_SLOT_ATTEND (1U << 5)	/* the reactor has to look at the job */
#define ST_SLOT_USE (1ULL << 32)

/* A completion. */
struct st_done {
	struct st_node node;		/* among those to be taken */
	struct spawn_template_cqe cqe;
	void (*seen)(struct spawn_template_ring *ring, struct st_done *done);
};

/*
 * A completion outside of the slots. The ring keeps a list of those that were not given
 * back.
 */
struct st_loose {
	struct st_done done;
	struct st_loose *prev, *next;	/* under loose_lock */
	void (*free)(struct st_loose *loose);
};

struct st_flow;

struct st_slot {
	struct st_done done;
	_Atomic uint32_t next_free;	/* index + 1; 0: the last */
	_Atomic uint64_t state;
	_Atomic uint64_t user_data;
	struct st_job *job;
};

/* The facts about the calling thread that a launch needs. */
struct st_caller {
	uint64_t mask;
	int seccomp;			/* mode, or -errno */
	int no_new_privs;
	struct st_rights rights;
};

struct st_job {
	struct st_work work;
	struct spawn_template_ring *ring;
	struct st_slot *slot;
	uint64_t queued;		/* the slot's state when it was queued */
	bool is_run;
	bool unwatched;			/* no event reports its exit */
	_Atomic bool late;		/* its time was up before its exec */
	bool cancelled;			/* cancelled while it ran */
	bool is_over;			/* waits for the end of the turn */
	int tfd;
	struct st_caller caller;
	struct spawn_template_run_args args;	/* copied, into copy */
	void *copy;
	struct st_watch watch;
	struct st_run run;
	struct st_started *started;	/* of a run that has to tell; or NULL */
	struct st_detached *detached;	/* of a run that may be; or NULL */
	_Atomic uint32_t winsize;	/* that its terminal is to get; or 0 */
	struct st_feed *feed;		/* of a run with open input; or NULL */
	struct st_flow *flow;		/* of a run that streams; or NULL */
	void (*drop_flow)(struct st_flow *flow);
	struct spawn_template_result *result;	/* allocated beforehand */
	struct st_timer timer;		/* for .run.due */
	int64_t least; /* time for a launch; under poller.lock */
	struct st_job *next_over; /* next of those that ended in this turn */
};

struct spawn_template_ring {
	uint64_t epoch;			/* the owner's: see epoch.h */
	unsigned int entries;
	int event;			/* readable while completions wait */
	int devnull;
	struct st_own event_file, devnull_file;
	struct st_pool *pool;
	pthread_t reactor;
	struct st_poller poller; /* the reactor's; others use its wake, too */
	struct st_run **runs;		/* room for all that end at once */
	struct st_tree **trees;

	struct st_queue submitted;	/* jobs, until _submit() */
	pthread_mutex_t submit_lock;	/* held from there to the pool */
	struct st_queue done;		/* completions */
	_Atomic bool signalled;		/* event is readable */
	pthread_mutex_t wait_lock;	/* held by takers of done */
	pthread_mutex_t loose_lock;
	struct st_loose *loose;

	pthread_mutex_t lock;
	struct st_homes homes;
	struct st_sentinel sentinel;
	size_t jobs;			/* not freed yet */
	_Atomic bool closing;
	_Atomic bool left; /* true once the owner or the reactor has left */
	_Atomic uint32_t ended;		/* the reactor has; a futex */

	_Atomic uint64_t free;		/* tag << 32 | index + 1 of a slot */
	struct st_slot slots[];
};

static inline struct st_job *st_job_of_timer(struct st_timer *timer)
{
	return (struct st_job *)((char *)timer -
				 offsetof(struct st_job, timer));
}

static inline struct st_job *st_job_of_run(struct st_run *run)
{
	return (struct st_job *)((char *)run - offsetof(struct st_job, run));
}

/* NULL: memory is short. */
struct spawn_template_ring *st_ring_new(unsigned int entries);
void st_ring_free(struct spawn_template_ring *ring);
void st_ring_forget(struct spawn_template_ring *ring);
bool st_ring_intact(const struct spawn_template_ring *ring);

struct st_slot *st_slot_take(struct spawn_template_ring *ring);
void st_slot_give(struct spawn_template_ring *ring, struct st_slot *slot);
void st_slot_attend(struct spawn_template_ring *ring, struct st_slot *slot,
		    uint64_t use);
void st_done_publish(struct spawn_template_ring *ring, struct st_done *done);
struct st_done *st_done_next(struct spawn_template_ring *ring);
void st_loose_publish(struct spawn_template_ring *ring, struct st_loose *loose);
void st_loose_seen(struct spawn_template_ring *ring, struct st_done *done);
void st_slot_free_result(struct st_slot *slot);

void st_job_complete(struct st_job *job, int res, uint32_t flags);
void st_job_free(struct st_job *job);

#endif
