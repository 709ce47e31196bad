/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread of a ring that does everything that runs need after their launch:
 * it reads output, feeds input, notices exits, keeps deadlines, ends trees.
 *
 * The launching thread registers a run before its launch, so that nothing can
 * fail once there is a child, and the child's pidfd after it. In between, the
 * reactor may read and write already; anything that it must not do yet, it
 * leaves as a bit in the slot's state. From RUNNING on, only the reactor has
 * the job.
 *
 * An fd leaves the epoll set before it is closed: a forked child of the host
 * may hold a copy, and then closing does not remove it. Events of one turn may
 * name a job that an earlier one has ended, so jobs are freed after the turn.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "futex.h"
#include "pidfd.h"
#include "run/chunk.h"
#include "run/detach.h"
#include "run/pool.h"
#include "run/poller.h"
#include "run/pty.h"
#include "run/reactor.h"
#include "run/ring.h"
#include "shared/clock.h"
#include "sys.h"
#include "thread.h"

#define EVENTS 64

/*
 * The time after which a launch is killed if it is late or cancelled, and the
 * time until it is killed again. A launch that goes well is over sooner, and
 * then its whole tree is ended. If the child were killed just as it has passed
 * exec, processes that it has started could be left behind.
 */
#define LAUNCH_MOST (100 * ST_MS)
#define LATE_AGAIN (50 * ST_MS)
/* The time between looks for an exit that no event reports. */
#define UNWATCHED (5 * ST_MS)
/* Milliseconds after a failed epoll_wait until the next one. */
#define WAIT_FAILED 5
/* Milliseconds after which to look whether the fds were closed, and for an end then. */
#define LOOK_AFTER 60000
#define CLOSED 1000

/* An open input is writable most of the time: only the change is an event. */
#define OPEN_IN (EPOLLOUT | EPOLLET)
/* For an fd that is to be watched after the launch. */
#define NOT_YET EPOLLET

/* The fd of a job that an event is about. */
enum kind { OUT, ERR, IN, EXIT, KINDS };

_Static_assert(KINDS <= _Alignof(max_align_t), "bits below a pointer's");

/* ---- calls for the threads that launch */

static int watch(struct st_job *job, int fd, uint32_t events, enum kind kind)
{
	return st_poller_watch(&job->ring->poller, fd, events,
			       (uintptr_t)job | kind);
}

static bool has_terminal(const struct st_job *job)
{
	return job->args.flags & SPAWN_TEMPLATE_RUN_PTY;
}

/*
 * Tells whether an fd may be ready before there is a program: a terminal echoes, and
 * an open input is writable. A launch that fails closes the fds and frees the job in
 * its own thread, so until it has succeeded no event may lead the reactor there.
 */
static bool is_ready_early(const struct st_job *job)
{
	return job->feed || has_terminal(job);
}

/**
 * st_reactor_add - register a run that is about to be launched
 * @job: opened; its time starts
 *
 * Return: 0; or -errno, after which st_reactor_remove() is still due.
 */
int st_reactor_add(struct st_job *job)
{
	struct st_poller *p = &job->ring->poller;
	struct st_run *run = &job->run;
	int ret;

	st_run_start(run, job->args.timeout_ns);
	run->io.out.unwatched = has_terminal(job);
	ret = watch(job, run->io.out.fd,
		    run->io.out.unwatched ? NOT_YET : EPOLLIN, OUT);
	if (ret == 0)
		ret = watch(job, run->io.err.fd, EPOLLIN, ERR);
	if (ret == 0)
		ret = watch(job, run->io.in,
			    is_ready_early(job) ? NOT_YET : EPOLLOUT, IN);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&p->lock);
	job->least = run->started + LAUNCH_MOST;
	/* it may be cancelled already, and due sooner */
	if (run->due < job->timer.due)
		st_poller_schedule(p, &job->timer, run->due);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* Removes the deadline. The fds leave the epoll set when they are closed. */
void st_reactor_remove(struct st_job *job)
{
	st_poller_forget(&job->ring->poller, &job->timer);
}

/* Watches the pidfd for one event only, because it stays ready. */
int st_reactor_watch(struct st_job *job)
{
	return watch(job, job->run.pidfd, EPOLLIN | EPOLLONESHOT, EXIT);
}

/*
 * Hands over a launched job that needs attention. Without the lock, job and
 * ring might be gone before the wake.
 */
void st_reactor_poke(struct st_job *job)
{
	struct spawn_template_ring *ring = job->ring;

	pthread_mutex_lock(&ring->lock);
	st_poller_poke(&ring->poller, &job->work.node);
	pthread_mutex_unlock(&ring->lock);
}

/* ---- the reactor's own thread */

struct turn {
	struct spawn_template_ring *ring;
	struct st_job *over;		/* jobs to complete after it */
	struct st_job **last;		/* the place for the next of them */
};

/* Return: the tag of a stream. */
static uint64_t tag_of(struct st_job *job, const struct st_stream *s)
{
	return (uintptr_t)job | (s == &job->run.io.out ? OUT : ERR);
}

/* Watches a stream if, and only if, there is room for its output. */
static void watch_stream(struct st_job *job, struct st_stream *s)
{
	if (s->paused == s->unwatched || s->fd < 0)
		return;
	if (st_poller_hold(&job->ring->poller, s->fd, s->paused, EPOLLIN,
			   tag_of(job, s)) == 0)
		s->unwatched = s->paused;
}

/* Sees to the streams of a job that hands output over, after anything else. */
static void tend_streams(struct st_job *job)
{
	struct st_run *run = &job->run;

	if (!job->flow || st_run_over(run))
		return;
	if (run->phase != ST_RUN_LIVE && !run->leaving &&
	    !st_flow_is_forced(job->flow)) {
		st_flow_force(job->flow);
		st_io_drain(&run->io.out, run->exited);
		st_io_drain(&run->io.err, run->exited);
	}
	watch_stream(job, &run->io.out);
	watch_stream(job, &run->io.err);
}

/* Looks at the new state of a job that the reactor has. */
static void settle_job(struct turn *turn, struct st_job *job)
{
	struct st_poller *p = &turn->ring->poller;
	int64_t due;

	tend_streams(job);
	st_detached_tell(job);
	due = job->run.due;
	if (st_run_over(&job->run)) {
		if (job->is_over)
			return;
		job->is_over = true;
		job->next_over = NULL;
		*turn->last = job;
		turn->last = &job->next_over;
		due = ST_NEVER;
	} else if (job->unwatched && !job->run.exited) {
		int64_t soon = st_now() + UNWATCHED;

		due = due < soon ? due : soon;
	}
	if (due == job->timer.due)
		return;
	pthread_mutex_lock(&p->lock);
	st_poller_schedule(p, &job->timer, due);
	pthread_mutex_unlock(&p->lock);
}

static bool is_launching(struct st_job *job)
{
	uint64_t state = atomic_load(&job->slot->state);

	return (state & ST_SLOT_PHASE) == ST_SLOT_LAUNCHING;
}

/* Return: false while the job is being launched: then the exit is noted. */
static bool may_exit(struct st_job *job)
{
	_Atomic uint64_t *state = &job->slot->state;
	uint64_t s = atomic_load(state);

	while ((s & ST_SLOT_PHASE) == ST_SLOT_LAUNCHING)
		if (atomic_compare_exchange_weak(state, &s, s | ST_SLOT_EXITED))
			return false;
	return true;
}

static void handle_fd(struct turn *turn, struct st_job *job, enum kind kind,
		      uint32_t events)
{
	struct st_run *run = &job->run;

	if (job->is_over)
		return;
	switch (kind) {
	case OUT:
		st_run_read(run, &run->io.out);
		break;
	case ERR:
		st_run_read(run, &run->io.err);
		break;
	case IN:
		if (is_ready_early(job) && is_launching(job))
			break;
		st_io_feed(&run->io, events & (EPOLLERR | EPOLLHUP));
		break;
	default:
		if (!may_exit(job))
			return;
		st_run_exited(run);
		break;
	}
	tend_streams(job);
	/* earlier, the job's times are not the reactor's, and do not change */
	if (run->exited)
		settle_job(turn, job);
}

/*
 * Returns the grace: none for a spawn or a closing ring, with nobody waiting.
 */
static uint64_t grace_of(const struct turn *turn, const struct st_job *job)
{
	return turn->ring->closing || !job->is_run ? 0 : job->args.grace_ns;
}

static void cancel_job(struct turn *turn, struct st_job *job)
{
	job->cancelled = true;
	st_run_end(&job->run, grace_of(turn, job));
	settle_job(turn, job);
}

/* Does for a job what a caller has made possible. */
static void attend_job(struct st_job *job)
{
	struct st_run *run = &job->run;

	uint32_t winsize = atomic_exchange(&job->winsize, 0);

	if (winsize && run->io.out.fd >= 0)
		st_pty_resize(run->io.out.fd, winsize);
	if (job->feed)
		st_io_feed(&run->io, false);
	if (run->io.out.paused)
		st_run_resume(run, &run->io.out);
	if (run->io.err.paused && !st_run_over(run))
		st_run_resume(run, &run->io.err);
}

/* Watches the fds that could have been ready before the launch. */
static void watch_late(struct st_job *job)
{
	struct st_run *run = &job->run;

	if (!is_ready_early(job))
		return;
	watch_stream(job, &run->io.out);
	if (run->io.in >= 0)
		st_poller_hold(&job->ring->poller, run->io.in, false,
			       job->feed ? OPEN_IN : EPOLLOUT,
			       (uintptr_t)job | IN);
}

/* Takes over a job that needed attention when its launch was over. */
static void take_over(struct turn *turn, struct st_job *job)
{
	_Atomic uint64_t *state = &job->slot->state;
	uint64_t s = atomic_load(state), now;

	do {
		now = (s & ~(uint64_t)(ST_SLOT_PHASE | ST_SLOT_EXITED |
				       ST_SLOT_ATTEND)) |
		      ST_SLOT_RUNNING;
	} while (!atomic_compare_exchange_weak(state, &s, now));
	watch_late(job);
	st_run_idle(&job->run);
	if (s & ST_SLOT_EXITED)
		st_run_exited(&job->run);
	attend_job(job);
	if (s & ST_SLOT_CANCELLED)
		cancel_job(turn, job);
	settle_job(turn, job);
}

/* Looks at the jobs in running slots for which a caller has asked that. */
static void handle_attends(struct turn *turn)
{
	struct spawn_template_ring *ring = turn->ring;

	for (unsigned int i = 0; i < ring->entries; i++) {
		struct st_slot *slot = &ring->slots[i];
		uint64_t s = atomic_load(&slot->state);

		/* no other thread changes the phase of a slot that is RUNNING */
		if (!(s & ST_SLOT_ATTEND) ||
		    (s & ST_SLOT_PHASE) != ST_SLOT_RUNNING)
			continue;
		atomic_fetch_and(&slot->state, ~(uint64_t)ST_SLOT_ATTEND);
		if (slot->job->is_over)
			continue;
		attend_job(slot->job);
		settle_job(turn, slot->job);
	}
}

/*
 * Returns the job in a slot that is cancelled and the reactor's; NULL: none. A
 * job that is still being launched is killed after a while, and again and
 * again: the first time, its child may not have been there.
 */
static struct st_job *cancelled_job(struct spawn_template_ring *ring,
				    struct st_slot *slot)
{
	int64_t soon = st_now() + LAUNCH_MOST;
	struct st_poller *p = &ring->poller;
	struct st_job *job = NULL;
	unsigned int phase;
	uint64_t s;

	pthread_mutex_lock(&ring->lock);
	s = atomic_load(&slot->state);
	phase = s & ST_SLOT_CANCELLED ? s & ST_SLOT_PHASE : ST_SLOT_FREE;
	if (phase == ST_SLOT_RUNNING) {
		job = slot->job;
	} else if (phase == ST_SLOT_LAUNCHING) {
		pthread_mutex_lock(&p->lock);
		/* only at the first look: later ones must not put it off */
		if (slot->job->timer.due > soon)
			st_poller_schedule(p, &slot->job->timer, soon);
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&ring->lock);
	return job;
}

/* Ends cancelled jobs; kills together those that get SIGKILL, maybe many. */
static void handle_cancels(struct turn *turn)
{
	struct spawn_template_ring *ring = turn->ring;
	size_t n = 0;

	for (unsigned int i = 0; i < ring->entries; i++) {
		struct st_job *job = cancelled_job(ring, &ring->slots[i]);

		if (!job || job->is_over)
			continue;
		if (grace_of(turn, job)) {
			cancel_job(turn, job);
			continue;
		}
		job->cancelled = true;
		ring->runs[n++] = &job->run;
	}
	if (n)
		n = st_run_end_all(ring->runs, ring->trees, n);
	for (size_t i = 0; i < n; i++)
		settle_job(turn, st_job_of_run(ring->runs[i]));
}

static void handle_wake(struct turn *turn)
{
	struct st_poller *p = &turn->ring->poller;
	struct st_node *node;
	uint64_t n;

	if (st_own_is(&p->wake_file, p->wake))
		sys_call3(__NR_read, p->wake, &n, sizeof(n));
	while ((node = st_queue_take(&p->poked)))
		take_over(turn, (struct st_job *)node);
	if (atomic_exchange(&p->attends, false))
		handle_attends(turn);
	if (atomic_exchange(&p->cancels, false))
		handle_cancels(turn);
}

/*
 * Makes a launch fail whose deadline has come, once it has had its least time.
 * The lock keeps the job from being freed.
 */
static void hurry(struct st_poller *p, struct st_job *job, int64_t now)
{
	int64_t least = job->least;

	if (now >= least) {
		job->late = true;
		st_watch_kill(&job->watch);
		least = now + LATE_AGAIN;
	}
	st_heap_set(&p->heap, &job->timer, least);
}

/* Takes the next due job out of the heap; NULL: none. */
static struct st_job *next_due(struct st_poller *p, int64_t now)
{
	struct st_job *due = NULL;

	pthread_mutex_lock(&p->lock);
	while (!due && st_heap_first(&p->heap) <= now) {
		struct st_job *job = st_job_of_timer(p->heap.timers[0]);

		if (is_launching(job)) {
			hurry(p, job, now);
		} else {
			st_heap_set(&p->heap, &job->timer, ST_NEVER);
			due = job;
		}
	}
	if (!due)
		st_poller_arm(p);
	pthread_mutex_unlock(&p->lock);
	return due;
}

static bool has_exited(const struct st_run *run)
{
	siginfo_t info = { .si_pid = 0 };
	int ret;

	if (run->keeper.pid)
		return !st_pidfd_alive(run->pidfd);
	ret = st_pidfd_wait(run->pidfd, run->pid, &info,
			    WEXITED | WNOHANG | WNOWAIT, NULL);

	return ret < 0 || info.si_pid;
}

static void handle_timer(struct turn *turn)
{
	struct st_poller *p = &turn->ring->poller;
	/* jobs that become due meanwhile wait for the next turn */
	const int64_t now = st_now();
	struct st_job *job;

	st_poller_timer_ran(p);
	while ((job = next_due(p, now))) {
		if (job->unwatched && !job->run.exited && has_exited(&job->run))
			st_run_exited(&job->run);
		else if (job->run.due <= st_now())
			st_run_due(&job->run, st_now());
		settle_job(turn, job);
	}
}

static void complete_over(struct turn *turn)
{
	struct st_pool *pool = turn->ring->pool;
	struct st_job *job;

	while ((job = turn->over)) {
		turn->over = job->next_over;
		if (job->is_run)
			st_run_result(&job->run, job->result);
		/* tell the caller first, then give back what the job held */
		st_pool_attend(pool);
		st_job_complete(job, job->cancelled ? -ECANCELED : 0, 0);
		st_job_free(job);
		st_pool_leave(pool);
	}
	turn->last = &turn->over;
}

static void handle(struct turn *turn, const struct epoll_event *ev)
{
	unsigned int kind = ev->data.u64 & (KINDS - 1);
	struct st_job *job = (void *)(uintptr_t)(ev->data.u64 - kind);

	if (job)
		handle_fd(turn, job, kind, ev->events);
	else if (kind == ST_POLLER_WAKE)
		handle_wake(turn);
	else
		handle_timer(turn);
}

static bool is_ring_ended(struct spawn_template_ring *ring)
{
	bool ended;

	pthread_mutex_lock(&ring->lock);
	ended = ring->closing && !ring->jobs;
	pthread_mutex_unlock(&ring->lock);
	return ended;
}

/*
 * Waits for events. If the host has closed the fds, none will come, and the number
 * of the epoll set may be another's, whose events are not for this thread.
 */
static int wait_for_ring_events(const struct st_poller *p,
				struct epoll_event *events)
{
	int n;

	if (!st_poller_intact(p)) {
		sys_sleep_ms(CLOSED);
		return 0;
	}
	n = epoll_wait(p->epoll, events, EVENTS, LOOK_AFTER);
	if (n < 0 && errno != EINTR)
		sys_sleep_ms(WAIT_FAILED);
	return n;
}

static void *react(void *arg)
{
	struct spawn_template_ring *ring = arg;
	struct turn turn = { .ring = ring, .last = &turn.over };
	struct epoll_event events[EVENTS];

	if (st_thread_begin("spawn-reactor"))
		st_thread_take_long_turns();
	while (!is_ring_ended(ring)) {
		int n = wait_for_ring_events(&ring->poller, events);

		for (int i = 0; i < n; i++)
			handle(&turn, &events[i]);
		complete_over(&turn);
	}
	/* the second one frees it: the owner may have gone */
	if (atomic_exchange(&ring->left, true)) {
		st_ring_free(ring);
		return NULL;
	}
	atomic_store(&ring->ended, 1);
	st_futex_wake(&ring->ended, 1);
	return NULL;
}

int st_reactor_start(struct spawn_template_ring *ring)
{
	return st_thread_start(&ring->reactor, react, ring);
}
