/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch from a parked process: one message with its descriptors, all else in
 * a slot of shared memory, and an answer by a word there.
 *
 * The caller waits for the answer by a futex and not at the socket: a socket
 * wakes its reader at once and on the same processor, behind the program that
 * is about to start. Until a process has taken the launch nothing has happened,
 * and the caller can still withdraw it and make it cold; from then on the
 * caller waits as for any launch.
 *
 * Any of the processes that wait at the seat may take the launch. Several
 * threads may launch from a seat at a time, each in a slot of its own: begin and
 * end take the lock of the pool, and between them the caller holds none.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/futex.h>

#include "clone.h"
#include "no_fork.h"
#include "shared/clock.h"
#include "sys.h"
#include "warm/arch.h"
#include "warm/claim.h"
#include "warm/image.h"
#include "warm/node.h"

/* The time within which a process must take the launch. */
#define TAKEN_MOST (100 * ST_MS)
/* The time after which the caller looks whether that has happened. */
#define LOOK_AFTER (5 * ST_MS)
/* and for one that goes on then: a process that is not held up has answered */
#define LOOK_TAKEN (ST_MS / 2)
/* How often a caller that is awake looks for the answer: some 50 us ... */
#define DONE_SPINS 2000
/* ... and for a process to begin with the launch, of these */
#define BEGIN_SPINS 500
/* how often a process looks whether it may go on, some 100 us; and for a ring */
#define GO_SPINS 4000
#define GO_SPINS_RING 1000

static struct warm_slot *slot_of(const struct warm_claim *claim)
{
	return &claim->seat->shared->slot[claim->slot];
}

/* ---- the message */

/* Return: 0; -errno if it cannot be sent. */
static int send_message(const struct warm_seat *seat, uint32_t slot,
			const struct warm_fds *fds)
{
	const size_t size = sizeof(int) * (size_t)fds->n;
	struct warm_message message = { WARM_MAGIC, slot, (uint32_t)fds->n };
	struct iovec iov = { &message, sizeof(message) };
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int) * WARM_FDS_MOST)];
	} control;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size),
	};
	int ret;

	/* musl's structure has padding where the kernel has the length */
	memset(&control.h, 0, sizeof(control.h));
	control.h.cmsg_len = CMSG_LEN(size);
	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.h), fds->fd, size);
	ret = sys_call3(__NR_sendmsg, seat->socket, &m,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	return ret < 0 ? ret : 0;
}

/* ---- begin; the caller holds the lock */

static int find_slot(struct warm_claim *claim)
{
	unsigned int most = st_seat_forks(claim->seat) ? WARM_SLOTS : 1;

	for (claim->slot = 0; claim->slot < most; claim->slot++)
		if (!(claim->seat->slots & 1U << claim->slot))
			return 0;
	return -EAGAIN;
}

/* Fills the slot, and lists the descriptors. */
static int fill_slot(struct warm_claim *claim, struct warm_fds *fds)
{
	struct warm_slot *slot = slot_of(claim);
	struct warm_image image = { .buf = slot->image };
	const struct st_parked *parked = &claim->seat->parked;

	memset(slot, 0, offsetof(struct warm_slot, image));
	slot->req.caller = (uint32_t)sys_call0(__NR_gettid);
	slot->req.cpu = (uint32_t)sched_getcpu();
	slot->req.spins = claim->launch->batch ? GO_SPINS_RING : GO_SPINS;
	if (parked->control.node.node)
		fds->first = WARM_NODE_FD_FIRST;
	if (!st_fds_list(fds, claim->launch))
		return -E2BIG;
	if (st_fds_has(fds, fds->fd[0]))
		return -EBADF;
	if (claim->wants_done && fds->n == WARM_FDS_MOST)
		return -E2BIG;
	if (claim->wants_done) { /* the process has no other use for the door */
		fds->fd[fds->n] = -1; /* to come */
		fds->number[fds->n++] = WARM_DOOR;
	}
	memcpy(slot->req.numbers, fds->number, sizeof(fds->number));
	if (parked->control.python.python)
		return st_python_image(&image, parked, fds, claim->launch,
				       &slot->req);
	if (parked->control.node.node)
		return st_node_image(&image, parked, fds, claim->launch,
				     &slot->req);
	return (parked->control.shell.shell ? st_shell_image : st_warm_image)(
		&image, parked, fds, claim->launch, &slot->req);
}

static int send_with_pipe(struct warm_claim *claim, struct warm_fds *fds)
{
	int pipe[2], ret;

	ret = sys_call2(__NR_pipe2, pipe, O_CLOEXEC);
	if (ret < 0)
		return ret;
	if (st_fds_has(fds, pipe[0]) || st_fds_has(fds, pipe[1]))
		ret = -EBADF;
	fds->fd[fds->n - 1] = pipe[1];
	pipe[0] = st_own_raise(pipe[0]);
	if (ret == 0 && pipe[0] < 0)
		ret = pipe[0];
	if (ret == 0)
		ret = send_message(claim->seat, claim->slot, fds);
	sys_close(pipe[1]);
	claim->done = pipe[0];
	return ret;
}

/*
 * Sends the message with one end of a pipe, which the process closes when it has
 * answered, and which closes when it ends. The caller keeps the other end, and lets no
 * thread fork meanwhile. It does not wait for a fork, under the lock.
 */
static int send_alone(struct warm_claim *claim, struct warm_fds *fds)
{
	int ret;

	if (!st_no_fork_try())
		return -EAGAIN;
	ret = send_with_pipe(claim, fds);
	st_no_fork_end();
	return ret;
}

/* Sends the launch. If no process waits for it, one is forked for it meanwhile. */
static int send_launch(struct warm_claim *claim, struct warm_fds *fds,
		       unsigned int spares)
{
	struct warm_seat *seat = claim->seat;
	unsigned int ready;
	int ret = 0;

	if (spares > 1)
		st_seat_hear(seat);
	ready = st_seat_ready(seat);
	claim->failures = seat->shared->fork_failures;
	if (!ready && st_seat_forks(seat))
		ret = st_seat_ring(seat);
	else if (!ready)
		ret = -EAGAIN;
	claim->refill = claim->hurry && st_seat_forks(seat) &&
			!seat->unclaimed &&
			ready + st_seat_coming(seat) <= spares;
	if (ret < 0)
		return ret;
	return claim->wants_done ? send_alone(claim, fds)
				 : send_message(seat, claim->slot, fds);
}

/*
 * Gives up the number that was kept for the pidfd: a program that runs already must
 * not be lost because other threads have taken the last one.
 */
static void drop_reserve(struct warm_claim *claim)
{
	if (claim->reserve >= 0)
		sys_close(claim->reserve);
	claim->reserve = -1;
}

/* Closes the caller's end of the pipe, if there is one. */
void st_claim_drop_done(struct warm_claim *claim)
{
	if (claim->done >= 0)
		sys_close(claim->done);
	claim->done = -1;
}

/**
 * st_claim_begin - hand a launch to a waiting process
 * @claim: wants_done is set; the rest is filled in
 * @seat: open; the calling thread holds its lock
 * @l: the launch; @mask: the calling thread's
 * @spares: how many processes should wait afterwards
 * @hurry: replace the process as soon as it has answered; else the keeper does later
 *
 * The process does nothing that could be noticed before st_claim_go().
 *
 * Return: 0, to be followed by st_claim_go() or st_claim_call_off(); -errno if
 * nothing was sent: -EPIPE if nobody lives there.
 */
int st_claim_begin(struct warm_claim *claim, struct warm_seat *seat,
		   struct st_launch *l, uint64_t mask, unsigned int spares,
		   bool hurry)
{
	struct warm_fds fds = { .n = 1, .number = { -1 } };
	int ret;

	*claim = (struct warm_claim){
		.seat = seat,
		.launch = l,
		.wants_done = claim->wants_done,
		.done = -1,
		.pidfd = -1,
		.reserve = -1,
		.hurry = hurry,
	};
	if (!st_seat_has_fds(seat))
		return -EPIPE;
	ret = find_slot(claim);
	if (ret < 0)
		return ret;
	if (!l->masked)
		l->mask = mask;
	fds.fd[0] = sys_openat(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
	if (fds.fd[0] < 0)
		return fds.fd[0];
	ret = fill_slot(claim, &fds);
	if (ret == 0)
		ret = send_launch(claim, &fds, spares);
	claim->reserve = fds.fd[0];
	if (ret < 0) {
		drop_reserve(claim);
		st_claim_drop_done(claim);
		return ret;
	}
	seat->slots |= 1U << claim->slot;
	seat->unclaimed++;
	seat->launches++;
	seat->users++;
	return 0;
}

/* ---- the answer */

static void set_go(struct warm_slot *slot, enum warm_go go)
{
	__atomic_store_n(&slot->go, go, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&slot->waits, __ATOMIC_SEQ_CST))
		sys_call3(__NR_futex, &slot->go, FUTEX_WAKE, 1);
}

/* Return: true if no process has taken the launch, and none can any more. */
static bool withdraw(struct warm_slot *slot)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&slot->taken, &free, WARM_WITHDRAWN,
					   0, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static bool is_taken(struct warm_slot *slot)
{
	return __atomic_load_n(&slot->taken, __ATOMIC_SEQ_CST) == WARM_TAKEN;
}

/* Finds out which process has taken the launch, and takes it off the list. */
static void identify(struct warm_claim *claim)
{
	struct warm_seat *seat = claim->seat;
	struct warm_slot *slot = slot_of(claim);
	pid_t pid;

	if (claim->pid || !is_taken(slot))
		return;
	/* written before the launch was taken */
	pid = (pid_t)slot->pid;
	pthread_mutex_lock(seat->lock);
	st_seat_take(seat, pid, &claim->pidfd);
	seat->unclaimed--;
	pthread_mutex_unlock(seat->lock);
	claim->pid = pid;
	if (claim->launch->told)
		*claim->launch->told = pid;
	/* there was no number for it when it announced itself */
	if (claim->pidfd < 0) {
		drop_reserve(claim);
		claim->pidfd = sys_call2(__NR_pidfd_open, pid, 0);
	}
}

static bool is_done(const struct warm_slot *slot)
{
	return __atomic_load_n(&slot->done, __ATOMIC_ACQUIRE);
}

/* Tells whether a fork has failed since this launch began. */
static bool forks_fail(const struct warm_claim *claim)
{
	return __atomic_load_n(&claim->seat->shared->fork_failures,
			       __ATOMIC_SEQ_CST) != claim->failures;
}

/* From here on another thread may end the child: see st_watch_kill(). */
static void have_watched(struct warm_claim *claim)
{
	claim->launch->pidfd = claim->pidfd;
	claim->launch->tid = claim->pid;
	st_watch_set(claim->launch, claim->launch);
}

/* Tells whether the process that has taken the launch runs beside the caller. */
static bool runs_beside(const struct warm_slot *slot)
{
	return __atomic_load_n(&slot->taken, __ATOMIC_ACQUIRE) == WARM_TAKEN &&
	       slot->cpu != slot->req.cpu;
}

/*
 * Waits awake for a process that is about to answer on another processor: to fall
 * asleep and to be woken takes longer. A thread of a ring leaves its processor to
 * the others, unless the process has begun.
 */
static void wait_awake(const struct warm_claim *claim)
{
	const struct warm_slot *slot = slot_of(claim);
	int begin = claim->launch->batch ? 1 : BEGIN_SPINS;

	for (int i = 0; i < DONE_SPINS && !is_done(slot); i++) {
		if (!runs_beside(slot) && --begin < 0)
			break;
		warm_relax();
	}
}

/*
 * Tells whether the caller should no longer wait for a process to take the launch. The
 * caller has waited for a while.
 */
static bool is_hopeless(const struct warm_claim *claim)
{
	struct warm_seat *seat = claim->seat;
	bool serves;

	if (forks_fail(claim) || st_now() >= claim->most)
		return true;
	pthread_mutex_lock(seat->lock);
	serves = st_seat_will_serve(seat);
	pthread_mutex_unlock(seat->lock);
	return !serves;
}

/*
 * Return: 0: done; WARM_COLD: nobody took it; -ECHILD: the process was killed.
 */
static int wait_done(struct warm_claim *claim)
{
	struct sys_timespec look = { 0, LOOK_AFTER };
	struct warm_slot *slot = slot_of(claim);

	wait_awake(claim);
	/* a launch that was begun, and killed: the host knows that it is over */
	if (claim->pid && st_seat_has_ended(claim->pid, claim->pidfd) &&
	    !is_done(slot))
		return -ECHILD;
	__atomic_store_n(&slot->sleeps, 1, __ATOMIC_SEQ_CST);
	while (!is_done(slot)) {
		sys_call4(__NR_futex, &slot->done, FUTEX_WAIT, 0, &look);
		if (is_done(slot))
			break;
		if (!claim->pid) {
			if (is_hopeless(claim) && withdraw(slot))
				return WARM_COLD;
			identify(claim);
			if (claim->pid)
				have_watched(claim);
		}
		if (claim->pid && st_seat_has_ended(claim->pid, claim->pidfd) &&
		    !is_done(slot))
			return -ECHILD;
	}
	return 0;
}

/* Copies the child's report; l->report is the launch's own. */
static void take_report(struct st_launch *l, const struct st_report *from)
{
	l->report->error = from->error;
	l->report->stage = from->stage;
	l->report->action = from->action;
	l->report->fallbacks |= from->fallbacks;
	l->report->in_exec = from->in_exec;
	l->report->warm = true;
}

/* Ends a process whose launch has failed. */
static void end_child(struct warm_claim *claim)
{
	if (claim->pid)
		st_seat_end(claim->seat, claim->pid, claim->pidfd);
	claim->pidfd = -1;
}

/*
 * Calls the launch off, which is made cold. The seat has to be closed: its
 * processes are of no more use.
 */
void st_claim_call_off(struct warm_claim *claim)
{
	set_go(slot_of(claim), WARM_CALLED_OFF);
	if (!withdraw(slot_of(claim)))
		identify(claim);
	end_child(claim);
}

/**
 * st_claim_go - let the process become the program
 * @claim: begun; to be followed by st_claim_wait()
 * @caller: the calling thread's attributes for the child
 */
void st_claim_go(struct warm_claim *claim, const struct warm_caller *caller)
{
	struct warm_slot *slot = slot_of(claim);

	slot->ignored = caller->ignored;
	/* the trap of parking has reset that signal, if it was ignored */
	slot->reset_ignored = caller->ignored != claim->seat->same.ignored ||
			      (caller->ignored >> (SIGTRAP - 1) & 1);
	slot->umask = caller->umask;
	slot->no_new_privs = caller->no_new_privs;
	claim->most = st_now() + TAKEN_MOST;
	set_go(slot, WARM_GO);
}

/*
 * Waits until a process has taken the launch. It does not tell of that, but of its
 * answer: on a machine with other work, the caller hears of both at once.
 */
static void await_taken(const struct warm_claim *claim)
{
	struct sys_timespec look = { 0, LOOK_TAKEN };
	struct warm_slot *slot = slot_of(claim);
	int64_t due = claim->most - TAKEN_MOST + LOOK_AFTER;

	for (int i = 0; i < BEGIN_SPINS && !is_taken(slot); i++)
		warm_relax();
	if (is_taken(slot))
		return;
	__atomic_store_n(&slot->sleeps, 1, __ATOMIC_SEQ_CST);
	while (!is_taken(slot) && !forks_fail(claim)) {
		sys_call4(__NR_futex, &slot->done, FUTEX_WAIT, 0, &look);
		if (st_now() < due)
			continue;
		if (is_hopeless(claim))
			break;
		due = st_now() + LOOK_AFTER;
	}
}

/*
 * Tells whether a process has the launch for certain, which has not ended yet. Then the
 * launch cannot become a cold one any more, and its pid and pidfd are known.
 */
bool st_claim_is_under_way(struct warm_claim *claim)
{
	struct warm_slot *slot = slot_of(claim);

	await_taken(claim);
	if (!is_taken(slot) || slot->refused || is_done(slot))
		return false;
	identify(claim);
	if (claim->pidfd < 0)
		return false;
	drop_reserve(claim);
	claim->launch->pidfd = claim->pidfd;
	return true;
}

/**
 * st_claim_wait - wait for the answer
 * @claim: the report of its launch is filled in, and on success the launch's pidfd,
 * which is the caller's
 *
 * Return: 0, with claim->pid; WARM_COLD if there was no launch, and then the
 * seat has to be closed; or -errno of a launch that failed.
 */
int st_claim_wait(struct warm_claim *claim)
{
	struct warm_slot *slot = slot_of(claim);
	struct st_launch *l = claim->launch;
	int ret = wait_done(claim);

	st_watch_set(l, NULL);
	l->pidfd = -1;
	if (ret != WARM_COLD)
		identify(claim);
	if (ret == 0 && slot->refused)
		ret = WARM_COLD;
	if (ret != WARM_COLD)
		take_report(l, &slot->report);
	if (ret == 0)
		ret = l->report->error;
	if (ret == 0 && claim->pidfd < 0)
		ret = claim->pid ? -EMFILE : -ECHILD;
	if (ret != 0) {
		end_child(claim);
		return ret;
	}
	l->pidfd = claim->pidfd;
	/* only now: the fork would take the processor on which we had to be woken */
	if (claim->refill)
		claim->refilled = st_seat_knock(claim->seat) >= 0;
	return 0;
}

/*
 * Gives back the slot; the calling thread holds the lock. Further processes are forked
 * if too few wait, which no launch under way will have done.
 */
void st_claim_end(struct warm_claim *claim, unsigned int spares)
{
	struct warm_seat *seat = claim->seat;

	drop_reserve(claim);
	if (claim->pid)
		seat->slots &= ~(1U << claim->slot);
	seat->users--;
	if (!st_seat_forks(seat))
		return;
	seat->asked += claim->refilled;
	if (seat->unclaimed || !claim->hurry)
		return;
	/* launches at a time have taken more: one further each */
	for (int i = 0; i < 2; i++)
		if (seat->n_waiting + st_seat_coming(seat) < spares)
			st_seat_ring(seat);
}
