/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch from a parked process: one message with everything in it, and an
 * answer by a word in shared memory.
 *
 * The caller waits for the answer by a futex and not at the socket: a socket
 * wakes its reader at once and on the same processor, behind the program that
 * is about to start. Until a process has taken the message nothing has
 * happened, and the launch can still be made cold; from then on the caller
 * waits as for any launch.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/futex.h>

#include "clone.h"
#include "pidfd.h"
#include "shared/clock.h"
#include "shared/parked.h"
#include "sys.h"
#include "warm/claim.h"
#include "warm/image.h"
#include "warm/park.h"

/* The time within which a parked process must take the message. */
#define TAKEN_MOST (100 * ST_MS)

/* ---- the seat */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

static int open_fds(struct warm_seat *seat, struct st_park *park)
{
	int pair[2], size = 2 * WARM_IMAGE_MOST;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	seat->socket = pair[0];
	park->socket = pair[1];
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	seat->door = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (seat->door < 0)
		return -errno;
	park->door = seat->door;
	park->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (park->null < 0)
		return -errno;
	park->slot = memfd_create(park->mode == WARM_ONCE ? ST_PARKED_ONCE
							  : ST_PARKED_FORK,
				  MFD_CLOEXEC);
	if (park->slot < 0 || ftruncate(park->slot, WARM_PAGE) < 0)
		return -errno;
	seat->slot = mmap(NULL, WARM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  park->slot, 0);
	if (seat->slot == MAP_FAILED) {
		seat->slot = NULL;
		return -errno;
	}
	seat->buf = mmap(NULL, WARM_IMAGE_MOST, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (seat->buf == MAP_FAILED) {
		seat->buf = NULL;
		return -ENOMEM;
	}
	return 0;
}

/*
 * Makes the seat ready. With WARM_ONCE the parked process itself waits for a
 * launch; with WARM_FORK its first child announces itself.
 */
static int make_ready(struct warm_seat *seat)
{
	uint64_t one = 1;

	if (seat->parked.control.mode == WARM_FORK)
		return write(seat->door, &one, sizeof(one)) == sizeof(one)
			       ? 0
			       : -errno;
	seat->pid = seat->parked.pid;
	seat->pidfd = sys_call2(__NR_pidfd_open, seat->pid, 0);
	return seat->pidfd < 0 ? seat->pidfd : 0;
}

/**
 * st_seat_open - park a process
 * @seat: filled in
 * @park: path, argv0, key and mode are set; on failure step is the failed step
 *
 * Call it from a thread that lives as long as the process.
 *
 * Return: 0; or -errno, and then the seat holds nothing.
 */
int st_seat_open(struct warm_seat *seat, struct st_park *park)
{
	int ret;

	memset(seat, 0, sizeof(*seat));
	seat->socket = seat->door = seat->pidfd = -1;
	park->socket = park->null = park->slot = -1;
	park->parked = &seat->parked;
	ret = open_fds(seat, park);
	if (ret == 0)
		ret = st_park(park);
	close_fd(&park->socket);
	close_fd(&park->null);
	close_fd(&park->slot);
	if (ret == 0)
		ret = make_ready(seat);
	if (ret < 0)
		st_seat_close(seat);
	return ret;
}

static void end_process(pid_t *pid)
{
	if (*pid > 0) {
		sys_call2(__NR_kill, *pid, SIGKILL);
		while (sys_call4(__NR_wait4, *pid, 0, 0, 0) == -EINTR)
			;
	}
	*pid = 0;
}

static void reap_claimed(const struct warm_seat *seat)
{
	while (st_pidfd_wait(seat->pidfd, seat->pid, NULL, WEXITED, NULL) ==
	       -EINTR)
		;
}

/*
 * Ends the parked process, and a forked one that no launch has taken. A host
 * that reaps all children may have reaped them: then their pids are nobody's,
 * or another process's. So each is ended by its pidfd if there is one.
 */
void st_seat_close(struct warm_seat *seat)
{
	if (seat->parked.control.mode == WARM_FORK) {
		end_process(&seat->parked.pid);
		/* a forked process may not have announced itself yet */
		st_seat_ready(seat);
	}
	close_fd(&seat->socket);
	if (seat->pidfd >= 0) {
		st_pidfd_signal(seat->pidfd, seat->pid, SIGKILL);
		reap_claimed(seat);
	}
	close_fd(&seat->pidfd);
	close_fd(&seat->door);
	if (seat->slot)
		munmap(seat->slot, WARM_PAGE);
	if (seat->buf)
		munmap(seat->buf, WARM_IMAGE_MOST);
	seat->slot = NULL;
	seat->buf = NULL;
}

/* ---- descriptors to send */

/*
 * Finds a low number for a descriptor whose own is too high; -1: none is left.
 */
static int low_number(const struct warm_fds *fds, const struct st_launch *l)
{
	for (int number = WARM_FD_LIMIT - 1; number > 2; number--) {
		bool used = st_launch_names(l, number);

		for (int i = 0; i < fds->n; i++)
			used |= fds->number[i] == number;
		if (!used)
			return number;
	}
	return -1;
}

static bool add_fd(struct warm_fds *fds, const struct st_launch *l, int fd)
{
	for (int i = 1; i < fds->n; i++)
		if (fds->fd[i] == fd)
			return true;
	if (fds->n == WARM_FDS_MOST)
		return false;
	fds->fd[fds->n] = fd;
	fds->number[fds->n] = fd < WARM_FD_LIMIT ? fd : low_number(fds, l);
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

/*
 * Lists the working directory, 0 to 2, and the descriptors that actions name. A
 * number that an earlier action opens needs no descriptor of the caller's, but
 * sending one does no harm: the action replaces it, as in a cold launch.
 */
static bool list_fds(struct warm_fds *fds, const struct st_launch *l)
{
	for (int fd = 0; fd <= 2; fd++)
		add_fd(fds, l, fd);
	for (uint32_t i = 0; i < l->n_actions; i++) {
		const struct spawn_template_action *a = &l->actions[i];
		bool keeps = a->type == SPAWN_TEMPLATE_ACTION_KEEP;

		if (a->type == SPAWN_TEMPLATE_ACTION_CLOSE_RANGE ||
		    a->newfd >= WARM_FD_LIMIT ||
		    (keeps && a->fd >= WARM_FD_LIMIT))
			return false;
		if (needs_source(a) && !add_fd(fds, l, a->fd))
			return false;
	}
	return true;
}

/* Return: 0; WARM_COLD if it cannot be sent. */
static int send_request(const struct warm_seat *seat, struct warm_request *req,
			const struct warm_fds *fds,
			const struct warm_image *image)
{
	const size_t size = sizeof(int) * (size_t)fds->n;
	struct iovec iov[2] = { { req, sizeof(*req) },
				{ image->buf, image->size } };
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int) * WARM_FDS_MOST)];
	} control;
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size),
	};

	req->n_fds = (uint32_t)fds->n;
	memcpy(req->numbers, fds->number, size);
	control.h.cmsg_len = CMSG_LEN(size);
	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.h), fds->fd, size);
	return sys_call3(__NR_sendmsg, seat->socket, &m,
			 MSG_NOSIGNAL | MSG_DONTWAIT) > 0
		       ? 0
		       : WARM_COLD;
}

/* ---- the answer */

static bool claim_has_ended(const struct warm_seat *seat)
{
	siginfo_t info = { .si_pid = 0 };

	return st_pidfd_wait(seat->pidfd, seat->pid, &info,
			     WEXITED | WNOHANG | WNOWAIT, NULL) < 0 ||
	       info.si_pid;
}

/*
 * Return: 0: done; WARM_COLD: nobody took it; -ECHILD: the process was killed.
 */
static int wait_done(struct warm_seat *seat)
{
	struct sys_timespec most = { 0, TAKEN_MOST };
	struct warm_slot *slot = seat->slot;

	while (!__atomic_load_n(&slot->done, __ATOMIC_ACQUIRE)) {
		int ret = sys_call4(__NR_futex, &slot->done, FUTEX_WAIT, 0,
				    &most);

		if (ret != -ETIMEDOUT)
			continue;
		if (!__atomic_load_n(&slot->taken, __ATOMIC_ACQUIRE))
			return WARM_COLD;
		if (claim_has_ended(seat) &&
		    !__atomic_load_n(&slot->done, __ATOMIC_ACQUIRE))
			return -ECHILD;
	}
	return 0;
}

/**
 * st_seat_ready - tell whether a process waits for a launch
 *
 * The process announces itself over the socket, with its pidfd. This never
 * blocks.
 */
bool st_seat_ready(struct warm_seat *seat)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint32_t pid;
	struct iovec iov = { &pid, sizeof(pid) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	long got;

	if (seat->pidfd >= 0)
		return true;
	got = sys_call3(__NR_recvmsg, seat->socket, &m,
			MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got != sizeof(pid) || m.msg_controllen < CMSG_LEN(sizeof(int)))
		return false;
	memcpy(&seat->pidfd, CMSG_DATA(&control.h), sizeof(int));
	seat->pid = (pid_t)pid;
	return true;
}

/* Tells whether the waiting process still lives. */
bool st_seat_lives(const struct warm_seat *seat)
{
	return !claim_has_ended(seat);
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

/* Ends a process that is of no more use, whatever its request was. */
static void give_up(struct warm_seat *seat)
{
	st_pidfd_signal(seat->pidfd, seat->pid, SIGKILL);
	reap_claimed(seat);
	close_fd(&seat->pidfd);
	if (seat->parked.control.mode == WARM_ONCE)
		seat->parked.pid = 0;
}

/**
 * st_seat_begin - hand a launch to the waiting process
 * @seat: ready, and held by this thread
 * @l: the launch; @mask: the calling thread's
 *
 * The process does nothing that could be noticed before st_seat_go().
 *
 * Return: 0; WARM_COLD if nothing was sent.
 */
int st_seat_begin(struct warm_seat *seat, struct st_launch *l, uint64_t mask)
{
	struct warm_image image = { .buf = seat->buf };
	struct warm_request req = {
		.magic = WARM_MAGIC,
		.caller = (uint32_t)sys_call0(__NR_gettid),
	};
	struct warm_fds fds = { .n = 1, .number = { -1 } };
	int ret = WARM_COLD;

	memset(seat->slot, 0, sizeof(*seat->slot));
	if (!l->masked)
		l->mask = mask;
	fds.fd[0] = sys_openat(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
	if (fds.fd[0] < 0)
		return WARM_COLD;
	if (list_fds(&fds, l) &&
	    st_warm_image(&image, &seat->parked, &fds, l, &req) == 0)
		ret = send_request(seat, &req, &fds, &image);
	sys_close(fds.fd[0]);
	return ret;
}

static void set_go(struct warm_slot *slot, enum warm_go go)
{
	__atomic_store_n(&slot->go, go, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&slot->waits, __ATOMIC_SEQ_CST))
		sys_call3(__NR_futex, &slot->go, FUTEX_WAKE, 1);
}

/* Calls the launch off, which is made cold; the process ends. */
void st_seat_call_off(struct warm_seat *seat)
{
	set_go(seat->slot, WARM_CALLED_OFF);
	give_up(seat);
}

/**
 * st_seat_go - let the process become the program
 * @seat, @l: as for st_seat_begin(); the report is filled in, and on success
 * l->pidfd, which is the caller's
 * @caller: the calling thread's attributes for the child
 * @pid: set on success
 *
 * The process that waited is gone afterwards; only on success is it the
 * program.
 *
 * Return: 0; WARM_COLD if there was no launch; or -errno of a launch that
 * failed.
 */
int st_seat_go(struct warm_seat *seat, struct st_launch *l,
	       const struct warm_caller *caller, pid_t *pid)
{
	struct warm_slot *slot = seat->slot;
	bool forks = seat->parked.control.mode == WARM_FORK;
	int ret;

	slot->ignored = caller->ignored;
	slot->reset_ignored = caller->ignored != seat->same.ignored;
	slot->umask = caller->umask;
	slot->no_new_privs = caller->no_new_privs;
	/* from here on another thread may end the child: see st_watch_kill() */
	l->pidfd = seat->pidfd;
	l->tid = seat->pid;
	st_watch_set(l, l);
	set_go(slot, WARM_GO);
	ret = wait_done(seat);
	st_watch_set(l, NULL);
	l->pidfd = -1;
	if (ret == 0 && slot->refused)
		ret = WARM_COLD;
	if (ret != WARM_COLD)
		take_report(l, &slot->report);
	if (ret == 0)
		ret = l->report->error;
	if (ret != 0) {
		give_up(seat);
		if (ret < 0 && forks)
			make_ready(seat);
		return ret;
	}
	*pid = seat->pid;
	l->pidfd = seat->pidfd;
	seat->pidfd = -1;
	if (!forks)
		seat->parked.pid = 0;
	return 0;
}
