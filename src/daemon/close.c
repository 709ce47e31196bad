/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes make the last closes, not threads: the kernel does not let a socket
 * linger in a process that ends, and what blocks the end of a process neither
 * blocks the end of the daemon nor keeps one of its descriptors.
 *
 * Each process shares the daemon's descriptors at first, then makes a table of
 * its own that ends at TABLE: the kernel copies 64 at a time. foreign_begin()
 * fills the lower numbers, so that the process holds nothing but the slots, the
 * highest of them. If it held all descriptors of the daemon, its end would
 * flush files that another process closes, and would have to wait for them.
 *
 * A file that is not of O_PATH is flushed by each close, not by the last one
 * alone. So the daemon never receives one: before it takes a message, such a
 * process looks at its descriptors.
 *
 * A user has few processes at a time, as some may take long to end. The user's
 * connections must be closed all the same, as often as the user connects: they
 * wait, and the next process takes as many as it has slots.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "daemon/close.h"
#include "shared/log/log.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define TABLE 64
#define SLOTS 32
#define FIRST_SLOT (TABLE - SLOTS)

/* So many connections may wait for a process. */
#define WAITING_MAX 1024

/*
 * The ends of processes are waited for, in each round of the event loop no
 * longer than this together.
 */
#define PATIENCE (5 * ST_MS)

struct waiting {
	struct waiting *next;
	uint32_t user;
	int fd;
};

static struct {
	pid_t pid;
	uint32_t user;
} processes[FOREIGN_PROCESSES + 1]; /* and that of foreign_look() */

static unsigned int n_processes, n_waiting;
static struct waiting *waiting; /* the oldest first */
static pid_t looking = -1; /* the process of foreign_look() */
static volatile enum foreign_found found;	/* by that process */
static int64_t patience;		/* left in this round */

int foreign_begin(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* ignoring it would have the kernel reap the processes */
	signal(SIGCHLD, SIG_DFL);
	for (int n = 0; n < TABLE; n++) {
		if (n == fd || (n < FIRST_SLOT && fcntl(n, F_GETFD) >= 0))
			continue;
		if (dup3(fd, n, O_CLOEXEC) < 0)
			return -errno;
	}
	if (fd >= TABLE)
		close(fd);
	return 0;
}

/* ---- a process that holds the slots */

struct task {
	pid_t parent;
	bool looks; /* at the message of the first slot */
};

static enum foreign_found look(void);

/*
 * Tells by a stop that it has its own table, and waits to be killed. It does
 * not stop by raise(), which may have cached the parent's id.
 */
static int hold(void *arg)
{
	const struct task *task = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != task->parent ||
	    syscall(SYS_close_range, TABLE, ~0U, CLOSE_RANGE_UNSHARE))
		_exit(EXIT_FAILURE);
	if (task->looks)
		found = look();
	kill(getpid(), SIGSTOP);
	_exit(EXIT_FAILURE);
}

/*
 * Starts a process and waits until it has stopped. It shares the memory, which
 * it does not use any more then: a copy would cost more than all else. Return:
 * its pid; -1.
 */
static pid_t start(bool looks)
{
	static char stack[32768] __attribute__((aligned(16)));
	struct task task = { getpid(), looks };
	pid_t pid;
	int status;

	pid = clone(hold, stack + sizeof(stack),
		    CLONE_VM | CLONE_FILES | SIGCHLD, &task);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, WUNTRACED) < 0) {
		if (errno == EINTR)
			continue;
		kill(pid, SIGKILL);
		return -1;
	}
	return WIFSTOPPED(status) ? pid : -1;
}

/*
 * Starts a process that holds these descriptors. The closes here are not the
 * last ones. Return: its pid; -1.
 */
static pid_t start_with(const int *fds, unsigned int n, bool looks)
{
	pid_t pid = -1;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (dup3(fds[i], (int)(FIRST_SLOT + i), O_CLOEXEC) < 0)
			break;
	if (i == n)
		pid = start(looks);
	while (i--)
		dup3(FIRST_SLOT - 1, (int)(FIRST_SLOT + i), O_CLOEXEC);
	return pid;
}

/* Reaps any child: the daemon has no other children. */
static void reap(void)
{
	pid_t pid = 0;

	while (n_processes && (pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < n_processes; i++) {
			if (processes[i].pid != pid)
				continue;
			processes[i] = processes[--n_processes];
			break;
		}
	}
	if (pid < 0)
		n_processes = 0;
}

static void end(pid_t pid, uint32_t user)
{
	kill(pid, SIGKILL);
	processes[n_processes].pid = pid;
	processes[n_processes].user = user;
	n_processes++;
}

static unsigned int processes_of(uint32_t user)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_processes; i++)
		n += processes[i].user == user;
	return n;
}

static unsigned int processes_max(uint32_t user)
{
	return FOREIGN_PROCESSES - (user ? FOREIGN_PROCESSES / 8 : 0);
}

/* ---- a look at a message */

static bool is_path(int fd)
{
	/*
	 * the argument is 0: others may mean a command to the kernel programs
	 */
	int flags = fcntl(fd, F_GETFL, 0);

	return flags >= 0 && (flags & O_PATH);
}

/* Returns the number of descriptors; *fd: the last of them. */
static unsigned int descriptors(struct msghdr *hdr, int *fd)
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c;
	     c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n += (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(*fd));
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	}
	return n;
}

/* Looks at the message of the connection in the first slot. */
static enum foreign_found look(void)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred)) +
			 CMSG_SPACE(FOREIGN_FDS * sizeof(int))];
	} control;
	struct msghdr hdr = { .msg_control = control.buf,
			      .msg_controllen = sizeof(control) };
	int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC, fd = -1;

	if (recvmsg(FIRST_SLOT, &hdr, MSG_PEEK | flags) < 0)
		return FOREIGN_UNKNOWN;
	if (descriptors(&hdr, &fd) != 1)
		return FOREIGN_MANY;
	if (is_path(fd))
		return FOREIGN_PATH;
	hdr = (struct msghdr){ 0 };
	return recvmsg(FIRST_SLOT, &hdr, flags) < 0 ? FOREIGN_UNKNOWN
						    : FOREIGN_OTHER;
}

enum foreign_found foreign_look(int connection)
{
	reap();
	found = FOREIGN_UNKNOWN;
	looking = -1;
	if (n_processes < FOREIGN_PROCESSES)
		looking = start_with(&connection, 1, true);
	return looking < 0 ? FOREIGN_UNKNOWN : found;
}

static void wait_for(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	struct timespec left = { .tv_nsec = patience };
	int64_t begin = st_now();

	ppoll(&pfd, 1, &left, NULL);
	patience -= st_now() - begin;
}

void foreign_let_go(uint32_t user)
{
	int pidfd = -1;

	if (looking < 0)
		return;
	if (patience > 0)
		pidfd = (int)syscall(SYS_pidfd_open, looking, 0);
	end(looking, user);
	looking = -1;
	if (pidfd < 0)
		return;
	wait_for(pidfd);
	close(pidfd);
	reap();
}

/* ---- connections that are dropped */

/*
 * Returns the oldest one whose user may have one more process; NULL: none. If
 * many wait, the user may have more.
 */
static struct waiting *next_waiting(void)
{
	struct waiting *w = waiting;

	while (w && (n_processes >= processes_max(w->user) ||
		     (processes_of(w->user) >= FOREIGN_MOST &&
		      n_waiting < WAITING_MAX)))
		w = w->next;
	return w;
}

/* Closes the first n that wait of the user: a process has copies. */
static void close_waiting(uint32_t user, unsigned int n)
{
	struct waiting **at = &waiting;

	while (n) {
		struct waiting *w = *at;

		if (w->user != user) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		close(w->fd);
		free(w);
		n_waiting--;
		n--;
	}
}

/* Gives what waits of the user to a process. Return: false: no process. */
static bool drop_of(uint32_t user)
{
	int fds[SLOTS];
	unsigned int n = 0;
	pid_t pid;

	for (struct waiting *w = waiting; w && n < SLOTS; w = w->next)
		if (w->user == user)
			fds[n++] = w->fd;
	pid = start_with(fds, n, false);
	if (pid < 0)
		return false;
	close_waiting(user, n);
	end(pid, user);
	return true;
}

static void go_on(void)
{
	struct waiting *w;

	reap();
	do {
		w = next_waiting();
	} while (w && drop_of(w->user));
}

bool foreign_work(void)
{
	patience = PATIENCE;
	go_on();
	return n_waiting || n_processes;
}

void foreign_drop(int fd, uint32_t user)
{
	struct waiting *w = malloc(sizeof(*w)), **at = &waiting;

	/* losing a descriptor is better than a daemon that waits */
	if (!w) {
		log_line("no memory: a connection stays open");
		return;
	}
	*w = (struct waiting){ .user = user, .fd = fd };
	while (*at)
		at = &(*at)->next;
	*at = w;
	n_waiting++;
	go_on();
}

bool foreign_is_busy(uint32_t user)
{
	unsigned int n;

	go_on();
	n = processes_of(user);
	for (const struct waiting *w = waiting; w; w = w->next)
		n += w->user == user;
	return n >= FOREIGN_MOST || n_processes >= processes_max(user);
}

bool foreign_is_full(void)
{
	if (n_waiting >= WAITING_MAX)
		go_on();
	return n_waiting >= WAITING_MAX;
}
