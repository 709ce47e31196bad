/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens and closes a seat, and keeps the list of the processes that wait there.
 *
 * A process that is forked announces itself over the socket, with its pidfd.
 * Only the lock of the pool protects the list; nothing here waits, but for
 * opening and closing, which only the keeper does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pidfd.h"
#include "shared/parked.h"
#include "sys.h"
#include "warm/park.h"
#include "warm/seat.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

/* ---- opening */

/* Keeps a new fd, or an error in its place, above 2. Return: 0 or the error. */
static int take_fd(int *to, int fd)
{
	fd = st_own_raise(fd);
	*to = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

/* Does so for an fd that is open while a process is parked, which may take seconds. */
static int take_file(struct st_own *own, int *to, int fd)
{
	int ret = take_fd(to, fd);

	st_own_take(own, *to);
	return ret;
}

static int open_shared(struct warm_seat *seat, struct st_park *park)
{
	const size_t size = sizeof(*seat->shared);
	const char *name = park->shell		     ? ST_PARKED_RUNTIME
			   : park->mode == WARM_ONCE ? ST_PARKED_ONCE
						     : ST_PARKED_FORK;
	int ret = take_file(&park->shared_file, &park->shared,
			    sys_call2(__NR_memfd_create, name,
				      MFD_CLOEXEC | MFD_ALLOW_SEALING));

	if (ret < 0)
		return ret;
	if (ftruncate(park->shared, size) < 0)
		return -errno;
	/* shorter, it would kill this process; the program's linker has it open */
	if (fcntl(park->shared, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	seat->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    park->shared, 0);
	if (seat->shared == MAP_FAILED) {
		seat->shared = NULL;
		return -errno;
	}
	/* the launch need not wait for this memory */
	memset(seat->shared->slot, 0, WARM_SLOT_AHEAD);
	return 0;
}

/* By system calls, as they are closed: ThreadSanitizer follows libc's calls alone. */
static int open_fds(struct warm_seat *seat, struct st_park *park)
{
	int pair[2], other;
	int ret = sys_call4(__NR_socketpair, AF_UNIX,
			    SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);

	if (ret < 0)
		return ret;
	ret = take_file(&seat->socket_file, &seat->socket, pair[0]);
	other = take_file(&park->socket_file, &park->socket, pair[1]);
	if (ret == 0)
		ret = other;
	if (ret == 0)
		ret = take_fd(&seat->door,
			      sys_call2(__NR_eventfd2, 0,
					EFD_CLOEXEC | EFD_SEMAPHORE));
	park->door = seat->door;
	if (ret == 0)
		ret = take_file(&park->null_file, &park->null,
				sys_openat(AT_FDCWD, "/dev/null",
					   O_RDWR | O_CLOEXEC, 0));
	return ret;
}

static void add_waiting(struct warm_seat *seat, pid_t pid, int pidfd)
{
	seat->waiting[seat->n_waiting++] = (struct warm_waiting){ pid, pidfd };
}

/* Takes note of the parked process. On failure it is ended: later nobody would know it. */
static int know_parked(struct warm_seat *seat)
{
	pid_t pid = seat->parked.pid;
	int ret = st_process_read(pid, &seat->process);

	seat->pid = ret < 0 ? 0 : pid;
	if (ret < 0 && ret != -ESRCH) {
		sys_call2(__NR_kill, pid, SIGKILL);
		while (sys_call4(__NR_wait4, pid, 0, __WALL, 0) == -EINTR)
			;
	}
	return ret;
}

/*
 * Makes the seat ready, unless the host has closed its descriptors meanwhile. With
 * WARM_ONCE the parked process itself waits for a launch; with WARM_FORK its first child
 * announces itself.
 */
static int make_ready(struct warm_seat *seat)
{
	int ret = know_parked(seat);

	if (ret == 0 && !st_seat_has_fds(seat))
		ret = -EBADF;
	if (ret == 0)
		ret = take_fd(&seat->pidfd,
			      sys_call2(__NR_pidfd_open, seat->pid, 0));
	if (ret < 0)
		return ret;
	if (st_seat_forks(seat))
		return st_seat_ring(seat);
	add_waiting(seat, seat->pid, seat->pidfd);
	return 0;
}

/**
 * st_seat_open - park a process
 * @seat: filled in, but for lock
 * @park: path, argv0, key and mode are set; on failure step is the failed step
 *
 * Call it from a thread that lives as long as the process.
 *
 * Return: 0; or -errno, and then the seat holds nothing.
 */
int st_seat_open(struct warm_seat *seat, struct st_park *park)
{
	int ret;

	memset(seat, 0,
	       offsetof(struct warm_seat, parked) +
		       offsetof(struct st_parked, files));
	seat->socket = seat->door = seat->pidfd = -1;
	park->socket = park->null = park->shared = -1;
	park->parked = &seat->parked;
	ret = open_fds(seat, park);
	if (ret == 0)
		ret = open_shared(seat, park);
	if (ret == 0)
		ret = st_park(park);
	st_own_close(&park->socket_file, &park->socket);
	st_own_close(&park->null_file, &park->null);
	st_own_close(&park->shared_file, &park->shared);
	if (ret == 0)
		ret = make_ready(seat);
	if (ret < 0)
		st_seat_close(seat);
	return ret;
}

/* ---- descriptors that the host has closed */

/*
 * Tells whether the seat still has its descriptors. The host may have closed all
 * that it does not know, and opened others at their numbers. Of the seat's only
 * the socket has an inode of its own on each kernel, so it stands for all: if it
 * is gone, all are forgotten.
 */
bool st_seat_has_fds(struct warm_seat *seat)
{
	if (seat->socket >= 0 && st_own_is(&seat->socket_file, seat->socket))
		return true;
	seat->socket = seat->door = seat->pidfd = -1;
	for (unsigned int i = 0; i < seat->n_waiting; i++)
		seat->waiting[i].pidfd = -1;
	return false;
}

/* ---- announcements */

/* Takes one announcement. Return: false if there is none. */
static bool hear(struct warm_seat *seat)
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
	int pidfd = -1;

	if (seat->n_waiting == WARM_FORKED ||
	    sys_call3(__NR_recvmsg, seat->socket, &m,
		      MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(pid))
		return false;
	if (m.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&pidfd, CMSG_DATA(&control.h), sizeof(int));
	take_fd(&pidfd, pidfd);
	add_waiting(seat, (pid_t)pid, pidfd);
	seat->heard++;
	return true;
}

static void forget(struct warm_seat *seat, pid_t pid)
{
	for (int i = 0; i < WARM_FORKED; i++)
		if (seat->shared->forked[i] == (uint32_t)pid)
			__atomic_store_n(&seat->shared->forked[i], 0,
					 __ATOMIC_RELEASE);
}

/* ---- closing */

static int wait_for(pid_t pid, int pidfd, siginfo_t *info, int options)
{
	if (pidfd >= 0)
		return st_pidfd_wait(pidfd, pid, info, options, NULL);
	return sys_call5(__NR_waitid, P_PID, pid, info, options, NULL);
}

/* Tells whether a process has ended; a pidfd of -1 stands for none. */
bool st_seat_has_ended(pid_t pid, int pidfd)
{
	siginfo_t info = { .si_pid = 0 };

	return wait_for(pid, pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid;
}

#define FORKED_ONLY 0x40 /* PF_FORKNOEXEC of the kernel */

/*
 * Tells whether a process is a fork of this one: it has the same stack. Where no
 * addresses are chosen at random, a process of a seat may seem to be one; it ends with
 * its socket.
 */
static bool is_fork_of_host(const struct st_process *p)
{
	struct st_process own;

	return st_process_read(getpid(), &own) < 0 ||
	       (p->stack && p->stack == own.stack);
}

/*
 * Tells whether the process with the id is of this seat. A host that reaps all
 * children may have reaped it: then its id is nobody's, or another child's. That one
 * is another program, has been executed since it was forked, or is a fork of the host.
 */
static bool is_of_seat(const struct warm_seat *seat, pid_t pid)
{
	struct st_process p;

	if (st_process_read(pid, &p) < 0 || p.parent != getpid() ||
	    strcmp(p.name, seat->process.name) != 0)
		return false;
	if (pid == seat->process.pid)
		return p.start == seat->process.start;
	return (p.flags & FORKED_ONLY) && p.start >= seat->process.start &&
	       !is_fork_of_host(&p);
}

/*
 * Ends a process by its pidfd, or without one by its id, and reaps it. With a new
 * pidfd the process that is looked at is the one that is killed.
 */
void st_seat_end(const struct warm_seat *seat, pid_t pid, int pidfd)
{
	siginfo_t info;

	if (pidfd >= 0 && !st_pidfd_is(pidfd, pid))
		pidfd = -1; /* the host has closed it */
	if (pidfd < 0) {
		pidfd = sys_call2(__NR_pidfd_open, pid, 0);
		if (!is_of_seat(seat, pid)) {
			close_fd(&pidfd);
			return;
		}
	}
	if (pidfd >= 0)
		st_pidfd_signal(pidfd, pid, SIGKILL);
	else if (wait_for(pid, -1, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		sys_call2(__NR_kill, pid, SIGKILL);
	while (wait_for(pid, pidfd, &info, WEXITED) == -EINTR)
		;
	close_fd(&pidfd);
}

static void end_all_forked(struct warm_seat *seat)
{
	while (seat->socket >= 0 && hear(seat))
		;
	while (seat->n_waiting) {
		struct warm_waiting w = seat->waiting[--seat->n_waiting];

		st_seat_end(seat, w.pid, w.pidfd);
		forget(seat, w.pid);
	}
	/* they end when they find the socket closed, but may be stopped */
	close_fd(&seat->socket);
	for (int i = 0; seat->shared && i < WARM_FORKED; i++)
		if (seat->shared->forked[i])
			st_seat_end(seat, (pid_t)seat->shared->forked[i], -1);
}

/* Ends all processes of the seat that are no programs yet. No launch uses it. */
void st_seat_close(struct warm_seat *seat)
{
	st_seat_has_fds(seat);
	if (seat->pid)
		st_seat_end(seat, seat->pid, seat->pidfd);
	if (st_seat_forks(seat))
		end_all_forked(seat);
	close_fd(&seat->socket);
	close_fd(&seat->door);
	if (seat->shared)
		munmap(seat->shared, sizeof(*seat->shared));
	seat->shared = NULL;
}

/* ---- processes that wait */

bool st_seat_forks(const struct warm_seat *seat)
{
	return seat->parked.control.mode == WARM_FORK;
}

/* Tells whether the parked process still has the number that it had. */
bool st_seat_lives(const struct warm_seat *seat)
{
	return st_pidfd_signal(seat->pidfd, seat->pid, 0) == 0;
}

/* Takes all announcements, so that n_waiting is right. */
void st_seat_hear(struct warm_seat *seat)
{
	while (st_seat_forks(seat) && seat->socket >= 0 && hear(seat))
		;
}

/* Return: how many processes wait that no launch under way will take. */
unsigned int st_seat_ready(struct warm_seat *seat)
{
	while (seat->n_waiting <= seat->unclaimed && st_seat_forks(seat) &&
	       seat->socket >= 0 && hear(seat))
		;
	return seat->n_waiting > seat->unclaimed
		       ? seat->n_waiting - seat->unclaimed
		       : 0;
}

/*
 * Has the parked process fork one more. The caller uses the seat, and adds it to .asked
 * when it has the lock: the fork may take the processor of a thread that holds it.
 */
int st_seat_knock(const struct warm_seat *seat)
{
	uint64_t one = 1;

	return sys_call3(__NR_write, seat->door, &one, sizeof(one));
}

/* Does the same for a caller that has the lock. */
int st_seat_ring(struct warm_seat *seat)
{
	int ret = st_seat_knock(seat);

	if (ret < 0)
		return ret;
	seat->asked++;
	return 0;
}

/* Return: how many were asked for that have not announced themselves yet. */
unsigned int st_seat_coming(const struct warm_seat *seat)
{
	unsigned int over = seat->heard + seat->shared->fork_failures;

	return seat->asked > over ? seat->asked - over : 0;
}

/*
 * Takes a process off the lists; it is the caller's then. *pidfd stays as it is
 * if the process has not announced itself.
 */
void st_seat_take(struct warm_seat *seat, pid_t pid, int *pidfd)
{
	unsigned int i = 0;

	do {
		while (i < seat->n_waiting && seat->waiting[i].pid != pid)
			i++;
	} while (i == seat->n_waiting && st_seat_forks(seat) && hear(seat));
	if (i < seat->n_waiting) {
		*pidfd = seat->waiting[i].pidfd;
		seat->waiting[i] = seat->waiting[--seat->n_waiting];
	}
	if (st_seat_forks(seat))
		forget(seat, pid);
	else
		seat->pid = 0;
}

/* ---- processes that were killed while they waited */

/* Tells whether the parked process has ended, and forks no more. */
bool st_seat_is_lost(const struct warm_seat *seat)
{
	return seat->pid && st_seat_has_ended(seat->pid, seat->pidfd);
}

/* Tells whether a launch under way has this process, which may be a program by now. */
static bool is_taken(const struct warm_seat *seat, pid_t pid)
{
	const struct warm_slot *slot = seat->shared->slot;

	for (int i = 0; i < WARM_SLOTS; i++)
		if ((seat->slots >> i & 1) &&
		    __atomic_load_n(&slot[i].pid, __ATOMIC_ACQUIRE) ==
			    (uint32_t)pid)
			return true;
	return false;
}

static bool is_waiting(const struct warm_seat *seat, pid_t pid)
{
	for (unsigned int i = 0; i < seat->n_waiting; i++)
		if (seat->waiting[i].pid == pid)
			return true;
	return false;
}

static void bury(struct warm_seat *seat, pid_t pid, int pidfd)
{
	st_seat_end(seat, pid, pidfd);
	forget(seat, pid);
}

/*
 * Reaps the forked processes that have ended before a launch took them, so that they
 * are not counted as waiting, or as coming. One may take a launch right now, and its
 * program end: so the end comes first, and then the look whether it was taken.
 */
void st_seat_bury(struct warm_seat *seat)
{
	st_seat_hear(seat);
	for (unsigned int i = seat->n_waiting; i-- > 0;) {
		const struct warm_waiting w = seat->waiting[i];

		if (!st_seat_has_ended(w.pid, w.pidfd) || is_taken(seat, w.pid))
			continue;
		seat->waiting[i] = seat->waiting[--seat->n_waiting];
		bury(seat, w.pid, w.pidfd);
	}
	for (int i = 0; i < WARM_FORKED; i++) {
		pid_t pid = (pid_t)__atomic_load_n(&seat->shared->forked[i],
						   __ATOMIC_ACQUIRE);

		if (!pid || is_waiting(seat, pid) ||
		    !st_seat_has_ended(pid, -1) || is_taken(seat, pid))
			continue;
		/* it may have announced itself before it ended */
		st_seat_hear(seat);
		if (is_waiting(seat, pid))
			continue;
		bury(seat, pid, -1);
		seat->heard++;
	}
}

/*
 * Tells whether a process may still take each launch under way. If one that waited was
 * killed, another is forked. The caller holds the lock.
 */
bool st_seat_will_serve(struct warm_seat *seat)
{
	if (st_seat_is_lost(seat))
		return false;
	if (!st_seat_forks(seat) || !st_seat_has_fds(seat))
		return true;
	st_seat_bury(seat);
	return seat->n_waiting + st_seat_coming(seat) >= seat->unclaimed ||
	       st_seat_ring(seat) == 0;
}
